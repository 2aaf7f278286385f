package estate

import (
	"regexp"
	"slices"

	"github.com/batchport/batchport/domain"
)

// CodeUnknownCapability is a capability that there is not.
const CodeUnknownCapability domain.Code = "unknown_capability"

// Capability is something that a big landlord may do with an estate, such as
// "show_contract".
type Capability string

var capabilityForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{0,63}$`)

// WellFormed reports whether the capability has a name that one can have: up
// to 64 ASCII letters, digits and '_', beginning with a letter.
func (c Capability) WellFormed() bool { return capabilityForm.MatchString(string(c)) }

// Capabilities lists the capabilities that there are where nothing else is
// configured.
func Capabilities() []Capability {
	return []Capability{
		"show_estate", "show_contract", "show_repair", "show_statement", "show_report",
		"edit_estate", "edit_contract", "edit_repair",
	}
}

// Grant is what the big landlord of an estate may do with it. An estate has at
// most one.
type Grant struct {
	EstateID     int64
	UserID       int64        // the landlord
	Capabilities []Capability // those that are 1, sorted; empty when every one is 0
}

// GrantEdit gives an estate a big landlord, changes what that person may do,
// or removes the landlord.
type GrantEdit struct {
	EstateID     int64
	UserID       int64               // the landlord; 0 removes whoever there is
	Capabilities map[Capability]bool // those that are to be 1 or 0; with another person all others are 0, else they stay
}

// Apply returns the grant that the edit makes of the estate's grant, either
// of them nil for none, and what becomes of the estate: created where there
// was no landlord, updated, unchanged when it is so already, deleted.
func (e GrantEdit) Apply(former *Grant) (*Grant, domain.Outcome) {
	switch {
	case e.UserID == 0 && former == nil:
		return nil, domain.Outcome{Fate: domain.Unchanged}
	case e.UserID == 0:
		return nil, domain.Outcome{Fate: domain.Deleted}
	case former == nil:
		return e.grant(nil), domain.Outcome{Fate: domain.Created}
	case former.UserID != e.UserID:
		return e.grant(nil), domain.Outcome{Fate: domain.Updated}
	}
	next := e.grant(former.Capabilities)
	if slices.Equal(next.Capabilities, former.Capabilities) {
		return next, domain.Outcome{Fate: domain.Unchanged}
	}
	return next, domain.Outcome{Fate: domain.Updated}
}

// grant returns the grant to the edit's person who had the given capabilities.
func (e GrantEdit) grant(had []Capability) *Grant {
	g := Grant{EstateID: e.EstateID, UserID: e.UserID}
	for _, c := range had {
		if _, named := e.Capabilities[c]; !named {
			g.Capabilities = append(g.Capabilities, c)
		}
	}
	for c, on := range e.Capabilities {
		if on {
			g.Capabilities = append(g.Capabilities, c)
		}
	}
	slices.Sort(g.Capabilities)
	return &g
}

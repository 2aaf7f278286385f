package estates

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"strconv"

	"github.com/batchport/batchport/app/document"
	"github.com/batchport/batchport/app/engine"
	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/estate"
)

// LandlordEdits is the payload of a job that gives, changes or removes the
// big landlords of estates. In batch mode it says of which, and the edit.
type LandlordEdits struct {
	Search Search        `json:"search,omitzero"`
	Edit   *LandlordEdit `json:"edit,omitempty"` // nil in individual mode
	Form   Form          `json:"form,omitempty"`
}

func (e LandlordEdits) check() error { return e.Search.check() }

// LandlordEdit is what happens to the big landlord of an estate.
type LandlordEdit struct {
	UserID       int64                      `json:"user,omitempty"` // 0 removes whoever there is
	Capabilities map[estate.Capability]bool `json:"capabilities,omitempty"`
}

// LandlordItem is one estate whose landlord is edited.
type LandlordItem struct {
	ID     int64         `json:"id"`
	Edit   *LandlordEdit `json:"edit,omitempty"` // nil in batch mode
	Faults []fault       `json:"faults,omitempty"`
}

// landlordKind edits the big landlords of estates.
func landlordKind(deps Deps) engine.Kind[LandlordEdits, LandlordItem] {
	return engine.Kind[LandlordEdits, LandlordItem]{
		Name:     EditLandlord,
		Resource: estateResource,
		Check:    LandlordEdits.check,
		Key:      func(item LandlordItem) string { return strconv.FormatInt(item.ID, 10) },
		Select: func(ctx context.Context, job *domain.BatchJob, e LandlordEdits) iter.Seq2[LandlordItem, error] {
			return mapped(deps.Selector.SelectEstates(ctx, job.Tenant(), e.Search.Filter()),
				func(id int64) LandlordItem { return LandlordItem{ID: id} })
		},
		Apply: func(ctx context.Context, job *domain.BatchJob, e LandlordEdits, items []LandlordItem) ([]domain.Outcome, error) {
			return each(items,
				func(item LandlordItem) []domain.Failure { return failuresOf(item.Faults) },
				func(item LandlordItem) estate.GrantEdit {
					edit := item.Edit
					if edit == nil {
						edit = e.Edit
					}
					return estate.GrantEdit{EstateID: item.ID, UserID: edit.UserID, Capabilities: edit.Capabilities}
				},
				func(edits []estate.GrantEdit) ([]domain.Outcome, error) {
					outcomes, err := deps.Grants.EditGrants(ctx, job.Tenant(), edits)
					e.Form.rename(outcomes)
					return outcomes, err
				})
		},
	}
}

// editingLandlords returns the submitter of edits of landlords.
func (s *Estates) editingLandlords(jobs *engine.Jobs[LandlordEdits, LandlordItem]) submitter {
	return submitting(jobs, landlordMembers, setOptions, func(ctx context.Context, p *problems, who domain.Principal, r Request, request *engine.Request[LandlordEdits, LandlordItem]) error {
		if r.form == SourceForm {
			if action := r.Body.Member("action"); !blank(action) && (action.Kind != document.String || action.Text != "estate") {
				p.add(domain.CodeInvalid, "action", action, "expected", "estate")
			}
		}
		request.Payload.Form = r.form
		if request.All = isBatch(p, r.Body, estateIDs); request.All {
			request.Expected = readTotal(p, r.Body.Member("total"), request.Options)
			request.Payload.Search = s.readSearch(p, r.Body.Member(p.names.search))
			edit := s.readLandlordEdit(p, r.Body, p.names.capabilities)
			if err := s.checkUser(ctx, p, who, edit.UserID, estate.Landlord); err != nil {
				return err
			}
			request.Payload.Edit = &edit
		} else {
			request.Items = readData(p, r.Body, s.mostNamed(request.Options), s.readLandlordItem)
		}
		return nil
	})
}

// The members of a typed request, and of an entry of its edits.
var (
	landlordMembers = []string{TypedForm.names().data, TypedForm.names().search, typedTotal, TypedForm.names().user, TypedForm.names().capabilities}
	landlordEntry   = []string{"id", TypedForm.names().user, capabilitiesField}
)

func (s *Estates) readLandlordItem(p *problems, faults *faultKeeper, id int64, v document.Value) LandlordItem {
	entry := entryOf(p, v, landlordEntry)
	if len(p.failures) > 0 {
		return LandlordItem{ID: id, Faults: faults.keep(p.failures)}
	}
	edit := s.readLandlordEdit(p, entry, capabilitiesField)
	return LandlordItem{ID: id, Edit: &edit, Faults: faults.keep(p.failures)}
}

// readLandlordEdit reads an edit from a map that holds it. Removing is a null
// that was sent: a field that is absent or empty must not wipe a landlord.
func (s *Estates) readLandlordEdit(p *problems, entry document.Value, field string) (edit LandlordEdit) {
	edit.Capabilities = s.readCapabilities(p, field, entry.Member(field))
	if user, sent := entry.Lookup(p.names.user); !sent || user.Kind != document.Null {
		edit.UserID = readPerson(p, user)
	}
	return edit
}

// readCapabilities reads which capabilities are to be 0 or 1.
func (s *Estates) readCapabilities(p *problems, field string, v document.Value) map[estate.Capability]bool {
	switch {
	case v.Kind == document.Null, p.form == SourceForm && (blank(v) || empty(v)):
		return nil
	case v.Kind != document.Object:
		p.add(domain.CodeInvalid, field, v, "expected", "object")
		return nil
	}
	before := len(p.failures)
	capabilities := make(map[estate.Capability]bool, min(len(v.Members), len(s.cfg.Capabilities)))
	for _, m := range v.Members {
		name, where := estate.Capability(m.Name), path(field, m.Name)
		if !slices.Contains(s.cfg.Capabilities, name) {
			p.addText(estate.CodeUnknownCapability, where, document.ShortName(m.Name))
		} else if on, ok := p.flag(where, m.Value); ok {
			capabilities[name] = on
		}
	}
	// Faults are stored with an item, and a map has no order.
	slices.SortStableFunc(p.failures[before:], func(a, b domain.Failure) int { return cmp.Compare(a.Field, b.Field) })
	return capabilities
}

package estates

import (
	"slices"

	"github.com/batchport/batchport/app/document"
	"github.com/batchport/batchport/app/options"
	"github.com/batchport/batchport/domain"
)

// Form is how a request is written. Payloads keep it where the job says later
// which field of the request is at fault.
type Form string

// The forms.
const (
	SourceForm Form = ""      // of the source interface, where one document has the fields of all kinds
	TypedForm  Form = "typed" // of POST /v1/jobs/{slug}, where each kind has a document of its own
)

// names are what a form calls the fields that both forms have.
type names struct {
	search       string // which objects a job is about that does not name them
	data         string // edits one by one
	user         string // who is meant by an edit
	capabilities string // of the one edit of all objects that a search finds
	object       string // what agents are put in charge of
	url, month   string // of a document
}

func (f Form) names() names {
	if f == TypedForm {
		return names{
			search: "filter", data: "edits", user: "user_id", capabilities: capabilitiesField, object: "object",
			url: "url", month: "month",
		}
	}
	return names{
		search: searchField, data: dataField, user: userField, capabilities: replaceField, object: "action",
		url: urlField, month: "date",
	}
}

// rename says of failed items which field of the request is to blame, by the
// name that it has there: stores know it by that of the source interface.
func (f Form) rename(outcomes []domain.Outcome) {
	if f == SourceForm {
		return
	}
	for i, o := range outcomes {
		if o.Failure != nil && o.Failure.Field == userField {
			renamed := *o.Failure
			renamed.Field = f.names().user
			outcomes[i].Failure = &renamed
		}
	}
}

// The members of a typed request that say which objects a job is about.
const (
	typedIDs   = "ids"
	typedTotal = "total"
)

// Options of a job, by what it does: exports have none.
var (
	rowOptions = []string{options.ValidateOnly, options.FailLimit}                       // of objects or rows, each for itself
	setOptions = []string{options.ValidateOnly, options.FailLimit, options.AllOrNothing} // of what may be wanted all or not at all
)

// typed reads what every typed request may have: members that are known, and
// the options among them, which if there are any come into o.
func (p *problems) typed(body document.Value, members, treatment []string, o *domain.JobOptions) {
	p.known("", body, slices.Concat(members, treatment))
	sent, faults := options.Read(body, treatment...)
	for _, f := range faults {
		p.addText(f.Code, f.Field, f.Value, pairsOf(f)...)
	}
	if sent != (domain.JobOptions{}) {
		*o = sent
	}
}

// known reports members of a typed document that nothing would read: a client
// means something by them. prefix is the path to the document.
func (p *problems) known(prefix string, v document.Value, members []string) {
	for _, m := range v.Members {
		if !slices.Contains(members, m.Name) {
			p.add(domain.CodeUnknownField, prefix+document.ShortName(m.Name), m.Value)
		}
	}
}

// both reports two members of a typed request that exclude each other.
func (p *problems) both(field string, v document.Value, other string) {
	p.add(domain.CodeDuplicate, field, v, "reason", "both", "other", other)
}

// neither reports a typed request with none of two members, one of which it
// must have.
func (p *problems) neither(field, other string) {
	p.addText(domain.CodeRequired, field, "", "reason", "neither", "other", other)
}

// byFilter tells whether a typed request names the objects or has a filter
// that finds them; when it has neither or both it is reported.
func (p *problems) byFilter(body document.Value) bool {
	ids, filter, total := body.Member(typedIDs), body.Member(p.names.search), body.Member(typedTotal)
	named := ids.Kind != document.Null
	switch found := filter.Kind != document.Null; {
	case named && found:
		p.both(typedIDs, ids, p.names.search)
	case named && total.Kind != document.Null:
		p.both(typedIDs, ids, typedTotal)
	case !named && !found && total.Kind == document.Null:
		p.neither(typedIDs, p.names.search)
		return false
	}
	return !named
}

// byOneEdit tells whether a typed request to edit has one edit for all objects
// that a filter finds, or one for each object; when it has neither or both it
// is reported.
func (p *problems) byOneEdit(body document.Value) bool {
	edits := body.Member(p.names.data)
	individual, one := edits.Kind != document.Null, ""
	for _, name := range []string{p.names.search, typedTotal, p.names.user, p.names.capabilities} {
		if v, sent := body.Lookup(name); v.Kind != document.Null || sent && name == p.names.user && !individual {
			one = name
			break
		}
	}
	switch {
	case individual && one != "":
		p.add(domain.CodeDuplicate, p.names.data, edits, "reason", "both_modes", "other", one)
	case !individual && one == "":
		p.neither(p.names.data, p.names.search)
		return false
	}
	return !individual
}

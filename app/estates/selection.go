package estates

import (
	"context"
	"slices"
	"strconv"

	"github.com/batchport/batchport/app/document"
	"github.com/batchport/batchport/app/engine"
	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/estate"
)

// The fields that say which objects a job is about.
const (
	estateIDs    = "estatesIds"
	communityIDs = "communityIds"
	contractIDs  = "contractIds"
	repairIDs    = "repairIds"

	// misspeltContractIDs is contractIDs as a table of the source document has
	// it, by which some clients go.
	misspeltContractIDs = "constarctIds"
)

// selected are the members of a typed request that select objects.
var selected = []string{typedIDs, TypedForm.names().search, typedTotal}

// selecting returns the submitter of a kind whose request has a list of
// identifiers, or a search: in the source form, where the list is in field,
// "all" in its place and search options. read reads the payload; with all
// false the search is not read.
func selecting[P any](s *Estates, jobs *engine.Jobs[P, int64], field string, members, treatment []string, read func(p *problems, r Request, all bool) P) submitter {
	return submitting(jobs, slices.Concat(selected, members), treatment,
		func(_ context.Context, p *problems, _ domain.Principal, r Request, request *engine.Request[P, int64]) error {
			field, ids := field, document.Value{}
			if r.form == TypedForm {
				field, ids, request.All = typedIDs, r.Body.Member(typedIDs), p.byFilter(r.Body)
			} else {
				field, ids = idsOf(p, r.Body, field)
				request.All = isAll(ids)
			}
			switch {
			case request.All:
				request.Expected = readTotal(p, r.Body.Member("total"), request.Options)
			case r.form == SourceForm || ids.Kind != document.Null: // else it was reported
				request.Items = readIDs(p, field, ids, s.mostNamed(request.Options))
			}
			request.Payload = read(p, r, request.All)
			return nil
		})
}

// searching is selecting for a kind whose payload is its search alone.
func searching[P any](s *Estates, jobs *engine.Jobs[P, int64], field string, treatment []string, read func(*problems, document.Value) P) submitter {
	return selecting(s, jobs, field, nil, treatment, func(p *problems, r Request, all bool) (search P) {
		if all {
			search = read(p, r.Body.Member(p.names.search))
		}
		return search
	})
}

// mostNamed is how many objects a request may name one by one.
func (s *Estates) mostNamed(o domain.JobOptions) int {
	if o.AllOrNothing {
		return min(s.cfg.MaxNamed, domain.MaxAllOrNothing)
	}
	return s.cfg.MaxNamed
}

// idsOf returns the identifiers of a request, and the name by which it sent
// them.
func idsOf(p *problems, body document.Value, field string) (string, document.Value) {
	ids := body.Member(field)
	if field != contractIDs {
		return field, ids
	}
	misspelt := body.Member(misspeltContractIDs)
	switch {
	case blank(misspelt):
		return field, ids
	case blank(ids):
		return misspeltContractIDs, misspelt
	}
	p.add(domain.CodeDuplicate, misspeltContractIDs, misspelt, "other", contractIDs)
	return field, ids
}

func isAll(ids document.Value) bool { return ids.Kind == document.String && ids.Text == "all" }

// readTotal reads how many objects the caller saw. All or nothing is not for so
// many as a search may find.
func readTotal(p *problems, v document.Value, o domain.JobOptions) *int {
	if blank(v) {
		p.missing("total")
		return nil
	}
	n, ok := p.integer("total", v, estate.MaxID)
	if !ok {
		return nil
	}
	if o.AllOrNothing && n > domain.MaxAllOrNothing {
		p.tooMany("total", domain.MaxAllOrNothing, int(n))
	}
	return new(int(n))
}

// readIDs reads a list of identifiers, each of which counts once.
func readIDs(p *problems, field string, v document.Value, most int) []int64 {
	switch {
	case blank(v):
		p.missing(field)
		return nil
	case v.Kind == document.List && len(v.List) == 0:
		p.addText(domain.CodeRequired, field, "", "reason", "empty_list")
		return nil
	case v.Kind != document.List && p.form == TypedForm:
		p.add(domain.CodeInvalid, field, v, "expected", "list")
		return nil
	case v.Kind != document.List:
		p.add(domain.CodeInvalid, field, v, "expected", "ids")
		return nil
	}
	ids := make([]int64, 0, min(len(v.List), most))
	seen := make(map[int64]struct{}, cap(ids))
	for i, element := range v.List {
		id, ok := p.id(at(field, i), element)
		if _, again := seen[id]; !ok || again {
			continue
		}
		if len(ids) == most {
			p.tooMany(field, most, len(v.List))
			return nil
		}
		seen[id] = struct{}{}
		ids = append(ids, id)
	}
	return ids
}

// tooMany reports that more objects are named than may be.
func (p *problems) tooMany(field string, most, found int) {
	p.code = domain.CodeTooMany
	p.addText(domain.CodeTooMany, field, "", "max", strconv.Itoa(most), "found", strconv.Itoa(found))
}

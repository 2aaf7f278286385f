package estates

import (
	"context"
	"strconv"

	"github.com/batchport/batchport/app/document"
	"github.com/batchport/batchport/app/engine"
	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/estate"
)

// Request is a request of the source interface.
type Request struct {
	Body           document.Value // the JSON document
	Locale         string         // the caller's language, such as "zh_TW"; "" when unknown
	IdempotencyKey string         // "" when the request is new each time
}

// Submit stores the job that the request asks for and returns it. What is
// wrong with the request comes back all at once, up to 1,000 failures, in an
// error of [domain.CodeInvalid], or of [domain.CodeTooMany] when it names too
// many estates; an unknown job_name is a failure with [CodeUnknownJob]. Beyond
// that it fails as [engine.Jobs.Submit] does. Fields that the kind does not
// know are ignored: old clients send those of all kinds.
func (s *Estates) Submit(ctx context.Context, who domain.Principal, r Request) (*domain.BatchJob, error) {
	p := newProblems()
	name := r.Body.Member("job_name")
	submit, known := s.kinds[domain.Kind(name.Text)]
	switch {
	case r.Body.Kind != document.Object:
		p.add(domain.CodeInvalid, "", r.Body, "expected", "object")
	case blank(name):
		p.missing("job_name")
	case name.Kind != document.String:
		p.add(domain.CodeInvalid, "job_name", name, "expected", "string")
	case !known:
		p.add(CodeUnknownJob, "job_name", name)
	default:
		return submit(ctx, who, r)
	}
	return nil, p.err()
}

// selecting returns the submitter of a kind that says with estatesIds which
// estates it is about.
func (s *Estates) selecting(jobs *engine.Jobs[Search, int64]) submitter {
	return func(ctx context.Context, who domain.Principal, r Request) (*domain.BatchJob, error) {
		p := newProblems()
		request := engine.Request[Search, int64]{Locale: r.Locale, IdempotencyKey: r.IdempotencyKey}
		ids := r.Body.Member("estatesIds")
		if request.All = ids.Kind == document.String && ids.Text == "all"; request.All {
			request.Expected = readTotal(p, r.Body.Member("total"))
			request.Payload = readSearch(p, r.Body.Member(searchField), s.cfg.IgnoredOptions)
		} else {
			request.Items = readIDs(p, "estatesIds", ids, s.cfg.MaxNamed)
		}
		if err := p.err(); err != nil {
			return nil, err
		}
		return jobs.Submit(ctx, who, request)
	}
}

// readTotal reads how many items the caller saw.
func readTotal(p *problems, v document.Value) *int {
	if blank(v) {
		p.missing("total")
		return nil
	}
	n, ok := p.integer("total", v, estate.MaxID)
	if !ok {
		return nil
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
			p.code = domain.CodeTooMany
			p.addText(domain.CodeTooMany, field, "", "max", strconv.Itoa(most), "found", strconv.Itoa(len(v.List)))
			return nil
		}
		seen[id] = struct{}{}
		ids = append(ids, id)
	}
	return ids
}

// blank reports whether nothing was given: null or "".
func blank(v document.Value) bool {
	return v.Kind == document.Null || v.Kind == document.String && v.Text == ""
}

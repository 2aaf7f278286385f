package estates

import (
	"context"

	"github.com/batchport/batchport/app/document"
	"github.com/batchport/batchport/domain"
)

// Request is a request of the source interface.
type Request struct {
	Body           document.Value // the JSON document
	Locale         string         // the caller's language, such as "zh_TW"; "" when unknown
	IdempotencyKey string         // "" when the request is new each time

	// Upload says which upload of the tenant a URL leads to, if it is one that
	// this installation gave out for an upload. A URL of another tenant's upload
	// gives ok and no identifier. Nil means that no URL does.
	Upload func(url string) (id string, ok bool)
}

// submitter is a kind that a request can ask for.
type submitter struct {
	allowed func(who domain.Principal) error
	submit  func(ctx context.Context, who domain.Principal, r Request) (*domain.BatchJob, error)
}

// Submit stores the job that the request asks for and returns it. What is
// wrong with the request comes back all at once, up to 1,000 failures, in an
// error of [domain.CodeInvalid], or of [domain.CodeTooMany] when it names too
// many objects; an unknown job_name is a failure with [CodeUnknownJob]. Beyond
// that it fails as [engine.Jobs.Submit] does. Fields that the kind does not
// know are ignored: old clients send those of all kinds.
func (s *Estates) Submit(ctx context.Context, who domain.Principal, r Request) (*domain.BatchJob, error) {
	p := newProblems()
	name := r.Body.Member("job_name")
	kind, known := s.kinds[domain.Kind(name.Text)]
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
		if err := kind.allowed(who); err != nil {
			return nil, err
		}
		return kind.submit(ctx, who, r)
	}
	return nil, p.err()
}

// blank reports whether nothing was given: null or "".
func blank(v document.Value) bool {
	return v.Kind == document.Null || v.Kind == document.String && v.Text == ""
}

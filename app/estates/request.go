package estates

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/batchport/batchport/app/document"
	"github.com/batchport/batchport/domain"
)

// Request is a request of the source interface.
type Request struct {
	Body           document.Value // the JSON document
	Locale         string         // the caller's language, such as "zh_TW"; "" when unknown
	IdempotencyKey string         // "" when the request is new each time
	Options        domain.JobOptions
	RetryOf        domain.JobID // the job that the request has corrections of; "" for none

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

// Correct submits a job that imports rows of a job of the caller's tenant that
// failed from a workbook in which they were corrected: an upload at workbookURL.
// The job has the payload and the options of that job otherwise. Of r the body,
// the options and RetryOf do not matter. A job that no workbook can correct gives
// [domain.CodeInvalid]. Beyond that it fails as [Estates.Submit] does.
func (s *Estates) Correct(ctx context.Context, who domain.Principal, job *domain.BatchJob, workbookURL string, r Request) (*domain.BatchJob, error) {
	if job.Kind() != ImportStatement {
		return nil, domain.Fail(domain.NewFailure(domain.CodeInvalid, "kind", string(job.Kind()), "expected", string(ImportStatement)))
	}
	var imported StatementImport
	if err := json.Unmarshal(job.Payload(), &imported); err != nil {
		return nil, fmt.Errorf("decode the payload of job %s: %w", job.ID(), err)
	}
	text := func(s string) document.Value { return document.Value{Kind: document.String, Text: s} }
	r.Body = document.Value{Kind: document.Object, Members: []document.Member{
		{Name: "job_name", Value: text(string(ImportStatement))},
		{Name: urlField, Value: text(workbookURL)},
		{Name: "date", Value: text(string(imported.Month))},
	}}
	r.Options, r.RetryOf = job.Options(), job.ID()
	return s.Submit(ctx, who, r)
}

// blank reports whether nothing was given: null or "".
func blank(v document.Value) bool {
	return v.Kind == document.Null || v.Kind == document.String && v.Text == ""
}

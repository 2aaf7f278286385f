package estates

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/batchport/batchport/app/document"
	"github.com/batchport/batchport/app/engine"
	"github.com/batchport/batchport/domain"
)

// Request is a request for a job.
type Request struct {
	Body           document.Value    // the JSON document
	Locale         string            // the caller's language, such as "zh_TW"; "" when unknown
	IdempotencyKey string            // "" when the request is new each time
	Options        domain.JobOptions // those in a typed document come before them
	RetryOf        domain.JobID      // the job that the request has corrections of; "" for none

	// Upload says which upload of the tenant a URL leads to, if it is one that
	// this installation gave out for an upload. A URL of another tenant's upload
	// gives ok and no identifier. Nil means that no URL does.
	Upload func(url string) (id string, ok bool)

	form Form
}

// submitter is a kind that a request can ask for.
type submitter struct {
	allowed func(who domain.Principal) error
	submit  func(ctx context.Context, who domain.Principal, r Request) (*domain.BatchJob, error)
}

// reader reads a request of a kind in either form, and reports what is wrong
// with it. Its error is a store that does not answer.
type reader[P, I any] func(ctx context.Context, p *problems, who domain.Principal, r Request, request *engine.Request[P, I]) error

// submitting returns the submitter of a kind, whose requests read reads. In the
// typed form they have the members, and the options in treatment.
func submitting[P, I any](jobs *engine.Jobs[P, I], members, treatment []string, read reader[P, I]) submitter {
	return submitter{allowed: jobs.Allowed, submit: func(ctx context.Context, who domain.Principal, r Request) (*domain.BatchJob, error) {
		p := newProblems(r.form)
		request := engine.Request[P, I]{Locale: r.Locale, IdempotencyKey: r.IdempotencyKey, Options: r.Options, RetryOf: r.RetryOf}
		if r.form == TypedForm {
			p.typed(r.Body, members, treatment, &request.Options)
		}
		if err := read(ctx, p, who, r, &request); err != nil {
			return nil, err
		}
		if err := p.err(); err != nil {
			return nil, err
		}
		return jobs.Submit(ctx, who, request)
	}}
}

// Submit stores the job that a request of the source interface asks for and
// returns it. What is wrong with the request comes back all at once, up to 1,000
// failures, in an error of [domain.CodeInvalid], or of [domain.CodeTooMany] when
// it names too many objects; an unknown job_name is a failure with
// [CodeUnknownJob]. Beyond that it fails as [engine.Jobs.Submit] does. Fields that
// the kind does not know are ignored: old clients send those of all kinds.
func (s *Estates) Submit(ctx context.Context, who domain.Principal, r Request) (*domain.BatchJob, error) {
	p := newProblems(SourceForm)
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

// SubmitTyped is [Estates.Submit] for a request in the typed form: its document
// is that of the kind alone. It has the objects in ids, or a filter and the
// total that the caller saw; edits in a list edits, or one edit for a filter;
// a document's url and month; and options of the job. Members that the kind
// does not know are failures of [domain.CodeUnknownField].
//
// A request that is equal to one of the source interface gives an equal job,
// and with the same idempotency key the same. Edits and imports alone are others
// to the key, since what is said later of their fields names them otherwise.
func (s *Estates) SubmitTyped(ctx context.Context, who domain.Principal, name domain.Kind, r Request) (*domain.BatchJob, error) {
	kind, known := s.kinds[name]
	if !known {
		return nil, domain.Fail(domain.NewFailure(CodeUnknownJob, "", string(name)))
	}
	if err := kind.allowed(who); err != nil {
		return nil, err
	}
	if r.Body.Kind != document.Object {
		return nil, domain.Fail(domain.NewFailure(domain.CodeInvalid, "", r.Body.Sent(), "expected", "object"))
	}
	r.form = TypedForm
	return kind.submit(ctx, who, r)
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
		{Name: TypedForm.names().url, Value: text(workbookURL)},
		{Name: TypedForm.names().month, Value: text(string(imported.Month))},
	}}
	r.Options, r.RetryOf = job.Options(), job.ID()
	return s.SubmitTyped(ctx, who, ImportStatement, r)
}

// blank reports whether nothing was given: null or "".
func blank(v document.Value) bool {
	return v.Kind == document.Null || v.Kind == document.String && v.Text == ""
}

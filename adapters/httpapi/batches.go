package httpapi

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/batchport/batchport/app/estates"
	"github.com/batchport/batchport/domain"
)

const statusPath = "/api2/getBatchStatus"

// registerBatches adds the estate batch interface.
func (a *api) registerBatches() {
	register(a, huma.Operation{
		OperationID: "get-batch-code",
		Method:      http.MethodPost,
		Path:        "/api2/getBatchCode",
		Summary:     "Submit a batch job on estates",
		Description: "Answers before any item is worked on. The body is read as JSON whatever its Content-Type says.",
		Tags:        []string{"Estate batch jobs"},
		Security:    secured,
		Responses: refusals(a.huma, envelope{}, http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden,
			http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity, http.StatusTooManyRequests,
			http.StatusInternalServerError, http.StatusServiceUnavailable),
	}, a.submit)
	a.huma.OpenAPI().Paths["/api2/getBatchCode"].Post.RequestBody = a.batchRequest()
	register(a, huma.Operation{
		OperationID: "get-batch-status",
		Method:      http.MethodGet,
		Path:        statusPath,
		Summary:     "Ask how far a batch job is",
		Description: "To be polled until success is true, which says that the job has ended, whatever its code.",
		Tags:        []string{"Estate batch jobs"},
		Security:    secured,
		Responses: a.withStatus(refusals(a.huma, envelope{}, http.StatusBadRequest, http.StatusUnauthorized,
			http.StatusNotFound, http.StatusInternalServerError, http.StatusServiceUnavailable)),
	}, a.status)
	a.tellsWhenToAskAgain(statusPath)
}

type submitInput struct {
	exchange
	Locale         string `header:"locale" doc:"Language of messages and files: zh_TW, zh_CN, en_US or ja_JP. Without it, Accept-Language says."`
	IdempotencyKey string `header:"Idempotency-Key" doc:"Makes the same request, sent again within 7 days, give the same code."`
}

type submitOutput struct {
	Body submitAnswer
}

type submitAnswer struct {
	Success bool        `json:"success" enum:"true"`
	Data    batchHandle `json:"data"`
}

type batchHandle struct {
	BatchCode domain.JobID `json:"batch_code" doc:"Names the job. It is no secret: access is by key." example:"6552e15d743264.42384055"`
}

func (a *api) submit(ctx context.Context, in *submitInput) (*submitOutput, error) {
	who, err := a.deps.Authenticate(in.r)
	if err != nil {
		return nil, err
	}
	memory := a.budget.open()
	defer memory.release()
	body, err := a.readDocument(in.w, in.r, memory, 1, 0)
	if err != nil {
		return nil, err
	}
	job, err := a.deps.Estates.Submit(ctx, who, estates.Request{
		Body: body, Locale: a.locale(in.r), IdempotencyKey: in.IdempotencyKey, Upload: a.uploadOf(in.r, who),
	})
	if err != nil {
		return nil, err
	}
	return &submitOutput{Body: submitAnswer{Success: true, Data: batchHandle{BatchCode: job.ID()}}}, nil
}

type statusInput struct {
	exchange
	Locale    string `header:"locale" doc:"Language of the message: zh_TW, zh_CN, en_US or ja_JP. Without it, Accept-Language says; without both, the job's own language."`
	BatchCode string `query:"batch_code" required:"true" doc:"What the submission answered."`
}

type statusOutput struct {
	RetryAfter string `header:"Retry-After"`
	Body       any
}

func (a *api) status(ctx context.Context, in *statusInput) (*statusOutput, error) {
	_, job, err := a.asked(ctx, in.r, in.BatchCode)
	if err != nil {
		return nil, err
	}
	return &statusOutput{RetryAfter: askAgain(job, a.cfg.Now()), Body: a.statusOf(in.r, job)}, nil
}

// asked returns who asks, and the job of the caller's tenant that is asked
// about.
func (a *api) asked(ctx context.Context, r *http.Request, code string) (domain.Principal, *domain.BatchJob, error) {
	who, err := a.deps.Authenticate(r)
	if err != nil {
		return domain.Principal{}, nil, err
	}
	job, err := a.find(ctx, who, code)
	return who, job, err
}

// find returns the caller's job of the code. One of another tenant, one that
// never was and one that cannot be look the same.
func (a *api) find(ctx context.Context, who domain.Principal, code string) (*domain.BatchJob, error) {
	id, err := domain.ParseJobID(code)
	if errors.Is(err, domain.CodeRequired) {
		return nil, err
	}
	if err != nil { // no job can have such a code
		return nil, domain.CodeNotFound
	}
	job, err := a.deps.Engine.Find(ctx, who, id)
	if errors.Is(err, domain.CodeNotFound) {
		return nil, domain.CodeNotFound // the same bytes whatever the store said of it
	}
	return job, err
}

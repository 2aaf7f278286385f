package httpapi

import (
	"context"
	"maps"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/batchport/batchport/app/budgets"
	"github.com/batchport/batchport/domain"
)

const (
	jobPath     = "/v1/jobs/{code}"
	syncJobPath = "/v1/jobs/budget-rule-sync"
)

// registerJobs adds what shows a job, and the kinds that are submitted here.
func (a *api) registerJobs() {
	register(a, huma.Operation{
		OperationID: "get-job",
		Method:      http.MethodGet,
		Path:        jobPath,
		Summary:     "Ask how far a job is",
		Description: "Of whatever kind it is. A job has ended when its state is completed, cancelled or failed.",
		Tags:        []string{"Jobs"},
		Security:    secured,
		Responses: refusals(a.huma, problem{}, http.StatusUnauthorized, http.StatusNotFound,
			http.StatusInternalServerError, http.StatusServiceUnavailable),
	}, a.job)
	a.tellsWhenToAskAgain(jobPath)
	register(a, huma.Operation{
		OperationID:   "submit-budget-rule-sync",
		Method:        http.MethodPost,
		Path:          syncJobPath,
		Summary:       "Submit a job that syncs many budget rules",
		Description:   "The rows come to the same end as in a synchronous request: see the job's failures and warnings. They are sent in data, or in a workbook that was uploaded. Counts as one request of the quota.",
		Tags:          []string{"Budget rules"},
		Security:      secured,
		DefaultStatus: http.StatusAccepted,
		Responses: refusals(a.huma, problem{}, http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden,
			http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity, http.StatusTooManyRequests,
			http.StatusInternalServerError, http.StatusServiceUnavailable),
	}, a.submitSync)
	properties := map[string]*huma.Schema{
		"data": a.ruleRows(),
		"url":  {Type: huma.TypeString, Description: "The url of an upload: a workbook with the columns of GET " + ruleTemplatePath + "."},
	}
	maps.Copy(properties, huma.SchemaFromType(a.huma.OpenAPI().Components.Schemas, byRows).Properties)
	a.huma.OpenAPI().Paths[syncJobPath].Post.RequestBody = jsonBody(&huma.Schema{
		Type:                 huma.TypeObject,
		AdditionalProperties: false,
		Properties:           properties,
	})
}

type jobInput struct {
	exchange
	Locale string `header:"locale" doc:"Language of the message: zh_TW, zh_CN, en_US or ja_JP. Without it, Accept-Language says; without both, the job's own language."`
	Code   string `path:"code" doc:"What the submission answered." example:"6552e15d743264.42384055"`
}

type jobOutput struct {
	Body jobView
}

type polledJobOutput struct {
	RetryAfter string `header:"Retry-After"`
	Body       jobView
}

func (a *api) job(ctx context.Context, in *jobInput) (*polledJobOutput, error) {
	_, job, err := a.asked(ctx, in.r, in.Code)
	if err != nil {
		return nil, err
	}
	return &polledJobOutput{RetryAfter: askAgain(job, a.cfg.Now()), Body: a.jobViewOf(in.r, job)}, nil
}

type submitSyncInput struct {
	exchange
	Locale         string `header:"locale" doc:"Language of messages and files: zh_TW, zh_CN, en_US or ja_JP. Without it, Accept-Language says."`
	IdempotencyKey string `header:"Idempotency-Key" doc:"Makes the same request, sent again within 7 days, give the same job."`
}

type submittedOutput struct {
	Location string `header:"Location" doc:"Where to ask how far the job is."`
	Policy   string `header:"RateLimit-Policy" doc:"How many requests a tenant may make in which time. Not sent when they are not counted."`
	Left     string `header:"RateLimit" doc:"How many are left, and in how many seconds there will be more."`
	Body     jobView
}

func (a *api) submitSync(ctx context.Context, in *submitSyncInput) (*submittedOutput, error) {
	who, err := a.deps.Authenticate(in.r)
	if err != nil {
		return nil, err
	}
	memory := a.budget.open()
	defer memory.release()
	// The rows are written again, as the items of the job and of its chunks.
	body, err := a.readDocument(in.w, in.r, memory, 1, 2)
	if err != nil {
		return nil, err
	}
	job, err := a.deps.Budgets.Submit(ctx, who, budgets.JobRequest{
		Body: body, Locale: a.locale(in.r), IdempotencyKey: in.IdempotencyKey, Upload: a.uploadOf(in.r, who),
	})
	if err != nil {
		return nil, a.withUsage(ctx, who, err)
	}
	out := a.submitted(in.r, job)
	a.addUsage(ctx, who, out)
	return out, nil
}

// submitted answers that the job is stored.
func (a *api) submitted(r *http.Request, job *domain.BatchJob) *submittedOutput {
	return &submittedOutput{Location: a.base(r) + jobsPath + "/" + string(job.ID()), Body: a.jobViewOf(r, job)}
}

// addUsage tells how much of the quota is left.
func (a *api) addUsage(ctx context.Context, who domain.Principal, out *submittedOutput) {
	if use, err := a.deps.Budgets.Usage(ctx, who); err == nil { // else the job is submitted all the same
		out.Policy, out.Left = quotaHeaders(use)
	}
}

// withUsage tells a caller whose quota is used up what is left of it.
func (a *api) withUsage(ctx context.Context, who domain.Principal, err error) error {
	if domain.CodeOf(err) != domain.CodeRateLimited {
		return err
	}
	use, failed := a.deps.Budgets.Usage(ctx, who)
	if failed != nil {
		return err
	}
	return &quotaError{error: err, quota: use}
}

package httpapi

import (
	"context"
	"net/http"
	"time"

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
	a.huma.OpenAPI().Paths[syncJobPath].Post.RequestBody = &huma.RequestBody{
		Required: true,
		Content: map[string]*huma.MediaType{"application/json": {Schema: &huma.Schema{
			Type:                 huma.TypeObject,
			AdditionalProperties: false,
			Properties: map[string]*huma.Schema{
				"data": ruleRows(),
				"url":  {Type: huma.TypeString, Description: "The url of an upload: a workbook with the columns of GET " + ruleTemplatePath + "."},
			},
		}}},
	}
}

// jobView is a job of any kind.
type jobView struct {
	Code        domain.JobID    `json:"code" doc:"Names the job. It is no secret: access is by key." example:"6552e15d743264.42384055"`
	Kind        domain.Kind     `json:"kind" example:"budget_rule_sync"`
	State       domain.JobState `json:"state" enum:"queued,planning,running,finishing,completed,cancelled,failed"`
	Process     int             `json:"process" minimum:"0" maximum:"100" doc:"Whole percent; it never falls."`
	Total       int             `json:"total" minimum:"0" doc:"Items in the job; 0 until it was planned. The outcomes sum to it once the job has ended."`
	Outcomes    outcomeCounts   `json:"outcomes"`
	SubmittedAt time.Time       `json:"submitted_at"`
	StartedAt   *time.Time      `json:"started_at" doc:"Null until then."`
	EndedAt     *time.Time      `json:"ended_at" doc:"Null until then."`
	Message     *string         `json:"message" doc:"Why the job as such failed, or that it was stopped, in the caller's language; without one, in the job's own. Null otherwise."`
	File        *fileView       `json:"file" doc:"What the job made; null when there is none."`
}

// outcomeCounts are how many items came to which end.
type outcomeCounts struct {
	Created   int `json:"created" minimum:"0"`
	Updated   int `json:"updated" minimum:"0"`
	Unchanged int `json:"unchanged" minimum:"0"`
	Deleted   int `json:"deleted" minimum:"0"`
	Exported  int `json:"exported" minimum:"0"`
	Failed    int `json:"failed" minimum:"0"`
	Skipped   int `json:"skipped" minimum:"0"`
	Cancelled int `json:"cancelled" minimum:"0"`
}

type fileView struct {
	Name string `json:"name"`
	Size int64  `json:"size" minimum:"0" doc:"In bytes."`
	URL  string `json:"url" doc:"Works with the caller's key, and for some time without one."`
}

func (a *api) jobViewOf(r *http.Request, job *domain.BatchJob) jobView {
	s := job.Snapshot()
	view := jobView{
		Code: s.ID, Kind: s.Kind, State: s.State, Process: job.Percent(), Total: s.Report.Total,
		Outcomes: outcomeCounts{
			Created: s.Report.Created, Updated: s.Report.Updated, Unchanged: s.Report.Unchanged, Deleted: s.Report.Deleted,
			Exported: s.Report.Exported, Failed: s.Report.Failed, Skipped: s.Report.Skipped, Cancelled: s.Report.Cancelled,
		},
		SubmittedAt: s.SubmittedAt, StartedAt: optionalTime(s.StartedAt), EndedAt: optionalTime(s.EndedAt),
	}
	if why := whyEnded(job); why != nil {
		text := a.inWords(a.localeFor(r, job), *why)
		view.Message = &text
	}
	if f := job.File(); f != nil {
		view.File = &fileView{Name: f.Name, Size: f.Size, URL: a.linkOf(r, job, f)}
	}
	return view
}

func optionalTime(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

type jobInput struct {
	exchange
	Locale string `header:"locale" doc:"Language of the message: zh_TW, zh_CN, en_US or ja_JP. Without it, Accept-Language says; without both, the job's own language."`
	Code   string `path:"code" doc:"What the submission answered." example:"6552e15d743264.42384055"`
}

type jobOutput struct {
	Body jobView
}

func (a *api) job(ctx context.Context, in *jobInput) (*jobOutput, error) {
	who, err := a.deps.Authenticate(in.r)
	if err != nil {
		return nil, err
	}
	job, err := a.find(ctx, who, in.Code)
	if err != nil {
		return nil, err
	}
	return &jobOutput{Body: a.jobViewOf(in.r, job)}, nil
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
	out := &submittedOutput{Location: a.base(in.r) + "/v1/jobs/" + string(job.ID()), Body: a.jobViewOf(in.r, job)}
	if use, err := a.deps.Budgets.Usage(ctx, who); err == nil { // else the job is submitted all the same
		out.Policy, out.Left = quotaHeaders(use)
	}
	return out, nil
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

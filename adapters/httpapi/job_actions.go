package httpapi

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/batchport/batchport/app/budgets"
	"github.com/batchport/batchport/app/document"
	"github.com/batchport/batchport/app/engine"
	"github.com/batchport/batchport/app/estates"
	"github.com/batchport/batchport/domain"
)

const (
	cancelPath = "/v1/jobs/{code}/cancel"
	retryPath  = "/v1/jobs/{code}/retry"
)

// registerJobActions adds what stops a job, and what tries its failed items
// again.
func (a *api) registerJobActions() {
	register(a, huma.Operation{
		OperationID: "cancel-job",
		Method:      http.MethodPost,
		Path:        cancelPath,
		Summary:     "Stop a job",
		Description: "Items in work are finished and stay done; the rest is cancelled, at once or when the last worker lets go. To stop a job that is being stopped already changes nothing; one that has ended is a conflict. It needs the permission of the job's kind.",
		Tags:        []string{"Jobs"},
		Security:    secured,
		Responses: refusals(a.huma, problem{}, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusConflict,
			http.StatusInternalServerError, http.StatusServiceUnavailable),
	}, a.cancel)
	register(a, huma.Operation{
		OperationID:   "retry-job",
		Method:        http.MethodPost,
		Path:          retryPath,
		Summary:       "Try the failed items of a job again",
		Description:   "Submits a job over the items that failed, as they were, with the options of the first one; of a job that does all or nothing, over all items. With url, the corrected rows of a workbook are imported instead: the one that failures.xlsx gave. A job that has not ended, or of which nothing failed, is a conflict.",
		Tags:          []string{"Jobs"},
		Security:      secured,
		DefaultStatus: http.StatusAccepted,
		Responses: refusals(a.huma, problem{}, http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound,
			http.StatusConflict, http.StatusGone, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity, http.StatusTooManyRequests,
			http.StatusInternalServerError, http.StatusServiceUnavailable),
	}, a.retry)
	body := jsonBody(&huma.Schema{
		Type:                 huma.TypeObject,
		AdditionalProperties: false,
		Properties: map[string]*huma.Schema{
			"url": {Type: huma.TypeString, Description: "The url of an upload: the workbook of the failed rows, corrected. Only imports and syncs have such."},
		},
	})
	body.Required = false
	a.huma.OpenAPI().Paths[retryPath].Post.RequestBody = body
}

func (a *api) cancel(ctx context.Context, in *jobInput) (*jobOutput, error) {
	who, job, err := a.asked(ctx, in.r, in.Code)
	if err != nil {
		return nil, err
	}
	if job, err = a.deps.Engine.Cancel(ctx, who, job.ID()); err != nil {
		return nil, err
	}
	return &jobOutput{Body: a.jobViewOf(in.r, job)}, nil
}

type retryInput struct {
	exchange
	Locale         string `header:"locale" doc:"Language of messages and files: zh_TW, zh_CN, en_US or ja_JP. Without it, Accept-Language says."`
	IdempotencyKey string `header:"Idempotency-Key" doc:"Makes the same request, sent again within 7 days, give the same job."`
	Code           string `path:"code" doc:"What the submission answered." example:"6552e15d743264.42384055"`
}

func (a *api) retry(ctx context.Context, in *retryInput) (*submittedOutput, error) {
	who, err := a.deps.Authenticate(in.r)
	if err != nil {
		return nil, err
	}
	memory := a.budget.open()
	defer memory.release()
	workbook, err := a.readCorrection(in, memory)
	if err != nil {
		return nil, err
	}
	job, err := a.find(ctx, who, in.Code)
	if err != nil {
		return nil, err
	}
	var again *domain.BatchJob
	if workbook == "" {
		again, err = a.deps.Engine.Retry(ctx, who, job.ID(), engine.RetryRequest{Locale: a.localeFor(in.r, job), IdempotencyKey: in.IdempotencyKey})
	} else {
		again, err = a.correct(ctx, in, who, job, workbook)
	}
	if err != nil {
		return nil, a.withUsage(ctx, who, err)
	}
	out := a.submitted(in.r, again)
	if job.Kind() == budgets.Sync {
		a.addUsage(ctx, who, out)
	}
	return out, nil
}

// readCorrection reads which workbook has the corrected rows, "" for none. The
// body may be empty, or null, which is what generated clients in Java send for
// none.
func (a *api) readCorrection(in *retryInput, memory *lease) (string, error) {
	text, err := a.readText(in.w, in.r, memory)
	if err != nil || text == "" {
		return "", err
	}
	if err := takeValues(memory, text, 1); err != nil {
		return "", err
	}
	body, err := document.Parse(text)
	if err != nil {
		return "", err
	}
	switch body.Kind {
	case document.Object:
	case document.Null:
		return "", nil
	default:
		return "", domain.Fail(domain.NewFailure(domain.CodeInvalid, "", body.Sent(), "expected", "object"))
	}
	var faults []domain.Failure
	for _, m := range body.Members {
		if m.Name != urlMember {
			faults = append(faults, domain.NewFailure(domain.CodeUnknownField, m.Name, m.Value.Sent()))
		}
	}
	url := body.Member(urlMember)
	if url.Kind != document.String && url.Kind != document.Null {
		faults = append(faults, domain.NewFailure(domain.CodeInvalid, urlMember, url.Sent(), "expected", "upload"))
	}
	return url.Text, domain.FailAll(domain.CodeInvalid, faults)
}

// urlMember is what /v1 calls the field of a document's URL.
const urlMember = "url"

// correct submits the corrected rows of a job from a workbook.
func (a *api) correct(ctx context.Context, in *retryInput, who domain.Principal, job *domain.BatchJob, workbook string) (*domain.BatchJob, error) {
	locale, upload := a.localeFor(in.r, job), a.uploadOf(in.r, who)
	switch {
	case !job.State().Ended():
		return nil, domain.Fail(domain.NewFailure(domain.CodeConflict, "", "", "state", string(job.State())))
	case job.Report().Failed == 0:
		return nil, domain.CodeNothingFailed
	case job.Kind() == budgets.Sync:
		return a.deps.Budgets.Correct(ctx, who, job, workbook, budgets.JobRequest{
			Locale: locale, IdempotencyKey: in.IdempotencyKey, Upload: upload,
		})
	case job.Kind() == estates.ImportStatement:
		return a.deps.Estates.Correct(ctx, who, job, workbook, estates.Request{
			Locale: locale, IdempotencyKey: in.IdempotencyKey, Upload: upload,
		})
	}
	// The items of no other kind come from a workbook.
	return nil, domain.Fail(domain.NewFailure(domain.CodeUnknownField, urlMember, workbook, "reason", "no_workbook"))
}

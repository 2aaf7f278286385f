package httpapi

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/batchport/batchport/app/budgets"
	"github.com/batchport/batchport/domain"
)

const (
	failureSheetPath = "/v1/jobs/{code}/failures.xlsx"
	templatePath     = "/v1/templates/monthly-statement.xlsx"
)

// registerWorkbooks adds the workbooks that are made as they are asked for.
func (a *api) registerWorkbooks() {
	register(a, huma.Operation{
		OperationID: "download-job-failures",
		Method:      http.MethodGet,
		Path:        failureSheetPath,
		Summary:     "Download the failed items of a job as a workbook",
		Description: "Of an import it has the original rows with two more columns, the code and the reason, ready to be corrected and imported again. A job that has not ended is a conflict.",
		Tags:        []string{"Jobs"},
		Security:    secured,
		Responses: withWorkbook(refusals(a.huma, problem{}, http.StatusUnauthorized, http.StatusNotFound, http.StatusConflict, http.StatusGone,
			http.StatusInternalServerError, http.StatusServiceUnavailable)),
	}, a.failureSheet)
	register(a, huma.Operation{
		OperationID: "download-monthly-statement-template",
		Method:      http.MethodGet,
		Path:        templatePath,
		Summary:     "Download an empty workbook for a statement import",
		Description: "With the columns' names in the caller's language. An import understands them in any.",
		Tags:        []string{"Files"},
		Security:    secured,
		Responses: withWorkbook(refusals(a.huma, problem{}, http.StatusUnauthorized,
			http.StatusInternalServerError, http.StatusServiceUnavailable)),
	}, a.statementTemplate)
}

const workbookType = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

// withWorkbook documents the answer of an operation that gives a workbook.
func withWorkbook(responses map[string]*huma.Response) map[string]*huma.Response {
	responses["200"] = &huma.Response{
		Description: "The workbook.",
		Content: map[string]*huma.MediaType{workbookType: {
			Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"},
		}},
	}
	return responses
}

type failureSheetInput struct {
	exchange
	Locale string `header:"locale" doc:"Language of the reasons: zh_TW, zh_CN, en_US or ja_JP. Without it, Accept-Language says; without both, the job's own language."`
	Code   string `path:"code" doc:"What the submission answered." example:"6552e15d743264.42384055"`
}

func (a *api) failureSheet(ctx context.Context, in *failureSheetInput) (*downloadOutput, error) {
	who, job, err := a.asked(ctx, in.r, in.Code)
	if err != nil {
		return nil, err
	}
	if !job.State().Ended() {
		return nil, domain.Fail(domain.NewFailure(domain.CodeConflict, "", "", "state", string(job.State())))
	}
	locale := a.localeFor(in.r, job)
	var sheet interface {
		Name() string
		Write(ctx context.Context, w io.Writer) error
	} = a.deps.Estates.FailureSheet(job, a.deps.Engine.EachFailure(ctx, who, job.ID()), locale)
	if job.Kind() == budgets.Sync {
		sheet = a.deps.Budgets.FailureSheet(job, locale)
	}
	return a.workbook(in.exchange, sheet.Name(), string(job.ID())+"_failures", func(w io.Writer) error { return sheet.Write(ctx, w) }), nil
}

type templateInput struct {
	exchange
	Locale string `header:"locale" doc:"Language of the columns: zh_TW, zh_CN, en_US or ja_JP. Without it, Accept-Language says."`
}

func (a *api) statementTemplate(_ context.Context, in *templateInput) (*downloadOutput, error) {
	if _, err := a.deps.Authenticate(in.r); err != nil {
		return nil, err
	}
	locale := a.locale(in.r)
	return a.workbook(in.exchange, a.deps.Estates.StatementTemplateName(locale), "monthly-statement", func(w io.Writer) error {
		return a.deps.Estates.WriteStatementTemplate(locale, w)
	}), nil
}

// workbook answers with a workbook that write writes. What goes wrong before
// the first byte is refused as ever; later the answer is broken off, so that
// nobody takes it for whole.
func (a *api) workbook(e exchange, name, fallback string, write func(io.Writer) error) *downloadOutput {
	return &downloadOutput{Body: func(huma.Context) {
		w := &lateWriter{w: e.w, control: http.NewResponseController(e.w), name: name, fallback: fallback}
		err := write(w)
		switch {
		case err == nil:
		case !w.begun:
			a.refuse(e.r, err).write(e.w)
		default:
			_ = a.refuse(e.r, err) // for the log
			panic(http.ErrAbortHandler)
		}
	}}
}

// lateWriter begins an answer with its first byte, and gives a client time as
// long as it takes what it is sent.
type lateWriter struct {
	w        http.ResponseWriter
	control  *http.ResponseController
	name     string
	fallback string // what clients that read ASCII alone call it, without the extension
	begun    bool
}

func (l *lateWriter) Write(p []byte) (int, error) {
	if !l.begun {
		l.begun = true
		header := l.w.Header()
		header.Set("Content-Type", workbookType)
		header.Set("Content-Disposition", attachment(l.name, l.fallback))
		header.Set("Cache-Control", "private, no-cache")
	}
	_ = l.control.SetWriteDeadline(time.Now().Add(requestTime)) // what cannot do that has no deadline
	return l.w.Write(p)
}

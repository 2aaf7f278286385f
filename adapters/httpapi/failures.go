package httpapi

import (
	"context"
	"errors"
	"math"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"github.com/batchport/batchport/domain"
)

// maxFailures is how many failed items one answer lists.
const maxFailures = 1000

const (
	failuresPath = "/v1/jobs/{code}/failures"
	warningsPath = "/v1/jobs/{code}/warnings"
)

// registerFailures adds the list of the items that failed.
func (a *api) registerFailures() {
	register(a, huma.Operation{
		OperationID: "list-job-failures",
		Method:      http.MethodGet,
		Path:        failuresPath,
		Summary:     "List the failed items of a job",
		Description: "In the order of their indexes, page by page: ask again with after set to next, until next is null. A job that has not ended lists what failed so far; one whose items are not kept any more is gone. Failure groups say how many there are of each code.",
		Tags:        []string{"Jobs"},
		Security:    secured,
		Responses: refusals(a.huma, problem{}, http.StatusBadRequest, http.StatusUnauthorized, http.StatusNotFound, http.StatusGone,
			http.StatusInternalServerError, http.StatusServiceUnavailable),
	}, a.failures)
	register(a, huma.Operation{
		OperationID: "list-job-warnings",
		Method:      http.MethodGet,
		Path:        warningsPath,
		Summary:     "List the warnings about items of a job",
		Description: "What is doubtful about items that were done all the same, in the order of their indexes, page by page as the failures are.",
		Tags:        []string{"Jobs"},
		Security:    secured,
		Responses: refusals(a.huma, problem{}, http.StatusBadRequest, http.StatusUnauthorized, http.StatusNotFound, http.StatusGone,
			http.StatusInternalServerError, http.StatusServiceUnavailable),
	}, a.warnings)
	for _, path := range []string{failuresPath, warningsPath} {
		for _, param := range a.huma.OpenAPI().Paths[path].Get.Parameters {
			switch param.Name { // they are read as text, since Huma would refuse other text in its own words
			case "after":
				param.Schema = &huma.Schema{Type: huma.TypeInteger, Minimum: new(-1.0), Default: -1}
			case "limit":
				param.Schema = &huma.Schema{Type: huma.TypeInteger, Minimum: new(1.0), Maximum: new(float64(maxFailures)), Default: maxFailures}
			}
		}
	}
}

type failuresInput struct {
	exchange
	FailureCode string `query:"failure_code" doc:"List failures of this code alone." example:"not_found"`
	Locale      string `header:"locale" doc:"Language of the messages: zh_TW, zh_CN, en_US or ja_JP. Without it, Accept-Language says; without both, the job's own language."`
	Code        string `path:"code" doc:"What the submission answered." example:"6552e15d743264.42384055"`
	After       string `query:"after" doc:"List what comes behind this index; -1 begins at the start."`
	Limit       string `query:"limit" doc:"How many items to list at most."`
}

type failuresOutput struct {
	Body failurePage
}

type failurePage struct {
	Failures []itemFailure `json:"failures" nullable:"false"`
	Next     *int          `json:"next" doc:"What after has to be for the next page; null when there is none."`
}

// itemFailure says why an item failed.
type itemFailure struct {
	Index   int         `json:"index" minimum:"0" doc:"Position in the job, from 0."`
	Key     string      `json:"key" doc:"What the item is, such as the identifier of an estate." example:"7"`
	Field   *string     `json:"field" doc:"The field at fault; null when none is to blame."`
	Code    domain.Code `json:"code" doc:"The class of the failure, for programs." example:"not_found"`
	Value   string      `json:"value" doc:"The value at fault, shortened to 200 characters; empty when there is none."`
	Message string      `json:"message" doc:"Why the item failed, in the caller's language."`
	Also    []itemFault `json:"also,omitempty" nullable:"false" doc:"What else is wrong with the item; not sent when nothing is."`
}

// itemFault is one more thing that is wrong with an item. Embedded in
// [itemFailure] it would be missing in what Huma describes.
type itemFault struct {
	Field   *string     `json:"field" doc:"The field at fault; null when none is to blame."`
	Code    domain.Code `json:"code" doc:"The class of the fault, for programs." example:"required"`
	Value   string      `json:"value" doc:"The value at fault, shortened to 200 characters; empty when there is none."`
	Message string      `json:"message" doc:"What is wrong, in the caller's language."`
}

type warningsInput struct {
	exchange
	Locale string `header:"locale" doc:"Language of the messages: zh_TW, zh_CN, en_US or ja_JP. Without it, Accept-Language says; without both, the job's own language."`
	Code   string `path:"code" doc:"What the submission answered." example:"6552e15d743264.42384055"`
	After  string `query:"after" doc:"List what comes behind this index; -1 begins at the start."`
	Limit  string `query:"limit" doc:"How many items to list at most."`
}

type warningsOutput struct {
	Body warningPage
}

type warningPage struct {
	Warnings []itemFailure `json:"warnings" nullable:"false"`
	Next     *int          `json:"next" doc:"What after has to be for the next page; null when there is none."`
}

func (a *api) failures(ctx context.Context, in *failuresInput) (*failuresOutput, error) {
	list := a.deps.Engine.Failures
	if code := domain.Code(in.FailureCode); code != "" {
		var faults []domain.Failure
		if checkText(&faults, "failure_code", in.FailureCode); len(faults) > 0 {
			return nil, domain.FailAll(domain.CodeInvalid, faults)
		}
		list = func(ctx context.Context, who domain.Principal, id domain.JobID, after, limit int) ([]domain.ItemFailure, error) {
			return a.deps.Engine.FailuresOf(ctx, who, id, code, after, limit)
		}
	}
	failures, next, err := a.itemPage(ctx, in.r, in.Code, in.After, in.Limit, list)
	if err != nil {
		return nil, err
	}
	return &failuresOutput{Body: failurePage{failures, next}}, nil
}

func (a *api) warnings(ctx context.Context, in *warningsInput) (*warningsOutput, error) {
	warnings, next, err := a.itemPage(ctx, in.r, in.Code, in.After, in.Limit, a.deps.Engine.Warnings)
	if err != nil {
		return nil, err
	}
	return &warningsOutput{Body: warningPage{warnings, next}}, nil
}

// itemPage returns a page of what is said about the items of a job, which list
// lists, and what after has to be for the next page.
func (a *api) itemPage(ctx context.Context, r *http.Request, code, from, most string,
	list func(ctx context.Context, who domain.Principal, id domain.JobID, after, limit int) ([]domain.ItemFailure, error),
) ([]itemFailure, *int, error) {
	who, err := a.deps.Authenticate(r)
	if err != nil {
		return nil, nil, err
	}
	after, limit, err := readPage(from, most)
	if err != nil {
		return nil, nil, err
	}
	job, err := a.find(ctx, who, code)
	if err != nil {
		return nil, nil, err
	}
	said, err := list(ctx, who, job.ID(), after, limit+1) // one more tells whether there is a next page
	if err != nil {
		return nil, nil, err
	}
	var next *int
	if len(said) > limit {
		said = said[:limit]
		next = &said[limit-1].Index
	}
	locale := a.localeFor(r, job)
	page := make([]itemFailure, len(said))
	for i, item := range said {
		page[i] = a.worded(locale, item)
	}
	return page, next, nil
}

// worded renders why an item failed.
func (a *api) worded(locale string, item domain.ItemFailure) itemFailure {
	first := a.faultOf(locale, item.Failure)
	shown := itemFailure{
		Index: item.Index, Key: item.Key, Field: first.Field, Code: first.Code, Value: first.Value, Message: first.Message,
	}
	for _, f := range item.Failure.Also {
		shown.Also = append(shown.Also, a.faultOf(locale, f))
	}
	return shown
}

func (a *api) faultOf(locale string, f domain.Failure) itemFault {
	shown := itemFault{Code: f.Code, Value: f.Value, Message: a.deps.Messages.Text(locale, f)}
	if f.Field != "" {
		shown.Field = &f.Field
	}
	return shown
}

// readPage reads which part of the list is asked for, and reports all that is
// wrong with that at once.
func readPage(from, most string) (after, limit int, err error) {
	var faults []domain.Failure
	// The greatest index is far below this, which any store takes.
	after = readInteger(&faults, "after", from, -1, math.MaxInt32, -1)
	limit = readInteger(&faults, "limit", most, 1, maxFailures, maxFailures)
	return after, limit, domain.FailAll(domain.CodeInvalid, faults)
}

// readInteger reads a parameter, and adds what is wrong with it to faults.
func readInteger(faults *[]domain.Failure, field, text string, least, most, otherwise int) int {
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	switch {
	case err != nil && !errors.Is(err, strconv.ErrRange):
		*faults = append(*faults, domain.NewFailure(domain.CodeInvalid, field, text, "expected", "integer"))
	case err != nil || n < least || n > most:
		*faults = append(*faults, domain.NewFailure(domain.CodeOutOfRange, field, text,
			"min", strconv.Itoa(least), "max", strconv.Itoa(most)))
	}
	return n
}

package httpapi

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/batchport/batchport/domain"
)

const failureGroupsPath = "/v1/jobs/{code}/failure-groups"

// registerFailureGroups adds the failed items by their codes.
func (a *api) registerFailureGroups() {
	register(a, huma.Operation{
		OperationID: "list-job-failure-groups",
		Method:      http.MethodGet,
		Path:        failureGroupsPath,
		Summary:     "Count the failed items of a job by their codes",
		Description: "The most frequent first. A job that has not ended counts what failed so far; one whose items are not kept any more is gone.",
		Tags:        []string{"Jobs"},
		Security:    secured,
		Responses: refusals(a.huma, problem{}, http.StatusUnauthorized, http.StatusNotFound, http.StatusGone,
			http.StatusInternalServerError, http.StatusServiceUnavailable),
	}, a.failureGroups)
}

type failureGroupsOutput struct {
	Body failureGroups
}

type failureGroups struct {
	Groups []failureGroup `json:"groups" nullable:"false"`
}

// failureGroup is how many items failed for one reason.
type failureGroup struct {
	Code  domain.Code `json:"code" doc:"The class of the failure, for programs." example:"not_found"`
	Items int         `json:"items" minimum:"1" doc:"How many items failed so."`
	First itemFailure `json:"first" doc:"The first of them in the order of the items."`
}

func (a *api) failureGroups(ctx context.Context, in *jobInput) (*failureGroupsOutput, error) {
	who, job, err := a.asked(ctx, in.r, in.Code)
	if err != nil {
		return nil, err
	}
	groups, err := a.deps.Engine.FailureGroups(ctx, who, job.ID())
	if err != nil {
		return nil, err
	}
	locale := a.localeFor(in.r, job)
	page := failureGroups{Groups: make([]failureGroup, len(groups))}
	for i, g := range groups {
		first, err := a.deps.Engine.Failures(ctx, who, job.ID(), g.First-1, 1)
		if err != nil {
			return nil, err
		}
		if len(first) == 0 {
			return nil, domain.CodeNotKept // purged since
		}
		page.Groups[i] = failureGroup{Code: g.Code, Items: g.Items, First: a.worded(locale, first[0])}
	}
	return &failureGroupsOutput{Body: page}, nil
}

package httpapi

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/batchport/batchport/domain"
)

// registerHealth adds what supervisors ask.
func (a *api) registerHealth() {
	register(a, huma.Operation{
		OperationID: "livez",
		Method:      http.MethodGet,
		Path:        "/livez",
		Summary:     "Is the process up?",
		Tags:        []string{"Health"},
		Responses:   refusals(a.huma, problem{}, http.StatusInternalServerError),
	}, func(context.Context, *healthInput) (*healthOutput, error) { return healthy(), nil })
	register(a, huma.Operation{
		OperationID: "readyz",
		Method:      http.MethodGet,
		Path:        "/readyz",
		Summary:     "Can the process work?",
		Tags:        []string{"Health"},
		Responses:   refusals(a.huma, problem{}, http.StatusInternalServerError, http.StatusServiceUnavailable),
	}, func(ctx context.Context, _ *healthInput) (*healthOutput, error) {
		if a.deps.Ready == nil {
			return healthy(), nil
		}
		if err := a.deps.Ready(ctx); err != nil {
			return nil, domain.Unavailable(err) // whatever it is, it is the answer to the question
		}
		return healthy(), nil
	})
}

type healthInput struct{ exchange }

type healthOutput struct {
	Body healthAnswer
}

type healthAnswer struct {
	Status string `json:"status" enum:"ok"`
}

func healthy() *healthOutput { return &healthOutput{Body: healthAnswer{Status: "ok"}} }

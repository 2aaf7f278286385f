package httpapi

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/batchport/batchport/domain"
)

// Health returns the handler of GET /livez and GET /readyz alone, for a
// process that works jobs off and takes none in. Of deps it needs Messages and
// Locale, and takes Ready.
func Health(deps Deps, cfg Config) (http.Handler, error) {
	if deps.Messages == nil || deps.Locale == nil {
		return nil, errors.New("httpapi: Deps.Messages or Deps.Locale is missing")
	}
	if err := cfg.valid(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults(0)
	a := &api{deps: deps, cfg: cfg, mux: http.NewServeMux()}
	a.huma = humago.New(a.mux, describe(cfg))
	a.registerHealth()
	return a.guarded(a.routed()), nil
}

// registerHealth adds what supervisors ask.
func (a *api) registerHealth() {
	register(a, huma.Operation{
		OperationID: "livez",
		Method:      http.MethodGet,
		Path:        "/livez",
		Summary:     "Is the process up?",
		Description: "Restart it when this fails. It asks nothing of the store.",
		Tags:        []string{"Health"},
		Security:    unsecured,
		Responses:   refusals(a.huma, problem{}, http.StatusInternalServerError),
	}, func(context.Context, *healthInput) (*healthOutput, error) { return healthy(), nil })
	register(a, huma.Operation{
		OperationID: "readyz",
		Method:      http.MethodGet,
		Path:        "/readyz",
		Summary:     "Can the process work?",
		Description: "Send it no requests while this fails, such as when its store does not answer.",
		Tags:        []string{"Health"},
		Security:    unsecured,
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

package httpapi

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/batchport/batchport/app/budgets"
	"github.com/batchport/batchport/app/engine"
	"github.com/batchport/batchport/app/estates"
	"github.com/batchport/batchport/app/uploads"
	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

// Deps is what the interface works with. All but Ready is required.
type Deps struct {
	Estates      *estates.Estates
	Budgets      *budgets.Budgets
	Engine       *engine.Engine
	Files        ports.Files
	Uploads      *uploads.Uploads // over the same Files
	Messages     ports.Messages
	Counts       ports.Counts
	Authenticate Authenticator

	// Locale chooses the language of the answer from the headers "locale" and
	// "Accept-Language", each "" when it was not sent. When they say nothing that
	// is known it is otherwise, or the installation's own where that is "".
	Locale func(locale, acceptLanguage, otherwise string) string

	// Ready says what keeps the process from working. Nil means that nothing can.
	Ready func(ctx context.Context) error
}

// Config is how the interface works. The zero value is good.
type Config struct {
	PublicURL  string           // where clients reach this server, such as "https://jobs.example.com/batch". Zero means the host that a request names.
	SigningKey []byte           // signs the links to files, 16 bytes or more; the same in all replicas. Zero means a random one: links end with the process.
	LinkLife   time.Duration    // how long a link works without a key. Zero means 24 hours.
	MaxBody    int64            // bytes of a body. Zero means 16 MiB.
	BodyTime   time.Duration    // how long a client may take to send a body. Zero means one minute.
	UploadTime time.Duration    // how long a client may take to send an upload. Zero means 5 minutes.
	MaxInWork  int64            // bytes that the bodies of all requests in work take together: JSON as text and as values, uploads as what has come of them. Zero means 128 MiB, or two uploads of the greatest size when that is more.
	Origins    []string         // of pages that may call from a browser, such as "https://app.example.com", or [AnyOrigin] alone. Zero means none but the server's own.
	MaxStreams int              // streams of events that may be open at once. Zero means 2,000.
	Version    string           // of the program, for the API's description. Zero means "dev".
	Now        func() time.Time // Zero means time.Now.
	Logger     *slog.Logger     // Zero means silence.
}

// minSigningKey is the shortest key that links are signed with, in bytes.
const minSigningKey = 16

func (c Config) withDefaults(maxUpload int64) Config {
	set(&c.LinkLife, 24*time.Hour)
	set(&c.MaxBody, 16<<20)
	set(&c.BodyTime, time.Minute)
	set(&c.UploadTime, 5*time.Minute)
	set(&c.MaxInWork, max(128<<20, 2*(maxUpload+formOverhead)))
	set(&c.MaxStreams, 2_000)
	set(&c.Version, "dev")
	c.PublicURL = strings.TrimRight(c.PublicURL, "/")
	if c.SigningKey == nil {
		c.SigningKey = make([]byte, 2*minSigningKey)
		_, _ = rand.Read(c.SigningKey) // never fails, says crypto/rand
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

func set[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// api is the interface at work. It is safe for concurrent use.
type api struct {
	deps     Deps
	cfg      Config
	budget   *byteBudget
	promised *byteBudget // what the uploads in work have said that they will be
	streams  streams
	mux      *http.ServeMux
	huma     huma.API
}

// New returns the handler of the whole interface. What is missing in deps or
// wrong in cfg is reported together.
func New(deps Deps, cfg Config) (http.Handler, error) {
	if err := errors.Join(deps.complete(), cfg.valid()); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults(deps.Uploads.MaxSize())
	a := &api{deps: deps, cfg: cfg, mux: http.NewServeMux()}
	a.budget, a.promised = &byteBudget{size: cfg.MaxInWork}, &byteBudget{size: cfg.MaxInWork}
	a.huma = humago.New(a.mux, describe(cfg))
	a.streams.most = cfg.MaxStreams
	a.registerBatches()
	a.registerFailures()
	a.registerFailureGroups()
	a.registerWorkbooks()
	a.registerJobs()
	a.registerJobList()
	a.registerJobActions()
	a.registerSubmissions()
	a.registerEvents()
	a.registerEstates()
	a.registerBudgetSync()
	a.registerBudgetRules()
	a.registerUploads()
	a.registerFiles()
	a.registerHealth()
	if err := errors.Join(a.serveDescription(), a.serveDocs()); err != nil {
		return nil, err
	}
	return a.guarded(a.acrossOrigins(a.routed())), nil
}

func (d Deps) complete() error {
	var problems []error
	for _, dep := range []struct {
		name    string
		missing bool
	}{
		{"Estates", d.Estates == nil},
		{"Budgets", d.Budgets == nil},
		{"Engine", d.Engine == nil},
		{"Files", d.Files == nil},
		{"Uploads", d.Uploads == nil},
		{"Messages", d.Messages == nil},
		{"Counts", d.Counts == nil},
		{"Authenticate", d.Authenticate == nil},
		{"Locale", d.Locale == nil},
	} {
		if dep.missing {
			problems = append(problems, errors.New("httpapi: Deps."+dep.name+" is missing"))
		}
	}
	return errors.Join(problems...)
}

func (c Config) valid() error {
	var problems []error
	if c.PublicURL != "" {
		u, err := url.Parse(c.PublicURL)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
			problems = append(problems, fmt.Errorf("httpapi: Config.PublicURL %q is no absolute http or https URL", c.PublicURL))
		}
	}
	if c.SigningKey != nil && len(c.SigningKey) < minSigningKey {
		problems = append(problems, fmt.Errorf("httpapi: Config.SigningKey is shorter than %d bytes", minSigningKey))
	}
	if err := checkOrigins(c.Origins); err != nil {
		problems = append(problems, err)
	}
	if c.LinkLife < 0 || c.MaxBody < 0 || c.BodyTime < 0 || c.UploadTime < 0 || c.MaxInWork < 0 || c.MaxStreams < 0 {
		problems = append(problems, errors.New("httpapi: a setting of Config is negative"))
	}
	return errors.Join(problems...)
}

// exchange gives a handler the request behind its input. Inputs embed it.
type exchange struct {
	w http.ResponseWriter
	r *http.Request
}

// Resolve is called by Huma when the input has been read.
func (e *exchange) Resolve(ctx huma.Context) []error {
	e.r, e.w = humago.Unwrap(ctx)
	return nil
}

func (e *exchange) request() *http.Request { return e.r }

// input is a pointer to an input type that embeds [exchange].
type input[I any] interface {
	*I
	huma.Resolver
	request() *http.Request
}

// register adds an operation whose errors leave through [api.refuse].
func register[I any, P input[I], O any](a *api, op huma.Operation, handle func(context.Context, *I) (*O, error)) {
	// Huma's own answer to a parameter that it does not like would be in its
	// own shape and language; the handlers judge parameters themselves.
	op.SkipValidateParams = true
	if strings.HasPrefix(op.Path, ofV1) && op.Responses["400"] == nil {
		maps.Copy(op.Responses, refusals(a.huma, problem{}, http.StatusBadRequest)) // see checkQuery
	}
	known := sync.OnceValue(func() map[string]bool { return a.queryOf(op) }) // once all of it is described
	huma.Register(a.huma, op, func(ctx context.Context, in *I) (*O, error) {
		r := P(in).request()
		if err := a.checkQuery(r, known()); err != nil {
			return nil, a.refuse(r, err)
		}
		out, err := handle(ctx, in)
		if err != nil {
			return nil, a.refuse(r, err)
		}
		return out, nil
	})
}

// locale returns the language of the answer.
func (a *api) locale(r *http.Request) string {
	otherwise := ""
	if r.URL.Path == syncPath {
		otherwise = syncLocale
	}
	return a.deps.Locale(r.Header.Get("locale"), r.Header.Get("Accept-Language"), otherwise)
}

// localeFor returns the language of an answer about a job: that of the job
// itself when the request names none.
func (a *api) localeFor(r *http.Request, job *domain.BatchJob) string {
	named := strings.TrimSpace(r.Header.Get("locale")+r.Header.Get("Accept-Language")) != ""
	if named || job.Locale() == "" {
		return a.locale(r)
	}
	return job.Locale()
}

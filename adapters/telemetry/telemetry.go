package telemetry

import (
	"context"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

// Config is what telemetry is made of. The zero value is good.
type Config struct {
	Version string               // of the program, for batchport_build_info. Zero means "dev".
	Backlog ports.BacklogReader  // asked, when metrics are read, for what waits. Nil means that nothing is said of it.
	Kinds   []domain.Kind        // are counted from zero on; others from when they are first seen.
	Traces  trace.TracerProvider // where spans go. Nil means nowhere; what callers trace is then passed on all the same.
}

// Telemetry counts and traces. It is safe for concurrent use.
type Telemetry struct {
	registry *prometheus.Registry
	counts   *counts
	tracer   trace.Tracer
}

var _ ports.Telemetry = (*Telemetry)(nil)

// scope names what makes the spans.
const scope = "github.com/batchport/batchport"

// New returns telemetry with a registry of its own.
func New(cfg Config) *Telemetry {
	if cfg.Version == "" {
		cfg.Version = "dev"
	}
	if cfg.Traces == nil {
		cfg.Traces = noop.NewTracerProvider()
	}
	t := &Telemetry{registry: prometheus.NewRegistry(), tracer: cfg.Traces.Tracer(scope, trace.WithInstrumentationVersion(cfg.Version))}
	t.counts = newCounts(t.registry, cfg.Version)
	t.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	if cfg.Backlog != nil {
		t.registry.MustRegister(newBacklog(cfg.Backlog))
	}
	t.Expect(cfg.Kinds...)
	return t
}

// Expect has jobs of the kinds counted from zero on, so that a rate knows of
// the first of them.
func (t *Telemetry) Expect(kinds ...domain.Kind) {
	for _, kind := range kinds {
		t.counts.expect(kind)
	}
}

// Metrics serves what was counted in the text format of Prometheus. It takes
// no credentials.
func (t *Telemetry) Metrics() http.Handler {
	return promhttp.HandlerFor(t.registry, promhttp.HandlerOpts{})
}

// Begin implements [ports.Telemetry].
func (t *Telemetry) Begin(ctx context.Context, work ports.Work) (context.Context, func(ports.WorkEnd)) {
	began := time.Now()
	ctx, span := t.start(ctx, work)
	return ctx, func(end ports.WorkEnd) {
		t.counts.workEnded(work, end, time.Since(began))
		finish(span, end)
	}
}

// Trace implements [ports.Telemetry].
func (t *Telemetry) Trace(ctx context.Context) domain.TraceParent { return traceOf(ctx) }

// Changed implements [ports.Telemetry].
func (t *Telemetry) Changed(change ports.JobChange) { t.counts.changed(change) }

// Count implements [ports.Telemetry].
func (t *Telemetry) Count(what ports.Occurrence, of string, n int) { t.counts.happened(what, of, n) }

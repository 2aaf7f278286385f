package telemetry_test

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/batchport/batchport/adapters/telemetry"
	"github.com/batchport/batchport/domain"
)

const (
	callersTrace = "4bf92f3577b34da6a3ce929d0e0e4736"
	callersSpan  = "00f067aa0ba902b7"
	callersCause = "00-" + callersTrace + "-" + callersSpan + "-01"
)

// recording returns telemetry whose spans are kept.
func recording() (*telemetry.Telemetry, *tracetest.SpanRecorder) {
	spans := tracetest.NewSpanRecorder()
	return telemetry.New(telemetry.Config{Traces: sdk.NewTracerProvider(sdk.WithSpanProcessor(spans))}), spans
}

// served are operations that answer in every way.
func served(log *slog.Logger) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /jobs/{code}", func(w http.ResponseWriter, r *http.Request) {
		log.InfoContext(r.Context(), "asked")
		_, _ = io.WriteString(w, "well")
	})
	mux.HandleFunc("POST /jobs", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTooManyRequests) })
	mux.HandleFunc("GET /broken", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	return mux
}

func TestRequests(t *testing.T) {
	t.Parallel()
	tel, spans := recording()
	var logged bytes.Buffer
	log := slog.New(telemetry.LogHandler(slog.NewTextHandler(&logged, nil)))
	handler := tel.Requests(served(log), "/livez")
	call := func(method, path, cause string) {
		defer func() { _ = recover() }()
		r := httptest.NewRequest(method, path, nil)
		r.Header.Set("traceparent", cause)
		handler.ServeHTTP(httptest.NewRecorder(), r)
	}
	call("GET", "/jobs/王小明?sig=secret", callersCause)
	call("POST", "/jobs", "")
	call("GET", "/broken", "nonsense")
	call("GET", "/livez", callersCause)
	call("BREW", "/pot", "")
	const name = "batchport_http_request_duration_seconds_count"
	got := metrics(t, tel)
	want(t, got, map[string]string{
		name + `{operation="GET /jobs/{code}",status="2xx"}`: "1",
		name + `{operation="POST /jobs",status="4xx"}`:       "1",
		name + `{operation="GET /broken",status="none"}`:     "1",
		name + `{operation="GET /livez",status="5xx"}`:       "1",
		name + `{operation="none",status="4xx"}`:             "1",
	})
	for series := range got {
		if strings.Contains(series, "王") || strings.Contains(series, "BREW") {
			t.Errorf("the series %s says what a client has sent", series)
		}
	}
	ended := spans.Ended()
	var names []string
	for _, span := range ended {
		names = append(names, span.Name())
		for _, attribute := range span.Attributes() {
			if text := attribute.Value.String(); strings.Contains(text, "王") || strings.Contains(text, "secret") || strings.Contains(text, "BREW") {
				t.Errorf("the span %s says what a client has sent: %s", span.Name(), text)
			}
		}
	}
	if got, want := strings.Join(names, ", "), "GET /jobs/{code}, POST /jobs, GET /broken, _OTHER"; got != want {
		t.Fatalf("spans = %s; want %s", got, want)
	}
	if got := ended[0].Parent(); got.TraceID().String() != callersTrace || got.SpanID().String() != callersSpan {
		t.Errorf("the first span is under %s %s, want the caller's", got.TraceID(), got.SpanID())
	}
	for _, span := range ended[1:] {
		if span.Parent().IsValid() {
			t.Errorf("the span %s is under %v, want it in a trace of its own", span.Name(), span.Parent())
		}
	}
	if !strings.Contains(logged.String(), "trace_id="+callersTrace) {
		t.Errorf("the log is %s, want the trace", &logged)
	}
}

// What a caller traces is passed on, also where nothing is exported.
func TestRequestsWithoutTraces(t *testing.T) {
	t.Parallel()
	tel := telemetry.New(telemetry.Config{})
	for cause, want := range map[string]domain.TraceParent{callersCause: callersCause, "": "", "nonsense": ""} {
		var got domain.TraceParent
		handler := tel.Requests(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = tel.Trace(r.Context()) }))
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.Header.Set("traceparent", cause)
		handler.ServeHTTP(httptest.NewRecorder(), r)
		if got != want {
			t.Errorf("a request with the traceparent %q is in the trace %q, want %q", cause, got, want)
		}
	}
}

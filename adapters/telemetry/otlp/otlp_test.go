package otlp_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/batchport/batchport/adapters/telemetry/otlp"
)

func environ(pairs ...string) func(string) string {
	values := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		values[pairs[i]] = pairs[i+1]
	}
	return func(name string) string { return values[name] }
}

func TestOpenHeedsTheEnvironment(t *testing.T) {
	const endpoint, base = "OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318"
	for name, test := range map[string]struct {
		environ func(string) string
		opened  bool
		refused string // what the error names
	}{
		"nothing set":        {environ(), false, ""},
		"an endpoint":        {environ(endpoint, base), true, ""},
		"one for traces":     {environ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", base+"/v1/traces"), true, ""},
		"switched off":       {environ(endpoint, base, "OTEL_SDK_DISABLED", "true"), false, ""},
		"no exporter":        {environ(endpoint, base, "OTEL_TRACES_EXPORTER", "none"), false, ""},
		"another exporter":   {environ(endpoint, base, "OTEL_TRACES_EXPORTER", "zipkin"), false, "OTEL_TRACES_EXPORTER"},
		"another protocol":   {environ(endpoint, base, "OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"), false, "OTEL_EXPORTER_OTLP_PROTOCOL"},
		"the known protocol": {environ(endpoint, base, "OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"), true, ""},
		"no URL":             {environ(endpoint, "user:hunter2@collector"), false, endpoint},
	} {
		t.Run(name, func(t *testing.T) {
			provider, err := otlp.Open(t.Context(), test.environ, otlp.Config{})
			if (provider != nil) != test.opened || (err != nil) != (test.refused != "") {
				t.Fatalf("Open() = %v, %v; want one: %t, an error about %q", provider, err, test.opened, test.refused)
			}
			if err != nil && (!strings.Contains(err.Error(), test.refused) || strings.Contains(err.Error(), "hunter2")) {
				t.Errorf("Open() = %v, want an error that names %s and no password", err, test.refused)
			}
			if provider != nil {
				_ = provider.Shutdown(t.Context())
			}
		})
	}
}

// Spans reach the collector with their service, and the environment has the
// last word on its name.
func TestExport(t *testing.T) {
	var body atomic.Pointer[[]byte]
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		sent, _ := io.ReadAll(r.Body)
		if r.URL.Path == "/v1/traces" {
			body.Store(&sent)
		}
	}))
	defer collector.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL) // the exporter reads it itself
	t.Setenv("OTEL_SERVICE_NAME", "batch-of-acme")
	provider, err := otlp.Open(t.Context(), environ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL), otlp.Config{Version: "1.2.3"})
	if err != nil {
		t.Fatal(err)
	}
	_, span := provider.Tracer("t").Start(t.Context(), "chunk edit")
	span.End()
	if err := provider.Shutdown(t.Context()); err != nil {
		t.Fatalf("Shutdown() = %v, want no error", err)
	}
	sent := body.Load()
	if sent == nil {
		t.Fatal("the collector got nothing")
	}
	for _, want := range []string{"chunk edit", "batch-of-acme", "1.2.3"} {
		if !bytes.Contains(*sent, []byte(want)) {
			t.Errorf("what the collector got lacks %q", want)
		}
	}
}

// A collector that is away, or takes and never answers, holds nobody up, and is
// complained of once.
func TestCollectorAway(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone.Close()
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "10") // milliseconds
	t.Setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "100")
	t.Setenv("OTEL_BSP_EXPORT_TIMEOUT", "300")
	for name, address := range map[string]string{"takes and never answers": silent.Addr().String(), "refuses": gone.Addr().String()} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://"+address)
			var logged syncBuffer
			began := time.Now()
			provider, err := otlp.Open(t.Context(), environ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://"+address), otlp.Config{
				Logger: slog.New(slog.NewTextHandler(&logged, nil)),
			})
			if err != nil {
				t.Fatal(err)
			}
			if took := time.Since(began); took > time.Second {
				t.Errorf("Open() took %v, want it not to wait", took)
			}
			const spans = 20_000
			began = time.Now()
			for range spans {
				_, span := provider.Tracer("t").Start(t.Context(), "chunk edit")
				span.End()
			}
			each := time.Since(began) / spans
			t.Logf("%v a span", each)
			if each > time.Millisecond {
				t.Errorf("a span took %v, want it dropped", each)
			}
			for end := time.Now().Add(10 * time.Second); !strings.Contains(logged.String(), "cannot export traces") && time.Now().Before(end); {
				time.Sleep(10 * time.Millisecond)
			}
			if n := strings.Count(logged.String(), "cannot export traces"); n != 1 {
				t.Errorf("the log says %d times that traces cannot be exported, want once:\n%s", n, logged.String())
			}
			ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
			defer cancel()
			began = time.Now()
			_ = provider.Shutdown(ctx)
			if took := time.Since(began); took > 2*time.Second {
				t.Errorf("Shutdown(half a second) took %v", took)
			}
		})
	}
}

// syncBuffer is a buffer that several goroutines may use.
type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

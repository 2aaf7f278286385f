package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// collector takes spans as a collector of OpenTelemetry does.
type collector struct {
	*httptest.Server
	mu    sync.Mutex
	spans []*tracepb.Span
}

func newCollector(t *testing.T) *collector {
	t.Helper()
	c := &collector{}
	c.Server = httptest.NewServer(http.HandlerFunc(c.take))
	t.Cleanup(c.Close)
	return c
}

func (c *collector) take(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var sent collectorpb.ExportTraceServiceRequest
	if err == nil {
		err = proto.Unmarshal(body, &sent)
	}
	if err != nil || r.URL.Path != "/v1/traces" {
		http.Error(w, fmt.Sprint(err), http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, resource := range sent.ResourceSpans {
		for _, scope := range resource.ScopeSpans {
			c.spans = append(c.spans, scope.Spans...)
		}
	}
}

// await waits for spans of these names in the trace and returns its spans by
// name.
func (c *collector) await(t *testing.T, trace string, names ...string) map[string]*tracepb.Span {
	t.Helper()
	got := map[string]*tracepb.Span{}
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		c.mu.Lock()
		for _, span := range c.spans {
			if fmt.Sprintf("%x", span.TraceId) == trace {
				got[span.Name] = span
			}
		}
		c.mu.Unlock()
		found := 0
		for _, name := range names {
			if got[name] != nil {
				found++
			}
		}
		if found == len(names) {
			return got
		}
	}
	t.Fatalf("the collector has the spans %v of the trace, want %q", got, names)
	return nil
}

// tracedServing starts the binary with spans exported to url.
func tracedServing(t *testing.T, url, data string, args ...string) *serving {
	t.Helper()
	cmd := command(t, append([]string{"serve", "--data", data, "--listen", "127.0.0.1:0"}, args...)...)
	cmd.Env = append(cmd.Env, "OTEL_EXPORTER_OTLP_ENDPOINT="+url, "OTEL_BSP_SCHEDULE_DELAY=20")
	return launch(t, cmd)
}

const (
	callersTrace = "4bf92f3577b34da6a3ce929d0e0e4736"
	callersSpan  = "00f067aa0ba902b7"
)

// submitTraced submits a job to what answers requests, as a caller that traces.
func submitTraced(t *testing.T, answer func(*http.Request) (*http.Response, error), url, key, body string) (code string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/api2/getBatchCode", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+key)
	r.Header.Set("traceparent", "00-"+callersTrace+"-"+callersSpan+"-01")
	response, err := answer(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	var said status
	if err := json.NewDecoder(response.Body).Decode(&said); err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("POST getBatchCode = %d %+v, %v; want 200", response.StatusCode, said, err)
	}
	return said.Data.BatchCode
}

// From the caller over the request, the submission and the chunk to the event it
// is one trace, which names nobody.
func TestTraceFromTheCallerToTheEvent(t *testing.T) {
	t.Parallel()
	c, data := newCollector(t), t.TempDir()
	key := createKey(t, data)
	loadMarked(t, data)
	s := tracedServing(t, c.URL, data, "--nats-listen", "127.0.0.1:0")
	code := submitTraced(t, http.DefaultClient.Do, s.url, key, `{"job_name":"estate_batch_open_rent","estatesIds":[987650001,987650999]}`)
	s.await(t, key, code)
	const request, submit, chunk = "POST /api2/getBatchCode", "submit estate_batch_open_rent", "chunk estate_batch_open_rent"
	spans := c.await(t, callersTrace, request, submit, chunk)
	parent := callersSpan
	for _, name := range []string{request, submit, chunk} {
		span := spans[name]
		if got := fmt.Sprintf("%x", span.ParentSpanId); got != parent {
			t.Errorf("the span %q is under %s, want %s", name, got, parent)
		}
		parent = fmt.Sprintf("%x", span.SpanId)
		for _, mark := range append(personal, key) {
			if strings.Contains(span.String(), mark) {
				t.Errorf("the span %q has %q: %s", name, mark, span)
			}
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	causes := map[string]string{}
	_ = subscribe(ctx, s.nats, "acme", key, func(event cloudEvent) { // ends when ctx does
		if causes[event.Type] = event.TraceParent; event.Type == "batchport.job.completed" {
			cancel()
		}
	})
	for what, span := range map[string]string{"batchport.job.submitted": submit, "batchport.job.completed": chunk} {
		if want := fmt.Sprintf("00-%s-%x-01", callersTrace, spans[span].SpanId); causes[what] != want {
			t.Errorf("the event %s has the traceparent %q, want %q", what, causes[what], want)
		}
	}
	s.stop(t)
}

// The trace is stored with the job: a process that exports nothing takes the
// job in, and another one works on it.
func TestTraceOutlivesTheProcess(t *testing.T) {
	t.Parallel()
	c, data := newCollector(t), filepath.Join(t.TempDir(), "data")
	key := createKey(t, data)
	loadMarked(t, data)
	n, err := newNode(t.Context(), nodeConfig{
		at: location{data: data}, role: roleAll, listen: "127.0.0.1:0", log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	code := submitTraced(t, func(r *http.Request) (*http.Response, error) {
		answer := httptest.NewRecorder()
		n.server.Handler.ServeHTTP(answer, r)
		return answer.Result(), nil
	}, n.url(), key, `{"job_name":"estate_export","estatesIds":"all","total":2,"searchOptions":[]}`)
	if err := n.Close(); err != nil { // without having worked
		t.Fatal(err)
	}
	s := tracedServing(t, c.URL, data)
	s.await(t, key, code)
	span := c.await(t, callersTrace, "export estate_export")["export estate_export"]
	if got := fmt.Sprintf("%x", span.ParentSpanId); got != callersSpan {
		t.Errorf("the export is under %s, want the caller's %s", got, callersSpan)
	}
	s.stop(t)
}

// A collector that takes spans and never answers delays neither the start, nor
// the work, nor the end.
func TestCollectorThatHangs(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	hanging := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer hanging.Close()
	defer close(release)
	data := t.TempDir()
	key := createKey(t, data)
	loadMarked(t, data)
	s := tracedServing(t, hanging.URL, data)
	s.await(t, key, s.submit(t, key, `{"job_name":"estate_batch_open_rent","estatesIds":[987650001]}`))
	began := time.Now()
	s.stop(t)
	took := time.Since(began)
	t.Logf("ready after %v, stopped in %v", s.ready, took)
	if took > 5*time.Second {
		t.Errorf("stopping took %v", took)
	}
}

// Settings of OpenTelemetry that cannot be heeded are refused at the start.
func TestTracesAreRefusedWhereTheyCannotBeHeeded(t *testing.T) {
	t.Parallel()
	cmd := command(t, "serve", "--data", t.TempDir(), "--listen", "127.0.0.1:0")
	cmd.Env = append(cmd.Env, "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318", "OTEL_EXPORTER_OTLP_PROTOCOL=grpc")
	var said bytes.Buffer
	cmd.Stderr = &said
	_ = cmd.Run() // the exit code says more
	if got := cmd.ProcessState.ExitCode(); got != exitUsage || !strings.Contains(said.String(), "OTEL_EXPORTER_OTLP_PROTOCOL") {
		t.Errorf("serve = %d, %q; want %d and the variable's name", got, &said, exitUsage)
	}
}

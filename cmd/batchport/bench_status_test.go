package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/batchport/batchport/domain"
)

// BenchmarkStatusReads measures how often a second clients on 64 connections,
// in a process of their own, are told how far a job on SQLite is, beside the
// floor: an operation of Huma in the same server, with the same parameters and
// the same counting around it, that answers the same bytes from memory and asks
// for no key. The two take turns; "ratio" is the median of what is told over the
// floor, and "cpu-ratio" that of the processor time that the floor takes of the
// server over what the other does, which depends less on what else runs: for getBatchStatus of a job that goes on and of an export that has ended, and
// for GET /v1/jobs/{code}.
func BenchmarkStatusReads(b *testing.B) {
	n, key := benchServer(b)
	running, ended := openJob(b, n.database, 1_000), openJob(b, n.database, 1_000)
	completeExport(b, n.database, ended.Ref())
	handler, api := n.server.Handler, newFloorAPI()
	floors := n.watch.Requests(api.mux)
	n.server.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/floor/") {
			floors.ServeHTTP(w, r)
			return
		}
		handler.ServeHTTP(w, r)
	})
	serveInBackground(b, n)

	type contest struct{ name, path, floor string }
	var contests []contest
	for name, path := range map[string]string{
		"running": "/api2/getBatchStatus?batch_code=" + string(running.ID()),
		"ended":   "/api2/getBatchStatus?batch_code=" + string(ended.ID()),
		"v1":      "/v1/jobs/" + string(running.ID()),
	} {
		floor := "/floor/" + name + "?batch_code=" + string(running.ID())
		api.answer(name, benchGet(b, n.url()+path, key))
		contests = append(contests, contest{name, path, floor})
	}
	rate := func(path string) (rate, cost float64) {
		before, began := processorTime(b), time.Now()
		rate = callers{
			Address: n.socket.Addr().String(), Conns: 64, For: time.Second,
			Request: fmt.Sprintf("GET %s HTTP/1.1\r\nHost: bench\r\nX-API-Key: %s\r\nAccept: */*\r\n\r\n", path, key),
		}.rate(b)
		return rate, (processorTime(b) - before).Seconds() / (rate * time.Since(began).Seconds())
	}
	told, floor, ratios, costs := map[string][]float64{}, map[string][]float64{}, map[string][]float64{}, map[string][]float64{}
	for b.Loop() {
		for _, c := range contests {
			bare, bareCost := rate(c.floor)
			real, realCost := rate(c.path)
			costs[c.name] = append(costs[c.name], bareCost/realCost)
			floor[c.name], told[c.name] = append(floor[c.name], bare), append(told[c.name], real)
			ratios[c.name] = append(ratios[c.name], real/bare)
		}
	}
	for _, c := range contests {
		b.ReportMetric(median(told[c.name]), c.name+"/s")
		b.ReportMetric(median(floor[c.name]), c.name+"-floor/s")
		b.ReportMetric(median(ratios[c.name]), c.name+"-ratio")
		b.ReportMetric(median(costs[c.name]), c.name+"-cpu-ratio")
	}
}

// completeExport ends a job of one worker with a file.
func completeExport(b *testing.B, db *database, ref domain.JobRef) {
	b.Helper()
	err := db.store.InTx(b.Context(), func(ctx context.Context) error {
		job, err := db.store.LockJob(ctx, ref)
		if err != nil {
			return err
		}
		total := job.Report().Total
		job.Attach(domain.JobFile{ID: string(ref.ID) + "-1", Name: "物件匯出_20261123.xlsx", Size: 1 << 20})
		if err := errors.Join(job.RecordWhole(domain.Report{Total: total, Exported: total}), job.Complete(time.Now())); err != nil {
			return err
		}
		return db.store.SaveJob(ctx, job)
	})
	if err != nil {
		b.Fatal(err)
	}
}

// benchServer is a node on a data folder with the demo's tenant and a key.
func benchServer(b *testing.B) (n *node, key string) {
	b.Helper()
	n, err := newNode(b.Context(), nodeConfig{
		at: location{data: b.TempDir()}, role: roleAll, files: filesOnDisk, listen: "127.0.0.1:0", log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := n.Close(); err != nil {
			b.Error(err)
		}
	})
	if key, err = n.keys.Create(b.Context(), domain.Principal{Tenant: demoTenant, User: "1", Permissions: []domain.Permission{domain.All}}); err != nil {
		b.Fatal(err)
	}
	return n, key
}

func serveInBackground(b *testing.B, n *node) {
	b.Helper()
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- n.serve(ctx) }()
	b.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			b.Error(err)
		}
	})
}

// benchGet is the body of an answer.
func benchGet(b *testing.B, url, key string) []byte {
	b.Helper()
	r, err := http.NewRequestWithContext(b.Context(), http.MethodGet, url, nil)
	if err != nil {
		b.Fatal(err)
	}
	r.Header.Set("X-API-Key", key)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		b.Fatalf("GET %s = %d %s, %v; want 200", url, response.StatusCode, body, err)
	}
	return body
}

// floorAPI answers from memory.
type floorAPI struct {
	mux     *http.ServeMux
	answers map[string][]byte
}

type floorInput struct {
	Locale string `header:"locale"`
	Code   string `query:"batch_code"`
	Name   string `path:"name"`
}

type floorOutput struct {
	ContentType string `header:"Content-Type"`
	RetryAfter  string `header:"Retry-After"`
	Body        []byte
}

func newFloorAPI() *floorAPI {
	f := &floorAPI{mux: http.NewServeMux(), answers: map[string][]byte{}}
	huma.Register(humago.New(f.mux, huma.DefaultConfig("floor", "1")), huma.Operation{
		OperationID: "floor", Method: http.MethodGet, Path: "/floor/{name}",
	}, func(_ context.Context, in *floorInput) (*floorOutput, error) {
		return &floorOutput{ContentType: "application/json", RetryAfter: "1", Body: f.answers[in.Name]}, nil
	})
	return f
}

// answer has the floor of the name answer with the bytes.
func (f *floorAPI) answer(name string, bytes []byte) { f.answers[name] = bytes }

// processorTime is how much time of the cores this process has taken.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var use syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &use); err != nil {
		b.Fatal(err)
	}
	return time.Duration(use.Utime.Nano() + use.Stime.Nano())
}

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/batchport/batchport/adapters/diskfiles"
	"github.com/batchport/batchport/app/engine"
	"github.com/batchport/batchport/app/estates"
	"github.com/batchport/batchport/domain"
)

// benchFolder returns an open data folder with n estates that can be
// advertised.
func benchFolder(b *testing.B, n int) *database {
	b.Helper()
	folder, err := openDataFolder(b.Context(), b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = folder.Close() })
	if n > 0 {
		if err := floorOf(folder).addEstates(b.Context(), string(benchUser.Tenant), n); err != nil {
			b.Fatal(err)
		}
	}
	return folder
}

// floorOf returns what does the same to a folder as the engine does.
func floorOf(folder *database) floor { return floor(folder.db) }

// runningEngine runs the estates' kinds on a folder with the bell of this
// process, and files on the disk.
func runningEngine(b *testing.B, folder *database) *node {
	b.Helper()
	files, err := diskfiles.New(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = files.Close() })
	n, err := newBenchNode(b.Context(), folder, files, engine.Deps{})
	if err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- n.engine.Run(ctx) }()
	b.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			b.Error(err)
		}
	})
	return n
}

// benchJob submits a job over all n estates and waits for its end.
func benchJob(b *testing.B, node *node, kind domain.Kind, n int) *domain.BatchJob {
	b.Helper()
	return benchRequest(b, node, estates.Request{}, requestForAll(kind, n))
}

// benchRequest submits a job and waits for its end.
func benchRequest(b *testing.B, node *node, r estates.Request, body string) *domain.BatchJob {
	b.Helper()
	job, err := node.runJob(b.Context(), benchUser, r, body, seldom)
	if err != nil {
		b.Fatal(err)
	}
	return job
}

// BenchmarkEditJob measures an edit of 100,000 estates through the engine on
// SQLite, from its submission to its end, beside the floor: the same effects as
// bare multi-row statements in one process, with as many items and as many
// transactions. The two take turns, so that a machine that changes its speed
// changes both; "ratio" is the median of engine over floor.
func BenchmarkEditJob(b *testing.B) {
	const n = 100_000
	folder := benchFolder(b, n)
	node := runningEngine(b, folder)
	listed := false
	var engines, floors, ratios []float64
	for b.Loop() {
		listed = !listed
		began := time.Now()
		job := benchJob(b, node, listing(listed), n)
		through := time.Since(began).Seconds()
		if job.Report().Updated != n {
			b.Fatalf("report %+v, want %d updated", job.Report(), n)
		}
		listed = !listed
		began = time.Now()
		if err := floorOf(folder).edit(b.Context(), string(benchUser.Tenant), n, listed); err != nil {
			b.Fatal(err)
		}
		bare := time.Since(began).Seconds()
		engines, floors, ratios = append(engines, through), append(floors, bare), append(ratios, through/bare)
	}
	b.ReportMetric(n/median(engines), "items/s")
	b.ReportMetric(n/median(floors), "floor-items/s")
	b.ReportMetric(median(ratios), "ratio")
}

// BenchmarkSubmitToEnded measures how long a job of one item takes on the
// embedded default, over HTTP, from the request to the first status that says
// that it has ended.
func BenchmarkSubmitToEnded(b *testing.B) {
	s := startServing(b, b.TempDir(), "--demo")
	var took []float64
	open := false
	for b.Loop() {
		open = !open
		name := map[bool]string{true: "estate_batch_open_rent", false: "estate_batch_close_rent"}[open]
		began := time.Now()
		code := s.submit(b, s.key, fmt.Sprintf(`{"job_name":%q,"estatesIds":[100001]}`, name))
		s.await(b, s.key, code)
		took = append(took, float64(time.Since(began).Microseconds())/1000)
	}
	took = slices.Sorted(slices.Values(took))
	b.ReportMetric(took[len(took)/2], "p50-ms")
	b.ReportMetric(took[len(took)*99/100], "p99-ms")
}

// BenchmarkStart measures how long "serve" takes to be ready on a data folder
// that exists.
func BenchmarkStart(b *testing.B) {
	data := b.TempDir()
	startServing(b, data, "--demo").stop(b)
	var took []float64
	for b.Loop() {
		s := startServing(b, data)
		took = append(took, float64(s.ready.Microseconds())/1000)
		s.stop(b)
	}
	b.ReportMetric(median(took), "ready-ms")
}

// BenchmarkMillion measures a job over a million estates and the memory that
// the process needs for it.
func BenchmarkMillion(b *testing.B) {
	if runtime.GOOS != "linux" {
		b.Skip("reads the peak of memory from /proc")
	}
	const n = 1_000_000
	data := filepath.Join(b.TempDir(), "data")
	stdout, _ := call(b, exitOK, "keys", "create", "--data", data, "--tenant", "acme", "--user", "1", "--all")
	key := strings.TrimSpace(stdout)
	loadMillion(b, data, n)
	s := startServing(b, data)
	open := false
	for b.Loop() {
		open = !open
		name := map[bool]string{true: "estate_batch_open_rent", false: "estate_batch_close_rent"}[open]
		code := s.submit(b, key, fmt.Sprintf(`{"job_name":%q,"estatesIds":"all","total":%d,"searchOptions":{}}`, name, n))
		if got := s.await(b, key, code); got.Code != 200 || got.Data.Failed != 0 {
			b.Fatalf("status %+v, want 200 and nothing failed", got)
		}
	}
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "items/s")
	b.ReportMetric(peakMiB(b, s.cmd.Process.Pid), "peak-MiB")
}

// loadMillion fills a data folder in one statement.
func loadMillion(b *testing.B, data string, n int) {
	b.Helper()
	folder, err := openDataFolder(b.Context(), data)
	if err != nil {
		b.Fatal(err)
	}
	if err := errors.Join(floorOf(folder).addEstates(b.Context(), string(benchUser.Tenant), n), folder.Close()); err != nil {
		b.Fatal(err)
	}
}

// peakMiB is the most memory that a process has had resident.
func peakMiB(b testing.TB, pid int) float64 {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Fatal(err)
	}
	_, after, _ := strings.Cut(string(text), "VmHWM:")
	var kib float64
	if _, err := fmt.Sscan(after, &kib); err != nil {
		b.Fatal(err)
	}
	return kib / 1024
}

package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

// watchers are clients that follow one job, each over a connection of its own.
type watchers struct {
	conns []net.Conn
	heard chan hearing
}

// hearing is when one of them heard of a state.
type hearing struct {
	id   int64
	at   time.Time
	data []byte // of the end
}

// watch lets n clients follow the job, and returns when all have heard of it as
// it is.
func (s *serving) watch(b testing.TB, key, code string, n int) *watchers {
	b.Helper()
	w := &watchers{heard: make(chan hearing, 4*n)}
	b.Cleanup(w.close)
	address := strings.TrimPrefix(s.url, "http://")
	for range n {
		var dialer net.Dialer
		conn, err := dialer.DialContext(b.Context(), "tcp", address)
		if err != nil {
			b.Fatal(err)
		}
		w.conns = append(w.conns, conn)
		if _, err := fmt.Fprintf(conn, "GET /v1/jobs/%s/events HTTP/1.1\r\nHost: %s\r\nX-API-Key: %s\r\n\r\n", code, address, key); err != nil {
			b.Fatal(err)
		}
		go w.listen(conn)
	}
	w.all(b, 0)
	return w
}

func (w *watchers) close() {
	for _, conn := range w.conns {
		_ = conn.Close()
	}
}

// listen reads what one of them is sent: of each event, which the server
// writes at once, the lines "id", "event" and "data".
func (w *watchers) listen(conn io.Reader) {
	lines, heard, last := bufio.NewReader(conn), hearing{}, false
	for {
		line, err := lines.ReadSlice('\n')
		if err != nil {
			return
		}
		name, value, _ := strings.Cut(strings.TrimSpace(string(line)), ": ")
		switch name {
		case "id":
			heard = hearing{at: time.Now()}
			heard.id, _ = strconv.ParseInt(value, 10, 64)
		case "event":
			last = value == "ended"
		case "data":
			if last {
				heard.data = []byte(value)
			}
			w.heard <- heard
		}
	}
}

// all waits until each has heard of the state with the id, or of any when that
// is 0, and returns what it has heard.
func (w *watchers) all(b testing.TB, id int64) (all []hearing) {
	b.Helper()
	timeout := time.After(time.Minute)
	for range w.conns {
		select {
		case heard := <-w.heard:
			if id != 0 && heard.id != id {
				b.Fatalf("a watcher heard of %d, want %d", heard.id, id)
			}
			all = append(all, heard)
		case <-timeout:
			b.Fatalf("%d of %d watchers have heard of the job after a minute", len(all), len(w.conns))
		}
	}
	return all
}

// BenchmarkWatchers measures how long after a commit 1,000 clients that follow
// one job over a connection each hear of it: of commits by another process on
// the same SQLite file, which the server finds by looking, and of one that it has
// made itself. The clients run in this process, on the same cores. "MiB" is
// what the server has resident while they watch, "idle-MiB" what it had before.
func BenchmarkWatchers(b *testing.B) {
	if runtime.GOOS != "linux" {
		b.Skip("reads the memory of the server from /proc")
	}
	const clients, commits = 1_000, 20
	data := b.TempDir()
	s := startServing(b, data, "--demo")
	folder, err := openDataFolder(b.Context(), data)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = folder.Close() })
	idle := residentMiB(b, s.cmd.Process.Pid)
	var others, own, memory []float64
	for b.Loop() {
		job := openJob(b, folder, 1_000_000)
		w := s.watch(b, s.key, string(job.ID()), clients)
		for n := 1; n <= commits; n++ {
			time.Sleep(150*time.Millisecond + time.Duration(rand.IntN(200))*time.Millisecond)
			version := passOne(b, folder, job.Ref(), n)
			committed := time.Now()
			for _, heard := range w.all(b, version) {
				others = append(others, milliseconds(heard.at.Sub(committed)))
			}
		}
		memory = append(memory, residentMiB(b, s.cmd.Process.Pid))
		time.Sleep(200 * time.Millisecond)
		if code, err := s.request(b.Context(), http.MethodPost, "/v1/jobs/"+string(job.ID())+"/cancel", s.key, "", &struct{}{}); err != nil || code != http.StatusOK {
			b.Fatalf("POST cancel = %d, %v; want 200", code, err)
		}
		for _, heard := range w.all(b, 0) {
			var end struct {
				EndedAt time.Time `json:"ended_at"` // a moment before the commit
			}
			if err := json.Unmarshal(heard.data, &end); err != nil {
				b.Fatal(err)
			}
			own = append(own, milliseconds(heard.at.Sub(end.EndedAt)))
		}
		w.close()
	}
	b.ReportMetric(median(others), "p50-ms")
	b.ReportMetric(percentile(others, 99), "p99-ms")
	b.ReportMetric(median(own), "own-p50-ms")
	b.ReportMetric(percentile(own, 99), "own-p99-ms")
	b.ReportMetric(idle, "idle-MiB")
	b.ReportMetric(median(memory), "MiB")
}

// A server that is told to stop lets its streams go at once, and stops.
func TestStreamsDoNotHoldUpAStop(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	s := startServing(t, data, "--demo")
	folder, err := openDataFolder(t.Context(), data)
	if err != nil {
		t.Fatal(err)
	}
	job := openJob(t, folder, 1_000_000)
	if err := folder.Close(); err != nil {
		t.Fatal(err)
	}
	s.watch(t, s.key, string(job.ID()), 50)
	began := time.Now()
	s.stop(t)
	if took := time.Since(began); took > shutdownGrace/2 {
		t.Errorf("stopped after %v, want it not to wait for streams", took)
	}
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// residentMiB is how much memory a process has resident.
func residentMiB(b testing.TB, pid int) float64 {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Fatal(err)
	}
	_, after, _ := strings.Cut(string(text), "VmRSS:")
	var kib float64
	if _, err := fmt.Sscan(after, &kib); err != nil {
		b.Fatal(err)
	}
	return kib / 1024
}

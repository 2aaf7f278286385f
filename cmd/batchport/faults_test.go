package main

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"
)

// fault is one that [TestFaults] inflicts while a job runs.
type fault struct {
	name    string
	stores  []faultStore
	runs    int // without BATCHPORT_TORTURE_FAULTS
	inflict func(w *faultWorld)
}

// faults are those of a running installation. What they have in common is
// checked by [TestFaults]: the job ends, every item was edited once, and the
// counts sum.
var faults = []fault{
	{"a process is killed (SIGKILL)", []faultStore{onSQLite, onPostgres}, 6, func(w *faultWorld) {
		i := w.random.IntN(len(w.workers))
		w.workers[i].kill()
		w.restart(i)
	}},
	{"the process that takes jobs in is killed", []faultStore{onPostgres}, 2, func(w *faultWorld) {
		w.front.kill()
		w.front = w.start(roleAPI)
	}},
	{"a process is told to stop (SIGTERM)", []faultStore{onSQLite, onPostgres}, 3, func(w *faultWorld) {
		i := w.random.IntN(len(w.workers))
		w.workers[i].stop(w.t) // fails after ten seconds
		w.restart(i)
	}},
	{"a process stands still for two leases (SIGSTOP)", []faultStore{onPostgres}, 1, func(w *faultWorld) {
		worker := w.workers[w.random.IntN(len(w.workers))]
		w.signal(worker, syscall.SIGSTOP)
		time.Sleep(2 * faultLease)
		w.signal(worker, syscall.SIGCONT)
		time.Sleep(faultLease)
		var health map[string]any
		if got, err := worker.request(w.t.Context(), http.MethodGet, "/livez", "", "", &health); err != nil || got != http.StatusOK {
			w.t.Errorf("GET /livez of a process that stood still = %d, %v; want 200: it goes on", got, err)
		}
	}},
	{"JetStream's folder is deleted", []faultStore{onSQLite}, 4, func(w *faultWorld) {
		if err := os.RemoveAll(filepath.Join(w.at.data, "jetstream")); err != nil {
			w.t.Error(err)
		}
	}},
	{"JetStream's files are cut short", []faultStore{onSQLite}, 2, func(w *faultWorld) { w.spoilJetStream(truncate) }},
	{"bits flip in JetStream's files", []faultStore{onSQLite}, 2, func(w *faultWorld) { w.spoilJetStream(flipBits) }},
	{"the broker restarts every 2 s", []faultStore{onPostgres}, 2, func(w *faultWorld) {
		for range 3 {
			w.broker.stop()
			w.broker.start()
			next := time.After(2 * time.Second)
			w.await(w.submit(w.edit()), faultItems)
			<-next
		}
	}},
	{"the broker has lost everything", []faultStore{onPostgres}, 2, func(w *faultWorld) { w.broker.forget() }},
	{"consumers are deleted", []faultStore{onPostgres}, 2, func(w *faultWorld) { w.broker.deleteConsumers(w.t.Context()) }},
	{"streams are deleted", []faultStore{onPostgres}, 2, func(w *faultWorld) { w.broker.deleteStreams(w.t.Context()) }},
	{"a message comes ten times at once", []faultStore{onPostgres}, 3, func(w *faultWorld) {
		w.broker.ring("estate_batch_open_rent", 10)
		w.broker.ring("estate_batch_close_rent", 10)
	}},
	{"a request comes fifty times at once, with one Idempotency-Key", []faultStore{onSQLite, onPostgres}, 2, func(w *faultWorld) {
		key, body := fmt.Sprint("fifty-", w.random.Uint64()), w.edit()
		codes := make([]string, 50)
		var group sync.WaitGroup
		for i := range codes {
			group.Go(func() {
				var err error
				if codes[i], err = w.trySubmit(key, body); err != nil {
					w.t.Error(err)
				}
			})
		}
		group.Wait()
		slices.Sort(codes)
		if distinct := slices.Compact(codes); len(distinct) != 1 {
			w.t.Errorf("one request made the jobs %v, want one", distinct)
		}
		w.await(codes[0], faultItems)
	}},
	{"the database ends its connections", []faultStore{onPostgres}, 3, func(w *faultWorld) {
		for range 20 {
			_, err := w.db.db.Write.ExecContext(w.t.Context(), "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = ?", w.processes)
			if err != nil {
				w.t.Error(err)
			}
			time.Sleep(20 * time.Millisecond)
		}
	}},
}

// TestFaults inflicts each fault while jobs run, on each store that it can
// happen on, and prints what came of it. As often as it says, or
// BATCHPORT_TORTURE_FAULTS times as often.
func TestFaults(t *testing.T) {
	t.Parallel()
	times := faultTimes(t)
	var mu sync.Mutex
	var results []faultResult
	t.Run("worlds", func(t *testing.T) {
		for _, store := range []faultStore{onSQLite, onPostgres} {
			t.Run(string(store), func(t *testing.T) {
				t.Parallel()
				w := newFaultWorld(t, store)
				for _, f := range faults {
					for _, s := range f.stores {
						if s == store && !t.Failed() {
							result := w.suffer(f, f.runs*times)
							mu.Lock()
							results = append(results, result)
							mu.Unlock()
						}
					}
				}
			})
		}
	})
	tellFaults(t, results...)
}

func faultTimes(t *testing.T) int {
	text := os.Getenv("BATCHPORT_TORTURE_FAULTS")
	if text == "" {
		return 1
	}
	times, err := strconv.Atoi(text)
	if err != nil || times < 1 {
		t.Fatalf("BATCHPORT_TORTURE_FAULTS is %q, want a number", text)
	}
	return times
}

// suffer runs a job for each time that the fault is inflicted.
func (w *faultWorld) suffer(f fault, runs int) faultResult {
	w.t.Helper()
	result := faultResult{Fault: f.name, Store: w.store}
	for range runs {
		if w.t.Failed() {
			break
		}
		code := w.submit(w.edit())
		w.pause()
		began := time.Now()
		f.inflict(w)
		w.await(code, faultItems)
		result.Worst = max(result.Worst, time.Since(began))
		result.Runs++
	}
	result.Lost, result.Repeated = w.touched()
	w.awaitTold()
	if result.Lost > 0 || result.Repeated > 0 {
		w.t.Errorf("%s, on %s: %d edits lost, %d repeated", f.name, w.store, result.Lost, result.Repeated)
	}
	return result
}

func (w *faultWorld) signal(s *serving, signal os.Signal) {
	w.t.Helper()
	if err := s.cmd.Process.Signal(signal); err != nil {
		w.t.Error(err)
	}
}

// spoilJetStream spoils a file of JetStream's while the process is down, since
// one that runs has it in memory, and starts it again.
func (w *faultWorld) spoilJetStream(spoil func(w *faultWorld, content []byte) []byte) {
	w.t.Helper()
	var files []string
	look := func() error {
		files = nil
		err := filepath.Walk(filepath.Join(w.at.data, "jetstream"), func(path string, info os.FileInfo, err error) error {
			if err == nil && info.Mode().IsRegular() && info.Size() > 0 {
				files = append(files, path)
			}
			return err
		})
		if err == nil && len(files) == 0 {
			err = errors.New("it has none")
		}
		return err
	}
	w.until("JetStream has files", look)
	w.front.kill()
	if err := look(); err != nil { // without those that are no more than a step to others
		w.t.Fatal(err)
	}
	path := files[w.random.IntN(len(files))]
	content, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, spoil(w, content), 0o600)
	}
	if err != nil {
		w.t.Error(err)
	}
	w.restart(0)
}

func truncate(w *faultWorld, content []byte) []byte { return content[:w.random.IntN(len(content))] }

func flipBits(w *faultWorld, content []byte) []byte {
	for range 8 {
		content[w.random.IntN(len(content))] ^= 1 << w.random.IntN(8)
	}
	return content
}

func portOf(t testing.TB, address string) int {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	_, text, err := net.SplitHostPort(u.Host)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return port
}

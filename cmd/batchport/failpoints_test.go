package main

import (
	"context"
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// failpoint is a place in the source at which a process of a build for tests
// kills itself, as SIGKILL would.
type failpoint struct {
	name  string
	file  string
	at    string // what the process dies before; or after, when it ends with a line
	work  string // what reaches it: "edit", "export" or "sync"
	front bool   // it is the process that takes jobs in that dies
}

var failpoints = []failpoint{
	{"a job is about to be stored", "app/engine/submit.go", "		return e.store.AddChunks(ctx, job.Ref(), chunks)\n", "edit", true},
	{"a job is stored, and nobody knows", "app/engine/submit.go", "	e.tell()\n	e.ring(ctx, spec.Kind)\n	return job, nil\n", "edit", true},
	{"work is claimed", "app/engine/worker.go", "	return true, e.do(ctx, claim)\n", "edit", false},
	{"a selection is read", "app/engine/plan.go", "	return total, flush()\n", "edit", false},
	{"a plan is stored, and not visible", "app/engine/plan.go", "	if err := e.publishPlan(ctx, claim, total); err != nil {\n", "edit", false},
	{"a plan is visible, and nobody was rung for", "app/engine/plan.go", "	e.ring(ctx, k.name)\n	return nil\n", "edit", false},
	{"effects are written", "app/engine/chunk.go", "		return e.record(ctx, claim, p, outcomes, c)\n	})\n	if errors.Is(err, errTakenBack)", "edit", false},
	{"a chunk is done, its job not counted", "app/engine/chunk.go", "	job, err := e.store.LockJob(ctx, ref)\n", "edit", false},
	{"the last chunk ends its job", "app/engine/chunk.go", "		return e.saveEnded(ctx, job)\n	}\n	if job.CancelRequested()", "edit", false},
	{"a chunk is committed", "app/engine/worker.go", "		e.forget(claim)\n		e.tell()\n", "edit", false},
	{"events are about to be published", "app/engine/relay.go", "		positions, err := e.events.Publish(ctx, events)\n", "edit", false},
	{"events are published, and not marked", "app/engine/relay.go", "		if err := e.markPublished(ctx, events[:done], positions); err != nil {\n", "edit", false},
	{"a file is written", "app/engine/export.go", "		info, err := w.Commit(ctx)\n", "export", false},
	{"a file is synced, and not in place", "adapters/diskfiles/writer.go", "	if err := w.files.place(w.temp, w.tenant, w.id); err != nil {\n", "export", false},
	{"a file is in place, its job not ended", "app/engine/export.go", "		file = &domain.JobFile{ID: info.ID, Name: name, Size: info.Size}\n", "export", false},
	{"the rules of a sync are written", "app/budgets/sync.go", "		return b.keep(ctx, who, id, now, len(r.rows), s.Answer)\n", "sync", true},
	{"a sync is committed, and not answered", "app/budgets/sync.go", "	if err != nil {\n		return s, fmt.Errorf(\"sync budget rules: %w\", err)\n", "sync", true},
}

// dieAt is the function that a build for tests has in each package with a
// failpoint. The one that FAILPOINT names kills the process.
const dieAt = `package %s

import (
	"os"
	"syscall"
)

func dieAt(name string) {
	if os.Getenv("FAILPOINT") == name {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
}
`

// buildFailpoints builds a binary that has them all.
func buildFailpoints(t *testing.T) string {
	t.Helper()
	var changes []change
	packages := map[string]bool{}
	for _, f := range failpoints {
		folder := f.file[:strings.LastIndex(f.file, "/")]
		if !packages[folder] {
			packages[folder] = true
			name := folder[strings.LastIndex(folder, "/")+1:]
			changes = append(changes, change{file: folder + "/failpoint.go", to: fmt.Sprintf(dieAt, name)})
		}
		changes = append(changes, change{file: f.file, from: f.at, to: fmt.Sprintf("dieAt(%q)\n%s", f.name, f.at)})
	}
	return buildWith(t, changes...)
}

// TestFailpoints lets a process die at every failpoint: the client sends its
// request again, other processes go on, and everything is there once.
func TestFailpoints(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it builds the program anew")
	}
	deadly := buildFailpoints(t)
	times := faultTimes(t)
	for _, store := range []faultStore{onSQLite, onPostgres} {
		t.Run(string(store), func(t *testing.T) {
			t.Parallel()
			w := newFaultWorld(t, store)
			result := faultResult{Fault: fmt.Sprintf("a process dies at one of %d failpoints", len(failpoints)), Store: store}
			for range times {
				for _, f := range failpoints {
					result.Worst = max(result.Worst, w.dieAt(deadly, f))
					result.Runs++
				}
			}
			result.Lost, result.Repeated = w.touched()
			if result.Lost > 0 || result.Repeated > 0 {
				t.Errorf("%d edits lost, %d repeated", result.Lost, result.Repeated)
			}
			w.awaitTold()
			tellFaults(t, result)
		})
	}
}

// dieAt does work of which a process dies at the failpoint, and returns how
// long it took from then on.
func (w *faultWorld) dieAt(deadly string, f failpoint) time.Duration {
	w.t.Helper()
	victim := w.expose(deadly, f)
	work := w.faultWork(f)
	_ = work.send() // it may die before it answers
	select {
	case <-victim.ended:
	case <-time.After(20 * time.Second):
		w.t.Fatalf("nobody reached the failpoint %q", f.name)
	}
	began := time.Now()
	w.recover()
	w.until("it is taken in after the death at "+f.name, work.send)
	work.check()
	return time.Since(began)
}

// expose puts a process in place that will die at the failpoint, and no other
// that could do its work.
func (w *faultWorld) expose(deadly string, f failpoint) *serving {
	w.t.Helper()
	start := func(r role) *serving {
		cmd := exec.Command(deadly, append([]string{"serve", "--data", w.at.data, "--listen", "127.0.0.1:0"}, w.flags(r)...)...)
		cmd.Env = append(command(w.t).Env, "FAILPOINT="+f.name)
		return launch(w.t, cmd)
	}
	switch {
	case w.store == onSQLite:
		w.front.stop(w.t)
		w.front = start(roleAll)
		w.workers[0] = w.front
		return w.front
	case f.front:
		w.front.stop(w.t)
		w.front = start(roleAPI)
		return w.front
	default:
		for _, worker := range w.workers {
			worker.stop(w.t)
		}
		if strings.HasPrefix(f.name, "events ") {
			w.front.stop(w.t) // it publishes too
			w.front, w.workers = start(roleAll), nil
			return w.front
		}
		w.workers = []*serving{start(roleWorker)}
		return w.workers[0]
	}
}

// recover brings everything back that [faultWorld.expose] took away.
func (w *faultWorld) recover() {
	w.t.Helper()
	dead := func(s *serving) bool {
		select {
		case <-s.ended:
			return true
		default:
			return false
		}
	}
	if w.store == onSQLite {
		w.restart(0)
		return
	}
	if dead(w.front) {
		w.front = w.start(roleAPI)
	}
	var alive []*serving
	for _, worker := range w.workers {
		if !dead(worker) {
			alive = append(alive, worker)
		}
	}
	for len(alive) < 2 {
		alive = append(alive, w.start(roleWorker))
	}
	w.workers = alive
}

// faultWork is work that is sent until it was taken in, as one and the same.
type faultWork struct {
	send  func() error
	check func()
}

func (w *faultWorld) faultWork(f failpoint) faultWork {
	key := fmt.Sprintf("%s-%d", f.name[:8], w.random.Uint64())
	var code string
	job := func(body string, check func()) faultWork {
		return faultWork{check: check, send: func() (err error) {
			code, err = w.trySubmit(key, body)
			return err
		}}
	}
	switch f.work {
	case "edit":
		return job(w.edit(), func() { w.await(code, faultItems) })
	case "export":
		return job(fmt.Sprintf(`{"job_name":"estate_export","estatesIds":"all","total":%d,"searchOptions":[]}`, faultItems), func() {
			var answer status
			w.until("the export has ended", func() (err error) {
				answer, err = w.look(code)
				return first(err, unless(answer.Success, "it is at %d %%", answer.Process))
			})
			checkFile(w.t, answer.Data.URL)
		})
	default:
		return w.syncWork(key)
	}
}

// syncWork is a sync of rules that are new. Answered a second time it says
// what it said, or would have said, the first time.
func (w *faultWorld) syncWork(bizID string) faultWork {
	var answer struct {
		Code int `json:"resCode"`
		Data struct {
			Created string `json:"created"`
		} `json:"data"`
	}
	rows := strings.ReplaceAll(syncRows(100), `"R`, fmt.Sprintf(`"%d-R`, w.random.Uint32()))
	return faultWork{
		send: func() error {
			ctx, cancel := context.WithTimeout(w.t.Context(), 10*time.Second)
			defer cancel()
			request, err := http.NewRequestWithContext(ctx, http.MethodPost, w.front.url+"/common/budgets/v2/glBudgetRuleJson/batch",
				strings.NewReader(fmt.Sprintf(`{"bizId":%q,"timestamp":1636600092809,"data":%s}`, bizID, rows)))
			if err != nil {
				return err
			}
			request.Header.Set("Authorization", "Bearer "+w.key)
			request.Header.Set("locale", "en_US")
			code, err := decodeAnswer(request, &answer)
			return first(err, unless(code == http.StatusOK, "the sync is answered with %d", code))
		},
		check: func() {
			if answer.Code != 200_000 || answer.Data.Created != "100 rows created" {
				w.t.Errorf("the sync is answered %+v, want 100 rows created", answer)
			}
		},
	}
}

func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// checkFile makes sure that a link leads to a whole file.
func checkFile(t testing.TB, link string) {
	t.Helper()
	response, err := http.Get(link)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK || response.ContentLength < 100_000 {
		t.Errorf("GET %s = %s with %d bytes, want the whole file", link, response.Status, response.ContentLength)
	}
}

package engine_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/batchport/batchport/adapters/memory"
	"github.com/batchport/batchport/app/engine"
	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

// counts is a table of the tests' own: how often each item took effect.
type counts struct {
	store *memory.Store
	mu    sync.Mutex
	of    map[int]int
	order []string
}

func (c *counts) add(ctx context.Context, job *domain.BatchJob, item int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.of[item]++
	c.order = append(c.order, string(job.ID()))
	c.store.OnRollback(ctx, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.of[item]--
		c.order = c.order[:len(c.order)-1]
	})
}

// committed returns how often an item took effect, between two transactions.
func (c *counts) committed(t *testing.T, item int) (n int) {
	t.Helper()
	err := c.store.InTx(t.Context(), func(context.Context) error {
		c.mu.Lock()
		defer c.mu.Unlock()
		n = c.of[item]
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// addAll is the Apply of a kind that does nothing wrong.
func (c *counts) addAll(ctx context.Context, job *domain.BatchJob, _ plan, items []int) ([]domain.Outcome, error) {
	outcomes := make([]domain.Outcome, len(items))
	for i, item := range items {
		c.add(ctx, job, item)
		outcomes[i] = domain.Outcome{Fate: domain.Updated}
	}
	return outcomes, nil
}

// plan is the payload of the tests' kinds.
type plan struct{ N int }

type fixture struct {
	store  *memory.Store
	stream *memory.EventStream
	files  *memory.Files
	deps   engine.Deps
	counts *counts
}

func newFixture() *fixture {
	f := &fixture{store: memory.NewStore(time.Now), stream: memory.NewEventStream(), files: memory.NewFiles()}
	f.deps = engine.Deps{Store: f.store, Bell: memory.NewBell(), Events: f.stream, Files: f.files}
	f.counts = &counts{store: f.store, of: map[int]int{}}
	return f
}

func (f *fixture) engine(t *testing.T, cfg engine.Config) *engine.Engine {
	t.Helper()
	e, err := engine.New(f.deps, cfg)
	if err != nil {
		t.Fatalf("New() = %v, want an engine", err)
	}
	return e
}

func register(t *testing.T, e *engine.Engine, k engine.Kind[plan, int]) *engine.Jobs[plan, int] {
	t.Helper()
	jobs, err := engine.Register(e, k)
	if err != nil {
		t.Fatalf("Register(%s) = %v, want nil", k.Name, err)
	}
	return jobs
}

// start runs the engine until stop is called, which waits for its end.
func start(t *testing.T, e *engine.Engine) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()
	return sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run() = %v, want nil", err)
		}
	})
}

func user(tenant domain.TenantID) domain.Principal {
	return domain.Principal{Tenant: tenant, User: "1", Permissions: []domain.Permission{domain.All}}
}

func numbers(n int) []int { return slices.Collect(maps.Values(seq(n))) }

func seq(n int) map[int]int {
	m := make(map[int]int, n)
	for i := range n {
		m[i] = i
	}
	return m
}

func submit(t *testing.T, jobs *engine.Jobs[plan, int], who domain.Principal, r engine.Request[plan, int]) *domain.BatchJob {
	t.Helper()
	job, err := jobs.Submit(t.Context(), who, r)
	if err != nil {
		t.Fatalf("Submit() = %v, want a job", err)
	}
	return job
}

// await waits for the job's end and checks its state.
func await(t *testing.T, e *engine.Engine, who domain.Principal, id domain.JobID, want domain.JobState) *domain.BatchJob {
	t.Helper()
	for range 3600 {
		job, err := e.Find(t.Context(), who, id)
		if err != nil {
			t.Fatalf("Find(%s) = %v, want the job", id, err)
		}
		if job.State().Ended() {
			if job.State() != want {
				t.Fatalf("job %s ended as %s because of %v, want %s", id, job.State(), job.Cause(), want)
			}
			return job
		}
		time.Sleep(100 * time.Millisecond) // of a synctest bubble
	}
	t.Fatalf("job %s has not ended after six minutes", id)
	return nil
}

func (f *fixture) topics() (topics []string) {
	for _, e := range f.stream.Events() {
		topics = append(topics, fmt.Sprintf("%s %d", e.Topic, e.Sequence))
	}
	return topics
}

func TestEveryItemEndsOnceAndTheEndIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture()
		e := f.engine(t, engine.Config{})
		jobs := register(t, e, engine.Kind[plan, int]{Name: "edit", Apply: f.counts.addAll})
		defer start(t, e)()
		job := submit(t, jobs, user("a"), engine.Request[plan, int]{Items: numbers(2500)})
		job = await(t, e, user("a"), job.ID(), domain.JobCompleted)
		if got, want := job.Report(), (domain.Report{Total: 2500, Updated: 2500}); got != want {
			t.Errorf("report = %+v, want %+v", got, want)
		}
		if got := f.counts.of; !maps.Equal(got, onceEach(2500)) {
			t.Errorf("effects = %d items, want each of 2500 once", len(got))
		}
		time.Sleep(time.Second) // the relay gathers for a moment
		if got, want := f.topics(), []string{"job.edit.submitted 1", "job.edit.completed 2"}; !slices.Equal(got, want) {
			t.Errorf("events = %q, want %q", got, want)
		}
	})
}

func onceEach(n int) map[int]int {
	m := map[int]int{}
	for i := range n {
		m[i] = 1
	}
	return m
}

// A bad row never fails a good row, whatever it does.
func TestBadItemsStandAlone(t *testing.T) {
	boom := errors.New("boom")
	for name, harm := range map[string]struct {
		do   func() ([]domain.Outcome, error)
		code domain.Code
	}{
		"the data is refused": {func() ([]domain.Outcome, error) {
			return nil, domain.Fail(domain.NewFailure(domain.CodeRejected, "name", "x"))
		}, domain.CodeRejected},
		"panic":            {func() ([]domain.Outcome, error) { panic(boom) }, domain.CodeInternal},
		"an unknown error": {func() ([]domain.Outcome, error) { return nil, boom }, domain.CodeInternal},
		"too few outcomes": {func() ([]domain.Outcome, error) { return []domain.Outcome{}, nil }, domain.CodeInternal},
		"an outcome of no kind": {func() ([]domain.Outcome, error) {
			return []domain.Outcome{{Fate: "well"}}, nil
		}, domain.CodeInternal},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFixture()
				e := f.engine(t, engine.Config{ChunkSize: 50})
				bad := []int{0, 51, 52, 149}
				jobs := register(t, e, engine.Kind[plan, int]{
					Name: "edit",
					Apply: func(ctx context.Context, job *domain.BatchJob, p plan, items []int) ([]domain.Outcome, error) {
						outcomes, err := f.counts.addAll(ctx, job, p, items)
						for _, item := range items {
							if job.Tenant() == "a" && slices.Contains(bad, item) {
								return harm.do()
							}
						}
						return outcomes, err
					},
				})
				defer start(t, e)()
				job := submit(t, jobs, user("a"), engine.Request[plan, int]{Items: inOrder(150)})
				neighbour := submit(t, jobs, user("b"), engine.Request[plan, int]{Items: []int{1000, 1001}})
				job = await(t, e, user("a"), job.ID(), domain.JobCompleted)
				if got, want := job.Report(), (domain.Report{Total: 150, Updated: 146, Failed: 4}); got != want {
					t.Errorf("report = %+v, want %+v", got, want)
				}
				failures, err := e.Failures(t.Context(), user("a"), job.ID(), -1, 100)
				if err != nil || len(failures) != len(bad) {
					t.Fatalf("Failures() = %v, %v; want those of %v", failures, err, bad)
				}
				for i, failure := range failures {
					if failure.Index != bad[i] || failure.Key != fmt.Sprint(bad[i]) || failure.Failure.Code != harm.code {
						t.Errorf("failure %d = %+v, want item %d with %s", i, failure, bad[i], harm.code)
					}
				}
				await(t, e, user("b"), neighbour.ID(), domain.JobCompleted)
				want := onceEach(150)
				want[1000], want[1001] = 1, 1
				for _, item := range bad {
					want[item] = 0
				}
				if !maps.Equal(f.counts.of, want) {
					t.Errorf("effects of the good items are not exactly one each")
				}
			})
		})
	}
}

func inOrder(n int) []int {
	items := make([]int, n)
	for i := range items {
		items[i] = i
	}
	return items
}

// k bad items of n cost about k·log n calls, not n.
func TestIsolationTakesFewCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture()
		e := f.engine(t, engine.Config{})
		calls := 0
		jobs := register(t, e, engine.Kind[plan, int]{
			Name: "edit",
			Apply: func(_ context.Context, _ *domain.BatchJob, _ plan, items []int) ([]domain.Outcome, error) {
				calls++
				if slices.Contains(items, 7) || slices.Contains(items, 700) {
					return nil, domain.CodeRejected
				}
				return slices.Repeat([]domain.Outcome{{Fate: domain.Created}}, len(items)), nil
			},
		})
		defer start(t, e)()
		job := submit(t, jobs, user("a"), engine.Request[plan, int]{Items: inOrder(1000)})
		job = await(t, e, user("a"), job.ID(), domain.JobCompleted)
		if job.Report().Failed != 2 || calls > 2*2*11 {
			t.Errorf("2 bad items of 1000: %d failed after %d calls, want 2 after at most 44", job.Report().Failed, calls)
		}
	})
}

// Jobs of one tenant on one resource run in turn; other tenants and readers
// run beside them.
func TestJobsOnOneResourceRunInTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture()
		e := f.engine(t, engine.Config{ChunkSize: 10})
		release := make(chan struct{})
		slow := register(t, e, engine.Kind[plan, int]{
			Name: "slow", Resource: "things",
			Select: func(context.Context, *domain.BatchJob, plan) iter.Seq2[int, error] { return pairs(30) },
			Apply: func(ctx context.Context, job *domain.BatchJob, p plan, items []int) ([]domain.Outcome, error) {
				return f.counts.addAll(ctx, job, p, items)
			},
		})
		look, err := engine.RegisterExport(e, engine.Export[plan, int]{
			Name: "look", FileName: func(*domain.BatchJob, plan) string { return "x" },
			Write: func(_ context.Context, _ *domain.BatchJob, _ plan, items []int, w io.Writer, record engine.Recorder[int]) error {
				<-release
				for i, item := range items {
					if err := record(i, item, domain.Outcome{Fate: domain.Exported}); err != nil {
						return err
					}
				}
				_, err := io.WriteString(w, "content")
				return err
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		reader, err := look.Submit(t.Context(), user("a"), engine.Request[plan, int]{Items: []int{1}})
		if err != nil {
			t.Fatal(err)
		}
		first := submit(t, slow, user("a"), engine.Request[plan, int]{All: true})
		second := submit(t, slow, user("a"), engine.Request[plan, int]{Items: inOrder(30)})
		defer start(t, e)()
		await(t, e, user("a"), second.ID(), domain.JobCompleted)
		if got := slices.Compact(slices.Clone(f.counts.order)); !slices.Equal(got, []string{string(first.ID()), string(second.ID())}) {
			t.Errorf("effects came from jobs %v, want all of %s and then all of %s", got, first.ID(), second.ID())
		}
		close(release)
		await(t, e, user("a"), reader.ID(), domain.JobCompleted)
	})
}

func pairs(n int) iter.Seq2[int, error] {
	return func(yield func(int, error) bool) {
		for i := range n {
			if !yield(i, nil) {
				return
			}
		}
	}
}

// A selection is checked against what the caller saw; a mismatch changes
// nothing and gives both numbers.
func TestASelectionOfAnotherSizeChangesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture()
		e := f.engine(t, engine.Config{})
		jobs := register(t, e, engine.Kind[plan, int]{
			Name:   "edit",
			Select: func(context.Context, *domain.BatchJob, plan) iter.Seq2[int, error] { return pairs(5) },
			Apply:  f.counts.addAll,
		})
		defer start(t, e)()
		six, five := 6, 5
		job := submit(t, jobs, user("a"), engine.Request[plan, int]{All: true, Expected: &six})
		job = await(t, e, user("a"), job.ID(), domain.JobFailed)
		cause := job.Cause()
		if cause.Code != domain.CodeTotalMismatch || cause.Params["expected"] != "6" || cause.Params["found"] != "5" || len(f.counts.of) != 0 {
			t.Errorf("cause = %+v with %d effects, want both numbers and no effect", cause, len(f.counts.of))
		}
		job = submit(t, jobs, user("a"), engine.Request[plan, int]{All: true, Expected: &five})
		if job = await(t, e, user("a"), job.ID(), domain.JobCompleted); job.Report().Updated != 5 {
			t.Errorf("report = %+v, want 5 updated", job.Report())
		}
	})
}

func TestASelectionBeyondTheLimitFailsTheJob(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture()
		e := f.engine(t, engine.Config{MaxSelected: 4, ChunkSize: 2})
		jobs := register(t, e, engine.Kind[plan, int]{
			Name:   "edit",
			Select: func(context.Context, *domain.BatchJob, plan) iter.Seq2[int, error] { return pairs(5) },
			Apply:  f.counts.addAll,
		})
		defer start(t, e)()
		job := submit(t, jobs, user("a"), engine.Request[plan, int]{All: true})
		job = await(t, e, user("a"), job.ID(), domain.JobFailed)
		if job.Cause().Code != domain.CodeTooMany || len(f.counts.of) != 0 {
			t.Errorf("cause = %v with %d effects, want %s and none", job.Cause(), len(f.counts.of), domain.CodeTooMany)
		}
	})
}

func TestCancelEndsTheRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture()
		e := f.engine(t, engine.Config{ChunkSize: 10, Workers: 1})
		jobs := register(t, e, engine.Kind[plan, int]{
			Name: "edit",
			Apply: func(ctx context.Context, job *domain.BatchJob, p plan, items []int) ([]domain.Outcome, error) {
				if items[0] == 10 {
					go func() { // once this chunk is committed, and before all are
						_, _ = e.Cancel(context.Background(), user("a"), job.ID())
					}()
				}
				if items[0] == 90 {
					t.Error("the last chunk was applied after the cancel")
				}
				time.Sleep(time.Second)
				return f.counts.addAll(ctx, job, p, items)
			},
		})
		defer start(t, e)()
		job := submit(t, jobs, user("a"), engine.Request[plan, int]{Items: inOrder(100)})
		job = await(t, e, user("a"), job.ID(), domain.JobCancelled)
		report := job.Report()
		if report.Updated < 20 || report.Cancelled == 0 || report.Pending() != 0 || len(f.counts.of) != report.Updated {
			t.Errorf("report = %+v with %d effects, want some updated, the rest cancelled", report, len(f.counts.of))
		}
		if _, err := e.Cancel(t.Context(), user("a"), job.ID()); !errors.Is(err, domain.CodeConflict) {
			t.Errorf("Cancel(an ended job) = %v, want %s", err, domain.CodeConflict)
		}
		if _, err := e.Cancel(t.Context(), user("b"), job.ID()); !errors.Is(err, domain.CodeNotFound) {
			t.Errorf("Cancel(another tenant's job) = %v, want %s", err, domain.CodeNotFound)
		}
	})
}

// Whoever stops the process gets it back within the grace, and what was in
// hand is done by the next one without a stain.
func TestAGracefulStopGivesWorkBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture()
		stuck := true
		kind := engine.Kind[plan, int]{
			Name: "edit",
			Apply: func(ctx context.Context, job *domain.BatchJob, p plan, items []int) ([]domain.Outcome, error) {
				if stuck {
					<-ctx.Done()
					return nil, ctx.Err()
				}
				return f.counts.addAll(ctx, job, p, items)
			},
		}
		e := f.engine(t, engine.Config{Grace: 3 * time.Second})
		jobs := register(t, e, kind)
		stop := start(t, e)
		job := submit(t, jobs, user("a"), engine.Request[plan, int]{Items: inOrder(3)})
		time.Sleep(time.Second)
		began := time.Now()
		stop()
		if took := time.Since(began); took > 4*time.Second {
			t.Errorf("Run went on for %v after its context ended, want at most the grace of 3s", took)
		}
		stuck = false
		next := f.engine(t, engine.Config{})
		register(t, next, kind)
		defer start(t, next)()
		job = await(t, next, user("a"), job.ID(), domain.JobCompleted)
		if waiting, err := f.store.Waiting(t.Context()); err != nil || len(waiting) > 0 || job.Report().Updated != 3 {
			t.Errorf("after the stop: report %+v, waiting %v, %v; want 3 updated", job.Report(), waiting, err)
		}
	})
}

// An Apply that never ends must not hold its job for ever.
func TestASlowItemIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture()
		e := f.engine(t, engine.Config{Lease: 8 * time.Second})
		jobs := register(t, e, engine.Kind[plan, int]{
			Name: "edit",
			Apply: func(ctx context.Context, job *domain.BatchJob, p plan, items []int) ([]domain.Outcome, error) {
				if slices.Contains(items, 1) {
					<-ctx.Done()
					return nil, ctx.Err()
				}
				return f.counts.addAll(ctx, job, p, items)
			},
		})
		defer start(t, e)()
		job := submit(t, jobs, user("a"), engine.Request[plan, int]{Items: inOrder(3)})
		job = await(t, e, user("a"), job.ID(), domain.JobCompleted)
		if job.Report().Failed != 1 || job.Report().Updated != 2 {
			t.Errorf("report = %+v, want 1 failed and 2 updated", job.Report())
		}
	})
}

// A kind that does not heed its context holds what nobody can take from it. The
// process must end; that is what Run's error is for.
func TestAHungKindEndsRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture()
		e := f.engine(t, engine.Config{})
		release := make(chan struct{})
		jobs := register(t, e, engine.Kind[plan, int]{
			Name: "edit",
			Apply: func(context.Context, *domain.BatchJob, plan, []int) ([]domain.Outcome, error) {
				<-release
				return nil, errors.New("too late")
			},
		})
		ended := make(chan error, 1)
		go func() { ended <- e.Run(t.Context()) }()
		began := time.Now()
		submit(t, jobs, user("a"), engine.Request[plan, int]{Items: inOrder(3)})
		if err := <-ended; err == nil || !strings.Contains(err.Error(), "heed") {
			t.Errorf("Run() = %v, want an error that says that a kind does not heed its context", err)
		}
		if took := time.Since(began); took > 90*time.Second {
			t.Errorf("Run went on for %v with a kind that hangs, want about the lease of a minute", took)
		}
		close(release)
	})
}

// What takes its workers down may sit in any of the kind's code.
func TestAKeyThatPanicsFailsItsItem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture()
		e := f.engine(t, engine.Config{})
		jobs := register(t, e, engine.Kind[plan, int]{
			Name: "edit",
			Key: func(item int) string {
				if item == 1 {
					panic("no key")
				}
				return fmt.Sprint(item)
			},
			Apply: func(_ context.Context, _ *domain.BatchJob, _ plan, items []int) ([]domain.Outcome, error) {
				return slices.Repeat([]domain.Outcome{domain.FailedWith(domain.Failure{Code: domain.CodeNotFound})}, len(items)), nil
			},
		})
		defer start(t, e)()
		job := submit(t, jobs, user("a"), engine.Request[plan, int]{Items: inOrder(3)})
		await(t, e, user("a"), job.ID(), domain.JobCompleted)
		failures, err := e.Failures(t.Context(), user("a"), job.ID(), -1, 10)
		if err != nil || len(failures) != 3 || failures[1].Failure.Code != domain.CodeInternal || failures[2].Failure.Code != domain.CodeNotFound {
			t.Errorf("Failures() = %+v, %v; want item 1 internal, the others as the kind says", failures, err)
		}
	})
}

// refusing is a stream that takes no event of one job, ever.
type refusing struct {
	*memory.EventStream
	job domain.JobID
}

func (s *refusing) Publish(ctx context.Context, events []domain.Event) ([]ports.StreamPosition, error) {
	for i, event := range events {
		if event.Subject == string(s.job) {
			positions, err := s.EventStream.Publish(ctx, events[:i])
			return positions, errors.Join(err, domain.CodeTooLarge)
		}
	}
	return s.EventStream.Publish(ctx, events)
}

// One event that the stream refuses does not stand in the way of others.
func TestARefusedEventIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture()
		stream := &refusing{EventStream: f.stream}
		f.deps.Events = stream
		e := f.engine(t, engine.Config{})
		jobs := register(t, e, engine.Kind[plan, int]{Name: "edit", Apply: f.counts.addAll})
		bad := submit(t, jobs, user("a"), engine.Request[plan, int]{Items: inOrder(3)})
		stream.job = bad.ID()
		good := submit(t, jobs, user("b"), engine.Request[plan, int]{Items: inOrder(3)})
		defer start(t, e)()
		await(t, e, user("b"), good.ID(), domain.JobCompleted)
		time.Sleep(10 * time.Second)
		if got := ids(f.stream.Events()); len(got) != 2 || !strings.HasPrefix(got[0], string(good.ID())) {
			t.Errorf("events = %v, want both of job %s", got, good.ID())
		}
	})
}

// A small job does not wait for another tenant's long exports.
func TestExportsLeaveAWorkerForChunks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture()
		e := f.engine(t, engine.Config{Workers: 3})
		edit := register(t, e, engine.Kind[plan, int]{Name: "edit", Apply: f.counts.addAll})
		look, err := engine.RegisterExport(e, engine.Export[plan, int]{
			Name: "look", FileName: func(*domain.BatchJob, plan) string { return "x" },
			Write: func(ctx context.Context, _ *domain.BatchJob, _ plan, items []int, w io.Writer, record engine.Recorder[int]) error {
				time.Sleep(10 * time.Minute)
				_, err := io.WriteString(w, "content")
				return errors.Join(err, record(0, items[0], domain.Outcome{Fate: domain.Exported}))
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		var exports []*domain.BatchJob
		for range 4 {
			job, err := look.Submit(t.Context(), user("a"), engine.Request[plan, int]{Items: []int{1}})
			if err != nil {
				t.Fatal(err)
			}
			exports = append(exports, job)
		}
		defer start(t, e)()
		time.Sleep(5 * time.Second)
		began := time.Now()
		job := submit(t, edit, user("b"), engine.Request[plan, int]{Items: inOrder(3)})
		await(t, e, user("b"), job.ID(), domain.JobCompleted)
		if took := time.Since(began); took > time.Second {
			t.Errorf("the small job took %v beside exports, want it at once", took)
		}
		for range 15 { // four exports, two at a time
			time.Sleep(2 * time.Minute)
		}
		for _, job := range exports {
			await(t, e, user("a"), job.ID(), domain.JobCompleted)
		}
	})
}

// flaky is a store that cannot write for a while once work is claimed.
type flaky struct {
	ports.Store
	down atomic.Bool
}

func (s *flaky) write(do func() error) error {
	if s.down.Load() {
		return domain.Unavailable(errors.New("disk full"))
	}
	return do()
}

func (s *flaky) FinishChunk(ctx context.Context, claim ports.Claim) error {
	return s.write(func() error { return s.Store.FinishChunk(ctx, claim) })
}

func (s *flaky) Release(ctx context.Context, claim ports.Claim, delay time.Duration) error {
	return s.write(func() error { return s.Store.Release(ctx, claim, delay) })
}

func (s *flaky) Expire(ctx context.Context, everything bool) (n int, err error) {
	err = s.write(func() error {
		n, err = s.Store.Expire(ctx, everything)
		return err
	})
	return n, err
}

// A full disk refuses everything, giving work back included. Once there is
// room, the work goes on as if nothing had been.
func TestADiskThatWasFullMakesNobodySuspect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture()
		store := &flaky{Store: f.store}
		store.down.Store(true)
		f.deps.Store = store
		e := f.engine(t, engine.Config{})
		var sizes []int
		jobs := register(t, e, engine.Kind[plan, int]{
			Name: "edit",
			Apply: func(ctx context.Context, job *domain.BatchJob, p plan, items []int) ([]domain.Outcome, error) {
				sizes = append(sizes, len(items))
				return f.counts.addAll(ctx, job, p, items)
			},
		})
		defer start(t, e)()
		job := submit(t, jobs, user("a"), engine.Request[plan, int]{Items: inOrder(3)})
		time.Sleep(20 * time.Second)
		store.down.Store(false)
		await(t, e, user("a"), job.ID(), domain.JobCompleted)
		if want := []int{3, 3}; !slices.Equal(sizes, want) {
			t.Errorf("Apply was called with %v items, want %v: the chunk as it was", sizes, want)
		}
	})
}

// Faults of the store never count against an item, however often they come.
func TestAStoreThatIsDownCostsOnlyTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture()
		store := &flaky{Store: f.store}
		store.down.Store(true)
		f.deps.Store = store
		e := f.engine(t, engine.Config{})
		jobs := register(t, e, engine.Kind[plan, int]{Name: "edit", Apply: f.counts.addAll})
		defer start(t, e)()
		job := submit(t, jobs, user("a"), engine.Request[plan, int]{Items: inOrder(3)})
		time.Sleep(10 * time.Minute)
		if n := f.counts.committed(t, 0); n != 0 {
			t.Errorf("effects while the store is down = %d, want none", n)
		}
		store.down.Store(false)
		job = await(t, e, user("a"), job.ID(), domain.JobCompleted)
		if job.Report().Updated != 3 || !maps.Equal(f.counts.of, onceEach(3)) {
			t.Errorf("report = %+v, effects %v; want each item once", job.Report(), f.counts.of)
		}
	})
}

// A submitter who lost the permission before the job started gets nothing done.
func TestALostPermissionStopsAJobBeforeItStarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture()
		f.deps.Authority = f.store // without a key, nobody holds anything
		e := f.engine(t, engine.Config{})
		jobs := register(t, e, engine.Kind[plan, int]{
			Name: "edit", Apply: f.counts.addAll,
			Select: func(context.Context, *domain.BatchJob, plan) iter.Seq2[int, error] { return pairs(5) },
		})
		named := submit(t, jobs, user("a"), engine.Request[plan, int]{Items: inOrder(3)})
		all := submit(t, jobs, user("a"), engine.Request[plan, int]{All: true})
		if err := f.store.AddAPIKey(t.Context(), ports.APIKey{ID: "k", Tenant: "b", User: "1", Permissions: []domain.Permission{"edit"}}); err != nil {
			t.Fatal(err)
		}
		allowed := submit(t, jobs, user("b"), engine.Request[plan, int]{Items: inOrder(3)})
		defer start(t, e)()
		for _, job := range []*domain.BatchJob{named, all} {
			job = await(t, e, user("a"), job.ID(), domain.JobFailed)
			if job.Cause().Code != domain.CodeForbidden || job.Report().Pending() != 0 {
				t.Errorf("cause = %v, report %+v; want %s and nothing pending", job.Cause(), job.Report(), domain.CodeForbidden)
			}
		}
		await(t, e, user("b"), allowed.ID(), domain.JobCompleted)
	})
}

func TestOneIdempotencyKeyMakesOneJob(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture()
		e := f.engine(t, engine.Config{SweepEvery: time.Hour})
		jobs := register(t, e, engine.Kind[plan, int]{Name: "edit", Apply: f.counts.addAll})
		defer start(t, e)()
		request := engine.Request[plan, int]{Items: inOrder(3), IdempotencyKey: "k"}
		ids := make([]domain.JobID, 50)
		var group sync.WaitGroup
		for i := range ids {
			group.Go(func() {
				if job, err := jobs.Submit(t.Context(), user("a"), request); err == nil {
					ids[i] = job.ID()
				}
			})
		}
		group.Wait()
		if distinct := slices.Compact(slices.Sorted(slices.Values(ids))); len(distinct) != 1 || distinct[0] == "" {
			t.Errorf("50 submissions with one key made jobs %v, want one", distinct)
		}
		other := request
		other.Items = inOrder(4)
		if _, err := jobs.Submit(t.Context(), user("a"), other); !errors.Is(err, domain.CodeMismatch) {
			t.Errorf("Submit(the key, another request) = %v, want %s", err, domain.CodeMismatch)
		}
		if job := submit(t, jobs, user("b"), other); job.ID() == ids[0] {
			t.Errorf("another tenant with the key got job %s, want its own", job.ID())
		}
		time.Sleep(8 * 24 * time.Hour)
		if job := submit(t, jobs, user("a"), other); job.ID() == ids[0] {
			t.Errorf("after 8 days the key still gives job %s, want a new one", job.ID())
		}
	})
}

// What the stream lost is told again, under the same ids.
func TestEventsThatTheStreamLostAreToldAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture()
		e := f.engine(t, engine.Config{})
		jobs := register(t, e, engine.Kind[plan, int]{Name: "edit", Apply: f.counts.addAll})
		defer start(t, e)()
		for range 3 {
			job := submit(t, jobs, user("a"), engine.Request[plan, int]{Items: inOrder(3)})
			await(t, e, user("a"), job.ID(), domain.JobCompleted)
		}
		time.Sleep(time.Second) // the relay gathers for a moment
		want := ids(f.stream.Events())
		if len(want) != 6 {
			t.Fatalf("events = %v, want 6", want)
		}
		for name, lose := range map[string]func(){"all": f.stream.Reset, "the end": func() { f.stream.Truncate(2) }} {
			lose()
			time.Sleep(5 * time.Second)
			if got := ids(f.stream.Events()); !slices.Equal(got, want) {
				t.Errorf("after the stream lost %s, its events = %v, want %v", name, got, want)
			}
		}
	})
}

func ids(events []domain.Event) (ids []string) {
	for _, e := range events {
		ids = append(ids, e.ID)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// A file that an attempt at an export left behind is removed in the end; the
// job's own is not, nor is anything else.
func TestOrphanedFilesAreRemoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture()
		e := f.engine(t, engine.Config{SweepEvery: time.Hour})
		look, err := engine.RegisterExport(e, engine.Export[plan, int]{
			Name: "look", FileName: func(*domain.BatchJob, plan) string { return "x.txt" },
			Write: func(_ context.Context, _ *domain.BatchJob, _ plan, items []int, w io.Writer, record engine.Recorder[int]) error {
				_, err := io.WriteString(w, "content")
				return errors.Join(err, record(0, items[0], domain.Outcome{Fate: domain.Exported}))
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		defer start(t, e)()
		job, err := look.Submit(t.Context(), user("a"), engine.Request[plan, int]{Items: []int{1}})
		if err != nil {
			t.Fatal(err)
		}
		job = await(t, e, user("a"), job.ID(), domain.JobCompleted)
		orphan := strings.TrimSuffix(job.File().ID, "1") + "7"
		for _, id := range []string{orphan, "upload"} {
			w, err := f.files.Create(t.Context(), "a", id)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := w.Commit(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(30 * time.Hour)
		for id, kept := range map[string]bool{job.File().ID: true, "upload": true, orphan: false} {
			r, err := f.files.Open(t.Context(), "a", id)
			if (err == nil) != kept {
				t.Errorf("Open(%s) = %v, want it kept: %v", id, err, kept)
			}
			if err == nil {
				_ = r.Close()
			}
		}
	})
}

func TestSubmitRefusals(t *testing.T) {
	t.Parallel()
	f := newFixture()
	e := f.engine(t, engine.Config{MaxNamed: 2})
	jobs := register(t, e, engine.Kind[plan, int]{
		Name: "edit", Apply: f.counts.addAll,
		Check: func(p plan) error {
			if p.N < 0 {
				return domain.Fail(domain.NewFailure(domain.CodeOutOfRange, "n", fmt.Sprint(p.N), "min", "0"))
			}
			return nil
		},
	})
	minus := -1
	for name, test := range map[string]struct {
		who  domain.Principal
		r    engine.Request[plan, int]
		want domain.Code
	}{
		"no permission":      {domain.Principal{Tenant: "a", User: "1", Permissions: []domain.Permission{"other"}}, engine.Request[plan, int]{Items: []int{1}}, domain.CodeForbidden},
		"nothing asked for":  {user("a"), engine.Request[plan, int]{}, domain.CodeRequired},
		"all and some":       {user("a"), engine.Request[plan, int]{All: true, Items: []int{1}}, domain.CodeDuplicate},
		"all, not selecting": {user("a"), engine.Request[plan, int]{All: true}, domain.CodeInvalid},
		"too many":           {user("a"), engine.Request[plan, int]{Items: []int{1, 2, 3}}, domain.CodeTooMany},
		"a bad payload":      {user("a"), engine.Request[plan, int]{Payload: plan{N: -1}, Items: []int{1}}, domain.CodeOutOfRange},
		"a negative total":   {user("a"), engine.Request[plan, int]{Items: []int{1}, Expected: &minus}, domain.CodeOutOfRange},
		"a long key":         {user("a"), engine.Request[plan, int]{Items: []int{1}, IdempotencyKey: strings.Repeat("k", 256)}, domain.CodeTooLong},
	} {
		if job, err := jobs.Submit(t.Context(), test.who, test.r); !errors.Is(err, test.want) {
			t.Errorf("%s: Submit() = %v, %v; want %s", name, job, err, test.want)
		}
	}
	if waiting, err := f.store.Waiting(t.Context()); err != nil || len(waiting) > 0 {
		t.Errorf("after refusals the store has work: %v, %v; want none", waiting, err)
	}
}

func TestRegisterRefusals(t *testing.T) {
	t.Parallel()
	f := newFixture()
	e := f.engine(t, engine.Config{})
	register(t, e, engine.Kind[plan, int]{Name: "edit", Apply: f.counts.addAll})
	for name, k := range map[string]engine.Kind[plan, int]{
		"a taken name": {Name: "edit", Apply: f.counts.addAll},
		"no name":      {Apply: f.counts.addAll},
		"a bad name":   {Name: "a.b", Apply: f.counts.addAll},
		"no Apply":     {Name: "other"},
	} {
		if _, err := engine.Register(e, k); err == nil {
			t.Errorf("Register(%s) = nil, want an error", name)
		}
	}
	if _, err := engine.New(engine.Deps{}, engine.Config{Workers: -1}); err == nil ||
		!strings.Contains(err.Error(), "Store") || !strings.Contains(err.Error(), "Bell") || !strings.Contains(err.Error(), "negative") {
		t.Errorf("New(nothing) = %v, want all that is wrong", err)
	}
}

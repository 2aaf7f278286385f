package engine_test

import (
	"context"
	"errors"
	"iter"
	"maps"
	"slices"
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

// further returns two more events about a job that has ended, the same each
// time.
func further(job *domain.BatchJob) ([]domain.Event, error) {
	var events []domain.Event
	for i, what := range []string{"first", "second"} {
		events = append(events, domain.Event{
			ID: string(job.ID()) + "-" + what, Tenant: job.Tenant(), Topic: "rules." + string(job.State()) + "." + what, Subject: "rules",
			Sequence: int64(i + 1), Time: job.Snapshot().EndedAt, Data: []byte(`{}`),
		})
	}
	return events, nil
}

// witness is a stream that looks at the job whenever an event about its end
// comes.
type witness struct {
	*memory.EventStream
	store ports.Jobs
	ref   domain.JobRef

	mu    sync.Mutex
	early []string
}

func (s *witness) Publish(ctx context.Context, events []domain.Event) ([]ports.StreamPosition, error) {
	for _, event := range events {
		if event.Subject != "rules" {
			continue
		}
		if job, err := s.store.FindJob(ctx, s.ref); err != nil || !job.State().Ended() {
			s.mu.Lock()
			s.early = append(s.early, event.Topic)
			s.mu.Unlock()
		}
	}
	return s.EventStream.Publish(ctx, events)
}

// check fails the test if an event came before its job had ended.
func (s *witness) check(t *testing.T) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.early) > 0 {
		t.Errorf("told before the job had ended: %q, want nothing", s.early)
	}
}

// However a job comes to its end, its kind's further events follow the job's
// own, once.
func TestAKindAnnouncesTheEndOfItsJobs(t *testing.T) {
	all := engine.Request[plan, int]{All: true, Payload: plan{N: 5}}
	named := engine.Request[plan, int]{Items: inOrder(30)}
	mismatch := all
	mismatch.Expected = new(int)
	for name, test := range map[string]struct {
		r      engine.Request[plan, int]
		harm   func(items []int) error            // what Apply comes to
		before func(*engine.Engine, domain.JobID) // is done when the job is there and nobody works
		during func(*engine.Engine, domain.JobID) // is done in the first Apply
		want   domain.JobState
	}{
		"completed":                 {r: named, want: domain.JobCompleted},
		"completed, planned":        {r: all, want: domain.JobCompleted},
		"completed, nothing to do":  {r: engine.Request[plan, int]{All: true}, want: domain.JobCompleted},
		"completed, all failed":     {r: named, harm: func([]int) error { return domain.CodeRejected }, want: domain.JobCompleted},
		"completed, all given up":   {r: engine.Request[plan, int]{Items: inOrder(3)}, harm: func([]int) error { return errors.New("boom") }, want: domain.JobCompleted},
		"cancelled at once":         {r: named, before: cancel(t), want: domain.JobCancelled},
		"cancelled while it worked": {r: named, during: cancel(t), want: domain.JobCancelled},
		"cancelled by the last one": {r: named, during: cancel(t), harm: func([]int) error { return errors.New("boom") }, want: domain.JobCancelled},
		"failed, another total":     {r: mismatch, want: domain.JobFailed},
		"failed, not prepared":      {r: engine.Request[plan, int]{All: true, Payload: plan{N: -1}}, want: domain.JobFailed},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFixture()
				stream := &witness{EventStream: f.stream, store: f.store}
				f.deps.Events = stream
				e := f.engine(t, engine.Config{ChunkSize: 10, Workers: 1})
				jobs := register(t, e, engine.Kind[plan, int]{
					Name: "edit", Announce: further,
					Prepare: func(_ context.Context, _ *domain.BatchJob, p plan) (plan, error) {
						if p.N < 0 {
							return p, domain.CodeUnreachable
						}
						return p, nil
					},
					Select: func(_ context.Context, _ *domain.BatchJob, p plan) iter.Seq2[int, error] { return pairs(p.N) },
					Apply: func(ctx context.Context, job *domain.BatchJob, p plan, items []int) ([]domain.Outcome, error) {
						if test.during != nil && items[0] == 0 {
							go test.during(e, job.ID())
							time.Sleep(time.Second)
						}
						if test.harm != nil {
							if err := test.harm(items); err != nil {
								return nil, err
							}
						}
						return f.counts.addAll(ctx, job, p, items)
					},
				})
				job := submit(t, jobs, user("a"), test.r)
				stream.ref = job.Ref()
				if test.before != nil {
					test.before(e, job.ID())
				}
				defer start(t, e)()
				await(t, e, user("a"), job.ID(), test.want)
				time.Sleep(time.Minute) // whatever comes twice comes within it
				state := string(test.want)
				want := []string{"job.edit.submitted 1", "job.edit." + state + " 2", "rules." + state + ".first 1", "rules." + state + ".second 2"}
				if got := f.topics(); !slices.Equal(got, want) {
					t.Errorf("events = %q, want %q", got, want)
				}
				stream.check(t)
			})
		})
	}
}

// cancel returns what cancels a job.
func cancel(t *testing.T) func(*engine.Engine, domain.JobID) {
	return func(e *engine.Engine, id domain.JobID) {
		if _, err := e.Cancel(context.Background(), user("a"), id); err != nil {
			t.Errorf("Cancel(%s) = %v, want nil", id, err)
		}
	}
}

// unsaved is a store that cannot save an ended job for a while.
type unsaved struct{ flaky }

func (s *unsaved) SaveJob(ctx context.Context, job *domain.BatchJob) error {
	if !job.State().Ended() {
		return s.Store.SaveJob(ctx, job)
	}
	return s.write(func() error { return s.Store.SaveJob(ctx, job) })
}

// What is announced of an end that is not stored is not told, and can be
// announced again under the same identifiers.
func TestAnEndThatIsNotStoredIsNotTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture()
		store := &unsaved{flaky{Store: f.store}}
		f.deps.Store = store
		e := f.engine(t, engine.Config{})
		jobs := register(t, e, engine.Kind[plan, int]{Name: "edit", Apply: f.counts.addAll, Announce: further})
		store.down.Store(true)
		defer start(t, e)()
		job := submit(t, jobs, user("a"), engine.Request[plan, int]{Items: inOrder(3)})
		time.Sleep(time.Minute)
		if got, want := f.topics(), []string{"job.edit.submitted 1"}; !slices.Equal(got, want) {
			t.Errorf("events before the end is stored = %q, want %q", got, want)
		}
		store.down.Store(false)
		await(t, e, user("a"), job.ID(), domain.JobCompleted)
		time.Sleep(time.Second)
		want := []string{"job.edit.submitted 1", "job.edit.completed 2", "rules.completed.first 1", "rules.completed.second 2"}
		if got := f.topics(); !slices.Equal(got, want) {
			t.Errorf("events = %q, want %q", got, want)
		}
	})
}

// A job whose end cannot be announced yet does not end yet. Its items are not to
// blame for that: they are done once, and none fails.
func TestAnEndThatCannotBeAnnouncedIsPutOff(t *testing.T) {
	for name, cause := range map[string]error{
		"unavailable":      domain.Unavailable(errors.New("busy")),
		"an unknown error": errors.New("boom"),
		"a data fault":     domain.CodeInvalid,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFixture()
				e := f.engine(t, engine.Config{ChunkSize: 2})
				var down atomic.Bool
				down.Store(true)
				jobs := register(t, e, engine.Kind[plan, int]{
					Name: "edit", Apply: f.counts.addAll,
					Select: func(_ context.Context, _ *domain.BatchJob, p plan) iter.Seq2[int, error] { return pairs(p.N) },
					Announce: func(job *domain.BatchJob) ([]domain.Event, error) {
						if down.Load() {
							return nil, cause
						}
						return further(job)
					},
				})
				defer start(t, e)()
				job := submit(t, jobs, user("a"), engine.Request[plan, int]{Items: inOrder(3)})
				empty := submit(t, jobs, user("b"), engine.Request[plan, int]{All: true})
				time.Sleep(10 * time.Minute) // longer than it takes to hold something against an item
				for _, ref := range []domain.JobRef{job.Ref(), empty.Ref()} {
					if job, err := f.store.FindJob(t.Context(), ref); err != nil || job.State().Ended() {
						t.Fatalf("before its end can be announced the job is %s, %v; want it not ended", job.State(), err)
					}
				}
				down.Store(false)
				job = await(t, e, user("a"), job.ID(), domain.JobCompleted)
				if got, want := job.Report(), (domain.Report{Total: 3, Updated: 3}); got != want {
					t.Errorf("report = %+v, want %+v", got, want)
				}
				if !maps.Equal(f.counts.of, onceEach(3)) {
					t.Errorf("effects = %v, want each of 3 once", f.counts.of)
				}
				await(t, e, user("b"), empty.ID(), domain.JobCompleted)
				time.Sleep(time.Second)
				ended := 0
				for _, event := range f.stream.Events() {
					if event.Subject == "rules" {
						ended++
					}
				}
				if ended != 4 {
					t.Errorf("events = %q, want two further ones of each job", f.topics())
				}
			})
		})
	}
}

// A cancel whose end cannot be announced has not happened, and can be asked for
// again.
func TestACancelThatCannotBeAnnounced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture()
		e := f.engine(t, engine.Config{})
		boom := errors.New("boom")
		cause := boom
		jobs := register(t, e, engine.Kind[plan, int]{
			Name: "edit", Apply: f.counts.addAll,
			Announce: func(job *domain.BatchJob) ([]domain.Event, error) {
				events, _ := further(job)
				return events, cause
			},
		})
		job := submit(t, jobs, user("a"), engine.Request[plan, int]{Items: inOrder(3)})
		if _, err := e.Cancel(t.Context(), user("a"), job.ID()); !errors.Is(err, boom) {
			t.Errorf("Cancel() = %v, want %v", err, boom)
		}
		if found, err := e.Find(t.Context(), user("a"), job.ID()); err != nil || found.State() != domain.JobQueued || found.CancelRequested() {
			t.Errorf("after the cancel that failed the job is %s, %v; want it as it was", found.State(), err)
		}
		cause = nil
		if found, err := e.Cancel(t.Context(), user("a"), job.ID()); err != nil || found.State() != domain.JobCancelled {
			t.Errorf("Cancel() = %v, %v; want the job cancelled", found, err)
		}
		defer start(t, e)()
		time.Sleep(5 * time.Second)
		want := []string{"job.edit.submitted 1", "job.edit.cancelled 2", "rules.cancelled.first 1", "rules.cancelled.second 2"}
		if got := f.topics(); !slices.Equal(got, want) {
			t.Errorf("events = %q, want %q", got, want)
		}
	})
}

// Where nobody listens, nothing is kept to be told.
func TestNothingIsAnnouncedWhenNobodyListens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture()
		f.deps.Events = nil
		e := f.engine(t, engine.Config{})
		jobs := register(t, e, engine.Kind[plan, int]{Name: "edit", Apply: f.counts.addAll, Announce: further})
		defer start(t, e)()
		job := submit(t, jobs, user("a"), engine.Request[plan, int]{Items: inOrder(3)})
		await(t, e, user("a"), job.ID(), domain.JobCompleted)
		if err := e.InTx(t.Context(), func(ctx context.Context) error { return e.AddEvents(ctx, told("one")) }); err != nil {
			t.Errorf("InTx(AddEvents) = %v, want nil", err)
		}
		f.stored(t, 0)
	})
}

package engine_test

import (
	"context"
	"errors"
	"iter"
	"testing"
	"testing/synctest"
	"time"

	"github.com/batchport/batchport/app/engine"
	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

// What Prepare makes of the payload is what Select and Apply get, also when the
// planner that called it did not come to its end.
func TestAPreparedPayloadIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture()
		e := f.engine(t, engine.Config{ChunkSize: 2})
		var prepared []plan
		selections := 0
		jobs := register(t, e, engine.Kind[plan, int]{
			Name: "import",
			Prepare: func(_ context.Context, _ *domain.BatchJob, p plan) (plan, error) {
				prepared = append(prepared, p)
				return plan{N: p.N + 1}, nil
			},
			Select: func(_ context.Context, _ *domain.BatchJob, p plan) iter.Seq2[int, error] {
				if selections++; selections == 1 {
					return func(yield func(int, error) bool) { yield(0, domain.Unavailable(errors.New("busy"))) }
				}
				return pairs(p.N)
			},
			Apply: func(ctx context.Context, job *domain.BatchJob, p plan, items []int) ([]domain.Outcome, error) {
				if p.N != 7 {
					t.Errorf("Apply has the payload %+v, want N 7", p)
				}
				return f.counts.addAll(ctx, job, p, items)
			},
		})
		defer start(t, e)()
		job := submit(t, jobs, user("a"), engine.Request[plan, int]{All: true, Payload: plan{N: 5}})
		job = await(t, e, user("a"), job.ID(), domain.JobCompleted)
		if job.Report().Updated != 7 || string(job.Payload()) != `{"N":7}` {
			t.Errorf("report %+v with the payload %s, want 7 updated and N 7", job.Report(), job.Payload())
		}
		if len(prepared) != 2 || prepared[0].N != 5 || prepared[1].N != 6 {
			t.Errorf("Prepare was called with %v, want with 5 and then with 6, what it had returned", prepared)
		}
	})
}

func TestADataFaultOfPrepareFailsTheJob(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture()
		e := f.engine(t, engine.Config{})
		jobs := register(t, e, engine.Kind[plan, int]{
			Name: "import",
			Prepare: func(context.Context, *domain.BatchJob, plan) (plan, error) {
				return plan{}, domain.Fail(domain.NewFailure(domain.CodeUnreachable, "publicUrl", "https://example.com/a", "reason", "dns"))
			},
			Select: func(context.Context, *domain.BatchJob, plan) iter.Seq2[int, error] { return pairs(5) },
			Apply:  f.counts.addAll,
		})
		defer start(t, e)()
		job := submit(t, jobs, user("a"), engine.Request[plan, int]{All: true})
		job = await(t, e, user("a"), job.ID(), domain.JobFailed)
		if job.Cause().Code != domain.CodeUnreachable || job.Cause().Params["reason"] != "dns" || len(f.counts.of) != 0 {
			t.Errorf("cause = %v with %d effects, want %s and none", job.Cause(), len(f.counts.of), domain.CodeUnreachable)
		}
	})
}

// Preparing may take many leases: the job stays with its planner.
func TestPreparingMayTakeLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture()
		e := f.engine(t, engine.Config{Lease: time.Second, SweepEvery: 100 * time.Millisecond})
		calls := 0
		jobs := register(t, e, engine.Kind[plan, int]{
			Name: "import",
			Prepare: func(ctx context.Context, _ *domain.BatchJob, p plan) (plan, error) {
				calls++
				time.Sleep(time.Minute)
				return p, ctx.Err()
			},
			Select: func(context.Context, *domain.BatchJob, plan) iter.Seq2[int, error] { return pairs(5) },
			Apply:  f.counts.addAll,
		})
		defer start(t, e)()
		job := submit(t, jobs, user("a"), engine.Request[plan, int]{All: true})
		job = await(t, e, user("a"), job.ID(), domain.JobCompleted)
		if calls != 1 || job.Report().Updated != 5 {
			t.Errorf("Prepare was called %d times, report %+v; want once and 5 updated", calls, job.Report())
		}
	})
}

// cutOff is a store that does not answer one of two processes for a while.
type cutOff struct{ *flaky }

func (s cutOff) InTx(ctx context.Context, fn func(context.Context) error) error {
	return s.write(func() error { return s.flaky.InTx(ctx, fn) })
}

func (s cutOff) Claim(ctx context.Context, request ports.ClaimRequest, now time.Time) (claim ports.Claim, found bool, err error) {
	err = s.write(func() error {
		claim, found, err = s.flaky.Claim(ctx, request, now)
		return err
	})
	return claim, found, err
}

// Whoever prepares a job for longer than its claim lasts may have been
// replaced. What it made of the payload then counts for nothing, whether the
// other is still at it or has done the job.
func TestAPlannerThatWasReplacedLeavesThePayloadAlone(t *testing.T) {
	for name, done := range map[string]bool{"the other prepares": false, "the job is done": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFixture()
				late, other := make(chan struct{}), make(chan struct{})
				process := func(prepared plan, begin func(), wait <-chan struct{}) (*engine.Engine, *engine.Jobs[plan, int]) {
					e := f.engine(t, engine.Config{Lease: 3 * time.Second, SweepEvery: 100 * time.Millisecond})
					return e, register(t, e, engine.Kind[plan, int]{
						Name: "import",
						Prepare: func(context.Context, *domain.BatchJob, plan) (plan, error) {
							begin()
							<-wait
							return prepared, nil
						},
						Select: func(_ context.Context, _ *domain.BatchJob, p plan) iter.Seq2[int, error] { return pairs(p.N) },
						Apply:  f.counts.addAll,
					})
				}
				lost := &flaky{Store: f.store}
				whole := f.deps
				f.deps.Store = cutOff{lost}
				first, jobs := process(plan{N: 9}, func() { lost.down.Store(true) }, late)
				f.deps = whole
				taken := false
				second, _ := process(plan{N: 5}, func() { taken = true }, other)

				defer start(t, first)()
				job := submit(t, jobs, user("a"), engine.Request[plan, int]{All: true, Payload: plan{N: 1}})
				synctest.Wait()
				if !lost.down.Load() {
					t.Fatal("the first planner has not begun")
				}
				defer start(t, second)()
				// A moment past a heartbeat: none tells the first what it has lost.
				time.Sleep(10*time.Second + time.Millisecond)
				synctest.Wait()
				if !taken {
					t.Fatal("nobody has taken over")
				}
				want := `{"N":1}`
				if done {
					want = `{"N":5}`
					close(other)
					await(t, second, user("a"), job.ID(), domain.JobCompleted)
				}
				lost.down.Store(false)
				close(late)
				synctest.Wait()
				found, err := second.Find(t.Context(), user("a"), job.ID())
				if err != nil || string(found.Payload()) != want {
					t.Errorf("after the late planner the payload is %s, %v; want %s", found.Payload(), err, want)
				}
				if !done {
					close(other)
				}
				found = await(t, second, user("a"), job.ID(), domain.JobCompleted)
				if found.Report().Updated != 5 || string(found.Payload()) != `{"N":5}` {
					t.Errorf("report %+v with the payload %s, want 5 updated and N 5", found.Report(), found.Payload())
				}
			})
		})
	}
}

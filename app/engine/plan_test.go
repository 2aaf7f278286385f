package engine_test

import (
	"context"
	"iter"
	"maps"
	"testing"
	"testing/synctest"
	"time"

	"github.com/batchport/batchport/app/engine"
	"github.com/batchport/batchport/domain"
)

// A planner that was cut off has stored a part of its plan. Whoever replaces it
// starts over, from a selection that has changed; what the first stored, or
// stores when it comes back, counts for nothing, whether the other is still at
// it or has done the job.
func TestAPlannerThatWasReplacedPlansNothing(t *testing.T) {
	for name, done := range map[string]bool{"the other plans": false, "the job is done": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFixture()
				late, other := make(chan struct{}), make(chan struct{})
				process := func(items, stop int, begin func(), wait <-chan struct{}) (*engine.Engine, *engine.Jobs[plan, int]) {
					e := f.engine(t, engine.Config{Lease: 3 * time.Second, SweepEvery: 100 * time.Millisecond, ChunkSize: 1})
					return e, register(t, e, engine.Kind[plan, int]{
						Name: "edit",
						Select: func(context.Context, *domain.BatchJob, plan) iter.Seq2[int, error] {
							return func(yield func(int, error) bool) {
								for item := range items {
									if item == stop {
										begin()
										<-wait
									}
									if !yield(item, nil) {
										return
									}
								}
							}
						},
						Apply: f.counts.addAll,
					})
				}
				lost := &flaky{Store: f.store}
				whole := f.deps
				f.deps.Store = cutOff{lost}
				first, jobs := process(50, 45, func() { lost.down.Store(true) }, late)
				f.deps = whole
				taken := false
				second, _ := process(5, 0, func() { taken = true }, other)

				defer start(t, first)()
				job := submit(t, jobs, user("a"), engine.Request[plan, int]{All: true})
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
				if done {
					close(other)
					await(t, second, user("a"), job.ID(), domain.JobCompleted)
				}
				lost.down.Store(false)
				close(late)
				synctest.Wait()
				if !done {
					close(other)
				}
				found := await(t, second, user("a"), job.ID(), domain.JobCompleted)
				if want := (domain.Report{Total: 5, Updated: 5}); found.Report() != want || !maps.Equal(f.counts.of, onceEach(5)) {
					t.Errorf("report %+v, effects %v; want %+v and those of the second alone", found.Report(), f.counts.of, want)
				}
			})
		})
	}
}

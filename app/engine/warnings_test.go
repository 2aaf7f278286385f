package engine_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/batchport/batchport/app/engine"
	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

// warned returns what a test's kind says of an item: every fifth is done with a
// warning, every tenth fails.
func warned(item int) domain.Outcome {
	f := domain.NewFailure(domain.CodeOutOfRange, "n", strconv.Itoa(item), "max", "9")
	switch item % 10 {
	case 0:
		return domain.FailedWith(f)
	case 5:
		return domain.Outcome{Fate: domain.Created, Warning: &f}
	}
	return domain.Outcome{Fate: domain.Updated}
}

// applyWarned is an Apply whose outcomes are those of [warned].
func (c *counts) applyWarned(ctx context.Context, job *domain.BatchJob, p plan, items []int) ([]domain.Outcome, error) {
	outcomes, err := c.addAll(ctx, job, p, items)
	for i, item := range items {
		outcomes[i] = warned(item)
	}
	return outcomes, err
}

// warnings are those of a job of tenant a, all of them.
func warnings(t *testing.T, e *engine.Engine, id domain.JobID) []domain.ItemFailure {
	t.Helper()
	list, err := e.Warnings(t.Context(), user("a"), id, -1, 1000)
	if err != nil {
		t.Fatalf("Warnings(%s) = %v, want nil", id, err)
	}
	return list
}

// warningsOf are the warnings about the items at the indexes, as [warned] gives them.
func warningsOf(indexes ...int) (list []domain.ItemFailure) {
	for _, i := range indexes {
		list = append(list, domain.ItemFailure{Index: i, Key: "item " + strconv.Itoa(i), Failure: *warned(i).Warning})
	}
	return list
}

func named(item int) string { return "item " + strconv.Itoa(item) }

// A warning changes nothing about how an item ended.
func TestAnItemWithAWarningIsDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture()
		e := f.engine(t, engine.Config{ChunkSize: 8})
		jobs := register(t, e, engine.Kind[plan, int]{Name: "edit", Key: named, Apply: f.counts.applyWarned})
		defer start(t, e)()
		job := submit(t, jobs, user("a"), engine.Request[plan, int]{Items: inOrder(30)})
		other := submit(t, jobs, user("a"), engine.Request[plan, int]{Items: []int{1, 2}})
		job = await(t, e, user("a"), job.ID(), domain.JobCompleted)
		if got, want := job.Report(), (domain.Report{Total: 30, Created: 3, Updated: 24, Failed: 3}); got != want {
			t.Errorf("report = %+v, want %+v", got, want)
		}
		if diff := cmp.Diff(warningsOf(5, 15, 25), warnings(t, e, job.ID())); diff != "" {
			t.Errorf("Warnings() (-want +got):\n%s", diff)
		}
		failures, err := e.Failures(t.Context(), user("a"), job.ID(), -1, 1000)
		var failed []int
		for _, failure := range failures {
			failed = append(failed, failure.Index)
		}
		if want := []int{0, 10, 20}; err != nil || !slices.Equal(failed, want) {
			t.Errorf("Failures() = those of %v, %v; want %v", failed, err, want)
		}
		for _, page := range []struct {
			after, limit int
			want         []int
		}{{-1, 2, []int{5, 15}}, {4, 1, []int{5}}, {5, 5, []int{15, 25}}, {25, 5, nil}, {-1, 0, nil}} {
			got, err := e.Warnings(t.Context(), user("a"), job.ID(), page.after, page.limit)
			if diff := cmp.Diff(warningsOf(page.want...), got); err != nil || diff != "" {
				t.Errorf("Warnings(after %d, limit %d) = %v (-want +got):\n%s", page.after, page.limit, err, diff)
			}
		}
		if got, err := e.Warnings(t.Context(), user("b"), job.ID(), -1, 1000); !errors.Is(err, domain.CodeNotFound) || len(got) > 0 {
			t.Errorf("Warnings(of another tenant's job) = %v, %v; want %v", got, err, domain.CodeNotFound)
		}
		await(t, e, user("a"), other.ID(), domain.JobCompleted)
		if got := warnings(t, e, other.ID()); len(got) > 0 {
			t.Errorf("Warnings(of a job without) = %v, want none", got)
		}
	})
}

// lostAnswer is a store that, when it is told to, commits the end of a chunk
// without saying so, once.
type lostAnswer struct {
	ports.Store
	lose, finished atomic.Bool
}

func (s *lostAnswer) FinishChunk(ctx context.Context, claim ports.Claim) error {
	s.finished.Store(s.lose.CompareAndSwap(true, false))
	return s.Store.FinishChunk(ctx, claim)
}

func (s *lostAnswer) InTx(ctx context.Context, fn func(context.Context) error) error {
	err := s.Store.InTx(ctx, fn)
	if err == nil && s.finished.CompareAndSwap(true, false) {
		return domain.Unavailable(context.DeadlineExceeded)
	}
	return err
}

// However often a chunk is applied, its warnings are there once, and so are those
// of the chunk before it.
func TestWarningsOfARepeatedChunkAreThereOnce(t *testing.T) {
	for name, test := range map[string]struct {
		harm  error // of the first Apply that gets the item 19
		store func(ports.Store) (s ports.Store, harm, mend func())
	}{
		"the store fails after Apply": {store: func(s ports.Store) (ports.Store, func(), func()) {
			store := &flaky{Store: s}
			return store, func() { store.down.Store(true) }, func() { store.down.Store(false) }
		}},
		"the answer of the commit is lost": {store: func(s ports.Store) (ports.Store, func(), func()) {
			store := &lostAnswer{Store: s}
			return store, func() { store.lose.Store(true) }, func() {
				if store.lose.Load() {
					t.Error("no answer was lost, want one")
				}
			}
		}},
		"the data is at fault":       {harm: domain.CodeRejected},
		"the store does not answer":  {harm: domain.CodeUnavailable},
		"the chunk becomes suspect":  {harm: domain.CodeInternal},
		"the worker has lost it all": {harm: domain.CodeClaimLost},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFixture()
				harm, mend := func() {}, func() {}
				if test.store != nil {
					f.deps.Store, harm, mend = test.store(f.store)
				}
				e := f.engine(t, engine.Config{ChunkSize: 12, Workers: 1})
				harmed := false
				jobs := register(t, e, engine.Kind[plan, int]{
					Name: "edit", Key: named, ApplySize: 6,
					Apply: func(ctx context.Context, job *domain.BatchJob, p plan, items []int) ([]domain.Outcome, error) {
						if !harmed && slices.Contains(items, 19) {
							harmed = true
							harm()
							if test.harm != nil {
								return nil, test.harm
							}
						}
						return f.counts.applyWarned(ctx, job, p, items)
					},
				})
				defer start(t, e)()
				job := submit(t, jobs, user("a"), engine.Request[plan, int]{Items: inOrder(24)})
				time.Sleep(20 * time.Second)
				mend()
				job = await(t, e, user("a"), job.ID(), domain.JobCompleted)
				if diff := cmp.Diff(warningsOf(5, 15), warnings(t, e, job.ID())); diff != "" {
					t.Errorf("Warnings() (-want +got):\n%s", diff)
				}
				if got, want := job.Report(), (domain.Report{Total: 24, Created: 2, Updated: 19, Failed: 3}); got != want {
					t.Errorf("report = %+v, want %+v", got, want)
				}
				if !maps.Equal(f.counts.of, onceEach(24)) || !harmed {
					t.Errorf("effects = %v and harm %v, want each of 24 once in spite of the harm", f.counts.of, harmed)
				}
			})
		})
	}
}

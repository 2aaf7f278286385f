package engine_test

import (
	"context"
	"errors"
	"io"
	"iter"
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

// tens are n items that are not their indexes.
func tens(n int) iter.Seq2[int, error] {
	return func(yield func(int, error) bool) {
		for i := range n {
			if !yield(10*i, nil) {
				return
			}
		}
	}
}

// namedTens are the items of [tens], named one by one.
func namedTens(n int) (items []int) {
	for item := range tens(n) {
		items = append(items, item)
	}
	return items
}

// failing is a kind that fails the items at the indexes of which bad says so.
func failing(bad func(i int) bool) engine.Kind[plan, int] {
	return engine.Kind[plan, int]{
		Name: "edit", Key: func(item int) string { return "item " + strconv.Itoa(item) },
		Select: func(_ context.Context, _ *domain.BatchJob, p plan) iter.Seq2[int, error] { return tens(p.N) },
		Apply: func(_ context.Context, _ *domain.BatchJob, _ plan, items []int) ([]domain.Outcome, error) {
			outcomes := make([]domain.Outcome, len(items))
			for i, item := range items {
				outcomes[i] = domain.Outcome{Fate: domain.Updated}
				if bad(item / 10) {
					outcomes[i] = domain.FailedWith(domain.NewFailure(domain.CodeRejected, "item", strconv.Itoa(item)))
				}
			}
			return outcomes, nil
		},
	}
}

// failedAt are the failed items of a job of [tens].
func failedAt(indexes ...int) (failed []engine.FailedItem[int]) {
	for _, i := range indexes {
		item := strconv.Itoa(10 * i)
		failed = append(failed, engine.FailedItem[int]{Item: 10 * i, Failure: domain.ItemFailure{
			Index: i, Key: "item " + item, Failure: domain.Failure{Code: domain.CodeRejected, Field: "item", Value: item},
		}})
	}
	return failed
}

func indexes(n int, which func(i int) bool) (list []int) {
	for i := range n {
		if which(i) {
			list = append(list, i)
		}
	}
	return list
}

// gather collects what [engine.Jobs.EachFailed] yields, and its error.
func gather(failed iter.Seq2[engine.FailedItem[int], error]) (list []engine.FailedItem[int], err error) {
	for item, err := range failed {
		if err != nil {
			return list, err
		}
		list = append(list, item)
	}
	return list, nil
}

// Each item that failed is there once, in order and as it was given, however
// chunks and pages of failures lie.
func TestEachFailedItemIsThereInOrder(t *testing.T) {
	third := func(i int) bool { return i%3 == 1 }
	first := func(n int) func(int) bool { return func(i int) bool { return i < n } }
	last := func(n, of int) func(int) bool { return func(i int) bool { return i >= of-n } }
	for name, test := range map[string]struct {
		n, chunk int
		bad      func(i int) bool
	}{
		"none":                            {25, 10, first(0)},
		"all":                             {25, 10, first(25)},
		"the first":                       {25, 10, first(1)},
		"the last":                        {25, 10, last(1, 25)},
		"around the edges of chunks":      {40, 10, func(i int) bool { return i%10 == 0 || i%10 == 9 }},
		"whole chunks without":            {50, 10, func(i int) bool { return i/10 == 1 || i/10 == 3 }},
		"one item each":                   {7, 1, third},
		"just below a page":               {1200, 400, first(999)},
		"a page":                          {1200, 400, first(1000)},
		"a page, then one":                {1200, 400, func(i int) bool { return i < 1000 || i == 1199 }},
		"pages, all in one chunk":         {3000, 3000, func(i int) bool { return i%3 != 0 }},
		"pages, in many chunks":           {3000, 70, func(i int) bool { return i%3 != 0 }},
		"whole pages, to the very end":    {2000, 300, first(2000)},
		"a page behind chunks without":    {3000, 100, last(1001, 3000)},
		"chunks without behind a page":    {3000, 100, first(1001)},
		"a page that ends with its chunk": {2000, 1000, first(1500)},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFixture()
				e := f.engine(t, engine.Config{ChunkSize: test.chunk})
				jobs := register(t, e, failing(test.bad))
				defer start(t, e)()
				want := failedAt(indexes(test.n, test.bad)...)
				for how, r := range map[string]engine.Request[plan, int]{
					"named": {Items: namedTens(test.n)}, "selected": {All: true, Payload: plan{N: test.n}},
				} {
					job := submit(t, jobs, user("a"), r)
					job = await(t, e, user("a"), job.ID(), domain.JobCompleted)
					for range 2 { // it may be asked again
						got, err := gather(jobs.EachFailed(t.Context(), job))
						if diff := cmp.Diff(want, got); err != nil || diff != "" {
							t.Errorf("%s: EachFailed() = %v (-want +got):\n%s", how, err, diff)
						}
					}
				}
			})
		})
	}
}

// A consumer that has seen enough gets no more, and nothing goes on behind it.
func TestEachFailedEndsWithItsConsumer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture()
		e := f.engine(t, engine.Config{ChunkSize: 300})
		jobs := register(t, e, failing(func(int) bool { return true }))
		defer start(t, e)()
		job := submit(t, jobs, user("a"), engine.Request[plan, int]{Items: namedTens(1500)})
		job = await(t, e, user("a"), job.ID(), domain.JobCompleted)
		failed := jobs.EachFailed(t.Context(), job)
		for _, enough := range []int{1, 300, 301, 1000, 1001, 1500} {
			var got []int
			for item, err := range failed {
				if err != nil {
					t.Fatalf("EachFailed() = %v, want nil", err)
				}
				if got = append(got, item.Failure.Index); len(got) == enough {
					break
				}
			}
			if !slices.Equal(got, inOrder(enough)) {
				t.Errorf("EachFailed() until %d = %v, want the first %d", enough, got, enough)
			}
		}
	})
}

// Of a job that goes on there are those that have failed so far; of one that was
// never begun, or failed as a whole, there are none.
func TestEachFailedOfAJobThatIsNotComplete(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture()
		e := f.engine(t, engine.Config{ChunkSize: 10})
		half := func(i int) bool { return i%2 == 0 }
		kind := failing(half)
		var busy atomic.Bool
		busy.Store(true)
		apply := kind.Apply
		kind.Resource = "things" // so that the later ones wait for the first
		kind.Apply = func(ctx context.Context, job *domain.BatchJob, p plan, items []int) ([]domain.Outcome, error) {
			if busy.Load() && items[0]%200 == 0 {
				return nil, domain.Unavailable(errors.New("busy"))
			}
			return apply(ctx, job, p, items)
		}
		jobs := register(t, e, kind)
		running := submit(t, jobs, user("a"), engine.Request[plan, int]{Items: namedTens(40)})
		queued := submit(t, jobs, user("a"), engine.Request[plan, int]{Items: namedTens(40)})
		unplanned := submit(t, jobs, user("a"), engine.Request[plan, int]{All: true, Payload: plan{N: 40}})
		failed := submit(t, jobs, user("b"), engine.Request[plan, int]{All: true, Payload: plan{N: 40}, Expected: new(int)})
		defer start(t, e)()
		time.Sleep(10 * time.Second)
		await(t, e, user("b"), failed.ID(), domain.JobFailed)
		check := func(when string, job *domain.BatchJob, want []engine.FailedItem[int]) {
			t.Helper()
			got, err := gather(jobs.EachFailed(t.Context(), job))
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Errorf("EachFailed(a job that %s) = %v (-want +got):\n%s", when, err, diff)
			}
		}
		check("has done its second and its last chunk", running, failedAt(indexes(40, func(i int) bool { return half(i) && i/10%2 == 1 })...))
		check("waits", queued, nil)
		check("is not planned", unplanned, nil)
		check("failed as such", failed, nil)
		busy.Store(false)
		await(t, e, user("a"), unplanned.ID(), domain.JobCompleted)
		for _, job := range []*domain.BatchJob{running, queued, unplanned} {
			check("is done", job, failedAt(indexes(40, half)...))
		}
	})
}

// Chunks that were split because some of their items did harm are still those of
// their job.
func TestEachFailedOfSplitChunks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture()
		e := f.engine(t, engine.Config{ChunkSize: 100})
		harmful := []int{0, 99, 150, 151, 152, 349}
		rejected := func(i int) bool { return i%50 == 7 }
		kind := failing(rejected)
		apply := kind.Apply
		kind.Apply = func(ctx context.Context, job *domain.BatchJob, p plan, items []int) ([]domain.Outcome, error) {
			for _, i := range harmful {
				if slices.Contains(items, 10*i) {
					panic("harm")
				}
			}
			return apply(ctx, job, p, items)
		}
		jobs := register(t, e, kind)
		defer start(t, e)()
		job := submit(t, jobs, user("a"), engine.Request[plan, int]{Items: namedTens(350)})

		want := failedAt(indexes(350, func(i int) bool { return rejected(i) || slices.Contains(harmful, i) })...)
		for k := range want {
			if slices.Contains(harmful, want[k].Failure.Index) {
				want[k].Failure.Failure = domain.Failure{Code: domain.CodeInternal}
			}
		}
		chunks := 0
		for range 3600 { // at every moment, some of them are there and each is what it should be
			found, err := e.Find(t.Context(), user("a"), job.ID())
			if err != nil {
				t.Fatal(err)
			}
			got, err := gather(jobs.EachFailed(t.Context(), found))
			if err != nil {
				t.Fatalf("EachFailed() = %v, want nil", err)
			}
			if diff := cmp.Diff(among(want, got), got); diff != "" {
				t.Fatalf("EachFailed() of a job at %d%% (-want +got):\n%s", found.Percent(), diff)
			}
			if found.State().Ended() {
				break
			}
			time.Sleep(100 * time.Millisecond)
		}
		for _, err := range f.store.EachChunk(t.Context(), job.Ref()) {
			if chunks++; err != nil {
				t.Fatal(err)
			}
		}
		if chunks <= 4 {
			t.Errorf("the job has %d chunks, want more than the 4 that it had: none was split", chunks)
		}
		job = await(t, e, user("a"), job.ID(), domain.JobCompleted)
		got, err := gather(jobs.EachFailed(t.Context(), job))
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("EachFailed() = %v (-want +got):\n%s", err, diff)
		}
	})
}

// among are those of all that have the indexes of some.
func among(all, some []engine.FailedItem[int]) (list []engine.FailedItem[int]) {
	for _, item := range all {
		if slices.ContainsFunc(some, func(s engine.FailedItem[int]) bool { return s.Failure.Index == item.Failure.Index }) {
			list = append(list, item)
		}
	}
	return list
}

// unread is a store that gives failures up to an index, and chunks up to an
// index.
type unread struct {
	ports.Store
	failures, chunks int
}

func (s unread) ListFailures(ctx context.Context, ref domain.JobRef, after, limit int) ([]domain.ItemFailure, error) {
	if after >= s.failures {
		return nil, domain.Unavailable(errors.New("busy"))
	}
	return s.Store.ListFailures(ctx, ref, after, limit)
}

func (s unread) EachChunk(ctx context.Context, ref domain.JobRef) iter.Seq2[domain.Chunk, error] {
	return func(yield func(domain.Chunk, error) bool) {
		for chunk, err := range s.Store.EachChunk(ctx, ref) {
			if err == nil && chunk.First >= s.chunks {
				yield(domain.Chunk{}, domain.Unavailable(errors.New("busy")))
				return
			}
			if !yield(chunk, err) {
				return
			}
		}
	}
}

// What cannot be read is said after what could be.
func TestEachFailedGivesTheErrorOfTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture()
		all := func(int) bool { return true }
		e := f.engine(t, engine.Config{ChunkSize: 300})
		jobs := register(t, e, failing(all))
		defer start(t, e)()
		job := submit(t, jobs, user("a"), engine.Request[plan, int]{Items: namedTens(2100)})
		job = await(t, e, user("a"), job.ID(), domain.JobCompleted)
		for name, test := range map[string]struct {
			failures, chunks, want int
		}{
			"the first page of failures":  {-1, 9999, 0},
			"the second page of failures": {999, 9999, 1000},
			"the first chunk":             {9999, 0, 0},
			"a later chunk":               {9999, 1200, 1200},
		} {
			deps := f.deps
			deps.Store = unread{f.store, test.failures, test.chunks}
			reader, err := engine.New(deps, engine.Config{})
			if err != nil {
				t.Fatal(err)
			}
			got, err := gather(register(t, reader, failing(all)).EachFailed(t.Context(), job))
			if !errors.Is(err, domain.CodeUnavailable) || len(got) != test.want {
				t.Errorf("%s cannot be read: EachFailed() = %d items, %v; want %d and %s", name, len(got), err, test.want, domain.CodeUnavailable)
			}
		}
		deps := f.deps
		deps.Store = unread{f.store, -1, 9999}
		reader, err := engine.New(deps, engine.Config{})
		if err != nil {
			t.Fatal(err)
		}
		others := register(t, reader, failing(all))
		unplanned := submit(t, others, user("a"), engine.Request[plan, int]{All: true, Payload: plan{N: 1}})
		if got, err := gather(others.EachFailed(t.Context(), unplanned)); !errors.Is(err, domain.CodeUnavailable) {
			t.Errorf("a job without chunks: EachFailed() = %v, %v; want %s", got, err, domain.CodeUnavailable)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if got, err := gather(jobs.EachFailed(ctx, job)); !errors.Is(err, context.Canceled) || len(got) > 0 {
			t.Errorf("EachFailed(an ended context) = %d items, %v; want none and %v", len(got), err, context.Canceled)
		}
	})
}

// Of an export of all that match, the failed items are not kept. That is said.
func TestEachFailedOfAnExportOfAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture()
		e := f.engine(t, engine.Config{})
		look, err := engine.RegisterExport(e, engine.Export[plan, int]{
			Name: "look", FileName: func(*domain.BatchJob, plan) string { return "x" },
			Write: func(_ context.Context, _ *domain.BatchJob, _ plan, _ []int, _ io.Writer, record engine.Recorder[int]) error {
				return record(0, 7, domain.FailedWith(domain.Failure{Code: domain.CodeRejected}))
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		defer start(t, e)()
		job, err := look.Submit(t.Context(), user("a"), engine.Request[plan, int]{All: true})
		if err != nil {
			t.Fatal(err)
		}
		job = await(t, e, user("a"), job.ID(), domain.JobCompleted)
		if got, err := gather(look.EachFailed(t.Context(), job)); err == nil {
			t.Errorf("EachFailed() = %v and no error, want one: an item failed", got)
		}
	})
}

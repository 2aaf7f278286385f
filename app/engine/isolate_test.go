package engine_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/bits"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/batchport/batchport/adapters/memory"
	"github.com/batchport/batchport/app/engine"
	"github.com/batchport/batchport/domain"
)

// trial is what was done to items in a transaction, and by which calls.
type trial struct {
	store *memory.Store
	calls [][2]int
	did   map[int]int
}

func newTrial() *trial { return &trial{store: memory.NewStore(time.Now), did: map[int]int{}} }

// do notes a call and its effects, which a rollback takes back.
func (tr *trial) do(ctx context.Context, lo, hi int) []domain.Outcome {
	tr.calls = append(tr.calls, [2]int{lo, hi})
	outcomes := make([]domain.Outcome, hi-lo)
	for i := range outcomes {
		item := lo + i
		tr.did[item]++
		tr.store.OnRollback(ctx, func() { tr.did[item]-- })
		outcomes[i] = domain.Outcome{Fate: domain.Updated}
	}
	return outcomes
}

// isolate runs [engine.Isolate] in a transaction, which an error rolls back.
func (tr *trial) isolate(t *testing.T, n, size int, apply func(ctx context.Context, lo, hi int) ([]domain.Outcome, error)) (outcomes []domain.Outcome, err error) {
	t.Helper()
	err = tr.store.InTx(t.Context(), func(ctx context.Context) error {
		outcomes, err = engine.Isolate(ctx, tr.store, n, size, apply)
		return err
	})
	return outcomes, err
}

// However many are bad, wherever they are and however large the parts are: the
// bad ones fail, each for its own reason, the others are done once, and it takes
// no more calls than is promised.
func TestIsolateFailsTheBadOnesAlone(t *testing.T) {
	t.Parallel()
	const n = 100
	for name, bad := range map[string][]int{
		"none": nil, "the first": {0}, "the last": {n - 1}, "one in the middle": {37},
		"neighbours": {49, 50, 51}, "some": {0, 13, 62, 63, 99}, "all": inOrder(n),
	} {
		for _, size := range []int{-1, 0, 1, 3, n / 2, n - 1, n, n + 1, 1 << 62} {
			t.Run(fmt.Sprintf("%s, size %d", name, size), func(t *testing.T) {
				t.Parallel()
				tr := newTrial()
				outcomes, err := tr.isolate(t, n, size, func(ctx context.Context, lo, hi int) ([]domain.Outcome, error) {
					outcomes := tr.do(ctx, lo, hi)
					for _, item := range bad {
						if lo <= item && item < hi {
							return nil, domain.Fail(domain.NewFailure(domain.CodeRejected, "item", strconv.Itoa(item)))
						}
					}
					return outcomes, nil
				})
				if err != nil {
					t.Fatalf("Isolate() = %v, want nil", err)
				}
				want, did := make([]domain.Outcome, n), onceEach(n)
				for i := range want {
					want[i] = domain.Outcome{Fate: domain.Updated}
				}
				for _, item := range bad {
					want[item] = domain.FailedWith(domain.Failure{Code: domain.CodeRejected, Field: "item", Value: strconv.Itoa(item)})
					did[item] = 0
				}
				if diff := cmp.Diff(want, outcomes); diff != "" {
					t.Errorf("outcomes are not as wanted (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff(did, tr.did); diff != "" {
					t.Errorf("effects are not one of each good item (-want +got):\n%s", diff)
				}
				part := n
				if size > 0 {
					part = min(size, n)
				}
				for _, call := range tr.calls {
					if call[1]-call[0] > part {
						t.Errorf("apply was called for the items %d, want at most %d", call, part)
					}
				}
				// Each bad one makes both halves of every part that it is in be tried.
				parts, depth := (n+part-1)/part, bits.Len(uint(part-1))
				if got, most := len(tr.calls), parts+2*len(bad)*depth; got > most || len(bad) == 0 && got != parts {
					t.Errorf("%d bad ones of %d took %d calls, want %d and at most %d more", len(bad), n, got, parts, most-parts)
				}
			})
		}
	}
}

// What no item is to blame for ends it, also in the midst of looking for the
// bad ones, and nothing is left of it.
func TestIsolateReturnsWhatTheDataIsNotToBlameFor(t *testing.T) {
	t.Parallel()
	boom := errors.New("boom")
	for name, cause := range map[string]error{
		"an unknown error": boom, "the store does not answer": domain.Unavailable(boom), "a lost claim": domain.CodeClaimLost,
		"a fault of the code": domain.CodeInternal, "not allowed": domain.CodeForbidden, "the context": context.Canceled,
	} {
		for _, size := range []int{0, 3} {
			t.Run(fmt.Sprintf("%s, size %d", name, size), func(t *testing.T) {
				t.Parallel()
				tr := newTrial()
				outcomes, err := tr.isolate(t, 12, size, func(ctx context.Context, lo, hi int) ([]domain.Outcome, error) {
					outcomes := tr.do(ctx, lo, hi)
					switch {
					case lo <= 4 && 4 < hi && hi-lo <= 3:
						return nil, fmt.Errorf("item 4: %w", cause)
					case lo <= 1 && 1 < hi, hi-lo > 3:
						return nil, domain.CodeRejected
					}
					return outcomes, nil
				})
				if !errors.Is(err, cause) || outcomes != nil {
					t.Errorf("Isolate() = %v, %v; want no outcomes and %v", outcomes, err, cause)
				}
				for i, call := range tr.calls {
					if last := i == len(tr.calls)-1; call[0] > 4 || last && call[1] <= 4 {
						t.Errorf("apply was called for %d, want nothing after the call that had item 4", tr.calls)
					}
				}
				for item, times := range tr.did {
					if times != 0 {
						t.Errorf("item %d was done %d times, want none after the rollback", item, times)
					}
				}
			})
		}
	}
}

// What apply returns is held against apply, not against the items.
func TestIsolateRefusesWrongOutcomes(t *testing.T) {
	t.Parallel()
	f := domain.Failure{Code: domain.CodeRejected}
	good := domain.Outcome{Fate: domain.Created}
	for name, outcomes := range map[string][]domain.Outcome{
		"none":                          nil,
		"too few":                       {good},
		"too many":                      {good, good, good},
		"a failure of one that is well": {good, {Fate: domain.Updated, Failure: &f}},
		"a failed one without failure":  {{Fate: domain.Failed}, good},
		"a failed one with a warning":   {good, {Fate: domain.Failed, Failure: &f, Warning: &f}},
		"cancelled":                     {good, {Fate: domain.Cancelled}},
		"pending":                       {good, {}},
		"an unknown fate":               {{Fate: "well"}, good},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tr := newTrial()
			got, err := tr.isolate(t, 2, 0, func(ctx context.Context, lo, hi int) ([]domain.Outcome, error) {
				tr.do(ctx, lo, hi)
				return outcomes, nil
			})
			if err == nil || domain.DataFault(err) || got != nil || len(tr.calls) != 1 {
				t.Errorf("Isolate() = %v, %v after %d calls; want an error after one, that blames no data", got, err, len(tr.calls))
			}
		})
	}
}

// Everything that an item may come to is passed on as it is.
func TestIsolateKeepsOutcomes(t *testing.T) {
	t.Parallel()
	f := domain.NewFailure(domain.CodeInvalid, "x", "y", "a", "b")
	want := []domain.Outcome{
		{Fate: domain.Created},
		{Fate: domain.Updated, Warning: &f},
		{Fate: domain.Unchanged},
		{Fate: domain.Deleted, Warning: &f},
		{Fate: domain.Exported},
		{Fate: domain.Skipped},
		domain.FailedWith(f),
	}
	for _, size := range []int{0, 1, 3} {
		got, err := newTrial().isolate(t, len(want), size, func(_ context.Context, lo, hi int) ([]domain.Outcome, error) {
			return slices.Clone(want[lo:hi]), nil
		})
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("Isolate(size %d) = %v; outcomes (-want +got):\n%s", size, err, diff)
		}
	}
}

func TestIsolateOfNothingCallsNobody(t *testing.T) {
	t.Parallel()
	for _, size := range []int{-1, 0, 1, 10} {
		tr := newTrial()
		outcomes, err := tr.isolate(t, 0, size, func(ctx context.Context, lo, hi int) ([]domain.Outcome, error) {
			return tr.do(ctx, lo, hi), nil
		})
		if err != nil || len(outcomes) != 0 || len(tr.calls) != 0 {
			t.Errorf("Isolate(no items, size %d) = %v, %v after the calls %v; want nothing", size, outcomes, err, tr.calls)
		}
	}
}

func TestIsolateNeedsATransaction(t *testing.T) {
	t.Parallel()
	_, err := engine.Isolate(t.Context(), memory.NewStore(time.Now), 1, 0, func(context.Context, int, int) ([]domain.Outcome, error) {
		t.Error("apply was called outside of a transaction")
		return nil, nil
	})
	if !errors.Is(err, domain.CodeInternal) {
		t.Errorf("Isolate(no transaction) = %v, want %s", err, domain.CodeInternal)
	}
}

// Apply gets its items in parts of the size that the kind says, and a bad item
// costs nobody else anything.
func TestApplyGetsNoMoreThanItsSize(t *testing.T) {
	for name, test := range map[string]struct {
		size, most int
		bad        []int
	}{
		"a whole chunk":         {0, 50, nil},
		"parts":                 {7, 7, nil},
		"parts with bad items":  {7, 7, []int{0, 6, 49, 50, 119}},
		"one by one":            {1, 1, []int{3}},
		"more than a chunk has": {1000, 50, []int{119}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFixture()
				e := f.engine(t, engine.Config{ChunkSize: 50})
				most := 0
				jobs := register(t, e, engine.Kind[plan, int]{
					Name: "edit", ApplySize: test.size,
					Apply: func(ctx context.Context, job *domain.BatchJob, p plan, items []int) ([]domain.Outcome, error) {
						most = max(most, len(items))
						outcomes, err := f.counts.addAll(ctx, job, p, items)
						for _, item := range items {
							if slices.Contains(test.bad, item) {
								return nil, domain.CodeRejected
							}
						}
						return outcomes, err
					},
				})
				defer start(t, e)()
				job := submit(t, jobs, user("a"), engine.Request[plan, int]{Items: inOrder(120)})
				job = await(t, e, user("a"), job.ID(), domain.JobCompleted)
				if got, want := job.Report(), (domain.Report{Total: 120, Updated: 120 - len(test.bad), Failed: len(test.bad)}); got != want {
					t.Errorf("report = %+v, want %+v", got, want)
				}
				if most != test.most {
					t.Errorf("Apply was given %d items at once, want %d", most, test.most)
				}
				want := onceEach(120)
				for _, item := range test.bad {
					want[item] = 0
				}
				if !maps.Equal(f.counts.of, want) {
					t.Errorf("effects = %v, want one of each good item", f.counts.of)
				}
				failures, err := e.Failures(t.Context(), user("a"), job.ID(), -1, 100)
				if err != nil || len(failures) != len(test.bad) {
					t.Fatalf("Failures() = %v, %v; want those of %v", failures, err, test.bad)
				}
				for i, failure := range failures {
					if failure.Index != test.bad[i] {
						t.Errorf("failure %d is of item %d, want %d", i, failure.Index, test.bad[i])
					}
				}
			})
		})
	}
}

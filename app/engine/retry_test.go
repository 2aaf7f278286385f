package engine_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/batchport/batchport/app/engine"
	"github.com/batchport/batchport/domain"
)

// A retry does the items that failed, as they were, and no others.
func TestRetryDoesTheFailedItemsAlone(t *testing.T) {
	for name, test := range map[string]struct {
		request engine.Request[plan, int]
		want    []int // the items of the retry
	}{
		"named":          {engine.Request[plan, int]{Items: namedTens(3000)}, failedTens(3000)},
		"selected":       {engine.Request[plan, int]{Payload: plan{3000}, All: true}, failedTens(3000)},
		"stopped":        {engine.Request[plan, int]{Items: namedTens(3000), Options: domain.JobOptions{FailLimit: domain.FailLimit{Items: 10}}}, failedTens(70)},
		"all or nothing": {engine.Request[plan, int]{Items: namedTens(300), Options: domain.JobOptions{AllOrNothing: true}}, namedTens(300)},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFixture()
				e := f.engine(t, engine.Config{ChunkSize: 70, Workers: 1})
				var again []int
				k := failing(func(i int) bool { return i%3 == 1 })
				first := k.Apply
				k.Apply = func(ctx context.Context, job *domain.BatchJob, p plan, items []int) ([]domain.Outcome, error) {
					if job.RetryOf() == "" {
						return first(ctx, job, p, items)
					}
					again = append(again, items...)
					return slices.Repeat([]domain.Outcome{{Fate: domain.Updated}}, len(items)), nil
				}
				jobs := register(t, e, k)
				defer start(t, e)()
				job := submit(t, jobs, user("a"), test.request)
				time.Sleep(time.Minute)
				retry, err := e.Retry(t.Context(), user("a"), job.ID(), engine.RetryRequest{IdempotencyKey: "k"})
				if err != nil {
					t.Fatalf("Retry() = %v, want a job", err)
				}
				twin, err := e.Retry(t.Context(), user("a"), job.ID(), engine.RetryRequest{IdempotencyKey: "k"})
				if err != nil || twin.ID() != retry.ID() {
					t.Errorf("Retry(again, with the same key) = %v, %v; want job %s", twin, err, retry.ID())
				}
				retry = await(t, e, user("a"), retry.ID(), domain.JobCompleted)
				if want := (domain.Report{Total: len(test.want), Updated: len(test.want)}); retry.Report() != want {
					t.Errorf("report = %+v, want %+v", retry.Report(), want)
				}
				if slices.Sort(again); !slices.Equal(again, test.want) {
					t.Errorf("the retry did %d items, want the %d that failed", len(again), len(test.want))
				}
				if retry.RetryOf() != job.ID() || retry.Options() != job.Options() {
					t.Errorf("retry of %q with %+v, want %q with %+v", retry.RetryOf(), retry.Options(), job.ID(), job.Options())
				}
				if _, err := e.Retry(t.Context(), user("a"), retry.ID(), engine.RetryRequest{}); !errors.Is(err, domain.CodeNothingFailed) {
					t.Errorf("Retry(all of which succeeded) = %v, want %s", err, domain.CodeNothingFailed)
				}
			})
		})
	}
}

// failedTens are those of the first n [tens] at every third index.
func failedTens(n int) (items []int) {
	for i := 1; i < n; i += 3 {
		items = append(items, 10*i)
	}
	return items
}

func TestRetryOfAnExport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture()
		e := f.engine(t, engine.Config{ChunkSize: 10})
		missing := true
		jobs, err := engine.RegisterExport(e, engine.Export[plan, int]{
			Name:     "export",
			FileName: func(*domain.BatchJob, plan) string { return "x.txt" },
			Write: func(_ context.Context, _ *domain.BatchJob, _ plan, items []int, _ io.Writer, record engine.Recorder[int]) error {
				for i, item := range items {
					outcome := domain.Outcome{Fate: domain.Exported}
					if missing && item%7 == 0 {
						outcome = domain.FailedWith(domain.Failure{Code: domain.CodeNotFound})
					}
					if err := record(i, item, outcome); err != nil {
						return err
					}
				}
				return nil
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		defer start(t, e)()
		job := submit(t, jobs, user("a"), engine.Request[plan, int]{Items: inOrder(50)})
		await(t, e, user("a"), job.ID(), domain.JobCompleted)
		missing = false
		retry, err := e.Retry(t.Context(), user("a"), job.ID(), engine.RetryRequest{})
		if err != nil {
			t.Fatalf("Retry() = %v, want a job", err)
		}
		retry = await(t, e, user("a"), retry.ID(), domain.JobCompleted)
		if want := (domain.Report{Total: 8, Exported: 8}); retry.Report() != want {
			t.Errorf("report = %+v, want %+v", retry.Report(), want)
		}
	})
}

func TestRetryRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture()
		e := f.engine(t, engine.Config{ChunkSize: 10, KeepFailures: time.Hour})
		jobs := register(t, e, failing(func(i int) bool { return i == 1 }))
		waiting := submit(t, jobs, user("a"), engine.Request[plan, int]{Items: namedTens(3)})
		retry := func(who domain.Principal, id domain.JobID, want domain.Code) {
			t.Helper()
			if _, err := e.Retry(t.Context(), who, id, engine.RetryRequest{}); !errors.Is(err, want) {
				t.Errorf("Retry(%s of %s) = %v, want %s", id, who.Tenant, err, want)
			}
		}
		retry(user("a"), waiting.ID(), domain.CodeConflict)
		defer start(t, e)()
		job := await(t, e, user("a"), waiting.ID(), domain.JobCompleted)
		retry(user("b"), job.ID(), domain.CodeNotFound)
		retry(domain.Principal{Tenant: "a", User: "2"}, job.ID(), domain.CodeForbidden)
		failed := submit(t, jobs, user("a"), engine.Request[plan, int]{Payload: plan{3}, All: true, Expected: new(4)})
		await(t, e, user("a"), failed.ID(), domain.JobFailed)
		retry(user("a"), failed.ID(), domain.CodeNothingFailed)
		time.Sleep(3 * time.Hour) // the purge of an hour ago
		retry(user("a"), job.ID(), domain.CodeNotKept)
	})
}

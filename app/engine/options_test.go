package engine_test

import (
	"context"
	"errors"
	"iter"
	"maps"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/batchport/batchport/app/engine"
	"github.com/batchport/batchport/domain"
)

// picky does all items and fails those that bad names.
func (f *fixture) picky(bad ...int) engine.Kind[plan, int] {
	return engine.Kind[plan, int]{
		Name: "edit",
		Select: func(_ context.Context, _ *domain.BatchJob, p plan) iter.Seq2[int, error] {
			return func(yield func(int, error) bool) {
				for i := range p.N {
					if !yield(i, nil) {
						return
					}
				}
			}
		},
		Apply: func(ctx context.Context, job *domain.BatchJob, p plan, items []int) ([]domain.Outcome, error) {
			outcomes, err := f.counts.addAll(ctx, job, p, items)
			for i, item := range items {
				if slices.Contains(bad, item) {
					outcomes[i] = domain.FailedWith(domain.NewFailure("bad", "item", ""))
				}
			}
			return outcomes, err
		},
	}
}

// done is what took effect, of the first n items.
func (f *fixture) done(t *testing.T, n int) (done []int) {
	t.Helper()
	for i := range n {
		if f.counts.committed(t, i) > 0 {
			done = append(done, i)
		}
	}
	return done
}

// A dry run says of every item what the real run then does, and does nothing.
func TestValidateOnlyTellsAndDoesNothing(t *testing.T) {
	for name, request := range map[string]engine.Request[plan, int]{
		"named":    {Items: inOrder(100)},
		"selected": {Payload: plan{100}, All: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFixture()
				e := f.engine(t, engine.Config{ChunkSize: 10})
				jobs := register(t, e, f.picky(3, 40, 99))
				defer start(t, e)()
				real, dry := request, request
				dry.Options.ValidateOnly = true
				tried := await(t, e, user("a"), submit(t, jobs, user("a"), dry).ID(), domain.JobCompleted)
				if done := f.done(t, 100); len(done) > 0 {
					t.Errorf("a dry run did %v", done)
				}
				ran := await(t, e, user("a"), submit(t, jobs, user("a"), real).ID(), domain.JobCompleted)
				if want := (domain.Report{Total: 100, Updated: 97, Failed: 3}); tried.Report() != want || ran.Report() != want {
					t.Errorf("reports = %+v dry, %+v real; want %+v", tried.Report(), ran.Report(), want)
				}
				foretold, err := e.Failures(t.Context(), user("a"), tried.ID(), -1, 9)
				if err != nil {
					t.Fatal(err)
				}
				came, err := e.Failures(t.Context(), user("a"), ran.ID(), -1, 9)
				if err != nil || !slices.EqualFunc(foretold, came, func(a, b domain.ItemFailure) bool { return a.Index == b.Index && a.Key == b.Key }) {
					t.Errorf("failures = %v dry, %v real, %v; want the same", foretold, came, err)
				}
				if done := f.done(t, 100); len(done) != 100 {
					t.Errorf("the real run did %d items", len(done))
				}
			})
		})
	}
}

// What a process did that died between trying a chunk and recording it, and
// what a kind does that panics, costs a dry run nothing.
func TestValidateOnlyStandsFaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture()
		e := f.engine(t, engine.Config{ChunkSize: 10})
		k := f.picky(7)
		apply := k.Apply
		k.Apply = func(ctx context.Context, job *domain.BatchJob, p plan, items []int) ([]domain.Outcome, error) {
			if slices.Contains(items, 13) {
				panic("13")
			}
			return apply(ctx, job, p, items)
		}
		jobs := register(t, e, k)
		defer start(t, e)()
		job := submit(t, jobs, user("a"), engine.Request[plan, int]{Items: inOrder(30), Options: domain.JobOptions{ValidateOnly: true}})
		job = await(t, e, user("a"), job.ID(), domain.JobCompleted)
		if want := (domain.Report{Total: 30, Updated: 28, Failed: 2}); job.Report() != want {
			t.Errorf("report = %+v, want %+v", job.Report(), want)
		}
		if done := f.done(t, 30); len(done) > 0 {
			t.Errorf("a dry run did %v", done)
		}
	})
}

func TestForeseeCorrectsDryRunsAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture()
		e := f.engine(t, engine.Config{ChunkSize: 5})
		k := f.picky()
		k.Foresee = func(items []int, outcomes []domain.Outcome) {
			if items[0] == 5 {
				outcomes[1].Fate = domain.Unchanged
			}
		}
		jobs := register(t, e, k)
		defer start(t, e)()
		for options, want := range map[domain.JobOptions]domain.Report{
			{ValidateOnly: true}: {Total: 10, Updated: 9, Unchanged: 1},
			{}:                   {Total: 10, Updated: 10},
		} {
			job := submit(t, jobs, user("a"), engine.Request[plan, int]{Items: inOrder(10), Options: options})
			if got := await(t, e, user("a"), job.ID(), domain.JobCompleted).Report(); got != want {
				t.Errorf("report of %+v = %+v, want %+v", options, got, want)
			}
		}
	})
}

func TestAllOrNothing(t *testing.T) {
	all := domain.JobOptions{AllOrNothing: true}
	for name, test := range map[string]struct {
		request engine.Request[plan, int]
		bad     []int
		want    domain.Report
		done    int
	}{
		"all, named":       {engine.Request[plan, int]{Items: inOrder(100), Options: all}, nil, domain.Report{Total: 100, Updated: 100}, 100},
		"all, selected":    {engine.Request[plan, int]{Payload: plan{100}, All: true, Options: all}, nil, domain.Report{Total: 100, Updated: 100}, 100},
		"nothing, named":   {engine.Request[plan, int]{Items: inOrder(100), Options: all}, []int{99}, domain.Report{Total: 100, Failed: 1, Skipped: 99}, 0},
		"nothing, chosen":  {engine.Request[plan, int]{Payload: plan{100}, All: true, Options: all}, []int{0, 50}, domain.Report{Total: 100, Failed: 2, Skipped: 98}, 0},
		"all, tried alone": {engine.Request[plan, int]{Items: inOrder(100), Options: domain.JobOptions{AllOrNothing: true, ValidateOnly: true}}, nil, domain.Report{Total: 100, Updated: 100}, 0},
		"as many as may be": {
			engine.Request[plan, int]{Payload: plan{domain.MaxAllOrNothing}, All: true, Options: all},
			nil,
			domain.Report{Total: domain.MaxAllOrNothing, Updated: domain.MaxAllOrNothing},
			domain.MaxAllOrNothing,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFixture()
				e := f.engine(t, engine.Config{ChunkSize: 10})
				jobs := register(t, e, f.picky(test.bad...))
				defer start(t, e)()
				job := await(t, e, user("a"), submit(t, jobs, user("a"), test.request).ID(), domain.JobCompleted)
				if job.Report() != test.want {
					t.Errorf("report = %+v, want %+v", job.Report(), test.want)
				}
				if done := f.done(t, test.want.Total); len(done) != test.done {
					t.Errorf("%d items took effect, want %d", len(done), test.done)
				}
				for i, n := range f.counts.of {
					if n > 1 {
						t.Errorf("item %d took effect %d times", i, n)
					}
				}
			})
		})
	}
}

func TestTooManyForAllOrNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture()
		e := f.engine(t, engine.Config{})
		jobs := register(t, e, f.picky())
		defer start(t, e)()
		options := domain.JobOptions{AllOrNothing: true}
		_, err := jobs.Submit(t.Context(), user("a"), engine.Request[plan, int]{Items: inOrder(domain.MaxAllOrNothing + 1), Options: options})
		if !errors.Is(err, domain.CodeTooMany) {
			t.Errorf("Submit(one named item too many) = %v, want %s", err, domain.CodeTooMany)
		}
		job := submit(t, jobs, user("a"), engine.Request[plan, int]{Payload: plan{domain.MaxAllOrNothing + 1}, All: true, Options: options})
		job = await(t, e, user("a"), job.ID(), domain.JobFailed)
		if job.Cause() == nil || job.Cause().Code != domain.CodeTooMany || job.Cause().Params["max"] != "10000" {
			t.Errorf("cause = %v, want %s with the limit", job.Cause(), domain.CodeTooMany)
		}
		if len(f.counts.of) > 0 {
			t.Errorf("%d items took effect", len(f.counts.of))
		}
	})
}

// Items that are all or nothing are never done in parts, also when one of them
// takes down whoever does it: then the job fails, and nothing has happened.
func TestAllOrNothingIsNotSplit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture()
		e := f.engine(t, engine.Config{})
		k := f.picky()
		k.Apply = func(ctx context.Context, job *domain.BatchJob, p plan, items []int) ([]domain.Outcome, error) {
			if _, err := f.counts.addAll(ctx, job, p, items); err != nil {
				return nil, err
			}
			panic("one of them")
		}
		jobs := register(t, e, k)
		defer start(t, e)()
		job := submit(t, jobs, user("a"), engine.Request[plan, int]{Items: inOrder(50), Options: domain.JobOptions{AllOrNothing: true}})
		job = await(t, e, user("a"), job.ID(), domain.JobFailed)
		if want := (domain.Report{Total: 50, Skipped: 50}); job.Report() != want || job.Cause().Code != domain.CodeInternal {
			t.Errorf("report = %+v because of %v, want %+v and %s", job.Report(), job.Cause(), want, domain.CodeInternal)
		}
		if done := f.done(t, 50); len(done) > 0 {
			t.Errorf("%v took effect", done)
		}
	})
}

// The limit counts what was committed: what is in work when it is reached is
// finished, and the rest is not begun.
func TestTheLimitOfFailuresStopsAJob(t *testing.T) {
	even := func(n int) (bad []int) {
		for i := 0; i < n; i += 2 {
			bad = append(bad, i)
		}
		return bad
	}
	for name, test := range map[string]struct {
		limit domain.FailLimit
		bad   []int
		state domain.JobState
		want  domain.Report
	}{
		"not reached":         {domain.FailLimit{Items: 6}, []int{0, 10, 20, 30, 40}, domain.JobCompleted, domain.Report{Total: 100, Updated: 95, Failed: 5}},
		"reached":             {domain.FailLimit{Items: 5}, even(100), domain.JobCancelled, domain.Report{Total: 100, Updated: 5, Failed: 5, Cancelled: 90}},
		"reached at the end":  {domain.FailLimit{Items: 1}, []int{99}, domain.JobCompleted, domain.Report{Total: 100, Updated: 99, Failed: 1}},
		"reached in passing":  {domain.FailLimit{Items: 7}, even(100), domain.JobCancelled, domain.Report{Total: 100, Updated: 10, Failed: 10, Cancelled: 80}},
		"percent not reached": {domain.FailLimit{Percent: 51}, even(100), domain.JobCompleted, domain.Report{Total: 100, Updated: 50, Failed: 50}},
		"percent of all, not of those that were tried": {domain.FailLimit{Percent: 20}, even(100), domain.JobCancelled, domain.Report{Total: 100, Updated: 20, Failed: 20, Cancelled: 60}},
		"either":                   {domain.FailLimit{Items: 90, Percent: 10}, even(100), domain.JobCancelled, domain.Report{Total: 100, Updated: 10, Failed: 10, Cancelled: 80}},
		"no share without failure": {domain.FailLimit{Percent: 1}, nil, domain.JobCompleted, domain.Report{Total: 100, Updated: 100}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFixture()
				e := f.engine(t, engine.Config{ChunkSize: 10, Workers: 1})
				jobs := register(t, e, f.picky(test.bad...))
				defer start(t, e)()
				for _, request := range []engine.Request[plan, int]{{Items: inOrder(100)}, {Payload: plan{100}, All: true}} {
					request.Options.FailLimit = test.limit
					job := await(t, e, user("a"), submit(t, jobs, user("a"), request).ID(), test.state)
					if job.Report() != test.want {
						t.Errorf("report = %+v, want %+v", job.Report(), test.want)
					}
					stopped := job.Cause() != nil && job.Cause().Code == domain.CodeFailLimit
					if stopped != (test.state == domain.JobCancelled) {
						t.Errorf("cause = %v of a job that ended as %s", job.Cause(), test.state)
					}
				}
				time.Sleep(time.Second)
				last := f.topics()[len(f.topics())-1]
				if want := "job.edit." + string(test.state) + " 2"; last != want {
					t.Errorf("the last event is %q, want %q", last, want)
				}
			})
		})
	}
}

// However large chunks are otherwise, those of a job with a limit are small, so
// that it is stopped soon.
func TestTheLimitOfFailuresKeepsChunksSmall(t *testing.T) {
	for name, test := range map[string]struct {
		limit        domain.FailLimit
		known, found int // failed items, of a job whose total is known beforehand, and of one where it is not
		state        domain.JobState
	}{
		"one":               {domain.FailLimit{Items: 1}, 100, 100, domain.JobCancelled},
		"some":              {domain.FailLimit{Items: 150}, 150, 150, domain.JobCancelled},
		"a share":           {domain.FailLimit{Percent: 15}, 450, 500, domain.JobCancelled},
		"both":              {domain.FailLimit{Items: 2999, Percent: 5}, 150, 200, domain.JobCancelled},
		"more than a chunk": {domain.FailLimit{Items: 2600}, 3000, 3000, domain.JobCompleted},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFixture()
				e := f.engine(t, engine.Config{Workers: 1})
				jobs := register(t, e, f.picky(inOrder(3000)...))
				defer start(t, e)()
				failed := func(request engine.Request[plan, int], want int) {
					t.Helper()
					request.Options.FailLimit = test.limit
					job := await(t, e, user("a"), submit(t, jobs, user("a"), request).ID(), test.state)
					if got := job.Report().Failed; got != want {
						t.Errorf("%d items have failed, want %d", got, want)
					}
				}
				saw := 3000
				failed(engine.Request[plan, int]{Items: inOrder(3000)}, test.known)
				failed(engine.Request[plan, int]{Payload: plan{3000}, All: true, Expected: &saw}, test.known)
				failed(engine.Request[plan, int]{Payload: plan{3000}, All: true}, test.found)
			})
		})
	}
}

func TestOptionsThatNoJobCanHave(t *testing.T) {
	f := newFixture()
	e := f.engine(t, engine.Config{})
	jobs := register(t, e, f.picky())
	for name, options := range map[string]domain.JobOptions{
		"a negative number": {FailLimit: domain.FailLimit{Items: -1}},
		"a negative share":  {FailLimit: domain.FailLimit{Percent: -1}},
		"more than all":     {FailLimit: domain.FailLimit{Percent: 101}},
		"both":              {AllOrNothing: true, FailLimit: domain.FailLimit{Items: 1}},
	} {
		_, err := jobs.Submit(t.Context(), user("a"), engine.Request[plan, int]{Items: []int{1}, Options: options})
		if !errors.Is(err, domain.CodeInvalid) {
			t.Errorf("Submit(%s) = %v, want %s", name, err, domain.CodeInvalid)
		}
	}
}

// One idempotency key is for one request, options and all.
func TestOptionsAreOfTheRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture()
		e := f.engine(t, engine.Config{})
		jobs := register(t, e, f.picky())
		request := engine.Request[plan, int]{Items: []int{1}, IdempotencyKey: "k", Options: domain.JobOptions{ValidateOnly: true}}
		first, again := submit(t, jobs, user("a"), request), submit(t, jobs, user("a"), request)
		if first.ID() != again.ID() {
			t.Errorf("the same request gave the jobs %s and %s", first.ID(), again.ID())
		}
		request.Options.ValidateOnly = false
		if _, err := jobs.Submit(t.Context(), user("a"), request); !errors.Is(err, domain.CodeMismatch) {
			t.Errorf("Submit(without validate only) = %v, want %s", err, domain.CodeMismatch)
		}
		if got := slices.Collect(maps.Keys(f.counts.of)); len(got) > 0 {
			t.Errorf("effects %v without a worker", got)
		}
	})
}

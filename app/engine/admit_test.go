package engine_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/batchport/batchport/app/engine"
	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

// twicePerHour is a quota for the Admit of a test's kind.
var twicePerHour = []domain.Window{{Limit: 2, Length: time.Hour}}

// spend is an Admit that lets two jobs per hour of each tenant in.
func (f *fixture) spend(ctx context.Context, who domain.Principal) error {
	use, err := f.store.Spend(ctx, who.Tenant, "edit", twicePerHour)
	if err == nil && !use.Spent {
		err = domain.Fail(domain.NewFailure(domain.CodeRateLimited, "", "", "retry_after", use.Wait().String()))
	}
	return err
}

// left is how many more jobs of a tenant the quota lets in.
func (f *fixture) left(t *testing.T, tenant domain.TenantID) int {
	t.Helper()
	use, err := f.store.Usage(t.Context(), tenant, "edit", twicePerHour)
	if err != nil {
		t.Fatalf("Usage(%s) = %v, want a use", tenant, err)
	}
	return use.Windows[0].Left
}

// stored fails the test unless so many events wait in the outbox.
func (f *fixture) stored(t *testing.T, want int) {
	t.Helper()
	events, err := f.store.UnpublishedEvents(t.Context(), 100)
	if err != nil || len(events) != want {
		t.Errorf("the outbox has %v, %v; want %d events", events, err, want)
	}
}

// Whatever Admit refuses a job with, Submit returns, and nothing is there.
func TestAdmitRefusesAJob(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 2, 0, 0, 0, time.UTC)
	for _, cause := range []error{
		domain.Fail(domain.NewFailure(domain.CodeRateLimited, "", "", "retry_after", "60")),
		domain.CodeForbidden, domain.CodeConflict, domain.Unavailable(errors.New("disk full")), errors.New("boom"),
	} {
		t.Run(cause.Error(), func(t *testing.T) {
			t.Parallel()
			f := newFixture()
			e := f.engine(t, engine.Config{Now: func() time.Time { return now }, Random: func() uint64 { return 7 }})
			refuse := cause
			jobs := register(t, e, engine.Kind[plan, int]{
				Name: "edit", Apply: f.counts.addAll,
				Admit: func(ctx context.Context, who domain.Principal) error {
					return errors.Join(refuse, f.store.AddUpload(ctx, ports.Upload{Tenant: who.Tenant, ID: "of-admit"}))
				},
			})
			request := engine.Request[plan, int]{Items: inOrder(3), IdempotencyKey: "k"}
			job, err := jobs.Submit(t.Context(), user("a"), request)
			if job != nil || !errors.Is(err, cause) || domain.CodeOf(err) != domain.CodeOf(cause) ||
				domain.FailureOf(err).Params["retry_after"] != domain.FailureOf(cause).Params["retry_after"] {
				t.Fatalf("Submit() = %v, %v; want %v", job, err, cause)
			}
			id := domain.NewJobID(now, 7)
			if _, err := e.Find(t.Context(), user("a"), id); !errors.Is(err, domain.CodeNotFound) {
				t.Errorf("Find(the refused job) = %v, want %s", err, domain.CodeNotFound)
			}
			if _, err := f.store.FindUpload(t.Context(), "a", "of-admit"); !errors.Is(err, domain.CodeNotFound) {
				t.Errorf("FindUpload(what Admit wrote) = %v, want %s", err, domain.CodeNotFound)
			}
			if waiting, err := f.store.Waiting(t.Context()); err != nil || len(waiting) > 0 {
				t.Errorf("Waiting() = %v, %v; want nothing", waiting, err)
			}
			f.stored(t, 0)

			refuse = nil // and the key is free for whatever comes next
			request.Items = inOrder(4)
			if job := submit(t, jobs, user("a"), request); job.ID() != id || job.Report().Total != 4 {
				t.Errorf("after the refusal the key gives job %s of %d items, want %s of 4", job.ID(), job.Report().Total, id)
			}
			if _, err := f.store.FindUpload(t.Context(), "a", "of-admit"); err != nil {
				t.Errorf("FindUpload(what Admit wrote) = %v, want it with the job", err)
			}
			f.stored(t, 1)
		})
	}
}

// A quota that Admit spends is spent by jobs that are stored, and by no others.
func TestWhatAdmitWritesIsStoredWithTheJob(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture()
		e := f.engine(t, engine.Config{})
		jobs := register(t, e, engine.Kind[plan, int]{Name: "edit", Apply: f.counts.addAll, Admit: f.spend})
		request := engine.Request[plan, int]{Items: inOrder(3)}
		for range 2 {
			submit(t, jobs, user("a"), request)
		}
		for range 3 {
			if job, err := jobs.Submit(t.Context(), user("a"), request); !errors.Is(err, domain.CodeRateLimited) {
				t.Errorf("a third Submit() = %v, %v; want %s", job, err, domain.CodeRateLimited)
			}
		}
		submit(t, jobs, user("b"), request)
		if a, b := f.left(t, "a"), f.left(t, "b"); a != 0 || b != 1 {
			t.Errorf("left are %d and %d jobs, want 0 and 1", a, b)
		}
		f.stored(t, 3)
		time.Sleep(time.Hour + time.Second)
		submit(t, jobs, user("a"), request)
	})
}

// full is a store that has no room for the items of a job.
type full struct{ ports.Store }

func (full) AddChunks(context.Context, domain.JobRef, []domain.Chunk) error {
	return domain.Unavailable(errors.New("disk full"))
}

func TestWhatAdmitWritesIsUndoneWithTheJob(t *testing.T) {
	t.Parallel()
	f := newFixture()
	whole := f.deps
	f.deps.Store = full{f.store}
	kind := engine.Kind[plan, int]{Name: "edit", Apply: f.counts.addAll, Admit: f.spend}
	jobs := register(t, f.engine(t, engine.Config{}), kind)
	request := engine.Request[plan, int]{Items: inOrder(3), IdempotencyKey: "k"}
	for range 5 {
		if job, err := jobs.Submit(t.Context(), user("a"), request); !errors.Is(err, domain.CodeUnavailable) {
			t.Errorf("Submit(a full store) = %v, %v; want %s", job, err, domain.CodeUnavailable)
		}
	}
	if left := f.left(t, "a"); left != 2 {
		t.Errorf("left are %d jobs, want 2: none was stored", left)
	}
	f.stored(t, 0)
	f.deps = whole
	submit(t, register(t, f.engine(t, engine.Config{}), kind), user("a"), request)
	if left := f.left(t, "a"); left != 1 {
		t.Errorf("left are %d jobs after one, want 1", left)
	}
}

// An identifier that is taken makes the engine try another one. That is still
// one job.
func TestAJobOfASecondIdentifierIsAdmittedOnce(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 2, 0, 0, 0, time.UTC)
	f := newFixture()
	drawn := []uint64{7, 7, 7, 8}
	e := f.engine(t, engine.Config{Now: func() time.Time { return now }, Random: func() uint64 {
		first := drawn[0]
		drawn = drawn[1:]
		return first
	}})
	jobs := register(t, e, engine.Kind[plan, int]{Name: "edit", Apply: f.counts.addAll, Admit: f.spend})
	for _, random := range []uint64{7, 8} {
		job := submit(t, jobs, user("a"), engine.Request[plan, int]{Items: inOrder(3)})
		if want := domain.NewJobID(now, random); job.ID() != want {
			t.Errorf("Submit() = job %s, want %s", job.ID(), want)
		}
	}
	if left := f.left(t, "a"); left != 0 {
		t.Errorf("left are %d jobs after two, want 0", left)
	}
	drawn = []uint64{7, 8, 7}
	if job, err := jobs.Submit(t.Context(), user("b"), engine.Request[plan, int]{Items: inOrder(3)}); !errors.Is(err, domain.CodeConflict) {
		t.Errorf("Submit(only identifiers that are taken) = %v, %v; want %s", job, err, domain.CodeConflict)
	}
	if left := f.left(t, "b"); left != 2 {
		t.Errorf("left are %d jobs without one, want 2", left)
	}
}

// Admit is asked for each job that is new, and for nothing else.
func TestAdmitIsAskedOncePerJob(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture()
		e := f.engine(t, engine.Config{SweepEvery: time.Hour})
		var asked []domain.TenantID
		jobs := register(t, e, engine.Kind[plan, int]{
			Name: "edit", Apply: f.counts.addAll,
			Check: func(p plan) error {
				if p.N < 0 {
					return domain.CodeOutOfRange
				}
				return nil
			},
			Admit: func(_ context.Context, who domain.Principal) error {
				asked = append(asked, who.Tenant)
				return nil
			},
		})
		expect := func(when string, want ...domain.TenantID) {
			t.Helper()
			if !slices.Equal(asked, want) {
				t.Errorf("%s: Admit was asked for %q, want %q", when, asked, want)
			}
			asked = nil
		}
		defer start(t, e)()
		request := engine.Request[plan, int]{Items: inOrder(3), IdempotencyKey: "k"}
		var group sync.WaitGroup
		for range 50 {
			group.Go(func() {
				if _, err := jobs.Submit(t.Context(), user("a"), request); err != nil {
					t.Errorf("Submit() = %v, want a job", err)
				}
			})
		}
		group.Wait()
		expect("50 submissions with one key", "a")
		other := request
		other.Items = inOrder(4)
		if _, err := jobs.Submit(t.Context(), user("a"), other); !errors.Is(err, domain.CodeMismatch) {
			t.Errorf("Submit(the key, another request) = %v, want %s", err, domain.CodeMismatch)
		}
		expect("another request with the key")
		submit(t, jobs, user("b"), request)
		expect("another tenant", "b")
		for range 2 {
			submit(t, jobs, user("a"), engine.Request[plan, int]{Items: inOrder(3)})
		}
		expect("no key", "a", "a")
		for name, test := range map[string]struct {
			who domain.Principal
			r   engine.Request[plan, int]
		}{
			"no permission": {domain.Principal{Tenant: "a", User: "1"}, engine.Request[plan, int]{Items: inOrder(3)}},
			"a bad payload": {user("a"), engine.Request[plan, int]{Items: inOrder(3), Payload: plan{N: -1}}},
			"no items":      {user("a"), engine.Request[plan, int]{}},
		} {
			if job, err := jobs.Submit(t.Context(), test.who, test.r); err == nil {
				t.Errorf("%s: Submit() = %v, want an error", name, job)
			}
			expect(name)
		}
		time.Sleep(8 * 24 * time.Hour)
		submit(t, jobs, user("a"), request)
		expect("a key that has run out", "a")
	})
}

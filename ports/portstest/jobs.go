package portstest

import (
	"bytes"
	"context"
	"errors"
	"reflect"
	"sync/atomic"
	"testing"
	"time"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

// Jobs runs the contract of [ports.Jobs].
func Jobs(t *testing.T, open func(*testing.T) ports.Store) {
	t.Run("round trip", func(t *testing.T) { jobsRoundTrip(t, open) })
	t.Run("add and find", func(t *testing.T) { jobsAddAndFind(t, open) })
	t.Run("lock and save", func(t *testing.T) { jobsLockAndSave(t, open) })
	t.Run("count open jobs", func(t *testing.T) { jobsOpen(t, open) })
}

// fullSnapshot returns a job with every field set, the texts to text.
func fullSnapshot(text string) domain.JobSnapshot {
	expected := 90
	return domain.JobSnapshot{
		JobSpec: domain.JobSpec{
			ID: domain.NewJobID(storeNow, 4711), Tenant: "acme", User: domain.UserID("u" + text), Kind: domain.Kind("k" + text),
			Resource: text, Whole: true, Payload: []byte(text), Locale: text,
			Selection: domain.Selection{All: true, Failed: true, Expected: &expected}, Items: 7, SubmittedAt: storeNow, Trace: domain.TraceParent(text),
			Options: domain.JobOptions{ValidateOnly: true, AllOrNothing: true, FailLimit: domain.FailLimit{Items: 5, Percent: 17}}, RetryOf: domain.JobID(text),
		},
		State:     domain.JobFailed,
		Report:    domain.Report{Total: 90, Created: 1, Updated: 2, Unchanged: 3, Deleted: 4, Exported: 5, Failed: 6, Skipped: 7, Cancelled: 8},
		Processed: 41,
		Cause: &domain.Failure{
			Code: "host_code", Field: text, Value: text, Params: map[string]string{"p" + text: text, "q": "1"},
			Also: []domain.Failure{{Code: "other_code", Value: text}, {Code: "third", Params: map[string]string{"r": text}}},
		},
		File:            &domain.JobFile{ID: "f" + text, Name: text, Size: 1 << 40},
		CancelRequested: true, Epoch: 1 << 41, Suspect: true, Strikes: 2, Sequence: 1 << 42,
		StartedAt: storeNow.Add(time.Microsecond), EndedAt: time.Date(1969, 12, 31, 23, 59, 59, 999_999_000, time.UTC),
	}
}

func loadJob(t *testing.T, s domain.JobSnapshot) *domain.BatchJob {
	t.Helper()
	job, err := domain.LoadJob(s)
	if err != nil {
		t.Fatalf("LoadJob(%+v) = %v, want no error", s, err)
	}
	return job
}

func jobsRoundTrip(t *testing.T, open func(*testing.T) ports.Store) {
	for _, text := range awkwardTexts() {
		t.Run(named(text), func(t *testing.T) {
			t.Parallel()
			f := newStoreFixture(t, open)
			want := fullSnapshot(text)
			job := loadJob(t, want)
			if err := f.AddJob(t.Context(), job); err != nil {
				t.Fatalf("AddJob() = %v, want no error", err)
			}
			if got := f.find(job.Ref()).Snapshot(); !reflect.DeepEqual(got, want) {
				t.Errorf("FindJob() = %+v, want %+v", got, want)
			}
		})
	}

	t.Run("through save", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		want := fullSnapshot("文字")
		bare := domain.JobSnapshot{JobSpec: want.JobSpec, State: domain.JobQueued}
		job := loadJob(t, bare)
		if err := f.AddJob(t.Context(), job); err != nil {
			t.Fatalf("AddJob() = %v, want no error", err)
		}
		if got := f.find(job.Ref()).Snapshot(); !reflect.DeepEqual(got, bare) {
			t.Errorf("FindJob() = %+v, want %+v", got, bare)
		}
		for _, s := range []domain.JobSnapshot{want, bare} {
			if err := f.InTx(t.Context(), func(ctx context.Context) error {
				if _, err := f.LockJob(ctx, job.Ref()); err != nil {
					return err
				}
				return f.SaveJob(ctx, loadJob(t, s))
			}); err != nil {
				t.Fatalf("SaveJob() = %v, want no error", err)
			}
			if got := f.find(job.Ref()).Snapshot(); !reflect.DeepEqual(got, s) {
				t.Errorf("FindJob() = %+v, want %+v", got, s)
			}
		}
	})

	t.Run("through its life", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		job := f.newJob(toPlan)
		if err := f.AddJob(t.Context(), job); err != nil {
			t.Fatalf("AddJob() = %v, want no error", err)
		}
		for _, step := range []func() error{
			func() error { return job.Take(storeNow.Add(1500 * time.Nanosecond)) },
			func() error { return job.Planned(3) },
			func() error { return job.Record(domain.Report{Updated: 2, Failed: 1}) },
			func() error { job.NextEvent("completed", nil, storeNow); return job.Complete(storeNow.Add(time.Hour)) },
		} {
			if err := step(); err != nil {
				t.Fatalf("a step of the job's life = %v, want no error", err)
			}
			f.change(job.Ref(), func(locked *domain.BatchJob) error { *locked = *job; return nil })
			if got, want := f.find(job.Ref()).Snapshot(), job.Snapshot(); !reflect.DeepEqual(got, want) {
				t.Errorf("FindJob(%s) = %+v, want %+v", want.State, got, want)
			}
		}
	})

	t.Run("no payload, no parameters", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		want := fullSnapshot("")
		want.Payload, want.Cause.Params = nil, nil
		if err := f.AddJob(t.Context(), loadJob(t, want)); err != nil {
			t.Fatalf("AddJob() = %v, want no error", err)
		}
		if got := f.find(domain.JobRef{Tenant: want.Tenant, ID: want.ID}).Snapshot(); !reflect.DeepEqual(got, want) {
			t.Errorf("FindJob() = %+v, want %+v", got, want)
		}
	})

	t.Run("what goes in and comes out is not shared", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		payload := []byte(`{"a":1}`)
		job := f.addJob(func(s *domain.JobSpec) { s.Payload = payload })
		want := bytes.Clone(payload)
		payload[2] = 'X'
		f.find(job.Ref()).Payload()[3] = 'Y'
		if got := f.find(job.Ref()).Payload(); !bytes.Equal(got, want) {
			t.Errorf("FindJob().Payload() = %s, want %s", got, want)
		}
	})
}

func jobsAddAndFind(t *testing.T, open func(*testing.T) ports.Store) {
	t.Run("an identifier that is taken", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		job := f.addJob()
		again := func(s *domain.JobSpec) { s.ID, s.Items = job.ID(), 99 }
		wantCode(t, "AddJob(same id)", f.AddJob(t.Context(), f.newJob(again)), domain.CodeConflict)
		wantCode(t, "AddJob(same id, other tenant)", f.AddJob(t.Context(), f.newJob(again, ofTenant("other"))), domain.CodeConflict)
		if got := f.find(job.Ref()).Snapshot(); !reflect.DeepEqual(got, job.Snapshot()) {
			t.Errorf("FindJob() = %+v, want the first job %+v", got, job.Snapshot())
		}
	})

	t.Run("two race for one identifier", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		const callers = 20
		jobs := make([]*domain.BatchJob, callers)
		for i := range jobs {
			jobs[i] = f.newJob(func(s *domain.JobSpec) { s.ID, s.Items = domain.NewJobID(storeNow, 1), i+1 })
		}
		var won, last atomic.Int64
		atOnce(callers, func(i int) {
			err := f.AddJob(t.Context(), jobs[i])
			switch {
			case err == nil:
				won.Add(1)
				last.Store(int64(i))
			case !errors.Is(err, domain.CodeConflict):
				t.Errorf("AddJob(raced) = %v, want %v", err, domain.CodeConflict)
			}
		})
		if won.Load() != 1 {
			t.Fatalf("%d of %d callers added the job, want 1", won.Load(), callers)
		}
		if got, want := f.find(jobs[0].Ref()).Snapshot(), jobs[last.Load()].Snapshot(); !reflect.DeepEqual(got, want) {
			t.Errorf("FindJob() = %+v, want that of the one who won: %+v", got, want)
		}
	})

	t.Run("not found", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		job := f.addJob()
		for _, ref := range []domain.JobRef{
			{Tenant: "other", ID: job.ID()}, {Tenant: "", ID: job.ID()}, {Tenant: "acme", ID: "nobody"}, {Tenant: "acme"}, {},
		} {
			_, err := f.FindJob(t.Context(), ref)
			wantCode(t, "FindJob(not there)", err, domain.CodeNotFound)
			wantCode(t, "LockJob(not there)", f.InTx(t.Context(), func(ctx context.Context) error {
				_, err := f.LockJob(ctx, ref)
				return err
			}), domain.CodeNotFound)
		}
	})
}

func jobsLockAndSave(t *testing.T, open func(*testing.T) ports.Store) {
	t.Run("lock outside of a transaction", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		_, err := f.LockJob(t.Context(), f.addJob().Ref())
		wantCode(t, "LockJob()", err, domain.CodeInternal)
	})

	t.Run("a locked job is changed by nobody else", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		const callers, each = 16, 5
		job := f.addJob(func(s *domain.JobSpec) { s.Items = callers * each })
		f.change(job.Ref(), func(job *domain.BatchJob) error { return job.Start(storeNow) })
		atOnce(callers, func(int) {
			for range each {
				if err := f.InTx(t.Context(), func(ctx context.Context) error {
					locked, err := f.LockJob(ctx, job.Ref())
					if err != nil {
						return err
					}
					if err := locked.Record(domain.Report{Updated: 1}); err != nil {
						return err
					}
					return f.SaveJob(ctx, locked)
				}); err != nil {
					t.Errorf("InTx(lock, record, save) = %v, want no error", err)
				}
			}
		})
		if got := f.find(job.Ref()).Report().Updated; got != callers*each {
			t.Errorf("%d additions by %d callers at once came to %d", callers*each, callers, got)
		}
	})

	t.Run("a job that needs no worker any more loses its lease", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		job := f.addJob(toPlan)
		claim := f.claimOf(wants(), job, -1)
		f.change(job.Ref(), func(job *domain.BatchJob) error { job.Pass(1, 3); return nil })
		f.wantInFlight(job.Ref(), 1) // it still needs one
		f.change(job.Ref(), func(job *domain.BatchJob) error { return job.Planned(3) })
		f.wantInFlight(job.Ref(), 0)
		wantCode(t, "Extend(lost lease)", f.Extend(t.Context(), claim, time.Hour), domain.CodeClaimLost)
	})

	t.Run("a payload that is replaced", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		for _, payload := range []string{`{"prepared":"文字"}`, ""} {
			job, other := f.addJob(), f.addJob()
			changed := f.find(job.Ref())
			changed.Prepare([]byte(payload))
			if err := changed.RequestCancel(); err != nil {
				t.Fatalf("RequestCancel() = %v, want no error", err)
			}
			if err := f.InTx(t.Context(), func(ctx context.Context) error {
				if _, err := f.LockJob(ctx, job.Ref()); err != nil {
					return err
				}
				return f.SavePayload(ctx, changed)
			}); err != nil {
				t.Fatalf("SavePayload() = %v, want no error", err)
			}
			want := job.Snapshot()
			if want.Payload = []byte(payload); payload == "" {
				want.Payload = nil
			}
			got := f.find(job.Ref()).Snapshot()
			if len(got.Payload) == 0 {
				got.Payload = nil
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("FindJob() = %+v, want the new payload and nothing else: %+v", got, want)
			}
			f.change(job.Ref(), func(job *domain.BatchJob) error { job.Prepare([]byte("lost")); return nil })
			if got := string(f.find(job.Ref()).Payload()); got != payload {
				t.Errorf("payload = %q after SaveJob, want %q: only SavePayload changes it", got, payload)
			}
			if got := f.find(other.Ref()).Snapshot(); !reflect.DeepEqual(got, other.Snapshot()) {
				t.Errorf("another job = %+v, want %+v", got, other.Snapshot())
			}
			stranger := loadJob(t, func() domain.JobSnapshot { s := job.Snapshot(); s.Tenant = "other"; return s }())
			wantCode(t, "SavePayload(another tenant's)", f.SavePayload(t.Context(), stranger), domain.CodeNotFound)
		}
	})

	t.Run("a rolled back change is not there", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		job := f.addJob()
		if err := f.InTx(t.Context(), func(ctx context.Context) error {
			locked, err := f.LockJob(ctx, job.Ref())
			if err != nil {
				return err
			}
			if err := locked.RequestCancel(); err != nil {
				return err
			}
			if err := f.SaveJob(ctx, locked); err != nil {
				return err
			}
			return errStoreSuite
		}); !errors.Is(err, errStoreSuite) {
			t.Fatalf("InTx(error) = %v, want %v", err, errStoreSuite)
		}
		if f.find(job.Ref()).CancelRequested() {
			t.Errorf("FindJob() has the change that was rolled back")
		}
	})
}

func jobsOpen(t *testing.T, open func(*testing.T) ports.Store) {
	count := func(f *storeFixture, tenant domain.TenantID, most, want int) {
		f.t.Helper()
		if err := f.InTx(f.t.Context(), func(ctx context.Context) error {
			got, err := f.CountOpenJobs(ctx, tenant, most)
			if got != want {
				f.t.Errorf("CountOpenJobs(%s, %d) = %d, want %d", tenant, most, got, want)
			}
			return err
		}); err != nil {
			f.t.Errorf("InTx(CountOpenJobs(%s, %d)) = %v, want no error", tenant, most, err)
		}
	}

	t.Run("those that have not ended, of one tenant, up to a number", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		count(f, "acme", 10, 0)
		first := f.addPlanned([]int{2})
		f.addJob(toPlan)
		f.addJob(doneWhole, onResource("r"))
		f.addJob(ofTenant("other"))
		f.claim(wants())
		f.requestCancel(first.Ref())
		count(f, "acme", 10, 3)
		count(f, "acme", 3, 3)
		count(f, "acme", 2, 2)
		count(f, "acme", 0, 0)
		count(f, "other", 10, 1)
		f.end(first.Ref())
		count(f, "acme", 10, 2)
	})

	t.Run("not outside of a transaction", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		_, err := f.CountOpenJobs(t.Context(), "acme", 1)
		wantCode(t, "CountOpenJobs outside of a transaction", err, domain.CodeInternal)
	})

	t.Run("those that count before they add take no more room than there is", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		const limit, callers = 7, 20
		var jobs []*domain.BatchJob
		for range callers {
			jobs = append(jobs, f.newJob())
		}
		atOnce(callers, func(i int) {
			if err := f.InTx(t.Context(), func(ctx context.Context) error {
				n, err := f.CountOpenJobs(ctx, "acme", limit)
				if err != nil || n == limit {
					return err
				}
				return f.AddJob(ctx, jobs[i])
			}); err != nil {
				t.Errorf("InTx(count, add) = %v, want no error", err)
			}
		})
		count(f, "acme", callers, limit)
	})
}

package portstest

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

// IdempotencyKeys runs the contract of [ports.IdempotencyKeys].
func IdempotencyKeys(t *testing.T, open func(*testing.T) ports.Store) {
	t.Run("reserve", func(t *testing.T) { keysReserve(t, open) })
	t.Run("race", func(t *testing.T) { keysRace(t, open) })
	t.Run("purge", func(t *testing.T) { keysPurge(t, open) })
}

// reservation returns a key of the tenant "acme" for the job.
func reservation(key string, job domain.JobID, at time.Time) ports.IdempotencyKey {
	return ports.IdempotencyKey{Tenant: "acme", Key: key, Fingerprint: "f1", Job: job, At: at}
}

// wantReserved reserves the key and fails unless it gives the job.
func (f *storeFixture) wantReserved(key ports.IdempotencyKey, since time.Time, want domain.JobID) {
	f.t.Helper()
	if got, err := f.ReserveKey(f.t.Context(), key, since); err != nil || got != want {
		f.t.Errorf("ReserveKey(%.40q of job %s) = %q, %v; want %s", key.Key, key.Job, got, err, want)
	}
}

func keysReserve(t *testing.T, open func(*testing.T) ports.Store) {
	since := storeNow.Add(-24 * time.Hour)

	t.Run("the first stays", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		f.wantReserved(reservation("k", "job-1", storeNow), since, "job-1")
		f.wantReserved(reservation("k", "job-2", storeNow), since, "job-1")
		f.wantReserved(reservation("other", "job-3", storeNow), since, "job-3")
		f.wantReserved(reservation("k", "job-4", storeNow.Add(time.Hour)), since, "job-1")
	})

	t.Run("another fingerprint", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		f.wantReserved(reservation("k", "job-1", storeNow), since, "job-1")
		other := reservation("k", "job-2", storeNow)
		other.Fingerprint = "f2"
		_, err := f.ReserveKey(t.Context(), other, since)
		wantCode(t, "ReserveKey(another fingerprint)", err, domain.CodeMismatch)
		f.wantReserved(reservation("k", "job-3", storeNow), since, "job-1")
	})

	t.Run("tenants apart", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		f.wantReserved(reservation("k", "job-1", storeNow), since, "job-1")
		other := reservation("k", "job-2", storeNow)
		other.Tenant, other.Fingerprint = "other", "f2"
		f.wantReserved(other, since, "job-2")
	})

	t.Run("an older one is replaced", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		f.wantReserved(reservation("k", "job-1", since), since, "job-1")
		f.wantReserved(reservation("k", "job-2", storeNow), since, "job-1") // not older than since
		replacing := reservation("k", "job-3", storeNow)
		replacing.Fingerprint = "f2"
		f.wantReserved(replacing, since.Add(time.Microsecond), "job-3")
		replacing.Job = "job-4"
		f.wantReserved(replacing, since.Add(time.Microsecond), "job-3")
	})

	t.Run("as it was", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		for i, text := range awkwardTexts() {
			job := domain.JobID(fmt.Sprintf("job-%d", i))
			key := reservation(text, job, storeNow)
			key.Fingerprint = text
			f.wantReserved(key, since, job)
		}
		for i, text := range awkwardTexts() {
			key := reservation(text, "another", storeNow)
			key.Fingerprint = text
			f.wantReserved(key, since, domain.JobID(fmt.Sprintf("job-%d", i)))
		}
	})

	t.Run("rolled back", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		if err := f.InTx(t.Context(), func(ctx context.Context) error {
			if got, err := f.ReserveKey(ctx, reservation("k", "job-1", storeNow), since); err != nil || got != "job-1" {
				t.Errorf("ReserveKey() in a transaction = %q, %v; want job-1", got, err)
			}
			return errStoreSuite
		}); !errors.Is(err, errStoreSuite) {
			t.Fatalf("InTx(error) = %v, want %v", err, errStoreSuite)
		}
		f.wantReserved(reservation("k", "job-2", storeNow), since, "job-2")
	})
}

func keysRace(t *testing.T, open func(*testing.T) ports.Store) {
	const callers = 50

	t.Run("one job for all callers", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		jobs := make([]*domain.BatchJob, callers)
		for i := range jobs {
			jobs[i] = f.newJob()
		}
		got := make([]domain.JobID, callers)
		atOnce(callers, func(i int) {
			if err := f.InTx(t.Context(), func(ctx context.Context) (err error) {
				got[i], err = f.ReserveKey(ctx, reservation("k", jobs[i].ID(), storeNow), storeNow)
				if err != nil || got[i] != jobs[i].ID() {
					return err
				}
				return f.AddJob(ctx, jobs[i])
			}); err != nil {
				t.Errorf("InTx(reserve, add) = %v, want no error", err)
			}
		})
		stored := 0
		for i, job := range jobs {
			if got[i] != got[0] {
				t.Errorf("ReserveKey(raced) = %s and %s, want one job", got[0], got[i])
			}
			if f.has(job.Ref()) {
				stored++
			}
		}
		if stored != 1 {
			t.Errorf("%d callers with one key stored %d jobs, want 1", callers, stored)
		}
	})

	t.Run("who rolls back leaves it to the next", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		var tries, kept atomic.Int64
		atOnce(callers, func(i int) {
			mine := domain.JobID(fmt.Sprintf("job-%d", i))
			err := f.InTx(t.Context(), func(ctx context.Context) error {
				got, err := f.ReserveKey(ctx, reservation("k", mine, storeNow), storeNow)
				if err != nil || got != mine {
					return err
				}
				if tries.Add(1) <= 3 {
					return errStoreSuite
				}
				kept.Add(1)
				return nil
			})
			if err != nil && !errors.Is(err, errStoreSuite) {
				t.Errorf("InTx(reserve) = %v, want no error", err)
			}
		})
		if tries.Load() != 4 || kept.Load() != 1 {
			t.Errorf("%d reservations were made and %d kept, want 4 and 1", tries.Load(), kept.Load())
		}
	})
}

func keysPurge(t *testing.T, open func(*testing.T) ports.Store) {
	t.Run("from before the time", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		for i := range 5 {
			at := storeNow.Add(time.Duration(i) * time.Microsecond)
			f.wantReserved(reservation(fmt.Sprintf("k%d", i), "job-1", at), time.Time{}, "job-1")
		}
		for _, want := range []int{2, 0} {
			if got, err := f.PurgeKeys(t.Context(), storeNow.Add(2*time.Microsecond), 100); err != nil || got != want {
				t.Errorf("PurgeKeys() = %d, %v; want %d", got, err, want)
			}
		}
		for i, want := range []domain.JobID{"job-2", "job-2", "job-1", "job-1", "job-1"} {
			f.wantReserved(reservation(fmt.Sprintf("k%d", i), "job-2", storeNow), time.Time{}, want)
		}
	})
	t.Run("the oldest first, up to a limit", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		for i := range 5 { // the youngest comes first in the alphabet
			at := storeNow.Add(-time.Duration(i) * time.Hour)
			f.wantReserved(reservation(fmt.Sprintf("k%d", i), "job-1", at), time.Time{}, "job-1")
		}
		for _, n := range []struct{ limit, want int }{{0, 0}, {2, 2}, {2, 2}, {2, 0}} {
			if got, err := f.PurgeKeys(t.Context(), storeNow, n.limit); err != nil || got != n.want {
				t.Errorf("PurgeKeys(limit %d) = %d, %v; want %d", n.limit, got, err, n.want)
			}
			if n.limit == 2 && n.want == 2 {
				f.wantReserved(reservation("k0", "job-2", storeNow), time.Time{}, "job-1")
			}
		}
		for i, want := range []domain.JobID{"job-1", "job-2"} {
			f.wantReserved(reservation(fmt.Sprintf("k%d", i), "job-2", storeNow), time.Time{}, want)
		}
	})
}

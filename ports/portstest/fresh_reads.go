package portstest

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

// FreshStore is what the suite of fresh reads needs.
type FreshStore interface {
	ports.Store
	ports.APIKeys
}

// FreshReads runs what [ports.Jobs] and [ports.APIKeys] promise to those who read
// while others write, whatever a store remembers. open returns two stores over
// one empty place, as two processes would have; they may be one.
func FreshReads(t *testing.T, open func(*testing.T) (one, other FreshStore)) {
	t.Run("a job is never older than the last commit", func(t *testing.T) { freshJobs(t, open) })
	t.Run("a revoked key is found revoked at once", func(t *testing.T) { freshKeys(t, open) })
	t.Run("what was found belongs to who found it", func(t *testing.T) { freshCopies(t, open) })
}

// freshJobs has readers at both stores while both write by turns: what is read
// must hold at least what was committed before the read began.
func freshJobs(t *testing.T, open func(*testing.T) (one, other FreshStore)) {
	t.Parallel()
	const commits = 60
	one, other := open(t)
	both := []FreshStore{one, other}
	job, err := domain.NewJob(domain.JobSpec{
		ID: domain.NewJobID(storeNow, 1), Tenant: "acme", User: "u", Kind: opening, Whole: true, Items: commits, SubmittedAt: storeNow,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := one.AddJob(t.Context(), job); err != nil {
		t.Fatalf("AddJob() = %v, want no error", err)
	}
	var committed atomic.Int64 // never ahead of what is committed
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var readers sync.WaitGroup
	defer readers.Wait()
	defer stop()
	for i := range 4 {
		readers.Go(func() {
			for ctx.Err() == nil {
				least := int(committed.Load())
				found, err := both[i%2].FindJob(ctx, job.Ref())
				if errors.Is(err, context.Canceled) {
					return
				}
				if err != nil || found.Snapshot().Processed < least {
					t.Errorf("FindJob() = %+v, %v; want the state after %d commits or more", found, err, least)
					return
				}
			}
		})
	}
	for n := 1; n <= commits; n++ {
		store := both[n%2]
		err := store.InTx(t.Context(), func(ctx context.Context) error {
			locked, err := store.LockJob(ctx, job.Ref())
			if err != nil {
				return err
			}
			locked.Pass(n, commits)
			return store.SaveJob(ctx, locked)
		})
		if err != nil {
			t.Fatalf("commit %d = %v, want no error", n, err)
		}
		committed.Store(int64(n))
		for _, store := range both {
			if found, err := store.FindJob(t.Context(), job.Ref()); err != nil || found.Snapshot().Processed != n {
				t.Fatalf("FindJob() after commit %d = %+v, %v; want it", n, found, err)
			}
		}
	}
}

func freshKeys(t *testing.T, open func(*testing.T) (one, other FreshStore)) {
	t.Parallel()
	one, other := open(t)
	for i, revoker := range []FreshStore{one, other} {
		key := ports.APIKey{ID: string(rune('a' + i)), Tenant: "acme", User: "u", Permissions: []domain.Permission{"x"}, CreatedAt: storeNow}
		if err := one.AddAPIKey(t.Context(), key); err != nil {
			t.Fatalf("AddAPIKey() = %v, want no error", err)
		}
		for range 3 {
			if found, err := one.FindAPIKey(t.Context(), key.ID); err != nil || !found.RevokedAt.IsZero() {
				t.Fatalf("FindAPIKey() = %+v, %v; want the key", found, err)
			}
		}
		if err := revoker.RevokeAPIKey(t.Context(), key.ID, storeNow.Add(time.Hour)); err != nil {
			t.Fatalf("RevokeAPIKey() = %v, want no error", err)
		}
		if found, err := one.FindAPIKey(t.Context(), key.ID); err != nil || found.RevokedAt.IsZero() {
			t.Errorf("FindAPIKey() after the key was revoked = %+v, %v; want it revoked", found, err)
		}
	}
}

// freshCopies changes what was found, which nobody else may see.
func freshCopies(t *testing.T, open func(*testing.T) (one, other FreshStore)) {
	t.Parallel()
	store, _ := open(t)
	job := loadJob(t, fullSnapshot("x"))
	key := ports.APIKey{ID: "k", Tenant: "acme", User: "u", Permissions: []domain.Permission{"x"}, CreatedAt: storeNow}
	if err := errors.Join(store.AddJob(t.Context(), job), store.AddAPIKey(t.Context(), key)); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		found, err := store.FindJob(t.Context(), job.Ref())
		if err != nil || found.Snapshot().Processed != job.Snapshot().Processed || found.File().Name != "x" {
			t.Fatalf("FindJob() = %+v, %v; want it as it is stored", found, err)
		}
		found.Pass(1<<30, 1<<30)
		found.Attach(domain.JobFile{Name: "mine"})
		kept, err := store.FindAPIKey(t.Context(), key.ID)
		if err != nil || kept.Permissions[0] != "x" {
			t.Fatalf("FindAPIKey() = %+v, %v; want it as it is stored", kept, err)
		}
		kept.Permissions[0] = domain.All
	}
}

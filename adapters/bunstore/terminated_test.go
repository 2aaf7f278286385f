package bunstore_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/batchport/batchport/adapters/bunstore"
	"github.com/batchport/batchport/domain"
)

// A backend that is gone in the middle of a transaction is a fault of the
// store, whatever runs into it, and leaves nothing half.
func TestTerminatedBackend(t *testing.T) {
	t.Parallel()
	ref := domain.JobRef{Tenant: "acme", ID: "j"}
	stores, db := onPostgres.stores(t, 2)
	store := stores[1]
	for name, next := range map[string]func(ctx context.Context) error{
		"at the commit":     func(context.Context) error { return nil },
		"in a statement":    func(ctx context.Context) error { return store.ClearFailures(ctx, ref) },
		"in a host's":       func(ctx context.Context) error { _, err := bunstore.Tx(ctx).ExecContext(ctx, "SELECT 1"); return err },
		"that is swallowed": func(ctx context.Context) error { _ = store.ClearFailures(ctx, ref); return nil },
		"in a savepoint": func(ctx context.Context) error {
			return store.Savepoint(ctx, func(context.Context) error { return nil })
		},
		"in a savepoint's": func(ctx context.Context) error {
			return store.Savepoint(ctx, func(ctx context.Context) error { return store.ClearFailures(ctx, ref) })
		},
		"in a claim":         func(ctx context.Context) error { _, _, err := store.Claim(ctx, claimAny, testNow); return err },
		"in a data fault of": func(ctx context.Context) error { _ = store.ClearFailures(ctx, ref); return domain.CodeRejected },
	} {
		err := store.InTx(t.Context(), func(ctx context.Context) error {
			if err := store.AddFailures(ctx, ref, []domain.ItemFailure{{Index: 1}}); err != nil {
				return err
			}
			pid := number(t, bunstore.Tx(ctx), "SELECT pg_backend_pid()")
			if n := number(t, db.Write, fmt.Sprintf("SELECT CASE WHEN pg_terminate_backend(%d, 10000) THEN 1 ELSE 0 END", pid)); n != 1 {
				t.Error("the backend was not terminated")
			}
			return next(ctx)
		})
		if !errors.Is(err, domain.CodeUnavailable) {
			t.Errorf("InTx(backend terminated %s) = %v, want %v", name, err, domain.CodeUnavailable)
		}
		if got, err := store.ListFailures(t.Context(), ref, -1, 10); err != nil || len(got) != 0 {
			t.Errorf("ListFailures() after it = %v, %v; want none", got, err)
		}
	}
}

// Backends are terminated at any moment, in the middle of commits too, while
// workers work: every chunk is done once and counted once, since whoever does
// not know whether it has committed looks, or finds the chunk taken.
func TestTerminatedAtAnyMoment(t *testing.T) {
	t.Parallel()
	const workers, chunks = 6, 100
	place, name := onPostgres.place(t), "victim-"+rand.Text()
	db := onPostgres.open(t, place)
	job := addPlanned(t, storeOn(t, db), 1, slices.Repeat([]int{2}, chunks)...)
	run(t, db.Write, "CREATE TABLE effects (first INTEGER PRIMARY KEY, n INTEGER NOT NULL)")
	stores := make([]*bunstore.Store, 2)
	for i := range stores {
		stores[i] = storeOn(t, onPostgres.open(t, place+"&application_name="+name))
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var killing sync.WaitGroup
	killing.Go(func() {
		for ctx.Err() == nil {
			_, err := db.Write.ExecContext(ctx, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
				WHERE application_name = ? ORDER BY random() LIMIT 1`, name)
			if err != nil && ctx.Err() == nil {
				t.Errorf("pg_terminate_backend() = %v, want no error", err)
			}
			pause := time.NewTimer(10 * time.Millisecond)
			select {
			case <-ctx.Done():
			case <-pause.C:
			}
		}
	})
	var lost, tries atomic.Int64
	atOnce(workers, func(w int) {
		store := stores[w%2]
		eventually(t, "the end of the job", func() bool {
			wanted := claimAny
			wanted.Suspect = tries.Add(1)%2 == 0 // what was taken back is suspect
			claim, found, err := store.Claim(ctx, wanted, testNow)
			if err == nil && found {
				err = store.InTx(ctx, func(ctx context.Context) error {
					_, err := bunstore.Tx(ctx).ExecContext(ctx, "INSERT INTO effects VALUES (?, 1) ON CONFLICT (first) DO UPDATE SET n = effects.n + 1", claim.Chunk.First)
					if err != nil {
						return err
					}
					return finishIn(ctx, store, claim)
				})
			}
			if err != nil {
				lost.Add(1)
				if !errors.Is(err, domain.CodeUnavailable) && !errors.Is(err, domain.CodeClaimLost) {
					t.Errorf("Claim() and InTx() = %v, want %v or %v", err, domain.CodeUnavailable, domain.CodeClaimLost)
				}
			}
			if !found || err != nil {
				_, _ = store.Expire(ctx, true) // leases of claims whose answer was lost
			}
			now, err := store.FindJob(ctx, job.Ref())
			return err == nil && now.State().Ended()
		})
	})
	cancel()
	killing.Wait()
	if lost.Load() == 0 {
		t.Error("no transaction was lost, want some")
	}
	// Taken back, a chunk of two is split into two of one.
	all, once := number(t, db.Write, "SELECT count(*) FROM effects"), number(t, db.Write, "SELECT count(*) FROM effects WHERE n = 1")
	if all < chunks || once != all {
		t.Errorf("%d of %d chunks had their effect once, want each of at least %d", once, all, chunks)
	}
	found, err := storeOn(t, db).FindJob(t.Context(), job.Ref())
	if err != nil || found.Report().Updated != 2*chunks {
		t.Errorf("FindJob() = %+v, %v; want %d items updated", found.Report(), err, 2*chunks)
	}
}

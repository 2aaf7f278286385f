package bunstore_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/batchport/batchport/adapters/bunstore"
	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

// Sixteen claimers, in two processes where they can be, share the chunks of two jobs: each
// chunk is claimed once, nobody starves, and nobody stops while there is work.
func TestClaimersShareTheWork(t *testing.T) {
	onEach(t, func(t *testing.T, on engine) {
		const claimers, chunks = 16, 500
		stores, db := on.crowd(t)
		sizes := slices.Repeat([]int{1}, chunks/2)
		jobs := []*domain.BatchJob{addPlanned(t, stores[0], 1, sizes...), addPlanned(t, stores[0], 2, sizes...)}
		var mu sync.Mutex
		took, claims := map[string]int{}, make([]int, claimers)
		atOnce(claimers, func(c int) {
			store := stores[c%2]
			for {
				claim, found, err := store.Claim(t.Context(), claimAny, testNow)
				if err != nil || !found {
					if err != nil {
						t.Errorf("Claim() = %v, want no error", err)
					}
					return
				}
				mu.Lock()
				claims[c]++
				took[fmt.Sprint(claim.Job.ID(), " ", claim.Chunk.First, " under epoch ", claim.Epoch)]++
				mu.Unlock()
				if err := finish(t.Context(), store, claim); err != nil {
					t.Errorf("InTx(finish) = %v, want no error", err)
				}
			}
		})
		if len(took) != chunks {
			t.Errorf("%d pieces were claimed, want %d", len(took), chunks)
		}
		for piece, times := range took {
			if times != 1 || !strings.HasSuffix(piece, "epoch 1") {
				t.Errorf("job %s was claimed %d times, want once under epoch 1", piece, times)
			}
		}
		if least := slices.Min(claims); on.name == onPostgres.name && least < chunks/claimers/4 {
			t.Errorf("the claimers got %v chunks, want nobody to starve", claims)
		}
		for _, job := range jobs {
			found, err := stores[0].FindJob(t.Context(), job.Ref())
			if err != nil || found.Report().Updated != chunks/2 {
				t.Errorf("FindJob() = %+v, %v; want %d items updated", found.Report(), err, chunks/2)
			}
		}
		if held := number(t, db.Write, "SELECT count(*) FROM batchport_chunks WHERE lease_until > 0 OR done = 0"); held != 0 {
			t.Errorf("%d chunks are held or not done, want none", held)
		}
	})
}

// finish records the claimed chunk's items as updated.
func finish(ctx context.Context, store *bunstore.Store, claim ports.Claim) error {
	return store.InTx(ctx, func(ctx context.Context) error { return finishIn(ctx, store, claim) })
}

// finishIn does what finish does in the open transaction.
func finishIn(ctx context.Context, store *bunstore.Store, claim ports.Claim) error {
	if err := store.HoldChunk(ctx, claim); err != nil {
		return err
	}
	if err := store.FinishChunk(ctx, claim); err != nil {
		return err
	}
	job, err := store.LockJob(ctx, claim.Job.Ref())
	if err != nil {
		return err
	}
	if err := job.Record(domain.Report{Updated: claim.Chunk.Len}); err != nil {
		return err
	}
	if job.Report().Pending() == 0 {
		if err := job.Complete(testNow); err != nil {
			return err
		}
	}
	return store.SaveJob(ctx, job)
}

// lined returns a new job on the resource "estates".
func lined(t *testing.T, number uint64) *domain.BatchJob {
	t.Helper()
	job, err := domain.NewJob(domain.JobSpec{
		ID: domain.NewJobID(testNow, number), Tenant: "acme", User: "ann", Kind: testKind, Resource: "estates", Whole: true, Items: 1, SubmittedAt: testNow,
	})
	if err != nil {
		t.Fatal(err)
	}
	return job
}

// A job whose submission is not committed yet cannot come before one that
// may be running already: submissions on one resource wait for each other.
func TestSubmissionsTakeTurns(t *testing.T) {
	t.Parallel()
	store := onPostgres.store(t)
	first, second := lined(t, 1), lined(t, 2)
	added := make(chan error, 1)
	if err := store.InTx(t.Context(), func(ctx context.Context) error {
		if err := store.AddJob(ctx, first); err != nil {
			return err
		}
		go func() { added <- store.AddJob(t.Context(), second) }()
		other := time.NewTimer(100 * time.Millisecond)
		defer other.Stop()
		select {
		case err := <-added:
			t.Errorf("AddJob() = %v while an earlier one is not committed, want it to wait", err)
			added <- err
		case <-other.C:
		}
		// Another resource, and none, do not wait.
		for _, resource := range []string{"budgets", ""} {
			job, err := domain.NewJob(domain.JobSpec{
				ID: domain.NewJobID(testNow, 9+uint64(len(resource))), Tenant: "acme", User: "ann", Kind: "other", Resource: resource, Items: 1,
			})
			if err != nil {
				return err
			}
			if err := store.AddJob(t.Context(), job); err != nil {
				t.Errorf("AddJob(resource %q) = %v, want no error", resource, err)
			}
		}
		return nil
	}); err != nil {
		t.Fatalf("InTx(add) = %v, want no error", err)
	}
	if err := <-added; err != nil {
		t.Fatalf("AddJob() = %v, want no error", err)
	}
	if claim := mustClaim(t, store, false); claim.Job.ID() != first.ID() {
		t.Errorf("Claim() = job %s, want %s, which was submitted first", claim.Job.ID(), first.ID())
	}
}

// Whatever submits, claims and ends jobs on one resource at once: no two of
// them are ever held together.
func TestJobsOnOneResourceRunInTurn(t *testing.T) {
	onEach(t, func(t *testing.T, on engine) {
		const submitters, workers, each = 4, 6, 12
		stores, _ := on.crowd(t)
		var inWork, done atomic.Int64
		atOnce(submitters+workers, func(i int) {
			store := stores[i%2]
			if i < submitters {
				for n := range each {
					if err := store.AddJob(t.Context(), lined(t, uint64(1+i*each+n))); err != nil {
						t.Errorf("AddJob() = %v, want no error", err)
					}
				}
				return
			}
			eventually(t, "the end of all jobs", func() bool {
				claim, found, err := store.Claim(t.Context(), claimAny, testNow)
				if err != nil {
					t.Errorf("Claim() = %v, want no error", err)
				}
				if !found {
					return done.Load() == submitters*each
				}
				if n := inWork.Add(1); n != 1 {
					t.Errorf("%d jobs of one resource are held at once, want one", n)
				}
				err = store.InTx(t.Context(), func(ctx context.Context) error {
					job, err := store.LockJob(ctx, claim.Job.Ref())
					if err != nil {
						return err
					}
					job.FailWith(domain.NewFailure(domain.CodeInternal, "", ""), testNow)
					inWork.Store(0) // it has ended once this is committed
					return store.SaveJob(ctx, job)
				})
				if err != nil {
					t.Errorf("InTx(end) = %v, want no error", err)
				}
				done.Add(1)
				return false
			})
		})
	})
}

// Jobs are stopped while their chunks are claimed: one that has ended is held
// by nobody.
func TestStopWhileClaiming(t *testing.T) {
	onEach(t, func(t *testing.T, on engine) {
		const jobs, claimers = 30, 6
		stores, db := on.crowd(t)
		refs := make([]domain.JobRef, jobs)
		for i := range refs {
			refs[i] = addPlanned(t, stores[0], uint64(i+1), 1, 1, 1).Ref()
		}
		var stopped atomic.Bool
		atOnce(claimers+1, func(c int) {
			store := stores[c%2]
			if c == claimers {
				defer stopped.Store(true)
				for _, ref := range refs {
					if err := stop(t.Context(), store, ref); err != nil {
						t.Errorf("InTx(stop) = %v, want no error", err)
					}
				}
				return
			}
			for !stopped.Load() {
				claim, found, err := store.Claim(t.Context(), claimAny, testNow)
				if err == nil && found {
					err = store.Release(t.Context(), claim, 0)
				}
				if err != nil {
					t.Errorf("Claim() and Release() = %v, want no error", err)
				}
			}
		})
		if held := number(t, db.Write, `SELECT count(*) FROM batchport_chunks AS c JOIN batchport_jobs AS j ON j.id = c.job_id
			WHERE j.ended = 1 AND c.lease_until > 0`); held != 0 {
			t.Errorf("%d chunks of ended jobs are held, want none", held)
		}
	})
}

// stop ends a job that nobody works on, else asks for it.
func stop(ctx context.Context, store *bunstore.Store, ref domain.JobRef) error {
	return store.InTx(ctx, func(ctx context.Context) error {
		job, err := store.LockJob(ctx, ref)
		if err != nil {
			return err
		}
		if err := job.RequestCancel(); err != nil {
			return err
		}
		if held, err := store.InFlight(ctx, ref); err != nil || held > 0 {
			return errors.Join(err, store.SaveJob(ctx, job))
		}
		job.Cancel(testNow)
		return store.SaveJob(ctx, job)
	})
}

// Several processes sweep at once: each lost piece is taken back once.
func TestExpireAtOnce(t *testing.T) {
	onEach(t, func(t *testing.T, on engine) {
		const chunks, sweepers = 40, 8
		stores, db := on.crowd(t)
		addPlanned(t, stores[0], 1, slices.Repeat([]int{1, 3}, chunks/2)...)
		brief := claimAny
		brief.Lease = time.Microsecond
		for range chunks {
			if _, found, err := stores[0].Claim(t.Context(), brief, testNow); err != nil || !found {
				t.Fatalf("Claim() = %t, %v; want a chunk", found, err)
			}
		}
		var expired atomic.Int64
		atOnce(sweepers, func(i int) {
			n, err := stores[i%2].Expire(t.Context(), i == 0)
			if err != nil {
				t.Errorf("Expire() = %v, want no error", err)
			}
			expired.Add(int64(n))
		})
		n, err := stores[0].Expire(t.Context(), true)
		if err != nil || expired.Add(int64(n)) != chunks {
			t.Errorf("Expire() took %d pieces back, %v; want %d", expired.Load(), err, chunks)
		}
		if parts := number(t, db.Write, "SELECT count(*) FROM batchport_chunks WHERE suspect = 1 AND strikes = 0 AND lease_until = 0"); parts != chunks/2+3*chunks/2 {
			t.Errorf("there are %d suspect chunks without a strike, want %d", parts, chunks/2+3*chunks/2)
		}
	})
}

// A sweep does not wait for a worker that has its chunk locked.
func TestExpirePassesByWhatIsLocked(t *testing.T) {
	t.Parallel()
	stores, _ := onPostgres.stores(t, 2)
	addPlanned(t, stores[0], 1, 1, 1)
	brief := claimAny
	brief.Lease = time.Microsecond
	claim, _, err := stores[0].Claim(t.Context(), brief, testNow)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := stores[0].Claim(t.Context(), brief, testNow); err != nil {
		t.Fatal(err)
	}
	if err := stores[0].InTx(t.Context(), func(ctx context.Context) error {
		if err := stores[0].HoldChunk(ctx, claim); err != nil {
			return err
		}
		if n, err := stores[1].Expire(t.Context(), false); n != 1 || err != nil {
			t.Errorf("Expire() = %d, %v; want the piece that nobody has locked", n, err)
		}
		return stores[0].FinishChunk(ctx, claim)
	}); err != nil {
		t.Errorf("InTx(hold, finish) = %v, want no error", err)
	}
	if n, err := stores[1].Expire(t.Context(), true); n != 0 || err != nil {
		t.Errorf("Expire(everything) = %d, %v; want nothing", n, err)
	}
}

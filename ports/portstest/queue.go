package portstest

import (
	"cmp"
	"context"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

// Queue runs the contract of [ports.Queue].
func Queue(t *testing.T, open func(*testing.T) ports.Store) {
	t.Run("claim", func(t *testing.T) { queueClaim(t, open) })
	t.Run("choice", func(t *testing.T) { queueChoice(t, open) })
	t.Run("turns on a resource", func(t *testing.T) { queueTurns(t, open) })
	t.Run("passed by", func(t *testing.T) { queuePassedBy(t, open) })
	t.Run("race", func(t *testing.T) { queueRace(t, open) })
	t.Run("waiting", func(t *testing.T) { queueWaiting(t, open) })
	t.Run("in flight", func(t *testing.T) { queueInFlight(t, open) })
	t.Run("stopped", func(t *testing.T) { queueStopped(t, open) })
}

func queueClaim(t *testing.T, open func(*testing.T) ports.Store) {
	t.Run("an empty store", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		f.claimsNothing(wants(), "the store is empty")
	})

	t.Run("no kinds", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		f.addPlanned([]int{1})
		f.claimsNothing(ports.ClaimRequest{Worker: "worker", Lease: time.Hour}, "no kinds were asked for")
		f.claimsNothing(wants("another_kind"), "there is no work of this kind")
	})

	t.Run("a chunk starts the job", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		job := f.addPlanned([]int{2, 3})
		now := storeNow.Add(time.Minute)
		claim, found, err := f.Claim(t.Context(), wants("a", opening, "b"), now)
		if err != nil || !found {
			t.Fatalf("Claim() = %t, %v; want a chunk", found, err)
		}
		if want := numbersChunk(t, 0, 2); claim.Chunk == nil || !reflect.DeepEqual(*claim.Chunk, want) {
			t.Errorf("Claim() = chunk %v, want %v", claim.Chunk, want)
		}
		if claim.Epoch != 1 || claim.Suspect || claim.Strikes != 0 {
			t.Errorf("Claim() = epoch %d, suspect %t, %d strikes; want 1, false, 0", claim.Epoch, claim.Suspect, claim.Strikes)
		}
		if err := job.Start(now); err != nil {
			t.Fatalf("Start() = %v, want no error", err)
		}
		if want := job.Snapshot(); !reflect.DeepEqual(claim.Job.Snapshot(), want) || !reflect.DeepEqual(f.find(job.Ref()).Snapshot(), want) {
			t.Errorf("Claim() = job %+v, stored as %+v; want both %+v", claim.Job.Snapshot(), f.find(job.Ref()).Snapshot(), want)
		}
		// The second chunk leaves the start as it is.
		claim, _, err = f.Claim(t.Context(), wants(), now.Add(time.Hour))
		if err != nil || !reflect.DeepEqual(claim.Job.Snapshot(), job.Snapshot()) {
			t.Errorf("second Claim() = job %+v, %v; want %+v", claim.Job.Snapshot(), err, job.Snapshot())
		}
	})

	t.Run("a job to plan, again and again, under a higher epoch", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		job := f.addJob(toPlan)
		for epoch := int64(1); epoch <= 3; epoch++ {
			claim := f.claimOf(wants(), job, -1)
			if err := job.Take(storeNow); err != nil {
				t.Fatalf("Take() = %v, want no error", err)
			}
			if claim.Epoch != epoch || !reflect.DeepEqual(claim.Job.Snapshot(), job.Snapshot()) {
				t.Errorf("Claim() = epoch %d, job %+v; want %d, %+v", claim.Epoch, claim.Job.Snapshot(), epoch, job.Snapshot())
			}
			if got := f.find(job.Ref()).Snapshot(); !reflect.DeepEqual(got, job.Snapshot()) {
				t.Errorf("FindJob(claimed) = %+v, want %+v", got, job.Snapshot())
			}
			f.claimsNothing(wants(), "the job is held")
			if err := f.Release(t.Context(), claim, 0); err != nil {
				t.Fatalf("Release() = %v, want no error", err)
			}
		}
	})

	t.Run("a whole job", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		job := f.addJob(doneWhole)
		claim := f.claimOf(wants(), job, -1)
		if claim.Job.State() != domain.JobRunning {
			t.Errorf("Claim(whole job) = state %s, want %s", claim.Job.State(), domain.JobRunning)
		}
		// Its file being put in place, it still needs a worker when one is lost.
		f.change(job.Ref(), func(job *domain.BatchJob) error { job.Finishing(); return nil })
		f.wantInFlight(job.Ref(), 1)
	})

	t.Run("chunks only once the job is planned", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		job := f.addJob(toPlan)
		f.addChunks(job, 2, 2)
		f.claimOf(wants(), job, -1)
		f.claimsNothing(wants(), "the job is being planned")
		f.change(job.Ref(), func(job *domain.BatchJob) error { return job.Planned(4) })
		f.claimOf(wants(), job, 0)
		f.claimOf(wants(), job, 2)
	})

	t.Run("each time under a higher epoch", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		job := f.addPlanned([]int{2})
		for epoch := int64(1); epoch <= 3; epoch++ {
			claim := f.claimOf(wants(), job, 0)
			if claim.Epoch != epoch {
				t.Errorf("Claim() = epoch %d, want %d", claim.Epoch, epoch)
			}
			if err := f.Release(t.Context(), claim, 0); err != nil {
				t.Fatalf("Release() = %v, want no error", err)
			}
		}
	})

	t.Run("chunks alone", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		planned, whole := f.addJob(toPlan), f.addJob(doneWhole)
		f.claimsNothing(wantsChunks(), "there are no chunks")
		lined := f.addJob(toPlan, onResource("estates"))
		f.addPlanned([]int{1}, onResource("estates"))
		chunked := f.addPlanned([]int{1, 1})
		f.claimOf(wantsChunks(), chunked, 0)
		f.suspect(f.claimOf(wantsChunks(), chunked, 1))
		f.claimsNothing(wantsChunks(), "the rest is jobs themselves, what waits for one, and a suspect")
		for _, job := range []*domain.BatchJob{planned, whole, lined} {
			f.suspectJob(job)
		}
		suspects := wantsChunks()
		suspects.Suspect = true
		f.claimOf(suspects, chunked, 1)
		f.claimsNothing(suspects, "the rest is jobs themselves")
		for _, job := range []*domain.BatchJob{planned, whole, lined} {
			f.claimOf(wantsSuspects(), job, -1)
		}
	})

	t.Run("rolled back with the transaction", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		job := f.addPlanned([]int{2})
		_ = f.InTx(t.Context(), func(ctx context.Context) error {
			if _, found, err := f.Claim(ctx, wants(), storeNow); err != nil || !found {
				t.Errorf("Claim() in a transaction = %t, %v; want a chunk", found, err)
			}
			return errStoreSuite
		})
		f.wantInFlight(job.Ref(), 0)
		if claim := f.claimOf(wants(), job, 0); claim.Epoch != 1 {
			t.Errorf("Claim() after a rollback = epoch %d, want 1", claim.Epoch)
		}
	})
}

func queueChoice(t *testing.T, open func(*testing.T) ports.Store) {
	t.Run("the job submitted first, its chunks in order", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		// Neither the identifier nor the time decides, but the order of AddJob.
		first := f.addPlanned([]int{2, 2}, func(s *domain.JobSpec) {
			s.ID, s.SubmittedAt = domain.NewJobID(storeNow.AddDate(1, 0, 0), 1), storeNow.AddDate(1, 0, 0)
		})
		second := f.addPlanned([]int{2, 2})
		f.claimOf(wants(), first, 0)
		f.claimOf(wants(), first, 2)
		f.claimOf(wants(), second, 0)
		f.claimOf(wants(), second, 2)
		f.claimsNothing(wants(), "all is held")
	})

	t.Run("the tenant that holds the fewest leases", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		big := f.addPlanned([]int{1, 1, 1, 1, 1, 1}, ofTenant("big"))
		small := f.addPlanned([]int{1, 1}, ofTenant("small"))
		whole := f.addJob(ofTenant("third"), doneWhole)
		f.claimOf(wants(), big, 0)           // none holds any: the oldest
		held := f.claimOf(wants(), small, 0) // big holds 1
		f.claimOf(wants(), whole, -1)        // only third holds none
		f.claimOf(wants(), big, 1)           // all hold 1: the oldest
		f.finish(held)                       // small holds none
		f.claimOf(wants(), small, 1)         //
		f.claimOf(wants(), big, 2)           // nobody else has anything
		another := f.addPlanned([]int{1, 1}, ofTenant("third"))
		f.claimOf(wants(), another, 0) // third holds 1, for the job itself
		f.claimOf(wants(), another, 1) // 2 against big's 3
		f.claimOf(wants(), big, 3)
	})

	t.Run("leases of kinds that were not asked for count", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		busy := f.addPlanned([]int{1, 1}, ofTenant("busy"), ofKind("other_kind"))
		waiting := f.addPlanned([]int{1}, ofTenant("busy"))
		idle := f.addPlanned([]int{1}, ofTenant("idle"))
		f.claimOf(wants("other_kind"), busy, 0)
		f.claimOf(wants(), idle, 0)
		f.claimOf(wants(), waiting, 0)
	})

	t.Run("a job with nothing left to take is passed over", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		f.addJob() // its chunks are not there yet
		held := f.addPlanned([]int{1})
		planning := f.addJob(toPlan)
		last := f.addPlanned([]int{1})
		f.claimOf(wants(), held, 0)
		f.claimOf(wants(), planning, -1)
		f.claimOf(wants(), last, 0)
		f.claimsNothing(wants(), "all is held")
	})
}

func queueTurns(t *testing.T, open func(*testing.T) ports.Store) {
	t.Run("a later job waits until the earlier has ended", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		first := f.addPlanned([]int{1, 1}, onResource("estates"))
		chunked := f.addPlanned([]int{1}, onResource("estates"))
		planned := f.addJob(onResource("estates"), toPlan)
		f.finish(f.claimOf(wants(), first, 0))
		f.finish(f.claimOf(wants(), first, 1))
		f.claimsNothing(wants(), "the first job has not ended, though its chunks are done")
		f.end(first.Ref())
		held := f.claimOf(wants(), chunked, 0)
		f.claimsNothing(wants(), "a job waits for its turn with its planning too")
		f.finish(held)
		f.end(chunked.Ref())
		f.claimOf(wants(), planned, -1)
	})

	t.Run("an earlier job that is being cancelled still holds the turn", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		first := f.addPlanned([]int{1}, onResource("estates"))
		second := f.addPlanned([]int{1}, onResource("estates"))
		f.requestCancel(first.Ref())
		f.claimsNothing(wants(), "the first job has not ended")
		f.change(first.Ref(), func(job *domain.BatchJob) error { job.Cancel(storeNow); return nil })
		f.claimOf(wants(), second, 0)
	})

	t.Run("readers, other resources and other tenants run beside", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		first := f.addPlanned([]int{1}, onResource("estates"))
		waits := f.addPlanned([]int{1}, onResource("estates"))
		reader, anotherReader := f.addPlanned([]int{1}), f.addJob(doneWhole)
		budgets := f.addPlanned([]int{1}, onResource("budgets"))
		elsewhere := f.addPlanned([]int{1}, onResource("estates"), ofTenant("other"))
		f.claimOf(wants(), first, 0)
		f.claimOf(wants(), elsewhere, 0)
		f.claimOf(wants(), reader, 0)
		f.claimOf(wants(), anotherReader, -1)
		f.claimOf(wants(), budgets, 0)
		f.claimsNothing(wants(), "the rest waits for its turn")
		f.end(first.Ref())
		f.claimOf(wants(), waits, 0)
	})

	t.Run("of another kind too", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		first := f.addPlanned([]int{1}, onResource("estates"), ofKind("estate_close"))
		f.addPlanned([]int{1}, onResource("estates"))
		f.claimsNothing(wants(), "an earlier job of another kind writes the resource")
		f.claimOf(wants("estate_close", opening), first, 0)
	})
}

func queuePassedBy(t *testing.T, open func(*testing.T) ports.Store) {
	t.Run("jobs being cancelled", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		for _, job := range []*domain.BatchJob{f.addPlanned([]int{1, 1}), f.addJob(toPlan), f.addJob(doneWhole)} {
			f.requestCancel(job.Ref())
		}
		f.claimsNothing(wants(), "all jobs are being cancelled")
	})

	t.Run("jobs that have ended", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		for _, job := range []*domain.BatchJob{f.addPlanned([]int{1, 1}), f.addJob(toPlan), f.addJob(doneWhole)} {
			f.end(job.Ref())
		}
		f.claimsNothing(wants(), "all jobs have ended")
		f.claimsNothing(wantsSuspects(), "all jobs have ended")
	})

	t.Run("suspects, unless they are asked for", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		job, planned := f.addPlanned([]int{1, 1}), f.addJob(toPlan)
		f.claimsNothing(wantsSuspects(), "nothing is suspect")
		if err := f.Suspect(t.Context(), f.claimOf(wants(), job, 0)); err != nil {
			t.Fatalf("Suspect() = %v, want no error", err)
		}
		f.claimOf(wants(), job, 1)
		f.suspectJob(planned)
		f.claimsNothing(wants(), "the rest is suspect")
		for _, want := range []struct {
			job   *domain.BatchJob
			first int
		}{{job, 0}, {planned, -1}} {
			if claim := f.claimOf(wantsSuspects(), want.job, want.first); !claim.Suspect {
				t.Errorf("Claim(suspects) = suspect false, want true")
			}
		}
		f.claimsNothing(wantsSuspects(), "all is held")
	})
}

func queueRace(t *testing.T, open func(*testing.T) ports.Store) {
	for name, sizes := range map[string][]int{"one chunk": {1}, "many chunks": slices.Repeat([]int{1}, 40)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newStoreFixture(t, open)
			f.addPlanned(sizes)
			const callers = 32
			var mu sync.Mutex
			took := map[int]int{}
			atOnce(callers, func(int) {
				for {
					claim, found, err := f.Claim(t.Context(), wants(), storeNow)
					if err != nil {
						t.Errorf("Claim(raced) = %v, want no error", err)
					}
					if !found {
						return
					}
					mu.Lock()
					took[claim.Chunk.First]++
					mu.Unlock()
				}
			})
			if len(took) != len(sizes) {
				t.Errorf("%d callers took %d chunks, want %d", callers, len(took), len(sizes))
			}
			for first, times := range took {
				if times != 1 {
					t.Errorf("chunk %d was taken %d times, want once", first, times)
				}
			}
		})
	}

	t.Run("one job", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		job := f.addJob(toPlan)
		took := make([]bool, 32)
		atOnce(len(took), func(i int) {
			var err error
			if _, took[i], err = f.Claim(t.Context(), wants(), storeNow); err != nil {
				t.Errorf("Claim(raced) = %v, want no error", err)
			}
		})
		if got := len(slices.DeleteFunc(took, func(won bool) bool { return !won })); got != 1 {
			t.Errorf("%d callers took the job, want 1", got)
		}
		if epoch := f.find(job.Ref()).Snapshot().Epoch; epoch != 1 {
			t.Errorf("the job's epoch is %d, want 1", epoch)
		}
	})
}

func queueWaiting(t *testing.T, open func(*testing.T) ports.Store) {
	wantWaiting := func(f *storeFixture, want ...ports.Waiting) {
		f.t.Helper()
		got, err := f.Waiting(f.t.Context())
		if err != nil {
			f.t.Fatalf("Waiting() = %v, want no error", err)
		}
		slices.SortFunc(got, func(a, b ports.Waiting) int {
			if a.Kind == b.Kind && a.Suspect != b.Suspect {
				if b.Suspect {
					return -1
				}
				return 1
			}
			return cmp.Compare(a.Kind, b.Kind)
		})
		if !slices.Equal(got, want) {
			f.t.Errorf("Waiting() = %v, want %v", got, want)
		}
	}

	t.Run("what could be claimed, each kind once", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		wantWaiting(f)
		chunked := f.addPlanned([]int{1, 1, 1}, ofKind("a"))
		f.addPlanned([]int{1}, ofKind("a"), ofTenant("other"))
		planned := f.addJob(ofKind("b"), toPlan)
		f.addJob(ofKind("c")) // no chunks yet
		wantWaiting(f, ports.Waiting{Kind: "a"}, ports.Waiting{Kind: "b"})
		if err := f.Suspect(t.Context(), f.claimOf(wants("a"), chunked, 0)); err != nil {
			t.Fatalf("Suspect() = %v, want no error", err)
		}
		wantWaiting(f, ports.Waiting{Kind: "a"}, ports.Waiting{Kind: "a", Suspect: true}, ports.Waiting{Kind: "b"})
		claim := f.claimOf(wants("b"), planned, -1)
		wantWaiting(f, ports.Waiting{Kind: "a"}, ports.Waiting{Kind: "a", Suspect: true})
		f.suspect(claim)
		wantWaiting(f, ports.Waiting{Kind: "a"}, ports.Waiting{Kind: "a", Suspect: true}, ports.Waiting{Kind: "b"})
		f.suspect(f.claimOf(wants("b"), planned, -1))
		wantWaiting(f, ports.Waiting{Kind: "a"}, ports.Waiting{Kind: "a", Suspect: true}, ports.Waiting{Kind: "b", Suspect: true})
	})

	t.Run("not what may not run", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		first := f.addPlanned([]int{1}, ofKind("a"), onResource("r"))
		f.addPlanned([]int{1}, ofKind("b"), onResource("r"))
		f.addJob(ofKind("c"), onResource("r"), toPlan)
		f.requestCancel(f.addPlanned([]int{1}, ofKind("d")).Ref())
		f.end(f.addPlanned([]int{1}, ofKind("e")).Ref())
		wantWaiting(f, ports.Waiting{Kind: "a"})
		delayed := f.claimOf(wants("a"), first, 0)
		wantWaiting(f)
		if err := f.Release(t.Context(), delayed, time.Hour); err != nil {
			t.Fatalf("Release() = %v, want no error", err)
		}
		wantWaiting(f)
		f.end(first.Ref())
		wantWaiting(f, ports.Waiting{Kind: "b"})
	})
}

func queueInFlight(t *testing.T, open func(*testing.T) ports.Store) {
	t.Run("leases of the job and its chunks", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		chunked, planned := f.addPlanned([]int{1, 1, 1}), f.addJob(toPlan)
		f.wantInFlight(chunked.Ref(), 0)
		first := f.claimOf(wants(), chunked, 0)
		second := f.claimOf(wants(), chunked, 1)
		f.wantInFlight(chunked.Ref(), 2)
		f.wantInFlight(planned.Ref(), 0)
		f.wantInFlight(domain.JobRef{Tenant: "other", ID: chunked.ID()}, 0)
		f.finish(first)
		if err := f.Release(t.Context(), second, 0); err != nil {
			t.Fatalf("Release() = %v, want no error", err)
		}
		f.wantInFlight(chunked.Ref(), 0)
		f.claimOf(wants(), chunked, 1)
		f.claimOf(wants(), chunked, 2)
		f.claimOf(wants(), planned, -1)
		f.wantInFlight(planned.Ref(), 1)
		f.wantInFlight(domain.JobRef{Tenant: "acme", ID: "nobody"}, 0)
	})
}

func queueStopped(t *testing.T, open func(*testing.T) ports.Store) {
	t.Run("jobs to cancel of which nothing is in work", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		wantStopped := func(limit int, want ...*domain.BatchJob) {
			t.Helper()
			got, err := f.Stopped(t.Context(), limit)
			if err != nil || len(got) != min(limit, len(want)) {
				t.Fatalf("Stopped(%d) = %v, %v; want %d jobs", limit, got, err, min(limit, len(want)))
			}
			for _, ref := range got {
				if !slices.ContainsFunc(want, func(job *domain.BatchJob) bool { return job.Ref() == ref }) {
					t.Errorf("Stopped(%d) = %v, which must not be in it", limit, ref)
				}
			}
		}
		chunked, planned := f.addPlanned([]int{1, 1}), f.addJob(toPlan, ofTenant("other"))
		idle, running, ended := f.addPlanned([]int{1}), f.addPlanned([]int{1}), f.addPlanned([]int{1})
		chunk := f.claimOf(wants(), chunked, 0)
		plan := f.claimOf(wants(), planned, -1)
		wantStopped(10)
		for _, job := range []*domain.BatchJob{chunked, planned, idle, ended} {
			f.requestCancel(job.Ref())
		}
		f.change(ended.Ref(), func(job *domain.BatchJob) error { job.Cancel(storeNow); return nil })
		wantStopped(10, idle)
		f.finish(chunk)
		wantStopped(10, idle, chunked)
		if err := f.Release(t.Context(), plan, time.Hour); err != nil {
			t.Fatalf("Release() = %v, want no error", err)
		}
		wantStopped(10, idle, chunked, planned)
		wantStopped(2, idle, chunked, planned)
		wantStopped(0)
		f.change(idle.Ref(), func(job *domain.BatchJob) error { job.Cancel(storeNow); return nil })
		wantStopped(10, chunked, planned)
		if f.find(running.Ref()).State() != domain.JobQueued {
			t.Errorf("Stopped() touched a job that nobody asked to cancel")
		}
	})
}

package portstest

import (
	"bytes"
	"context"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

// clockGrain is how coarse a store's clock may be.
const clockGrain = 2 * time.Millisecond

// Leases runs the contract of [ports.Leases].
func Leases(t *testing.T, open func(*testing.T) ports.Store) {
	t.Run("extend", func(t *testing.T) { leasesExtend(t, open) })
	t.Run("release", func(t *testing.T) { leasesRelease(t, open) })
	t.Run("suspect", func(t *testing.T) { leasesSuspect(t, open) })
	t.Run("expire", func(t *testing.T) { leasesExpire(t, open) })
}

// expire calls Expire and returns how many there were.
func (f *storeFixture) expire(everything bool) int {
	f.t.Helper()
	n, err := f.Expire(f.t.Context(), everything)
	if err != nil {
		f.t.Fatalf("Expire(%t) = %v, want no error", everything, err)
	}
	return n
}

func (f *storeFixture) suspect(claim ports.Claim) {
	f.t.Helper()
	if err := f.Suspect(f.t.Context(), claim); err != nil {
		f.t.Fatalf("Suspect() = %v, want no error", err)
	}
}

// suspectJob loses the job itself as often as it takes to make it suspect.
func (f *storeFixture) suspectJob(job *domain.BatchJob) {
	f.t.Helper()
	for range 2 {
		f.suspect(f.claimOf(wants(job.Kind()), job, -1))
	}
}

func (f *storeFixture) release(claim ports.Claim, delay time.Duration) {
	f.t.Helper()
	if err := f.Release(f.t.Context(), claim, delay); err != nil {
		f.t.Fatalf("Release(%v) = %v, want no error", delay, err)
	}
}

// wantsBriefly is a request under a lease that runs out at once.
func wantsBriefly() ports.ClaimRequest {
	request := wants()
	request.Lease = time.Millisecond
	return request
}

func leasesExtend(t *testing.T, open func(*testing.T) ports.Store) {
	t.Run("from now", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		claims := []ports.Claim{
			f.claimOf(wants(), f.addPlanned([]int{1}), 0),
			f.claimOf(wants(), f.addJob(toPlan), -1),
		}
		for _, claim := range claims {
			if err := f.Extend(t.Context(), claim, time.Hour); err != nil {
				t.Errorf("Extend(an hour) = %v, want no error", err)
			}
		}
		if n := f.expire(false); n != 0 {
			t.Errorf("Expire() = %d with leases that run for an hour, want 0", n)
		}
		for _, claim := range claims {
			// Not an hour and a millisecond: the new end counts from now.
			if err := f.Extend(t.Context(), claim, time.Millisecond); err != nil {
				t.Errorf("Extend(a millisecond) = %v, want no error", err)
			}
			f.until("the lease that was cut short", func() bool { return f.expire(false) == 1 })
			wantCode(t, "Extend(expired)", f.Extend(t.Context(), claim, time.Hour), domain.CodeClaimLost)
		}
	})

	t.Run("superseded", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		chunked, planned := f.addPlanned([]int{1}), f.addJob(toPlan)
		olds := []ports.Claim{f.claimOf(wants(), chunked, 0), f.claimOf(wants(), planned, -1)}
		for _, old := range olds {
			f.release(old, 0)
			wantCode(t, "Extend(given back)", f.Extend(t.Context(), old, time.Millisecond), domain.CodeClaimLost)
		}
		f.claimOf(wants(), chunked, 0)
		f.claimOf(wants(), planned, -1)
		for _, old := range olds {
			wantCode(t, "Extend(taken over)", f.Extend(t.Context(), old, time.Millisecond), domain.CodeClaimLost)
		}
		if n := f.expire(false); n != 0 {
			t.Errorf("Expire() = %d, want 0: the old claims changed nothing", n)
		}
		if err := f.ClearChunks(t.Context(), chunked.Ref()); err != nil {
			t.Fatalf("ClearChunks() = %v, want no error", err)
		}
		wantCode(t, "Extend(chunk removed)", f.Extend(t.Context(), olds[0], time.Hour), domain.CodeClaimLost)
	})
}

func leasesRelease(t *testing.T, open func(*testing.T) ports.Store) {
	t.Run("nothing is held against the piece", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		chunked, planned := f.addPlanned([]int{3}), f.addJob(toPlan)
		for range 3 {
			chunk, plan := f.claimOf(wants(), chunked, 0), f.claimOf(wants(), planned, -1)
			for _, claim := range []ports.Claim{chunk, plan} {
				if claim.Suspect || claim.Strikes != 0 {
					t.Errorf("Claim(released before) = suspect %t, %d strikes; want false, 0", claim.Suspect, claim.Strikes)
				}
				f.release(claim, 0)
			}
		}
		f.wantInFlight(chunked.Ref(), 0)
		f.wantInFlight(planned.Ref(), 0)
	})

	t.Run("a suspect stays one, with its strikes", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		chunked, planned := f.addPlanned([]int{1}), f.addJob(toPlan)
		for _, request := range []ports.ClaimRequest{wants(), wantsSuspects()} {
			f.suspect(f.claimOf(request, chunked, 0))
		}
		f.suspectJob(planned)
		for range 2 {
			chunk, plan := f.claimOf(wantsSuspects(), chunked, 0), f.claimOf(wantsSuspects(), planned, -1)
			for _, tt := range []struct {
				claim   ports.Claim
				strikes int
			}{{chunk, 1}, {plan, 2}} {
				if !tt.claim.Suspect || tt.claim.Strikes != tt.strikes {
					t.Errorf("Claim(released suspect) = suspect %t, %d strikes; want true, %d", tt.claim.Suspect, tt.claim.Strikes, tt.strikes)
				}
				f.release(tt.claim, 0)
			}
		}
	})

	t.Run("not before the delay is over", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		chunked, planned := f.addPlanned([]int{1, 1}), f.addJob(toPlan)
		f.release(f.claimOf(wants(), chunked, 0), time.Hour)
		f.claimOf(wants(), chunked, 1) // the job's next chunk goes on
		f.release(f.claimOf(wants(), planned, -1), time.Hour)
		f.claimsNothing(wants(), "the rest was given back with a delay of an hour")
		f.claimsNothing(wantsSuspects(), "nothing is suspect")

		const delay = 30 * time.Millisecond
		for _, add := range []func() *domain.BatchJob{
			func() *domain.BatchJob { return f.addPlanned([]int{1}) },
			func() *domain.BatchJob { return f.addJob(toPlan) },
		} {
			brief := add()
			claim := f.claim(wants())
			tooEarly := time.NewTimer(delay - clockGrain)
			f.release(claim, delay)
			f.until("the delay", func() bool {
				again, found, err := f.Claim(t.Context(), wants(), storeNow)
				if err != nil {
					t.Fatalf("Claim() = %v, want no error", err)
				}
				return found && again.Job.Ref() == brief.Ref()
			})
			select {
			case <-tooEarly.C:
			default:
				t.Errorf("Release(%v) was over before %v had passed", delay, delay-clockGrain)
			}
		}
	})

	t.Run("a superseded claim gives nothing back", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		chunked, planned := f.addPlanned([]int{2}), f.addJob(toPlan)
		for _, job := range []struct {
			*domain.BatchJob
			first int
		}{{chunked, 0}, {planned, -1}} {
			old := f.claimOf(wants(), job.BatchJob, job.first)
			f.release(old, 0)
			f.claimOf(wants(), job.BatchJob, job.first)
			f.release(old, 0)
			f.suspect(old)
			f.wantInFlight(job.Ref(), 1)
		}
		f.claimsNothing(wants(), "all is held by somebody else")
		f.claimsNothing(wantsSuspects(), "a superseded claim makes nothing suspect")
		if got := f.chunks(t.Context(), chunked.Ref()); len(got) != 1 {
			t.Errorf("a superseded claim split the chunk into %d", len(got))
		}
	})
}

func leasesSuspect(t *testing.T, open func(*testing.T) ports.Store) {
	t.Run("a chunk of several items is split", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		job := f.addPlanned([]int{2, 3, 2})
		f.claimOf(wants(), job, 0)
		f.suspect(f.claimOf(wants(), job, 2))
		f.wantInFlight(job.Ref(), 1)
		var sizes []int
		for _, chunk := range f.chunks(t.Context(), job.Ref()) {
			sizes = append(sizes, chunk.First, chunk.Len)
		}
		if want := []int{0, 2, 2, 1, 3, 1, 4, 1, 5, 2}; !slices.Equal(sizes, want) {
			t.Errorf("after Suspect the chunks begin at and have %v, want %v", sizes, want)
		}
		for first := 2; first < 5; first++ {
			claim := f.claimOf(wantsSuspects(), job, first)
			want := numbersChunk(t, first, 1)
			if !claim.Suspect || claim.Strikes != 0 || claim.Chunk.Len != 1 || !bytes.Equal(claim.Chunk.Items, want.Items) {
				t.Errorf("Claim(split) = suspect %t, %d strikes, items %s; want true, 0, %s",
					claim.Suspect, claim.Strikes, claim.Chunk.Items, want.Items)
			}
			f.finish(claim)
		}
		f.claimsNothing(wantsSuspects(), "all suspects are done")
		f.claimOf(wants(), job, 5)
	})

	t.Run("a full chunk is split, and its parts again", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		job := f.addPlanned([]int{fullBatch})
		whole := f.claimOf(wants(), job, 0)
		f.suspect(whole)
		want := split(t, *whole.Chunk)
		if got := f.chunks(t.Context(), job.Ref()); len(want) < 2 || !reflect.DeepEqual(got, want) {
			t.Fatalf("after Suspect there are %d chunks, want the %d parts of the chunk", len(got), len(want))
		}
		f.claimsNothing(wants(), "all parts are suspect")
		part := f.claimOf(wantsSuspects(), job, 0)
		f.suspect(part)
		want = append(split(t, want[0]), want[1:]...)
		if got := f.chunks(t.Context(), job.Ref()); !reflect.DeepEqual(got, want) {
			t.Fatalf("after Suspect of the first part there are %d chunks, want %d", len(got), len(want))
		}
		smaller := f.claimOf(wantsSuspects(), job, 0)
		if smaller.Strikes != 0 || smaller.Epoch <= part.Epoch {
			t.Errorf("Claim(part of a part) = %d strikes, epoch %d; want 0 and more than %d", smaller.Strikes, smaller.Epoch, part.Epoch)
		}
		wantCode(t, "FinishChunk(part that was split)", f.FinishChunk(t.Context(), part), domain.CodeClaimLost)
		f.finish(smaller)
	})

	t.Run("one item becomes suspect, then gets strikes", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		f.strikeThrice(f.addPlanned([]int{1}), 0)
	})

	t.Run("items that cannot be split become suspect together", func(t *testing.T) {
		t.Parallel()
		for _, items := range unsplittable {
			f := newStoreFixture(t, open)
			f.strikeThrice(f.addUnsplittable(items), 0)
		}
	})

	t.Run("items of all or nothing become suspect together", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		f.strikeThrice(f.addPlanned([]int{3}, allOrNothing), 0)
		f = newStoreFixture(t, open)
		job := f.addPlanned([]int{5}, allOrNothing)
		f.claimOf(wants(), job, 0)
		if n := f.expire(true); n == 0 {
			t.Errorf("Expire(everything) = %d, want the chunk", n)
		}
		if claim := f.claimOf(wantsSuspects(), job, 0); claim.Chunk.Len != 5 {
			t.Errorf("Claim(expired, of all or nothing) = %d items, want all 5", claim.Chunk.Len)
		}
	})

	t.Run("a job itself gets strikes, and is suspect from the second on", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		for _, edit := range []func(*domain.JobSpec){toPlan, doneWhole} {
			job, request := f.addJob(edit), wants()
			for strikes := range 4 {
				suspect := strikes >= 2
				if suspect {
					f.claimsNothing(wants(), "the job is suspect")
					request = wantsSuspects()
				} else {
					f.claimsNothing(wantsSuspects(), "one loss makes no suspect")
				}
				claim := f.claimOf(request, job, -1)
				if claim.Suspect != suspect || claim.Strikes != strikes {
					t.Errorf("Claim(lost %d times) = suspect %t, %d strikes; want %t, %d", strikes, claim.Suspect, claim.Strikes, suspect, strikes)
				}
				if s := f.find(job.Ref()).Snapshot(); s.Suspect != suspect || s.Strikes != strikes {
					t.Errorf("FindJob(lost %d times) = suspect %t, %d strikes; want %t, %d", strikes, s.Suspect, s.Strikes, suspect, strikes)
				}
				f.suspect(claim)
			}
			f.end(job.Ref())
		}
	})

	t.Run("rolled back", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		job := f.addPlanned([]int{3})
		claim := f.claimOf(wants(), job, 0)
		_ = f.InTx(t.Context(), func(ctx context.Context) error {
			if err := f.Suspect(ctx, claim); err != nil {
				t.Errorf("Suspect() = %v, want no error", err)
			}
			return errStoreSuite
		})
		if got := f.chunks(t.Context(), job.Ref()); len(got) != 1 {
			t.Errorf("after the rollback there are %d chunks, want 1", len(got))
		}
		f.finish(claim)
	})
}

// split returns the parts of a chunk.
func split(t *testing.T, chunk domain.Chunk) []domain.Chunk {
	t.Helper()
	parts, err := chunk.Split()
	if err != nil {
		t.Fatalf("Split(%d items) = %v, want no error", chunk.Len, err)
	}
	return parts
}

// unsplittable are the items of chunks of three that cannot be divided so that
// every item is in a smaller chunk.
var unsplittable = []string{`[1,2,`, `{"a":1}`, `null`, `[]`, `[1]`, `[1,2]`, ``}

// addUnsplittable stores a job with one chunk of three of these items.
func (f *storeFixture) addUnsplittable(items string) *domain.BatchJob {
	f.t.Helper()
	job := f.addJob(func(s *domain.JobSpec) { s.Items = 3 })
	chunks := []domain.Chunk{{First: 0, Len: 3, Items: []byte(items)}}
	if err := f.AddChunks(f.t.Context(), job.Ref(), chunks); err != nil {
		f.t.Fatalf("AddChunks(items %s) = %v, want no error", items, err)
	}
	return job
}

// strikeThrice suspects one chunk three times.
func (f *storeFixture) strikeThrice(job *domain.BatchJob, first int) {
	f.t.Helper()
	f.suspect(f.claimOf(wants(), job, first))
	for strikes := range 3 {
		claim := f.claimOf(wantsSuspects(), job, first)
		if !claim.Suspect || claim.Strikes != strikes {
			f.t.Errorf("Claim(suspect) = suspect %t, %d strikes; want true, %d", claim.Suspect, claim.Strikes, strikes)
		}
		if strikes < 2 {
			f.suspect(claim)
		}
	}
}

func leasesExpire(t *testing.T, open func(*testing.T) ports.Store) {
	t.Run("nothing held", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		f.addPlanned([]int{1})
		f.addJob(toPlan)
		for _, everything := range []bool{false, true} {
			if n := f.expire(everything); n != 0 {
				t.Errorf("Expire(%t) = %d with nothing held, want 0", everything, n)
			}
		}
	})

	t.Run("leases that have run out", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		several, single, planned := f.addPlanned([]int{3}), f.addPlanned([]int{1}), f.addJob(toPlan)
		lasting := f.addPlanned([]int{2})
		old := f.claimOf(wantsBriefly(), several, 0)
		f.claimOf(wantsBriefly(), single, 0)
		f.claimOf(wantsBriefly(), planned, -1)
		kept := f.claimOf(wants(), lasting, 0)
		expired := 0
		f.until("three leases to run out", func() bool { expired += f.expire(false); return expired >= 3 })
		if expired += f.expire(false); expired != 3 {
			t.Errorf("Expire() = %d in all, want 3", expired)
		}
		f.wantInFlight(lasting.Ref(), 1)
		f.finish(kept)
		wantCode(t, "FinishChunk(expired)", f.FinishChunk(t.Context(), old), domain.CodeClaimLost)
		if got := f.chunks(t.Context(), several.Ref()); len(got) != 3 {
			t.Errorf("after Expire there are %d chunks, want 3 of one item", len(got))
		}
		// One loss makes no suspect of a job itself.
		if claim := f.claimOf(wants(), planned, -1); claim.Suspect || claim.Strikes != 1 {
			t.Errorf("Claim(expired job) = suspect %t, %d strikes; want false, 1", claim.Suspect, claim.Strikes)
		}
		f.claimsNothing(wants(), "the chunks that expired are suspect")
		for _, want := range []struct {
			job   *domain.BatchJob
			first int
		}{{several, 0}, {several, 1}, {several, 2}, {single, 0}} {
			if claim := f.claimOf(wantsSuspects(), want.job, want.first); !claim.Suspect || claim.Strikes != 0 {
				t.Errorf("Claim(expired) = suspect %t, %d strikes; want true, 0", claim.Suspect, claim.Strikes)
			}
		}
	})

	t.Run("a bad piece does not stop the others", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		before := f.addPlanned([]int{2})
		var bad []*domain.BatchJob
		for _, items := range unsplittable {
			bad = append(bad, f.addUnsplittable(items))
		}
		after, planned := f.addPlanned([]int{2}), f.addJob(toPlan)
		for range len(bad) + 3 {
			f.claim(wants())
		}
		for strikes := range 2 {
			if n := f.expire(true); n != len(bad)+3 {
				t.Fatalf("Expire(everything) = %d, want %d", n, len(bad)+3)
			}
			f.claimOf(wantsSuspects(), before, 0)
			if strikes == 0 {
				f.finish(f.claimOf(wantsSuspects(), before, 1))
			}
			for _, job := range bad {
				if claim := f.claimOf(wantsSuspects(), job, 0); claim.Strikes != strikes || claim.Chunk.Len != 3 {
					t.Errorf("Claim(bad, expired) = %d items with %d strikes, want 3 with %d", claim.Chunk.Len, claim.Strikes, strikes)
				}
			}
			f.claimOf(wantsSuspects(), after, 0)
			if strikes == 0 {
				f.finish(f.claimOf(wantsSuspects(), after, 1))
				f.claimOf(wants(), planned, -1)
			}
		}
		f.claimOf(wantsSuspects(), planned, -1)
	})

	t.Run("leases left over from an ended job are no loss", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		ended, single, whole := f.addPlanned([]int{3, 2}), f.addPlanned([]int{1}), f.addJob(doneWhole)
		brief, held := f.claimOf(wantsBriefly(), ended, 0), f.claimOf(wants(), ended, 3)
		f.claimOf(wants(), single, 0)
		f.claimOf(wants(), whole, -1)
		running := f.addPlanned([]int{1})
		f.claimOf(wants(), running, 0)
		for _, job := range []*domain.BatchJob{ended, single, whole} {
			f.end(job.Ref())
		}
		f.until("the lease that runs out", func() bool {
			if n := f.expire(false); n != 0 {
				t.Fatalf("Expire() = %d, want 0: the job has ended", n)
			}
			left, err := f.InFlight(t.Context(), ended.Ref())
			if err != nil {
				t.Fatalf("InFlight() = %v, want no error", err)
			}
			return left == 1
		})
		wantCode(t, "HoldChunk(lease left over)", f.HoldChunk(t.Context(), brief), domain.CodeClaimLost)
		if err := f.HoldChunk(t.Context(), held); err != nil {
			t.Errorf("HoldChunk(lease that runs) = %v, want no error", err)
		}
		if n := f.expire(true); n != 1 {
			t.Errorf("Expire(everything) = %d, want 1: only one of the jobs is running", n)
		}
		for _, job := range []*domain.BatchJob{ended, single, whole} {
			f.wantInFlight(job.Ref(), 0)
		}
		if got := f.chunks(t.Context(), ended.Ref()); len(got) != 2 {
			t.Errorf("Expire() left %d chunks of an ended job, want the 2 that it had", len(got))
		}
		if s := f.find(whole.Ref()).Snapshot(); s.Strikes != 0 {
			t.Errorf("an ended job has %d strikes, want 0", s.Strikes)
		}
	})

	t.Run("a suspect that expires gets a strike", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		job := f.addPlanned([]int{1})
		f.suspect(f.claimOf(wants(), job, 0))
		brief := wantsBriefly()
		brief.Suspect = true
		f.claimOf(brief, job, 0)
		f.until("the lease to run out", func() bool { return f.expire(false) == 1 })
		if claim := f.claimOf(wantsSuspects(), job, 0); claim.Strikes != 1 {
			t.Errorf("Claim(expired suspect) = %d strikes, want 1", claim.Strikes)
		}
	})

	t.Run("everything", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		several, single := f.addPlanned([]int{3, 2}), f.addPlanned([]int{1}, ofTenant("other"))
		planned := f.addJob(toPlan, ofTenant("third"))
		f.finish(f.claim(wants()))
		f.claimOf(wants(), several, 3)
		f.claimOf(wants(), single, 0)
		f.claimOf(wants(), planned, -1)
		if n := f.expire(false); n != 0 {
			t.Errorf("Expire() = %d with leases that run for an hour, want 0", n)
		}
		if n := f.expire(true); n != 3 {
			t.Errorf("Expire(everything) = %d, want 3", n)
		}
		for _, job := range []*domain.BatchJob{several, single, planned} {
			f.wantInFlight(job.Ref(), 0)
		}
		if n := f.expire(true); n != 0 {
			t.Errorf("second Expire(everything) = %d, want 0", n)
		}
		f.claimOf(wants(), planned, -1) // one loss makes no suspect of it
		f.claimsNothing(wants(), "the chunks that were held are suspect, and the rest is done")
		f.claimOf(wantsSuspects(), several, 3)
		f.claimOf(wantsSuspects(), single, 0)
		f.claimOf(wantsSuspects(), several, 4)
	})
}

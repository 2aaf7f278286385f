package portstest

import (
	"bytes"
	"context"
	"errors"
	"reflect"
	"testing"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

// Chunks runs the contract of [ports.Chunks].
func Chunks(t *testing.T, open func(*testing.T) ports.Store) {
	t.Run("add and read", func(t *testing.T) { chunksAddAndRead(t, open) })
	t.Run("taken", func(t *testing.T) { chunksTaken(t, open) })
	t.Run("each", func(t *testing.T) { chunksEach(t, open) })
	t.Run("clear", func(t *testing.T) { chunksClear(t, open) })
	t.Run("hold and finish", func(t *testing.T) { chunksHoldAndFinish(t, open) })
}

func chunksAddAndRead(t *testing.T, open func(*testing.T) ports.Store) {
	t.Run("none", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		job := f.addJob()
		for _, none := range [][]domain.Chunk{nil, {}} {
			if err := f.AddChunks(t.Context(), job.Ref(), none); err != nil {
				t.Errorf("AddChunks(none) = %v, want no error", err)
			}
		}
		if got := f.chunks(t.Context(), job.Ref()); len(got) != 0 {
			t.Errorf("EachChunk() = %v, want none", got)
		}
		f.claimsNothing(wants(), "the job has no chunks")
	})

	t.Run("in the order of their items", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		job := f.addJob()
		want := []domain.Chunk{numbersChunk(t, 0, 1), numbersChunk(t, 1, 9), numbersChunk(t, 10, 1), numbersChunk(t, 200, 3)}
		for _, i := range []int{2, 0, 3, 1} {
			if err := f.AddChunks(t.Context(), job.Ref(), want[i:i+1]); err != nil {
				t.Fatalf("AddChunks(%d) = %v, want no error", i, err)
			}
		}
		if got := f.chunks(t.Context(), job.Ref()); !reflect.DeepEqual(got, want) {
			t.Errorf("EachChunk() = %v, want %v", got, want)
		}
	})

	t.Run("full size", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		job := f.addJob()
		want := []domain.Chunk{numbersChunk(t, 0, fullBatch)}
		for i := range fullBatch {
			want = append(want, numbersChunk(t, fullBatch+i, 1))
		}
		if err := f.AddChunks(t.Context(), job.Ref(), want); err != nil {
			t.Fatalf("AddChunks(%d) = %v, want no error", len(want), err)
		}
		if got := f.chunks(t.Context(), job.Ref()); !reflect.DeepEqual(got, want) {
			t.Errorf("EachChunk() = %d chunks, want the %d that were added", len(got), len(want))
		}
	})

	t.Run("items as they were", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		job := f.addJob()
		want, err := domain.NewChunk(0, awkwardTexts())
		if err != nil {
			t.Fatalf("NewChunk() = %v, want no error", err)
		}
		spaced := domain.Chunk{First: want.Len, Len: 2, Items: []byte("[ 1.50 ,\n\t{\"b\":1,\"a\":2} ]")}
		if err := f.AddChunks(t.Context(), job.Ref(), []domain.Chunk{want, spaced}); err != nil {
			t.Fatalf("AddChunks() = %v, want no error", err)
		}
		if got := f.chunks(t.Context(), job.Ref()); !reflect.DeepEqual(got, []domain.Chunk{want, spaced}) {
			t.Errorf("EachChunk() does not give the items as they were added")
		}
		if got := f.claimOf(wants(), job, 0); !reflect.DeepEqual(*got.Chunk, want) {
			t.Errorf("Claim() does not give the items as they were added")
		}
	})

	t.Run("what goes in and comes out is not shared", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		job := f.addJob()
		chunk := domain.Chunk{First: 0, Len: 2, Items: []byte(`[1,2]`)}
		want := bytes.Clone(chunk.Items)
		if err := f.AddChunks(t.Context(), job.Ref(), []domain.Chunk{chunk}); err != nil {
			t.Fatalf("AddChunks() = %v, want no error", err)
		}
		chunk.Items[1] = '8'
		f.chunks(t.Context(), job.Ref())[0].Items[1] = '9'
		if got := f.claimOf(wants(), job, 0); !bytes.Equal(got.Chunk.Items, want) {
			t.Errorf("Claim() = items %s, want %s", got.Chunk.Items, want)
		}
	})

	t.Run("tenants apart", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		job := f.addPlanned([]int{2, 2})
		other := domain.JobRef{Tenant: "other", ID: job.ID()}
		for chunk, err := range f.EachChunk(t.Context(), other) {
			if err == nil {
				t.Errorf("EachChunk(another tenant) yields %v, want none", chunk)
			}
		}
		// Whether a job that is not there is an error is not promised.
		_ = f.ClearChunks(t.Context(), other)
		_ = f.AddChunks(t.Context(), other, []domain.Chunk{numbersChunk(t, 4, 4)})
		if got := f.chunks(t.Context(), job.Ref()); len(got) != 2 {
			t.Errorf("after calls of another tenant there are %d chunks, want 2", len(got))
		}
	})
}

func chunksTaken(t *testing.T, open func(*testing.T) ports.Store) {
	t.Run("the same call again", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		job := f.addJob()
		want := f.addChunks(job, 2, 2)
		wantCode(t, "AddChunks(again)", f.AddChunks(t.Context(), job.Ref(), want), domain.CodeConflict)
		if got := f.chunks(t.Context(), job.Ref()); !reflect.DeepEqual(got, want) {
			t.Errorf("EachChunk() = %v, want %v", got, want)
		}
	})

	t.Run("at the end of a full batch, which leaves nothing", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		job := f.addJob()
		chunks := make([]domain.Chunk, fullBatch)
		for i := range chunks {
			chunks[i] = numbersChunk(t, i, 1)
		}
		chunks[fullBatch-1] = chunks[0]
		wantCode(t, "AddChunks(one twice)", f.AddChunks(t.Context(), job.Ref(), chunks), domain.CodeConflict)
		if got := f.chunks(t.Context(), job.Ref()); len(got) != 0 {
			t.Errorf("after a refused AddChunks there are %d chunks, want none", len(got))
		}
	})

	t.Run("by another job it is not", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		f.addPlanned([]int{2, 2})
		f.addPlanned([]int{2, 2})
		f.addPlanned([]int{2, 2}, ofTenant("other"))
	})
}

func chunksEach(t *testing.T, open func(*testing.T) ports.Store) {
	t.Run("stops when told", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		job := f.addPlanned([]int{1, 1, 1})
		seen := 0
		for _, err := range f.EachChunk(t.Context(), job.Ref()) {
			if err != nil {
				t.Fatalf("EachChunk() = %v, want no error", err)
			}
			seen++
			break
		}
		if seen != 1 {
			t.Errorf("EachChunk() yielded %d chunks to a loop that stops at once, want 1", seen)
		}
	})

	t.Run("the store can be written meanwhile", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		job := f.addPlanned(make([]int, 0), func(s *domain.JobSpec) { s.Selection.All = true })
		sizes := make([]int, 300)
		for i := range sizes {
			sizes[i] = 1
		}
		f.addChunks(job, sizes...)
		write := func(ctx context.Context) (seen int) {
			for chunk, err := range f.EachChunk(ctx, job.Ref()) {
				if err != nil {
					t.Fatalf("EachChunk() = %v, want no error", err)
				}
				if chunk.First != seen {
					t.Fatalf("EachChunk() yields %d as number %d", chunk.First, seen)
				}
				seen++
				if err := f.AddFailures(ctx, job.Ref(), []domain.ItemFailure{{Index: chunk.First}}); err != nil {
					t.Fatalf("AddFailures() during EachChunk = %v, want no error", err)
				}
			}
			return seen
		}
		if seen := write(t.Context()); seen != len(sizes) {
			t.Errorf("EachChunk() yielded %d chunks, want %d", seen, len(sizes))
		}
		if err := f.InTx(t.Context(), func(ctx context.Context) error {
			if err := f.ClearFailures(ctx, job.Ref()); err != nil {
				return err
			}
			if seen := write(ctx); seen != len(sizes) {
				t.Errorf("EachChunk() in a transaction yielded %d chunks, want %d", seen, len(sizes))
			}
			return nil
		}); err != nil {
			t.Errorf("InTx(EachChunk) = %v, want no error", err)
		}
	})

	t.Run("an ended context", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		job := f.addPlanned([]int{1})
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		var got error
		for _, err := range f.EachChunk(ctx, job.Ref()) {
			got = err
		}
		if !errors.Is(got, context.Canceled) {
			t.Errorf("EachChunk(ended context) = %v, want %v", got, context.Canceled)
		}
	})
}

func chunksClear(t *testing.T, open func(*testing.T) ports.Store) {
	t.Run("however far they are", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		job, other := f.addPlanned([]int{1, 1, 1, 2}), f.addPlanned([]int{1})
		f.finish(f.claimOf(wants(), job, 0))
		if err := f.Suspect(t.Context(), f.claimOf(wants(), job, 1)); err != nil {
			t.Fatalf("Suspect() = %v, want no error", err)
		}
		held := f.claimOf(wants(), job, 2)
		if err := f.ClearChunks(t.Context(), job.Ref()); err != nil {
			t.Fatalf("ClearChunks() = %v, want no error", err)
		}
		if got := f.chunks(t.Context(), job.Ref()); len(got) != 0 {
			t.Errorf("after ClearChunks there are %d chunks, want none", len(got))
		}
		f.wantInFlight(job.Ref(), 0)
		wantCode(t, "FinishChunk(cleared)", f.FinishChunk(t.Context(), held), domain.CodeClaimLost)
		if got := f.chunks(t.Context(), other.Ref()); len(got) != 1 {
			t.Errorf("ClearChunks of one job left %d chunks of another, want 1", len(got))
		}
		f.addChunks(job, 2, 2) // the indexes are free again
	})

	t.Run("rolled back", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		job := f.addPlanned([]int{2, 2})
		claim := f.claimOf(wants(), job, 0)
		if err := f.InTx(t.Context(), func(ctx context.Context) error {
			return errors.Join(f.FinishChunk(ctx, claim), f.ClearChunks(ctx, job.Ref()), errStoreSuite)
		}); !errors.Is(err, errStoreSuite) {
			t.Fatalf("InTx(error) = %v, want %v", err, errStoreSuite)
		}
		if got := f.chunks(t.Context(), job.Ref()); len(got) != 2 {
			t.Errorf("after the rollback there are %d chunks, want 2", len(got))
		}
		f.finish(claim)
	})
}

func chunksHoldAndFinish(t *testing.T, open func(*testing.T) ports.Store) {
	hold := func(f *storeFixture, claim ports.Claim) error {
		return f.InTx(f.t.Context(), func(ctx context.Context) error { return f.HoldChunk(ctx, claim) })
	}

	t.Run("finish is for good", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		job := f.addPlanned([]int{2})
		claim := f.claimOf(wants(), job, 0)
		if err := f.InTx(t.Context(), func(ctx context.Context) error {
			if err := f.HoldChunk(ctx, claim); err != nil {
				return err
			}
			return f.FinishChunk(ctx, claim)
		}); err != nil {
			t.Fatalf("InTx(hold, finish) = %v, want no error", err)
		}
		f.wantInFlight(job.Ref(), 0)
		wantCode(t, "HoldChunk(done)", hold(f, claim), domain.CodeClaimLost)
		wantCode(t, "FinishChunk(done)", f.FinishChunk(t.Context(), claim), domain.CodeClaimLost)
		for call, err := range map[string]error{
			"Release": f.Release(t.Context(), claim, 0), "Suspect": f.Suspect(t.Context(), claim),
		} {
			if err != nil {
				t.Errorf("%s(done) = %v, want no error", call, err)
			}
		}
		wantCode(t, "Extend(done)", f.Extend(t.Context(), claim, 0), domain.CodeClaimLost)
		if n, err := f.Expire(t.Context(), true); err != nil || n != 0 {
			t.Errorf("Expire(everything) = %d, %v; want 0", n, err)
		}
		f.claimsNothing(wants(), "the chunk is done")
		f.claimsNothing(wantsSuspects(), "the chunk is done")
		if got := f.chunks(t.Context(), job.Ref()); len(got) != 1 {
			t.Errorf("EachChunk() yields %d chunks, want the done one", len(got))
		}
	})

	t.Run("a superseded claim changes nothing", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		job := f.addPlanned([]int{2})
		old := f.claimOf(wants(), job, 0)
		if err := f.Release(t.Context(), old, 0); err != nil {
			t.Fatalf("Release() = %v, want no error", err)
		}
		wantCode(t, "HoldChunk(given back)", hold(f, old), domain.CodeClaimLost)
		wantCode(t, "FinishChunk(given back)", f.FinishChunk(t.Context(), old), domain.CodeClaimLost)
		current := f.claimOf(wants(), job, 0)
		wantCode(t, "HoldChunk(taken over)", hold(f, old), domain.CodeClaimLost)
		wantCode(t, "FinishChunk(taken over)", f.FinishChunk(t.Context(), old), domain.CodeClaimLost)
		f.wantInFlight(job.Ref(), 1)
		if err := hold(f, current); err != nil {
			t.Errorf("HoldChunk(held) = %v, want no error", err)
		}
		f.finish(current)
	})

	t.Run("a claim on a chunk is not one on its first item", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		job := f.addPlanned([]int{3})
		old := f.claimOf(wants(), job, 0)
		if err := f.Suspect(t.Context(), old); err != nil {
			t.Fatalf("Suspect() = %v, want no error", err)
		}
		single := f.claimOf(wantsSuspects(), job, 0)
		if single.Epoch <= old.Epoch {
			t.Errorf("the epoch of the first item is %d, want more than %d, that of the chunk", single.Epoch, old.Epoch)
		}
		wantCode(t, "HoldChunk(split)", hold(f, old), domain.CodeClaimLost)
		wantCode(t, "FinishChunk(split)", f.FinishChunk(t.Context(), old), domain.CodeClaimLost)
		f.finish(single)
	})
}

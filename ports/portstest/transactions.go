package portstest

import (
	"context"
	"errors"
	"testing"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

var errStoreSuite = errors.New("something that the store does not know")

// Transactions runs the contract of [ports.Transactions].
func Transactions(t *testing.T, open func(*testing.T) ports.Store) {
	t.Run("in tx", func(t *testing.T) { inTx(t, open) })
	t.Run("in tx with a context", func(t *testing.T) { inTxContext(t, open) })
	t.Run("savepoint", func(t *testing.T) { savepoint(t, open) })
	t.Run("snapshot", func(t *testing.T) { snapshot(t, open) })
}

func inTx(t *testing.T, open func(*testing.T) ports.Store) {
	t.Run("commits all that was done", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		job := f.newJob()
		if err := f.InTx(t.Context(), func(ctx context.Context) error {
			if err := f.AddJob(ctx, job); err != nil {
				return err
			}
			if err := f.AddChunks(ctx, job.Ref(), []domain.Chunk{numbersChunk(t, 0, 4)}); err != nil {
				return err
			}
			// Inside, it is there already.
			_, err := f.FindJob(ctx, job.Ref())
			return err
		}); err != nil {
			t.Fatalf("InTx(add) = %v, want no error", err)
		}
		if !f.has(job.Ref()) || len(f.chunks(t.Context(), job.Ref())) != 1 {
			t.Errorf("after InTx the job or its chunk is not there")
		}
	})

	t.Run("rolls back and returns the error", func(t *testing.T) {
		t.Parallel()
		for _, want := range []error{
			errStoreSuite,
			domain.Fail(domain.NewFailure(domain.CodeOutOfRange, "rent", "-1")),
			domain.CodeClaimLost,
			domain.Unavailable(errStoreSuite),
		} {
			f := newStoreFixture(t, open)
			job := f.newJob()
			err := f.InTx(t.Context(), func(ctx context.Context) error {
				if err := f.AddJob(ctx, job); err != nil {
					return err
				}
				return want
			})
			if !errors.Is(err, want) || domain.CodeOf(err) != domain.CodeOf(want) {
				t.Errorf("InTx(error %v) = %v of code %v, want that error of code %v", want, err, domain.CodeOf(err), domain.CodeOf(want))
			}
			if f.has(job.Ref()) {
				t.Errorf("InTx(error %v) kept the job, want it rolled back", want)
			}
		}
	})

	t.Run("rolls back when it panics", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		job := f.newJob()
		func() {
			defer func() {
				if got := recover(); got != "boom" {
					t.Errorf("InTx(panic) panicked with %v, want boom", got)
				}
			}()
			_ = f.InTx(t.Context(), func(ctx context.Context) error {
				if err := f.AddJob(ctx, job); err != nil {
					return err
				}
				panic("boom")
			})
		}()
		if f.has(job.Ref()) {
			t.Errorf("InTx(panic) kept the job, want it rolled back")
		}
		f.addJob() // the store goes on
	})

	t.Run("is not nested", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		job := f.newJob()
		var inner error
		if err := f.InTx(t.Context(), func(ctx context.Context) error {
			inner = f.InTx(ctx, func(ctx context.Context) error { return f.AddJob(ctx, job) })
			return nil
		}); err != nil {
			t.Fatalf("InTx() = %v, want no error", err)
		}
		wantCode(t, "InTx(InTx())", inner, domain.CodeInternal)
		if f.has(job.Ref()) {
			t.Errorf("the inner InTx stored a job")
		}
	})

	t.Run("a full batch is all or nothing", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		job := f.addJob()
		chunks := make([]domain.Chunk, fullBatch)
		for i := range chunks {
			chunks[i] = numbersChunk(t, i, 1)
		}
		for _, want := range []error{errStoreSuite, nil} {
			if err := f.InTx(t.Context(), func(ctx context.Context) error {
				if err := f.AddChunks(ctx, job.Ref(), chunks); err != nil {
					return err
				}
				return want
			}); !errors.Is(err, want) {
				t.Fatalf("InTx(%d chunks) = %v, want %v", len(chunks), err, want)
			}
			stored := len(f.chunks(t.Context(), job.Ref()))
			if want != nil && stored != 0 || want == nil && stored != fullBatch {
				t.Errorf("after InTx(%d chunks, then %v) there are %d", len(chunks), want, stored)
			}
		}
	})
}

func inTxContext(t *testing.T, open func(*testing.T) ports.Store) {
	t.Run("ended before", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		job := f.newJob()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		for call, err := range map[string]error{
			"InTx":     f.InTx(ctx, func(ctx context.Context) error { return f.AddJob(ctx, job) }),
			"AddJob":   f.AddJob(ctx, job),
			"Snapshot": f.Snapshot(ctx, func(ctx context.Context) error { return ctx.Err() }),
		} {
			if !errors.Is(err, context.Canceled) {
				t.Errorf("%s(ended context) = %v, want %v", call, err, context.Canceled)
			}
		}
		if f.has(job.Ref()) {
			t.Errorf("a call with an ended context stored the job")
		}
	})

	t.Run("ended during", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		job := f.newJob()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		err := f.InTx(ctx, func(ctx context.Context) error {
			err := f.AddJob(ctx, job)
			cancel()
			return err
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("InTx(context that ends) = %v, want %v", err, context.Canceled)
		}
		if f.has(job.Ref()) {
			t.Errorf("InTx(context that ends) kept the job, want it rolled back")
		}
		f.addJob() // the store goes on
	})

	t.Run("ended between two calls", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		first, second := f.newJob(), f.newJob()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		err := f.InTx(ctx, func(ctx context.Context) error {
			if err := f.AddJob(ctx, first); err != nil {
				return err
			}
			cancel()
			return f.AddJob(ctx, second)
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("InTx(context that ends) = %v, want %v", err, context.Canceled)
		}
		if f.has(first.Ref()) || f.has(second.Ref()) {
			t.Errorf("InTx(context that ends) kept a job, want both rolled back")
		}
	})

	t.Run("past its deadline", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		ctx, cancel := context.WithDeadline(t.Context(), storeNow.AddDate(-20, 0, 0))
		defer cancel()
		if err := f.AddJob(ctx, f.newJob()); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("AddJob(context past its deadline) = %v, want %v", err, context.DeadlineExceeded)
		}
	})
}

func savepoint(t *testing.T, open func(*testing.T) ports.Store) {
	t.Run("an error undoes its part alone", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		before, part, kept, after := f.newJob(), f.newJob(), f.newJob(), f.newJob()
		if err := f.InTx(t.Context(), func(ctx context.Context) error {
			if err := f.AddJob(ctx, before); err != nil {
				return err
			}
			if err := f.Savepoint(ctx, func(ctx context.Context) error {
				if err := f.AddJob(ctx, part); err != nil {
					return err
				}
				return errStoreSuite
			}); !errors.Is(err, errStoreSuite) {
				t.Errorf("Savepoint(error) = %v, want %v", err, errStoreSuite)
			}
			if err := f.Savepoint(ctx, func(ctx context.Context) error { return f.AddJob(ctx, kept) }); err != nil {
				t.Errorf("Savepoint(no error) = %v, want no error", err)
			}
			return f.AddJob(ctx, after)
		}); err != nil {
			t.Fatalf("InTx(savepoints) = %v, want no error", err)
		}
		for name, want := range map[*domain.BatchJob]bool{before: true, part: false, kept: true, after: true} {
			if got := f.has(name.Ref()); got != want {
				t.Errorf("after the savepoints job %s is stored: %t, want %t", name.ID(), got, want)
			}
		}
	})

	t.Run("what it kept is rolled back with the transaction", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		job := f.newJob()
		err := f.InTx(t.Context(), func(ctx context.Context) error {
			if err := f.Savepoint(ctx, func(ctx context.Context) error { return f.AddJob(ctx, job) }); err != nil {
				return err
			}
			return errStoreSuite
		})
		if !errors.Is(err, errStoreSuite) || f.has(job.Ref()) {
			t.Errorf("InTx(savepoint, error) = %v and the job is stored: %t; want the error and no job", err, f.has(job.Ref()))
		}
	})

	t.Run("outside of a transaction", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		err := f.Savepoint(t.Context(), func(context.Context) error {
			t.Error("Savepoint ran its function outside of a transaction")
			return nil
		})
		wantCode(t, "Savepoint()", err, domain.CodeInternal)
	})

	t.Run("many in a row", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		job := f.addJob()
		const parts = 800
		if err := f.InTx(t.Context(), func(ctx context.Context) error {
			for i := range parts {
				err := f.Savepoint(ctx, func(ctx context.Context) error {
					if err := f.AddChunks(ctx, job.Ref(), []domain.Chunk{numbersChunk(t, i, 1)}); err != nil {
						return err
					}
					if i%2 == 1 {
						return errStoreSuite
					}
					return nil
				})
				if failed := errors.Is(err, errStoreSuite); failed != (i%2 == 1) {
					return err
				}
			}
			return nil
		}); err != nil {
			t.Fatalf("InTx(%d savepoints) = %v, want no error", parts, err)
		}
		chunks := f.chunks(t.Context(), job.Ref())
		if len(chunks) != parts/2 {
			t.Fatalf("%d savepoints, every second undone, kept %d chunks, want %d", parts, len(chunks), parts/2)
		}
		for i, chunk := range chunks {
			if chunk.First != 2*i {
				t.Errorf("chunk %d begins at %d, want %d", i, chunk.First, 2*i)
			}
		}
	})
}

func snapshot(t *testing.T, open func(*testing.T) ports.Store) {
	t.Run("does not change while others commit", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		job := f.addPlanned([]int{2, 2})
		outer := t.Context()
		later := f.newJob()
		if err := f.Snapshot(outer, func(ctx context.Context) error {
			// Before anything was read: the view is that of the beginning.
			if err := f.InTx(outer, func(ctx context.Context) error { return f.AddJob(ctx, later) }); err != nil {
				t.Errorf("InTx(outer context) inside Snapshot = %v, want no error", err)
			}
			f.requestCancel(job.Ref())
			if err := f.ClearChunks(outer, job.Ref()); err != nil {
				t.Errorf("ClearChunks(outer context) inside Snapshot = %v, want no error", err)
			}
			if err := f.AddFailures(outer, job.Ref(), []domain.ItemFailure{{Index: 1}}); err != nil {
				t.Errorf("AddFailures(outer context) inside Snapshot = %v, want no error", err)
			}
			if _, err := f.FindJob(ctx, later.Ref()); !errors.Is(err, domain.CodeNotFound) {
				t.Errorf("FindJob(added meanwhile) in the snapshot = %v, want %v", err, domain.CodeNotFound)
			}
			if got, err := f.FindJob(ctx, job.Ref()); err != nil || got.CancelRequested() {
				t.Errorf("FindJob(changed meanwhile) in the snapshot = %v; want the old state", err)
			}
			if got := f.chunks(ctx, job.Ref()); len(got) != 2 {
				t.Errorf("EachChunk(cleared meanwhile) in the snapshot = %d chunks, want 2", len(got))
			}
			if got, err := f.ListFailures(ctx, job.Ref(), -1, 10); err != nil || len(got) != 0 {
				t.Errorf("ListFailures(added meanwhile) in the snapshot = %v, %v; want none", got, err)
			}
			if !f.has(later.Ref()) {
				t.Errorf("FindJob(outer context) inside Snapshot does not see the last commit")
			}
			return nil
		}); err != nil {
			t.Fatalf("Snapshot() = %v, want no error", err)
		}
		if !f.find(job.Ref()).CancelRequested() || !f.has(later.Ref()) || len(f.chunks(outer, job.Ref())) != 0 {
			t.Errorf("what was committed during the snapshot is not there after it")
		}
	})

	t.Run("does not block writers in other goroutines", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		jobs := []*domain.BatchJob{f.newJob(), f.newJob(), f.newJob()}
		if err := f.Snapshot(t.Context(), func(ctx context.Context) error {
			if _, err := f.FindJob(ctx, jobs[0].Ref()); !errors.Is(err, domain.CodeNotFound) {
				return err
			}
			atOnce(len(jobs), func(i int) {
				if err := f.AddJob(t.Context(), jobs[i]); err != nil {
					t.Errorf("AddJob during a snapshot = %v, want no error", err)
				}
			})
			return nil
		}); err != nil {
			t.Fatalf("Snapshot() = %v, want no error", err)
		}
	})

	t.Run("returns the error", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		if err := f.Snapshot(t.Context(), func(context.Context) error { return errStoreSuite }); !errors.Is(err, errStoreSuite) {
			t.Errorf("Snapshot(error) = %v, want %v", err, errStoreSuite)
		}
	})
}

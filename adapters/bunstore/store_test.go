package bunstore_test

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/batchport/batchport/adapters/bunstore"
	"github.com/batchport/batchport/domain"
)

func TestNewChecksItsConfig(t *testing.T) {
	t.Parallel()
	db := openFile(t, filepath.Join(t.TempDir(), "batchport.db"))
	for prefix, good := range map[string]bool{
		"": true, "a": true, "_x9": true, "a" + strings.Repeat("b", 30): true,
		"a" + strings.Repeat("b", 31): false, "A": false, "9a": false, "a-b": false, "a b": false, "a;": false, `a"`: false, "ä": false, "a\n": false,
	} {
		if _, err := bunstore.New(db.Write, bunstore.Config{TablePrefix: prefix}); (err == nil) != good {
			t.Errorf("New(prefix %q) = %v, want an error: %t", prefix, err, !good)
		}
	}
	if _, err := bunstore.New(nil, bunstore.Config{}); err == nil {
		t.Error("New(no database) = no error, want one")
	}
}

// Two services may keep their tables in one database.
func TestTwoPrefixesInOneDatabase(t *testing.T) {
	onEach(t, func(t *testing.T, on engine) {
		db := on.open(t, on.place(t))
		var stores []*bunstore.Store
		for _, prefix := range []string{"one_", "two_"} {
			store, err := bunstore.New(db.Write, bunstore.Config{TablePrefix: prefix, ReadDB: db.Read})
			if err != nil {
				t.Fatalf("New(%q) = %v, want no error", prefix, err)
			}
			if err := store.Migrate(t.Context()); err != nil {
				t.Fatalf("Migrate(%q) = %v, want no error", prefix, err)
			}
			stores = append(stores, store)
		}
		job := addPlanned(t, stores[0], 1, 1)
		if _, err := stores[1].FindJob(t.Context(), job.Ref()); !errors.Is(err, domain.CodeNotFound) {
			t.Errorf("FindJob(job of the other prefix) = %v, want %v", err, domain.CodeNotFound)
		}
		if _, found, err := stores[1].Claim(t.Context(), claimAny, testNow); found || err != nil {
			t.Errorf("Claim(other prefix) = %t, %v; want nothing", found, err)
		}
		addPlanned(t, stores[1], 1, 1)
		mustClaim(t, stores[0], false)
		mustClaim(t, stores[1], false)
	})
}

func TestSecret(t *testing.T) {
	onEach(t, func(t *testing.T, on engine) {
		stores, _ := on.stores(t, 2)
		const callers = 20
		got := make(chan []byte)
		for i := range callers {
			go func() {
				secret, err := stores[i%2].Secret(t.Context(), "downloads")
				if err != nil {
					t.Errorf("Secret() = %v, want no error", err)
				}
				got <- secret
			}()
		}
		first := <-got
		for range callers - 1 {
			if next := <-got; !bytes.Equal(first, next) {
				t.Errorf("Secret() = %x and %x, want one for all", first, next)
			}
		}
		other, err := stores[0].Secret(t.Context(), "other")
		if err != nil || len(first) != 32 || len(other) != 32 || bytes.Equal(first, other) {
			t.Errorf("Secret(other) = %d bytes, %v; want 32 that differ from the first's %d", len(other), err, len(first))
		}
	})
}

// A client can send the NUL character in JSON; no text column holds it.
func TestFailureWithNUL(t *testing.T) {
	onEach(t, func(t *testing.T, on engine) {
		store := on.store(t)
		ref := domain.JobRef{Tenant: "acme", ID: "j"}
		want := domain.ItemFailure{Key: "a\x00b", Failure: domain.Failure{
			Code: domain.CodeInvalid, Field: "\x00", Value: "x\x00", Params: map[string]string{"p": "\x00"},
		}}
		if err := store.AddFailures(t.Context(), ref, []domain.ItemFailure{want}); err != nil {
			t.Fatalf("AddFailures(NUL) = %v, want no error", err)
		}
		got, err := store.ListFailures(t.Context(), ref, -1, 1)
		if err != nil || len(got) != 1 || got[0].Key != want.Key || got[0].Failure.String() != want.Failure.String() || got[0].Failure.Value != want.Failure.Value {
			t.Errorf("ListFailures() = %+v, %v; want %+v", got, err, want)
		}
	})
}

// Several processes share one database, reading and writing at once: no caller
// ever hears of it.
func TestTwoProcessesOnOneDatabase(t *testing.T) {
	onEach(t, func(t *testing.T, on engine) {
		stores, _ := on.stores(t, 2)
		sizes := make([]int, 120)
		for i := range sizes {
			sizes[i] = 3
		}
		job := addPlanned(t, stores[0], 1, sizes...)
		var finished atomic.Int64
		done := make(chan struct{})
		const workers = 8
		for i := range workers {
			go func() {
				defer func() { done <- struct{}{} }()
				work(t, stores[i%2], job.Ref(), &finished)
			}()
		}
		for range workers {
			<-done
		}
		if finished.Load() != int64(len(sizes)) {
			t.Errorf("%d chunks were finished, want each of %d once", finished.Load(), len(sizes))
		}
		for _, store := range stores {
			found, err := store.FindJob(t.Context(), job.Ref())
			if err != nil || found.Report().Updated != 3*len(sizes) {
				t.Errorf("FindJob() = %+v, %v; want %d items updated", found.Report(), err, 3*len(sizes))
			}
		}
	})
}

// work claims and finishes chunks until there are none.
func work(t *testing.T, store *bunstore.Store, ref domain.JobRef, finished *atomic.Int64) {
	for {
		claim, found, err := store.Claim(t.Context(), claimAny, testNow)
		if err != nil {
			t.Errorf("Claim() = %v, want no error", err)
		}
		if !found {
			return
		}
		for _, err := range store.EachChunk(t.Context(), ref) {
			if err != nil {
				t.Errorf("EachChunk() = %v, want no error", err)
			}
		}
		if err := store.InTx(t.Context(), func(ctx context.Context) error {
			if err := store.FinishChunk(ctx, claim); err != nil {
				return err
			}
			job, err := store.LockJob(ctx, ref)
			if err != nil {
				return err
			}
			if err := job.Record(domain.Report{Updated: claim.Chunk.Len}); err != nil {
				return err
			}
			return store.SaveJob(ctx, job)
		}); err != nil {
			t.Errorf("InTx(finish) = %v, want no error", err)
		}
		finished.Add(1)
	}
}

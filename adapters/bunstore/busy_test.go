package bunstore_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/batchport/batchport/domain"
)

// A write outlasts the busy timeout of its connection: it tries again until
// the other process is done.
func TestWritesOutlastTheBusyTimeout(t *testing.T) {
	t.Parallel()
	ref := domain.JobRef{Tenant: "acme", ID: "j"}
	path := filepath.Join(t.TempDir(), "batchport.db")
	holder, db := storeAt(t, path), openFile(t, path)
	waiter := storeOn(t, parts(db))
	run(t, db.Write, "PRAGMA busy_timeout = 1")
	for call, write := range map[string]func() error{
		"InTx": func() error {
			return waiter.InTx(t.Context(), func(ctx context.Context) error { return waiter.ClearFailures(ctx, ref) })
		},
		"ClearFailures": func() error { return waiter.ClearFailures(t.Context(), ref) },
		"Migrate":       func() error { return waiter.Migrate(t.Context()) },
	} {
		done := make(chan error, 1)
		if err := holder.InTx(t.Context(), func(context.Context) error {
			go func() { done <- write() }()
			held := time.NewTimer(50 * time.Millisecond) // many busy timeouts
			defer held.Stop()
			select {
			case err := <-done:
				t.Fatalf("%s = %v while the file was held, want it to wait", call, err)
			case <-held.C:
			}
			return nil
		}); err != nil {
			t.Fatalf("InTx() = %v, want no error", err)
		}
		if err := <-done; err != nil {
			t.Errorf("%s = %v once the file is free, want no error", call, err)
		}
	}
}

// A stop is not held up by the store's patience, and says what ended it.
func TestWaitForTheLockHeedsItsContext(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "batchport.db")
	holder, db := storeAt(t, path), openFile(t, path)
	waiter := storeOn(t, parts(db))
	run(t, db.Write, "PRAGMA busy_timeout = 1")
	if err := holder.InTx(t.Context(), func(context.Context) error {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
		defer cancel()
		start := time.Now()
		err := waiter.InTx(ctx, func(context.Context) error { return nil })
		if waited := time.Since(start); !errors.Is(err, context.DeadlineExceeded) || waited > 5*time.Second {
			t.Errorf("InTx(file held) = %v after %v, want %v at once", err, waited, context.DeadlineExceeded)
		}
		return nil
	}); err != nil {
		t.Errorf("InTx() = %v, want no error", err)
	}
}

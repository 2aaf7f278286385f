package bunstore_test

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/sqlitedialect"

	"github.com/batchport/batchport/adapters/bunstore"
	"github.com/batchport/batchport/domain"
)

// hostStore returns a store beside a host's table "accounts", and the file.
func hostStore(t *testing.T) (*bunstore.Store, *bun.DB) {
	t.Helper()
	db := openFile(t, filepath.Join(t.TempDir(), "host.db"))
	store := storeOn(t, parts(db))
	run(t, db.Write, `CREATE TABLE accounts (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, age INTEGER CHECK (age > 0),
		owner INTEGER REFERENCES accounts (id), later INTEGER REFERENCES accounts (id) DEFERRABLE INITIALLY DEFERRED)`)
	run(t, db.Write, `CREATE TRIGGER no_root BEFORE INSERT ON accounts WHEN NEW.name = 'root' BEGIN SELECT RAISE(ABORT, 'no'); END`)
	run(t, db.Write, `INSERT INTO accounts (id, name) VALUES (1, 'first')`)
	return store, db.Write
}

func run(t *testing.T, db bun.IDB, statement string) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), statement); err != nil {
		t.Fatalf("%s = %v, want no error", statement, err)
	}
}

// number reads one whole number.
func number(t *testing.T, db bun.IDB, query string) (n int) {
	t.Helper()
	if err := db.QueryRowContext(t.Context(), query).Scan(&n); err != nil {
		t.Fatalf("%s = %v, want a number", query, err)
	}
	return n
}

var errTest = errors.New("of the test")

func TestTxSharesTheStoresTransaction(t *testing.T) {
	t.Parallel()
	store, db := hostStore(t)
	for _, want := range []error{errTest, nil} {
		err := store.InTx(t.Context(), func(ctx context.Context) error {
			if _, err := bunstore.Tx(ctx).ExecContext(ctx, "INSERT INTO accounts (id, name) VALUES (2, 'second')"); err != nil {
				return err
			}
			if err := store.AddFailures(ctx, domain.JobRef{Tenant: "acme", ID: "j"}, []domain.ItemFailure{{Index: 1}}); err != nil {
				return err
			}
			return want
		})
		if !errors.Is(err, want) {
			t.Fatalf("InTx() = %v, want %v", err, want)
		}
		rows := number(t, db, "SELECT (SELECT count(*) FROM accounts WHERE id = 2) + (SELECT count(*) FROM batchport_item_failures)")
		if want != nil && rows != 0 || want == nil && rows != 2 {
			t.Errorf("after InTx(%v) there are %d rows of host and store, want both or none", want, rows)
		}
	}
	if err := store.Snapshot(t.Context(), func(ctx context.Context) error {
		run(t, db, "INSERT INTO accounts (id, name) VALUES (3, 'third')")
		if n := number(t, bunstore.Tx(ctx), "SELECT count(*) FROM accounts"); n != 2 {
			t.Errorf("Tx(snapshot) sees %d accounts, want the 2 of its beginning", n)
		}
		if _, err := bunstore.Tx(ctx).ExecContext(ctx, "DELETE FROM accounts"); err == nil {
			t.Error("Tx(snapshot) can write, want an error")
		}
		return nil
	}); err != nil {
		t.Errorf("Snapshot() = %v, want no error", err)
	}
}

func TestTxPanicsOutsideOfATransaction(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("Tx(no transaction) did not panic")
		}
	}()
	bunstore.Tx(t.Context())
}

// Two stores keep their transactions apart, also one inside the other.
func TestTransactionsOfTwoStores(t *testing.T) {
	t.Parallel()
	outer, inner := newStore(t), newStore(t)
	ref := domain.JobRef{Tenant: "acme", ID: "j"}
	failure := []domain.ItemFailure{{Index: 1}}
	err := outer.InTx(t.Context(), func(ctx context.Context) error {
		if err := inner.InTx(ctx, func(ctx context.Context) error {
			return errors.Join(outer.AddFailures(ctx, ref, failure), inner.AddFailures(ctx, ref, failure))
		}); err != nil {
			t.Errorf("inner InTx() = %v, want no error", err)
		}
		return errTest
	})
	if !errors.Is(err, errTest) {
		t.Fatalf("outer InTx() = %v, want %v", err, errTest)
	}
	for want, store := range []*bunstore.Store{outer, inner} {
		if got, err := store.ListFailures(t.Context(), ref, -1, 10); err != nil || len(got) != want {
			t.Errorf("ListFailures() = %d failures, %v; want %d", len(got), err, want)
		}
	}
}

func TestSnapshotRefusesWrites(t *testing.T) {
	t.Parallel()
	store := newStore(t)
	if err := store.Snapshot(t.Context(), func(ctx context.Context) error {
		for call, err := range map[string]error{
			"ClearFailures": store.ClearFailures(ctx, domain.JobRef{}),
			"InTx":          store.InTx(ctx, func(context.Context) error { return nil }),
			"Savepoint":     store.Savepoint(ctx, func(context.Context) error { return nil }),
		} {
			if !errors.Is(err, domain.CodeInternal) {
				t.Errorf("%s(snapshot) = %v, want %v", call, err, domain.CodeInternal)
			}
		}
		return nil
	}); err != nil {
		t.Errorf("Snapshot() = %v, want no error", err)
	}
}

// The engine recovers from a panic of Apply inside of its transaction: the
// savepoint must be undone by then.
func TestSavepointUndoesAPanic(t *testing.T) {
	t.Parallel()
	store, db := hostStore(t)
	if err := store.InTx(t.Context(), func(ctx context.Context) error {
		func() {
			defer func() { _ = recover() }()
			_ = store.Savepoint(ctx, func(ctx context.Context) error {
				run(t, bunstore.Tx(ctx), "INSERT INTO accounts (id, name) VALUES (2, 'panicked')")
				panic("boom")
			})
		}()
		return store.Savepoint(ctx, func(ctx context.Context) error {
			run(t, bunstore.Tx(ctx), "INSERT INTO accounts (id, name) VALUES (3, 'kept')")
			return nil
		})
	}); err != nil {
		t.Fatalf("InTx() = %v, want no error", err)
	}
	if got := number(t, db, "SELECT sum(id) FROM accounts"); got != 1+3 {
		t.Errorf("the accounts add up to %d, want 4: the panicked one undone", got)
	}
}

// A goroutine that exits inside of a transaction, as t.Fatal does, leaves no lock.
func TestInTxRollsBackWhenItsGoroutineExits(t *testing.T) {
	t.Parallel()
	store, db := hostStore(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = store.InTx(t.Context(), func(ctx context.Context) error {
			_, _ = bunstore.Tx(ctx).ExecContext(ctx, "DELETE FROM accounts")
			runtime.Goexit()
			return nil
		})
	}()
	<-done
	if got := number(t, db, "SELECT count(*) FROM accounts"); got != 1 {
		t.Errorf("there are %d accounts, want the 1 from before", got)
	}
}

// A host that interrupts a write loses the whole transaction: SQLite rolls it
// back by itself. What follows must not be committed on its own.
func TestInterruptedWriteBreaksTheTransaction(t *testing.T) {
	t.Parallel()
	store, db := hostStore(t)
	ref := domain.JobRef{Tenant: "acme", ID: "j"}
	err := store.InTx(t.Context(), func(ctx context.Context) error {
		run(t, bunstore.Tx(ctx), "INSERT INTO accounts (id, name) VALUES (2, 'second')")
		part := store.Savepoint(ctx, func(ctx context.Context) error {
			brief, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
			defer cancel()
			_, err := bunstore.Tx(ctx).ExecContext(brief, `INSERT INTO accounts (name)
				WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT 'n' || i FROM n`)
			return err
		})
		if part == nil {
			t.Error("Savepoint(interrupted) = nil, want an error")
		}
		if err := store.ClearFailures(ctx, ref); !errors.Is(err, domain.CodeUnavailable) {
			t.Errorf("ClearFailures(after it) = %v, want %v", err, domain.CodeUnavailable)
		}
		return nil // as a host would that swallows the error
	})
	if !errors.Is(err, domain.CodeUnavailable) {
		t.Errorf("InTx(interrupted) = %v, want %v", err, domain.CodeUnavailable)
	}
	if got := number(t, db, "SELECT count(*) FROM accounts"); got != 1 {
		t.Errorf("there are %d accounts, want the 1 from before", got)
	}
}

// The same without a savepoint to notice it: the commit does.
func TestInterruptedWriteThatIsSwallowed(t *testing.T) {
	t.Parallel()
	store, db := hostStore(t)
	err := store.InTx(t.Context(), func(ctx context.Context) error {
		brief, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
		defer cancel()
		_, err := bunstore.Tx(ctx).ExecContext(brief, `INSERT INTO accounts (name)
			WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT 'n' || i FROM n`)
		if err == nil {
			t.Error("an endless statement ended, want it interrupted")
		}
		return nil
	})
	if !errors.Is(err, domain.CodeUnavailable) {
		t.Errorf("InTx(interrupted, swallowed) = %v, want %v", err, domain.CodeUnavailable)
	}
	if got := number(t, db, "SELECT count(*) FROM accounts"); got != 1 {
		t.Errorf("there are %d accounts, want the 1 from before", got)
	}
}

func TestContextEndsWhileWaiting(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "batchport.db")
	store, other := storeAt(t, path), storeAt(t, path)
	for name, waiting := range map[string]*bunstore.Store{"for the connection": store, "for the file": other} {
		if err := store.InTx(t.Context(), func(context.Context) error {
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
			defer cancel()
			start := time.Now()
			err := waiting.ClearFailures(ctx, domain.JobRef{})
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("ClearFailures() that waits %s = %v, want %v", name, err, context.DeadlineExceeded)
			}
			if waited := time.Since(start); waited > 5*time.Second {
				t.Errorf("ClearFailures() waited %v %s, want no longer than its context", waited, name)
			}
			return nil
		}); err != nil {
			t.Errorf("InTx() = %v, want no error", err)
		}
	}
}

// A host's database may be opened with many connections whose transactions do
// not take the write lock when they begin.
func TestHostWithoutImmediateTransactions(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "host.db")
	openFile(t, path) // switches the file to a write-ahead log
	pool, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(10000)&_pragma=foreign_keys(on)")
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	store, err := bunstore.New(bun.NewDB(pool, sqlitedialect.New()), bunstore.Config{TablePrefix: "bp_"})
	if err != nil {
		t.Fatalf("New() = %v, want no error", err)
	}
	if err := store.Migrate(t.Context()); err != nil {
		t.Fatalf("Migrate() = %v, want no error", err)
	}
	const callers, each = 8, 10
	job := addPlanned(t, store, 1, callers*each)
	mustClaim(t, store, false)
	done := make(chan error)
	for range callers {
		go func() {
			var failed error
			for range each {
				failed = errors.Join(failed, store.InTx(t.Context(), func(ctx context.Context) error {
					locked, err := store.LockJob(ctx, job.Ref())
					if err != nil {
						return err
					}
					if err := locked.Record(domain.Report{Updated: 1}); err != nil {
						return err
					}
					return store.SaveJob(ctx, locked)
				}))
			}
			done <- failed
		}()
	}
	for range callers {
		if err := <-done; err != nil {
			t.Errorf("InTx(lock, save) = %v, want no error", err)
		}
	}
	if found, err := store.FindJob(t.Context(), job.Ref()); err != nil || found.Report().Updated != callers*each {
		t.Errorf("FindJob() = %v, %v; want %d items updated", found.Report(), err, callers*each)
	}
}

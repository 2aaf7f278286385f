package bunstore_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/batchport/batchport/adapters/bunstore"
	"github.com/batchport/batchport/domain"
)

// What a host's statement fails with comes out of InTx and Savepoint with its code.
func TestHostErrorsAreClassified(t *testing.T) {
	onEach(t, func(t *testing.T, on engine) {
		for _, tt := range []struct {
			name, statement, constraint string
		}{
			{"unique", "INSERT INTO accounts (name) VALUES ('first')", "unique"},
			{"primary key", "INSERT INTO accounts (id, name) VALUES (1, 'x')", "unique"},
			{"not null", "INSERT INTO accounts (id) VALUES (9)", "not_null"},
			{"check", "INSERT INTO accounts (name, age) VALUES ('x', -1)", "check"},
			{"foreign key", "INSERT INTO accounts (name, owner) VALUES ('x', 99)", "foreign_key"},
			{"foreign key at commit", "INSERT INTO accounts (name, later) VALUES ('x', 99)", "foreign_key"},
			{"trigger", "INSERT INTO accounts (name) VALUES ('root')", "trigger"},
			{"type of the key", "INSERT INTO accounts (id, name) VALUES ('abc', 'x')", "value"},
		} {
			t.Run(tt.name, func(t *testing.T) {
				t.Parallel()
				store, db := hostStore(t, on)
				apply := func(ctx context.Context) error {
					_, err := bunstore.Tx(ctx).ExecContext(ctx, tt.statement)
					return err
				}
				err := store.InTx(t.Context(), apply)
				if !errors.Is(err, domain.CodeRejected) || !domain.DataFault(err) || domain.FailureOf(err).Params["constraint"] != tt.constraint {
					t.Errorf("InTx(%s) = %v, want %v with constraint %s", tt.statement, err, domain.CodeRejected, tt.constraint)
				}
				if tt.name != "foreign key at commit" {
					if err := store.InTx(t.Context(), func(ctx context.Context) error {
						if err := store.Savepoint(ctx, apply); !errors.Is(err, domain.CodeRejected) {
							t.Errorf("Savepoint(%s) = %v, want %v", tt.statement, err, domain.CodeRejected)
						}
						return nil
					}); err != nil {
						t.Errorf("InTx(refused savepoint) = %v, want no error", err)
					}
				}
				if got := number(t, db, "SELECT count(*) FROM accounts"); got != 1 {
					t.Errorf("there are %d accounts, want the 1 from before", got)
				}
			})
		}
	})
}

func TestFaultsOfTheFileAreUnavailable(t *testing.T) {
	t.Parallel()
	ref := domain.JobRef{Tenant: "acme", ID: "j"}

	t.Run("busy", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "batchport.db")
		holder, db := storeAt(t, path), openFile(t, path)
		waiter := storeOn(t, parts(db))
		run(t, db.Write, "PRAGMA busy_timeout = 1")
		waiter.SetBusyPatience(30 * time.Millisecond)
		if err := holder.InTx(t.Context(), func(context.Context) error {
			for call, err := range map[string]error{
				"ClearFailures": waiter.ClearFailures(t.Context(), ref),
				"InTx":          waiter.InTx(t.Context(), func(context.Context) error { return nil }),
			} {
				if !errors.Is(err, domain.CodeUnavailable) {
					t.Errorf("%s(file held too long) = %v, want %v", call, err, domain.CodeUnavailable)
				}
			}
			return nil
		}); err != nil {
			t.Errorf("InTx() = %v, want no error", err)
		}
	})

	t.Run("read only", func(t *testing.T) {
		t.Parallel()
		db := openFile(t, filepath.Join(t.TempDir(), "batchport.db"))
		storeOn(t, parts(db))
		store, err := bunstore.New(db.Read, bunstore.Config{})
		if err != nil {
			t.Fatal(err)
		}
		if err := store.ClearFailures(t.Context(), ref); !errors.Is(err, domain.CodeUnavailable) {
			t.Errorf("ClearFailures(read only) = %v, want %v", err, domain.CodeUnavailable)
		}
	})
}

// sqlState is an error as PostgreSQL's drivers make them.
type sqlState string

func (s sqlState) Error() string    { return "state " + string(s) }
func (s sqlState) SQLState() string { return string(s) }

func TestOtherErrorsAreClassified(t *testing.T) {
	t.Parallel()
	store := newStore(t)
	for _, tt := range []struct {
		err  error
		want domain.Code
	}{
		{sqlState("23505"), domain.CodeRejected},
		{fmt.Errorf("insert: %w", sqlState("22001")), domain.CodeRejected},
		{sqlState("40P01"), domain.CodeUnavailable},
		{sqlState("53100"), domain.CodeUnavailable},
		{sqlState("55P03"), domain.CodeUnavailable},
		{sqlState("57P01"), domain.CodeUnavailable},
		{sqlState("08006"), domain.CodeUnavailable},
		{sqlState("25006"), domain.CodeUnavailable},
		{sqlState("42601"), domain.CodeInternal},
		{sqlState(""), domain.CodeInternal},
		{driver.ErrBadConn, domain.CodeUnavailable},
		{&net.OpError{Op: "read", Err: errTest}, domain.CodeUnavailable},
		{&domain.Error{Code: domain.CodeTooLong, Err: sqlState("40001")}, domain.CodeTooLong},
		{domain.CodeClaimLost, domain.CodeClaimLost},
		{errTest, domain.CodeInternal},
	} {
		err := store.InTx(t.Context(), func(context.Context) error { return tt.err })
		if got := domain.CodeOf(err); got != tt.want || !errors.Is(err, tt.err) {
			t.Errorf("InTx(%v) = %v of code %s, want it of code %s", tt.err, err, got, tt.want)
		}
	}
	if err := store.InTx(t.Context(), func(context.Context) error {
		return fmt.Errorf("call: %w", context.DeadlineExceeded)
	}); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, domain.CodeUnavailable) {
		t.Errorf("InTx(context error) = %v, want it as it is", err)
	}
}

// A full disk refuses cleanly, breaks nothing, and is forgotten once there is room.
func TestDiskFullThenRoomAgain(t *testing.T) {
	t.Parallel()
	db := openFile(t, filepath.Join(t.TempDir(), "batchport.db"))
	store := storeOn(t, parts(db))
	pages := number(t, db.Write, "PRAGMA page_count")
	run(t, db.Write, fmt.Sprintf("PRAGMA max_page_count = %d", pages+60))

	refused := 0
	add := func(swallow bool) error {
		ref := domain.JobRef{Tenant: "acme", ID: domain.JobID(fmt.Sprint("j", refused, swallow))}
		large := domain.Failure{Code: domain.CodeInvalid, Field: strings.Repeat("x", 100_000)}
		return store.InTx(t.Context(), func(ctx context.Context) error {
			for i := range 5 {
				part := store.Savepoint(ctx, func(ctx context.Context) error {
					return store.AddFailures(ctx, ref, []domain.ItemFailure{{Index: i, Failure: large}})
				})
				if part != nil && !errors.Is(part, domain.CodeUnavailable) {
					t.Errorf("Savepoint(full disk) = %v, want %v", part, domain.CodeUnavailable)
				}
				if part != nil && !swallow {
					return part
				}
			}
			return nil
		})
	}
	for _, swallow := range []bool{false, true} {
		if err := add(swallow); !errors.Is(err, domain.CodeUnavailable) {
			t.Errorf("InTx(full disk, error swallowed: %t) = %v, want %v", swallow, err, domain.CodeUnavailable)
		}
		refused++
	}
	// A host's own statement, whose error it swallows.
	err := store.InTx(t.Context(), func(ctx context.Context) error {
		_, _ = bunstore.Tx(ctx).ExecContext(ctx, "CREATE TABLE big AS SELECT zeroblob(1000000) AS x")
		return nil
	})
	if err != nil && !errors.Is(err, domain.CodeUnavailable) {
		t.Errorf("InTx(full disk in the host's statement) = %v, want no error or %v", err, domain.CodeUnavailable)
	}
	wantIntact(t, db.Write)
	if got := number(t, db.Write, "SELECT count(*) FROM batchport_item_failures"); got != 0 {
		t.Errorf("refused transactions left %d rows", got)
	}
	run(t, db.Write, fmt.Sprintf("PRAGMA max_page_count = %d", pages+6000))
	if err := add(false); err != nil {
		t.Errorf("InTx(room again) = %v, want no error", err)
	}
	wantIntact(t, db.Write)
}

// wantIntact fails unless SQLite finds the file sound.
func wantIntact(t *testing.T, db *bun.DB) {
	t.Helper()
	var verdict string
	if err := db.QueryRowContext(t.Context(), "PRAGMA integrity_check").Scan(&verdict); err != nil || verdict != "ok" {
		t.Errorf("integrity_check = %q, %v; want ok", verdict, err)
	}
}

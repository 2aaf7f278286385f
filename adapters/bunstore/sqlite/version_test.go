package sqlite_test

import (
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/batchport/batchport/adapters/bunstore/sqlite"
)

func opened(t *testing.T, path string) *sqlite.DB {
	t.Helper()
	db, err := sqlite.Open(path)
	if err != nil {
		t.Fatalf("Open() = %v, want no error", err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func run(t *testing.T, db *sqlite.DB, statement string) {
	t.Helper()
	if _, err := db.Write.ExecContext(t.Context(), statement); err != nil {
		t.Fatalf("%s = %v, want no error", statement, err)
	}
}

func versionOf(t *testing.T, db *sqlite.DB) int64 {
	t.Helper()
	version, err := db.Version()
	if err != nil {
		t.Fatalf("Version() = %v, want no error", err)
	}
	return version
}

// Every commit gives another version, whoever makes it; reads, and what was
// rolled back, do not.
func TestVersionChangesWithEveryCommit(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "batchport.db")
	db, other := opened(t, path), opened(t, path)
	run(t, db, "CREATE TABLE kept (x)")
	seen := versionOf(t, db)
	changed := func(what string, want bool) {
		t.Helper()
		for i := range 3 { // the same however often it is asked for
			now := versionOf(t, db)
			if (now != seen) != (want && i == 0) || now < seen {
				t.Errorf("the version after %s is %d after %d, want another one: %v", what, now, seen, want && i == 0)
			}
			seen = now
		}
	}
	run(t, db, "INSERT INTO kept VALUES (1)")
	changed("a commit", true)
	run(t, other, "INSERT INTO kept VALUES (2)")
	changed("a commit of another process", true)
	value(t, db.Read, "SELECT count(*) FROM kept")
	changed("a read", false)
	tx, err := db.Write.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.ExecContext(t.Context(), "INSERT INTO kept VALUES (3)"); err != nil {
		t.Fatal(err)
	}
	changed("a statement that is not committed", false)
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	changed("a rollback", false)
	for range 3 {
		run(t, db, "UPDATE kept SET x = x + 1")
		changed("one more commit", true)
		run(t, db, "PRAGMA wal_checkpoint(TRUNCATE)")
		seen = versionOf(t, db) // which may change or not
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if version, err := db.Version(); err == nil {
		t.Errorf("Version() after Close() = %d, want an error", version)
	}
}

// While the version stays the same, so does what is read, however many write.
func TestVersionIsNeverBehindACommit(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "batchport.db")
	db, other := opened(t, path), opened(t, path)
	run(t, db, "PRAGMA synchronous = off") // or most of the time is spent in waiting for the disk
	run(t, other, "PRAGMA synchronous = off")
	run(t, db, "CREATE TABLE counter (n INTEGER)")
	run(t, db, "INSERT INTO counter VALUES (0)")
	var committed atomic.Int64 // never ahead of what is committed
	done := make(chan struct{})
	go func() {
		defer close(done)
		for n := range int64(1_000) {
			if _, err := []*sqlite.DB{db, other}[n%2].Write.ExecContext(t.Context(), "UPDATE counter SET n = n + 1"); err != nil {
				t.Errorf("UPDATE = %v, want no error", err)
				return
			}
			committed.Store(n + 1)
		}
	}()
	known, under, same := int64(0), int64(-1), 0
	for over := false; !over; {
		select {
		case <-done:
			over = true
		default:
		}
		least := committed.Load()
		version := versionOf(t, db)
		if version == under {
			if same++; known < least {
				t.Fatalf("the version is still %d of when %d was read, and %d was committed before", version, known, least)
			}
			continue
		}
		under = version
		if err := db.Read.QueryRowContext(t.Context(), "SELECT n FROM counter").Scan(&known); err != nil {
			t.Fatal(err)
		}
	}
	if known != 1_000 || same == 0 {
		t.Errorf("read %d at the end, and %d times nothing new; want 1000, and some", known, same)
	}
}

package postgres_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/batchport/batchport/adapters/bunstore/postgres"
	"github.com/batchport/batchport/adapters/bunstore/postgres/postgrestest"
)

func openAt(t *testing.T, url string) *bun.DB {
	t.Helper()
	db, err := postgres.Open(t.Context(), url, postgres.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func attend(t *testing.T, db *bun.DB, alone bool) (*postgres.Presence, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	return postgres.Attend(ctx, db, alone)
}

// Whoever must be alone is, and others are many.
func TestPresence(t *testing.T) {
	t.Parallel()
	url := postgrestest.URL(t)
	first, second := openAt(t, url), openAt(t, url)
	one, err := attend(t, first, false)
	if err != nil {
		t.Fatal(err)
	}
	two, err := attend(t, second, false)
	if err != nil {
		t.Fatalf("the second beside the first: %v, want no error", err)
	}
	if _, err := attend(t, second, true); !errors.Is(err, postgres.ErrOccupied) {
		t.Errorf("one that must be alone, beside two: %v, want %v", err, postgres.ErrOccupied)
	}
	if _, err := attend(t, openAt(t, postgrestest.URL(t)), true); err != nil {
		t.Errorf("one that must be alone, on another schema: %v, want no error", err)
	}
	for _, p := range []*postgres.Presence{one, two} {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
	three, err := attend(t, first, true)
	if err != nil {
		t.Fatalf("one that must be alone, after the others: %v, want no error", err)
	}
	if _, err := attend(t, second, false); !errors.Is(err, postgres.ErrOccupied) {
		t.Errorf("another beside one that must be alone: %v, want %v", err, postgres.ErrOccupied)
	}
	_ = three.Close()
}

// A connection that broke is made anew, and its process is told when another
// one came between.
func TestPresenceLost(t *testing.T) {
	t.Parallel()
	url := postgrestest.URL(t)
	first, second := openAt(t, url), openAt(t, url)
	mine, err := attend(t, first, true)
	if err != nil {
		t.Fatal(err)
	}
	terminate := `SELECT pg_terminate_backend(pid) FROM pg_locks WHERE ` + presenceLocks
	postgrestest.Exec(t, url, terminate)
	select {
	case <-mine.Lost():
		t.Fatal("the presence is lost though nobody came between")
	case <-time.After(7 * time.Second):
	}
	if _, err := attend(t, second, true); !errors.Is(err, postgres.ErrOccupied) {
		t.Errorf("another after the lock was taken anew: %v, want %v", err, postgres.ErrOccupied)
	}
	postgrestest.Exec(t, url, terminate)
	theirs, err := attend(t, second, true)
	if err != nil {
		t.Fatalf("another while the lock is gone: %v, want no error", err)
	}
	select {
	case <-mine.Lost():
	case <-time.After(10 * time.Second):
		t.Error("the presence is not lost though another came between")
	}
	_ = mine.Close()
	_ = theirs.Close()
}

// A network that forgets connections leaves the server with one that holds the
// lock. The process takes it for its own, and not for another process.
func TestPresenceOutlivesItsConnection(t *testing.T) {
	t.Parallel()
	url := postgrestest.URL(t)
	network, through := newProxy(t, url)
	mine, err := attend(t, openAt(t, through), true)
	if err != nil {
		t.Fatal(err)
	}
	direct := openAt(t, url)
	before := value(t, direct, presenceHolder)
	network.forget()
	for end := time.Now().Add(20 * time.Second); ; {
		select {
		case <-mine.Lost():
			t.Fatal("the presence is lost though nobody else came")
		case <-time.After(200 * time.Millisecond):
		}
		if holder := value(t, direct, presenceHolder); holder != before && holder != "" {
			break
		}
		if time.Now().After(end) {
			t.Fatal("after 20 s the forgotten connection holds the lock")
		}
	}
	if _, err := attend(t, direct, true); !errors.Is(err, postgres.ErrOccupied) {
		t.Errorf("another after the lock was taken anew: %v, want %v", err, postgres.ErrOccupied)
	}
	if err := mine.Close(); err != nil {
		t.Error(err)
	}
}

// presenceHolder says which process of the server is present alone.
const presenceHolder = `SELECT coalesce(string_agg(pid::text, ' '), '') FROM pg_locks WHERE ` + presenceLocks

const presenceLocks = `locktype = 'advisory' AND mode = 'ExclusiveLock' AND granted
	AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
	AND (classid::bigint << 32) + objid::bigint = hashtextextended(current_schema() || '.batchport.presence', 0)`

package bunstore_test

import (
	"path/filepath"
	"testing"

	"github.com/batchport/batchport/adapters/bunstore"
	"github.com/batchport/batchport/adapters/bunstore/sqlite"
	"github.com/batchport/batchport/ports"
	"github.com/batchport/batchport/ports/portstest"
)

func TestStore(t *testing.T) {
	t.Parallel()
	portstest.Store(t, func(t *testing.T) ports.Store { return newStore(t) })
}

func TestAPIKeys(t *testing.T) {
	t.Parallel()
	portstest.APIKeys(t, func(t *testing.T) interface {
		ports.APIKeys
		ports.Authority
	} {
		return newStore(t)
	})
}

// newStore returns an empty store in a file of its own.
func newStore(tb testing.TB) *bunstore.Store {
	tb.Helper()
	return storeAt(tb, filepath.Join(tb.TempDir(), "batchport.db"))
}

// storeAt returns a migrated store on the file, through connections of its own.
func storeAt(tb testing.TB, path string) *bunstore.Store {
	tb.Helper()
	return storeOn(tb, openFile(tb, path))
}

// openFile opens the file until the test ends.
func openFile(tb testing.TB, path string) *sqlite.DB {
	tb.Helper()
	db, err := sqlite.Open(path)
	if err != nil {
		tb.Fatalf("Open(%q) = %v, want no error", path, err)
	}
	tb.Cleanup(func() {
		if err := db.Close(); err != nil {
			tb.Errorf("Close() = %v, want no error", err)
		}
	})
	return db
}

// storeOn returns a migrated store on the open file.
func storeOn(tb testing.TB, db *sqlite.DB) *bunstore.Store {
	tb.Helper()
	store, err := bunstore.New(db.Write, bunstore.Config{ReadDB: db.Read})
	if err != nil {
		tb.Fatalf("New() = %v, want no error", err)
	}
	if err := store.Migrate(tb.Context()); err != nil {
		tb.Fatalf("Migrate() = %v, want no error", err)
	}
	return store
}

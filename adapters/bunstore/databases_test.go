package bunstore_test

import (
	"path/filepath"
	"testing"

	"github.com/uptrace/bun"

	"github.com/batchport/batchport/adapters/bunstore"
	"github.com/batchport/batchport/adapters/bunstore/postgres"
	"github.com/batchport/batchport/adapters/bunstore/postgres/postgrestest"
	"github.com/batchport/batchport/adapters/bunstore/sqlite"
)

// engine is a kind of database that the store runs on.
type engine struct {
	name  string
	place func(tb testing.TB) string                 // makes an empty database that the test has to itself
	open  func(tb testing.TB, place string) database // opens it, as a process of its own would
}

// database is an open database. On PostgreSQL both parts are one.
type database struct{ Write, Read *bun.DB }

// engines are the databases that every suite runs on.
var engines = []engine{onSQLite, onPostgres}

var (
	onSQLite = engine{
		name:  "sqlite",
		place: func(tb testing.TB) string { return filepath.Join(tb.TempDir(), "batchport.db") },
		open: func(tb testing.TB, place string) database {
			db := openFile(tb, place)
			return database{Write: db.Write, Read: db.Read}
		},
	}
	onPostgres = engine{name: "postgres", place: postgrestest.URL, open: openURL}
)

// onEach runs a test on every engine.
func onEach(t *testing.T, run func(t *testing.T, on engine)) {
	t.Parallel()
	for _, on := range engines {
		t.Run(on.name, func(t *testing.T) {
			t.Parallel()
			run(t, on)
		})
	}
}

// store returns a migrated store in a database of its own.
func (e engine) store(tb testing.TB) *bunstore.Store {
	tb.Helper()
	store, _ := e.storeAndDB(tb)
	return store
}

func (e engine) storeAndDB(tb testing.TB) (*bunstore.Store, database) {
	tb.Helper()
	db := e.open(tb, e.place(tb))
	return storeOn(tb, db), db
}

// stores returns migrated stores on one database, as n processes would have,
// and the database of the first.
func (e engine) stores(tb testing.TB, n int) ([]*bunstore.Store, database) {
	tb.Helper()
	place := e.place(tb)
	all := make([]*bunstore.Store, n)
	var first database
	for i := range all {
		db := e.open(tb, place)
		if i == 0 {
			first = db
		}
		all[i] = storeOn(tb, db)
	}
	return all, first
}

// storeOn returns a migrated store on the open database.
func storeOn(tb testing.TB, db database) *bunstore.Store {
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

// openURL opens the PostgreSQL database until the test ends.
func openURL(tb testing.TB, url string) database {
	tb.Helper()
	db, err := postgres.Open(tb.Context(), url, postgres.Config{})
	if err != nil {
		tb.Fatalf("Open() = %v, want no error", err)
	}
	tb.Cleanup(func() {
		if err := db.Close(); err != nil {
			tb.Errorf("Close() = %v, want no error", err)
		}
	})
	return database{Write: db, Read: db}
}

// newStore returns an empty store in an SQLite file of its own.
func newStore(tb testing.TB) *bunstore.Store {
	tb.Helper()
	return storeAt(tb, filepath.Join(tb.TempDir(), "batchport.db"))
}

// storeAt returns a migrated store on the SQLite file, through connections of
// its own.
func storeAt(tb testing.TB, path string) *bunstore.Store {
	tb.Helper()
	return storeOn(tb, parts(openFile(tb, path)))
}

// parts returns the open file as one of the databases.
func parts(db *sqlite.DB) database { return database{Write: db.Write, Read: db.Read} }

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

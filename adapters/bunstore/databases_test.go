package bunstore_test

import (
	"context"
	"path/filepath"
	"strings"
	"sync"
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
	spare *spares                                    // databases that tests take turns on; nil for one each
}

// database is an open database. On PostgreSQL both parts are one.
type database struct {
	Write, Read *bun.DB
	Version     func() (int64, error) // nil on PostgreSQL
}

// engines are the databases that every suite runs on.
var engines = []engine{onSQLite, onPostgres}

var (
	onSQLite = engine{
		name:  "sqlite",
		place: func(tb testing.TB) string { return filepath.Join(tb.TempDir(), "batchport.db") },
		open: func(tb testing.TB, place string) database {
			db := openFile(tb, place)
			return database{Write: db.Write, Read: db.Read, Version: db.Version}
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
			if on.name == onPostgres.name {
				on.spare = &spares{lasting: t}
			}
			run(t, on)
		})
	}
}

// measureEach runs a benchmark on every engine.
func measureEach(b *testing.B, run func(b *testing.B, on engine)) {
	for _, on := range engines {
		b.Run(on.name, func(b *testing.B) { run(b, on) })
	}
}

// store returns an empty, migrated store in a database of its own, in which
// the test makes no tables.
func (e engine) store(tb testing.TB) *bunstore.Store {
	tb.Helper()
	if e.spare != nil {
		return storeOn(tb, e.spare.take(tb, e))
	}
	store, _ := e.storeAndDB(tb)
	return store
}

func (e engine) storeAndDB(tb testing.TB) (*bunstore.Store, database) {
	tb.Helper()
	db := e.open(tb, e.place(tb))
	return storeOn(tb, db), db
}

// spares are open databases for the parts of one test, which take turns on
// them: to make the tables and to drop them takes longer than most parts do.
type spares struct {
	lasting testing.TB // the test whose parts they are
	mu      sync.Mutex
	free    []database
}

// take returns an empty database until the part of the test ends.
func (s *spares) take(tb testing.TB, e engine) (db database) {
	tb.Helper()
	s.mu.Lock()
	if n := len(s.free); n > 0 {
		db, s.free = s.free[n-1], s.free[:n-1]
	}
	s.mu.Unlock()
	if db.Write == nil {
		whole := lasting{TB: tb, until: s.lasting}
		db = e.open(whole, e.place(whole))
	}
	tb.Cleanup(func() {
		if err := empty(context.Background(), db.Write); err != nil {
			tb.Errorf("empty the database = %v, want no error", err)
			return
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.free = append(s.free, db)
	})
	return db
}

// empty removes all rows but those of the migrations.
func empty(ctx context.Context, db *bun.DB) error {
	var statements []string
	err := db.NewRaw(`SELECT format('DELETE FROM %I', tablename) FROM pg_tables
		WHERE schemaname = current_schema() AND tablename <> 'batchport_migrations'`).Scan(ctx, &statements)
	if err == nil {
		_, err = db.ExecContext(ctx, strings.Join(statements, ";"))
	}
	return err
}

// lasting is a part of a test whose clean-up waits for the whole test's end.
type lasting struct {
	testing.TB
	until testing.TB
}

func (l lasting) Cleanup(f func())         { l.until.Cleanup(f) }
func (l lasting) Context() context.Context { return l.until.Context() }

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

// crowd returns two migrated stores on one database, as two processes would
// have that never pause, and the database. On SQLite it is one store twice:
// there a process that does not pause may keep another out for longer than that
// waits.
func (e engine) crowd(tb testing.TB) ([]*bunstore.Store, database) {
	tb.Helper()
	if e.name == onSQLite.name {
		store, db := e.storeAndDB(tb)
		return []*bunstore.Store{store, store}, db
	}
	return e.stores(tb, 2)
}

// storeOn returns a migrated store on the open database.
func storeOn(tb testing.TB, db database) *bunstore.Store {
	tb.Helper()
	store, err := bunstore.New(db.Write, bunstore.Config{ReadDB: db.Read, Version: db.Version})
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

package bunstore

import (
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"testing"

	"github.com/batchport/batchport/adapters/bunstore/sqlite"
)

// Every dialect has the same steps: a database moves on by the same names.
func TestMigrationsHaveTheSameNames(t *testing.T) {
	t.Parallel()
	folders, err := migrationFiles.ReadDir("migrations")
	if err != nil || len(folders) < 2 {
		t.Fatalf("ReadDir(migrations) = %v, %v; want a folder for each dialect", folders, err)
	}
	names := func(folder string) (all []string) {
		steps, err := migrationsIn(migrationFiles, path.Join("migrations", folder))
		if err != nil {
			t.Fatal(err)
		}
		for _, step := range steps {
			all = append(all, step.name)
		}
		return all
	}
	want := names("sqlite")
	for _, folder := range folders {
		if got := names(folder.Name()); !slices.Equal(got, want) {
			t.Errorf("the migrations of %s are %q, want those of sqlite, %q", folder.Name(), got, want)
		}
	}
}

// Processes of a new version that start at once on an older schema all succeed.
func TestMigrateOlderSchemaAtOnce(t *testing.T) {
	t.Parallel()
	steps := []migration{
		{name: "0001_a", sql: "CREATE TABLE {p}a (x INTEGER)"},
		{name: "0002_b", sql: "CREATE TABLE {p}b (x INTEGER)"},
	}
	for round := range 5 {
		file := filepath.Join(t.TempDir(), fmt.Sprint(round, ".db"))
		const processes = 8
		var stores []*Store
		for range processes {
			db, err := sqlite.Open(file)
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			store, err := New(db.Write, Config{ReadDB: db.Read})
			if err != nil {
				t.Fatal(err)
			}
			stores = append(stores, store)
		}
		if err := stores[0].migrate(t.Context(), steps[:1]); err != nil {
			t.Fatalf("migrate(first step) = %v, want no error", err)
		}
		start, done := make(chan struct{}), make(chan error)
		for _, store := range stores {
			go func() {
				<-start
				done <- store.migrate(t.Context(), steps)
			}()
		}
		close(start)
		for range stores {
			if err := <-done; err != nil {
				t.Errorf("migrate(second step), %d at once = %v, want no error", processes, err)
			}
		}
	}
}

// A step that fails takes the whole migration with it, and the next try starts
// from where it began.
func TestMigrateIsAllOrNothing(t *testing.T) {
	t.Parallel()
	db, err := sqlite.Open(filepath.Join(t.TempDir(), "batchport.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	store, err := New(db.Write, Config{TablePrefix: "t_", ReadDB: db.Read})
	if err != nil {
		t.Fatal(err)
	}
	good := migration{name: "0001_good", sql: "CREATE TABLE {p}a (x INTEGER); CREATE TABLE {p}b (x INTEGER);"}
	bad := migration{name: "0002_bad", sql: "CREATE TABLE {p}c (x INTEGER); CREATE TABLE {p}a (x INTEGER);"}
	if err := store.migrate(t.Context(), []migration{good, bad}); err == nil {
		t.Fatal("migrate(bad step) = no error, want one")
	}
	tables := func() (n int) {
		if err := db.Read.QueryRowContext(t.Context(), "SELECT count(*) FROM sqlite_schema WHERE type = 'table'").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	if got := tables(); got != 0 {
		t.Errorf("after a failed migration there are %d tables, want none", got)
	}
	bad.sql = "CREATE TABLE {p}c (x INTEGER)"
	for range 2 {
		if err := store.migrate(t.Context(), []migration{good, bad}); err != nil {
			t.Errorf("migrate(mended) = %v, want no error", err)
		}
	}
	if got := tables(); got != 4 {
		t.Errorf("there are %d tables, want 4: a, b, c and the notes", got)
	}
}

// Versions that are one step apart work beside each other, when the step says
// so; those that are further apart do not.
func TestMigrateFits(t *testing.T) {
	t.Parallel()
	db, err := sqlite.Open(filepath.Join(t.TempDir(), "batchport.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	store, err := New(db.Write, Config{ReadDB: db.Read})
	if err != nil {
		t.Fatal(err)
	}
	steps := []migration{
		{name: "0001_a", sql: "CREATE TABLE {p}a (x INTEGER)"},
		{name: "0002_b.fits_0001", sql: "ALTER TABLE {p}a ADD COLUMN y INTEGER"},
		{name: "0003_c.fits_0002", sql: "ALTER TABLE {p}a DROP COLUMN x"},
	}
	for _, test := range []struct {
		newest, mine int
		refused      bool
	}{{2, 1, false}, {2, 2, false}, {3, 3, false}, {3, 2, false}, {3, 1, true}} {
		if err := store.migrate(t.Context(), steps[:test.newest]); err != nil {
			t.Fatal(err)
		}
		if err := store.migrate(t.Context(), steps[:test.mine]); (err != nil) != test.refused {
			t.Errorf("a version with %d steps, on a database with %d: %v; want it refused: %t", test.mine, test.newest, err, test.refused)
		}
	}
}

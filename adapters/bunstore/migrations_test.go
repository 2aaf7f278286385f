package bunstore_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/batchport/batchport/adapters/bunstore"
	"github.com/batchport/batchport/adapters/bunstore/sqlite"
	"github.com/batchport/batchport/domain"
)

// Processes that start at once on a file that is not there all succeed.
func TestMigrateAtOnce(t *testing.T) {
	t.Parallel()
	for round := range 5 {
		path := filepath.Join(t.TempDir(), fmt.Sprint(round, ".db"))
		const processes = 8
		done := make(chan error)
		for range processes {
			go func() { done <- openAndMigrate(t, path) }()
		}
		for range processes {
			if err := <-done; err != nil {
				t.Errorf("Open and Migrate, %d at once = %v, want no error", processes, err)
			}
		}
		db := openFile(t, path)
		if applied, names := number(t, db.Read, "SELECT count(*) FROM batchport_migrations"),
			number(t, db.Read, "SELECT count(DISTINCT name) FROM batchport_migrations"); applied == 0 || applied != names {
			t.Errorf("%d migrations are noted, of %d names; want each once", applied, names)
		}
		addPlanned(t, storeOn(t, parts(db)), 1, 1) // migrates once more, which does nothing
	}
}

func openAndMigrate(t *testing.T, path string) error {
	db, err := sqlite.Open(path)
	if err != nil {
		return err
	}
	store, err := bunstore.New(db.Write, bunstore.Config{ReadDB: db.Read})
	if err != nil {
		return errors.Join(err, db.Close())
	}
	return errors.Join(store.Migrate(t.Context()), db.Close())
}

// An older binary leaves a newer schema alone.
func TestMigrateRefusesANewerSchema(t *testing.T) {
	t.Parallel()
	db := openFile(t, filepath.Join(t.TempDir(), "batchport.db"))
	store := storeOn(t, parts(db))
	run(t, db.Write, "INSERT INTO batchport_migrations (name, applied_at) VALUES ('9999_future', 0)")
	err := store.Migrate(t.Context())
	if !errors.Is(err, domain.CodeConflict) || !strings.Contains(err.Error(), "9999_future") {
		t.Errorf("Migrate(newer schema) = %v, want %v that names the migration", err, domain.CodeConflict)
	}
}

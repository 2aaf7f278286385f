package bunstore_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/batchport/batchport/adapters/bunstore"
	"github.com/batchport/batchport/domain"
)

// Processes that start at once on an empty database all succeed.
func TestMigrateAtOnce(t *testing.T) {
	onEach(t, func(t *testing.T, on engine) {
		for range 5 {
			place := on.place(t)
			const processes = 8
			done := make(chan error)
			for range processes {
				go func() {
					err := errors.New("not opened")
					defer func() { done <- err }()
					err = openAndMigrate(t, on, place)
				}()
			}
			for range processes {
				if err := <-done; err != nil {
					t.Errorf("Open and Migrate, %d at once = %v, want no error", processes, err)
				}
			}
			db := on.open(t, place)
			if applied, names := number(t, db.Read, "SELECT count(*) FROM batchport_migrations"),
				number(t, db.Read, "SELECT count(DISTINCT name) FROM batchport_migrations"); applied == 0 || applied != names {
				t.Errorf("%d migrations are noted, of %d names; want each once", applied, names)
			}
			addPlanned(t, storeOn(t, db), 1, 1) // migrates once more, which does nothing
		}
	})
}

func openAndMigrate(t *testing.T, on engine, place string) error {
	db := on.open(t, place)
	store, err := bunstore.New(db.Write, bunstore.Config{ReadDB: db.Read})
	if err != nil {
		return err
	}
	return store.Migrate(t.Context())
}

// An older binary leaves a newer schema alone.
func TestMigrateRefusesANewerSchema(t *testing.T) {
	onEach(t, func(t *testing.T, on engine) {
		store, db := on.storeAndDB(t)
		run(t, db.Write, "INSERT INTO batchport_migrations (name, applied_at) VALUES ('9999_future', 0)")
		err := store.Migrate(t.Context())
		if !errors.Is(err, domain.CodeConflict) || !strings.Contains(err.Error(), "9999_future") {
			t.Errorf("Migrate(newer schema) = %v, want %v that names the migration", err, domain.CodeConflict)
		}
	})
}

package bunstore_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/batchport/batchport/adapters/bunstore"
	"github.com/batchport/batchport/adapters/bunstore/postgres"
	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/estate"
)

// A statement that fails spoils a transaction of PostgreSQL: whoever goes on
// regardless is told so, and that neither the data nor the store is at fault.
func TestSwallowedErrorOfAStatement(t *testing.T) {
	t.Parallel()
	store, db := hostStore(t, onPostgres)
	swallow := func(ctx context.Context) error {
		if _, err := bunstore.Tx(ctx).ExecContext(ctx, "INSERT INTO accounts (name) VALUES ('first')"); err == nil {
			t.Error("INSERT of a name that is taken = no error, want one")
		}
		return nil
	}
	if err := store.InTx(t.Context(), swallow); !errors.Is(err, domain.CodeInternal) {
		t.Errorf("InTx(error swallowed) = %v, want %v", err, domain.CodeInternal)
	}
	if err := store.InTx(t.Context(), func(ctx context.Context) error {
		if err := store.Savepoint(ctx, swallow); !errors.Is(err, domain.CodeInternal) {
			t.Errorf("Savepoint(error swallowed) = %v, want %v", err, domain.CodeInternal)
		}
		_, err := bunstore.Tx(ctx).ExecContext(ctx, "INSERT INTO accounts (name) VALUES ('second')")
		return err
	}); err != nil {
		t.Errorf("InTx(savepoint spoilt and undone) = %v, want no error", err)
	}
	if got := number(t, db, "SELECT count(*) FROM accounts"); got != 2 {
		t.Errorf("there are %d accounts, want 2", got)
	}
}

// A process that stops in the middle of a transaction, or waits for one that
// does, is waited for no longer than its lease lasts.
func TestTimeoutsOfConnections(t *testing.T) {
	t.Parallel()
	const lease = time.Second
	place := onPostgres.place(t)
	db, err := postgres.Open(t.Context(), place, postgres.Config{Lease: lease})
	if err != nil {
		t.Fatalf("Open() = %v, want no error", err)
	}
	defer db.Close()
	store, patient := storeOn(t, database{Write: db, Read: db}), storeOn(t, onPostgres.open(t, place))
	ref := addPlanned(t, store, 1, 1).Ref()
	lock := func(store *bunstore.Store, then func(ctx context.Context) error) error {
		return store.InTx(t.Context(), func(ctx context.Context) error {
			if _, err := store.LockJob(ctx, ref); err != nil {
				return err
			}
			return then(ctx)
		})
	}
	nothing := func(context.Context) error { return nil }

	if err := lock(patient, func(context.Context) error {
		if err := lock(store, nothing); !errors.Is(err, domain.CodeUnavailable) {
			t.Errorf("LockJob(locked by another) = %v, want %v", err, domain.CodeUnavailable)
		}
		return nil
	}); err != nil {
		t.Errorf("InTx() = %v, want no error", err)
	}
	if err := lock(store, func(ctx context.Context) error {
		_, err := bunstore.Tx(ctx).ExecContext(ctx, "SELECT pg_sleep(60)")
		return err
	}); !errors.Is(err, domain.CodeUnavailable) {
		t.Errorf("InTx(statement that takes too long) = %v, want %v", err, domain.CodeUnavailable)
	}
	if err := lock(store, func(ctx context.Context) error {
		begin := time.Now()
		if err := lock(patient, nothing); err != nil {
			t.Errorf("LockJob(locked by one that stands still) = %v, want no error", err)
		}
		if waited := time.Since(begin); waited > 10*lease {
			t.Errorf("LockJob(locked by one that stands still) waited %v, want about %v", waited, lease)
		}
		return store.ClearFailures(ctx, ref)
	}); !errors.Is(err, domain.CodeUnavailable) {
		t.Errorf("InTx(stands still too long) = %v, want %v", err, domain.CodeUnavailable)
	}
}

// The locale of a database has no say in what a search finds: for English the
// Kelvin sign is a capital k.
func TestSearchIgnoresTheLocale(t *testing.T) {
	onEach(t, func(t *testing.T, on engine) {
		store := on.store(t)
		names := []string{
			"KELVIN", "kelvin", "\u212a sign", "\u017f long", "S short", "\u0130stanbul", "\u0131stanbul", "istanbul", "ÄPFEL", "äpfel", "A\u0308PFEL",
			"100%_", `back\slash`, "物件",
		}
		estates := make([]estate.Estate, len(names))
		for i, name := range names {
			estates[i] = estate.Estate{ID: int64(i + 1), Name: name, Status: estate.Vacant}
		}
		if _, err := store.UpsertEstates(t.Context(), "a", estates); err != nil {
			t.Fatal(err)
		}
		for _, keyword := range []string{
			"k", "K", "\u212a", "s", "S", "\u017f", "i", "I", "\u0130", "\u0131", "Ä", "ä", "A\u0308", "apfel", "PFEL", "%", "_", `\`, `K\S`, "件", "0%",
		} {
			filter := estate.Filter{Keywords: []string{keyword}}
			var want, got []int64
			for _, e := range estates {
				if filter.Matches(e) {
					want = append(want, e.ID)
				}
			}
			for id, err := range store.SelectEstates(t.Context(), "a", filter) {
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, id)
			}
			if !slices.Equal(got, want) {
				t.Errorf("SelectEstates(%q) = %v, want %v", keyword, got, want)
			}
		}
	})
}

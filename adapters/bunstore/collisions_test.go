package bunstore_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/batchport/batchport/adapters/bunstore"
	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

// collide makes the database roll back as it does in favour of another
// transaction.
func collide(ctx context.Context, db bun.IDB, state string) error {
	_, err := db.ExecContext(ctx, "DO $$ BEGIN RAISE EXCEPTION 'collided' USING ERRCODE = '"+state+"'; END $$")
	return err
}

// Whoever the database rolls back in favour of another runs again from the
// start, wherever it was; nothing is there twice.
func TestCollisionsRunAgain(t *testing.T) {
	t.Parallel()
	const collisions = 3
	store, db := onPostgres.storeAndDB(t)
	run(t, db.Write, "CREATE TABLE notes (id INTEGER PRIMARY KEY, at_commit TEXT NOT NULL DEFAULT '')")
	run(t, db.Write, `CREATE FUNCTION collide() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN RAISE EXCEPTION 'collided' USING ERRCODE = NEW.at_commit; END $$`)
	run(t, db.Write, `CREATE CONSTRAINT TRIGGER collide AFTER INSERT ON notes DEFERRABLE INITIALLY DEFERRED
		FOR EACH ROW WHEN (NEW.at_commit <> '') EXECUTE FUNCTION collide()`)
	id := 0
	for _, state := range []string{"40001", "40P01"} {
		for name, tt := range map[string]func(ctx context.Context) error{
			"in a statement": func(ctx context.Context) error { return collide(ctx, bunstore.Tx(ctx), state) },
			"in a savepoint": func(ctx context.Context) error {
				return store.Savepoint(ctx, func(ctx context.Context) error { return collide(ctx, bunstore.Tx(ctx), state) })
			},
			"at the commit": func(ctx context.Context) error {
				_, err := bunstore.Tx(ctx).ExecContext(ctx, "INSERT INTO notes VALUES (?, ?)", -id, state)
				return err
			},
		} {
			id++
			tries := 0
			err := store.InTx(t.Context(), func(ctx context.Context) error {
				if _, err := bunstore.Tx(ctx).ExecContext(ctx, "INSERT INTO notes VALUES (?)", id); err != nil {
					return err
				}
				if tries++; tries <= collisions {
					return tt(ctx)
				}
				return nil
			})
			if err != nil || tries != collisions+1 {
				t.Errorf("InTx(%s %s) = %v after %d tries, want no error after %d", state, name, err, tries, collisions+1)
			}
		}
	}
	if n := number(t, db.Write, "SELECT count(*) FROM notes WHERE id > 0"); n != id {
		t.Errorf("there are %d notes, want %d", n, id)
	}
	if n := number(t, db.Write, "SELECT count(*) FROM notes"); n != id {
		t.Errorf("there are %d notes, want %d: what collided is undone", n, id)
	}
}

// It does so a few times; then the store is at fault, not the data. An ended
// context ends it sooner.
func TestCollisionsWithoutEnd(t *testing.T) {
	t.Parallel()
	store := onPostgres.store(t)
	tries := 0
	always := func(ctx context.Context) error {
		tries++
		return collide(ctx, bunstore.Tx(ctx), "40001")
	}
	if err := store.InTx(t.Context(), always); !errors.Is(err, domain.CodeUnavailable) || tries != 8 {
		t.Errorf("InTx(collides always) = %v after %d tries, want %v after 8", err, tries, domain.CodeUnavailable)
	}
	ctx, cancel := context.WithCancel(t.Context())
	err := store.InTx(ctx, func(ctx context.Context) error {
		err := always(ctx)
		cancel()
		return err
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("InTx(collides, and ends) = %v, want %v", err, context.Canceled)
	}
}

// Eight writers that store the same rules in opposite orders do not run into
// each other, since a call stores them in the order of their codes. Two that do
// so in two calls of a transaction do, and nobody hears of it.
func TestRulesInOppositeOrders(t *testing.T) {
	onEach(t, func(t *testing.T, on engine) {
		const writers, rounds, n = 8, 5, 600
		stores, _ := on.crowd(t)
		var created atomic.Int64
		upsert := func(ctx context.Context, w int, parts ...[]ports.PlacedRule) {
			store, fresh := stores[w%2], 0
			if err := store.InTx(ctx, func(ctx context.Context) error {
				fresh = 0
				for _, rules := range parts {
					outs, err := store.UpsertBudgetRules(ctx, "a", ports.RuleBatch{ID: fmt.Sprint(w), At: testNow}, rules)
					if err != nil {
						return err
					}
					fresh += domain.ReportOf(outs).Created
				}
				return nil
			}); err != nil {
				t.Errorf("InTx(UpsertBudgetRules of %d parts) = %v, want no error", len(parts), err)
			}
			created.Add(int64(fresh))
		}
		atOnce(writers, func(w int) {
			rules := budgetRules(n)
			if w%2 == 1 {
				slices.Reverse(rules)
			}
			for range rounds {
				upsert(t.Context(), w, rules)
			}
		})
		atOnce(2, func(w int) {
			parts := slices.Collect(slices.Chunk(budgetRules(2*n), n))
			if w == 1 {
				slices.Reverse(parts)
			}
			for range rounds {
				upsert(t.Context(), w, parts...)
			}
		})
		if got := created.Load(); got != 2*n {
			t.Errorf("%d rules were created, want each of %d once", got, 2*n)
		}
	})
}

// Of 400 uses at once, by 64 callers, exactly as many pass as
// are allowed, for each tenant.
func TestSpendAtOnce(t *testing.T) {
	onEach(t, func(t *testing.T, on engine) {
		const callers, uses, limit = 64, 400, 50
		stores, _ := on.crowd(t)
		windows := []domain.Window{{Limit: limit, Length: time.Hour}, {Limit: 150, Length: 24 * time.Hour}}
		var next atomic.Int64
		passed := map[domain.TenantID]*atomic.Int64{"a": {}, "b": {}}
		atOnce(callers, func(c int) {
			store := stores[c%2]
			for {
				n := next.Add(1)
				if n > 2*uses {
					return
				}
				tenant := domain.TenantID("a")
				if n%2 == 0 {
					tenant = "b"
				}
				var use domain.QuotaUse
				if err := store.InTx(t.Context(), func(ctx context.Context) (err error) {
					use, err = store.Spend(ctx, tenant, "q", windows)
					return err
				}); err != nil {
					t.Errorf("Spend() = %v, want no error", err)
				}
				if use.Spent {
					passed[tenant].Add(1)
				}
			}
		})
		for tenant, n := range passed {
			if n.Load() != limit {
				t.Errorf("%d of %d uses of tenant %s passed, want %d", n.Load(), uses, tenant, limit)
			}
		}
	})
}

// Whatever became of a savepoint, it is gone: what is left open costs the
// database memory for as long as the transaction lasts.
func TestSavepointsAreReleased(t *testing.T) {
	onEach(t, func(t *testing.T, on engine) {
		store, db := on.storeAndDB(t)
		estatesForBenchmark(t, store, 3)
		refuse(t, on, db, "INSERT", "batchport_budget_rules", "NEW.budget_code = 'refused'")
		rules := budgetRules(1_001)
		bad := budgetRules(1_001)
		bad[1_000].Rule.BudgetCode = "refused"
		lines := linesForBenchmark(3)
		upsertRules := func(ctx context.Context, rules []ports.PlacedRule) error {
			_, err := store.UpsertBudgetRules(ctx, "a", ports.RuleBatch{ID: "b", At: testNow}, rules)
			return err
		}
		for _, savepoint := range []string{"batchport_part", "batchport_whole", "batchport_first", "batchport_lines"} {
			err := store.InTx(t.Context(), func(ctx context.Context) error {
				_ = store.Savepoint(ctx, func(ctx context.Context) error { return upsertRules(ctx, bad) })
				_ = upsertRules(ctx, bad)
				if err := store.Savepoint(ctx, func(ctx context.Context) error { return upsertRules(ctx, rules) }); err != nil {
					return err
				}
				for range 2 {
					if _, err := store.UpsertStatementLines(ctx, "tenant-a", lines); err != nil {
						return err
					}
				}
				if _, err := bunstore.Tx(ctx).ExecContext(ctx, "RELEASE SAVEPOINT "+savepoint); err == nil {
					t.Errorf("the savepoint %s is open, want it released", savepoint)
				}
				return domain.CodeConflict
			})
			if !errors.Is(err, domain.CodeConflict) {
				t.Errorf("InTx() = %v, want its function's error", err)
			}
		}
	})
}

package bunstore_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/batchport/batchport/adapters/bunstore"
	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/budget"
	"github.com/batchport/batchport/ports"
	"github.com/batchport/batchport/ports/portstest"
)

func TestBudgetRules(t *testing.T) {
	onEach(t, func(t *testing.T, on engine) {
		portstest.BudgetRules(t, func(t *testing.T) portstest.RuleStore { return on.store(t) })
	})
}

func TestSyncAnswers(t *testing.T) {
	onEach(t, func(t *testing.T, on engine) {
		portstest.SyncAnswers(t, func(t *testing.T) portstest.AnswerStore { return on.store(t) })
	})
}

func TestQuotas(t *testing.T) {
	onEach(t, func(t *testing.T, on engine) {
		portstest.Quotas(t, func(t *testing.T) (portstest.QuotaStore, func(time.Time)) {
			store := on.store(t)
			return store, func(now time.Time) { store.SetClock(fmt.Sprint(now.UnixMicro())) }
		})
	})
}

// The clock of the database itself, which nothing sets, slides as well.
func TestQuotasByTheDatabasesClock(t *testing.T) {
	onEach(t, func(t *testing.T, on engine) {
		store := on.store(t)
		window := []domain.Window{{Limit: 2, Length: 30 * time.Millisecond}}
		passed := 0
		eventually(t, "a window that slides", func() bool {
			var use domain.QuotaUse
			if err := store.InTx(t.Context(), func(ctx context.Context) (err error) {
				use, err = store.Spend(ctx, "a", "q", window)
				return err
			}); err != nil {
				t.Fatalf("Spend() = %v, want no error", err)
			}
			if use.Spent {
				passed++
			}
			return passed > 4
		})
	})
}

// budgetRules returns n rules at the positions from 0.
func budgetRules(n int) []ports.PlacedRule {
	column, _ := budget.ParseColumnRef("expense_code")
	rules := make([]ports.PlacedRule, n)
	for i := range rules {
		rules[i] = ports.PlacedRule{Position: i, Rule: budget.Rule{
			Code: fmt.Sprintf("R%05d", i), BudgetCode: "B",
			Condition: budget.Condition{{Column: column, Values: []budget.Value{{Kind: budget.String, Text: "x"}}}},
		}}
	}
	return rules
}

// A rule that the database refuses, wherever it is in the call, says that the
// data is at fault, and nothing of the call is stored: neither in a transaction
// of its own nor in one that goes on.
func TestRefusedBudgetRule(t *testing.T) {
	onEach(t, func(t *testing.T, on engine) {
		store, db := on.storeAndDB(t)
		for _, event := range []string{"INSERT", "UPDATE"} {
			refuse(t, on, db, event, "batchport_budget_rules", "NEW.budget_code = 'refused'")
		}
		const n = 1_200
		stored := budgetRules(2 * n)
		for i := range stored[:n] { // every second one is there
			stored[i].Rule.Code = fmt.Sprintf("R%05d", 2*i)
		}
		batch := ports.RuleBatch{ID: "before", At: testNow}
		if _, err := store.UpsertBudgetRules(t.Context(), "a", batch, stored[:n]); err != nil {
			t.Fatalf("UpsertBudgetRules() = %v, want no error", err)
		}
		before := fingerprint(t, store)
		for name, rules := range map[string][]ports.PlacedRule{"new": budgetRules(3 * n)[2*n:], "there": stored[:n], "mixed": budgetRules(n)} {
			for _, at := range []int{0, 1, n / 2, n - 1} {
				rules[at].Rule.BudgetCode = "refused"
				upsert := func(ctx context.Context) error {
					outs, err := store.UpsertBudgetRules(ctx, "a", ports.RuleBatch{ID: "after", At: testNow}, rules)
					if !errors.Is(err, domain.CodeRejected) || !domain.DataFault(err) || outs != nil {
						t.Errorf("UpsertBudgetRules(%s, refused at %d) = %d outcomes, %v; want %v", name, at, len(outs), err, domain.CodeRejected)
					}
					return err
				}
				_ = upsert(t.Context())
				if fingerprint(t, store) != before {
					t.Errorf("UpsertBudgetRules(%s, refused at %d) stored something, want nothing", name, at)
				}
				if err := store.InTx(t.Context(), func(ctx context.Context) error {
					_ = upsert(ctx)
					if err := store.Savepoint(ctx, upsert); !errors.Is(err, domain.CodeRejected) {
						t.Errorf("Savepoint() = %v, want %v", err, domain.CodeRejected)
					}
					_, err := store.UpsertBudgetRules(ctx, "other", batch, budgetRules(1)) // the transaction goes on
					return err
				}); err != nil {
					t.Errorf("InTx() = %v, want no error", err)
				}
				if fingerprint(t, store) != before {
					t.Errorf("UpsertBudgetRules(%s, refused at %d) in a transaction stored something, want nothing", name, at)
				}
				rules[at].Rule.BudgetCode = "B"
			}
		}
	})
}

// fingerprint tells all rules of the tenant "a".
func fingerprint(t *testing.T, store *bunstore.Store) string {
	t.Helper()
	rules, err := store.ListBudgetRules(t.Context(), "a", budget.Filter{}, "", 1_000_000)
	if err != nil {
		t.Fatalf("ListBudgetRules() = %v, want no error", err)
	}
	return fmt.Sprint(rules)
}

// A stored condition that cannot be read is a fault of what is stored, not of
// what a client sent.
func TestUnreadableBudgetRule(t *testing.T) {
	onEach(t, func(t *testing.T, on engine) {
		store, db := on.storeAndDB(t)
		if _, err := store.UpsertBudgetRules(t.Context(), "a", ports.RuleBatch{ID: "b"}, budgetRules(1)); err != nil {
			t.Fatal(err)
		}
		run(t, db.Write, "UPDATE batchport_budget_rules SET condition = '{'")
		_, err := store.FindBudgetRule(t.Context(), "a", "R00000")
		if domain.CodeOf(err) != domain.CodeInternal || domain.DataFault(err) || !strings.Contains(err.Error(), "R00000") {
			t.Errorf("FindBudgetRule(unreadable) = %v, want %v that names the rule", err, domain.CodeInternal)
		}
	})
}

// Whatever is stored, rules, answers and uses are found by key, or by the index
// of their times.
func TestBudgetsReadKeysAlone(t *testing.T) {
	t.Parallel()
	db := openFile(t, filepath.Join(t.TempDir(), "batchport.db"))
	storeOn(t, parts(db))
	log := new(statements)
	store, err := bunstore.New(db.Write.WithQueryHook(log), bunstore.Config{ReadDB: db.Read.WithQueryHook(log)})
	if err != nil {
		t.Fatal(err)
	}
	window := []domain.Window{{Limit: 2, Length: time.Minute}}
	for name, call := range map[string]func(ctx context.Context) error{
		"UpsertBudgetRules": func(ctx context.Context) error {
			for _, id := range []string{"b", "c"} {
				if _, err := store.UpsertBudgetRules(ctx, "a", ports.RuleBatch{ID: id, At: testNow}, budgetRules(3)); err != nil {
					return err
				}
			}
			return nil
		},
		"FindBudgetRule": func(ctx context.Context) error {
			if _, err := store.FindBudgetRule(ctx, "a", "R"); !errors.Is(err, domain.CodeNotFound) {
				return err
			}
			return nil
		},
		"ListBudgetRules": func(ctx context.Context) error {
			deleted := true
			_, err := store.ListBudgetRules(ctx, "a", budget.Filter{BudgetCode: "B", Deleted: &deleted}, "R", 10)
			return err
		},
		"KeepAnswer": func(ctx context.Context) error {
			return store.KeepAnswer(ctx, "a", "s", []byte("{}"), testNow)
		},
		"FindAnswer": func(ctx context.Context) error {
			if _, err := store.FindAnswer(ctx, "a", "none"); !errors.Is(err, domain.CodeNotFound) {
				return err
			}
			return nil
		},
		"PurgeAnswers": func(ctx context.Context) error { _, err := store.PurgeAnswers(ctx, testNow, 10); return err },
		"Spend":        func(ctx context.Context) error { _, err := store.Spend(ctx, "a", "q", window); return err },
		"Usage":        func(ctx context.Context) error { _, err := store.Usage(ctx, "a", "q", window); return err },
		"ForgetUses":   func(ctx context.Context) error { _, err := store.ForgetUses(ctx, "a", "q"); return err },
	} {
		if err := store.InTx(t.Context(), call); err != nil {
			t.Errorf("%s = %v, want no error", name, err)
		}
	}
	log.mu.Lock()
	defer log.mu.Unlock()
	if len(log.ran) < 12 {
		t.Fatalf("%d statements ran, want those of every call", len(log.ran))
	}
	for _, statement := range log.ran {
		if strings.Contains(statement, "SAVEPOINT") {
			continue
		}
		for _, step := range planOf(t, db.Read, statement) {
			if !keyStep.MatchString(step) && !strings.Contains(step, "INDEX batchport_sync_answers_age (at<?)") &&
				!strings.Contains(step, "INDEX batchport_quota_uses_at (tenant=? AND name=?") &&
				!strings.Contains(step, "INDEX sqlite_autoindex_batchport_sync_answers_1 (tenant=? AND id=?)") {
				t.Errorf("plan has the step %q, want a key or an index, in\n%s", step, statement)
			}
		}
	}
}

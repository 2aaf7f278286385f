package bunstore_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/batchport/batchport/domain/budget"
	"github.com/batchport/batchport/ports"
)

// BenchmarkUpsertBudgetRules stores 100,000 rules in transactions of 2,500: new
// ones, and the same again, in the order of their codes and in none. Each round
// does so also with bare upserts, which is the least that storing them costs; the
// medians of both are compared.
func BenchmarkUpsertBudgetRules(b *testing.B) {
	measureEach(b, func(b *testing.B, on engine) {
		sorted := rulesForBenchmark(100_000)
		shuffled := slices.Clone(sorted)
		rand.New(rand.NewPCG(1, 2)).Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		for name, rules := range map[string][]ports.PlacedRule{"by code": sorted, "in no order": shuffled} {
			b.Run(name, func(b *testing.B) {
				took, bare := map[string][]time.Duration{}, map[string][]time.Duration{}
				steps := []string{"new", "there"}
				for range b.N {
					db, bareDB := on.open(b, on.place(b)), on.open(b, on.place(b))
					store := storeOn(b, db)
					storeOn(b, bareDB)
					for _, step := range steps {
						batch := ports.RuleBatch{ID: "6552e15d743264.42384055 " + step, At: testNow}
						took[step] = append(took[step], rulesInChunks(b, rules, func(ctx context.Context, chunk []ports.PlacedRule) error {
							return store.InTx(ctx, func(ctx context.Context) error {
								_, err := store.UpsertBudgetRules(ctx, "tenant-a", batch, chunk)
								return err
							})
						}))
						bare[step] = append(bare[step], rulesInChunks(b, rules, func(ctx context.Context, chunk []ports.PlacedRule) error {
							return upsertRulesBare(ctx, bareDB, batch, chunk)
						}))
					}
				}
				for _, step := range steps {
					mine, least := median(took[step]), median(bare[step])
					b.ReportMetric(float64(mine.Milliseconds()), step+"-ms")
					b.ReportMetric(float64(least.Milliseconds()), step+"-bare-ms")
					b.ReportMetric(float64(mine)/float64(least), step+"-ratio")
				}
			})
		}
	})
}

// rulesInChunks returns how long do takes for all rules.
func rulesInChunks(b *testing.B, rules []ports.PlacedRule, do func(context.Context, []ports.PlacedRule) error) time.Duration {
	b.Helper()
	begin := time.Now()
	for chunk := range slices.Chunk(rules, 2_500) {
		if err := do(b.Context(), chunk); err != nil {
			b.Fatal(err)
		}
	}
	return time.Since(begin)
}

// upsertRulesBare stores rules with nothing but the statements.
func upsertRulesBare(ctx context.Context, db database, batch ports.RuleBatch, rules []ports.PlacedRule) error {
	return db.Write.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		for run := range slices.Chunk(rules, 500) {
			args := make([]any, 0, 12*len(run))
			for _, p := range run {
				r := p.Rule
				args = append(args, "tenant-a", r.Code, r.Priority, r.BudgetCode, r.Condition.Text(), r.BranchCode, r.BudgetEvent,
					0, 1, batch.At.UnixMicro(), batch.ID, p.Position)
			}
			_, err := tx.ExecContext(ctx, `INSERT INTO batchport_budget_rules
				(tenant, code, priority, budget_code, condition, branch_code, budget_event, deleted, revision, stored_at, batch, position) VALUES `+
				strings.TrimSuffix(strings.Repeat("(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?), ", len(run)), ", ")+
				` ON CONFLICT (tenant, code) DO UPDATE SET priority = excluded.priority, budget_code = excluded.budget_code,
				condition = excluded.condition, branch_code = excluded.branch_code, budget_event = excluded.budget_event, deleted = excluded.deleted,
				revision = excluded.revision, stored_at = excluded.stored_at, batch = excluded.batch, position = excluded.position`, args...)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// rulesForBenchmark returns n rules with the conditions of the interface's samples.
func rulesForBenchmark(n int) []ports.PlacedRule {
	rules := make([]ports.PlacedRule, n)
	for i := range rules {
		entry := func(name string, values ...string) budget.Entry {
			column, _ := budget.ParseColumnRef(name)
			e := budget.Entry{Column: column}
			for _, v := range values {
				e.Values = append(e.Values, budget.Value{Kind: budget.String, Text: v})
			}
			return e
		}
		rules[i] = ports.PlacedRule{Position: i, Rule: budget.Rule{
			Code: fmt.Sprintf("RULE-%06d", i), Priority: i % 100, BudgetCode: fmt.Sprintf("BUDGET-%04d", i/10), BranchCode: "TW01", BudgetEvent: "expense",
			Condition: budget.Condition{
				entry("charge_department_code", fmt.Sprintf("D%05d", i/7)), entry("expense_code", "T026", "T027"), entry("header_type", "travel"),
			},
		}}
	}
	return rules
}

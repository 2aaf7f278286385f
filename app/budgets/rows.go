package budgets

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/batchport/batchport/app/document"
	"github.com/batchport/batchport/app/engine"
	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/budget"
	"github.com/batchport/batchport/ports"
)

// applySize is how many rows are stored at once. A row that the database
// refuses undoes what was done for those beside it, so a part is small; but
// each costs a savepoint and a statement.
const applySize = 128

// goodRow is a row that is to be stored.
type goodRow struct {
	index    int
	rule     budget.Rule
	warnings []domain.Failure
}

// codeOf returns the code of a row as sent, or nil when no text was.
func codeOf(v document.Value) *string {
	code := v.Member(budget.CodeField)
	if code.Kind != document.String {
		return nil
	}
	return shortCode(code.Text)
}

// judge says what a row comes to.
func judge(row document.Value, catalog budget.Catalog) budget.Checked {
	judged := budget.Check(rowOf(row), catalog)
	shortenValues(judged.Faults)
	shortenValues(judged.Warnings)
	return judged
}

// maxValue bounds what is repeated of a value that is rejected, in characters:
// values that are good are not much longer, and an answer names many.
const maxValue = 60

func shortenValues(failures []domain.Failure) {
	for i, f := range failures {
		if len(f.Value) <= maxValue {
			continue
		}
		runes := 0
		for at := range f.Value {
			if runes++; runes > maxValue {
				failures[i].Value = f.Value[:at] + "…"
				break
			}
		}
	}
}

// catalog returns the columns that conditions of the tenant may name.
func (b *Budgets) catalog(ctx context.Context, tenant domain.TenantID) (budget.Catalog, error) {
	if b.deps.Columns == nil {
		return nil, nil
	}
	return b.deps.Columns.KnownColumns(ctx, tenant)
}

// warnRepeats adds a warning to each row whose code an earlier one has.
func warnRepeats(rows []goodRow) {
	sent := func(yield func(int, string) bool) {
		for _, r := range rows {
			if !yield(r.index, r.rule.Code) {
				return
			}
		}
	}
	i := 0
	for index, warning := range budget.Repeats(sent) {
		for rows[i].index != index {
			i++
		}
		rows[i].warnings = append(rows[i].warnings[:len(rows[i].warnings):len(rows[i].warnings)], warning)
	}
}

// checkBudgets asks the host about the budgets that rows name, and returns
// what is wrong with those of each row, by its place in rows.
func (b *Budgets) checkBudgets(ctx context.Context, tenant domain.TenantID, rows []goodRow) (map[int]domain.Failure, error) {
	if b.deps.Codes == nil || len(rows) == 0 {
		return nil, nil
	}
	place := map[string]int{}
	var codes []string
	for _, r := range rows {
		if _, seen := place[r.rule.BudgetCode]; !seen {
			place[r.rule.BudgetCode] = len(codes)
			codes = append(codes, r.rule.BudgetCode)
		}
	}
	verdicts, err := b.deps.Codes.CheckBudgetCodes(ctx, tenant, codes)
	if err == nil && len(verdicts) != len(codes) {
		err = &domain.Error{Code: domain.CodeInternal, Err: fmt.Errorf("the host gave %d verdicts on %d budgets", len(verdicts), len(codes))}
	}
	if err != nil {
		return nil, err
	}
	wrong := map[int]domain.Failure{}
	for i, r := range rows {
		if f := verdicts[place[r.rule.BudgetCode]]; f != nil {
			failure := *f
			if failure.Field == "" {
				failure.Field = budget.BudgetField
			}
			if failure.Value == "" {
				failure.Value = r.rule.BudgetCode
			}
			wrong[i] = failure
		}
	}
	return wrong, nil
}

// upsert stores rows with the transaction open in ctx, those that the database
// refuses excepted, and returns one outcome each, in order. They are stored in
// the order of their codes, in which every other request stores them too: two
// that come in opposite orders would wait for each other, and one be undone.
func (b *Budgets) upsert(ctx context.Context, tenant domain.TenantID, batch ports.RuleBatch, rows []goodRow) ([]domain.Outcome, error) {
	order := make([]int, len(rows))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return strings.Compare(rows[i].rule.Code, rows[j].rule.Code) })
	placed := make([]ports.PlacedRule, len(rows))
	for k, i := range order {
		placed[k] = ports.PlacedRule{Position: rows[i].index, Rule: rows[i].rule}
	}
	sorted, err := engine.Isolate(ctx, b.deps.Store, len(placed), applySize, func(ctx context.Context, lo, hi int) ([]domain.Outcome, error) {
		return b.deps.Rules.UpsertBudgetRules(ctx, tenant, batch, placed[lo:hi])
	})
	if err != nil {
		return nil, err
	}
	outcomes := make([]domain.Outcome, len(rows))
	for k, i := range order {
		outcomes[i] = sorted[k]
	}
	return outcomes, nil
}

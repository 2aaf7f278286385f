package memory

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/budget"
	"github.com/batchport/batchport/ports"
)

var _ ports.BudgetRules = (*Store)(nil)

// ruleRow is a rule without its condition, which is kept as text, and what
// stored it.
type ruleRow struct {
	rule      budget.StoredRule
	condition string
	batch     string
	position  int
}

// load returns the rule.
func (r ruleRow) load() (rule budget.StoredRule, err error) {
	rule = r.rule
	rule.Condition, err = budget.ParseCondition(r.condition)
	return rule, err
}

// UpsertBudgetRules implements [ports.BudgetRules].
func (s *Store) UpsertBudgetRules(ctx context.Context, tenant domain.TenantID, batch ports.RuleBatch, rules []ports.PlacedRule) ([]domain.Outcome, error) {
	order := make([]int, len(rules))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int { return cmp.Compare(rules[i].Position, rules[j].Position) })
	outcomes := make([]domain.Outcome, len(rules))
	err := s.do(ctx, func(s *Store, t *tx) error {
		for _, i := range order {
			outcomes[i] = s.upsertRule(t, tenant, batch, rules[i])
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return outcomes, nil
}

func (s *Store) upsertRule(t *tx, tenant domain.TenantID, batch ports.RuleBatch, placed ports.PlacedRule) domain.Outcome {
	key := tenantKey{tenant, placed.Rule.Code}
	former, found := s.rules[key]
	if !found || former.batch != batch.ID || former.position <= placed.Position {
		row := ruleRow{condition: placed.Rule.Condition.Text(), batch: batch.ID, position: placed.Position}
		row.rule = budget.StoredRule{
			Rule: placed.Rule, Revision: former.rule.Revision + 1, StoredAt: batch.At.UTC().Truncate(time.Microsecond),
		}
		row.rule.Condition = nil
		put(t, s.rules, key, row)
	}
	if found {
		return domain.Outcome{Fate: domain.Updated}
	}
	return domain.Outcome{Fate: domain.Created}
}

// FindBudgetRule implements [ports.BudgetRules].
func (s *Store) FindBudgetRule(ctx context.Context, tenant domain.TenantID, code string) (rule budget.StoredRule, err error) {
	err = s.do(ctx, func(s *Store, _ *tx) error {
		row, found := s.rules[tenantKey{tenant, code}]
		if !found {
			return domain.CodeNotFound
		}
		rule, err = row.load()
		return err
	})
	return rule, err
}

// ListBudgetRules implements [ports.BudgetRules].
func (s *Store) ListBudgetRules(ctx context.Context, tenant domain.TenantID, filter budget.Filter, after string, limit int) (rules []budget.StoredRule, err error) {
	var rows []ruleRow
	err = s.do(ctx, func(s *Store, _ *tx) error {
		for key, row := range s.rules {
			if key.tenant == tenant && key.key > after && filter.Matches(row.rule.Rule) {
				rows = append(rows, row)
			}
		}
		return nil
	})
	slices.SortFunc(rows, func(a, b ruleRow) int { return strings.Compare(a.rule.Code, b.rule.Code) })
	for _, row := range rows[:min(len(rows), max(limit, 0))] {
		rule, err := row.load()
		if err != nil {
			return nil, err
		}
		rules = append(rules, rule)
	}
	return rules, err
}

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/uptrace/bun"

	"github.com/batchport/batchport/domain/budget"
)

// benchRule is a row of a budget rule sync as it is sent.
type benchRule struct {
	Code          string         `json:"code"`
	Priority      int            `json:"priority"`
	BudgetCode    string         `json:"budget_code"`
	RuleCondition map[string]any `json:"rule_condition"`
	BranchCode    string         `json:"branch_code"`
	BudgetEvent   string         `json:"budget_event"`
	DeletedFlag   string         `json:"deleted_flag"`
}

// valid reports whether the row passes validation.
func (r benchRule) valid() bool { return r.Priority <= budget.MaxPriority }

// benchRules returns n rows, of which 1 % are bad, in no order of their codes.
func benchRules(n int) []benchRule {
	rows := make([]benchRule, n)
	for i := range rows {
		rows[i] = benchRule{
			Code: fmt.Sprintf("RULE-%07d", i*7919%n), Priority: i % budget.MaxPriority, BudgetCode: fmt.Sprintf("66%03d", i%900),
			RuleCondition: map[string]any{"charge_department": fmt.Sprintf("D%d", i%50), "header_column22": "claim", "accumulation_type_id": []string{"1", "2"}},
			BranchCode:    "D1", BudgetEvent: "CEM", DeletedFlag: "N",
		}
		if i%100 == 37 {
			rows[i].Priority = budget.MaxPriority + 1 + i
		}
	}
	return rows
}

// benchSyncs encodes rows as requests of so many rows each, under names of
// their own.
func benchSyncs(rows []benchRule, size int, round string) (bodies [][]byte, err error) {
	for part := range slices.Chunk(rows, size) {
		body, err := json.Marshal(map[string]any{"bizId": fmt.Sprintf("%s-%d", round, len(bodies)), "timestamp": 1_636_600_092_809, "data": part})
		if err != nil {
			return nil, err
		}
		bodies = append(bodies, body)
	}
	return bodies, nil
}

const bareUpsert = ` ON CONFLICT (tenant, code) DO UPDATE SET priority = excluded.priority, budget_code = excluded.budget_code,
	condition = excluded.condition, branch_code = excluded.branch_code, budget_event = excluded.budget_event, deleted = excluded.deleted,
	revision = batchport_budget_rules.revision + 1, stored_at = excluded.stored_at, batch = excluded.batch, position = excluded.position`

const bareInsert = `INSERT INTO batchport_budget_rules
	(tenant, code, priority, budget_code, condition, branch_code, budget_event, deleted, revision, stored_at, batch, position) VALUES `

const bareRow = "('acme', ?, ?, ?, ?, ?, ?, ?, 1, ?, ?, ?)"

// bareArgs are the arguments of a row of the statement. The text of the
// condition is the least that it can be.
func bareArgs(r benchRule, i int) []any {
	condition := budget.Condition{
		{Column: budget.ColumnRef{Source: budget.Line, Name: "accumulation_type_id"}, Values: []budget.Value{{Kind: budget.String, Text: "1"}, {Kind: budget.String, Text: "2"}}},
		{Column: budget.ColumnRef{Source: budget.Line, Name: "charge_department"}, Values: []budget.Value{{Kind: budget.String, Text: fmt.Sprint(r.RuleCondition["charge_department"])}}},
		{Column: budget.ColumnRef{Source: budget.Head, Name: "column22"}, Values: []budget.Value{{Kind: budget.String, Text: "claim"}}},
	}
	return []any{r.Code, r.Priority, r.BudgetCode, condition.Text(), r.BranchCode, r.BudgetEvent, 0, 1, "6b07f2156a01a1.48991351", i}
}

// rules upserts rows, 500 with each statement, all in one transaction.
func (f floor) rules(ctx context.Context, rows []benchRule) error {
	return f.Write.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		i := 0
		for part := range slices.Chunk(rows, 500) {
			args := make([]any, 0, 10*len(part))
			for _, r := range part {
				args = append(args, bareArgs(r, i)...)
				i++
			}
			values := strings.TrimSuffix(strings.Repeat(bareRow+",", len(part)), ",")
			if _, err := tx.ExecContext(ctx, bareInsert+values+bareUpsert, args...); err != nil {
				return err
			}
		}
		return nil
	})
}

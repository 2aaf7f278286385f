package budget_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/budget"
)

// Rules that did not come as a row are held to the same.
func TestRuleFaults(t *testing.T) {
	t.Parallel()
	good := budget.Rule{Code: "R1", BudgetCode: "B1", Condition: budget.Condition{column("a", text("x"))}}
	rule := func(change func(*budget.Rule)) budget.Rule {
		r := good
		change(&r)
		return r
	}
	condition := func(entries ...budget.Entry) budget.Rule {
		return rule(func(r *budget.Rule) { r.Condition = entries })
	}
	for name, c := range map[string]struct {
		rule budget.Rule
		want []string
	}{
		"good":     {good, nil},
		"zero":     {budget.Rule{}, []string{"code required", "budget_code required", "rule_condition required"}},
		"largest":  {rule(func(r *budget.Rule) { r.Priority = budget.MaxPriority }), nil},
		"above":    {rule(func(r *budget.Rule) { r.Priority = budget.MaxPriority + 1 }), []string{"priority out_of_range"}},
		"below":    {rule(func(r *budget.Rule) { r.Priority = -1 }), []string{"priority out_of_range"}},
		"unsorted": {condition(column("b", text("x")), column("a", number("1"), boolean("true"))), nil},
		"texts": {
			rule(func(r *budget.Rule) {
				r.Code, r.BudgetCode = strings.Repeat("a", 65), "\xff"
				r.BranchCode, r.BudgetEvent = strings.Repeat("費", 22), "a\x00"
			}),
			[]string{"code too_long", "budget_code invalid", "branch_code too_long", "budget_event invalid"},
		},
		"no column":       {condition(budget.Entry{Values: []budget.Value{text("x")}}), []string{"rule_condition. invalid"}},
		"no values":       {condition(column("a")), []string{"rule_condition.a required"}},
		"a column twice":  {condition(column("a", text("x")), column("b", text("x")), column("a", text("x"))), []string{"rule_condition.a duplicate"}},
		"another's name":  {condition(budget.Entry{Column: budget.ColumnRef{Source: budget.Line, Name: "header_a"}, Values: []budget.Value{text("x")}}), []string{"rule_condition.header_a invalid"}},
		"another source":  {condition(budget.Entry{Column: budget.ColumnRef{Source: "x", Name: "a"}, Values: []budget.Value{text("x")}}), []string{"rule_condition.a invalid"}},
		"broken name":     {condition(budget.Entry{Column: budget.ColumnRef{Source: budget.Head, Name: "\xff\x00"}, Values: []budget.Value{text("x")}}), []string{"rule_condition.header_\ufffd\ufffd invalid"}},
		"broken values":   {condition(column("a", text("\xff"), text("\x00"), text(strings.Repeat("費", 22)))), []string{"rule_condition.a[0] invalid", "rule_condition.a[1] invalid", "rule_condition.a[2] too_long"}},
		"broken numbers":  {condition(column("a", number(""), number("01"), number("1 "), number("NaN"), number("0x1"), number("1_0"), number("1e999"), number("-1.5E+3"))), []string{"rule_condition.a[0] invalid", "rule_condition.a[1] invalid", "rule_condition.a[2] invalid", "rule_condition.a[3] invalid", "rule_condition.a[4] invalid", "rule_condition.a[5] invalid", "rule_condition.a[6] invalid"}},
		"broken booleans": {condition(column("a", boolean("True"), boolean(""))), []string{"rule_condition.a[0] invalid", "rule_condition.a[1] invalid"}},
		"other kinds":     {condition(column("a", budget.Value{}, budget.Value{Kind: budget.List}, budget.Value{Kind: 99})), []string{"rule_condition.a[0] invalid", "rule_condition.a[1] invalid", "rule_condition.a[2] invalid"}},
	} {
		assert.Equal(t, c.want, said(c.rule.Faults()), name)
		assert.NotPanics(t, func() { _ = c.rule.Condition.Text() }, name)
	}
}

func TestRepeats(t *testing.T) {
	t.Parallel()
	repeated := func(value, earlier string) domain.Failure {
		return domain.NewFailure(domain.CodeDuplicate, "code", value, "earlier", earlier)
	}
	for _, c := range []struct {
		codes []string
		want  map[int]domain.Failure
	}{
		{nil, map[int]domain.Failure{}},
		{[]string{"a", "b", "A", " a"}, map[int]domain.Failure{}},
		{[]string{"a", "a"}, map[int]domain.Failure{1: repeated("a", "0")}},
		{[]string{"a", "b", "a", "b", "a"}, map[int]domain.Failure{2: repeated("a", "0"), 3: repeated("b", "1"), 4: repeated("a", "2")}},
	} {
		assert.Equal(t, c.want, maps.Collect(budget.Repeats(slices.All(c.codes))), "%q", c.codes)
	}
	// Positions are the caller's: rows between them may be missing.
	stored := func(yield func(int, string) bool) {
		_ = yield(3, "a") && yield(8, "b") && yield(9, "a") && yield(12, "a")
	}
	for at, f := range budget.Repeats(stored) {
		assert.Equal(t, 9, at)
		assert.Equal(t, repeated("a", "3"), f)
		break
	}
}

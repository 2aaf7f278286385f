package budget_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/budget"
)

// The row that the interface's own document gives as its sample.
func TestCheckTakesTheSample(t *testing.T) {
	t.Parallel()
	got := budget.Check(sent(t, `{
		"code": "test",
		"branch_code": "D1",
		"budget_code": "66000",
		"budget_event": "CEM",
		"deleted_flag": "Y",
		"rule_condition_json": {"charge_department": "D1", "header_column22": "claim", "accumulation_type_id": "1"},
		"priority": 1
	}`), nil)
	assert.Empty(t, got.Faults)
	assert.Empty(t, got.Warnings)
	assert.Equal(t, budget.Rule{
		Code: "test", Priority: 1, BudgetCode: "66000", BranchCode: "D1", BudgetEvent: "CEM", Deleted: true,
		Condition: budget.Condition{
			column("accumulation_type_id", text("1")), column("charge_department", text("D1")), column("header_column22", text("claim")),
		},
	}, got.Rule)
	assert.Nil(t, got.Rule.Faults())
}

// with is a good row with the fields replaced or added, each as JSON; one that
// is "" is taken away.
func with(t *testing.T, fields ...string) budget.Sent {
	t.Helper()
	row := []string{"code", `"R1"`, "priority", "5", "budget_code", `"B1"`, "rule_condition", `{"a":"x"}`}
	for i := 0; i < len(fields); i += 2 {
		at := 0
		for at < len(row) && row[at] != fields[i] {
			at += 2
		}
		if at == len(row) {
			row = append(row, fields[i], "")
		}
		row[at+1] = fields[i+1]
	}
	var members []string
	for i := 0; i < len(row); i += 2 {
		if row[i+1] != "" {
			members = append(members, `"`+row[i]+`":`+row[i+1])
		}
	}
	return sent(t, "{"+strings.Join(members, ",")+"}")
}

func quoted(s string, times int) string { return `"` + strings.Repeat(s, times) + `"` }

func TestCheckFaults(t *testing.T) {
	t.Parallel()
	type params = map[string]string
	list64, expected := params{"max": "64"}, func(word string) params { return params{"expected": word} }
	for _, c := range []struct {
		field, sent string
		want        string // field and code; "" when the row is good
		value       string
		params      params
	}{
		{"code", "", "code required", "", nil},
		{"code", "null", "code required", "", nil},
		{"code", `""`, "code required", "", nil},
		{"code", `" \u3000"`, "code required", " \u3000", nil},
		{"code", "7", "code invalid", "7", expected("string")},
		{"code", "true", "code invalid", "true", expected("string")},
		{"code", `["R1"]`, "code invalid", "[…]", expected("string")},
		{"code", `{}`, "code invalid", "{…}", expected("string")},
		{"code", quoted("a", 64), "", "", nil},
		{"code", quoted("a", 65), "code too_long", strings.Repeat("a", 65), list64},
		{"code", quoted("費", 21), "", "", nil},
		{"code", quoted("費", 22), "code too_long", strings.Repeat("費", 22), list64},
		{"code", `"a\u0000"`, "code invalid", "a\ufffd", nil},
		{"priority", "", "priority required", "", nil},
		{"priority", "null", "priority required", "", nil},
		{"priority", `""`, "priority required", "", nil},
		{"priority", "0", "", "", nil},
		{"priority", "9999", "", "", nil},
		{"priority", `"0042"`, "", "", nil},
		{"priority", "10000", "priority out_of_range", "10000", params{"min": "0", "max": "9999"}},
		{"priority", "-1", "priority out_of_range", "-1", params{"min": "0", "max": "9999"}},
		{"priority", strings.Repeat("9", 30), "priority out_of_range", strings.Repeat("9", 30), params{"min": "0", "max": "9999"}},
		{"priority", `"99999999999999999999"`, "priority out_of_range", "99999999999999999999", params{"min": "0", "max": "9999"}},
		{"priority", "1.0", "priority invalid", "1.0", expected("integer")},
		{"priority", "1e3", "priority invalid", "1e3", expected("integer")},
		{"priority", `"-1"`, "priority invalid", "-1", expected("integer")},
		{"priority", `" 1"`, "priority invalid", " 1", expected("integer")},
		{"priority", `"１"`, "priority invalid", "１", expected("integer")},
		{"priority", "true", "priority invalid", "true", expected("integer")},
		{"priority", "[1]", "priority invalid", "[…]", expected("integer")},
		{"budget_code", "", "budget_code required", "", nil},
		{"budget_code", "66000", "budget_code invalid", "66000", expected("string")},
		{"budget_code", quoted("a", 65), "budget_code too_long", strings.Repeat("a", 65), list64},
		{"rule_condition", "", "rule_condition required", "", nil},
		{"rule_condition", "null", "rule_condition required", "", nil},
		{"rule_condition", "{}", "rule_condition required", "", nil},
		{"rule_condition", "[]", "rule_condition required", "", nil},
		{"rule_condition", `""`, "rule_condition required", "", nil},
		{"rule_condition", `"a=x"`, "rule_condition invalid", "a=x", expected("condition")},
		{"rule_condition", `["a"]`, "rule_condition invalid", "[…]", expected("condition")},
		{"rule_condition", "5", "rule_condition invalid", "5", expected("condition")},
		{"rule_condition", `{"1a":"x"}`, "rule_condition.1a invalid", "1a", expected("column")},
		{"rule_condition", `{"":"x"}`, "rule_condition. invalid", "", expected("column")},
		{"rule_condition", `{` + quoted("a", 64) + `:"x"}`, "", "", nil},
		{"rule_condition", `{` + quoted("a", 65) + `:"x"}`, "rule_condition." + strings.Repeat("a", 64) + "… invalid", strings.Repeat("a", 65), expected("column")},
		{"rule_condition", `{"a":"x","a":"y"}`, "rule_condition.a duplicate", "a", nil},
		{"rule_condition", `{"a":null}`, "rule_condition.a invalid", "null", expected("condition_value")},
		{"rule_condition", `{"a":{"b":1}}`, "rule_condition.a invalid", "{…}", expected("condition_value")},
		{"rule_condition", `{"a":[]}`, "rule_condition.a required", "", params{"reason": "empty_list"}},
		{"rule_condition", `{"a":["x",["y"]]}`, "rule_condition.a[1] invalid", "[…]", expected("condition_value")},
		{"rule_condition", `{"a":["x",null]}`, "rule_condition.a[1] invalid", "null", expected("condition_value")},
		{"rule_condition", `{"a":` + quoted("費", 21) + `}`, "", "", nil},
		{"rule_condition", `{"a":` + quoted("費", 22) + `}`, "rule_condition.a too_long", strings.Repeat("費", 22), list64},
		{"rule_condition", `{"a":["x",` + quoted("a", 65) + `]}`, "rule_condition.a[1] too_long", strings.Repeat("a", 65), list64},
		{"rule_condition", `{"a":` + strings.Repeat("1", 64) + `}`, "", "", nil},
		{"rule_condition", `{"a":` + strings.Repeat("1", 65) + `}`, "rule_condition.a too_long", strings.Repeat("1", 65), list64},
		{"rule_condition", `{"a":1e999}`, "rule_condition.a invalid", "1e999", expected("number")},
		{"rule_condition", `{"a":"","b":[1,-0.50e+3,true,false,"x","x"]}`, "", "", nil},
		{"branch_code", "null", "", "", nil},
		{"branch_code", `""`, "", "", nil},
		{"branch_code", "1", "branch_code invalid", "1", expected("string")},
		{"branch_code", quoted("費", 22), "branch_code too_long", strings.Repeat("費", 22), list64},
		{"budget_event", "false", "budget_event invalid", "false", expected("string")},
		{"budget_event", quoted("a", 65), "budget_event too_long", strings.Repeat("a", 65), list64},
		{"deleted_flag", "null", "", "", nil},
		{"deleted_flag", `"N"`, "", "", nil},
		{"deleted_flag", `"Y"`, "", "", nil},
		{"deleted_flag", `""`, "deleted_flag invalid", "", expected("Y, N")},
		{"deleted_flag", `"y"`, "deleted_flag invalid", "y", expected("Y, N")},
		{"deleted_flag", "true", "deleted_flag invalid", "true", expected("Y, N")},
		{"deleted_flag", `"YN"`, "deleted_flag invalid", "YN", expected("Y, N")},
	} {
		got := budget.Check(with(t, c.field, c.sent), nil)
		name := c.field + " " + c.sent
		assert.Nil(t, got.Warnings, name)
		if c.want == "" {
			assert.Nil(t, got.Faults, name)
			continue
		}
		assert.Equal(t, []string{c.want}, said(got.Faults), name)
		if len(got.Faults) == 1 {
			assert.Equal(t, c.value, got.Faults[0].Value, name)
			assert.Equal(t, c.params, got.Faults[0].Params, name)
		}
	}
}

func TestCheckRefusesWhatIsNoRow(t *testing.T) {
	t.Parallel()
	for text, value := range map[string]string{"null": "null", "5": "5", `"x"`: "x", "[]": "[…]", `[{"code":"R1"}]`: "[…]", "true": "true"} {
		got := budget.Check(sent(t, text), nil)
		assert.Equal(t, []domain.Failure{domain.NewFailure(domain.CodeInvalid, "", value, "expected", "object")}, got.Faults, text)
	}
	assert.Equal(t, []string{"code required", "priority required", "budget_code required", "rule_condition required"},
		said(budget.Check(sent(t, "{}"), nil).Faults))
}

func TestCheckReadsTheRule(t *testing.T) {
	t.Parallel()
	got := budget.Check(with(t, "priority", `"0042"`, "rule_condition", `{"project_b":[1.50,"x"],"a":false}`), nil)
	require.Empty(t, got.Faults)
	assert.Equal(t, budget.Rule{
		Code: "R1", Priority: 42, BudgetCode: "B1",
		Condition: budget.Condition{column("a", boolean("false")), column("project_b", number("1.50"), text("x"))},
	}, got.Rule)

	// The entries do not share what lies behind their values.
	got = budget.Check(with(t, "rule_condition", `{"b":1,"a":2}`), nil)
	for _, e := range got.Rule.Condition {
		_ = append(e.Values, text("more"))
	}
	assert.Equal(t, `{"a":2,"b":1}`, got.Rule.Condition.Text())
}

func TestCheckTakesTheConditionUnderOneName(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		condition, other string
		want             []string
	}{
		{"", `{"b":1}`, nil},
		{"null", `{"b":1}`, nil},
		{`""`, `{"b":1}`, nil},
		{`{"b":1}`, "null", nil},
		{"", "{}", []string{"rule_condition required"}},
		{"", `{"b":null}`, []string{"rule_condition.b invalid"}},
		{`{"b":1}`, `{"b":1}`, []string{"rule_condition_json duplicate"}},
		{`{"b":null}`, `"x"`, []string{"rule_condition_json duplicate", "rule_condition.b invalid"}},
		{`{}`, `{"b":1}`, []string{"rule_condition_json duplicate", "rule_condition required"}},
	} {
		got := budget.Check(with(t, "rule_condition", c.condition, "rule_condition_json", c.other), nil)
		assert.Equal(t, c.want, said(got.Faults), "%s and %s", c.condition, c.other)
		assert.Nil(t, got.Warnings)
		if c.want == nil {
			assert.Equal(t, `{"b":1}`, got.Rule.Condition.Text(), "%s and %s", c.condition, c.other)
		}
		if len(c.want) > 0 && strings.HasSuffix(c.want[0], "duplicate") {
			assert.Equal(t, map[string]string{"other": "rule_condition"}, got.Faults[0].Params)
		}
	}
}

func TestCheckRefusesAFieldGivenTwice(t *testing.T) {
	t.Parallel()
	row := with(t)
	row.Members = append(row.Members, budget.Member{Name: "priority", Value: budget.Sent{Kind: budget.Number, Text: "7"}})
	assert.Equal(t, []domain.Failure{domain.NewFailure(domain.CodeDuplicate, "priority", "7")}, budget.Check(row, nil).Faults)
}

func TestCheckWarns(t *testing.T) {
	t.Parallel()
	catalog := budget.Catalog(func(c budget.ColumnRef) bool {
		return c == budget.ColumnRef{Source: budget.Head, Name: "known"} || c == budget.ColumnRef{Source: budget.Line, Name: "a"}
	})
	row := with(t, "rule_condition", `{"project_known":1,"a":1,"header_known":1,"known":1}`,
		"colour", `{"x":1}`, "Code", `"R2"`, strings.Repeat("費", 70), "null")
	unknown := func(field, value, reason string) domain.Failure {
		return domain.NewFailure(domain.CodeUnknownField, field, value, "reason", reason)
	}
	ignored := []domain.Failure{
		unknown("colour", "{…}", "ignored"), unknown("Code", "R2", "ignored"), unknown(strings.Repeat("費", 64)+"…", "null", "ignored"),
	}
	got := budget.Check(row, catalog)
	assert.Nil(t, got.Faults)
	assert.Equal(t, append([]domain.Failure{
		unknown("rule_condition.known", "known", "column"), unknown("rule_condition.project_known", "project_known", "column"),
	}, ignored...), got.Warnings)
	assert.Equal(t, "R1", got.Rule.Code)

	assert.Equal(t, ignored, budget.Check(row, nil).Warnings, "without a catalogue all columns are known")
	assert.Nil(t, budget.Check(with(t, "priority", "-1", "colour", "1"), catalog).Warnings, "a row that is not stored has no warnings")
}

// A row of very many faults is still refused, and does not cost a multiple of
// its size.
func TestCheckBoundsWhatItSays(t *testing.T) {
	t.Parallel()
	const many = 100_000
	row := with(t)
	for range many {
		row.Members = append(row.Members, budget.Member{Name: "x" + strings.Repeat("y", 100)})
	}
	for range 10 {
		row.Members[3].Value.Members = append(row.Members[3].Value.Members, budget.Member{
			Name: "b" + strings.Repeat("c", len(row.Members[3].Value.Members)), Value: budget.Sent{Kind: budget.Bool, Text: "true"},
		})
	}
	got := budget.Check(row, func(budget.ColumnRef) bool { return false })
	assert.Nil(t, got.Faults)
	assert.Len(t, got.Warnings, 1_000)

	condition := budget.Sent{Kind: budget.List, List: make([]budget.Sent, many)}
	row = with(t)
	row.Members[3].Value = budget.Sent{Kind: budget.Object, Members: []budget.Member{{Name: "a", Value: condition}}}
	assert.Len(t, budget.Check(row, nil).Faults, 1_000)
}

package budget_test

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/budget"
)

// part is what a row has for a field, and what has to be said of it.
type part struct {
	json string // "" when the field is not sent
	want []string
}

func parts(field string) []part {
	fault := func(json string, codes ...string) part {
		var want []string
		for _, code := range codes {
			want = append(want, field+code)
		}
		return part{json, want}
	}
	long := quoted("費", 22)
	switch field {
	case "code", "budget_code":
		return []part{{`"R1"`, nil}, {quoted("費", 21), nil}, fault("", " required"), fault("null", " required"), fault("5", " invalid"), fault(long, " too_long")}
	case "priority":
		return []part{{"7", nil}, {`"9999"`, nil}, fault("", " required"), fault("-1", " out_of_range"), fault(`"x"`, " invalid"), fault("1.5", " invalid")}
	case "rule_condition":
		return []part{
			{`{"a":"x"}`, nil},
			{`{"project_b":[1,true],"a":"x"}`, nil},
			fault("[]", " required"), fault(`"x"`, " invalid"), fault("", " required"),
			fault(`{"c":[`+long+`,{}],"-":"x","b":[],"a":1}`, ".c[0] too_long", ".c[1] invalid", ".- invalid", ".b required"),
		}
	case "deleted_flag":
		return []part{{"", nil}, {`"Y"`, nil}, {"null", nil}, fault("1", " invalid"), fault(`"y"`, " invalid")}
	default:
		return []part{{"", nil}, {"null", nil}, {`"x"`, nil}, fault("[]", " invalid"), fault(long, " too_long")}
	}
}

// All that is wrong is said, each fault once, whatever else is wrong and in
// whatever order the fields were sent.
func TestCheckSaysAllFaults(t *testing.T) {
	t.Parallel()
	fields := []string{"code", "priority", "budget_code", "rule_condition", "branch_code", "budget_event", "deleted_flag"}
	rapid.Check(t, func(rt *rapid.T) {
		row := budget.Sent{Kind: budget.Object}
		var want []string
		for _, field := range fields {
			p := rapid.SampledFrom(parts(field)).Draw(rt, field)
			want = append(want, p.want...)
			if p.json != "" {
				row.Members = append(row.Members, budget.Member{Name: field, Value: sent(t, p.json)})
			}
		}
		row.Members = append(row.Members, budget.Member{Name: "colour"})
		row.Members = rapid.Permutation(row.Members).Draw(rt, "row")
		got := budget.Check(row, nil)
		if !slices.Equal(said(got.Faults), want) {
			rt.Fatalf("Check(%+v) says %q, want %q", row, said(got.Faults), want)
		}
		if stored := want == nil; stored != slices.Equal(said(got.Warnings), []string{"colour unknown_field"}) {
			rt.Fatalf("Check(%+v) warns of %q; the row is stored: %t", row, said(got.Warnings), stored)
		}
	})
}

// anything draws what nobody would send.
func anything(depth int) *rapid.Generator[budget.Sent] {
	kinds := []budget.Kind{budget.Null, budget.Bool, budget.Number, budget.String, budget.String, budget.List, budget.Object, 77}
	return rapid.Custom(func(t *rapid.T) budget.Sent {
		s := budget.Sent{Kind: rapid.SampledFrom(kinds).Draw(t, "kind")}
		s.Text = rapid.OneOf(
			rapid.SampledFrom([]string{"", "Y", "N", "1", "-1", "0007", "1e999", "true", "\xff", "a\x00", strings.Repeat("費", 300)}),
			rapid.String(), rapid.StringMatching(`-?[0-9.eE]{1,70}`),
		).Draw(t, "text")
		if depth == 0 {
			return s
		}
		if s.Kind == budget.List {
			s.List = rapid.SliceOfN(anything(depth-1), 0, 4).Draw(t, "list")
		}
		if s.Kind == budget.Object {
			for range rapid.IntRange(0, 5).Draw(t, "members") {
				name := rapid.OneOf(names(), rapid.SampledFrom([]string{"", "\xff", "\x00", "rule_condition"}), rapid.String()).Draw(t, "name")
				s.Members = append(s.Members, budget.Member{Name: name, Value: anything(depth-1).Draw(t, "value")})
			}
		}
		return s
	})
}

// Whatever is sent, Check does not panic, says nothing that cannot be kept, and
// what it lets pass is a rule that comes back from the store.
func TestCheckOfAnything(t *testing.T) {
	t.Parallel()
	stored := 0
	rapid.Check(t, func(rt *rapid.T) {
		row := budget.Sent{Kind: budget.Object}
		for _, field := range []string{"code", "priority", "budget_code", "rule_condition", "branch_code", "budget_event", "deleted_flag", "rule_condition_json", "more"} {
			var good budget.Sent
			switch field {
			case "code", "budget_code":
				good = budget.Sent{Kind: budget.String, Text: shortText().Draw(rt, field)}
			case "priority":
				good = sent(t, "3")
			case "rule_condition":
				good = sentOf(conditions().Draw(rt, field))
			}
			if rapid.IntRange(0, 15).Draw(rt, "odd "+field) == 0 {
				good = anything(3).Draw(rt, field)
			}
			row.Members = append(row.Members, budget.Member{Name: field, Value: good})
		}
		if rapid.IntRange(0, 30).Draw(rt, "no row") == 0 {
			row = anything(3).Draw(rt, "row")
		}
		got := budget.Check(row, func(c budget.ColumnRef) bool { return c.Source != budget.Project })
		for _, f := range append(slices.Clone(got.Faults), got.Warnings...) {
			if !keepable(f.Field) || !keepable(f.Value) || len(f.Field) > 400 {
				rt.Fatalf("Check(%+v) says %+v, which cannot be kept", row, f)
			}
		}
		if got.Faults != nil {
			if got.Warnings != nil {
				rt.Fatalf("Check(%+v) warns of a row that is not stored: %v", row, got.Warnings)
			}
			return
		}
		stored++
		r := got.Rule
		if faults := r.Faults(); faults != nil {
			rt.Fatalf("Check(%+v) lets pass %+v, of which Faults says %v", row, r, faults)
		}
		back, err := budget.ParseCondition(r.Condition.Text())
		if err != nil || !assert.ObjectsAreEqual(r.Condition, back) {
			rt.Fatalf("ParseCondition(%q) = %+v, %v; want %+v", r.Condition.Text(), back, err, r.Condition)
		}
		for _, s := range []string{r.Code, r.BudgetCode, r.BranchCode, r.BudgetEvent, r.Condition.Text()} {
			if !keepable(s) {
				rt.Fatalf("Check(%+v) lets pass %q, which cannot be kept", row, s)
			}
		}
		unknown := 0
		for _, e := range r.Condition {
			if e.Column.Source == budget.Project {
				unknown++
			}
		}
		if warned := count(got.Warnings, "column"); warned != unknown {
			rt.Fatalf("Check(%+v) warns of %d columns, want %d", row, warned, unknown)
		}
	})
	assert.NotZero(t, stored, "no row was good")
}

// sentOf is a condition as it is sent, in no order.
func sentOf(c budget.Condition) budget.Sent {
	s := budget.Sent{Kind: budget.Object}
	for _, e := range slices.Backward(c) {
		list := budget.Sent{Kind: budget.List}
		for _, v := range e.Values {
			list.List = append(list.List, budget.Sent{Kind: v.Kind, Text: v.Text})
		}
		if len(list.List) == 1 {
			list = list.List[0]
		}
		s.Members = append(s.Members, budget.Member{Name: e.Column.String(), Value: list})
	}
	return s
}

func count(failures []domain.Failure, reason string) int {
	n := 0
	for _, f := range failures {
		if f.Params["reason"] == reason {
			n++
		}
	}
	return n
}

func keepable(s string) bool { return utf8.ValidString(s) && !strings.Contains(s, "\x00") }

package httpapi_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/batchport/batchport/domain"
)

// TestWireBudgetRows sends a row of each sort by itself: what it comes to, and
// what it says.
func TestWireBudgetRows(t *testing.T) {
	t.Parallel()
	hard := func(entries ...string) said { return said{counts: "0+0", faulty: entries} }
	weak := func(entries ...string) said { return said{counts: "1+0", warnings: entries} }
	good := said{counts: "1+0"}
	long := text("費", 22) // 66 bytes
	for _, c := range []struct {
		sentence, row string
		want          said
	}{
		{"a good row", rule(), good},
		{"a row that is no object", "5", hard("0 - - invalid")},
		{"a row that is no object", "null", hard("0 - - invalid")},
		{"a row that is no object", `["code"]`, hard("0 - - invalid")},
		{"all faults of a row, not the first", "{}", hard("0 - code required", "0 - priority required", "0 - budget_code required", "0 - rule_condition required")},

		{"code: required", rule("code", ""), hard("0 - code required")},
		{"code: required", rule("code", "null"), hard("0 - code required")},
		{"code: required", rule("code", `""`), hard("0  code required")},
		{"code: required", rule("code", `" "`), hard("0   code required")},
		{"code: no number", rule("code", "7"), hard("0 - code invalid")},
		{"code: at most 64 bytes", rule("code", text("x", 64)), good},
		{"code: at most 64 bytes", rule("code", text("x", 65)), hard("0 " + strings.Repeat("x", 65) + " code too_long")},
		{"code: bytes of UTF-8", rule("code", `"`+strings.Repeat("費", 21)+`x"`), good},
		{"code: bytes of UTF-8", rule("code", long), hard("0 " + strings.Repeat("費", 22) + " code too_long")},

		{"priority: required", rule("priority", ""), hard("0 R1 priority required")},
		{"priority: required", rule("priority", "null"), hard("0 R1 priority required")},
		{"priority: required", rule("priority", `""`), hard("0 R1 priority required")},
		{"priority: 0", rule("priority", "0"), good},
		{"priority: 9999", rule("priority", "9999"), good},
		{"priority: a string of digits", rule("priority", `"0042"`), good},
		{"priority: not 10000", rule("priority", "10000"), hard("0 R1 priority out_of_range")},
		{"priority: not -1", rule("priority", "-1"), hard("0 R1 priority out_of_range")},
		{"priority: not beyond any integer", rule("priority", strings.Repeat("9", 30)), hard("0 R1 priority out_of_range")},
		{"priority: integer", rule("priority", "1.0"), hard("0 R1 priority invalid")},
		{"priority: integer", rule("priority", "1e3"), hard("0 R1 priority invalid")},
		{"priority: a string of digits alone", rule("priority", `" 1"`), hard("0 R1 priority invalid")},
		{"priority: a string of digits alone", rule("priority", `"-1"`), hard("0 R1 priority invalid")},
		{"priority: integer", rule("priority", "true"), hard("0 R1 priority invalid")},

		{"budget_code: required", rule("budget_code", ""), hard("0 R1 budget_code required")},
		{"budget_code: at most 64 bytes", rule("budget_code", long), hard("0 R1 budget_code too_long")},
		{"budget_code: text", rule("budget_code", "66000"), hard("0 R1 budget_code invalid")},

		{"rule_condition: required", rule("rule_condition", ""), hard("0 R1 rule_condition required")},
		{"rule_condition: required", rule("rule_condition", "null"), hard("0 R1 rule_condition required")},
		{"rule_condition: at least one entry", rule("rule_condition", "{}"), hard("0 R1 rule_condition required")},
		{"rule_condition: the empty map, as PHP encodes it", rule("rule_condition", "[]"), hard("0 R1 rule_condition required")},
		{"rule_condition: text that holds the empty map", rule("rule_condition", `"{}"`), hard("0 R1 rule_condition required")},
		{"rule_condition: text that holds the empty map, as PHP encodes it", rule("rule_condition", `"[]"`), hard("0 R1 rule_condition required")},
		{"rule_condition: empty text", rule("rule_condition", `""`), hard("0 R1 rule_condition required")},
		{"rule_condition: text that holds one", rule("rule_condition", `" {\"a\":[\"x\",1.50,true]} "`), good},
		{"rule_condition: other text", rule("rule_condition", `"a=1"`), hard("0 R1 rule_condition invalid")},
		{"rule_condition: text with a column twice", rule("rule_condition", `"{\"a\":1,\"a\":2}"`), hard("0 R1 rule_condition invalid")},
		{"rule_condition: no list", rule("rule_condition", `[{"a":1}]`), hard("0 R1 rule_condition invalid")},
		{"rule_condition: no number", rule("rule_condition", "1"), hard("0 R1 rule_condition invalid")},
		{"rule_condition_json is the same field", rule("rule_condition", "", "rule_condition_json", `{"a":1}`), good},
		{"rule_condition_json is the same field", rule("rule_condition", "", "rule_condition_json", `"{\"a\":1}"`), good},
		{"rule_condition_json: both at once is an error", rule("rule_condition_json", `{"a":1}`), hard("0 R1 rule_condition_json duplicate")},
		{"a key has its form", rule("rule_condition", `{"1a":1,"b c":1,"":1,"費":1}`), hard(
			"0 R1 rule_condition.1a invalid", "0 R1 rule_condition.b c invalid", "0 R1 rule_condition. invalid", "0 R1 rule_condition.費 invalid")},
		{"a key of 64 bytes", rule("rule_condition", `{`+text("a", 64)+`:1}`), good},
		{"a key of 65 bytes", rule("rule_condition", `{`+text("a", 65)+`:1}`), hard("0 R1 rule_condition." + strings.Repeat("a", 64) + "… invalid")},
		{"a value is text, a number, a boolean, or a list of those", rule("rule_condition", `{"a":"x","b":-1.5e3,"c":false,"d":["x",1,true]}`), good},
		{"a value is text of at most 64", rule("rule_condition", `{"a":`+text("x", 64)+`}`), good},
		{"a value is text of at most 64", rule("rule_condition", `{"a":`+long+`,"b":["x",`+long+`]}`), hard("0 R1 rule_condition.a too_long", "0 R1 rule_condition.b[1] too_long")},
		{"a value is not null, nor an object, nor a list in a list", rule("rule_condition", `{"a":null,"b":{},"c":[[1]]}`), hard(
			"0 R1 rule_condition.a invalid", "0 R1 rule_condition.b invalid", "0 R1 rule_condition.c[0] invalid")},
		{"a value is not the empty list", rule("rule_condition", `{"a":[]}`), hard("0 R1 rule_condition.a required")},

		{"branch_code, budget_event: at most 64", rule("branch_code", text("x", 64), "budget_event", text("x", 64)), good},
		{"branch_code, budget_event: at most 64", rule("branch_code", long, "budget_event", long), hard("0 R1 branch_code too_long", "0 R1 budget_event too_long")},
		{"branch_code, budget_event: text", rule("branch_code", "1", "budget_event", "[]"), hard("0 R1 branch_code invalid", "0 R1 budget_event invalid")},
		{"branch_code, budget_event: may be absent", rule("branch_code", "null", "budget_event", `""`), good},
		{"deleted_flag: Y or N", rule("deleted_flag", `"Y"`), good},
		{"deleted_flag: Y or N", rule("deleted_flag", `"N"`), good},
		{"deleted_flag: default N", rule("deleted_flag", "null"), good},
		{"deleted_flag: Y or N alone", rule("deleted_flag", `"y"`), hard("0 R1 deleted_flag invalid")},
		{"deleted_flag: Y or N alone", rule("deleted_flag", "true"), hard("0 R1 deleted_flag invalid")},
		{"deleted_flag: Y or N alone", rule("deleted_flag", `""`), hard("0 R1 deleted_flag invalid")},

		{"any other field: ignored, named", rule("colour", `{"x":1}`, "Code", "1"), weak("0 R1 colour unknown_field", "0 R1 Code unknown_field")},
		{"hard and weak: a row with a fault is not stored, and warns of nothing", rule("priority", "-1", "colour", "1"), hard("0 R1 priority out_of_range")},
		{"a column that the catalogue does not have", rule("rule_condition", `{"header_b":1,"unheard":1,"project_a":1}`), weak(
			"0 R1 rule_condition.project_a unknown_field", "0 R1 rule_condition.unheard unknown_field")},
		{"the host's own check of budget_code", rule("budget_code", `"closed"`), hard("0 R1 budget_code not_found")},
	} {
		w := newWorld(t, settings{
			budgets: lifted, codes: codes{"closed": {Code: domain.CodeNotFound}},
			columns: columns{"type_id", "a", "b", "c", "d", "header_b", strings.Repeat("a", 64)},
		})
		got := w.synced(c.row)
		wantSaid(t, c.sentence+": "+c.row, got, c.want)
		if stored := len(w.codesOf("", "")); stored != map[bool]int{true: 1, false: 0}[c.want.counts == "1+0"] {
			t.Errorf("%s: %s\n%d rules are stored", c.sentence, c.row, stored)
		}
	}
}

// TestWireBudgetColumns checks what conditions come back as.
func TestWireBudgetColumns(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{budgets: lifted})
	w.synced(rule("rule_condition", `"{\"project_x\":\"1\",\"charge_department\":[\"D1\",2.50,true],\"header_column22\":\"claim\"}"`))
	if got, want := w.rule("R1"), `66000 1 {"charge_department":["D1",2.50,true],"header_column22":"claim","project_x":"1"} - - N`; got != want {
		t.Errorf("the rule is %s, want %s", got, want)
	}
}

// TestWireBudgetEntries checks the form of entries, and their order.
func TestWireBudgetEntries(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{budgets: lifted, codes: codes{"gone": domain.NewFailure(domain.CodeNotFound, "budget_code", "gone")}})
	got := w.synced(
		rule("code", `"Z"`, "x", "1"), rule("code", `"bad"`, "priority", "-1", "budget_code", "5"), rule("code", `"Y"`, "priority", fmt.Sprint(tooDear)),
		rule("code", `"A"`, "budget_code", `"gone"`), "7", rule("code", `"B"`, "y", "1", "z", "1"), rule("code", `"X"`, "priority", fmt.Sprint(tooDear)),
	)
	wantSaid(t, "index from 0, code as sent or null, field null where none is to blame", got, said{
		counts:   "2+0",
		faulty:   []string{"1 bad priority out_of_range", "1 bad budget_code invalid", "3 A budget_code not_found", "4 - - invalid"},
		refused:  []string{"2 Y - rejected", "6 X - rejected"},
		warnings: []string{"0 Z x unknown_field", "5 B y unknown_field", "5 B z unknown_field"},
	})
	w.wantRules("all others are stored", "B", "Z")
}

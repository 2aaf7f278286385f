package httpapi_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/batchport/batchport/domain"
)

// wantFaulty sends a row that must not be stored: want is the code, the field
// and the errorCode of all that is wrong with it.
func (w *world) wantFaulty(sentence, row string, want ...string) {
	w.t.Helper()
	for i := range want {
		want[i] = "0 " + want[i]
	}
	wantSaid(w.t, sentence+"\n"+row, w.synced(row), said{counts: "0+0", faulty: want})
}

// textFields have a limit of 64 bytes each.
var textFields = []string{"code", "budget_code", "branch_code", "budget_event"}

func TestWireBudgetTexts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{budgets: lifted})
	shown := func(field, value string) string { // the code in an entry
		if field == "code" {
			return strings.Trim(value, `"`)
		}
		return "R1"
	}
	for _, field := range textFields {
		for _, c := range []struct{ sentence, value, want string }{
			{"≤64: 65 bytes", text("x", 65), "too_long"},
			{"≤64: bytes, not characters", text("預", 22), "too_long"},
			{"≤64: bytes, not characters, at the edge", `"` + strings.Repeat("預", 21) + `xx"`, "too_long"},
			{"≤64: bytes, not UTF-16", text("😀", 17), "too_long"},
		} {
			w.wantFaulty(field+" "+c.sentence, rule(field, c.value), shown(field, c.value)+" "+field+" "+c.want)
		}
		for _, value := range []string{"5", "1.5", "true", "false", "[]", `["x"]`, "{}", `{"x":"y"}`} {
			code := "R1"
			if field == "code" {
				code = "-"
			}
			w.wantFaulty(field+" is text", rule(field, value), code+" "+field+" invalid")
		}
	}
	for _, field := range textFields[:2] {
		for _, c := range []struct{ sentence, value, code string }{
			{"absent", "", "-"},
			{"null", "null", "-"},
			{"empty", `""`, ""},
			{"blank", `" "`, " "},
			{"blank beyond ASCII", `"　"`, "　"},
		} {
			code := "R1"
			if field == "code" {
				code = c.code
			}
			w.wantFaulty(field+" required: "+c.sentence, rule(field, c.value), code+" "+field+" required")
		}
	}
	w.wantRules("hard: the row is not stored")
	for _, c := range []struct {
		sentence string
		fields   []string
		want     string // the rule of the code in fields[1]
	}{
		{"64 bytes", []string{"code", text("x", 64), "budget_code", text("b", 64), "branch_code", text("c", 64), "budget_event", text("e", 64)}, strings.Repeat("b", 64) + ` 1 {"type_id":"T026"} ` + strings.Repeat("c", 64) + " " + strings.Repeat("e", 64) + " N"},
		{"64 bytes of 22 characters", []string{"code", `"` + strings.Repeat("預", 21) + `x"`, "branch_code", `"` + strings.Repeat("算", 21) + `y"`}, `66000 1 {"type_id":"T026"} ` + strings.Repeat("算", 21) + "y - N"},
		{"64 bytes of 16 characters", []string{"code", text("😀", 16), "budget_event", text("😀", 16)}, `66000 1 {"type_id":"T026"} - ` + strings.Repeat("😀", 16) + " N"},
		{"optional: absent", []string{"code", `"absent"`, "branch_code", "", "budget_event", ""}, `66000 1 {"type_id":"T026"} - - N`},
		{"optional: null is as absent", []string{"code", `"null"`, "branch_code", "null", "budget_event", "null"}, `66000 1 {"type_id":"T026"} - - N`},
		{"optional: empty is as absent", []string{"code", `"empty"`, "branch_code", `""`, "budget_event", `""`}, `66000 1 {"type_id":"T026"} - - N`},
		{"texts stay as sent", []string{"code", `" a<b>&\"c\\ "`, "budget_code", `" 0010 "`, "branch_code", `"\u00e9\t"`}, " 0010  1 {\"type_id\":\"T026\"} é\t - N"},
	} {
		wantSaid(t, c.sentence, w.synced(rule(c.fields...)), said{counts: "1+0"})
		code := strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(c.fields[1][1 : len(c.fields[1])-1])
		if got := w.rule(code); got != c.want {
			t.Errorf("%s\nthe rule %q is %q, want %q", c.sentence, code, got, c.want)
		}
	}
}

func TestWireBudgetPriority(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{budgets: lifted})
	for _, c := range []struct{ sentence, value, want string }{
		{"required: absent", "", "required"},
		{"required: null", "null", "required"},
		{"required: empty", `""`, "required"},
		{"0–9999: above", "10000", "out_of_range"},
		{"0–9999: below", "-1", "out_of_range"},
		{"0–9999: above, as text", `"10000"`, "out_of_range"},
		{"0–9999: beyond any integer", "99999999999999999999", "out_of_range"},
		{"0–9999: beyond any integer, below", "-99999999999999999999", "out_of_range"},
		{"0–9999: beyond any integer, as text", text("9", 64), "out_of_range"},
		{"integer: no fraction", "1.0", "invalid"},
		{"integer: no fraction", "1.5", "invalid"},
		{"integer: no exponent", "1e3", "invalid"},
		{"integer: no exponent", "1E0", "invalid"},
		{"string of digits: no space", `" 1"`, "invalid"},
		{"string of digits: no space", `"1 "`, "invalid"},
		{"string of digits: no blank", `" "`, "invalid"},
		{"string of digits: no sign", `"-1"`, "invalid"},
		{"string of digits: no sign", `"+1"`, "invalid"},
		{"string of digits: no fraction", `"1.0"`, "invalid"},
		{"string of digits: no exponent", `"1e3"`, "invalid"},
		{"string of digits: no hexadecimal", `"0x1"`, "invalid"},
		{"string of digits: no underscore", `"1_0"`, "invalid"},
		{"string of digits: of ASCII", `"１"`, "invalid"},
		{"string of digits: no letters", `"first"`, "invalid"},
		{"integer: no boolean", "true", "invalid"},
		{"integer: no list", "[1]", "invalid"},
		{"integer: no list", "[]", "invalid"},
		{"integer: no object", "{}", "invalid"},
	} {
		w.wantFaulty("priority "+c.sentence, rule("priority", c.value), "R1 priority "+c.want)
	}
	w.wantRules("hard: the row is not stored")
	for value, want := range map[string]string{"0": "0", "9999": "9999", `"0"`: "0", `"9999"`: "9999", `"0042"`: "42", "-0": "0"} {
		if got := w.synced(rule("priority", value)).counts(); got != "1+0" && got != "0+1" {
			t.Errorf("priority 0–9999: %s gives %s, want it stored", value, got)
		}
		if got := w.rule("R1"); got != `66000 `+want+` {"type_id":"T026"} - - N` {
			t.Errorf("priority 0–9999: %s is stored as %q, want %s", value, got, want)
		}
	}
}

func TestWireBudgetFlag(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{budgets: lifted})
	for _, value := range []string{`"y"`, `"n"`, `""`, `" "`, `" Y"`, `"Y "`, `"YES"`, `"YN"`, `"Ｙ"`, "0", "1", `"0"`, `"1"`, "true", "false", "[]", `["Y"]`, "{}"} {
		w.wantFaulty("deleted_flag: Y or N", rule("deleted_flag", value), "R1 deleted_flag invalid")
	}
	for value, want := range map[string]string{"": "N", "null": "N", `"N"`: "N", `"Y"`: "Y", `"\u0059"`: "Y"} {
		w.synced(rule("deleted_flag", value))
		if got := w.rule("R1"); got != `66000 1 {"type_id":"T026"} - - `+want {
			t.Errorf("deleted_flag: Y or N, default N: %q is stored as %q, want %s", value, got, want)
		}
	}
}

func TestWireBudgetOtherFields(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{budgets: lifted})
	for _, c := range []struct {
		sentence string
		fields   []string
		warnings []string
	}{
		{"ignored, named", []string{"remark", `"x"`}, []string{"remark"}},
		{"ignored whatever it is", []string{"a", "null", "b", "[{}]", "c", `{"d":1}`, "e", "1.50"}, []string{"a", "b", "c", "e"}},
		{"named in the order in which they came", []string{"z", "1", "y", "1", "x", "1"}, []string{"z", "y", "x"}},
		{"names are case-sensitive", []string{"Priority", "99999", "BRANCH_CODE", `"B"`}, []string{"Priority", "BRANCH_CODE"}},
		{"names as sent", []string{"分公司", "1", " code", "1", "rule_condition.a", "1"}, []string{"分公司", " code", "rule_condition.a"}},
		{"nothing is ignored of a good row", []string{"branch_code", `"D1"`, "budget_event", `"CEM"`, "deleted_flag", `"N"`}, nil},
	} {
		got := w.synced(rule(append(c.fields, "code", `"`+c.sentence+`"`)...))
		want := said{counts: "1+0"}
		for _, name := range c.warnings {
			want.warnings = append(want.warnings, "0 "+c.sentence+" "+name+" unknown_field")
		}
		wantSaid(t, "any other field: "+c.sentence, got, want)
	}
	w.wantFaulty("a row that is not stored has no warnings", rule("priority", "-1", "remark", "1"), "R1 priority out_of_range")
}

func TestWireBudgetAllThatIsWrong(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{budgets: lifted, codes: codes{"closed": domain.NewFailure(domain.CodeNotFound, "", "")}, columns: columns{"type_id"}})
	long := text("x", 65)
	w.wantFaulty("all faults of a row at once",
		rule("deleted_flag", `"y"`, "code", long, "budget_event", long, "branch_code", "7", "rule_condition", `{"9":1,"a":[]}`, "budget_code", "null", "priority", "-1"),
		strings.Repeat("x", 65)+" code too_long", strings.Repeat("x", 65)+" priority out_of_range", strings.Repeat("x", 65)+" budget_code required",
		strings.Repeat("x", 65)+" rule_condition.9 invalid", strings.Repeat("x", 65)+" rule_condition.a required",
		strings.Repeat("x", 65)+" branch_code invalid", strings.Repeat("x", 65)+" budget_event too_long", strings.Repeat("x", 65)+" deleted_flag invalid")
	w.wantFaulty("all that is missing at once", "{}", "- code required", "- priority required", "- budget_code required", "- rule_condition required")
	for _, row := range []string{"null", "5", "true", `"R1"`, `[{"code":"R1"}]`} {
		w.wantFaulty("a row that is no object", row, "- - invalid")
	}
	wantSaid(t, "index from 0, code as sent or null, field null where none is to blame, in the order of the rows",
		w.synced(
			"5",
			rule("code", `"A"`, "budget_code", `"closed"`),
			rule("code", `"B"`, "rule_condition", `{"other":1,"type_id":2,"header_type_id":3}`, "remark", "1"),
			rule("code", `"C"`, "priority", "6666"),
			rule("code", `"D"`, "priority", "null", "deleted_flag", "1"),
			rule("code", "6", "priority", "1"),
			rule("code", `"E"`, "budget_code", `"closed"`),
			rule("code", `"F"`, "rule_condition", `{"another":1}`),
			rule("code", `"G"`, "priority", "6666", "remark", `"a refused row has no warnings"`),
			"null",
			rule("code", `"H"`),
		),
		said{
			counts:  "3+0",
			faulty:  []string{"0 - - invalid", "1 A budget_code not_found", "4 D priority required", "4 D deleted_flag invalid", "5 - code invalid", "6 E budget_code not_found", "9 - - invalid"},
			refused: []string{"3 C - rejected", "8 G - rejected"},
			warnings: []string{
				"2 B rule_condition.header_type_id unknown_field", "2 B rule_condition.other unknown_field", "2 B remark unknown_field",
				"7 F rule_condition.another unknown_field",
			},
		})
	w.wantRules("weak: the row is stored", "B", "F", "H")
}

// TestWireBudgetHostsCheck has a host that knows which budgets there are.
func TestWireBudgetHostsCheck(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{budgets: lifted, codes: codes{
		"gone":   domain.NewFailure(domain.CodeNotFound, "", ""),
		"closed": domain.NewFailure(domain.CodeInvalid, "branch_code", "D1"),
	}})
	got := w.synced(
		rule("code", `"A"`), rule("code", `"B"`, "budget_code", `"gone"`), rule("code", `"C"`, "budget_code", `"closed"`),
		rule("code", `"D"`, "budget_code", `"gone"`), rule("code", `"E"`, "budget_code", `"gone"`, "priority", "-1"),
	)
	wantSaid(t, "what the host refuses is a hard fault", got, said{
		counts: "1+0",
		faulty: []string{"1 B budget_code not_found", "2 C branch_code invalid", "3 D budget_code not_found", "4 E priority out_of_range"},
	})
	if !slices.ContainsFunc(got.messages, func(m string) bool { return strings.Contains(m, "gone") }) {
		t.Errorf("the messages %q do not name the budget", got.messages)
	}
	w.wantRules("hard: the row is not stored", "A")
}

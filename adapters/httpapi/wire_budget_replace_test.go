package httpapi_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// revision is how often a rule of acme was stored; 0 when there is none.
func (w *world) revision(code string) int {
	w.t.Helper()
	got := w.call(http.MethodGet, "/v1/budget-rules/"+code, "", "X-API-Key", w.admin)
	n, _ := fields(w.t, got.body)["revision"].(float64)
	return int(n)
}

func TestWireBudgetReplaces(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{budgets: lifted})
	full := []string{"priority", "7", "budget_code", `"B1"`, "rule_condition", `{"a":1,"b":2}`, "branch_code", `"D1"`, "budget_event", `"CEM"`, "deleted_flag", `"Y"`}
	for i, step := range []struct {
		sentence     string
		fields       []string
		counts, want string
	}{
		{"created: a code that was not there", full, "1+0", `B1 7 {"a":1,"b":2} D1 CEM Y`},
		{"updated, also when nothing differed", full, "0+1", `B1 7 {"a":1,"b":2} D1 CEM Y`},
		{"replaced whole: absent is cleared, an absent flag is N", nil, "0+1", `66000 1 {"type_id":"T026"} - - N`},
		{"replaced whole: the condition is not merged", []string{"rule_condition", `{"c":3}`, "branch_code", `"D2"`}, "0+1", `66000 1 {"c":3} D2 - N`},
		{"replaced whole: null is as absent", []string{"branch_code", "null", "budget_event", `"E"`}, "0+1", `66000 1 {"type_id":"T026"} - E N`},
		{"Y marks the rule deleted; it stays", []string{"deleted_flag", `"Y"`}, "0+1", `66000 1 {"type_id":"T026"} - - Y`},
		{"Y again", []string{"deleted_flag", `"Y"`}, "0+1", `66000 1 {"type_id":"T026"} - - Y`},
		{"N brings it back", []string{"deleted_flag", `"N"`}, "0+1", `66000 1 {"type_id":"T026"} - - N`},
		{"Y marks", []string{"deleted_flag", `"Y"`, "priority", "2"}, "0+1", `66000 2 {"type_id":"T026"} - - Y`},
		{"an absent flag is N and brings it back", nil, "0+1", `66000 1 {"type_id":"T026"} - - N`},
	} {
		wantSaid(t, step.sentence, w.synced(rule(step.fields...)), said{counts: step.counts})
		if got := w.rule("R1"); got != step.want || w.revision("R1") != i+1 {
			t.Errorf("%s\nthe rule is %q after %d times, want %q after %d", step.sentence, got, w.revision("R1"), step.want, i+1)
		}
	}
	w.synced(rule("priority", "-1", "budget_code", `"B9"`))
	w.synced(rule("priority", "6666", "budget_code", `"B9"`))
	if got, want := w.rule("R1"), `66000 1 {"type_id":"T026"} - - N`; got != want {
		t.Errorf("a row that is not stored leaves the rule as it was: %q, want %q", got, want)
	}
	wantSaid(t, "codes are compared by their bytes",
		w.synced(rule("code", `"r1"`), rule("code", `"R1 "`), rule("code", `"Ｒ1"`), rule("code", `"\u0065\u0301"`), rule("code", `"\u00e9"`)), said{counts: "5+0"})
	wantSaid(t, "data: empty", w.synced(), said{counts: "0+0"})
	w.wantRules("by code", "R1", "R1 ", "e\u0301", "r1", "é", "Ｒ1")
}

func TestWireBudgetTenantsApart(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{budgets: lifted})
	w.synced(rule("budget_code", `"ours"`), rule("code", `"R2"`))
	got := answerOf(t, w.send(batch("theirs", rule("budget_code", `"theirs"`, "deleted_flag", `"Y"`), rule("code", `"R3"`)), "X-API-Key", w.foreign))
	if got.resCode != 401000 { // two keys that differ
		t.Errorf("two keys: %+v, want 401", got)
	}
	got = answerOf(t, w.call(http.MethodPost, syncPath, batch("theirs", rule("budget_code", `"theirs"`, "deleted_flag", `"Y"`), rule("code", `"R3"`)), "X-API-Key", w.foreign))
	wantSaid(t, "upsert by (tenant, code)", got, said{counts: "2+0"})
	if got := w.rule("R1"); got != `ours 1 {"type_id":"T026"} - - N` || w.rule("R3") != "" {
		t.Errorf("tenants see nothing of each other: acme has R1 as %q and R3 as %q", got, w.rule("R3"))
	}
	w.wantRules("tenants see nothing of each other", "R1", "R2")
	if got := w.codesOf("", w.foreign); !slices.Equal(got, []string{"R1", "R3"}) {
		t.Errorf("the other tenant has %q, want R1 and R3", got)
	}
}

func TestWireBudgetRepeatsInOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{budgets: lifted})
	w.synced(rule("code", `"old"`))
	got := w.synced(
		rule("priority", "1", "branch_code", `"D1"`), rule("code", `"old"`), rule("priority", "-1"), rule("priority", "2", "deleted_flag", `"Y"`),
		rule("code", `"old"`, "priority", "9", "remark", "1"), rule("code", `"r1"`), rule("priority", "3"),
	)
	wantSaid(t, "rows act in order, each is counted, the later ones get a warning", got, said{
		counts:   "2+4",
		faulty:   []string{"2 R1 priority out_of_range"},
		warnings: []string{"3 R1 code duplicate", "4 old remark unknown_field", "4 old code duplicate", "6 R1 code duplicate"},
	})
	if want := `66000 3 {"type_id":"T026"} - - N`; w.rule("R1") != want || w.revision("R1") != 3 {
		t.Errorf("the last row stands, whole: %q after %d times, want %q after 3", w.rule("R1"), w.revision("R1"), want)
	}
	if want := `66000 9 {"type_id":"T026"} - - N`; w.rule("old") != want {
		t.Errorf("the last row stands: %q, want %q", w.rule("old"), want)
	}
	list := got.messages[1:] // behind that of the faulty row
	for i, earlier := range map[int]string{0: "0", 2: "1", 3: "3"} {
		if !strings.Contains(strings.NewReplacer("R1", "", "old", "").Replace(list[i]), earlier) {
			t.Errorf("a warning names the earlier row: %q, want %s in it", list[i], earlier)
		}
	}
	many := make([]string, 300) // in more than one statement
	for i := range many {
		many[i] = rule("code", `"many"`, "priority", fmt.Sprint(i))
	}
	last := w.synced(many...)
	if last.counts() != "1+299" || len(last.warnings) != 299 || w.rule("many") != `66000 299 {"type_id":"T026"} - - N` || w.revision("many") != 300 {
		t.Errorf("300 rows of one code: %s with %d warnings leave %q after %d times, want 1+299, 299, the last row, 300",
			last.counts(), len(last.warnings), w.rule("many"), w.revision("many"))
	}
}

func TestWireBudgetRefusedRows(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{budgets: lifted})
	dear := func(code string) string { return rule("code", `"`+code+`"`, "priority", fmt.Sprint(tooDear)) }
	for _, c := range []struct {
		sentence string
		rows     []string
		want     said
	}{
		{"first", []string{dear("a1"), rule("code", `"a2"`), rule("code", `"a3"`)}, said{"2+0", nil, []string{"0 a1 - rejected"}, nil}},
		{"in the middle", []string{rule("code", `"b1"`), dear("b2"), rule("code", `"b3"`)}, said{"2+0", nil, []string{"1 b2 - rejected"}, nil}},
		{"last", []string{rule("code", `"c1"`), rule("code", `"c2"`), dear("c3")}, said{"2+0", nil, []string{"2 c3 - rejected"}, nil}},
		{"by the order of the rows, whatever their codes", []string{dear("d9"), rule("code", `"d5"`), dear("d1")}, said{"1+0", nil, []string{"0 d9 - rejected", "2 d1 - rejected"}, nil}},
		{"all: 200 with resCode 200000 all the same", []string{dear("e1"), dear("e2")}, said{"0+0", nil, []string{"0 e1 - rejected", "1 e2 - rejected"}, nil}},
		{"all faulty: 200 with resCode 200000 all the same", []string{"{}", `{"code":5}`}, said{"0+0", []string{
			"0 - code required", "0 - priority required", "0 - budget_code required", "0 - rule_condition required",
			"1 - code invalid", "1 - priority required", "1 - budget_code required", "1 - rule_condition required",
		}, nil, nil}},
		{"beside faults and warnings", []string{dear("f1"), rule("code", `"f2"`, "x", "1"), rule("code", `"f3"`, "priority", `"x"`)}, said{"1+0", []string{"2 f3 priority invalid"}, []string{"0 f1 - rejected"}, []string{"1 f2 x unknown_field"}}},
	} {
		got := w.synced(c.rows...)
		wantSaid(t, "a row the database refuses: "+c.sentence, got, c.want)
		if got.resCode != 200000 || got.resMsg != "success" {
			t.Errorf("%s\nresCode %d and resMsg %q, want 200000 and success", c.sentence, got.resCode, got.resMsg)
		}
	}
	w.wantRules("all others are stored", "a2", "a3", "b1", "b3", "c1", "c2", "d5", "f2")

	var rows, refused []string
	for i := range 1000 { // in several statements
		if i%100 == 7 {
			rows, refused = append(rows, dear(fmt.Sprint("m", i))), append(refused, fmt.Sprintf("%d m%d - rejected", i, i))
		} else {
			rows = append(rows, rule("code", fmt.Sprintf(`"m%d"`, i)))
		}
	}
	wantSaid(t, "ten of a thousand rows are refused", w.synced(rows...), said{counts: "990+0", refused: refused})
}

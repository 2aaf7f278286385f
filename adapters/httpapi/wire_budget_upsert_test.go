package httpapi_test

import (
	"fmt"
	"net/http"
	"testing"
)

func TestWireBudgetUpsert(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{budgets: lifted})
	full := rule("branch_code", `"D1"`, "budget_event", `"CEM"`, "deleted_flag", `"Y"`)
	for _, c := range []struct {
		sentence, row, counts, rule string
	}{
		{"created counts rows whose code was not there", full, "1+0", `66000 1 {"type_id":"T026"} D1 CEM Y`},
		{"updated the rest, also when nothing differed", full, "0+1", `66000 1 {"type_id":"T026"} D1 CEM Y`},
		{"an optional field that is absent is cleared, an absent flag is N", rule("priority", "2", "budget_code", `"67"`, "rule_condition", `{"b":1}`), "0+1", `67 2 {"b":1} - - N`},
		{"deleted_flag Y marks the rule deleted; it stays", rule("deleted_flag", `"Y"`), "0+1", `66000 1 {"type_id":"T026"} - - Y`},
		{"and N later brings it back", rule("deleted_flag", `"N"`), "0+1", `66000 1 {"type_id":"T026"} - - N`},
		{"a row with a fault changes nothing", rule("priority", "10000"), "0+0", `66000 1 {"type_id":"T026"} - - N`},
		{"a row that the database refuses changes nothing", rule("priority", fmt.Sprint(tooDear)), "0+0", `66000 1 {"type_id":"T026"} - - N`},
	} {
		if got := w.synced(c.row); got.counts() != c.counts || w.rule("R1") != c.rule {
			t.Errorf("%s\n%s gives %s and %s, want %s and %s", c.sentence, c.row, got.counts(), w.rule("R1"), c.counts, c.rule)
		}
	}
	wantSaid(t, "data may be empty", w.synced(), said{counts: "0+0"})
	w.wantRules("upsert by tenant and code", "R1")
}

func TestWireBudgetRepeatedCodes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{budgets: lifted})
	wantSaid(t, "rows act in order, each is counted, the later ones get a warning naming the earlier row",
		w.synced(rule("priority", "1"), rule("code", `"R2"`), rule("priority", "2"), rule("priority", "-3"), rule("priority", "4", "x", "1")),
		said{
			counts: "2+2", faulty: []string{"3 R1 priority out_of_range"},
			warnings: []string{"2 R1 code duplicate", "4 R1 x unknown_field", "4 R1 code duplicate"},
		})
	if got, want := w.rule("R1"), `66000 4 {"type_id":"T026"} - - N`; got != want {
		t.Errorf("the rule is %s, want the last row's: %s", got, want)
	}
	wantSaid(t, "a row that is refused leaves what the one before has done",
		w.synced(rule("priority", "7"), rule("priority", fmt.Sprint(tooDear))),
		said{counts: "0+1", refused: []string{"1 R1 - rejected"}})
	if got, want := w.rule("R1"), `66000 7 {"type_id":"T026"} - - N`; got != want {
		t.Errorf("the rule is %s, want %s", got, want)
	}
	got := w.call(http.MethodPost, syncPath, batch("named", rule("code", `"N"`), rule("code", `"M"`), rule("code", `"N"`)), "X-API-Key", w.admin, "locale", "en_US")
	if a := answerOf(t, got); len(a.messages) != 1 || a.messages[0] != "code “N” is also the code of the row at index 0; this row acts after that one." {
		t.Errorf("the warning says %q, want the index of the earlier row", a.messages)
	}
}

func TestWireBudgetPartialFailure(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{budgets: lifted})
	var rows []string
	var refused []string
	for i := range 1_000 {
		code := fmt.Sprintf("R%04d", (i*389)%1_000)
		row := rule("code", `"`+code+`"`)
		if i%97 == 13 {
			row = rule("code", `"`+code+`"`, "priority", fmt.Sprint(tooDear))
			refused = append(refused, fmt.Sprintf("%d %s - rejected", i, code))
		}
		rows = append(rows, row)
	}
	got := w.synced(rows...)
	wantSaid(t, "a row the database refuses goes to dbErrors; all others are stored", got, said{counts: fmt.Sprint(1_000-len(refused), "+0"), refused: refused})
	if got.resCode != 200_000 || got.resMsg != "success" {
		t.Errorf("resCode %d, resMsg %q; want 200000 and success", got.resCode, got.resMsg)
	}
	all := w.synced("1", rule("priority", "-1"), rule("priority", fmt.Sprint(tooDear)))
	if all.resCode != 200_000 || all.counts() != "0+0" {
		t.Errorf("the answer is %+v, want 200 with resCode 200000 however many rows failed", all)
	}
}

// TestWireBudgetTenants checks that data of another tenant does not exist.
func TestWireBudgetTenants(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{budgets: lifted})
	w.synced(rule())
	foreign := w.call(http.MethodPost, syncPath, batch("f1", rule("priority", "9")), "X-API-Key", w.foreign)
	if a := answerOf(t, foreign); a.counts() != "1+0" {
		t.Errorf("another tenant's rule of the same code is %s, want it created", a.counts())
	}
	if got := w.rule("R1"); got != `66000 1 {"type_id":"T026"} - - N` {
		t.Errorf("the rule is %s, want it as its own tenant sent it", got)
	}
	if got := w.codesOf("", w.foreign); len(got) != 1 {
		t.Errorf("the other tenant has %q, want its own rule alone", got)
	}
}

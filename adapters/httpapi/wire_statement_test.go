package httpapi_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// imports uploads a workbook of these rows and imports it.
func (w *world) imports(titles []string, rows ...[]string) (code int, data map[string]any, failed []string) {
	w.t.Helper()
	file := w.uploaded("s.xlsx", workbook(w.t, titles, rows...))
	return w.done(fmt.Sprintf(`{"job_name":"estate_import_monthly_statement","publicUrl":%q,"date":"202611"}`, file["url"]))
}

// lines returns "item amount note" of the lines of an estate in November.
func (w *world) lines(id int) (all []string) {
	w.t.Helper()
	page := fields(w.t, w.call(http.MethodGet, fmt.Sprintf("/v1/estates/%d/statements?month=202611", id), "", "X-API-Key", w.admin).body)
	for _, l := range page["lines"].([]any) {
		line := l.(map[string]any)
		all = append(all, strings.TrimSpace(fmt.Sprint(line["item"], " ", line["amount"], " ", line["note"])))
	}
	return all
}

func TestWireStatementHeaders(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	w.population()
	w.run()
	var languages [][]string
	for _, locale := range []string{"zh_TW", "zh_CN", "en_US", "ja_JP"} {
		template := w.call(http.MethodGet, "/v1/templates/monthly-statement.xlsx", "", "X-API-Key", w.admin, "locale", locale)
		languages = append(languages, rowsOf(t, template.body)[0])
	}
	if want := []string{"物件編號", "項目", "金額", "備註"}; !slices.Equal(languages[0], want) {
		t.Errorf("the headers in Chinese are %q, want %q", languages[0], want)
	}
	for i, c := range []struct {
		sentence string
		titles   []string
		row      func(item string) []string
	}{
		{"by key", []string{"estate_id", "item", "amount", "note"}, func(item string) []string { return []string{"1", item, "1", "n"} }},
		{"in any order", []string{"note", "amount", "item", "estate_id"}, func(item string) []string { return []string{"n", "1", item, "1"} }},
		{"note is optional", []string{"item", "estate_id", "amount"}, func(item string) []string { return []string{item, "1", "1"} }},
		{"zh_TW", languages[0], func(item string) []string { return []string{"1", item, "1", "n"} }},
		{"zh_CN", languages[1], func(item string) []string { return []string{"1", item, "1", "n"} }},
		{"en_US", languages[2], func(item string) []string { return []string{"1", item, "1", "n"} }},
		{"ja_JP", languages[3], func(item string) []string { return []string{"1", item, "1", "n"} }},
		{"languages may be mixed, and other columns stand between", []string{"倉庫", languages[0][2], "x", "estate_id", languages[3][1]}, func(item string) []string { return []string{"a", "1", "b", "1", item} }},
	} {
		item := fmt.Sprintf("item%d", i)
		code, data, failed := w.imports(c.titles, c.row(item))
		if lines := w.lines(1); code != 200 || !slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, item+" 1.00") }) {
			t.Errorf("%s: %q ended %d with %v and %q, and leaves %q", c.sentence, c.titles, code, data, failed, lines)
		}
	}
	for _, c := range []struct {
		sentence string
		titles   []string
		says     []string // parts of the message
	}{
		{"a missing column: 400", []string{"estate_id", "item"}, []string{languages[2][2]}},
		{"all missing columns are named", []string{"note"}, languages[2][:3]},
		{"a column twice: 400", []string{"estate_id", "item", "amount", languages[0][2]}, []string{languages[2][2], "D1"}},
	} {
		code, data, _ := w.imports(c.titles)
		message, _ := data["message"].(string)
		for _, part := range c.says {
			if code != 400 || !strings.Contains(message, part) {
				t.Errorf("%s: %q ended %d with %v, want 400 and a message with %s", c.sentence, c.titles, code, data, part)
			}
		}
	}
	text := w.uploaded("s.xlsx", "estate_id,item,amount")
	if code, data, _ := w.done(fmt.Sprintf(`{"job_name":"estate_import_monthly_statement","publicUrl":%q,"date":"202611"}`, text["url"])); code != 400 || data["message"] == nil {
		t.Errorf("not a workbook: %d %v, want 400 and a message", code, data)
	}
}

func TestWireStatementRows(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	w.population()
	w.run()
	titles := []string{"estate_id", "item", "amount", "note"}
	code, _, failed := w.imports(titles,
		[]string{"1", "a", "1250.5", "up to two decimals"},
		[]string{"1", "b", "-0.01", "may be negative"},
		[]string{},
		[]string{" ", "", "", " "},
		[]string{"1", "c", "7", ""},
		[]string{"2", "d", "1", "first"},
		[]string{"2", "d", "2", "second"},
		[]string{"2", "e", "3", "the next is not valid"},
		[]string{"2", "e", "x", ""},
		[]string{"404", "a", "1", ""},
		[]string{"2", "d", "4", "third"},
		[]string{"51", "a", "1", "another tenant's"},
	)
	want := []string{"7 superseded item", "8 superseded item", "10 invalid amount", "11 not_found estate_id", "13 not_found estate_id"}
	if code != 200 || !slices.Equal(failed, want) {
		t.Errorf("the later row wins, decided over the whole file among rows that are valid: %d %q, want 200 %q", code, failed, want)
	}
	if got, want := w.lines(1), []string{"a 1250.50 up to two decimals", "b -0.01 may be negative", "c 7.00"}; !slices.Equal(got, want) {
		t.Errorf("a blank row ends nothing and is skipped: estate 1 has %q, want %q", got, want)
	}
	if got, want := w.lines(2), []string{"d 4.00 third", "e 3.00 the next is not valid"}; !slices.Equal(got, want) {
		t.Errorf("the later row wins: estate 2 has %q, want %q", got, want)
	}
	if code, _, failed := w.imports(titles, []string{"1", "c", "8.25", "again"}, []string{"1", "a", "1250.50", "up to two decimals"}); code != 200 || failed != nil {
		t.Errorf("upserts by (estate, month, item): %d %q", code, failed)
	}
	if got := w.lines(1); len(got) != 3 || got[2] != "c 8.25 again" {
		t.Errorf("upserts by (estate, month, item): %q", got)
	}
	if code, _, failed := w.imports(titles, []string{"0", "a", "1", ""}, []string{"x", "", "1.234", ""}); code != 204 || len(failed) != 2 {
		t.Errorf("all failed: %d %q, want 204 with 2", code, failed)
	}
	if code, data, _ := w.imports(titles); code != 204 || data["failed_estates_amount"] != nil {
		t.Errorf("nothing there: %d %v, want 204", code, data)
	}
}

// TestWireStatementFailures checks that every failed row names its sheet row
// number, column, value and reason.
func TestWireStatementFailures(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	w.population()
	w.run()
	file := w.uploaded("s.xlsx", workbook(t, []string{"x", "amount", "item", "estate_id", "note"},
		[]string{"", "1", "a", "1", ""}, // row 2, replaced by 8
		[]string{"", "1", "a", "nine", ""},
		[]string{"", "1.234", "a", "1", ""},
		[]string{"", "1", "", "1", ""},
		[]string{"", "", "a", "", ""},
		[]string{"", "1", "a", "404", ""},
		[]string{"", "2", "a", "1", ""},
		[]string{"", "1", "b", "9007199254740992", strings.Repeat("x", 3001)},
	))
	code := w.submit(fmt.Sprintf(`{"job_name":"estate_import_monthly_statement","publicUrl":%q,"date":"202611"}`, file["url"]))
	w.ended(code)
	type fault struct{ field, code, value, cell string }
	var got [][]fault
	list := fields(t, w.failures(code, "", "locale", "en_US").body)["failures"].([]any)
	for _, f := range list {
		item := f.(map[string]any)
		also, _ := item["also"].([]any)
		var faults []fault
		for _, one := range append([]any{item}, also...) {
			m := one.(map[string]any)
			_, cell, _ := strings.Cut(m["message"].(string), "(")
			cell, _, _ = strings.Cut(cell, ")")
			faults = append(faults, fault{m["field"].(string), m["code"].(string), fmt.Sprintf("%.9s", m["value"]), cell})
		}
		got = append(got, faults)
	}
	want := [][]fault{
		{{"item", "superseded", "a", "C2"}},
		{{"estate_id", "invalid", "nine", "D3"}},
		{{"amount", "invalid", "1.234", "B4"}, {"item", "superseded", "a", "C4"}}, // a later row has the line
		{{"item", "required", "", "C5"}},
		{{"amount", "required", "", "B6"}, {"estate_id", "required", "", "D6"}}, // as they stand in the sheet
		{{"estate_id", "not_found", "404", "D7"}},
		{{"estate_id", "out_of_range", "900719925", "D9"}, {"note", "too_long", "xxxxxxxxx", "E9"}},
	}
	if !slices.EqualFunc(got, want, slices.Equal[[]fault]) {
		t.Errorf("failures\n%v\nwant\n%v\nof %v", got, want, list)
	}
}

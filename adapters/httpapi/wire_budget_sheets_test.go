package httpapi_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/batchport/batchport/app/engine"
)

// ruleTitles are the columns of the template in the locale.
func (w *world) ruleTitles(locale string) []string {
	w.t.Helper()
	return rowsOf(w.t, w.call(http.MethodGet, "/v1/templates/budget-rules.xlsx", "", "X-API-Key", w.admin, "locale", locale).body)[0]
}

// sheetJob uploads a workbook of these rows and syncs it.
func (w *world) sheetJob(titles []string, rows ...[]string) (code string, end map[string]any) {
	w.t.Helper()
	file := w.uploaded("規則.xlsx", workbook(w.t, titles, rows...))
	return w.syncJob(fmt.Sprintf(`{"url":%q}`, file["url"]), "locale", "zh_TW")
}

// ruleFields are the columns by the names of their fields.
var ruleFields = []string{"code", "priority", "budget_code", "rule_condition", "branch_code", "budget_event", "deleted_flag"}

func TestWireBudgetTemplate(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	for locale, want := range map[string][]string{
		"zh_TW": {"規則編碼", "優先順序", "預算科目編碼", "規則條件", "分公司編碼", "預算事件", "刪除標記"},
		"en_US": {"Rule code", "Priority", "Budget code", "Rule condition", "Branch code", "Budget event", "Deleted (Y or N)"},
	} {
		got := w.call(http.MethodGet, "/v1/templates/budget-rules.xlsx", "", "X-API-Key", w.poor, "locale", locale)
		rows := rowsOf(t, got.body)
		if got.status != http.StatusOK || len(rows) != 1 || !slices.Equal(rows[0], want) {
			t.Errorf("the template in %s = %d with %q, want the columns %q", locale, got.status, rows, want)
		}
		name := map[string]string{
			"zh_TW": `attachment; filename="budget-rules.xlsx"; filename*=UTF-8''%E6%9C%83%E8%A8%88%E8%A6%8F%E5%89%87%E5%8C%AF%E5%85%A5%E7%AF%84%E6%9C%AC.xlsx`,
			"en_US": `attachment; filename="Budget rules template.xlsx"; filename*=UTF-8''Budget%20rules%20template.xlsx`,
		}[locale]
		if disposition := got.header.Get("Content-Disposition"); disposition != name {
			t.Errorf("the template in %s has the disposition %s, want %s", locale, disposition, name)
		}
	}
	if got := w.call(http.MethodGet, "/v1/templates/budget-rules.xlsx", ""); got.status != http.StatusUnauthorized {
		t.Errorf("the template without a key = %d, want 401", got.status)
	}
}

func TestWireBudgetSheetColumns(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{budgets: lifted, engine: engine.Config{ChunkSize: 100}})
	w.run()
	chinese, japanese := w.ruleTitles("zh_TW"), w.ruleTitles("ja_JP")
	row := func(code string) []string { return []string{code, "7", "B1", `{"a":["x",1]}`, "D1", "CEM", "Y"} }
	const whole = `B1 7 {"a":["x",1]} D1 CEM Y`
	for i, c := range []struct {
		sentence string
		titles   []string
		row      func(code string) []string
		want     string
	}{
		{"titles as names of fields", ruleFields, row, whole},
		{"titles as labels: zh_TW", chinese, row, whole},
		{"titles as labels: zh_CN", w.ruleTitles("zh_CN"), row, whole},
		{"titles as labels: en_US", w.ruleTitles("en_US"), row, whole},
		{"titles as labels: ja_JP", japanese, row, whole},
		{"in any order, languages mixed, and other columns between", []string{"備註", japanese[3], "x", "priority", chinese[0], "budget_code"}, func(code string) []string { return []string{"n", `{"a":1}`, "x", "7", code, "B1"} }, `B1 7 {"a":1} - - N`},
		{"rule_condition as the sample spells it", []string{"code", "priority", "budget_code", "rule_condition_json"}, func(code string) []string { return []string{code, "7", "B1", `{"a":1}`} }, `B1 7 {"a":1} - - N`},
		{"an empty cell was not sent", ruleFields, func(code string) []string { return []string{code, "7", "B1", `{"a":1}`, "", "", ""} }, `B1 7 {"a":1} - - N`},
	} {
		code := fmt.Sprint("C", i)
		job, end := w.sheetJob(c.titles, c.row(code))
		if got := w.rule(code); outcomes(end) != "completed 1+0 0 of 1" || got != c.want {
			t.Errorf("%s\n%q ends %s with %q and stores %q, want %q", c.sentence, c.titles, outcomes(end), w.told(job, "failures"), got, c.want)
		}
	}
	for _, c := range []struct {
		sentence string
		titles   []string
		says     []string
	}{
		{"a missing column fails the job", []string{"code", "priority", "budget_code"}, []string{"「規則條件」"}},
		{"all missing columns are named", []string{"branch_code", "code"}, []string{"「優先順序」", "「預算科目編碼」", "「規則條件」"}},
		{"a missing code is one of the rule", []string{"priority", "budget_code", "rule_condition"}, []string{"「規則編碼」"}},
		{"a column twice fails the job", append([]string{chinese[0]}, ruleFields...), []string{"規則編碼（B1）"}},
	} {
		job, end := w.sheetJob(c.titles, append(row("X"), "x")[:len(c.titles)])
		shown := fields(t, w.call(http.MethodGet, "/v1/jobs/"+job, "", "X-API-Key", w.admin, "locale", "zh_TW").body)
		message, _ := shown["message"].(string)
		for _, part := range c.says {
			if end["state"] != "failed" || !strings.Contains(message, part) {
				t.Errorf("%s\n%q ends %v with %q, want it failed and %q named", c.sentence, c.titles, end["state"], message, part)
			}
		}
	}
	text := w.uploaded("a.xlsx", "code,priority")
	if _, end := w.syncJob(fmt.Sprintf(`{"url":%q}`, text["url"])); end["state"] != "failed" || end["message"] == nil {
		t.Errorf("no workbook: %v, want it failed with a message", end)
	}
	if w.rule("X") != "" {
		t.Error("a job that failed has stored a rule")
	}
}

func TestWireBudgetSheetRows(t *testing.T) {
	t.Parallel()
	for _, size := range []int{1, 100} {
		w := newWorld(t, settings{budgets: lifted, engine: engine.Config{ChunkSize: size}, columns: columns{"a"}})
		w.run()
		code, end := w.sheetJob(ruleFields,
			[]string{"A", "1", "B1", `{"a":1}`, "", "", ""},
			[]string{"", "", "", "", "", "", ""},
			[]string{"", "-1", "B1", "a=1", "", "", "x"},
			[]string{"A", "2", "B1", `{"b":1}`, "", "", "Y"},
			[]string{"C", "6666", "B1", `{"a":1}`, "", "", ""},
			[]string{"D", "10000", "B1", "[]", strings.Repeat("預", 22), "", ""},
			[]string{"A", "3", "B1", `{"a":3}`, "", "", ""},
		)
		if got := outcomes(end); got != "completed 1+2 3 of 6" {
			t.Errorf("the job is %s, want a blank row skipped, 1+2 and 3 failed", got)
		}
		short := func(list string) (all []string) { // without the messages
			for _, s := range w.told(code, list) {
				all = append(all, strings.Join(strings.SplitN(s, " ", 5)[:4], " "))
			}
			return all
		}
		if got, want := short("failures"), []string{
			"1 4 code required", "1 4 priority invalid", "1 4 rule_condition invalid", "1 4 deleted_flag invalid", "3 6 - rejected",
			"4 7 priority out_of_range", "4 7 rule_condition required", "4 7 branch_code too_long",
		}; !slices.Equal(got, want) {
			t.Errorf("the failures are %q, want %q: each by the number of its row in the sheet", got, want)
		}
		if got, want := short("warnings"), []string{"2 5 rule_condition.b unknown_field", "2 5 code duplicate", "5 8 code duplicate"}; !slices.Equal(got, want) {
			t.Errorf("the warnings are %q, want %q", got, want)
		}
		if list := w.told(code, "warnings"); !strings.HasSuffix(list[1], "与第 2 行编码相同，本行在其之后生效。") || !strings.HasSuffix(list[2], "与第 5 行编码相同，本行在其之后生效。") {
			t.Errorf("the warnings %q do not name the earlier row in the sheet", list)
		}
		if got := w.rule("A"); got != `B1 3 {"a":3} - - N` {
			t.Errorf("rows act in order: the rule is %q, want the last", got)
		}
		// A row whose chunk comes after that of a later one is not stored any more.
		if n := w.revision("A"); n < 1 || n > 3 || size == 100 && n != 3 {
			t.Errorf("in chunks of %d the rule was stored %d times, want 3, or fewer of several chunks", size, n)
		}
	}
}

// TestWireBudgetCorrections goes the way of an accountant: template, job,
// failures, correction.
func TestWireBudgetCorrections(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{budgets: lifted})
	w.run()
	code, _ := w.sheetJob(w.ruleTitles("zh_TW"),
		[]string{"A", "1", "B1", `{"a":1}`, "", "", ""},
		[]string{"R-7", "10000", "B1", `{"type_id": "T026"}`, "D1", "CEM", "x"},
		[]string{"R-8", "6666", "B1", `{"b":[1,"x"]}`, "", "", "Y"},
	)
	got := w.call(http.MethodGet, "/v1/jobs/"+code+"/failures.xlsx", "", "X-API-Key", w.admin)
	rows := rowsOf(t, got.body)
	if got.status != http.StatusOK || len(rows) != 3 || !strings.HasPrefix(got.header.Get("Content-Disposition"), `attachment; filename="`+code+`_failures.xlsx"`) {
		t.Fatalf("GET failures.xlsx = %d %q with %q, want a header and 2 rows", got.status, got.header, rows)
	}
	if want := append(w.ruleTitles("zh_TW"), "錯誤代碼", "錯誤原因", "列號或序號"); !slices.Equal(rows[0], want) {
		t.Errorf("the columns are %q, want %q", rows[0], want)
	}
	if want := []string{"R-7", "10000", "B1", `{"type_id": "T026"}`, "D1", "CEM", "x", "out_of_range"}; !slices.Equal(rows[1][:8], want) || strings.Count(rows[1][8], "\n") != 1 || rows[1][9] != "3" {
		t.Errorf("the first row is %q, want %q, both reasons, and its number 3", rows[1], want)
	}
	if want := []string{"R-8", "6666", "B1", `{"b":[1,"x"]}`, "", "", "Y", "rejected"}; !slices.Equal(rows[2][:8], want) || rows[2][9] != "4" {
		t.Errorf("the second row is %q, want %q and its number 4", rows[2], want)
	}
	rows[1][1], rows[1][6], rows[2][1] = "10", "N", "11"
	file := w.uploaded("r.xlsx", workbook(t, rows[0], rows[1:]...))
	retried := w.v1(http.MethodPost, "/v1/jobs/"+code+"/retry", `{"url":"`+file["url"].(string)+`"}`, http.StatusAccepted)
	again := retried["code"].(string)
	end := w.over(again)
	if end["retry_of"] != code {
		t.Errorf("the corrections are a retry of %v, want %s", end["retry_of"], code)
	}
	if outcomes(end) != "completed 2+0 0 of 2" {
		t.Errorf("the corrected rows end %s with %q, want both created", outcomes(end), w.told(again, "failures"))
	}
	if a, b := w.rule("R-7"), w.rule("R-8"); a != `B1 10 {"type_id":"T026"} D1 CEM N` || b != `B1 11 {"b":[1,"x"]} - - Y` {
		t.Errorf("the rules are %q and %q", a, b)
	}
	w.wantRules("all are stored", "A", "R-7", "R-8")

	// Rows that were sent with the request come as such a workbook too.
	code, _ = w.syncJob(`{"data":[` + rule("code", `"S"`, "priority", "-1", "rule_condition", "", "rule_condition_json", `{"a":1.50}`, "x", "1") + `,7]}`)
	sheet := w.call(http.MethodGet, "/v1/jobs/"+code+"/failures.xlsx", "", "X-API-Key", w.admin, "locale", "en_US")
	if rows := rowsOf(t, sheet.body); len(rows) != 3 || !slices.Equal(rows[1][:5], []string{"S", "-1", "66000", `{"a":1.50}`, ""}) || rows[1][9] != "0" || rows[2][7] != "invalid" || rows[2][9] != "1" {
		t.Errorf("GET failures.xlsx of rows that were sent = %q", rows)
	}
}

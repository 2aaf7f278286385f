package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tealeg/xlsx/v3"
)

func writeFile(t testing.TB, name, content string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// Each line of a file comes to an end of its own, and is reported with its
// number, whoever found the fault.
func TestBudgetSync(t *testing.T) {
	t.Parallel()
	s := startServing(t, t.TempDir(), "--demo")
	table := writeFile(t, "rules.csv", "\ufeffcode,priority,Budget_Code,rule_condition,colour\n"+
		`R1,1,66000,"{""type_id"": [""T026"",`+"\n"+`""T027""]}",red`+"\n"+
		"R2,10000,66000,\"{\"\"a\"\": 1}\",\nR3,1,66000\n\nR4,1,66000,\"{\"\"a\"\": 1}\",\n")
	got := tell(t, s.url, s.key, "budget", "sync", table)
	got.check(t, "budget sync of a table", exitPartiallyFailed, `passed over: "colour"`, "line 4: priority: ", "(out_of_range)\n",
		"line 5: The line has 3 cells", "2 of 4 rules failed", "next: batchport jobs failures ")
	if got.out != "budget rules: 2 created, 0 updated, 2 failed\n" {
		t.Errorf("budget sync printed %q, want the counts", got.out)
	}

	lines := writeFile(t, "rules.ndjson", `{"code":"R1","priority":2,"budget_code":"6","rule_condition":{"a":1}}`+"\n\nnot json\n"+
		`{"code":"N","code":"N"}`+"\n"+`1],"url":["`+"\n"+`{"code":"N"}`+"\n"+
		strings.Repeat("[", 15)+strings.Repeat("]", 15)+"\n") // too deep only within a request
	got = tell(t, s.url, s.key, "budget", "sync", lines, "--json", "--locale", "zh_TW")
	got.check(t, "budget sync of lines", exitPartiallyFailed)
	var report syncReport
	if err := json.Unmarshal([]byte(got.out), &report); err != nil || strings.Count(got.out, "\n") != 1 {
		t.Fatalf("budget sync --json printed %q: %v; want one document", got.out, err)
	}
	where := map[int]string{}
	for _, f := range report.Failures {
		where[f.Line] += f.Code + " "
	}
	if want := "map[3:malformed  4:duplicate  5:malformed  6:required required required  7:malformed ]"; fmt.Sprint(where) != want || report.Updated != 1 || report.Failed != 5 {
		t.Errorf("the report has %v, %+v; want %s", where, report, want)
	}

	good := tell(t, s.url, s.key, "jobs", "submit", "budget-rule-sync", "--watch", "--file",
		writeFile(t, "good.json", `{"data":[{"code":"R1","priority":2,"budget_code":"6","rule_condition":{"a":1}}]}`))
	code, _, _ := strings.Cut(good.out, "\n")
	book := filepath.Join(t.TempDir(), "failed.xlsx")
	if none := tell(t, s.url, s.key, "jobs", "failures", code, "--xlsx", book); none.out != book+"\n" || none.stderr != "" {
		t.Errorf("jobs failures of a job without any printed %q and %q, want the file and no advice", none.out, none.stderr)
	}

	bad := tellIn(t, []string{"BATCHPORT_SERVER=" + s.url, "BATCHPORT_KEY=" + s.key}, "budget", "sync", writeFile(t, "bad.ndjson", "{}\n"))
	bad.check(t, "budget sync of nothing good", exitError, "line 1: code: ", "line 1: priority: ")
	for name, says := range map[string]string{"code,priority\n": "no column budget_code", "code,code\n": "two columns", "": "empty", "\xa4\xa4": "UTF-8", "code,priority,budget_code,rule_condition\nR1,\"1": "line 2"} {
		tell(t, s.url, s.key, "budget", "sync", writeFile(t, "rules.csv", name)).check(t, name, exitError, says)
	}
	s.stop(t)
}

func TestBudgetSyncOfAWorkbook(t *testing.T) {
	t.Parallel()
	s := startServing(t, t.TempDir(), "--demo")
	book := xlsx.NewFile()
	sheet, err := book.AddSheet("rules")
	if err != nil {
		t.Fatal(err)
	}
	for _, cells := range [][]string{
		{"code", "priority", "budget_code", "rule_condition"}, {"R1", "1", "66000", `{"a": 1}`}, {"R2", "x", "66000", `{"a": 1}`},
	} {
		row := sheet.AddRow()
		for _, text := range cells {
			row.AddCell().SetString(text)
		}
	}
	file := filepath.Join(t.TempDir(), "規則.xlsx")
	if err := book.Save(file); err != nil {
		t.Fatal(err)
	}
	got := tell(t, s.url, s.key, "budget", "sync", file)
	got.check(t, "budget sync of a workbook", exitPartiallyFailed, "line 3: priority: ")
	if got.out != "budget rules: 1 created, 0 updated, 1 failed\n" {
		t.Errorf("budget sync printed %q, want the counts", got.out)
	}
	s.stop(t)
}

func TestChunksOfRules(t *testing.T) {
	t.Parallel()
	rows := &ruleRows{texts: [][]byte{[]byte("11"), []byte("22"), []byte("333333333"), []byte("4")}}
	for _, test := range []struct {
		rows, size int
		want       string
	}{
		{2, 100, "[[0 2] [2 4]]"}, {9, 6, "[[0 2] [2 3] [3 4]]"}, {9, 100, "[[0 4]]"}, {1, 1, "[[0 1] [1 2] [2 3] [3 4]]"},
	} {
		if got := fmt.Sprint(rows.chunks(test.rows, test.size)); got != test.want {
			t.Errorf("chunks(%d, %d) = %s, want %s", test.rows, test.size, got, test.want)
		}
	}
}

// What a file has does not command the terminal of whoever reads what is wrong
// with it.
func TestFaultsAreHarmlessAtATerminal(t *testing.T) {
	t.Parallel()
	s := startServing(t, t.TempDir(), "--demo")
	file := writeFile(t, "rules.ndjson", `{"code":"R\u001b[31m\n\t1","priority":1,"budget_code":"1","rule_condition":{"a\u001b[31m\u202e":1}}`)
	synced := tell(t, s.url, s.key, "budget", "sync", file)
	synced.check(t, "budget sync", exitError, "line 1: rule_condition.a�[31m�: ")
	list := tell(t, s.url, s.key, "jobs", "list")
	code, _, _ := strings.Cut(list.out[strings.Index(list.out, "\n")+1:], " ")
	failures := tell(t, s.url, s.key, "jobs", "failures", code)
	if want := "R�[31m��1  rule_condition.a�[31m�  invalid"; !strings.Contains(failures.out, want) {
		t.Errorf("jobs failures printed %q, want %q in it", failures.out, want)
	}
	if all := synced.out + synced.stderr + failures.out + failures.stderr; strings.ContainsAny(all, "\x1b\u202e") {
		t.Errorf("printed %q, with what commands a terminal", all)
	}
	s.stop(t)
}

package budgets_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tealeg/xlsx/v3"

	"github.com/batchport/batchport/adapters/memory"
	"github.com/batchport/batchport/app/budgets"
	"github.com/batchport/batchport/app/engine"
	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

var fourLocales = []string{"zh_TW", "zh_CN", "en_US", "ja_JP"}

// bookOf is a workbook of texts, made by another program than ours.
func bookOf(t *testing.T, rows ...[]string) string {
	t.Helper()
	file := xlsx.NewFile()
	sheet, err := file.AddSheet("rules")
	if err != nil {
		t.Fatalf("AddSheet: %v", err)
	}
	for _, texts := range rows {
		row := sheet.AddRow()
		for _, text := range texts {
			row.AddCell().SetString(text)
		}
	}
	var content bytes.Buffer
	if err := file.Write(&content); err != nil {
		t.Fatalf("Write: %v", err)
	}
	return content.String()
}

// readBook reads a workbook with the reader of another program.
func readBook(t *testing.T, content []byte) (rows [][]string) {
	t.Helper()
	file, err := xlsx.OpenBinary(content)
	if err != nil {
		t.Fatalf("OpenBinary: %v", err)
	}
	err = file.Sheets[0].ForEachRow(func(r *xlsx.Row) error {
		var texts []string
		err := r.ForEachCell(func(c *xlsx.Cell) error {
			text, err := c.FormattedValue()
			texts = append(texts, text)
			return err
		})
		rows = append(rows, texts)
		return err
	})
	if err != nil {
		t.Fatalf("ForEachRow: %v", err)
	}
	return rows
}

// send does a job of a file.
func (f fixture) send(t *testing.T, who domain.Principal, content string) *domain.BatchJob {
	t.Helper()
	upload, err := f.uploads.Receive(t.Context(), who, "規則.xlsx", strings.NewReader(content))
	if err != nil {
		t.Fatalf("Receive: %v", err)
	}
	return f.finish(t, who, budgets.JobRequest{
		Body: valueOf(t, fmt.Sprintf(`{"url":%q}`, upload.ID)), Upload: func(url string) (string, bool) { return url, true },
	})
}

// failedBook is the workbook of a job's failed rows.
func (f fixture) failedBook(t *testing.T, job *domain.BatchJob, locale string) []byte {
	t.Helper()
	var content bytes.Buffer
	if err := f.budgets.FailureSheet(job, locale).Write(t.Context(), &content); err != nil {
		t.Fatalf("FailureSheet(%s).Write: %v", locale, err)
	}
	return content.Bytes()
}

// wantReport checks how a job ended.
func wantReport(t *testing.T, what string, job *domain.BatchJob, created, updated, failed int) {
	t.Helper()
	r := job.Report()
	if job.State() != domain.JobCompleted || r.Created != created || r.Updated != updated || r.Failed != failed || r.Total != created+updated+failed {
		t.Errorf("%s: the job is %s with %+v, cause %v; want completed with %d created, %d updated, %d failed", what, job.State(), r, job.Cause(), created, updated, failed)
	}
}

// TestFailedRowsAreSentAgain takes the workbook of the failed rows in each
// language as it is, and the same rows fail for the same reasons; corrected in
// place, with its own last columns left where they are, all of them are stored.
func TestFailedRowsAreSentAgain(t *testing.T) {
	t.Parallel()
	for _, locale := range fourLocales {
		f, who := newFixture(t, options{config: budgets.Config{Unlimited: true}, host: columnsOfHost, engine: engine.Config{ChunkSize: 2}}).run(t), somebody()
		first := f.send(t, who, bookOf(t,
			[]string{"備註", "deleted_flag", "rule_condition_json", "budget_code", "priority", "code", "branch_code"},
			[]string{"own", "", `{"type_id":1}`, "66000", "1", "R2", ""},
			[]string{"own", "X", `{"type_id": 1.50, "project_x":["a","b"]}`, "0066", "10000", "0010", "D1"},
			[]string{"own", "", `{"type_id":1}`, unknownBudget, "2", "R4", ""},
			[]string{"", "", "", "", "", "", ""},
			[]string{"own", "", `{"type_id":1}`, "66000", "3", "R6", refusedBranch},
			[]string{"own", "", `type_id=1`, "66000", "4", "", ""},
		))
		wantReport(t, locale, first, 1, 0, 4)
		content := f.failedBook(t, first, locale)
		rows := readBook(t, content)
		var sent [][]string
		for _, row := range rows[1:] {
			sent = append(sent, append(slices.Clone(row[:8]), row[9]))
		}
		want := [][]string{
			{"0010", "10000", "0066", `{"type_id": 1.50, "project_x":["a","b"]}`, "D1", "", "X", "out_of_range", "3"},
			{"R4", "2", unknownBudget, `{"type_id":1}`, "", "", "", "unknown_budget", "4"},
			{"R6", "3", "66000", `{"type_id":1}`, refusedBranch, "", "", "rejected", "6"},
			{"", "4", "66000", "type_id=1", "", "", "", "required", "7"},
		}
		if diff := cmp.Diff(want, sent); diff != "" {
			t.Fatalf("the failed rows in %s differ (-want +got):\n%s", locale, diff)
		}
		for i, own := range map[int][]string{1: {"B2", "G2"}, 4: {"A5", "D5"}} { // in this workbook, not in the first
			for _, cell := range own {
				if reason := rows[i][8]; !strings.Contains(reason, cell) || strings.Count(reason, "\n") != len(own)-1 {
					t.Errorf("the reason of row %d in %s is %q, want one for each of the cells %q", i+1, locale, reason, own)
				}
			}
		}

		again := f.send(t, who, string(content))
		wantReport(t, locale+", sent as it is", again, 0, 0, 4)
		for i, row := range readBook(t, f.failedBook(t, again, locale))[1:] {
			if got := append(slices.Clone(row[:9]), row[9]); !slices.Equal(got[:9], rows[i+1][:9]) || got[9] != fmt.Sprint(i+2) {
				t.Errorf("%s: row %d sent as it is fails as %q, want as before: %q", locale, i+2, got, rows[i+1])
			}
		}

		rows[1][1], rows[1][6] = "10", "Y"
		rows[2][2], rows[3][4] = "66001", "D2"
		rows[4][0], rows[4][3] = "R7", `{"header_a":true}`
		wantReport(t, locale+", corrected", f.send(t, who, bookOf(t, rows...)), 4, 0, 0)
		if diff := cmp.Diff([]string{
			`0010 10 0066 {"project_x":["a","b"],"type_id":1.50} branch "D1" event "" deleted true after 1`,
			`R2 1 66000 {"type_id":1} branch "" event "" deleted false after 1`,
			`R4 2 66001 {"type_id":1} branch "" event "" deleted false after 1`,
			`R6 3 66000 {"type_id":1} branch "D2" event "" deleted false after 1`,
			`R7 4 66000 {"header_a":true} branch "" event "" deleted false after 1`,
		}, slices.Sorted(slices.Values(f.table(t, who, true)))); diff != "" {
			t.Errorf("the rules after the corrections in %s differ (-want +got):\n%s", locale, diff)
		}
	}
}

// TestFailedRowsThatWereSent has rows that came with a request shown as they
// were sent, in the columns of a sheet, by their index.
func TestFailedRowsThatWereSent(t *testing.T) {
	t.Parallel()
	f, who := newFixture(t, options{config: budgets.Config{Unlimited: true}}).run(t), somebody()
	job := f.finish(t, who, budgets.JobRequest{Body: valueOf(t, `{"data":[
		{"code":"R0","priority":1,"budget_code":"B","rule_condition":{"a":1}},
		{"code":"0010","priority":-1,"budget_code":"0066","rule_condition_json":{"b":[1.50,"x"],"a":true}},
		{"code":5,"priority":"x","budget_code":["B"],"rule_condition":[1],"branch_code":true,"budget_event":{"a":null},"deleted_flag":"y"},
		7,
		{"code":"R4","priority":-1,"budget_code":"B","rule_condition":"{\"a\": 1}","branch_code":null,"colour":"red"}
	]}`)})
	wantReport(t, "rows that were sent", job, 1, 0, 4)
	var got [][]string
	for _, row := range readBook(t, f.failedBook(t, job, "en_US"))[1:] {
		got = append(got, append(slices.Clone(row[:8]), row[9]))
	}
	if diff := cmp.Diff([][]string{
		{"0010", "-1", "0066", `{"b":[1.50,"x"],"a":true}`, "", "", "", "out_of_range", "1"},
		{"5", "x", `["B"]`, "[1]", "true", `{"a":null}`, "y", "invalid", "2"},
		{"", "", "", "", "", "", "", "invalid", "3"},
		{"R4", "-1", "B", `{"a": 1}`, "", "", "", "out_of_range", "4"},
	}, got); diff != "" {
		t.Errorf("the failed rows differ (-want +got):\n%s", diff)
	}
}

// TestTemplatesAreFilledIn has the template in each language sent as it is, and
// with a row below its titles.
func TestTemplatesAreFilledIn(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	for _, locale := range fourLocales {
		f, who := newFixture(t, options{config: budgets.Config{Unlimited: true}}).run(t), somebody()
		var content bytes.Buffer
		if err := f.budgets.WriteTemplate(locale, &content); err != nil {
			t.Fatalf("WriteTemplate(%s): %v", locale, err)
		}
		wantReport(t, locale+", empty", f.send(t, who, content.String()), 0, 0, 0)
		rows := readBook(t, content.Bytes())
		if len(rows) != 1 {
			t.Fatalf("the template in %s has the rows %q, want titles alone", locale, rows)
		}
		for i, field := range []string{"code", "priority", "budget_code", "rule_condition", "branch_code", "budget_event", "deleted_flag"} {
			if want := labels.Label(locale, "budget_rule."+field); i >= len(rows[0]) || rows[0][i] != want {
				t.Fatalf("the template in %s has the titles %q, want %s as number %d", locale, rows[0], want, i+1)
			}
		}
		wantReport(t, locale+", filled in", f.send(t, who, bookOf(t, rows[0], []string{"0010", "7", "66000", `{"a":"x"}`, "D1", "CEM", "N"})), 1, 0, 0)
		if got, want := f.table(t, who, true), []string{`0010 7 66000 {"a":"x"} branch "D1" event "CEM" deleted false after 1`}; !slices.Equal(got, want) {
			t.Errorf("the template in %s filled in gives %q, want %q", locale, got, want)
		}
		names[f.budgets.TemplateName(locale)] = true
	}
	if len(names) < 3 {
		t.Errorf("the templates are called %v, want a name for each language", names)
	}
}

// TestRepeatsInSheets names the row of the sheet that a code was in before, not
// counting rows that are no good; and the cell of what else there is to say.
func TestRepeatsInSheets(t *testing.T) {
	t.Parallel()
	for _, size := range []int{1, 3, 100} {
		in := importBook(t, options{engine: engine.Config{ChunkSize: size, Workers: 3}, host: host{"a"}},
			append(cells("no."), fieldNames...),
			cells("1", "A", "1", "B", `{"a":1}`),
			cells("2", "A", "10000", "B", `{"a":1}`), // no good
			cells(""),
			cells("4", "A", "2", "B", `{"b":1}`),
			cells("5", "a", "3", "B", `{"a":1}`), // another code
			cells("6", "A", "#N/A", "B", `{"a":1}`),
			cells("7", "A", "4", "B", `{"a":1}`),
			cells("8", "A", "5", unknownBudget, `{"a":1}`),
			cells("9", "a", "6", "B", `{"a":1}`, "", "", "Y"),
		)
		if want := []string{
			"1 3 priority out_of_range 10000", "4 7 priority invalid #N/A", "6 9 budget_code unknown_budget " + unknownBudget,
		}; !slices.Equal(in.failures, want) {
			t.Errorf("the failures in chunks of %d are %q, want %q", size, in.failures, want)
		}
		var got []string
		items, err := in.engine.Warnings(t.Context(), in.who, in.job.ID(), -1, 100)
		for _, item := range items {
			first := item.Failure
			first.Also = nil
			for _, f := range append([]domain.Failure{first}, item.Failure.Also...) {
				got = append(got, item.Key+" "+f.String())
			}
		}
		if diff := cmp.Diff([]string{
			`5 rule_condition.b: unknown_field column="E" reason="column" row="5" sheet="budget_rule"`,
			`5 code: duplicate earlier_row="2"`,
			`8 code: duplicate earlier_row="5"`,
			`10 code: duplicate earlier_row="6"`,
		}, got); err != nil || diff != "" {
			t.Errorf("the warnings in chunks of %d, %v, differ (-want +got):\n%s", size, err, diff)
		}
		if diff := cmp.Diff([]string{
			`A 4 B {"a":1} branch "" event "" deleted false`, `a 6 B {"a":1} branch "" event "" deleted true`,
		}, in.table(t, in.who, false)); diff != "" {
			t.Errorf("the rules after chunks of %d differ (-want +got):\n%s", size, diff)
		}
	}
}

// late is a store that does not answer for the first row of a job until all of
// the others were stored.
type late struct {
	store
	others atomic.Int64 // rows that are to come before the first
}

func (s *late) UpsertBudgetRules(ctx context.Context, tenant domain.TenantID, batch ports.RuleBatch, rules []ports.PlacedRule) ([]domain.Outcome, error) {
	first := slices.ContainsFunc(rules, func(r ports.PlacedRule) bool { return r.Position == 0 })
	if first && s.others.Load() > 0 {
		return nil, domain.Unavailable(context.DeadlineExceeded)
	}
	outcomes, err := s.store.UpsertBudgetRules(ctx, tenant, batch, rules)
	if err == nil && !first {
		s.others.Add(-int64(len(rules)))
	}
	return outcomes, err
}

// TestChunksThatComeLate has the first row of a job stored after all others:
// rows of one code act in the order of the rows all the same, over the store in
// memory and SQLite.
func TestChunksThatComeLate(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(*testing.T) store{
		"memory": func(*testing.T) store { return memory.NewStore(time.Now) }, "sqlite": onSQLite,
	} {
		s := &late{store: open(t)}
		s.others.Store(3)
		f, who := newFixture(t, options{store: s, config: budgets.Config{Unlimited: true}, engine: engine.Config{ChunkSize: 1, Workers: 2}}).run(t), somebody()
		job := f.finish(t, who, budgets.JobRequest{Body: valueOf(t, `{"data":[
			{"code":"A","priority":1,"budget_code":"B","rule_condition":{"a":1},"deleted_flag":"Y","branch_code":"D1"},
			{"code":"C","priority":2,"budget_code":"B","rule_condition":{"a":1}},
			{"code":"A","priority":3,"budget_code":"B","rule_condition":{"a":1}},
			{"code":"A","priority":4,"budget_code":"B","rule_condition":{"b":1}}
		]}`)})
		wantReport(t, name, job, 2, 2, 0)
		if diff := cmp.Diff([]string{
			`A 4 B {"b":1} branch "" event "" deleted false`, `C 2 B {"a":1} branch "" event "" deleted false`,
		}, f.table(t, who, false)); diff != "" {
			t.Errorf("%s: the rules differ (-want +got):\n%s", name, diff)
		}
	}
}

// TestFlagsAndDigitsOfSheets reads flags and priorities as input methods write
// them; what is sent as JSON has no such excuse.
func TestFlagsAndDigitsOfSheets(t *testing.T) {
	t.Parallel()
	in := importBook(t, options{},
		fieldNames,
		cells("R1", "１２", "B", `{"a":1}`, "ｙ", "ｎ", "y"), // texts stay as they are
		cells("R2", "2", "B", `{"a":1}`, "", "", "Ｙ"),
		cells("R3", "3", "B", `{"a":1}`, "", "", "ｎ"),
		cells("R4", "4", "B", `{"a":1}`, "", "", "yes"),
	)
	if diff := cmp.Diff([]string{
		`R1 12 B {"a":1} branch "ｙ" event "ｎ" deleted true after 1`,
		`R2 2 B {"a":1} branch "" event "" deleted true after 1`,
		`R3 3 B {"a":1} branch "" event "" deleted false after 1`,
	}, in.table(t, in.who, true)); diff != "" {
		t.Errorf("the rules differ (-want +got):\n%s", diff)
	}
	if want := []string{"3 5 deleted_flag invalid yes"}; !slices.Equal(in.failures, want) {
		t.Errorf("the failures are %q, want %q", in.failures, want)
	}
}

// TestRequestsAndJobsHaveLimitsOfTheirOwn sends as many rows as there may be,
// and one more.
func TestRequestsAndJobsHaveLimitsOfTheirOwn(t *testing.T) {
	t.Parallel()
	f, who := newFixture(t, options{config: budgets.Config{Unlimited: true, MaxRows: 2, MaxJobRows: 3}}), somebody()
	for n, want := range map[int][2]domain.Code{2: {"", ""}, 3: {domain.CodeTooMany, ""}, 4: {domain.CodeTooMany, domain.CodeTooMany}} {
		rows := slices.Repeat([]string{"{}"}, n)
		_, synced := f.budgets.Sync(t.Context(), who, valueOf(t, envelope(fmt.Sprint("b", n), "1636600092809", rows)))
		_, submitted := f.budgets.Submit(t.Context(), who, budgets.JobRequest{Body: valueOf(t, `{"data":[`+strings.Join(rows, ",")+`]}`)})
		if got := [2]domain.Code{domain.CodeOf(synced), domain.CodeOf(submitted)}; got != want {
			t.Errorf("%d rows: Sync() = %v, Submit() = %v; want the codes %q", n, synced, submitted, want)
		}
	}
}

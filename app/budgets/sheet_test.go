package budgets_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tealeg/xlsx/v3"

	"github.com/batchport/batchport/app/budgets"
	"github.com/batchport/batchport/app/engine"
	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

// books are workbooks by the content of their files: rows, or what is wrong.
type books map[string]any

func (b books) OpenWorkbook(_ context.Context, file io.ReaderAt, size int64) (ports.WorkbookReader, error) {
	content := make([]byte, size)
	if _, err := file.ReadAt(content, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	switch book := b[string(content)].(type) {
	case error:
		return nil, book
	case [][]ports.Cell:
		return rowsBook{book}, nil
	}
	return nil, domain.CodeNotWorkbook
}

type rowsBook struct{ rows [][]ports.Cell }

// EachRow leaves out rows without cells, as readers do.
func (b rowsBook) EachRow(context.Context) iter.Seq2[ports.Row, error] {
	return func(yield func(ports.Row, error) bool) {
		for i, cells := range b.rows {
			if len(cells) > 0 && !yield(ports.Row{Number: i + 1, Cells: slices.Clone(cells)}, nil) {
				return
			}
		}
	}
}

func (rowsBook) Close() error { return nil }

// cells are cells of text, the empty ones empty, and those that begin with "#"
// what a formula came to.
func cells(texts ...string) (row []ports.Cell) {
	for _, text := range texts {
		switch {
		case text == "":
			row = append(row, ports.Cell{})
		case strings.HasPrefix(text, "#"):
			row = append(row, ports.Cell{Kind: ports.CellError, Text: text})
		default:
			row = append(row, ports.Cell{Kind: ports.CellText, Text: text})
		}
	}
	return row
}

// fieldNames are the columns of a sheet, by the names of their fields.
var fieldNames = cells("code", "priority", "budget_code", "rule_condition", "branch_code", "budget_event", "deleted_flag")

// imported is what a job of a workbook came to.
type imported struct {
	fixture
	who      domain.Principal
	job      *domain.BatchJob
	failures []string // as "index key field code value", one for each fault
	warnings []string
}

// importBook does a job of the rows of a workbook.
func importBook(t *testing.T, o options, rows ...[]ports.Cell) imported {
	t.Helper()
	o.sheets, o.config.Unlimited = books{"book": rows}, true
	in := imported{fixture: newFixture(t, o).run(t), who: somebody()}
	upload, err := in.uploads.Receive(t.Context(), in.who, "規則.xlsx", strings.NewReader("book"))
	if err != nil {
		t.Fatalf("Receive: %v", err)
	}
	in.job = in.finish(t, in.who, budgets.JobRequest{
		Body: valueOf(t, fmt.Sprintf(`{"url":"up:%s?signature"}`, upload.ID)), Locale: "zh_TW",
		Upload: func(url string) (string, bool) {
			plain, _, _ := strings.Cut(url, "?")
			return strings.CutPrefix(plain, "up:")
		},
	})
	list := func(items []domain.ItemFailure, err error) (all []string) {
		if err != nil {
			t.Fatalf("list items: %v", err)
		}
		for _, item := range items {
			first := item.Failure
			first.Also = nil
			for _, f := range append([]domain.Failure{first}, item.Failure.Also...) {
				all = append(all, strings.TrimSpace(fmt.Sprint(item.Index, " ", item.Key, " ", f.Field, " ", f.Code, " ", f.Value)))
			}
		}
		return all
	}
	in.failures = list(in.engine.Failures(t.Context(), in.who, in.job.ID(), -1, 10_000))
	in.warnings = list(in.engine.Warnings(t.Context(), in.who, in.job.ID(), -1, 10_000))
	return in
}

// sheet reads the workbook of the failed rows with another reader than the one
// that made it.
func (in imported) sheet(t *testing.T, locale string) (rows [][]string) {
	t.Helper()
	var content bytes.Buffer
	if err := in.budgets.FailureSheet(in.job, locale).Write(t.Context(), &content); err != nil {
		t.Fatalf("Write: %v", err)
	}
	file, err := xlsx.OpenBinary(content.Bytes())
	if err != nil {
		t.Fatalf("the failed rows are no workbook: %v", err)
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
		t.Fatalf("read the failed rows: %v", err)
	}
	return rows
}

// What a formula came to is no value: the row fails for it, in whatever column
// it is, and once.
func TestBrokenFormulas(t *testing.T) {
	t.Parallel()
	for _, size := range []int{1, 100} {
		in := importBook(t, options{engine: engine.Config{ChunkSize: size}},
			fieldNames,
			cells("#N/A", "1", "B", `{"a":1}`, "", "", ""),
			cells("R2", "#DIV/0!", "B", `{"a":1}`, "", "", ""),
			cells("R3", "1", "#REF!", `{"a":1}`, "", "", ""),
			cells("R4", "1", "B", "#VALUE!", "", "", ""),
			cells("R5", "1", "B", `{"a":1}`, "#NAME?", "", ""),
			cells("R6", "1", "B", `{"a":1}`, "", "#NULL!", ""),
			cells("R7", "1", "B", `{"a":1}`, "", "", "#NUM!"),
			cells("#N/A", "10000", "", "#N/A", "#N/A", "", "y"),
			cells("R9", "1", "B", `{"a":1}`, "", "", "", "#N/A"), // beside the columns
			cells("#N/A"),
		)
		want := []string{
			"0 2 code invalid #N/A", "1 3 priority invalid #DIV/0!", "2 4 budget_code invalid #REF!", "3 5 rule_condition invalid #VALUE!",
			"4 6 branch_code invalid #NAME?", "5 7 budget_event invalid #NULL!", "6 8 deleted_flag invalid #NUM!",
			"7 9 code invalid #N/A", "7 9 rule_condition invalid #N/A", "7 9 branch_code invalid #N/A",
			"7 9 priority out_of_range 10000", "7 9 budget_code required",
			"9 11 code invalid #N/A", "9 11 priority required", "9 11 budget_code required", "9 11 rule_condition required",
		}
		got := slices.DeleteFunc(slices.Clone(in.failures), func(s string) bool { return s == "7 9 deleted_flag invalid y" }) // where small letters are no flag
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("the failures in chunks of %d differ (-want +got):\n%s", size, diff)
		}
		if got := in.table(t, in.who, true); len(got) != 1 || !strings.HasPrefix(got[0], "R9 ") {
			t.Errorf("the rules are %q, want R9 alone", got)
		}
		rows := in.sheet(t, "en_US")
		if len(rows) != 10 || !slices.Equal(rows[2][:8], []string{"R2", "#DIV/0!", "B", `{"a":1}`, "", "", "", "invalid"}) || rows[2][9] != "3" {
			t.Errorf("the failed rows are %q, want what the formulas came to", rows)
		}
	}
}

// Cells that are no text are read as people see them.
func TestCellsOfRules(t *testing.T) {
	t.Parallel()
	number := func(text string) ports.Cell { return ports.Cell{Kind: ports.CellNumber, Text: text} }
	in := importBook(t, options{},
		fieldNames,
		[]ports.Cell{number("1001"), number("7"), number("66000"), cells(`{"a":1}`)[0], number("12.5"), {Kind: ports.CellBool, Bool: true}},
		[]ports.Cell{number("1.002E3"), number("7.0"), number("66000"), cells(`{"a":1}`)[0], {Kind: ports.CellDate, Date: time.Date(2026, 11, 3, 0, 0, 0, 0, time.UTC)}},
		[]ports.Cell{cells("0010")[0], cells(" 8 ")[0], cells("\u200b66000")[0], cells("  {\"a\":[\"x\"]}\n")[0]},
		cells("R5", "9", "B", `{"a":1}`, "", "", "Y", "a column that is not known"),
		nil,
		cells("", " ", "\u3000", "", "", "", ""), // blank
		cells("R6", "9.5", "B"),
	)
	want := []string{
		`0010 8 66000 {"a":"x"} branch "" event "" deleted false after 1`,
		`1001 7 66000 {"a":1} branch "12.5" event "TRUE" deleted false after 1`,
		`1002 7 66000 {"a":1} branch "2026-11-03" event "" deleted false after 1`,
		`R5 9 B {"a":1} branch "" event "" deleted true after 1`,
	}
	if diff := cmp.Diff(want, in.table(t, in.who, true)); diff != "" {
		t.Errorf("the rules differ (-want +got):\n%s", diff)
	}
	if want := []string{"4 8 priority invalid 9.5", "4 8 rule_condition required"}; !slices.Equal(in.failures, want) {
		t.Errorf("the failures are %q, want %q", in.failures, want)
	}
	if r := in.job.Report(); r.Total != 5 {
		t.Errorf("the job has %d rows, want 5", r.Total)
	}
}

// The header says where the columns are, in any language, in any order and as
// people write it.
func TestHeadersOfRules(t *testing.T) {
	t.Parallel()
	keys := []string{"code", "priority", "budget_code", "rule_condition", "branch_code", "budget_event", "deleted_flag"}
	headers := map[string][]string{
		"names of the fields": keys, "in capitals": {"CODE", "Priority", "BUDGET_CODE", "Rule_Condition", "branch_CODE", "Budget_event", "deleted_FLAG"},
		"with spaces":             {" code ", "prio rity", "budget_\ncode", "rule_condition\u200b", "branch_code\u3000", "budget_event", "\tdeleted_flag"},
		"as the sample spells it": {"code", "priority", "budget_code", "rule_condition_json", "branch_code", "budget_event", "deleted_flag"},
	}
	for _, locale := range []string{"zh_TW", "zh_CN", "en_US", "ja_JP"} {
		var titles []string
		for _, key := range keys {
			titles = append(titles, labels.Label(locale, "budget_rule."+key))
		}
		headers[locale] = titles
	}
	values := []string{"R1", "7", "B", `{"a":1}`, "D1", "CEM", "Y"}
	for name, titles := range headers {
		for _, reversed := range []bool{false, true} {
			titles, values := slices.Clone(titles), slices.Clone(values)
			if reversed {
				slices.Reverse(titles)
				slices.Reverse(values)
			}
			in := importBook(t, options{}, cells(append([]string{"#REF!", "", "備註"}, titles...)...), cells(append([]string{"n", "m", "#N/A"}, values...)...))
			if got := in.table(t, in.who, true); !slices.Equal(got, []string{`R1 7 B {"a":1} branch "D1" event "CEM" deleted true after 1`}) {
				t.Errorf("a header of %s (reversed %t: %q) gives %q and the failures %q", name, reversed, titles, got, in.failures)
			}
		}
	}
}

// A header without a column that there must be, or with one twice, fails the job
// before anything is done; all that is wrong is said.
func TestHeadersThatAreWrong(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		rows [][]ports.Cell
		want []string
	}{
		{"no rows", nil, []string{"code missing_column", "priority missing_column", "budget_code missing_column", "rule_condition missing_column"}},
		{"data alone", [][]ports.Cell{cells("R1", "1", "B", `{"a":1}`)}, []string{"code missing_column", "priority missing_column", "budget_code missing_column", "rule_condition missing_column"}},
		{"some missing", [][]ports.Cell{cells("code", "rule_condition", "branch_code"), cells("R1", `{"a":1}`)}, []string{"priority missing_column", "budget_code missing_column"}},
		{"a column twice", [][]ports.Cell{append(slices.Clone(fieldNames), cells("規則編碼")...), cells("R1")}, []string{"code duplicate"}},
		{"the condition by both names", [][]ports.Cell{append(slices.Clone(fieldNames), cells("rule_condition_json")...), cells("R1")}, []string{"rule_condition duplicate"}},
		{"twice and missing", [][]ports.Cell{cells("code", "code", "priority", "budget_code"), cells("R1")}, []string{"code duplicate", "rule_condition missing_column"}},
	} {
		in := importBook(t, options{}, c.rows...)
		var got []string
		if f := in.job.Cause(); f != nil {
			for _, f := range append([]domain.Failure{*f}, f.Also...) {
				got = append(got, fmt.Sprint(f.Field, " ", f.Code))
				for _, locale := range []string{"zh_TW", "zh_CN", "en_US", "ja_JP"} {
					if text := messages.Text(locale, f); text == string(f.Code) || strings.Contains(text, "<") {
						t.Errorf("%s: %v is %q in %s", c.name, f, text, locale)
					}
				}
			}
		}
		if in.job.State() != domain.JobFailed || !slices.Equal(got, c.want) {
			t.Errorf("%s: the job is %s with %q, want failed with %q", c.name, in.job.State(), got, c.want)
		}
		if table := in.table(t, in.who, true); table != nil {
			t.Errorf("%s: the rules are %q, want none", c.name, table)
		}
	}
	in := importBook(t, options{}, fieldNames)
	if r := in.job.Report(); in.job.State() != domain.JobCompleted || r.Total != 0 {
		t.Errorf("a header alone: the job is %s with %+v, want completed without rows", in.job.State(), r)
	}
}

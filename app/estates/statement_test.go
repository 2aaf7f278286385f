package estates_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"

	"github.com/batchport/batchport/app/estates"
	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/estate"
)

// sheet is a workbook with these rows; an empty row is left out.
func sheet(t *testing.T, rows ...[]any) []byte {
	t.Helper()
	file := excelize.NewFile()
	for i, row := range rows {
		if err := file.SetSheetRow("Sheet1", fmt.Sprintf("A%d", i+1), &row); len(row) > 0 && err != nil {
			t.Fatalf("SetSheetRow: %v", err)
		}
	}
	var content bytes.Buffer
	if err := errors.Join(file.Write(&content), file.Close()); err != nil {
		t.Fatalf("write the workbook: %v", err)
	}
	return content.Bytes()
}

// upload stores content and returns what publicUrl has to be for it.
func (f fixture) upload(t *testing.T, content []byte) string {
	t.Helper()
	stored, err := f.uploads.Receive(t.Context(), f.who, "十一月.xlsx", bytes.NewReader(content))
	if err != nil {
		t.Fatalf("Receive: %v", err)
	}
	return "up:" + stored.ID
}

// importing submits an import and waits for its end.
func (f fixture) importing(t *testing.T, url string) *domain.BatchJob {
	t.Helper()
	return f.finish(t, fmt.Sprintf(`{"job_name":"estate_import_monthly_statement","publicUrl":%q,"date":"202611"}`, url))
}

// lines returns "estate item amount note" of all lines of the estates 1 to 4.
func (f fixture) lines(t *testing.T) (all []string) {
	t.Helper()
	for id := range int64(4) {
		lines, err := f.store.ListStatementLines(t.Context(), f.who.Tenant, id+1, "202611", estate.StatementLine{}, 100)
		if err != nil {
			t.Fatalf("ListStatementLines: %v", err)
		}
		for _, l := range lines {
			all = append(all, strings.TrimSpace(fmt.Sprint(l.EstateID, " ", l.Item, " ", l.Amount, " ", l.Note)))
		}
	}
	return all
}

func TestStatementImport(t *testing.T) {
	t.Parallel()
	f := newFixture(t, estates.Config{})
	f.load(t, flat(1), flat(2), flat(3))
	first := f.upload(t, sheet(t,
		[]any{"備註", "zh_TW:statement.amount", " ITEM ", "倉庫", "Estate_ID"},
		[]any{"n", 100, "fee", "x", 1},
		[]any{},
		[]any{"  ", "", nil, " "},
		[]any{nil, "-1,250.5", "fee", nil, "2"},
		[]any{nil, 0.1 + 0.2, 101, nil, 3.0},
	))
	job := f.importing(t, first)
	if got, want := job.Report(), (domain.Report{Total: 3, Created: 3}); job.State() != domain.JobCompleted || got != want {
		t.Fatalf("import: %s because of %v with %+v, want completed with %+v", job.State(), job.Cause(), got, want)
	}
	want := []string{"1 fee 100.00", "2 fee -1250.50", "3 101 0.30"} // 備註 is no label of these tests
	if got := f.lines(t); !slices.Equal(got, want) {
		t.Errorf("lines %q, want %q", got, want)
	}
	again := f.importing(t, f.upload(t, sheet(t,
		[]any{"estate_id", "item", "amount", "note"},
		[]any{1, "fee", 100, ""},
		[]any{2, "fee", 7, "changed"},
		[]any{2, "other", "１，２３４．５", ""},
	)))
	if got, want := again.Report(), (domain.Report{Total: 3, Created: 1, Updated: 1, Unchanged: 1}); got != want {
		t.Errorf("second import: %+v, want %+v", got, want)
	}
	want = []string{"1 fee 100.00", "2 fee 7.00 changed", "2 other 1234.50", "3 101 0.30"}
	if got := f.lines(t); !slices.Equal(got, want) {
		t.Errorf("lines %q, want %q", got, want)
	}
}

// TestBadRowsOfAStatement checks that each bad row fails with its place, and
// no good row because of it.
func TestBadRowsOfAStatement(t *testing.T) {
	t.Parallel()
	f := newFixture(t, estates.Config{})
	f.load(t, flat(1), flat(2), flat(3))
	job := f.importing(t, f.upload(t, sheet(t,
		[]any{"estate_id", "item", "amount", "note"},
		[]any{1, "fee", 1, ""},                      // 2: replaced by 8
		[]any{"x", "fee", 1, ""},                    // 3
		[]any{404, "fee", 1, ""},                    // 4
		[]any{1, " ", 1, ""},                        // 5
		[]any{1, "a", "1.234", ""},                  // 6
		[]any{nil, "", "", "no"},                    // 7: three faults
		[]any{1, "fee", 8, ""},                      // 8
		[]any{1, "fee", "待確認", ""},                  // 9: not valid, so 8 wins
		[]any{1, strings.Repeat("長", 101)},          // 10
		[]any{1.5, "b", true, ""},                   // 11
		[]any{2, "c", "#N/A!", ""},                  // 12
		[]any{-1, "c", "10000000000000", ""},        // 13
		[]any{3, "d", 4, strings.Repeat("x", 3001)}, // 14
		[]any{404, "fee", 2, ""},                    // 15: replaces 4
		[]any{3, "d", 5, "good"},                    // 16
	)))
	want := []string{
		"0 2 superseded item", "1 3 invalid estate_id", "2 4 superseded item", "3 5 required item", "4 6 invalid amount",
		"5 7 required estate_id", "7 9 invalid amount", "8 10 too_long item", "9 11 invalid estate_id", "10 12 invalid amount",
		"11 13 out_of_range estate_id", "12 14 too_long note", "13 15 not_found estate_id",
	}
	if got := f.failures(t, job); !slices.Equal(got, want) {
		t.Errorf("failures\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if r := job.Report(); r.Created != 2 || r.Failed != 13 || r.Total != 15 {
		t.Errorf("report %+v, want 2 created and 13 failed", r)
	}
	if got, want := f.lines(t), []string{"1 fee 8.00", "3 d 5.00 good"}; !slices.Equal(got, want) {
		t.Errorf("lines %q, want %q", got, want)
	}
	failures, err := f.store.ListFailures(t.Context(), job.Ref(), -1, 100)
	if err != nil {
		t.Fatalf("ListFailures: %v", err)
	}
	for i, want := range map[int]struct {
		row, column, value, later string
		also                      int
	}{
		0:  {row: "2", column: "B", value: "fee", later: "8"},
		1:  {row: "3", column: "A", value: "x"},
		5:  {row: "7", column: "A", also: 2},
		6:  {row: "9", column: "C", value: "待確認"},
		12: {row: "15", column: "A", value: "404"},
	} {
		got := failures[i].Failure
		if got.Params["row"] != want.row || got.Params["column"] != want.column || got.Value != want.value || got.Params["later"] != want.later || len(got.Also) != want.also {
			t.Errorf("failure %d = %v of %q and %d more, want row %s, column %s, value %q, later %q and %d more",
				i, got, got.Value, len(got.Also), want.row, want.column, want.value, want.later, want.also)
		}
	}
}

func TestStatementsThatCannotBeImported(t *testing.T) {
	t.Parallel()
	f := newFixture(t, estates.Config{})
	f.web["https://example.com/a.xlsx"] = []byte("<html>")
	for _, c := range []struct {
		what, url, want string
		also            int
	}{
		{"text", f.upload(t, []byte("estate_id,item,amount\n1,a,2\n")), "not_a_workbook", 0},
		{"nothing", f.upload(t, sheet(t)), "missing_column estate_id", 2},
		{"no amount", f.upload(t, sheet(t, []any{"estate_id", "item"})), "missing_column amount", 0},
		{"a column twice", f.upload(t, sheet(t, []any{"estate_id", "item", "amount", "ja_JP:statement.item"})), "duplicate item", 0},
		{"a page", "https://example.com/a.xlsx", "not_a_workbook", 0},
		{"nobody there", "https://example.com/b.xlsx", "unreachable publicUrl", 0},
	} {
		job := f.importing(t, c.url)
		cause := job.Cause()
		if job.State() != domain.JobFailed || cause == nil {
			t.Errorf("%s: job is %s, want it failed", c.what, job.State())
			continue
		}
		if got := string(cause.Code) + " " + cause.Field; !strings.HasPrefix(got, c.want) || len(cause.Also) != c.also {
			t.Errorf("%s: cause %q and %d more, want %q and %d more", c.what, got, len(cause.Also), c.want, c.also)
		}
	}
	empty := f.importing(t, f.upload(t, sheet(t, []any{"estate_id", "item", "amount"})))
	if empty.State() != domain.JobCompleted || empty.Report().Total != 0 {
		t.Errorf("a header alone: %s with %+v, want completed with nothing", empty.State(), empty.Report())
	}
}

func TestAFetchedStatement(t *testing.T) {
	t.Parallel()
	f := newFixture(t, estates.Config{})
	f.load(t, flat(1))
	const url = "https://example.com/files/%E5%8D%81%E4%B8%80%E6%9C%88.xlsx?sig=secret"
	f.web[url] = sheet(t, []any{"estate_id", "item", "amount"}, []any{1, "fee", 1}, []any{2, "fee", 1})
	job := f.importing(t, url)
	if r := job.Report(); r.Created != 1 || r.Failed != 1 {
		t.Fatalf("import: %s because of %v with %+v, want 1 created and 1 failed", job.State(), job.Cause(), r)
	}
	delete(f.web, url) // its failed rows can be had all the same
	if got, want := f.failureSheet(t, job), []string{"estate_id|item|amount|zh_TW:statement.code|zh_TW:statement.reason", "2|fee|1|not_found|"}; !prefixes(got, want) {
		t.Errorf("failed rows %q, want %q", got, want)
	}
}

// failureSheet returns the rows of the workbook of failed items.
func (f fixture) failureSheet(t *testing.T, job *domain.BatchJob) []string {
	t.Helper()
	failures := func(yield func(domain.ItemFailure, error) bool) {
		all, err := f.store.ListFailures(t.Context(), job.Ref(), -1, 100)
		if err != nil {
			yield(domain.ItemFailure{}, err)
		}
		for _, item := range all {
			if !yield(item, nil) {
				return
			}
		}
	}
	var content bytes.Buffer
	if err := f.estates.FailureSheet(job, failures, "zh_TW").Write(t.Context(), &content); err != nil {
		t.Fatalf("Write: %v", err)
	}
	rows := strings.Split(strings.TrimSuffix(content.String(), "\nend\n"), "\n")
	return rows[1:] // the first is the name of the sheet
}

// prefixes reports whether the lines begin with those wanted.
func prefixes(lines, want []string) bool {
	return slices.EqualFunc(lines, want, strings.HasPrefix)
}

// TestFailedRowsAreTheOriginals checks that the workbook of failed rows has
// all that the sender's had, in its order, and not what an earlier such
// workbook had added.
func TestFailedRowsAreTheOriginals(t *testing.T) {
	t.Parallel()
	f := newFixture(t, estates.Config{})
	f.load(t, flat(1))
	day := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	job := f.importing(t, f.upload(t, sheet(t,
		[]any{"倉庫", "estate_id", "zh_TW:statement.reason", "item", "amount", "en_US:statement.code", "day"},
		[]any{"甲", 1, "old", "fee", 1, "old", day},
		[]any{},
		[]any{"乙", 2, "old", "fee", 2.5, "old", day},
		[]any{"丙", "x", "", "", 3, "", ""},
	)))
	if r := job.Report(); r.Created != 1 || r.Failed != 2 {
		t.Fatalf("import: %s because of %v with %+v, want 1 created and 2 failed", job.State(), job.Cause(), r)
	}
	want := []string{
		"倉庫|estate_id|item|amount|day|zh_TW:statement.code|zh_TW:statement.reason",
		"乙|2|fee|2.5|",
		"丙|x||3||invalid|zh_TW:estate_id: invalid",
		"zh_TW:item: required",
	}
	if got := f.failureSheet(t, job); !prefixes(got, want) {
		t.Errorf("failed rows\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestABadRowBeforeAGoodOneSaysSo checks that whoever corrects a row learns
// that a later one has its line already.
func TestABadRowBeforeAGoodOneSaysSo(t *testing.T) {
	t.Parallel()
	f := newFixture(t, estates.Config{})
	f.load(t, flat(1))
	job := f.importing(t, f.upload(t, sheet(t, []any{"estate_id", "item", "amount"},
		[]any{1, "fee", "abc"}, []any{1, "fee", 2}, []any{1, "fee", 3}, []any{1, "fee", "x"}, []any{1, "other", "y"})))
	failures, err := f.store.ListFailures(t.Context(), job.Ref(), -1, 9)
	if err != nil || len(failures) != 4 {
		t.Fatalf("ListFailures = %v, %v; want four", failures, err)
	}
	for i, later := range []string{"4", "4", "", ""} {
		got := failures[i].Failure
		last := got
		if len(got.Also) > 0 {
			last = got.Also[len(got.Also)-1]
		}
		if got := last.Params["later"]; got != later {
			t.Errorf("failure %d (%v) names the later row %q, want %q", i, failures[i], got, later)
		}
	}
	if first := failures[0].Failure; first.Code != domain.CodeInvalid || first.Field != "amount" {
		t.Errorf("the bad row fails first of all with %v, want its amount", first)
	}
}

// TestWaysToWriteCells goes through how people write identifiers, amounts and
// titles, and what the programs that they use put into cells.
func TestWaysToWriteCells(t *testing.T) {
	t.Parallel()
	f := newFixture(t, estates.Config{})
	f.load(t, flat(1))
	at := time.Date(2026, 11, 3, 8, 5, 0, 0, time.UTC)
	rows := [][]any{{"\ufeffｅｓｔａｔｅ＿ｉｄ", "zh_TW:state\nment.\u3000item", "AMOUNT\u200b", " note "}}
	amounts := map[string]string{
		"\u2212500": "-500.00", "△500": "-500.00", "▲1,000.5": "-1000.50", "(500)": "-500.00", "（５００）": "-500.00",
		"－１，２３４．５": "-1234.50", "+7": "7.00", "1 000": "1000.00", "9999999999999.99": "9999999999999.99",
		"(-5)": "invalid", "()": "invalid", "(5": "invalid", "-(5)": "invalid", "¥5": "invalid", "1,00": "invalid", "5%": "invalid", "--5": "invalid",
		"10000000000000": "out_of_range", "-99,999,999,999,999,999": "out_of_range", "99999999999999.999": "invalid",
	}
	texts := slices.Sorted(maps.Keys(amounts))
	for i, text := range texts {
		rows = append(rows, []any{"\u200b１", fmt.Sprintf("%02d", i), text})
	}
	rows = append(rows, []any{1, "x", 1, at}, []any{1, "管理費\u200b", 1, "👩\u200d👧"})
	job := f.importing(t, f.upload(t, sheet(t, rows...)))
	failed := map[string]domain.Code{}
	failures, err := f.store.ListFailures(t.Context(), job.Ref(), -1, 100)
	if err != nil {
		t.Fatalf("ListFailures: %v", err)
	}
	for _, item := range failures {
		failed[item.Failure.Value] = item.Failure.Code
	}
	stored, err := f.store.ListStatementLines(t.Context(), f.who.Tenant, 1, "", estate.StatementLine{}, 100)
	if err != nil {
		t.Fatalf("ListStatementLines: %v", err)
	}
	lines := map[string]estate.StatementLine{}
	for _, l := range stored {
		lines[l.Item] = l
	}
	for i, text := range texts {
		got := string(failed[text])
		if l, ok := lines[fmt.Sprintf("%02d", i)]; ok {
			got = l.Amount.String()
		}
		if got != amounts[text] {
			t.Errorf("the amount %q gives %q, want %q", text, got, amounts[text])
		}
	}
	if got := lines["x"].Note; got != "2026-11-03 08:05" {
		t.Errorf("a time gives the note %q, want 2026-11-03 08:05", got)
	}
	if got := lines["管理費"].Note; got != "👩\u200d👧" {
		t.Errorf("the note of an item with an invisible end is %q, want it as it was, and the item without", got)
	}
}

// TestLongIdentifiersAreExact checks that no row goes to another estate
// because a number was rounded.
func TestLongIdentifiersAreExact(t *testing.T) {
	t.Parallel()
	f := newFixture(t, estates.Config{})
	f.load(t, flat(estate.MaxID-1), flat(estate.MaxID))
	job := f.importing(t, f.upload(t, sheet(t, []any{"estate_id", "item", "amount"},
		[]any{int64(estate.MaxID), "fee", 1}, []any{"9007199254740990", "fee", 2}, []any{1e16, "fee", 3})))
	if got, want := f.failures(t, job), []string{"2 4 out_of_range estate_id"}; !slices.Equal(got, want) {
		t.Errorf("failures %q, want %q", got, want)
	}
	for id, want := range map[int64]string{estate.MaxID: "1.00", estate.MaxID - 1: "2.00"} {
		lines, err := f.store.ListStatementLines(t.Context(), f.who.Tenant, id, "", estate.StatementLine{}, 9)
		if err != nil || len(lines) != 1 || lines[0].Amount.String() != want {
			t.Errorf("lines of %d = %v, %v; want one of %s", id, lines, err, want)
		}
	}
}

// TestCellsWithoutATitleAreKept checks that failed rows come back whole.
func TestCellsWithoutATitleAreKept(t *testing.T) {
	t.Parallel()
	f := newFixture(t, estates.Config{})
	job := f.importing(t, f.upload(t, sheet(t, []any{"estate_id", nil, "item", "amount", "EN_us:Statement.CODE"},
		[]any{7, "a", "fee", 1, "", "b"})))
	want := []string{"estate_id||item|amount||zh_TW:statement.code|zh_TW:statement.reason", "7|a|fee|1|b|not_found|"}
	if got := f.failureSheet(t, job); !prefixes(got, want) {
		t.Errorf("failed rows %q, want %q", got, want)
	}
}

// TestAReplacedRowStaysReplaced checks that failed rows can be imported again
// as they are, without undoing the rows that replaced some of them.
func TestAReplacedRowStaysReplaced(t *testing.T) {
	t.Parallel()
	f := newFixture(t, estates.Config{})
	f.load(t, flat(1))
	f.importing(t, f.upload(t, sheet(t, []any{"estate_id", "item", "amount"}, []any{1, "fee", 1}, []any{1, "fee", 2})))
	again := f.importing(t, f.upload(t, sheet(t,
		[]any{"estate_id", "item", "amount", "zh_CN:statement.code", "zh_CN:statement.reason"},
		[]any{1, "fee", 1, "superseded", "…"},
		[]any{1, "other", 3, "invalid", "…"},
		[]any{1, "third", 4, "", "superseded"},
	)))
	if got, want := f.failures(t, again), []string{"0 2 superseded code"}; !slices.Equal(got, want) {
		t.Errorf("failures %q, want %q", got, want)
	}
	if got, want := f.lines(t), []string{"1 fee 2.00", "1 other 3.00", "1 third 4.00"}; !slices.Equal(got, want) {
		t.Errorf("lines %q, want %q", got, want)
	}
}

func TestFailedItemsOfOtherJobs(t *testing.T) {
	t.Parallel()
	f := newFixture(t, estates.Config{})
	f.load(t, flat(1))
	job := f.finish(t, `{"job_name":"estate_batch_open_rent","estatesIds":[1,404]}`)
	want := []string{
		"zh_TW:failure.index|zh_TW:failure.key|zh_TW:failure.field|zh_TW:failure.value|zh_TW:statement.code|zh_TW:statement.reason",
		"1|404||404|not_found|zh_TW:not_found",
	}
	if got := f.failureSheet(t, job); !prefixes(got, want) {
		t.Errorf("failed items %q, want %q", got, want)
	}
}

func TestDocumentsThatAreRefused(t *testing.T) {
	t.Parallel()
	f := newFixture(t, estates.Config{})
	for _, name := range []string{"estate_import_monthly_statement", "estate_batch_upload_monthly_report"} {
		for _, c := range []struct{ fields, want string }{
			{`"x":1`, "publicUrl required, date required"},
			{`"publicUrl":"","date":""`, "publicUrl required, date required"},
			{`"publicUrl":5,"date":true`, "publicUrl invalid 5, date invalid true"},
			{`"publicUrl":"http://example.com/a","date":"2026-11"`, "publicUrl invalid http://example.com/a, date invalid 2026-11"},
			{`"publicUrl":"https://","date":"202613"`, "publicUrl invalid https://, date invalid 202613"},
			{`"publicUrl":"https:example.com","date":202600`, "publicUrl invalid https:example.com, date invalid 202600"},
			{`"publicUrl":"https://u:p@example.com/a","date":"20261"`, "publicUrl invalid https://u:p@example.com/a, date invalid 20261"},
			{`"publicUrl":"ftp://example.com/a","date":"189912"`, "publicUrl invalid ftp://example.com/a, date invalid 189912"},
			{`"publicUrl":"//example.com/a","date":2026.11`, "publicUrl invalid //example.com/a, date invalid 2026.11"},
			{`"publicUrl":"https://example.com/` + strings.Repeat("a", 2030) + `","date":"202611"`, "publicUrl too_long https://example.com/" + strings.Repeat("a", 180)},
			{`"publicUrl":"up:","date":"202611"`, "publicUrl not_found up:"},
			{`"publicUrl":"up:up-nowhere","date":"202611"`, "publicUrl not_found up:up-nowhere"},
		} {
			job, err := f.submit(t, `{"job_name":"`+name+`","estatesIds":[1],`+c.fields+`}`)
			if got := strings.Join(refusals(err), ", "); job != nil || got != c.want {
				t.Errorf("Submit(%s, %.60s) = %v, %q; want %q", name, c.fields, job, got, c.want)
			}
		}
	}
}

// TestAnUploadIsKeptForItsJob checks that a job prolongs the life of its
// upload, and a request that is refused does not.
func TestAnUploadIsKeptForItsJob(t *testing.T) {
	t.Parallel()
	f := newFixture(t, estates.Config{KeepSources: 90 * 24 * time.Hour})
	url := f.upload(t, sheet(t, []any{"estate_id", "item", "amount"}))
	expires := func() time.Time {
		t.Helper()
		upload, err := f.uploads.Find(t.Context(), f.who.Tenant, strings.TrimPrefix(url, "up:"))
		if err != nil {
			t.Fatalf("Find: %v", err)
		}
		return upload.ExpiresAt
	}
	before := expires()
	if _, err := f.submit(t, `{"job_name":"estate_import_monthly_statement","publicUrl":"`+url+`","date":"soon"}`); err == nil || !expires().Equal(before) {
		t.Errorf("Submit(a bad date) = %v, and the upload expires on %v; want a refusal and %v as before", err, expires(), before)
	}
	f.importing(t, url)
	if want := submittedAt.Add(90 * 24 * time.Hour); !expires().Equal(want) {
		t.Errorf("the upload of a job expires on %v, want %v", expires(), want)
	}
}

func TestReports(t *testing.T) {
	t.Parallel()
	f := newFixture(t, estates.Config{})
	f.load(t, flat(1), flat(2))
	attach := func(ids, url, date string) domain.Report {
		t.Helper()
		return f.finish(t, `{"job_name":"estate_batch_upload_monthly_report","estatesIds":`+ids+`,"total":2,"searchOptions":{},"publicUrl":"`+url+`","date":`+date+`}`).Report()
	}
	upload := f.upload(t, []byte("%PDF-1.7"))
	for _, c := range []struct {
		ids, url, date string
		want           domain.Report
	}{
		{`[1,404]`, "https://example.com/報表.pdf?a=b#c", `"202611"`, domain.Report{Total: 2, Created: 1, Failed: 1}},
		{`"all"`, "https://example.com/報表.pdf?a=b#c", `202611`, domain.Report{Total: 2, Created: 1, Unchanged: 1}},
		{`[1]`, upload, `"202611"`, domain.Report{Total: 1, Updated: 1}},
		{`[1]`, "HTTPS://example.com:8443/a.pdf", `"202610"`, domain.Report{Total: 1, Created: 1}},
	} {
		if got := attach(c.ids, c.url, c.date); got != c.want {
			t.Errorf("report %s for %s of %s = %+v, want %+v", c.url, c.date, c.ids, got, c.want)
		}
	}
	got, err := f.estates.Overview(t.Context(), f.who, 1)
	want := []estate.Report{
		{EstateID: 1, Month: "202611", Upload: strings.TrimPrefix(upload, "up:")},
		{EstateID: 1, Month: "202610", URL: "HTTPS://example.com:8443/a.pdf"},
	}
	if err != nil || !slices.Equal(got.Reports, want) {
		t.Errorf("Overview = %+v, %v; want the reports %+v", got.Reports, err, want)
	}
}

func TestStatementTemplate(t *testing.T) {
	t.Parallel()
	f := newFixture(t, estates.Config{})
	var content strings.Builder
	if err := f.estates.WriteStatementTemplate("ja_JP", io.Writer(&content)); err != nil {
		t.Fatalf("WriteStatementTemplate: %v", err)
	}
	want := "ja_JP:sheet.statement\nja_JP:statement.estate_id|ja_JP:statement.item|ja_JP:statement.amount|ja_JP:statement.note\nend\n"
	if content.String() != want {
		t.Errorf("template = %s, want %s", content.String(), want)
	}
}

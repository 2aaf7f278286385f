package httpapi_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/tealeg/xlsx/v3"

	"github.com/batchport/batchport/adapters/xlsxfile"
	"github.com/batchport/batchport/ports"
)

// workbook makes a workbook of texts; numbers among them become numbers.
func workbook(t *testing.T, titles []string, rows ...[]string) string {
	t.Helper()
	columns := make([]ports.Column, len(titles))
	for i, title := range titles {
		columns[i] = ports.Column{Title: title, Format: ports.FormatID}
	}
	var content bytes.Buffer
	book, err := (xlsxfile.Workbooks{}).NewWorkbook(&content, "s", columns)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		cells := make([]ports.Cell, len(row))
		for i, text := range row {
			cells[i] = ports.Cell{Kind: ports.CellNumber, Text: text}
		}
		if err := book.WriteRow(cells); err != nil {
			t.Fatal(err)
		}
	}
	if err := book.Close(); err != nil {
		t.Fatal(err)
	}
	return content.String()
}

// rowsOf reads a workbook with another reader than the one that made it.
func rowsOf(t *testing.T, content string) (rows [][]string) {
	t.Helper()
	file, err := xlsx.OpenBinary([]byte(content))
	if err != nil {
		t.Fatalf("the answer is no workbook: %v\n%.200s", err, content)
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
		t.Fatal(err)
	}
	return rows
}

// TestStatementFromTemplateToCorrection goes the way of an accountant: fetch
// the template, fill it in, upload and import it, fetch the failed rows,
// correct them, and import them.
func TestStatementFromTemplateToCorrection(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	w.estates(1, 2)
	w.run()

	template := w.call(http.MethodGet, "/v1/templates/monthly-statement.xlsx", "", "X-API-Key", w.admin, "locale", "zh_TW")
	if got := template.header.Get("Content-Disposition"); template.status != http.StatusOK || !strings.Contains(got, `"monthly-statement.xlsx"; filename*=UTF-8''%E5`) {
		t.Fatalf("GET template = %d with the disposition %q, want 200, a Chinese name, and one in ASCII", template.status, got)
	}
	titles := rowsOf(t, template.body)[0]
	if want := []string{"物件編號", "項目", "金額", "備註"}; !slices.Equal(titles, want) {
		t.Fatalf("the template has the columns %q, want %q", titles, want)
	}

	imported := func(rows ...[]string) (string, map[string]any) {
		t.Helper()
		file := w.uploaded("十一月.xlsx", workbook(t, titles, rows...))
		code := w.submit(fmt.Sprintf(`{"job_name":"estate_import_monthly_statement","publicUrl":%q,"date":"202611"}`, file["url"]), "locale", "zh_TW")
		return code, fields(t, w.ended(code).body)
	}
	code, end := imported([]string{"1", "管理費", "1250.50", "n"}, []string{"7", "管理費", "3", ""}, []string{"2", "清潔費", "三百", "m"})
	if data := end["data"].(map[string]any); end["code"] != 200.0 || data["failed_estates_amount"] != 2.0 {
		t.Fatalf("import ended with %v, want 200 and 2 failed", end)
	}
	sheet := w.call(http.MethodGet, "/v1/jobs/"+code+"/failures.xlsx", "", "X-API-Key", w.admin)
	rows := rowsOf(t, sheet.body)
	if sheet.status != http.StatusOK || len(rows) != 3 || !strings.Contains(sheet.header.Get("Content-Disposition"), `"`+code+`_failures.xlsx"; filename*=`) {
		t.Fatalf("GET failures.xlsx = %d %q with %q, want a header and 2 rows", sheet.status, sheet.header, rows)
	}
	if !slices.Equal(rows[0][:4], titles) || len(rows[0]) != 6 {
		t.Errorf("the failed rows have the columns %q, want those of the template and two more", rows[0])
	}
	if got := rows[1][:5]; !slices.Equal(got, []string{"7", "管理費", "3", "", "not_found"}) || !strings.Contains(rows[1][5], "A2") {
		t.Errorf("first failed row %q, want the original with not_found and a reason that names cell A2, where it stands now", rows[1])
	}
	if got := rows[2][:5]; !slices.Equal(got, []string{"2", "清潔費", "三百", "m", "invalid"}) || !strings.Contains(rows[2][5], "三百") {
		t.Errorf("second failed row %q, want the original with invalid and a reason that names the value", rows[2])
	}

	// As it came, with its two more columns.
	file := w.uploaded("corrected.xlsx", workbook(t, rows[0],
		[]string{"2", "管理費", "3", "", "not_found", rows[1][5]}, []string{"2", "清潔費", "-300", "m", "invalid", "x"}))
	missing := strings.Replace(file["url"].(string), file["id"].(string), "up-8c1f0f4d6b0e4a55a1f6f0cf0f1d9c3e", 1)
	refused := w.v1(http.MethodPost, "/v1/jobs/"+code+"/retry", fmt.Sprintf(`{"url":%q}`, missing), http.StatusBadRequest)
	if fault := refused["errors"].([]any)[0].(map[string]any); fault["field"] != "url" || fault["code"] != "not_found" {
		t.Errorf("a retry with a workbook that is not there is refused with %v, want url not_found", fault)
	}
	retried := w.v1(http.MethodPost, "/v1/jobs/"+code+"/retry", fmt.Sprintf(`{"url":%q}`, file["url"]), http.StatusAccepted)
	if end := w.over(retried["code"].(string)); end["result"] != "succeeded" || end["total"] != 2.0 || end["retry_of"] != code {
		t.Fatalf("the corrected rows ended with %v, want both done, in a retry of %s", end, code)
	}

	var items []string
	for after := ""; ; {
		page := fields(t, w.call(http.MethodGet, "/v1/estates/2/statements?month=202611&limit=1&after="+after, "", "X-API-Key", w.admin).body)
		for _, line := range page["lines"].([]any) {
			l := line.(map[string]any)
			items = append(items, fmt.Sprint(l["month"], l["item"], l["amount"], l["note"]))
		}
		next, more := page["next"].(string)
		if !more {
			break
		}
		after = next
	}
	if want := []string{"202611清潔費-300.00m", "202611管理費3.00"}; !slices.Equal(items, want) {
		t.Errorf("lines of estate 2 = %q, want %q", items, want)
	}
}

func TestEstateShowsWhatJobsDid(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	w.estates(1)
	w.people()
	w.run()
	report := w.uploaded("報表.pdf", "%PDF-1.7")
	for _, body := range []string{
		`{"job_name":"estate_batch_open_rent","estatesIds":[1]}`,
		`{"job_name":"estate_batch_edit_agent","action":"estate","data":[{"id":1,"editUserId":7}]}`,
		`{"job_name":"estate_batch_edit_bigLandlord","data":{"1":{"editUserId":21,"capabilities":{"show_estate":"1"}}}}`,
		fmt.Sprintf(`{"job_name":"estate_batch_upload_monthly_report","estatesIds":[1],"date":"202610","publicUrl":%q}`, report["url"]),
		`{"job_name":"estate_batch_upload_monthly_report","estatesIds":[1],"date":"202611","publicUrl":"https://example.com/a.pdf"}`,
	} {
		if end := fields(t, w.ended(w.submit(body)).body); end["code"] != 200.0 {
			t.Fatalf("%s ended with %v, want 200", body, end)
		}
	}
	got := w.call(http.MethodGet, "/v1/estates/1", "", "X-API-Key", w.admin)
	view := fields(t, got.body)
	reports, _ := view["reports"].([]any)
	if got.status != http.StatusOK || len(reports) != 2 {
		t.Fatalf("GET estate = %d %s, want 200 and two reports", got.status, got.body)
	}
	link := reports[1].(map[string]any)["url"].(string)
	if file := w.call(http.MethodGet, link, ""); file.status != http.StatusOK || file.body != "%PDF-1.7" || file.header.Get("Content-Type") != "application/pdf" {
		t.Errorf("GET %s without a key = %d %q, want the report", link, file.status, file.body)
	}
	golden(t, "estate.json", strings.Replace(got.body, link, "LINK", 1))
}

func TestReadingEstatesIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	w.estates(1)
	for _, c := range []struct {
		path, key string
		want      int
	}{
		{"/v1/estates/1", "", 401},
		{"/v1/estates/1", w.poor, 403},
		{"/v1/estates/1", w.foreign, 404},
		{"/v1/estates/2", w.admin, 404},
		{"/v1/estates/0", w.admin, 404},
		{"/v1/estates/-1", w.admin, 404},
		{"/v1/estates/x", w.admin, 404},
		{"/v1/estates/9007199254740993", w.admin, 404},
		{"/v1/estates/1/statements", "", 401},
		{"/v1/estates/1/statements", w.poor, 403},
		{"/v1/estates/1/statements", w.foreign, 404},
		{"/v1/estates/1/statements", w.admin, 200},
		{"/v1/estates/1/statements?month=202613&limit=0&after=!", w.admin, 400},
		{"/v1/estates/1/statements?after=" + base64.RawURLEncoding.EncodeToString([]byte("202611 a\x00b")), w.admin, 400},
		{"/v1/estates/1/statements?after=" + base64.RawURLEncoding.EncodeToString([]byte("202611 \xff")), w.admin, 400},
		{"/v1/estates/1/statements?after=" + base64.RawURLEncoding.EncodeToString([]byte("202611 a")), w.admin, 200},
		{"/v1/templates/monthly-statement.xlsx", "", 401},
		{"/v1/jobs/6552e15d743264.42384055/failures.xlsx", "", 401},
		{"/v1/jobs/6552e15d743264.42384055/failures.xlsx", w.admin, 404},
		{"/v1/jobs/x/failures.xlsx", w.admin, 404},
	} {
		got := w.call(http.MethodGet, c.path, "", "X-API-Key", c.key)
		if got.status != c.want {
			t.Errorf("GET %s = %d %s, want %d", c.path, got.status, got.body, c.want)
		}
		if strings.Contains(c.path, "limit=0") && strings.Count(got.body, `"field":`) != 3 {
			t.Errorf("GET %s = %s, want all three faults", c.path, got.body)
		}
	}
}

// TestFailuresOfAJobThatHasNotEnded checks that nobody corrects half a list.
func TestFailuresOfAJobThatHasNotEnded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	code := w.submit(`{"job_name":"estate_batch_open_rent","estatesIds":[404]}`)
	if got := w.call(http.MethodGet, "/v1/jobs/"+code+"/failures.xlsx", "", "X-API-Key", w.admin); got.status != http.StatusConflict {
		t.Errorf("GET failures.xlsx of a queued job = %d %s, want 409", got.status, got.body)
	}
	w.run()
	w.ended(code)
	got := w.call(http.MethodGet, "/v1/jobs/"+code+"/failures.xlsx", "", "X-API-Key", w.admin, "locale", "ja_JP")
	if rows := rowsOf(t, got.body); len(rows) != 2 || rows[1][1] != "404" || rows[1][4] != "not_found" {
		t.Errorf("GET failures.xlsx = %d with %q, want the one failed estate", got.status, rows)
	}
}

package httpapi_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// TestWireFiles goes through the sentences on publicUrl and date, for the two
// kinds that have them.
func TestWireFiles(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	w.population()
	mine := w.uploaded("報表.pdf", "%PDF-1.7")["url"].(string)
	theirs := fields(t, w.call(http.MethodPost, "/v1/files", filePart("x.pdf", "x")+endOfForm, "X-API-Key", w.foreign, "Content-Type", formType).body)["url"].(string)
	unsigned, _, _ := strings.Cut(mine, "?")
	never := strings.Replace(unsigned, "/up-", "/up-00000000", 1)
	never = never[:strings.Index(never, "/up-")+36] + never[strings.LastIndex(never, "/"):]
	longest := "https://example.com/" + strings.Repeat("a", 2048-len("https://example.com/"))
	for _, job := range []string{"estate_batch_upload_monthly_report", "estate_import_monthly_statement"} {
		request := func(url, date string) string {
			return fmt.Sprintf(`{"job_name":%q,"estatesIds":[1],"publicUrl":%s,"date":%s}`, job, url, date)
		}
		for sentence, body := range map[string]string{
			"publicUrl may be the url of an upload":           request(`"`+mine+`"`, `"202611"`),
			"publicUrl may be that url, as PHP writes it":     request(`"`+strings.ReplaceAll(mine, "/", `\/`)+`"`, `"202611"`),
			"without its signature too: the caller has a key": request(`"`+unsigned+`"`, `"202611"`),
			"an https URL": request(`"https://example.com/a%20b.pdf?c=d&e#f"`, `"202611"`),
			"an https URL, whatever the case of its scheme":         request(`"HTTPS://EXAMPLE.com:8443/"`, `"202611"`),
			"an https URL of 2,048 bytes":                           request(`"`+longest+`"`, `"202611"`),
			"an https URL with other letters":                       request(`"https://例え.jp/報表.pdf"`, `"202611"`),
			"YYYYmm as a number":                                    request(`"https://example.com/a"`, `202612`),
			"the first month":                                       request(`"https://example.com/a"`, `"190001"`),
			"the last month":                                        request(`"https://example.com/a"`, `"999912"`),
			"with @ behind the host there is no user":               request(`"https://example.com/@a"`, `"202611"`),
			"a user of a query is none":                             request(`"https://example.com?a@b"`, `"202611"`),
			"fields of other kinds beside, as some clients send it": request(`"https://example.com/a","data":[],"total":"","searchOptions":null`, `"202611"`),
		} {
			if got := w.post(body); got.status != http.StatusOK {
				t.Errorf("%s\nPOST %.200s = %d %s, want 200", sentence, body, got.status, got.body)
			}
		}
		for url, code := range map[string]string{
			`""`: "required", `null`: "required", `5`: "invalid", `["https://example.com/a"]`: "invalid",
			`"http://example.com/a"`: "invalid", `"ftp://example.com/a"`: "invalid", `"file:///etc/passwd"`: "invalid",
			`"javascript:alert(1)"`: "invalid", `"data:text/plain,x"`: "invalid", `"example.com/a"`: "invalid", `"//example.com/a"`: "invalid",
			`"/files/a"`: "invalid", `"https:example.com"`: "invalid", `"https:///a"`: "invalid", `"https://"`: "invalid", `"https://:443/"`: "invalid",
			`" https://example.com/a"`: "invalid", `"https://example.com/\n"`: "invalid", `"https://exa mple.com/"`: "invalid", `"https://example.com:x/"`: "invalid",
			`"https://user@example.com/a"`: "invalid", `"https://user:password@example.com/a"`: "invalid", `"https://@example.com/"`: "invalid",
			`"https://example.com\\@evil.example/"`: "invalid", `"` + longest + `a"`: "too_long",
			`"` + theirs + `"`: "not_found", `"` + never + `"`: "not_found",
		} {
			w.refuses([]refused{{"it must be an https URL of at most 2,048 bytes without user or password, or an upload's url", request(url, `"202611"`), 400, []string{"publicUrl " + code}}})
		}
		for date, code := range map[string]string{
			`""`: "required", `null`: "required", `"202600"`: "invalid", `"202613"`: "invalid", `"2026-11"`: "invalid", `"20261"`: "invalid",
			`"2026011"`: "invalid", `" 202611"`: "invalid", `"２０２６１１"`: "invalid", `202613`: "invalid", `2.02611e5`: "invalid", `-202611`: "invalid",
			`true`: "invalid", `["202611"]`: "invalid", `"000001"`: "invalid", `"189912"`: "invalid",
		} {
			w.refuses([]refused{{"date is YYYYmm", request(`"https://example.com/a"`, date), 400, []string{"date " + code}}})
		}
		w.refuses([]refused{
			{"a refusal lists all errors", `{"job_name":"` + job + `","estatesIds":[1]}`, 400, []string{"publicUrl required", "date required"}},
			{"a refusal lists all errors", `{"job_name":"` + job + `","estatesIds":[1],"publicUrl":"` + theirs + `","date":"x"}`, 400, []string{"publicUrl not_found", "date invalid"}},
		})
	}
	foreign, unknown := w.post(`{"job_name":"estate_import_monthly_statement","publicUrl":"`+theirs+`","date":"202611"}`), w.post(`{"job_name":"estate_import_monthly_statement","publicUrl":"`+never+`","date":"202611"}`)
	if a, b := strings.ReplaceAll(foreign.body, theirs, "URL"), strings.ReplaceAll(unknown.body, never, "URL"); len(faultsOf(t, foreign)) != 1 || foreign.status != unknown.status || firstWords(a) != firstWords(b) {
		t.Errorf("another tenant's upload is one that there is not: %s and %s", a, b)
	}
}

// firstWords is a refusal up to the value that it quotes.
func firstWords(body string) string {
	before, _, _ := strings.Cut(body, "“")
	return before
}

// TestWireUploadIsReadFromTheStore imports an upload by a URL at which nobody
// could fetch it, and shows a report that is one.
func TestWireUploadIsReadFromTheStore(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	w.population()
	w.run()
	sheet := w.uploaded("十一月.xlsx", workbook(t, []string{"estate_id", "item", "amount"}, []string{"1", "rent", "5"}))
	if len(sheet) != 5 || sheet["id"] == "" || sheet["name"] != "十一月.xlsx" || sheet["size"] == 0.0 || len(sheet["sha256"].(string)) != 64 {
		t.Errorf("201 has %v, want id, url, name, size and sha256", sheet)
	}
	if code, data, failed := w.done(fmt.Sprintf(`{"job_name":"estate_import_monthly_statement","publicUrl":%q,"date":"202611"}`, sheet["url"])); code != 200 {
		t.Errorf("an upload is read from the store, never fetched: %d %v %q", code, data, failed)
	}
	report := w.uploaded("a.pdf", "%PDF-1.7")["url"].(string)
	w.done(fmt.Sprintf(`{"job_name":"estate_batch_upload_monthly_report","estatesIds":[1],"publicUrl":%q,"date":"202611"}`, report))
	shown := w.estate(1)["reports"].([]any)[0].(map[string]any)["url"].(string)
	if got := w.call(http.MethodGet, shown, ""); got.body != "%PDF-1.7" {
		t.Errorf("the report is at %s: %d %q", shown, got.status, got.body)
	}
	for _, url := range []string{"https://127.0.0.1/a.xlsx", "https://10.0.0.1/a.xlsx", "https://[::1]/a.xlsx", "https://localhost/a.xlsx", "https://169.254.169.254/latest"} {
		code, data, _ := w.done(fmt.Sprintf(`{"job_name":"estate_import_monthly_statement","publicUrl":%q,"date":"202611"}`, url))
		if message, _ := data["message"].(string); code != 400 || message == "" {
			t.Errorf("to public addresses only: %s ended %d with %v, want 400 and a message", url, code, data)
		}
	}
}

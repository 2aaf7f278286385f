package httpapi_test

import (
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tealeg/xlsx/v3"

	"github.com/batchport/batchport/adapters/httpapi"
	"github.com/batchport/batchport/domain"
)

// export makes a file and returns the data of the answer that names it.
func (w *world) export(headers ...string) map[string]any {
	w.t.Helper()
	w.estates(1, 2, 3)
	w.run()
	code := w.submit(`{"job_name":"estate_export","estatesIds":[3,1,2]}`, headers...)
	w.ended(code)
	m := fields(w.t, w.status(code, headers...).body)
	if m["code"] != 200.0 {
		w.t.Fatalf("status of an export = %v, want code 200", m)
	}
	return m["data"].(map[string]any)
}

func TestDownload(t *testing.T) {
	t.Parallel()
	clock := atomic.Pointer[time.Time]{}
	clock.Store(new(time.Now()))
	w := newWorld(t, settings{config: httpapi.Config{Now: func() time.Time { return *clock.Load() }}})
	data := w.export("locale", "zh_TW")
	link, name := data["url"].(string), data["file_name"].(string)
	if !strings.HasPrefix(link, w.server.URL+"/files/acme/") || !strings.HasPrefix(name, "物件") || !strings.HasSuffix(name, ".xlsx") {
		t.Fatalf("url, file_name = %q, %q; want a link on the request's host and a Chinese name", link, name)
	}

	got := w.call(http.MethodGet, link, "")
	if got.status != http.StatusOK {
		t.Fatalf("GET without a key = %d %s, want 200", got.status, got.body)
	}
	for header, want := range map[string]string{
		"Content-Type":           "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
		"X-Content-Type-Options": "nosniff",
		"Accept-Ranges":          "bytes",
		"Content-Disposition":    `attachment; filename="` + data["batch_code"].(string) + `-1.xlsx"; filename*=UTF-8''` + url.PathEscape(name),
	} {
		if got.header.Get(header) != want {
			t.Errorf("%s = %q, want %q", header, got.header.Get(header), want)
		}
	}
	book, err := xlsx.OpenBinary([]byte(got.body))
	if err != nil || book.Sheets[0].MaxRow != 4 {
		t.Errorf("the file is no workbook of a header and three rows: %v", err)
	}

	tag := got.header.Get("ETag")
	if again := w.call(http.MethodGet, link, "", "If-None-Match", tag); again.status != http.StatusNotModified || tag == "" {
		t.Errorf("GET with If-None-Match %s = %d, want 304", tag, again.status)
	}
	if part := w.call(http.MethodGet, link, "", "Range", "bytes=1-3"); part.status != http.StatusPartialContent || part.body != got.body[1:4] {
		t.Errorf("GET of bytes 1-3 = %d %q, want 206 %q", part.status, part.body, got.body[1:4])
	}
	if head := w.call(http.MethodHead, link, ""); head.status != http.StatusOK || head.header.Get("Content-Length") == "" || head.body != "" {
		t.Errorf("HEAD = %d %v, want 200 with a length and no body", head.status, head.header)
	}

	plain, _, _ := strings.Cut(link, "?")
	forged := strings.Replace(link, "/files/acme/", "/files/other/", 1)
	renamed := strings.Replace(link, ".xlsx?", ".html?", 1)
	later, _ := url.Parse(link)
	query := later.Query()
	query.Set("expires", "99999999999")
	later.RawQuery = query.Encode()
	unknown := strings.Replace(plain, "-1/", "-9/", 1)
	for _, tt := range []struct {
		name, link, key string
		status          int
		golden          string
	}{
		{"a key of the tenant", plain, w.poor, 200, ""},
		{"neither key nor signature", plain, "", 401, "problem-401.json"},
		{"a wrong key", plain, "bp_x_y", 401, ""},
		{"another tenant's key", plain, w.foreign, 404, "problem-404.json"},
		{"another tenant's key, unknown file", unknown, w.foreign, 404, "problem-404.json"},
		{"unknown file", unknown, w.admin, 404, "problem-404.json"},
		{"a key of the tenant, another name", strings.Replace(plain, ".xlsx", ".html", 1), w.admin, 404, "problem-404.json"},
		{"a key of the tenant, a file of no job", "/files/acme/-1/x", w.admin, 404, "problem-404.json"},
		{"an impossible file", "/files/acme/.hidden/x", w.admin, 404, "problem-404.json"},
		{"another tenant's key, signed", link, w.foreign, 200, ""},
		{"signature of another tenant's file", forged, "", 403, "problem-403.json"},
		{"signature of another name", renamed, "", 403, "problem-403.json"},
		{"a longer life", later.String(), "", 403, "problem-403.json"},
		{"a broken signature and a key", link + "x", w.admin, 200, ""},
	} {
		headers := []string{"X-API-Key", tt.key}
		if tt.key == "" {
			headers = nil
		}
		got := w.call(http.MethodGet, tt.link, "", headers...)
		if got.status != tt.status {
			t.Errorf("%s: GET = %d %.200q, want %d", tt.name, got.status, got.body, tt.status)
		}
		if tt.status != http.StatusOK && got.header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: Content-Type = %q, want a problem", tt.name, got.header.Get("Content-Type"))
		}
		if tt.golden != "" {
			golden(t, tt.golden, got.body)
		}
	}

	clock.Store(new(clock.Load().Add(24*time.Hour - 2*time.Second)))
	if got := w.call(http.MethodGet, link, ""); got.status != http.StatusOK {
		t.Errorf("GET shortly before 24 hours = %d %s, want 200", got.status, got.body)
	}
	clock.Store(new(clock.Load().Add(3 * time.Second)))
	if got := w.call(http.MethodGet, link, ""); got.status != http.StatusForbidden {
		t.Errorf("GET after 24 hours = %d, want 403", got.status)
	} else {
		golden(t, "problem-403.json", got.body)
	}
	if got := fields(t, w.call(http.MethodGet, link, "", "Accept-Language", "zh-TW").body); got["code"] != "link_expired" || !strings.Contains(got["detail"].(string), "連結已過期") {
		t.Errorf("GET after 24 hours, in Chinese = %v, want link_expired in that language", got)
	}
	if got := w.call(http.MethodGet, link, "", "Authorization", "Bearer "+w.admin); got.status != http.StatusOK {
		t.Errorf("GET after 24 hours with a key = %d %s, want 200", got.status, got.body)
	}
	if logs := w.logs.String(); strings.Contains(logs, query.Get("signature")) || strings.Contains(logs, w.admin) {
		t.Error("the log holds a signature or a key")
	}
}

func TestLinksStartAtThePublicURL(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{config: httpapi.Config{PublicURL: "https://jobs.example.com/batch/"}})
	link := w.export()["url"].(string)
	path, found := strings.CutPrefix(link, "https://jobs.example.com/batch/files/")
	if !found {
		t.Fatalf("url = %q, want it to start at the public URL", link)
	}
	if got := w.call(http.MethodGet, "/files/"+path, ""); got.status != http.StatusOK {
		t.Errorf("GET of the link without the prefix = %d %s, want 200", got.status, got.body)
	}
}

// jobWithFile stores a job of acme that made a file of that name.
func (w *world) jobWithFile(n uint64, name, content string) (code string) {
	w.t.Helper()
	id := domain.NewJobID(time.Now(), n)
	file, err := w.files.Create(w.t.Context(), "acme", string(id)+"-1")
	w.must(err)
	_, err = file.Write([]byte(content))
	w.must(err)
	info, err := file.Commit(w.t.Context())
	w.must(err)
	job, err := domain.LoadJob(domain.JobSnapshot{
		JobSpec: domain.JobSpec{ID: id, Tenant: "acme", User: "u", Kind: "gate", SubmittedAt: time.Now()},
		State:   domain.JobCompleted, Report: domain.Report{Total: 1, Exported: 1},
		File: &domain.JobFile{ID: info.ID, Name: name, Size: info.Size},
	})
	w.must(err)
	w.must(w.store.AddJob(w.t.Context(), job))
	return string(id)
}

// TestNamesSurvive sends odd names through link, path and header.
func TestNamesSurvive(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	for i, tt := range []struct{ name, ascii, contentType string }{
		{"報表 2026年11月.pdf", "CODE-1.pdf", "application/pdf"},
		{"物件.xlsx", "CODE-1.xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
		{"a/b\"c\\d\r\n.csv", "a_b_c_d.csv", "text/csv; charset=utf-8"},
		{"page.html", "page.html", "application/octet-stream"},
		{"50%.zip", "50.zip", "application/zip"},
		{"名", "CODE-1", "application/octet-stream"},
		{"bill.帳單", "CODE-1", "application/octet-stream"},
		{"?.xlsx", "CODE-1.xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
	} {
		code := w.jobWithFile(uint64(i), tt.name, "<script>")
		link, _ := fields(t, w.status(code).body)["data"].(map[string]any)["url"].(string)
		plain, _, _ := strings.Cut(link, "?")
		got := w.call(http.MethodGet, plain, "", "X-API-Key", w.admin)
		if signed := w.call(http.MethodGet, link, ""); signed.status != got.status || signed.body != got.body {
			t.Errorf("GET of %q without a key = %d %q, want what a key gets: %d %q", tt.name, signed.status, signed.body, got.status, got.body)
		}
		disposition := got.header.Get("Content-Disposition")
		ascii, rest, _ := strings.Cut(strings.TrimPrefix(disposition, `attachment; filename="`), `"; filename*=UTF-8''`)
		name, err := url.PathUnescape(rest)
		tt.ascii = strings.Replace(tt.ascii, "CODE", code, 1)
		if err != nil || name != tt.name || ascii != tt.ascii || got.header.Get("Content-Type") != tt.contentType {
			t.Errorf("GET of %q = %d, %q, %q; want %q and %q", tt.name, got.status, disposition, got.header.Get("Content-Type"), tt.ascii, tt.contentType)
		}
		if got.body != "<script>" || got.header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("GET of %q = %q %v, want the content, not to be sniffed", tt.name, got.body, got.header)
		}
	}
}

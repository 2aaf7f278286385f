package httpapi_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/batchport/batchport/adapters/httpapi"
	"github.com/batchport/batchport/adapters/memory"
	"github.com/batchport/batchport/app/uploads"
	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

// formType is the Content-Type of the forms of these tests.
const formType = "multipart/form-data; boundary=------------------------d74496d66958873e"

// part writes one field of a form as curl does, and with it PHP. head is what
// is behind `form-data; `.
func part(head, content string) string {
	return "--------------------------d74496d66958873e\r\nContent-Disposition: form-data; " + head + "\r\n\r\n" + content + "\r\n"
}

const endOfForm = "--------------------------d74496d66958873e--\r\n"

// filePart is the field of a file.
func filePart(name, content string) string {
	return part(`name="file"; filename="`+name+"\"\r\nContent-Type: application/octet-stream", content)
}

// upload sends a form as the admin of acme.
func (w *world) upload(form string, headers ...string) reply {
	w.t.Helper()
	return w.call(http.MethodPost, "/v1/files", form, append([]string{"X-API-Key", w.admin, "Content-Type", formType}, headers...)...)
}

// uploaded sends a file that must be taken, and returns the answer.
func (w *world) uploaded(name, content string) map[string]any {
	w.t.Helper()
	got := w.upload(filePart(name, content) + endOfForm)
	if got.status != http.StatusCreated {
		w.t.Fatalf("POST of the file %q = %d %s, want 201", name, got.status, got.body)
	}
	return fields(w.t, got.body)
}

// stored returns how many files there are.
func (w *world) stored() (n int) {
	w.t.Helper()
	for _, err := range w.files.Each(w.t.Context(), time.Time{}) {
		w.must(err)
		n++
	}
	return n
}

func TestUpload(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	const content = "--not a boundary\r\n\x00\xff"
	got := w.upload(filePart("十一月.xlsx", content) + endOfForm)
	sum := sha256.Sum256([]byte(content))
	want := fmt.Sprintf(`^\{"id":"(up-[0-9a-f]{32})","url":"(%s/files/acme/(up-[0-9a-f]{32})/[^"]+)","name":"十一月\.xlsx","size":%d,"sha256":"%s"\}\n$`,
		regexp.QuoteMeta(w.server.URL), len(content), hex.EncodeToString(sum[:]))
	m := regexp.MustCompile(want).FindStringSubmatch(got.body)
	if got.status != http.StatusCreated || m == nil || m[1] != m[3] || got.header.Get("Location") != m[2] {
		t.Fatalf("POST = %d %v %s, want 201, its url as Location, and %s", got.status, got.header, got.body, want)
	}
	if file := w.call(http.MethodGet, m[2], ""); file.status != http.StatusOK || file.body != content {
		t.Errorf("GET of the url = %d %q, want 200 %q", file.status, file.body, content)
	}
	upload, err := w.uploads.Find(t.Context(), "acme", m[1])
	if err != nil || upload.CreatedBy != "user-of-*" {
		t.Errorf("Find() = %+v, %v; want the upload of the key's user", upload, err)
	}
	if got := w.call(http.MethodPost, "/v1/files", filePart("x", "x")+endOfForm, "X-API-Key", w.poor, "Content-Type", formType); got.status != http.StatusCreated {
		t.Errorf("POST with a key of any permission = %d %s, want 201", got.status, got.body)
	}
}

// TestUploadsOfAllSorts sends forms as clients of all sorts write them.
func TestUploadsOfAllSorts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	for _, tt := range []struct{ name, form, contentType, called string }{
		{"PHP's CURLFile", part(`name="file"; filename="/tmp/帳單.xlsx"`+"\r\nContent-Type: application/vnd.ms-excel", "x") + endOfForm, "", "帳單.xlsx"},
		{"RFC 5987 beside ASCII", part(`name="file"; filename="bill.xlsx"; filename*=UTF-8''%E5%B8%B3%E5%96%AE.xlsx`, "x") + endOfForm, "", "帳單.xlsx"},
		{"RFC 5987 alone", part(`name="file"; filename*=utf-8'zh-TW'%e5%b8%b3.xlsx`, "x") + endOfForm, "", "帳.xlsx"},
		{"a path of Windows", filePart(`C:\fakepath\x.xlsx`, "x") + endOfForm, "", "x.xlsx"},
		{"quotes and semicolons", filePart(`a \"b\"; c=d.xlsx`, "x") + endOfForm, "", `a "b"; c=d.xlsx`},
		{"no quotes", part(`name=file; filename=x.xlsx`, "x") + endOfForm, "", "x.xlsx"},
		{"names in capitals", strings.Replace(part(`NAME="file"; FileName="x.xlsx"`, "x")+endOfForm, "Content-Disposition", "content-disposition", 1), "", "x.xlsx"},
		{"an empty name", filePart("", "x") + endOfForm, "", "upload"},
		{"fields around it", part(`name="MAX_FILE_SIZE"`, "100") + part(`name="note"; filename="n.txt"`, "n") + filePart("x.xlsx", "x") + part(`name="submit"`, "ok") + endOfForm, "", "x.xlsx"},
		{"text around the form", "preamble\r\n" + filePart("x.xlsx", "x") + endOfForm + "epilogue", "", "x.xlsx"},
		{"a part that says its length", part("name=\"file\"; filename=\"x.xlsx\"\r\nContent-Length: 1", "x") + endOfForm, "", "x.xlsx"},
		{"a quoted boundary", "--a b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"x.xlsx\"\r\n\r\nx\r\n--a b--", `multipart/form-data; boundary="a b"`, "x.xlsx"},
		{"a type in capitals", filePart("x.xlsx", "x") + endOfForm, strings.Replace(formType, "multipart/form-data", "Multipart/Form-Data", 1), "x.xlsx"},
	} {
		contentType := formType
		if tt.contentType != "" {
			contentType = tt.contentType
		}
		got := w.call(http.MethodPost, "/v1/files", tt.form, "X-API-Key", w.admin, "Content-Type", contentType)
		if got.status != http.StatusCreated || fields(t, got.body)["name"] != tt.called || fields(t, got.body)["size"] != 1.0 {
			t.Errorf("%s: POST = %d %s, want 201, one byte and the name %s", tt.name, got.status, got.body, tt.called)
		}
	}
}

// TestUploadsAreRefused has one case a way in which POST /v1/files is refused.
// Nothing is stored of any.
func TestUploadsAreRefused(t *testing.T) {
	t.Parallel()
	const limit = 1000
	w := newWorld(t, settings{uploads: uploads.Config{MaxSize: limit}})
	good := filePart("x.xlsx", "x") + endOfForm
	for _, tt := range []struct {
		name, form, contentType, key string
		status                       int
		code, says                   string
	}{
		{name: "no key", form: good, key: "-", status: 401, code: "unauthorized"},
		{name: "authentication comes before the body", form: "nonsense", key: "-", status: 401, code: "unauthorized"},
		{name: "no form", form: `{"file":"x"}`, contentType: "application/json", status: 400, code: "malformed"},
		{name: "a form without files", form: "file=x", contentType: "application/x-www-form-urlencoded", status: 400, code: "malformed"},
		{name: "no Content-Type", form: good, contentType: "-", status: 400, code: "malformed"},
		{name: "a Content-Type that is none", form: good, contentType: "multipart/form-data; =", status: 400, code: "malformed"},
		{name: "no boundary", form: good, contentType: "multipart/form-data", status: 400, code: "malformed"},
		{name: "another boundary", form: good, contentType: "multipart/form-data; boundary=x", status: 400, code: "malformed"},
		{name: "an empty body", form: "", status: 400, code: "malformed", says: "it is empty"},
		{name: "an empty form", form: endOfForm, status: 400, code: "required", says: "file is required"},
		{name: "no such field", form: part(`name="files[]"; filename="x"`, "x") + endOfForm, status: 400, code: "required", says: "file is required"},
		{name: "text instead of a file", form: part(`name="file"`, "@/tmp/x.xlsx") + endOfForm, status: 400, code: "invalid", says: "file is not valid"},
		{name: "no file chosen", form: filePart("", "") + endOfForm, status: 400, code: "required", says: "file is required: it is empty"},
		{name: "an empty file", form: filePart("x.xlsx", "") + endOfForm, status: 400, code: "required", says: "file is required: it is empty"},
		{name: "two files", form: filePart("x", "x") + filePart("y", "y") + endOfForm, status: 400, code: "duplicate", says: "file is given more than once"},
		{name: "a file and a text of its name", form: filePart("x", "x") + part(`name="file"`, "y") + endOfForm, status: 400, code: "duplicate"},
		{name: "broken off in the file", form: filePart("x", "content")[:len(filePart("x", "content"))-3], status: 400, code: "malformed", says: "it broke off"},
		{name: "broken off behind the file", form: filePart("x", "x"), status: 400, code: "malformed", says: "it broke off"},
		{name: "broken off in a head", form: filePart("x", "x")[:60], status: 400, code: "malformed"},
		{name: "broken off before the last two dashes", form: strings.TrimSuffix(good, "--\r\n"), status: 400, code: "malformed", says: "it broke off"},
		{name: "a head that is none", form: strings.Replace(good, "Content-Disposition:", "Content Disposition", 1), status: 400, code: "malformed", says: "syntax"},
		{name: "a field without a name", form: strings.Replace(good, "Content-Disposition", "Content-Dispositiom", 1), status: 400, code: "malformed", says: "syntax"},
		{name: "one parameter twice", form: part(`name="file"; filename="a"; filename="b"`, "x") + endOfForm, status: 400, code: "malformed", says: "syntax"},
		{name: "over the limit", form: filePart("x", strings.Repeat("x", limit+1)) + endOfForm, status: 413, code: "too_large", says: "the limit is 1000 B"},
		{name: "far over the limit", form: filePart("x", strings.Repeat("x", limit+(1<<17))) + endOfForm, status: 413, code: "too_large", says: "the limit is 1000 B"},
		{name: "another field over the limit", form: part(`name="x"`, strings.Repeat("x", limit+(1<<17))) + endOfForm, status: 413, code: "too_large", says: "the limit is 1000 B"},
		{name: "very many fields", form: strings.Repeat(part(`name="x"`, ""), 101) + good, status: 413, code: "too_many"},
	} {
		headers := []string{"locale", "en_US"}
		if tt.key == "" {
			headers = append(headers, "X-API-Key", w.admin)
		}
		switch tt.contentType {
		case "":
			headers = append(headers, "Content-Type", formType)
		case "-":
		default:
			headers = append(headers, "Content-Type", tt.contentType)
		}
		got := w.call(http.MethodPost, "/v1/files", tt.form, headers...)
		m := fields(t, got.body)
		detail, _ := m["detail"].(string)
		if got.status != tt.status || m["code"] != tt.code || !strings.Contains(detail, tt.says) || got.header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: POST = %d %s, want %d, a problem of %s that says %q", tt.name, got.status, got.body, tt.status, tt.code, tt.says)
		}
	}
	if n := w.stored(); n != 0 {
		t.Errorf("%d files are stored, want none", n)
	}
	if got := w.uploaded("x", strings.Repeat("x", limit)); got["size"] != float64(limit) {
		t.Errorf("POST of as much as the limit = %v, want it whole", got)
	}
}

// TestLargestUpload sends what the defaults just take, and one byte more.
func TestLargestUpload(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	content := strings.Repeat("0123456789abcdef", 4<<20)
	if got := w.uploaded("x", content); got["size"] != float64(64<<20) {
		t.Errorf("POST of 64 MiB = %v, want it whole", got)
	}
	if got := w.upload(filePart("x", content+"x") + endOfForm); got.status != http.StatusRequestEntityTooLarge {
		t.Errorf("POST of 64 MiB and a byte = %d %s, want 413", got.status, got.body)
	}
}

// fullDisk takes no byte.
type fullDisk struct{ *memory.Files }

type fullWriter struct{ ports.FileWriter }

func (d fullDisk) Create(ctx context.Context, tenant domain.TenantID, id string) (ports.FileWriter, error) {
	w, err := d.Files.Create(ctx, tenant, id)
	return fullWriter{w}, err
}

func (fullWriter) Write([]byte) (int, error) {
	return 0, domain.Unavailable(errors.New("write /data/hunter2: no space left on device"))
}

func TestUploadToAFullDisk(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{files: fullDisk{memory.NewFiles()}})
	got := w.upload(filePart("x", "x") + endOfForm)
	if got.status != http.StatusServiceUnavailable || got.header.Get("Retry-After") != "5" || strings.Contains(got.body, "hunter2") {
		t.Errorf("POST to a full disk = %d %v %s, want 503 with safe text and Retry-After", got.status, got.header, got.body)
	}
	if !strings.Contains(w.logs.String(), "hunter2") {
		t.Error("the log does not tell what happened")
	}
}

func TestUploadIsDownloaded(t *testing.T) {
	t.Parallel()
	clock := atomic.Pointer[time.Time]{}
	clock.Store(new(time.Now()))
	now := func() time.Time { return *clock.Load() }
	w := newWorld(t, settings{config: httpapi.Config{Now: now}, uploads: uploads.Config{Now: now}})
	const name, content = "十一月 帳單.xlsx", "0123456789"
	upload := w.uploaded(name, content)
	link := upload["url"].(string)
	plain, _, _ := strings.Cut(link, "?")

	got := w.call(http.MethodGet, link, "")
	for header, want := range map[string]string{
		"Content-Type":           "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
		"X-Content-Type-Options": "nosniff",
		"Content-Length":         "10",
		"Accept-Ranges":          "bytes",
		"Content-Disposition":    `attachment; filename="` + upload["id"].(string) + `.xlsx"; filename*=UTF-8''` + url.PathEscape(name),
	} {
		if got.header.Get(header) != want {
			t.Errorf("%s = %q, want %q", header, got.header.Get(header), want)
		}
	}
	tag := got.header.Get("ETag")
	for _, tt := range []struct {
		method  string
		headers []string
		status  int
		body    string
	}{
		{http.MethodGet, nil, 200, content},
		{http.MethodHead, nil, 200, ""},
		{http.MethodGet, []string{"If-None-Match", tag}, 304, ""},
		{http.MethodGet, []string{"If-None-Match", `"another"`}, 200, content},
		{http.MethodGet, []string{"Range", "bytes=2-4"}, 206, "234"},
		{http.MethodGet, []string{"Range", "bytes=-3"}, 206, "789"},
		{http.MethodGet, []string{"Range", "bytes=8-", "If-Range", tag}, 206, "89"},
		{http.MethodGet, []string{"Range", "bytes=8-", "If-Range", `"another"`}, 200, content},
		{http.MethodGet, []string{"Range", "bytes=10-"}, 416, ""},
	} {
		got := w.call(tt.method, link, "", tt.headers...)
		if got.status != tt.status || tt.status < 400 && got.body != tt.body || tag == "" {
			t.Errorf("%s with %q = %d %q, want %d %q", tt.method, tt.headers, got.status, got.body, tt.status, tt.body)
		}
	}

	unknown := regexp.MustCompile(`up-[0-9a-f]+`).ReplaceAllString(plain, "up-0123456789abcdef0123456789abcdef")
	for _, tt := range []struct {
		name, link, key string
		status          int
	}{
		{"a key of the tenant", plain, w.poor, 200},
		{"no key", plain, "", 401},
		{"another tenant's key", plain, w.foreign, 404},
		{"another tenant's key, signed", link, w.foreign, 200},
		{"unknown", unknown, w.admin, 404},
		{"another name, with a key", strings.Replace(plain, ".xlsx", ".html", 1), w.admin, 404},
		{"another name, signed", strings.Replace(link, ".xlsx", ".html", 1), "", 403},
		{"below another tenant", strings.Replace(plain, "/acme/", "/other/", 1), w.foreign, 404},
	} {
		headers := []string{"X-API-Key", tt.key}
		if tt.key == "" {
			headers = nil
		}
		if got := w.call(http.MethodGet, tt.link, "", headers...); got.status != tt.status {
			t.Errorf("%s: GET = %d %s, want %d", tt.name, got.status, got.body, tt.status)
		}
	}

	clock.Store(new(clock.Load().Add(25 * time.Hour)))
	if got := w.call(http.MethodGet, link, ""); got.status != http.StatusForbidden {
		t.Errorf("GET after 25 hours = %d %s, want 403", got.status, got.body)
	}
	if got := w.call(http.MethodGet, link, "", "X-API-Key", w.admin); got.status != http.StatusOK {
		t.Errorf("GET after 25 hours with a key = %d %s, want 200", got.status, got.body)
	}
	clock.Store(new(clock.Load().Add(6 * 24 * time.Hour)))
	expired := w.call(http.MethodGet, plain, "", "X-API-Key", w.admin)
	if expired.status != http.StatusNotFound {
		t.Errorf("GET after a week with a key = %d %s, want 404", expired.status, expired.body)
	}
	golden(t, "problem-404.json", expired.body)
}

// TestExpiredUploadBehindALink has links that outlive what they lead to.
func TestExpiredUploadBehindALink(t *testing.T) {
	t.Parallel()
	clock := atomic.Pointer[time.Time]{}
	clock.Store(new(time.Now()))
	w := newWorld(t, settings{uploads: uploads.Config{Keep: time.Hour, Now: func() time.Time { return *clock.Load() }}})
	link := w.uploaded("x", "x")["url"].(string)
	clock.Store(new(clock.Load().Add(time.Hour)))
	if got := w.call(http.MethodGet, link, ""); got.status != http.StatusNotFound {
		t.Errorf("GET of an expired upload by a link that holds = %d %s, want 404", got.status, got.body)
	}
}

// TestUploadIsNamedByAJob names uploads, and what looks like them, as the
// document of a report. What is no upload's url has to be an https URL.
func TestUploadIsNamedByAJob(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	w.estates(1)
	link := w.uploaded("十一月.pdf", "%PDF-1.7")["url"].(string)
	plain, query, _ := strings.Cut(link, "?")
	foreign := fields(t, w.call(http.MethodPost, "/v1/files", filePart("x.pdf", "x")+endOfForm, "X-API-Key", w.foreign, "Content-Type", formType).body)["url"].(string)
	other := strings.Replace(link, w.server.URL, "http://batch.internal:8080/prefix", 1)
	unknown := regexp.MustCompile(`up-[0-9a-f]+`).ReplaceAllString(plain, "up-0123456789abcdef0123456789abcdef")
	for _, tt := range []struct{ name, url, code string }{
		{"as it was given out", link, ""},
		{"by another name of the server", other, ""},
		{"without a signature", plain, ""},
		{"by another name, without a signature", strings.TrimSuffix(other, "?"+query), "invalid"},
		{"by another name, forged", other + "x", "invalid"},
		{"another tenant's", foreign, "not_found"},
		{"unknown", unknown, "not_found"},
	} {
		got := w.post(fmt.Sprintf(`{"job_name":"estate_batch_upload_monthly_report","estatesIds":[1],"date":"202611","publicUrl":%q}`, tt.url))
		if tt.code == "" {
			if got.status != http.StatusOK {
				t.Errorf("%s: POST with %s = %d %s, want 200", tt.name, tt.url, got.status, got.body)
			}
			continue
		}
		if got.status != http.StatusBadRequest || !strings.Contains(got.body, `{"field":"publicUrl","code":"`+tt.code+`"`) {
			t.Errorf("%s: POST with %s = %d %s, want 400 and %s", tt.name, tt.url, got.status, got.body, tt.code)
		}
	}
}

package httpapi_test

import (
	"bytes"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/batchport/batchport/adapters/httpapi"
)

const (
	page     = "https://app.example.com"
	stranger = "https://evil.example.com"
)

// headerList returns the values of a header that lists.
func headerList(h http.Header, name string) (values []string) {
	for _, line := range h.Values(name) {
		for value := range strings.SplitSeq(line, ",") {
			values = append(values, strings.ToLower(strings.TrimSpace(value)))
		}
	}
	return values
}

// wantReadable fails unless a page of the origin may read the answer: allow is
// what the answer must say of that, "" when it must say nothing.
func wantReadable(t *testing.T, what string, got reply, allow string) {
	t.Helper()
	if h := got.header.Values("Access-Control-Allow-Origin"); allow == "" && len(h) > 0 || allow != "" && !slices.Equal(h, []string{allow}) {
		t.Errorf("%s: %d with Access-Control-Allow-Origin %q, want %q", what, got.status, h, allow)
	}
	if !slices.Contains(headerList(got.header, "Vary"), "origin") {
		t.Errorf("%s: %d with Vary %q, want Origin in it", what, got.status, got.header.Values("Vary"))
	}
	if h := got.header.Values("Access-Control-Allow-Credentials"); len(h) > 0 {
		t.Errorf("%s: Access-Control-Allow-Credentials is %q, want none", what, h)
	}
	if allow == "" {
		return
	}
	exposed := headerList(got.header, "Access-Control-Expose-Headers")
	for _, name := range []string{"ratelimit", "ratelimit-policy", "retry-after", "location", "content-disposition", "etag", "www-authenticate"} {
		if !slices.Contains(exposed, name) {
			t.Errorf("%s: the exposed headers are %q, want %s among them", what, exposed, name)
		}
	}
}

// TestPagesOfOtherOrigins calls every kind of route as a browser does for a
// page, with answers that are refusals too.
func TestPagesOfOtherOrigins(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{config: httpapi.Config{Origins: []string{page, "http://localhost:3000"}}})
	w.estates(1)
	w.run()
	code := w.submit(`{"job_name":"estate_export","estatesIds":[1]}`)
	w.ended(code)
	data, _ := fields(t, w.status(code).body)["data"].(map[string]any)
	link, _ := data["url"].(string)
	var form bytes.Buffer
	m := multipart.NewWriter(&form)
	file, err := m.CreateFormFile("file", "a.csv")
	w.must(err)
	_, err = file.Write([]byte("a"))
	w.must(err)
	w.must(m.Close())

	type request struct {
		method, path, body string
		headers            []string
		status             int
	}
	key := []string{"X-API-Key", w.admin}
	for what, r := range map[string]request{
		"accepted":     {http.MethodPost, "/api2/getBatchCode", openOne, key, 200},
		"refused":      {http.MethodPost, "/api2/getBatchCode", "{", key, 400},
		"without key":  {http.MethodPost, "/api2/getBatchCode", openOne, nil, 401},
		"permission":   {http.MethodPost, "/api2/getBatchCode", openOne, []string{"X-API-Key", w.poor}, 403},
		"status":       {http.MethodGet, "/api2/getBatchStatus?batch_code=" + code, "", key, 200},
		"wrong key":    {http.MethodGet, "/v1/jobs/" + code, "", []string{"Authorization", "Bearer x"}, 401},
		"job":          {http.MethodGet, "/v1/jobs/" + code, "", key, 200},
		"unknown job":  {http.MethodGet, "/v1/jobs/x", "", key, 404},
		"failures":     {http.MethodGet, "/v1/jobs/" + code + "/failures", "", key, 200},
		"workbook":     {http.MethodGet, "/v1/jobs/" + code + "/failures.xlsx", "", key, 200},
		"sync":         {http.MethodPost, "/common/budgets/v2/glBudgetRuleJson/batch", `{"bizId":"b","timestamp":1795278600000,"data":[]}`, key, 200},
		"bad sync":     {http.MethodPost, "/common/budgets/v2/glBudgetRuleJson/batch", `{}`, key, 400},
		"upload":       {http.MethodPost, "/v1/files", form.String(), append(key, "Content-Type", m.FormDataContentType()), 201},
		"bad upload":   {http.MethodPost, "/v1/files", "x", append(key, "Content-Type", "text/plain"), 400},
		"link":         {http.MethodGet, link, "", nil, 200},
		"part of file": {http.MethodGet, link, "", []string{"Range", "bytes=0-3"}, 206},
		"bad link":     {http.MethodGet, link + "x", "", nil, 403},
		"no route":     {http.MethodGet, "/nowhere", "", nil, 404},
		"no method":    {http.MethodDelete, "/v1/files", "", key, 405},
		"health":       {http.MethodGet, "/livez", "", nil, 200},
		"description":  {http.MethodGet, "/openapi.json", "", nil, 200},
	} {
		for origin, allow := range map[string]string{page: page, "http://localhost:3000": "http://localhost:3000", stranger: "", "null": "", "https://app.example.com.evil.example": "", "": ""} {
			headers := r.headers
			if origin != "" {
				headers = append(slices.Clone(r.headers), "Origin", origin)
			}
			got := w.call(r.method, r.path, r.body, headers...)
			if got.status != r.status {
				t.Errorf("%s from %q: %s %s = %d %s, want %d", what, origin, r.method, r.path, got.status, got.body, r.status)
			}
			wantReadable(t, what+" from "+origin, got, allow)
		}
	}
}

// TestPreflights asks as a browser does before it sends what a form could not.
func TestPreflights(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{config: httpapi.Config{Origins: []string{page}}})
	ask := func(origin, method, headers string) reply {
		// Browsers send the names in lower case, sorted, with commas alone.
		return w.call(http.MethodOptions, "/v1/jobs/budget-rule-sync", "", "Origin", origin, "Access-Control-Request-Method", method, "Access-Control-Request-Headers", headers)
	}
	for _, c := range []struct {
		origin, method, headers string
		allowed                 bool
	}{
		{page, "POST", "authorization,content-type,idempotency-key,locale", true},
		{page, "GET", "x-api-key", true},
		{page, "GET", "if-none-match,range,traceparent", true},
		{page, "DELETE", "authorization", true},
		{page, "TRACE", "authorization", false},
		{page, "POST", "authorization,x-other", false},
		{stranger, "POST", "authorization", false},
		{"null", "POST", "authorization", false},
	} {
		got := ask(c.origin, c.method, c.headers)
		h := got.header
		allowed := h.Get("Access-Control-Allow-Origin") == c.origin && h.Get("Access-Control-Allow-Methods") == c.method &&
			h.Get("Access-Control-Allow-Headers") == c.headers && h.Get("Access-Control-Max-Age") == "3600"
		if got.status != http.StatusNoContent || got.body != "" || allowed != c.allowed || !c.allowed && h.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("OPTIONS from %s for %s with %s = %d %v, want it allowed: %t", c.origin, c.method, c.headers, got.status, h, c.allowed)
		}
		for _, name := range []string{"origin", "access-control-request-method", "access-control-request-headers"} {
			if !slices.Contains(headerList(h, "Vary"), name) {
				t.Errorf("OPTIONS: Vary is %q, want %s in it", h.Values("Vary"), name)
			}
		}
	}
	if got := w.call(http.MethodOptions, "/v1/files", "", "Origin", page); got.status != http.StatusMethodNotAllowed {
		t.Errorf("OPTIONS that is no preflight = %d, want 405 as ever", got.status)
	}
}

// Who asks for nothing gets nothing, and who lets all in lets all in.
func TestOriginsAreASetting(t *testing.T) {
	t.Parallel()
	none := newWorld(t, settings{})
	for _, method := range []string{http.MethodGet, http.MethodOptions} {
		got := none.call(method, "/v1/jobs/x", "", "Origin", page, "Access-Control-Request-Method", "GET")
		for name := range got.header {
			if strings.HasPrefix(name, "Access-Control-") {
				t.Errorf("%s without the setting has the header %s", method, name)
			}
		}
	}
	all := newWorld(t, settings{config: httpapi.Config{Origins: []string{httpapi.AnyOrigin}}})
	for _, origin := range []string{page, stranger, "null"} {
		wantReadable(t, "any origin", all.call(http.MethodGet, "/v1/jobs/x", "", "Origin", origin), "*")
	}
	for origins, good := range map[string]bool{
		"https://app.example.com": true, "http://localhost:3000": true, "https://127.0.0.1:8443": true, "http://[::1]:3000": true, "*": true,
		"https://xn--fiq228c.example": true,
		"":                            false, "app.example.com": false, "https://app.example.com/": false, "https://app.example.com/a": false,
		"https://app.example.com?a": false, "https://app.example.com#a": false, "https://me@app.example.com": false,
		"https://App.example.com": false, "HTTPS://app.example.com": false, "https://中文.example": false, "https://app.example.com:443": false, "http://a:80": false,
		"https://a:": false, "ftp://a": false, "null": false, "https://*.example.com": false, "*,https://a": false, "https://a b": false,
	} {
		_, err := httpapi.New(httpapi.Deps{}, httpapi.Config{Origins: strings.Split(origins, ",")})
		if refused := strings.Contains(err.Error(), "Config.Origins"); refused == good {
			t.Errorf("New(Origins %q) = %v, want it good: %t", origins, err, good)
		}
	}
}

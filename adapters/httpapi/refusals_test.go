package httpapi_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/batchport/batchport/adapters/httpapi"
	"github.com/batchport/batchport/app/engine"
	"github.com/batchport/batchport/domain"
)

const openOne = `{"job_name":"estate_batch_open_rent","estatesIds":[1]}`

// TestRefusals has one case a way in which POST getBatchCode is refused; the
// first of each code is kept word for word.
func TestRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{config: httpapi.Config{MaxBody: 4096}})
	short := newWorld(t, settings{engine: engine.Config{MaxNamed: 2}})
	failing := newWorld(t, settings{})
	secret := errors.New("password of the store: hunter2")
	failing.store.fault.Store(&secret)
	down := newWorld(t, settings{})
	unavailable := error(&domain.Error{
		Code: domain.CodeUnavailable, Err: secret,
		Failures: []domain.Failure{domain.NewFailure(domain.CodeUnavailable, "hunter2", "hunter2")},
	})
	down.store.fault.Store(&unavailable)
	limited := newWorld(t, settings{authenticate: func(*http.Request) (domain.Principal, error) {
		return domain.Principal{}, domain.Fail(domain.NewFailure("rate_limited", "", "", "retry_after", "30"))
	}})
	w.submit(openOne, "Idempotency-Key", "taken")

	tests := []struct {
		name, body string
		world      *world
		headers    []string
		status     int
		golden     string
		header     string // "name: value" that the answer must have
	}{
		{name: "all that is wrong at once", body: `{"job_name":"estate_batch_open_rent","estatesIds":"all","searchOptions":{"colour":1,"rent_min":"x"}}`, status: 400, golden: "400.json"},
		{name: "empty body", body: "", status: 400, golden: "400-empty.json"},
		{name: "blank body", body: " \n", status: 400},
		{name: "not an object", body: "[]", status: 400},
		{name: "duplicate key", body: `{"job_name":"x","searchOptions":{"a":{"b":1,"b":1}}}`, status: 400, golden: "400-duplicate.json"},
		{name: "lone surrogate", body: `{"job_name":"\ud800"}`, status: 400, golden: "400-surrogate.json"},
		{name: "no key", body: openOne, headers: []string{}, status: 401, golden: "401.json", header: `Www-Authenticate: Bearer realm="batchport"`},
		{name: "wrong key", body: openOne, headers: []string{"X-API-Key", w.admin + "x"}, status: 401, golden: "401.json", header: `Www-Authenticate: Bearer realm="batchport"`},
		{name: "two keys that differ", body: openOne, headers: []string{"X-API-Key", w.admin, "Authorization", "Bearer " + w.poor}, status: 401},
		{name: "one header twice", body: openOne, headers: []string{"X-API-Key", w.admin, "X-API-Key", w.poor}, status: 401},
		{name: "another scheme", body: openOne, headers: []string{"Authorization", "Basic " + w.admin}, status: 401},
		{name: "authentication comes before the body", body: `{`, headers: []string{}, status: 401},
		{name: "permission missing", body: openOne, headers: []string{"X-API-Key", w.poor}, status: 403, golden: "403.json"},
		{name: "body too large", body: openOne + strings.Repeat(" ", 4096), status: 413, golden: "413.json"},
		{name: "too many items", world: short, body: `{"job_name":"estate_batch_open_rent","estatesIds":[1,2,3]}`, status: 413},
		{name: "idempotency key of another request", body: `{"job_name":"estate_batch_open_rent","estatesIds":[2]}`, headers: []string{"X-API-Key", w.admin, "Idempotency-Key", "taken"}, status: 422, golden: "422.json"},
		{name: "rate limit", world: limited, body: openOne, status: 429, golden: "429.json", header: "Retry-After: 30"},
		{name: "fault that nobody classified", world: failing, body: openOne, status: 500, golden: "500.json"},
		{name: "store does not answer", world: down, body: openOne, status: 503, golden: "503.json", header: "Retry-After: 5"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			on := tt.world
			if on == nil {
				on = w
			}
			if tt.headers == nil {
				tt.headers = []string{"X-API-Key", on.admin}
			}
			got := on.call(http.MethodPost, "/api2/getBatchCode", tt.body, tt.headers...)
			if got.status != tt.status {
				t.Fatalf("POST %q = %d %s, want %d", tt.body, got.status, got.body, tt.status)
			}
			wantEnvelope(t, got)
			if name, value, ok := strings.Cut(tt.header, ": "); ok && got.header.Get(name) != value {
				t.Errorf("header %s = %q, want %q", name, got.header.Get(name), value)
			}
			if strings.Contains(got.body, "hunter2") {
				t.Errorf("POST %q answers %s, which tells what only the log may", tt.body, got.body)
			}
			if tt.golden != "" {
				golden(t, tt.golden, got.body)
			}
		})
	}
	t.Cleanup(func() {
		for name, on := range map[string]*world{"failing": failing, "down": down} {
			if !strings.Contains(on.logs.String(), "hunter2") {
				t.Errorf("the %s world's log does not tell the cause:\n%s", name, on.logs)
			}
		}
	})
}

// TestEndlessBody sends more than the limit without saying so beforehand.
func TestEndlessBody(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{config: httpapi.Config{MaxBody: 100}})
	_, status := holdBody(t, w, `"`+strings.Repeat("x", 100))
	if got := within10s(t, status); got != http.StatusRequestEntityTooLarge {
		t.Errorf("POST of 101 bytes of a body without an end = %d, want 413", got)
	}
}

// wantEnvelope checks what every refusal of the interface has.
func wantEnvelope(t *testing.T, got reply) {
	t.Helper()
	m := fields(t, got.body)
	message, _ := m["message"].(string)
	_, list := m["errors"].([]any)
	if m["success"] != false || m["code"] != float64(got.status) || message == "" || !list || len(m) != 4 {
		t.Errorf("refusal = %s, want success, code, message and errors alone", got.body)
	}
	if ct := got.header.Get("Content-Type"); ct != "application/json" {
		t.Errorf("Content-Type = %q, want application/json", ct)
	}
}

func TestRefusalSpeaksTheCallersLanguage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	for _, tt := range []struct {
		headers []string
		want    string
	}{
		{nil, "The API key is missing or not valid."},
		{[]string{"locale", "zh_TW"}, "缺少金鑰"},
		{[]string{"Accept-Language", "zh-HK,zh;q=0.8"}, "缺少金鑰"},
		{[]string{"locale", "en_US", "Accept-Language", "zh-TW"}, "The API key is missing or not valid."},
	} {
		got := w.call(http.MethodPost, "/api2/getBatchCode", openOne, tt.headers...)
		if message, _ := fields(t, got.body)["message"].(string); !strings.Contains(message, tt.want) {
			t.Errorf("message with %q = %q, want %q in it", tt.headers, message, tt.want)
		}
	}
}

// TestLostRoutes covers what no handler answers.
func TestLostRoutes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	for _, tt := range []struct {
		method, path, contentType, golden string
		status                            int
		allow                             string
	}{
		{http.MethodGet, "/api2/getBatchCode", "application/json", "405.json", 405, "POST"},
		{http.MethodPut, "/api2/getBatchStatus", "application/json", "", 405, "GET, HEAD"},
		{http.MethodPost, "/api2/nothing", "application/json", "404-route.json", 404, ""},
		{http.MethodGet, "/nothing", "application/problem+json", "problem-404.json", 404, ""},
		{http.MethodDelete, "/livez", "application/problem+json", "problem-405.json", 405, "GET, HEAD"},
		{http.MethodGet, "/doc", "application/problem+json", "problem-404.json", 404, ""},
	} {
		got := w.call(tt.method, tt.path, "")
		if got.status != tt.status || got.header.Get("Content-Type") != tt.contentType || got.header.Get("Allow") != tt.allow {
			t.Errorf("%s %s = %d, %q, Allow %q; want %d, %q, Allow %q", tt.method, tt.path,
				got.status, got.header.Get("Content-Type"), got.header.Get("Allow"), tt.status, tt.contentType, tt.allow)
		}
		if tt.golden != "" {
			golden(t, tt.golden, got.body)
		}
	}
}

// TestBodiesShareMemory holds one body half-sent and sends others beside it.
func TestBodiesShareMemory(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{config: httpapi.Config{MaxInWork: 100_000}})
	large := `{"job_name":"estate_batch_open_rent","estatesIds":[1],"pad":"` + strings.Repeat("x", 40_000) + `"}`
	if got := w.post(large); got.status != http.StatusOK {
		t.Fatalf("POST of %d bytes alone = %d %s, want 200", len(large), got.status, got.body)
	}
	// Values cost more than their text: 2,000 of them fit into no budget of this size.
	if got := w.post(`[` + strings.Repeat("1,", 2000) + `1]`); got.status != http.StatusRequestEntityTooLarge {
		t.Errorf("POST of 2,000 values = %d %s, want 413", got.status, got.body)
	}
	rest, status := holdBody(t, w, large[:len(large)-1])
	deadlineUntil(t, "503 beside a body of which 40,000 bytes have come", func() bool {
		got := w.post(large)
		return got.status == http.StatusServiceUnavailable && got.header.Get("Retry-After") != ""
	})
	if got := w.post(openOne); got.status != http.StatusOK {
		t.Errorf("POST of a small body beside a large one = %d %s, want 200", got.status, got.body)
	}
	_, err := io.WriteString(rest, "}")
	w.must(err)
	w.must(rest.Close())
	if got := within10s(t, status); got != http.StatusOK {
		t.Errorf("POST of the body that was held = %d, want 200", got)
	}
	if got := w.post(large); got.status != http.StatusOK {
		t.Errorf("POST of %d bytes afterwards = %d %s, want 200", len(large), got.status, got.body)
	}
}

package httpapi_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/batchport/batchport/domain"
)

// failedJob stores a job of acme, submitted in Japanese, of which the items
// 0, 2, 4 and so on failed.
func (w *world) failedJob(n int, failure domain.Failure) (code string) {
	w.t.Helper()
	id := domain.NewJobID(time.Now(), 1)
	job, err := domain.LoadJob(domain.JobSnapshot{
		JobSpec: domain.JobSpec{ID: id, Tenant: "acme", User: "u", Kind: "gate", Locale: "ja_JP", SubmittedAt: time.Now()},
		State:   domain.JobCompleted, Report: domain.Report{Total: 2 * n, Updated: n, Failed: n},
	})
	w.must(err)
	w.must(w.store.AddJob(w.t.Context(), job))
	items := make([]domain.ItemFailure, n)
	for i := range items {
		items[i] = domain.ItemFailure{Index: 2 * i, Key: fmt.Sprint(100 + i), Failure: failure}
	}
	w.must(w.store.AddFailures(w.t.Context(), job.Ref(), items))
	return string(id)
}

// failures asks for failed items as the admin of acme.
func (w *world) failures(code, query string, headers ...string) reply {
	w.t.Helper()
	return w.call(http.MethodGet, "/v1/jobs/"+code+"/failures"+query, "", append([]string{"X-API-Key", w.admin}, headers...)...)
}

func TestFailuresOfARealJob(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	w.estates(1, 100)
	w.run()
	code := w.submit(`{"job_name":"estate_batch_open_rent","estatesIds":[7,1,100]}`)
	w.ended(code)
	got := w.failures(code, "", "locale", "en_US")
	if got.status != http.StatusOK || got.header.Get("Content-Type") != "application/json" {
		t.Fatalf("GET failures = %d %s %s, want 200 and JSON", got.status, got.header.Get("Content-Type"), got.body)
	}
	golden(t, "failures.json", got.body)
	for _, headers := range [][]string{{"locale", "zh_TW"}, {"Accept-Language", "zh-TW"}} {
		if got := w.failures(code, "", headers...); !strings.Contains(got.body, "找不到") {
			t.Errorf("GET failures with %q = %s, want messages in Chinese", headers, got.body)
		}
	}
	if got := w.call(http.MethodGet, "/v1/jobs/"+code+"/failures", "", "X-API-Key", w.poor); got.status != http.StatusOK {
		t.Errorf("GET failures for a colleague = %d %s, want 200", got.status, got.body)
	}
}

func TestFailuresSayWhatElseIsWrong(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	code := w.failedJob(1, domain.Together([]domain.Failure{
		domain.NewFailure(domain.CodeRequired, "item", ""),
		domain.NewFailure(domain.CodeOutOfRange, "amount", "-5", "min", "0"),
		{Code: domain.CodeRejected},
	}))
	got := w.failures(code, "", "locale", "en_US")
	const want = `{"failures":[{"index":0,"key":"100","field":"item","code":"required","value":"","message":"item is required.",` +
		`"also":[{"field":"amount","code":"out_of_range","value":"-5","message":"amount “-5” must be at least 0."},` +
		`{"field":null,"code":"rejected","value":"","message":"The database refused this item."}]}],"next":null}` + "\n"
	if got.status != http.StatusOK || got.body != want {
		t.Errorf("GET failures = %d %s, want %s", got.status, got.body, want)
	}
}

func TestFailuresComeInPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	code := w.failedJob(1001, domain.NewFailure(domain.CodeOutOfRange, "rent", "-5", "min", "0"))
	for _, tt := range []struct {
		query       string
		count       int
		first, next any // nil when there is none
	}{
		{"", 1000, 0.0, 1998.0},
		{"?after=-1&limit=1000", 1000, 0.0, 1998.0},
		{"?after=1998", 1, 2000.0, nil},
		{"?after=1996&limit=2", 2, 1998.0, nil},
		{"?after=3&limit=1", 1, 4.0, 4.0},
		{"?after=0&limit=3", 3, 2.0, 6.0},
		{"?after=2000", 0, nil, nil},
		{"?after=2147483647", 0, nil, nil},
		{"?after=&limit=", 1000, 0.0, 1998.0},
	} {
		got := w.failures(code, tt.query)
		m := fields(t, got.body)
		list, isList := m["failures"].([]any)
		next, said := m["next"]
		var first any
		if len(list) > 0 {
			item := list[0].(map[string]any)
			first = item["index"]
			if item["field"] != "rent" || item["value"] != "-5" || item["code"] != "out_of_range" || !strings.Contains(item["message"].(string), "範囲外") {
				t.Errorf("GET failures%s begins with %v, want the failure in the job's language", tt.query, item)
			}
		}
		if got.status != http.StatusOK || !isList || len(list) != tt.count || first != tt.first || !said || next != tt.next {
			t.Errorf("GET failures%s = %d, %d items from %v, next %v; want 200, %d from %v, next %v",
				tt.query, got.status, len(list), first, next, tt.count, tt.first, tt.next)
		}
	}
}

func TestFailuresAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	code := w.failedJob(1, domain.Failure{Code: domain.CodeInternal})
	for _, tt := range []struct {
		name, code, query, key string
		status                 int
		golden                 string
	}{
		{"both parameters bad", code, "?after=-2&limit=many", w.admin, 400, "problem-400.json"},
		{"limit 0", code, "?limit=0", w.admin, 400, ""},
		{"limit too large", code, "?limit=1001", w.admin, 400, ""},
		{"limit with a fraction", code, "?limit=1.5", w.admin, 400, ""},
		{"after that no number holds", code, "?after=99999999999999999999", w.admin, 400, ""},
		{"limit far below", code, "?limit=-99999999999999999999", w.admin, 400, ""},
		{"no key", code, "", "", 401, "problem-401.json"},
		{"another tenant", code, "", w.foreign, 404, "problem-404.json"},
		{"no such job", "6552e15d743264.42384055", "", w.admin, 404, "problem-404.json"},
		{"no such code", "nonsense", "", w.admin, 404, "problem-404.json"},
	} {
		var headers []string
		if tt.key != "" {
			headers = []string{"X-API-Key", tt.key}
		}
		got := w.call(http.MethodGet, "/v1/jobs/"+tt.code+"/failures"+tt.query, "", headers...)
		if got.status != tt.status || got.header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: GET failures = %d %s %s, want %d and a problem", tt.name, got.status, got.header.Get("Content-Type"), got.body, tt.status)
		}
		if tt.golden != "" {
			golden(t, tt.golden, got.body)
		}
	}
}

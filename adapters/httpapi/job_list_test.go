package httpapi_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/batchport/batchport/domain"
)

// v1 asks as the admin of acme and wants the status.
func (w *world) v1(method, target, body string, want int, headers ...string) map[string]any {
	w.t.Helper()
	got := w.call(method, target, body, append([]string{"X-API-Key", w.admin, "locale", "en_US"}, headers...)...)
	if got.status != want {
		w.t.Fatalf("%s %s %s = %d %s, want %d", method, target, body, got.status, got.body, want)
	}
	return fields(w.t, got.body)
}

// over waits until the job has ended, and returns it as /v1 shows it.
func (w *world) over(code string) map[string]any {
	w.t.Helper()
	w.ended(code)
	return w.v1(http.MethodGet, "/v1/jobs/"+code, "", http.StatusOK)
}

func codesOf(page map[string]any) (codes []string) {
	for _, job := range page["jobs"].([]any) {
		codes = append(codes, job.(map[string]any)["code"].(string))
	}
	return codes
}

func TestJobsAreListedPageByPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	w.estates(1, 101)
	var all []string // the newest first
	for _, body := range []string{
		`{"job_name":"estate_batch_open_rent","estatesIds":[1]}`,
		`{"job_name":"estate_batch_open_rent","estatesIds":[1,101]}`,
		`{"job_name":"estate_batch_close_rent","estatesIds":[999]}`,
		`{"job_name":"estate_export","estatesIds":[1]}`,
		`{"job_name":"estate_export","estatesIds":[1,999]}`,
	} {
		all = slices.Insert(all, 0, w.submit(body))
	}
	w.call(http.MethodPost, "/api2/getBatchCode", `{"job_name":"estate_export","estatesIds":[1]}`, "X-API-Key", w.foreign)
	queued := w.v1(http.MethodGet, "/v1/jobs?state=queued", "", http.StatusOK)
	if got := codesOf(queued); !slices.Equal(got, all) {
		t.Errorf("queued jobs = %v, want %v", got, all)
	}
	w.run()
	for _, code := range all {
		w.ended(code)
	}

	var paged []string
	for target := "/v1/jobs?limit=2"; ; {
		page := w.v1(http.MethodGet, target, "", http.StatusOK)
		paged = append(paged, codesOf(page)...)
		next, more := page["next"].(string)
		if !more {
			break
		}
		target = "/v1/jobs?limit=2&cursor=" + next
	}
	if !slices.Equal(paged, all) {
		t.Errorf("the pages have %v, want %v", paged, all)
	}
	soon := time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
	for query, want := range map[string][]string{
		"":                                     all,
		"kind=estate_export":                   all[:2],
		"kind=estate_export&kind=no_such_kind": all[:2],
		"kind=estate_export,estate_batch_close_rent":         all[:3],
		"result=succeeded":                                   {all[1], all[4]},
		"result=partially_failed":                            {all[0], all[3]},
		"result=failed":                                      {all[2]},
		"result=cancelled":                                   nil,
		"result=failed,succeeded&kind=estate_export":         {all[1]},
		"state=completed":                                    all,
		"state=running,queued":                               nil,
		"user=user-of-*":                                     all,
		"user=nobody":                                        nil,
		"submitted_before=" + soon:                           all,
		"submitted_from=" + soon:                             nil,
		"submitted_from=2026-01-01T00:00:00%2B08:00&limit=1": all[:1],
	} {
		if got := codesOf(w.v1(http.MethodGet, "/v1/jobs?"+query, "", http.StatusOK)); !slices.Equal(got, want) {
			t.Errorf("GET /v1/jobs?%s lists %v, want %v", query, got, want)
		}
	}
	if got := w.call(http.MethodGet, "/v1/jobs", ""); got.status != http.StatusUnauthorized {
		t.Errorf("GET /v1/jobs without a key = %d, want 401", got.status)
	}
	shown := w.v1(http.MethodGet, "/v1/jobs/"+all[3], "", http.StatusOK)
	if shown["result"] != "partially_failed" || shown["user"] != "user-of-*" || shown["rate"].(float64) <= 0 || shown["eta_seconds"] != nil ||
		shown["validate_only"] != false || shown["all_or_nothing"] != false || len(shown["fail_limit"].(map[string]any)) > 0 || shown["retry_of"] != nil {
		t.Errorf("GET job = %v, want how it ended, who submitted it, its rate and no options", shown)
	}
}

func TestListOfJobsIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	for query, want := range map[string]string{
		"state=done":               "state “done” is not valid; expected one of: queued, planning, running, finishing, completed, cancelled, failed.",
		"result=bad":               "result “bad” is not valid",
		"limit=0":                  "limit “0” must be between 1 and 200",
		"limit=x":                  "limit “x” is not valid; expected a whole number",
		"submitted_from=yesterday": "submitted_from “yesterday” is not valid; expected a time",
		"cursor=x":                 "cursor “x” is not valid; expected what next was on the page before",
		"colour=red":               "There is no field or search option “colour”",
		"user=a&user=b":            "user “b” is given more than once",
		"limit=1&limit=2":          "limit “2” is given more than once",
		"user=%00":                 "user “�” is not valid; expected text",
		"kind=%00,estate_export":   "kind “�” is not valid; expected text",
		"kind=%ff":                 "kind “�” is not valid; expected text",
	} {
		got := w.call(http.MethodGet, "/v1/jobs?"+query, "", "X-API-Key", w.admin)
		if got.status != http.StatusBadRequest || !strings.Contains(got.body, want) {
			t.Errorf("GET /v1/jobs?%s = %d %s, want 400 and %q", query, got.status, got.body, want)
		}
	}
	both := w.v1(http.MethodGet, "/v1/jobs?state=done&limit=0", "", http.StatusBadRequest)
	if errors := both["errors"].([]any); len(errors) != 2 || both["code"] != "invalid" {
		t.Errorf("two faults are refused with %v, want both", both)
	}
}

// What is passed over would do more than was asked for, whatever is asked.
func TestUnknownParametersAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	w.estates(101)
	code := w.submit(`{"job_name":"estate_batch_open_rent","estatesIds":[101]}`)
	w.run()
	w.over(code)
	for _, tt := range []struct{ method, target string }{
		{http.MethodPost, "/v1/jobs/" + code + "/retry?validate_only=true"},
		{http.MethodPost, "/v1/jobs/estate-batch-open-rent?validate_only=true"},
		{http.MethodGet, "/v1/jobs/" + code + "?colour=red"},
		{http.MethodGet, "/v1/jobs/" + code + "/failures?code=not_found"},
		{http.MethodGet, "/v1/jobs/" + code + "/failures?limit=1&limit=2"},
		{http.MethodGet, "/v1/jobs/" + code + "/events?last=1"},
		{http.MethodGet, "/v1/budget-rules?page=2"},
	} {
		if got := w.v1(tt.method, tt.target, "{}", http.StatusBadRequest); len(got["errors"].([]any)) != 1 {
			t.Errorf("%s %s = %v, want one fault", tt.method, tt.target, got)
		}
		if got := w.call(tt.method, tt.target, "{}"); got.status != http.StatusUnauthorized {
			t.Errorf("%s %s without a key = %d, want 401", tt.method, tt.target, got.status)
		}
	}
	if got := codesOf(w.v1(http.MethodGet, "/v1/jobs", "", http.StatusOK)); len(got) != 1 {
		t.Errorf("what was refused has made the jobs %v", got)
	}
}

func TestCancelOverHTTP(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	w.estates(1)
	code := w.submit(`{"job_name":"estate_batch_open_rent","estatesIds":[1]}`)
	path := "/v1/jobs/" + code + "/cancel"
	for name, tt := range map[string]struct {
		key    string
		target string
		want   int
	}{
		"no key":             {"", path, http.StatusUnauthorized},
		"without permission": {w.poor, path, http.StatusForbidden},
		"of another tenant":  {w.foreign, path, http.StatusNotFound},
		"unknown":            {w.admin, "/v1/jobs/6552e15d743264.42384055/cancel", http.StatusNotFound},
	} {
		if got := w.call(http.MethodPost, tt.target, "", "X-API-Key", tt.key); got.status != tt.want {
			t.Errorf("POST cancel %s = %d %s, want %d", name, got.status, got.body, tt.want)
		}
	}
	stopped := w.v1(http.MethodPost, path, "", http.StatusOK)
	if stopped["state"] != "cancelled" || stopped["result"] != "cancelled" || stopped["outcomes"].(map[string]any)["cancelled"] != 1.0 || !strings.Contains(stopped["message"].(string), "cancelled") {
		t.Errorf("POST cancel = %v, want the job, stopped", stopped)
	}
	again := w.v1(http.MethodPost, path, "", http.StatusConflict)
	if again["code"] != "conflict" {
		t.Errorf("POST cancel again = %v, want a conflict", again)
	}
}

// A job whose items are in work is being stopped for a while; asking again
// changes nothing.
func TestCancelOfARunningJob(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	w.run()
	code := w.gateJob(domain.Principal{Tenant: "acme", User: "user-of-*", Permissions: []domain.Permission{domain.All}})
	for range 2 {
		if got := w.v1(http.MethodPost, "/v1/jobs/"+code+"/cancel", "", http.StatusOK); got["state"] != "running" && got["state"] != "cancelled" {
			t.Errorf("POST cancel of a running job = %v", got)
			break
		} else if got["state"] == "cancelled" {
			break
		}
	}
	if got := w.over(code); got["state"] != "cancelled" {
		t.Errorf("a running job that was stopped = %v, want it cancelled", got)
	}
}

func TestRetryOverHTTP(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	w.estates(1, 101)
	code := w.submit(`{"job_name":"estate_batch_open_rent","estatesIds":[1,101,102]}`)
	path := "/v1/jobs/" + code + "/retry"
	if got := w.v1(http.MethodPost, path, "", http.StatusConflict); got["code"] != "conflict" {
		t.Errorf("POST retry of a job that has not ended = %v, want a conflict", got)
	}
	w.run()
	w.over(code)
	groups := w.v1(http.MethodGet, "/v1/jobs/"+code+"/failure-groups", "", http.StatusOK)["groups"].([]any)
	if len(groups) != 2 {
		t.Fatalf("failure groups = %v, want two codes", groups)
	}
	first := groups[0].(map[string]any)
	if first["code"] != "not_found" || first["items"] != 1.0 || first["first"].(map[string]any)["index"] != 2.0 || first["first"].(map[string]any)["key"] != "102" {
		t.Errorf("failure group = %v, want not_found with the first item", first)
	}
	only := w.v1(http.MethodGet, "/v1/jobs/"+code+"/failures?failure_code=not_rentable", "", http.StatusOK)["failures"].([]any)
	if len(only) != 1 || only[0].(map[string]any)["key"] != "101" {
		t.Errorf("failures of one code = %v, want that of 101", only)
	}
	if none := w.v1(http.MethodGet, "/v1/jobs/"+code+"/failures?failure_code=%00", "", http.StatusBadRequest); none["code"] != "invalid" {
		t.Errorf("failures of a code that is no text = %v, want that refused", none)
	}
	w.rentable(101, 102) // what was wrong is put right
	answer := w.call(http.MethodPost, path, "", "X-API-Key", w.admin, "Idempotency-Key", "once")
	if answer.status != http.StatusAccepted || !strings.HasPrefix(answer.header.Get("Location"), w.server.URL+"/v1/jobs/") {
		t.Fatalf("POST retry = %d %s at %q, want 202 and where the job is", answer.status, answer.body, answer.header.Get("Location"))
	}
	retry := fields(t, answer.body)
	for _, none := range []string{"{}", "null"} { // Java's generated clients send null for no body
		if twin := w.v1(http.MethodPost, path, none, http.StatusAccepted, "Idempotency-Key", "once"); twin["code"] != retry["code"] {
			t.Errorf("POST retry with the same key and %s gives %v, want %v", none, twin["code"], retry["code"])
		}
	}
	done := w.over(retry["code"].(string))
	if done["result"] != "succeeded" || done["total"] != 2.0 || done["retry_of"] != code {
		t.Errorf("the retry = %v, want both items of %s done", done, code)
	}
	if got := w.v1(http.MethodPost, "/v1/jobs/"+retry["code"].(string)+"/retry", "", http.StatusConflict); got["code"] != "nothing_failed" {
		t.Errorf("POST retry of a job without failures = %v, want nothing_failed", got)
	}
	for body, want := range map[string]string{
		`{"url":"` + w.server.URL + `/files/acme/up-8c1f0f4d6b0e4a55a1f6f0cf0f1d9c3e/x.xlsx"}`: "unknown_field",
		`{"url":1}`:    "invalid",
		`{"colour":1}`: "unknown_field",
		`[]`:           "invalid",
		`{`:            "malformed",
	} {
		got := w.v1(http.MethodPost, path, body, http.StatusBadRequest)
		faults := got["errors"].([]any)
		if got["code"] != want && (len(faults) == 0 || faults[0].(map[string]any)["code"] != want) {
			t.Errorf("POST retry %s = %v, want %s", body, got, want)
		}
	}
}

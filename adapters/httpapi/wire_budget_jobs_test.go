package httpapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/batchport/batchport/adapters/httpapi"
	"github.com/batchport/batchport/app/budgets"
	"github.com/batchport/batchport/app/engine"
	"github.com/batchport/batchport/domain"
)

// postSync submits a job as the admin of acme.
func (w *world) postSync(body string, headers ...string) reply {
	w.t.Helper()
	return w.call(http.MethodPost, syncJobPath, body, append([]string{"X-API-Key", w.admin}, headers...)...)
}

// syncJob submits a job that must be accepted, waits for its end, and returns
// its code and how it is shown then.
func (w *world) syncJob(body string, headers ...string) (code string, end map[string]any) {
	w.t.Helper()
	got := w.postSync(body, headers...)
	if code, _ = fields(w.t, got.body)["code"].(string); got.status != http.StatusAccepted || code == "" {
		w.t.Fatalf("POST %.300s = %d %s, want 202", body, got.status, got.body)
	}
	timeout := time.After(10 * time.Second)
	for {
		end = fields(w.t, w.call(http.MethodGet, "/v1/jobs/"+code, "", "X-API-Key", w.admin).body)
		if state, _ := end["state"].(string); domain.JobState(state).Ended() {
			return code, end
		}
		select {
		case <-timeout:
			w.t.Fatalf("job %s is %v for 10 s\nlog:\n%s", code, end, w.logs)
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// outcomes are how many rows of a job were created, updated and failed.
func outcomes(end map[string]any) string {
	o, _ := end["outcomes"].(map[string]any)
	return fmt.Sprint(end["state"], " ", o["created"], "+", o["updated"], " ", o["failed"], " of ", end["total"])
}

// told is what a list of a job, failures or warnings, says of its rows in
// Simplified Chinese: the index, the key, the field, the code and the message of each,
// and of what else is wrong.
func (w *world) told(code, list string) (all []string) {
	w.t.Helper()
	type entry struct {
		Index                int
		Key                  string
		Field                *string
		Code, Value, Message string
		Also                 []struct {
			Field                *string
			Code, Value, Message string
		}
	}
	var page map[string]json.RawMessage
	var entries []entry
	got := w.call(http.MethodGet, "/v1/jobs/"+code+"/"+list, "", "X-API-Key", w.admin, "locale", "zh_CN")
	w.must(json.Unmarshal([]byte(got.body), &page))
	w.must(json.Unmarshal(page[list], &entries))
	shown := func(field *string) string {
		if field == nil {
			return "-"
		}
		return *field
	}
	for _, e := range entries {
		all = append(all, fmt.Sprint(e.Index, " ", e.Key, " ", shown(e.Field), " ", e.Code, " ", e.Message))
		for _, f := range e.Also {
			all = append(all, fmt.Sprint(e.Index, " ", e.Key, " ", shown(f.Field), " ", f.Code, " ", f.Message))
		}
	}
	return all
}

// TestWireBudgetJobsSaysTheSame sends the same rows in both ways.
func TestWireBudgetJobsSayTheSame(t *testing.T) {
	t.Parallel()
	rows := []string{
		rule("code", `"A"`), rule("code", `"B"`, "priority", "-1", "budget_code", "5", "deleted_flag", `"y"`), rule("code", `"C"`, "priority", "6666"),
		rule("code", `"A"`, "x", "1", "y", "2"), rule("code", `"D"`, "budget_code", `"gone"`), rule("code", `"E"`, "rule_condition", `{"b":1,"a":null,"9":[]}`),
		rule("code", `"F"`, "rule_condition", `{"c":1,"b":1}`), rule("code", `"A"`, "rule_condition", "", "rule_condition_json", `"{\"type_id\":\"T\"}"`, "deleted_flag", `"Y"`),
		rule("code", `"G"`, "priority", `"9999"`), rule("code", text("x", 65)),
	}
	for _, size := range []int{1, 3, 100} {
		s := settings{budgets: lifted, engine: engine.Config{ChunkSize: size}, columns: columns{"type_id"}, codes: codes{"gone": domain.NewFailure(domain.CodeNotFound, "", "")}}
		one, other := newWorld(t, s), newWorld(t, s)
		a := one.synced(rows...)
		var failed, warned []string
		for i, short := range slices.Concat(a.faulty, a.refused) {
			failed = append(failed, short+" "+a.messages[i])
		}
		for i, short := range a.warnings {
			warned = append(warned, short+" "+a.messages[len(failed)+i])
		}
		slices.SortStableFunc(failed, func(a, b string) int { return int(a[0]) - int(b[0]) }) // as one list, by index

		other.run()
		code, end := other.syncJob(`{"data":[` + strings.Join(rows, ",") + `]}`)
		if diff := gocmp.Diff(failed, other.told(code, "failures")); diff != "" {
			t.Errorf("chunks of %d: the failures are not those of a synchronous request (-want +got):\n%s", size, diff)
		}
		if diff := gocmp.Diff(warned, other.told(code, "warnings")); diff != "" {
			t.Errorf("chunks of %d: the warnings are not those of a synchronous request (-want +got):\n%s", size, diff)
		}
		if got := outcomes(end); got != "completed 3+2 5 of 10" || a.counts() != "3+2" {
			t.Errorf("chunks of %d: the job is %s, and the synchronous request %s; want 3+2 of both and 5 failed", size, got, a.counts())
		}
		for _, c := range one.codesOf("", "") {
			if one.rule(c) != other.rule(c) {
				t.Errorf("chunks of %d: the rule %s is %q, want %q", size, c, other.rule(c), one.rule(c))
			}
		}
		other.wantRules("the same rules are stored", one.codesOf("", "")...)
	}
}

func TestWireBudgetJobView(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	got := w.postSync(`{"data":[`+rule()+`,5]}`, "locale", "ja_JP")
	m := fields(t, got.body)
	code, _ := m["code"].(string)
	if got.status != http.StatusAccepted || got.header.Get("Location") != w.server.URL+"/v1/jobs/"+code || got.header.Get("Content-Type") != "application/json" {
		t.Fatalf("POST = %d, Location %q: %s; want 202 and where to ask", got.status, got.header.Get("Location"), got.body)
	}
	if m["state"] != "queued" || m["kind"] != "budget_rule_sync" || m["process"] != 0.0 || m["total"] != 2.0 || m["started_at"] != nil || m["ended_at"] != nil {
		t.Errorf("POST answers %s, want the job as it was submitted", got.body)
	}
	if asked := w.call(http.MethodGet, got.header.Get("Location"), "", "X-API-Key", w.admin); asked.body != got.body {
		t.Errorf("GET of the Location = %d %s, want %s", asked.status, asked.body, got.body)
	}
	w.run()
	_, other := w.syncJob(`{"data":[{}]}`)
	if outcomes(other) != "completed 0+0 1 of 1" {
		t.Errorf("a job all of whose rows fail is %s, want it completed", outcomes(other))
	}
	end := w.call(http.MethodGet, "/v1/jobs/"+code, "", "X-API-Key", w.admin)
	times := regexp.MustCompile(`"(submitted|started|ended)_at":"20\d\d-[^"]+Z"`)
	want := `{"code":"` + code + `","kind":"budget_rule_sync","user":"user-of-*","state":"completed","result":"partially_failed","process":100,"total":2,"outcomes":{"created":1,"updated":0,"unchanged":0,"deleted":0,"exported":0,"failed":1,"skipped":0,"cancelled":0},"rate":N,"eta_seconds":null,"validate_only":false,"all_or_nothing":false,"fail_limit":{},"retry_of":null,AT,AT,AT,"message":null,"file":null}`
	rate := regexp.MustCompile(`"rate":\d+(\.\d)?,`)
	if shown := strings.TrimSpace(rate.ReplaceAllString(times.ReplaceAllString(end.body, "AT"), `"rate":N,`)); shown != want {
		t.Errorf("GET an ended job = %s, want %s", shown, want)
	}
	unknown := w.call(http.MethodGet, "/v1/jobs/6552e15d743264.42384055", "", "X-API-Key", w.admin)
	for _, path := range []string{"", "/failures", "/warnings", "/failures.xlsx"} {
		if got := w.call(http.MethodGet, "/v1/jobs/"+code+path, "", "X-API-Key", w.foreign); got.status != http.StatusNotFound || got.body != unknown.body {
			t.Errorf("GET another tenant's job%s = %d %s, want the same bytes as for an unknown one", path, got.status, got.body)
		}
	}
	failures := w.call(http.MethodGet, "/v1/jobs/"+code+"/failures", "", "X-API-Key", w.admin)
	if !strings.Contains(failures.body, "オブジェクト") {
		t.Errorf("GET failures = %s, want them in the job's own language", failures.body)
	}
}

func TestWireBudgetJobsAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{budgets: budgets.Config{MaxJobRows: 2}, config: httpapi.Config{MaxBody: 4096}})
	mine := w.uploaded("a.xlsx", "x")["url"].(string)
	theirs, _ := fields(t, w.call(http.MethodPost, "/v1/files", filePart("a.xlsx", "x")+endOfForm, "X-API-Key", w.foreign, "Content-Type", formType).body)["url"].(string)
	gone := regexp.MustCompile(`up-[0-9a-f]{32}`).ReplaceAllString(mine, "up-"+strings.Repeat("0", 32))
	for _, c := range []struct {
		sentence, body, key string
		status              int
		want                string
	}{
		{"neither", `{}`, w.admin, 400, "data required"},
		{"neither: null is none", `{"data":null,"url":null}`, w.admin, 400, "data required"},
		{"both", `{"data":[{}],"url":"` + mine + `"}`, w.admin, 400, "url duplicate"},
		{"both, of which one is empty", `{"data":[],"url":"` + mine + `"}`, w.admin, 400, "url duplicate"},
		{"empty data", `{"data":[]}`, w.admin, 400, "data required"},
		{"data: a list", `{"data":{}}`, w.admin, 400, "data invalid"},
		{"data: a list", `{"data":"[]"}`, w.admin, 400, "data invalid"},
		{"unknown fields", `{"data":[{}],"bizId":"b","x":1}`, w.admin, 400, "bizId unknown_field, x unknown_field"},
		{"unknown fields, and what else is wrong", `{"Data":[{}],"url":7}`, w.admin, 400, "Data unknown_field, url invalid"},
		{"an url of another tenant's upload", `{"url":"` + theirs + `"}`, w.admin, 400, "url not_found"},
		{"an url of an upload that there is not", `{"url":"` + gone + `"}`, w.admin, 400, "url not_found"},
		{"an url that is of no upload", `{"url":"https://example.com/a.xlsx"}`, w.admin, 400, "url invalid"},
		{"an url that is none", `{"url":""}`, w.admin, 400, "url invalid"},
		{"an object", `[{}]`, w.admin, 400, " invalid"},
		{"JSON", `{"data":[{}]`, w.admin, 400, "data malformed"},
		{"JSON", "", w.admin, 400, " malformed"},
		{"too many rows", `{"data":[1,2,3]}`, w.admin, 413, "data too_many"},
		{"too large a body", `{"data":[` + text("x", 4096) + `]}`, w.admin, 413, " too_large"},
		{"no key", `{"data":[{}]}`, "", 401, ""},
		{"no permission", `{"data":[{}]}`, w.poor, 403, " forbidden"},
		{"the permission to read does not suffice", `{"data":[{}]}`, w.key("acme", budgets.Read), 403, " forbidden"},
	} {
		got := w.call(http.MethodPost, syncJobPath, c.body, "X-API-Key", c.key)
		m := fields(t, got.body)
		var faults []string
		list, _ := m["errors"].([]any)
		for _, f := range list {
			fault := f.(map[string]any)
			faults = append(faults, fmt.Sprint(fault["field"], " ", fault["code"]))
		}
		if got.status != c.status || strings.Join(faults, ", ") != c.want || got.header.Get("Content-Type") != "application/problem+json" || m["status"] != float64(c.status) {
			t.Errorf("%s\nPOST %.200s = %d %s, want %d and a problem with %q", c.sentence, c.body, got.status, got.body, c.status, c.want)
		}
		if strings.Contains(got.body, "signature=") {
			t.Errorf("%s\n%s repeats a signature", c.sentence, got.body)
		}
	}
	w.nothing()
	if got := w.send(batch("b")); left(t, got) != 49 {
		t.Errorf("refused jobs cost nothing: RateLimit %q, want 49 left", got.header.Get("RateLimit"))
	}
}

func TestWireBudgetJobIdempotency(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	code := func(got reply) any { return fields(t, got.body)["code"] }
	first := w.postSync(`{"data":[`+rule()+`]}`, "Idempotency-Key", "k")
	for sentence, body := range map[string]string{
		"the same request":                   `{"data":[` + rule() + `]}`,
		"compared as parsed: white space":    ` { "data" : [ ` + strings.ReplaceAll(rule(), ",", " ,\n") + ` ] } `,
		"compared as parsed: null is absent": `{"url":null,"data":[` + rule() + `]}`,
		"compared as parsed: escapes":        `{"d\u0061ta":[` + strings.Replace(rule(), "R1", `\u00521`, 1) + `]}`,
	} {
		if got := w.postSync(body, "Idempotency-Key", "k"); got.status != http.StatusAccepted || code(got) != code(first) || got.header.Get("Location") != first.header.Get("Location") {
			t.Errorf("%s\n%d %s, want the job %v", sentence, got.status, got.body, code(first))
		}
	}
	if got := w.postSync(`{"data":[`+rule("priority", "2")+`]}`, "Idempotency-Key", "k"); got.status != http.StatusUnprocessableEntity || code(got) != "idempotency_mismatch" {
		t.Errorf("another request: %d %s, want 422", got.status, got.body)
	}
	for _, got := range []reply{
		w.postSync(`{"data":[`+rule()+`]}`, "Idempotency-Key", "l"),
		w.postSync(`{"data":[` + rule() + `]}`),
		w.call(http.MethodPost, syncJobPath, `{"data":[`+rule()+`]}`, "X-API-Key", w.foreign, "Idempotency-Key", "k"),
	} {
		if got.status != http.StatusAccepted || code(got) == code(first) {
			t.Errorf("another key, none, or one of another tenant: %d %s, want another job", got.status, got.body)
		}
	}
}

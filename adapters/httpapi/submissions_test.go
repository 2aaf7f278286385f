package httpapi_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/batchport/batchport/adapters/httpapi"
	"github.com/batchport/batchport/domain"
)

// typed submits a job in the typed form as the admin of acme.
func (w *world) typed(slug, body string, headers ...string) reply {
	w.t.Helper()
	return w.call(http.MethodPost, "/v1/jobs/"+slug, body, append([]string{"X-API-Key", w.admin}, headers...)...)
}

// accepted submits a job that must be accepted, and returns its code.
func (w *world) accepted(slug, body string, headers ...string) string {
	w.t.Helper()
	got := w.typed(slug, body, headers...)
	code, _ := fields(w.t, got.body)["code"].(string)
	if got.status != http.StatusAccepted || code == "" {
		w.t.Fatalf("POST %s %.300s = %d %s, want 202 and a job", slug, body, got.status, got.body)
	}
	return code
}

// worked submits a job that must be accepted, waits for its end, and returns
// how it is shown then, and its failed items as "key code field".
func (w *world) worked(slug, body string) (end map[string]any, failed []string) {
	w.t.Helper()
	code := w.accepted(slug, body)
	timeout := time.After(10 * time.Second)
	for {
		end = fields(w.t, w.call(http.MethodGet, "/v1/jobs/"+code, "", "X-API-Key", w.admin).body)
		if state, _ := end["state"].(string); domain.JobState(state).Ended() {
			break
		}
		select {
		case <-timeout:
			w.t.Fatalf("job %s of %s is %v for 10 s\nlog:\n%s", code, slug, end, w.logs)
		case <-time.After(2 * time.Millisecond):
		}
	}
	list, _ := fields(w.t, w.failures(code, "").body)["failures"].([]any)
	for _, f := range list {
		item, _ := f.(map[string]any)
		field, _ := item["field"].(string)
		failed = append(failed, strings.TrimSpace(fmt.Sprint(item["key"], " ", item["code"], " ", field)))
	}
	return end, failed
}

// idsIn returns the identifiers in the file of a job, nil when it has none.
func (w *world) idsIn(end map[string]any) (ids []string) {
	w.t.Helper()
	file, _ := end["file"].(map[string]any)
	link, ok := file["url"].(string)
	if !ok {
		return nil
	}
	for _, row := range rowsOf(w.t, w.call(http.MethodGet, link, "").body)[1:] {
		ids = append(ids, row[0])
	}
	return ids
}

// TestTypedSubmissions does what each kind does, each step beginning with what
// the one before it has left.
func TestTypedSubmissions(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	w.population()
	w.run()
	report := w.uploaded("r.pdf", "%PDF")["url"]
	sheet := w.uploaded("s.xlsx", workbook(t, []string{"estate_id", "item", "amount"}, []string{"1", "管理費", "1250.5"}, []string{"404", "管理費", "1"}))["url"]
	listed := func(want ...bool) func() string {
		return func() string {
			for i, on := range want {
				if got := w.estate(i + 1)["listed"]; got != on {
					return fmt.Sprintf("estate %d is listed: %v, want %v", i+1, got, on)
				}
			}
			return ""
		}
	}
	landlords := func(want ...string) func() string {
		return func() string {
			if got := []string{w.landlord(1), w.landlord(2), w.landlord(3), w.landlord(4)}; !slices.Equal(got, want) {
				return fmt.Sprintf("the landlords are %q, want %q", got, want)
			}
			return ""
		}
	}
	agents := func(want ...int) func() string {
		return func() string {
			if got := []int{w.agent(1), w.agent(2), w.agent(3), w.agent(4)}; !slices.Equal(got, want) {
				return fmt.Sprintf("the agents are %v, want %v", got, want)
			}
			return ""
		}
	}
	const openRent, closeRent, landlord, agent = "estate-batch-open-rent", "estate-batch-close-rent", "estate-batch-edit-big-landlord", "estate-batch-edit-agent"
	for _, step := range []struct {
		slug, body string
		failed     []string
		ids        string // in the file
		then       func() string
	}{
		{slug: openRent, body: `{"ids":[1,"3",1,404,4],"validate_only":true}`, failed: []string{"404 not_found", "4 not_rentable status"}, then: listed(false, true, false, false)},
		{slug: openRent, body: `{"ids":[1,404],"all_or_nothing":true}`, failed: []string{"404 not_found"}, then: listed(false, true, false, false)},
		{slug: openRent, body: `{"ids":[1,"3",1,404,4]}`, failed: []string{"404 not_found", "4 not_rentable status"}, then: listed(true, true, true, false)},
		{slug: closeRent, body: `{"filter":{"status":["vacant","maintenance"],"listed":[true]},"total":2}`, then: listed(false, true, false, false)},
		{slug: closeRent, body: `{"filter":{"status":["vacant"],"rent_min":[20000,10000],"rent_max":10000},"total":1,"all_or_nothing":true}`, then: listed(false, true, false, false)},
		{slug: openRent, body: `{"filter":{},"total":4}`, failed: []string{"4 not_rentable status"}, then: listed(true, true, true, false)},

		{slug: "estate-batch-upload-monthly-report", body: fmt.Sprintf(`{"ids":[1,404],"url":%q,"month":"202611"}`, report), failed: []string{"404 not_found"}, then: func() string {
			if reports := fmt.Sprint(w.estate(1)["reports"]); !strings.Contains(reports, "202611") || !strings.Contains(reports, "/files/") {
				return "the reports are " + reports
			}
			return ""
		}},
		{slug: "estate-batch-upload-monthly-report", body: `{"filter":{"agent_id":[8]},"total":1,"url":"https://files.example.com/r.pdf","month":"202610"}`, then: func() string {
			if reports := fmt.Sprint(w.estate(2)["reports"]); !strings.Contains(reports, "https://files.example.com/r.pdf") {
				return "the reports are " + reports
			}
			return ""
		}},
		{slug: "estate-import-monthly-statement", body: fmt.Sprintf(`{"url":%q,"month":"202611","validate_only":true}`, sheet), failed: []string{"3 not_found estate_id"}, then: func() string {
			return strings.Join(w.lines(1), ",")
		}},
		{slug: "estate-import-monthly-statement", body: fmt.Sprintf(`{"url":%q,"month":"202611"}`, sheet), failed: []string{"3 not_found estate_id"}, then: func() string {
			if lines := w.lines(1); !slices.Equal(lines, []string{"管理費 1250.50"}) {
				return fmt.Sprintf("the lines are %q", lines)
			}
			return ""
		}},

		{
			slug: landlord, body: `{"edits":[{"id":3,"user_id":22,"capabilities":{"show_estate":true,"edit_repair":false}},{"id":"1","user_id":null},{"id":2,"user_id":7},{"id":4},{"id":404,"user_id":21}]}`,
			failed: []string{"2 unknown_user user_id", "4 required user_id", "404 not_found"}, then: landlords("", "22", "22 show_estate", ""),
		},
		{slug: landlord, body: `{"filter":{"landlord_id":[22]},"total":2,"user_id":21,"capabilities":{"show_report":true}}`, then: landlords("", "21 show_report", "21 show_report", "")},
		{slug: landlord, body: `{"filter":{"country":[2]},"total":2,"user_id":null,"validate_only":true}`, then: landlords("", "21 show_report", "21 show_report", "")},
		{slug: landlord, body: `{"filter":{"country":[2]},"total":2,"user_id":null}`, then: landlords("", "21 show_report", "", "")},

		{slug: agent, body: `{"object":"estate","edits":[{"id":3,"user_id":7},{"id":2,"user_id":21}],"all_or_nothing":true}`, failed: []string{"2 unknown_user user_id"}, then: agents(7, 8, 0, 0)},
		{slug: agent, body: `{"object":"estate","edits":[{"id":3,"user_id":7},{"id":2,"user_id":21}]}`, failed: []string{"2 unknown_user user_id"}, then: agents(7, 8, 7, 0)},
		{slug: agent, body: `{"object":"estate","filter":{"agent_id":[7]},"total":2,"user_id":8}`, then: agents(8, 8, 8, 0)},
		{slug: agent, body: `{"object":"contract","edits":[{"id":12,"user_id":7},{"id":404,"user_id":7}]}`, failed: []string{"404 not_found"}, then: agents(8, 8, 8, 0)},
		{slug: "contract-export", body: `{"filter":{"agent_id":[7]},"total":2}`, ids: "11 12"},
		{slug: agent, body: `{"object":"contract","filter":{"state":["ended"],"ends_before":"2026-01-01"},"total":1,"user_id":8}`},
		{slug: "contract-export", body: `{"filter":{"agent_id":[7]},"total":1}`, ids: "11"},

		{slug: "estate-export", body: `{"filter":{"keyword":["river"],"community_id":[5,6]},"total":2}`, ids: "1 2"},
		{slug: "estate-export", body: `{"ids":[3,404,1]}`, ids: "1 3", failed: []string{"404 not_found"}},
		{slug: "community-export", body: `{"filter":{"district":[20]},"total":1}`, ids: "6"},
		{slug: "contract-export", body: `{"ids":[12]}`, ids: "12"},
		{slug: "repair-export", body: `{"filter":{"category":["水電"],"state":["open"],"reported_after":"2026-01-09"},"total":1}`, ids: "31"},
	} {
		end, failed := w.worked(step.slug, step.body)
		if ids := strings.Join(w.idsIn(end), " "); end["state"] != "completed" || !slices.Equal(failed, step.failed) || ids != step.ids {
			t.Errorf("%s %s ends %v, fails %q and has %q in its file; want completed, %q and %q", step.slug, step.body, end, failed, ids, step.failed, step.ids)
		}
		if step.then != nil {
			if wrong := step.then(); wrong != "" {
				t.Errorf("after %s %s: %s", step.slug, step.body, wrong)
			}
		}
	}
	end, failed := w.worked(openRent, `{"filter":{},"total":3}`)
	if end["state"] != "failed" || len(failed) > 0 {
		t.Errorf("a filter that finds another number than total ends %v, want it failed", end)
	}
	ids := make([]string, 0, 200)
	for id := range 200 {
		ids = append(ids, fmt.Sprint(1000+id))
	}
	end, failed = w.worked(openRent, `{"ids":[`+strings.Join(ids, ",")+`],"fail_limit":{"items":3}}`)
	if outcomes, _ := end["outcomes"].(map[string]any); len(failed) >= 200 || outcomes["cancelled"] == 0.0 {
		t.Errorf("a job of 200 items that do not exist, to be stopped after 3, ends %v", end)
	}
}

// TestTypedAnswer holds the answer to what clients build on.
func TestTypedAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{config: httpapi.Config{PublicURL: "https://jobs.example.com/batch"}})
	w.estates(1)
	got := w.typed("estate-batch-open-rent", `{"ids":[1]}`, "Content-Type", "text/plain")
	view := fields(t, got.body)
	location := fmt.Sprint("https://jobs.example.com/batch/v1/jobs/", view["code"])
	if got.status != http.StatusAccepted || got.header.Get("Location") != location || view["kind"] != "estate_batch_open_rent" || view["state"] != "queued" && view["state"] != "running" || view["total"] != 1.0 {
		t.Errorf("POST = %d, Location %q, %s; want 202, %s and the job", got.status, got.header.Get("Location"), got.body, location)
	}
	asked := w.call(http.MethodGet, fmt.Sprint("/v1/jobs/", view["code"]), "", "X-API-Key", w.admin)
	if fields(t, asked.body)["code"] != view["code"] {
		t.Errorf("GET job = %d %s, want the job that was submitted", asked.status, asked.body)
	}
}

// TestTypedIdempotency sends requests again with a key: in other spellings,
// over the source interface, and with other options.
func TestTypedIdempotency(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	w.population()
	key := []string{"Idempotency-Key", "k"}
	code := w.accepted("estate-export", `{"filter":{"country":[1],"listed":[true]},"total":1}`, key...)
	for _, same := range []string{`{"total":"1","ids":null,"filter":{"listed":true,"country":["1"],"status":null}}`} {
		if again := w.accepted("estate-export", same, key...); again != code {
			t.Errorf("%s with the same key gives job %s, want %s", same, again, code)
		}
	}
	source := `{"job_name":"estate_export","estatesIds":"all","total":1,"searchOptions":{"listed":"1","country":1}}`
	if again := w.submit(source, key...); again != code {
		t.Errorf("%s with the same key gives job %s, want %s", source, again, code)
	}
	for slug, other := range map[string]string{
		"estate-export":          `{"filter":{"country":[1],"listed":[false]},"total":1}`,
		"estate-batch-open-rent": `{"filter":{"country":[1],"listed":[true]},"total":1}`,
	} {
		if got := w.typed(slug, other, key...); got.status != http.StatusUnprocessableEntity || fields(t, got.body)["code"] != "idempotency_mismatch" {
			t.Errorf("%s %s with the same key = %d %s, want 422", slug, other, got.status, got.body)
		}
	}
	w.accepted("estate-batch-open-rent", `{"ids":[1]}`, "Idempotency-Key", "o")
	if got := w.typed("estate-batch-open-rent", `{"ids":[1],"validate_only":true}`, "Idempotency-Key", "o"); got.status != http.StatusUnprocessableEntity {
		t.Errorf("the same request with another option = %d %s, want 422", got.status, got.body)
	}
	w.accepted("estate-batch-edit-agent", `{"object":"estate","edits":[{"id":1,"user_id":7}]}`, "Idempotency-Key", "e")
	if got := w.post(`{"job_name":"estate_batch_edit_agent","action":"estate","data":{"1":{"editUserId":7}}}`, "Idempotency-Key", "e"); got.status != http.StatusUnprocessableEntity {
		t.Errorf("an edit with the key of one whose fields have other names = %d %s, want 422", got.status, got.body)
	}
	if got := w.typed("estate-export", `{"ids":[1]}`, "Idempotency-Key", strings.Repeat("k", 256)); got.status != http.StatusBadRequest {
		t.Errorf("a key of 256 bytes = %d %s, want 400", got.status, got.body)
	}
}

// TestTypedRefusals holds refusals to their shape; what is refused is for the
// use case to test.
func TestTypedRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{config: httpapi.Config{MaxBody: 1 << 10}})
	w.population()
	exporter := w.key("acme", "estate_export")
	for _, c := range []struct {
		slug, body string
		headers    []string
		status     int
		code       string
		faults     []string
	}{
		{"estate-export", `{}`, nil, 400, "invalid", []string{"ids required"}},
		{"estate-export", ``, nil, 400, "malformed", []string{" malformed"}},
		{"estate-export", `{"ids":[1],"ids":[2]}`, nil, 400, "duplicate", []string{"ids duplicate"}},
		{"estate-export", `{"ids":[1]`, nil, 400, "malformed", nil},
		{"estate-export", `[1]`, nil, 400, "invalid", []string{" invalid"}},
		{"estate-export", `{"ids":[1],"pad":"` + strings.Repeat("x", 1<<10) + `"}`, nil, 413, "too_large", []string{" too_large"}},
		{"estate-export", `{"ids":[1]}`, []string{"X-API-Key", "bp_wrong"}, 401, "unauthorized", nil},
		{"estate-batch-open-rent", `{"ids":"x"}`, []string{"X-API-Key", exporter}, 403, "forbidden", nil},
		{"estate-batch-open-rent", `{"filter":{"colour":1,"rent_min":-1},"job_name":"x","fail_limit":{"percent":0}}`, nil, 400, "invalid", []string{
			"job_name unknown_field", "fail_limit.percent out_of_range", "total required", "filter.colour unknown_field", "filter.rent_min out_of_range",
		}},
		{"estate-batch-edit-agent", `{"edits":[{"id":1}],"object":"x","user_id":7}`, nil, 400, "invalid", []string{"object invalid", "edits duplicate"}},
		{"budget-rule-sync", `{"data":[],"validate_only":1,"fail_limit":{"rows":1},"all_or_nothing":true}`, nil, 400, "invalid", []string{
			"all_or_nothing unknown_field", "validate_only invalid", "fail_limit.rows unknown_field", "data required",
		}},
	} {
		headers := c.headers
		if headers == nil {
			headers = []string{"X-API-Key", w.admin}
		}
		got := w.call(http.MethodPost, "/v1/jobs/"+c.slug, c.body, headers...)
		m := fields(t, got.body)
		var faults []string
		list, _ := m["errors"].([]any)
		for _, e := range list {
			fault, _ := e.(map[string]any)
			if message, _ := fault["message"].(string); message == "" || message == fault["code"] {
				t.Errorf("error %v of %s has no message", fault, got.body)
			}
			faults = append(faults, fmt.Sprint(fault["field"], " ", fault["code"]))
		}
		if got.status != c.status || m["code"] != c.code || got.header.Get("Content-Type") != "application/problem+json" || c.faults != nil && !slices.Equal(faults, c.faults) {
			t.Errorf("POST %s %.200s = %d %s %q, want %d %s %q", c.slug, c.body, got.status, got.body, faults, c.status, c.code, c.faults)
		}
	}
	got := w.typed("estate-export", `{}`, "locale", "zh_TW")
	if detail, _ := fields(t, got.body)["detail"].(string); detail != "「ids」為必填：請填寫ids或filter其中之一。" {
		t.Errorf("POST with locale zh_TW = %s, want it in Chinese", got.body)
	}
	w.nothing()
}

// TestSyncJobOptions submits a sync that only validates, and one that stops.
func TestSyncJobOptions(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	w.run()
	row := `{"code":"R1","priority":1,"budget_code":"B","rule_condition":{"type_id":"T"}}`
	_, end := w.syncJob(`{"data":[` + row + `,{"code":"R2"}],"validate_only":true}`)
	if got := outcomes(end); got != "completed 1+0 1 of 2" {
		t.Errorf("a sync that only validates ends %s, want completed 1+0 1 of 2", got)
	}
	if got := w.call(http.MethodGet, "/v1/budget-rules/R1", "", "X-API-Key", w.admin); got.status != http.StatusNotFound {
		t.Errorf("GET rule after a validation = %d %s, want 404", got.status, got.body)
	}
}

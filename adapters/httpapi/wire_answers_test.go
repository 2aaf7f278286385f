package httpapi_test

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/batchport/batchport/app/engine"
	"github.com/batchport/batchport/domain"
)

// everyKind has a good request of every kind, and another that differs in what
// it asks for. UPLOAD stands for the url of an upload.
var everyKind = map[string][2]string{
	"estate_batch_open_rent":             {`"estatesIds":[1]`, `"estatesIds":[2]`},
	"estate_batch_close_rent":            {`"estatesIds":"all","total":4,"searchOptions":[]`, `"estatesIds":"all","total":3,"searchOptions":[]`},
	"estate_export":                      {`"estatesIds":"all","total":4,"searchOptions":{"country":1}`, `"estatesIds":"all","total":4,"searchOptions":{"country":2}`},
	"community_export":                   {`"communityIds":[5,6]`, `"communityIds":[5]`},
	"contract_export":                    {`"contractIds":[11]`, `"constarctIds":[12]`},
	"repair_export":                      {`"repairIds":[31]`, `"repairIds":"all","total":2,"searchOptions":[]`},
	"estate_batch_upload_monthly_report": {`"estatesIds":[1],"publicUrl":"https://example.com/a","date":"202611"`, `"estatesIds":[1],"publicUrl":"https://example.com/a","date":"202612"`},
	"estate_import_monthly_statement":    {`"publicUrl":"https://example.com/a","date":"202611"`, `"publicUrl":"https://example.com/b","date":"202611"`},
	"estate_batch_edit_agent":            {`"action":"estate","data":{"1":{"editUserId":7}}`, `"action":"contract","data":{"1":{"editUserId":7}}`},
	"estate_batch_edit_bigLandlord":      {`"data":{"1":{"editUserId":21,"capabilities":{"show_estate":1}}}`, `"data":{"1":{"editUserId":21,"capabilities":{"show_estate":0}}}`},
}

func TestWireAcceptedAndRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	w.population()
	for job, bodies := range everyKind {
		got := w.post(`{"job_name":"` + job + `",` + bodies[0] + `}`)
		if want := `^\{"success":true,"data":\{"batch_code":"[0-9a-f]{14}\.[0-9]{8}"\}\}\n$`; got.status != 200 || !regexp.MustCompile(want).MatchString(got.body) {
			t.Errorf("accepted: %s = %d %s, want 200 %s", job, got.status, got.body, want)
		}
		code := fields(t, got.body)["data"].(map[string]any)["batch_code"].(string)
		if got, want := w.status(code).body, fmt.Sprintf(`{"batch_code":%q,"process":0,"success":false}`+"\n", code); got != want {
			t.Errorf("unfinished: %s is %s, want %s", job, got, want)
		}
		for status, got := range map[int]reply{
			400: w.post(`{"job_name":"` + job + `"}`),
			401: w.call(http.MethodPost, "/api2/getBatchCode", `{"job_name":"`+job+`"}`),
			403: w.call(http.MethodPost, "/api2/getBatchCode", `{"job_name":"`+job+`"}`, "X-API-Key", w.poor),
		} {
			if faults := faultsOf(t, got); got.status != status || status == 400 && len(faults) == 0 {
				t.Errorf("refused: %s = %d %s, want %d", job, got.status, got.body, status)
			}
		}
	}
}

// TestWireIdempotency sends every kind again, on a clock of its own.
func TestWireIdempotency(t *testing.T) {
	t.Parallel()
	var past atomic.Int64
	began := time.Now()
	w := newWorld(t, settings{engine: engine.Config{Now: func() time.Time { return began.Add(time.Duration(past.Load())) }}})
	w.population()
	send := func(body, key string) reply { return w.post(body, "Idempotency-Key", key) }
	first := map[string]string{}
	for job, bodies := range everyKind {
		body := `{"job_name":"` + job + `",` + bodies[0] + `}`
		first[job] = send(body, job).body
		for sentence, same := range map[string]string{
			"a repeated POST gives the same code": body,
			"compared as parsed":                  " {\n" + bodies[0] + ` , "job_name" : "` + strings.ReplaceAll(job, "e", `\u0065`) + `" } `,
		} {
			if got := send(same, job); got.status != 200 || got.body != first[job] {
				t.Errorf("%s: %s = %d %s, want %s", sentence, same, got.status, got.body, first[job])
			}
		}
		if got := send(`{"job_name":"`+job+`",`+bodies[1]+`}`, job); got.status != 422 || !slices.Equal(faultsOf(t, got), nil) && len(faultsOf(t, got)) != 1 {
			t.Errorf("the same key with another request is a 422: %s = %d %s", job, got.status, got.body)
		}
		if got := w.post(body); got.body == first[job] {
			t.Errorf("without a key every request is new: %s = %s", job, got.body)
		}
		if got := send(body, job+"2"); got.status != 200 || got.body == first[job] {
			t.Errorf("another key is another request: %s = %s", job, got.body)
		}
		if got := send(`{"job_name":"`+job+`"}`, job+"3"); got.status != 400 {
			t.Errorf("a refusal: %s = %d", job, got.status)
		}
		if got := send(body, job+"3"); got.status != 200 {
			t.Errorf("a refusal does not take the key: %s = %d %s", job, got.status, got.body)
		}
	}
	foreign := w.call(http.MethodPost, "/api2/getBatchCode", openOne, "X-API-Key", w.foreign, "Idempotency-Key", "estate_batch_open_rent")
	if foreign.status != 200 || foreign.body == first["estate_batch_open_rent"] {
		t.Errorf("per tenant: %d %s", foreign.status, foreign.body)
	}
	colleague := w.call(http.MethodPost, "/api2/getBatchCode", openOne, "X-API-Key", w.key("acme", "estate_batch_open_rent"), "Idempotency-Key", "estate_batch_open_rent")
	if colleague.body != first["estate_batch_open_rent"] {
		t.Errorf("per tenant, not per key: %s, want %s", colleague.body, first["estate_batch_open_rent"])
	}
	w.refusesKey(strings.Repeat("k", 256))

	const week = 7 * 24 * time.Hour
	past.Store(int64(week - time.Second))
	if got := send(openOne, "estate_batch_open_rent"); got.body != first["estate_batch_open_rent"] {
		t.Errorf("for 7 days: %s, want %s", got.body, first["estate_batch_open_rent"])
	}
	past.Store(int64(week + time.Second))
	if got := send(openOne, "estate_batch_open_rent"); got.status != 200 || got.body == first["estate_batch_open_rent"] {
		t.Errorf("after 7 days: %d %s, want another code", got.status, got.body)
	}

	lost := errors.New("the store is gone")
	w.store.fault.Store(&lost)
	if got := send(openOne, "new"); got.status != 500 {
		t.Errorf("a fault of the server: %d, want 500", got.status)
	}
	w.store.fault.Store(nil)
	if got := send(openOne, "new"); got.status != 200 {
		t.Errorf("answers of 5xx are never stored: %d %s", got.status, got.body)
	}
}

// refusesKey sends an idempotency key that is too long.
func (w *world) refusesKey(key string) {
	w.t.Helper()
	got := w.post(openOne, "Idempotency-Key", key)
	if faults := faultsOf(w.t, got); got.status != 400 || !slices.Equal(faults, []string{"Idempotency-Key too_long"}) {
		w.t.Errorf("a key of %d bytes: %d %q, want 400", len(key), got.status, faults)
	}
}

func TestWireCodesSortByTime(t *testing.T) {
	t.Parallel()
	var past atomic.Int64
	began := time.Now()
	w := newWorld(t, settings{engine: engine.Config{Now: func() time.Time { return began.Add(time.Duration(past.Load())) }}})
	var codes []string
	for _, after := range []time.Duration{0, time.Microsecond, time.Millisecond, time.Second, time.Hour, 365 * 24 * time.Hour} {
		past.Store(int64(after))
		codes = append(codes, w.submit(openOne))
	}
	if !slices.IsSorted(codes) || len(slices.Compact(slices.Clone(codes))) != len(codes) {
		t.Errorf("codes are unique; they sort by time: %q", codes)
	}
}

// TestWireEnds has for every kind an end of each code that it can have.
func TestWireEnds(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	w.population()
	sheet := func(rows ...[]string) string {
		file := w.uploaded("s.xlsx", workbook(t, []string{"estate_id", "item", "amount"}, rows...))
		return fmt.Sprintf(`"publicUrl":%q,"date":"202611"`, file["url"])
	}
	const report = `,"publicUrl":"https://example.com/a.pdf","date":"202611"`
	type end struct {
		job, body string
		code      int
		failed    float64 // failed_estates_amount, 0 when it is not sent
		file      bool
		message   bool
		fired     bool // the user has lost the permission before the job started
	}
	ends := []end{
		{"estate_batch_open_rent", `"estatesIds":[1,2]`, 200, 0, false, false, false},
		{"estate_batch_open_rent", `"estatesIds":[1,4,404]`, 200, 2, false, false, false},
		{"estate_batch_open_rent", `"estatesIds":[4]`, 204, 1, false, false, false},
		{"estate_batch_close_rent", `"estatesIds":[404,1]`, 200, 1, false, false, false},
		{"estate_batch_close_rent", `"estatesIds":[404]`, 204, 1, false, false, false},
		{"estate_batch_close_rent", `"estatesIds":"all","total":0,"searchOptions":{"country":9}`, 204, 0, false, false, false},
		{"estate_batch_upload_monthly_report", `"estatesIds":[1]` + report, 200, 0, false, false, false},
		{"estate_batch_upload_monthly_report", `"estatesIds":[1,404,405]` + report, 200, 2, false, false, false},
		{"estate_batch_upload_monthly_report", `"estatesIds":[404]` + report, 204, 1, false, false, false},
		{"estate_import_monthly_statement", sheet([]string{"1", "a", "1"}), 200, 0, false, false, false},
		{"estate_import_monthly_statement", sheet([]string{"1", "a", "1"}, []string{"x", "a", "1"}), 200, 1, false, false, false},
		{"estate_import_monthly_statement", sheet([]string{"x", "a", "1"}), 204, 1, false, false, false},
		{"estate_import_monthly_statement", `"publicUrl":"https://127.0.0.1/a","date":"202611"`, 400, 0, false, true, false},
		{"estate_export", `"estatesIds":[1,404]`, 200, 1, true, false, false},
		{"estate_export", `"estatesIds":[404]`, 204, 1, false, false, false},
		{"community_export", `"communityIds":"all","total":2,"searchOptions":{}`, 200, 0, true, false, false},
		{"community_export", `"communityIds":[404,405]`, 204, 2, false, false, false},
		{"community_export", `"communityIds":"all","total":7,"searchOptions":{}`, 500, 0, false, true, false},
		{"contract_export", `"constarctIds":[11,404]`, 200, 1, true, false, false},
		{"contract_export", `"contractIds":"all","total":0,"searchOptions":{"state":"draft"}`, 204, 0, false, false, false},
		{"contract_export", `"contractIds":"all","total":7,"searchOptions":{}`, 500, 0, false, true, false},
		{"repair_export", `"repairIds":[31,32]`, 200, 0, true, false, false},
		{"repair_export", `"repairIds":[404]`, 204, 1, false, false, false},
		{"repair_export", `"repairIds":"all","total":7,"searchOptions":{}`, 500, 0, false, true, false},
		{"estate_batch_edit_agent", `"action":"estate","data":{"1":{"editUserId":7},"2":{"editUserId":9}}`, 200, 1, false, false, false},
		{"estate_batch_edit_agent", `"action":"contract","data":{"404":{"editUserId":7}}`, 204, 1, false, false, false},
		{"estate_batch_edit_agent", `"action":"contract","total":7,"searchOptions":[],"editUserId":7`, 500, 0, false, true, false},
		{"estate_batch_edit_bigLandlord", `"data":{"1":{"editUserId":21},"2":{"editUserId":9}}`, 200, 1, false, false, false},
		{"estate_batch_edit_bigLandlord", `"data":{"1":{"editUserId":""}}`, 204, 1, false, false, false},
		{"estate_batch_edit_bigLandlord", `"total":7,"searchOptions":[],"editUserId":null`, 500, 0, false, true, false},
	}
	for job, bodies := range everyKind {
		ends = append(ends, end{job, bodies[0], 403, 0, false, true, true})
	}
	codes := make([]string, len(ends))
	for i, e := range ends {
		key := w.admin
		if e.fired {
			key = w.key("acme", domain.Permission(e.job))
		}
		got := w.call(http.MethodPost, "/api2/getBatchCode", `{"job_name":"`+e.job+`",`+e.body+`}`, "X-API-Key", key)
		if got.status != 200 {
			t.Fatalf("POST %s %s = %d %s, want 200", e.job, e.body, got.status, got.body)
		}
		codes[i] = fields(t, got.body)["data"].(map[string]any)["batch_code"].(string)
		if e.fired {
			w.must(w.keys.Revoke(t.Context(), key))
		}
	}
	w.run()
	for i, e := range ends {
		got := w.ended(codes[i])
		m := fields(t, got.body)
		data := m["data"].(map[string]any)
		failed, _ := data["failed_estates_amount"].(float64)
		link, hasLink := data["url"].(string)
		name, hasName := data["file_name"].(string)
		message, hasMessage := data["message"].(string)
		if got.status != 200 || len(m) != 3 || m["code"] != float64(e.code) || m["success"] != true || data["batch_code"] != codes[i] || data["process"] != 100.0 {
			t.Errorf("%s %s: status = %d %s, want 200 with the code %d, success and 100 percent", e.job, e.body, got.status, got.body, e.code)
		}
		if _, sent := data["failed_estates_amount"]; failed != e.failed || sent != (e.failed > 0) {
			t.Errorf("%s %s: failed_estates_amount in %s, want %v", e.job, e.body, got.body, e.failed)
		}
		if hasLink != e.file || hasName != e.file || e.file && (!strings.HasPrefix(link, w.server.URL) || !strings.HasSuffix(name, ".xlsx")) {
			t.Errorf("%s %s: url and file_name in %s, want them to be sent: %v", e.job, e.body, got.body, e.file)
		}
		if hasMessage != e.message || e.message && message == "" {
			t.Errorf("%s %s: message in %s, want it to be sent: %v", e.job, e.body, got.body, e.message)
		}
	}
}

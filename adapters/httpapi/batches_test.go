package httpapi_test

import (
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/batchport/batchport/adapters/httpapi"
	"github.com/batchport/batchport/app/engine"
	"github.com/batchport/batchport/domain"
)

func TestSubmitIsAccepted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	code := w.submit(openOne)
	if !regexp.MustCompile(`^[0-9a-f]{14}\.[0-9]{8}$`).MatchString(code) {
		t.Errorf("batch_code = %q, want the form of the source's sample", code)
	}
	got := w.post(openOne)
	want := `^\{"success":true,"data":\{"batch_code":"[0-9a-f.]+"\}\}\n$`
	if !regexp.MustCompile(want).MatchString(got.body) {
		t.Errorf("POST = %q, want %s", got.body, want)
	}
	for _, headers := range [][]string{
		{"Authorization", "Bearer " + w.admin},
		{"Authorization", "bearer " + w.admin},
		{"Authorization", "BEARER  " + w.admin},
		{"X-API-Key", w.admin},
		{"X-API-Key", w.admin, "Authorization", "Bearer " + w.admin},
		{"X-API-Key", w.admin, "Authorization", "Basic cHJveHk6cHJveHk="},
		{"X-API-Key", w.admin, "Content-Type", "application/x-www-form-urlencoded"},
		{"X-API-Key", w.admin, "Content-Type", "text/plain; charset=latin1", "Accept", "text/html"},
	} {
		if got := w.call(http.MethodPost, "/api2/getBatchCode", openOne, headers...); got.status != http.StatusOK {
			t.Errorf("POST with %q = %d %s, want 200", headers, got.status, got.body)
		}
	}
}

func TestSubmitTwinsGetOneJob(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	const twins = 50
	replies := make([]reply, twins)
	var group sync.WaitGroup
	for i := range twins {
		group.Go(func() {
			body := `{"job_name":"estate_batch_open_rent","estatesIds":[1]}`
			if i%2 == 1 { // another spelling of the same request
				body = ` { "estatesIds" : [ 1 ], "job_name":"estate_batch_open\u005frent" } `
			}
			replies[i] = w.post(body, "Idempotency-Key", "the-one")
		})
	}
	group.Wait()
	for i, got := range replies {
		if got.status != http.StatusOK || got.body != replies[0].body {
			t.Errorf("twin %d = %d %s, want 200 and %s", i, got.status, got.body, replies[0].body)
		}
	}
	if other := w.post(openOne, "Idempotency-Key", "another"); other.body == replies[0].body {
		t.Errorf("POST with another key = %s, want another code", other.body)
	}
}

func TestStatusWhileUnfinished(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{engine: engine.Config{Lease: 3 * time.Second}})
	job, err := w.gates.Submit(t.Context(), domain.Principal{Tenant: "acme", User: "user-of-*", Permissions: []domain.Permission{domain.All}},
		engine.Request[struct{}, int]{Items: []int{1, 2}})
	w.must(err)
	code := string(job.ID())
	if got, want := w.status(code).body, fmt.Sprintf(`{"batch_code":%q,"process":0,"success":false}`+"\n", code); got != want {
		t.Errorf("GET getBatchStatus before work = %s, want %s", got, want)
	}
	w.run()
	w.gate <- struct{}{}
	half := w.until(code, "process 50", func(m map[string]any) bool { return m["process"] == 50.0 })
	if want := fmt.Sprintf(`{"batch_code":%q,"process":50,"success":false}`+"\n", code); half.body != want || half.status != http.StatusOK {
		t.Errorf("GET getBatchStatus in work = %d %s, want 200 %s", half.status, half.body, want)
	}
	w.gate <- struct{}{}
	want := fmt.Sprintf(`^\{"code":200,"success":true,"data":\{"batch_code":"%s","url":"%s/files/acme/[^"]+","file_name":"gate\.csv","process":100\}\}\n$`,
		regexp.QuoteMeta(code), regexp.QuoteMeta(w.server.URL))
	if got := w.ended(code).body; !regexp.MustCompile(want).MatchString(got) {
		t.Errorf("GET getBatchStatus at the end = %s, want %s", got, want)
	}
}

// TestStatusOfRealJobs has one case a code that jobs on estates end with.
func TestStatusOfRealJobs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	w.estates(1, 2, 3, 100, 101)
	fired := w.key("acme", "estate_batch_open_rent")
	tests := []struct {
		name, body string
		key        string
		want       map[string]any // code and data, without batch_code
	}{
		{name: "all succeed", body: `{"job_name":"estate_batch_open_rent","estatesIds":[1,"2",2]}`, want: map[string]any{"code": 200.0, "process": 100.0}},
		{name: "some succeed", body: `{"job_name":"estate_batch_open_rent","estatesIds":[1,100,999]}`, want: map[string]any{"code": 200.0, "process": 100.0, "failed_estates_amount": 2.0}},
		{name: "none succeeds", body: `{"job_name":"estate_batch_open_rent","estatesIds":[100,101]}`, want: map[string]any{"code": 204.0, "process": 100.0, "failed_estates_amount": 2.0}},
		{name: "nothing matches", body: `{"job_name":"estate_batch_open_rent","estatesIds":"all","total":0,"searchOptions":{"country":77}}`, want: map[string]any{"code": 204.0, "process": 100.0}},
		{name: "an export of nothing has no file", body: `{"job_name":"estate_export","estatesIds":[998,999]}`, want: map[string]any{"code": 204.0, "process": 100.0, "failed_estates_amount": 2.0}},
		{name: "total does not hold", body: `{"job_name":"estate_batch_close_rent","estatesIds":"all","total":9,"searchOptions":[]}`, want: map[string]any{
			"code": 500.0, "process": 100.0, "message": "The selection has changed: 9 expected, 5 found. Nothing was changed.",
		}},
		{name: "permission lost", body: openOne, key: fired, want: map[string]any{
			"code": 403.0, "process": 100.0, "message": "You do not have permission to do this (estate_batch_open_rent).",
		}},
	}
	codes := make([]string, len(tests))
	for i, tt := range tests {
		key := tt.key
		if key == "" {
			key = w.admin
		}
		got := w.call(http.MethodPost, "/api2/getBatchCode", tt.body, "X-API-Key", key)
		if got.status != http.StatusOK {
			t.Fatalf("POST %s = %d %s, want 200", tt.body, got.status, got.body)
		}
		codes[i] = fields(t, got.body)["data"].(map[string]any)["batch_code"].(string)
	}
	w.must(w.keys.Revoke(t.Context(), fired))
	w.run()
	for i, tt := range tests {
		got := w.ended(codes[i])
		m := fields(t, got.body)
		data := m["data"].(map[string]any)
		if got.status != http.StatusOK || data["batch_code"] != codes[i] {
			t.Errorf("%s: GET getBatchStatus = %d %s, want 200 and code %s", tt.name, got.status, got.body, codes[i])
		}
		delete(data, "batch_code")
		data["code"] = m["code"]
		if diff := cmp.Diff(tt.want, data); diff != "" {
			t.Errorf("%s: GET getBatchStatus (-want +got):\n%s", tt.name, diff)
		}
	}
}

// TestStatusOfStoredJobs has one case an end that a job can have in the store.
func TestStatusOfStoredJobs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	failure := func(code domain.Code) *domain.Failure { return &domain.Failure{Code: code} }
	for i, tt := range []struct {
		state  domain.JobState
		report domain.Report
		cause  *domain.Failure
		code   int
		says   string // part of the message; "" means there is none
	}{
		{domain.JobCompleted, domain.Report{Total: 2, Unchanged: 1, Failed: 1}, nil, 200, ""},
		{domain.JobCompleted, domain.Report{Total: 1, Failed: 1}, nil, 204, ""},
		{domain.JobCompleted, domain.Report{}, nil, 204, ""},
		{domain.JobCancelled, domain.Report{Total: 3, Updated: 1, Failed: 1, Cancelled: 1}, nil, 200, "cancelled"},
		{domain.JobCancelled, domain.Report{Total: 2, Failed: 1, Cancelled: 1}, nil, 204, "cancelled"},
		{domain.JobFailed, domain.Report{Total: 1, Skipped: 1}, failure(domain.CodeForbidden), 403, "permission"},
		{domain.JobFailed, domain.Report{}, failure(domain.CodeMalformed), 400, "cannot be read"},
		{domain.JobFailed, domain.Report{}, failure(domain.CodeTooMany), 400, "Too many"},
		{domain.JobFailed, domain.Report{}, failure(domain.CodeRequired), 400, "required"},
		{domain.JobFailed, domain.Report{}, failure("bad_weather"), 400, "bad_weather"},
		{domain.JobFailed, domain.Report{}, failure(domain.CodeTotalMismatch), 500, "selection"},
		{domain.JobFailed, domain.Report{Total: 2, Updated: 1, Skipped: 1}, failure(domain.CodeInternal), 500, "unexpected"},
		{domain.JobFailed, domain.Report{}, failure(domain.CodeUnavailable), 500, "unavailable"},
		{domain.JobFailed, domain.Report{}, nil, 500, "unexpected"},
	} {
		id := domain.NewJobID(time.Now(), uint64(i))
		job, err := domain.LoadJob(domain.JobSnapshot{
			JobSpec: domain.JobSpec{ID: id, Tenant: "acme", User: "u", Kind: "gate", SubmittedAt: time.Now()},
			State:   tt.state, Report: tt.report, Cause: tt.cause,
		})
		w.must(err)
		w.must(w.store.AddJob(t.Context(), job))
		m := fields(t, w.status(string(id)).body)
		data, _ := m["data"].(map[string]any)
		message, said := data["message"].(string)
		if m["code"] != float64(tt.code) || m["success"] != true || said != (tt.says != "") || !strings.Contains(message, tt.says) {
			t.Errorf("status of %s %+v %v = %v, want code %d and a message with %q", tt.state, tt.report, tt.cause, m, tt.code, tt.says)
		}
		failed, counted := data["failed_estates_amount"].(float64)
		if int(failed) != tt.report.Failed || counted != (tt.report.Failed > 0) {
			t.Errorf("status of %s %+v has failed_estates_amount %v, want %d", tt.state, tt.report, data["failed_estates_amount"], tt.report.Failed)
		}
	}
}

func TestStatusOfAStoppedJob(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	who := domain.Principal{Tenant: "acme", User: "user-of-*", Permissions: []domain.Permission{domain.All}}
	job, err := w.gates.Submit(t.Context(), who, engine.Request[struct{}, int]{Items: []int{1, 2, 3}})
	w.must(err)
	_, err = w.engine.Cancel(t.Context(), who, job.ID())
	w.must(err)
	got := w.status(string(job.ID()), "locale", "zh_TW")
	data := fields(t, got.body)["data"].(map[string]any)
	if message, _ := data["message"].(string); !strings.Contains(message, "取消") || fields(t, got.body)["code"] != 204.0 || data["failed_estates_amount"] != nil {
		t.Errorf("GET getBatchStatus of a stopped job = %s, want 204, a message in Chinese and no failed items", got.body)
	}
}

// TestStatusSpeaksALanguage asks with and without naming one about a job that
// was submitted in Japanese, and about one of which no language is known.
func TestStatusSpeaksALanguage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	code := map[string]string{}
	for i, locale := range []string{"ja_JP", ""} {
		id := domain.NewJobID(time.Now(), uint64(i))
		job, err := domain.LoadJob(domain.JobSnapshot{
			JobSpec: domain.JobSpec{ID: id, Tenant: "acme", User: "u", Kind: "gate", Locale: locale, SubmittedAt: time.Now()},
			State:   domain.JobFailed, Cause: &domain.Failure{Code: domain.CodeTotalMismatch},
		})
		w.must(err)
		w.must(w.store.AddJob(t.Context(), job))
		code[locale] = string(id)
	}
	for _, tt := range []struct {
		job     string
		headers []string
		want    string
	}{
		{"ja_JP", nil, "対象の件数"},
		{"ja_JP", []string{"locale", "zh_TW"}, "符合條件"},
		{"ja_JP", []string{"Accept-Language", "zh-CN"}, "符合条件"},
		{"ja_JP", []string{"Accept-Language", "fr"}, "selection"},
		{"", nil, "selection"},
	} {
		data := fields(t, w.status(code[tt.job], tt.headers...).body)["data"].(map[string]any)
		if message, _ := data["message"].(string); !strings.Contains(message, tt.want) {
			t.Errorf("message about a job in %q with %q = %q, want %q in it", tt.job, tt.headers, message, tt.want)
		}
	}
}

// TestTenantsAreApart compares what a tenant gets for another's job with what
// it gets for one that never was.
func TestTenantsAreApart(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	code := w.submit(openOne)
	const path = "/api2/getBatchStatus?batch_code="
	foreign := w.call(http.MethodGet, path+code, "", "X-API-Key", w.foreign)
	golden(t, "404.json", foreign.body)
	for _, never := range []string{"6552e15d743264.42384055", "nonsense", "..%2F..", strings.Repeat("9", 5000)} {
		unknown := w.call(http.MethodGet, path+never, "", "X-API-Key", w.foreign)
		foreign.header.Del("Date")
		unknown.header.Del("Date")
		if foreign.status != http.StatusNotFound || unknown.status != foreign.status || unknown.body != foreign.body {
			t.Errorf("status of %.30s = %d %s, want that of a foreign job: %d %s", never, unknown.status, unknown.body, foreign.status, foreign.body)
		}
		if diff := cmp.Diff(foreign.header, unknown.header); diff != "" {
			t.Errorf("headers for %.30s differ from those for a foreign job:\n%s", never, diff)
		}
	}
	if got := w.call(http.MethodGet, path+code, "", "X-API-Key", w.poor); got.status != http.StatusOK {
		t.Errorf("status for a colleague = %d %s, want 200", got.status, got.body)
	}
	missing := w.call(http.MethodGet, "/api2/getBatchStatus", "", "X-API-Key", w.admin)
	if missing.status != http.StatusBadRequest {
		t.Errorf("status without a code = %d %s, want 400", missing.status, missing.body)
	}
	wantEnvelope(t, missing)
	if got := w.call(http.MethodGet, path+code, ""); got.status != http.StatusUnauthorized {
		t.Errorf("status without a key = %d %s, want 401", got.status, got.body)
	}
	head := w.call(http.MethodHead, path+code, "", "X-API-Key", w.admin)
	if head.status != http.StatusOK || head.body != "" {
		t.Errorf("HEAD getBatchStatus = %d %q, want 200 without a body", head.status, head.body)
	}
}

// holdBody sends the beginning of a body as the admin of acme, and returns what
// takes the rest, and the status of the answer, 0 when there is none.
func holdBody(t *testing.T, w *world, beginning string) (io.WriteCloser, <-chan int) {
	t.Helper()
	reader, writer := io.Pipe()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.server.URL+"/api2/getBatchCode", reader)
	w.must(err)
	r.Header.Set("X-API-Key", w.admin)
	status := make(chan int, 1)
	go func() {
		response, err := w.server.Client().Do(r)
		if err != nil {
			status <- 0
			return
		}
		_ = response.Body.Close()
		status <- response.StatusCode
	}()
	_, err = io.WriteString(writer, beginning)
	w.must(err)
	return writer, status
}

// TestSlowBody sends a body that never ends.
func TestSlowBody(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{config: httpapi.Config{BodyTime: 50 * time.Millisecond}})
	_, status := holdBody(t, w, openOne)
	if got := within10s(t, status); got != http.StatusBadRequest {
		t.Errorf("POST of a body that never ends = %d, want 400", got)
	}
	if got := w.post(openOne); got.status != http.StatusOK {
		t.Errorf("POST afterwards = %d %s, want 200", got.status, got.body)
	}
}

// within10s returns what comes.
func within10s(t *testing.T, status <-chan int) int {
	t.Helper()
	select {
	case got := <-status:
		return got
	case <-time.After(10 * time.Second):
		t.Fatal("no answer within 10 s")
		return 0
	}
}

// deadlineUntil waits for ok, 10 seconds at most.
func deadlineUntil(t *testing.T, what string, ok func() bool) {
	t.Helper()
	timeout := time.After(10 * time.Second)
	for !ok() {
		select {
		case <-timeout:
			t.Fatalf("waited 10 s for %s", what)
		case <-time.After(2 * time.Millisecond):
		}
	}
}

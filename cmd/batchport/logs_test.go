package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/batchport/batchport/adapters/xlsxfile"
	"github.com/batchport/batchport/ports"
)

// logBuffer is a log that is read while it is written.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// serveHere runs the program in this process until the function that it returns
// is called, which waits for its end.
func serveHere(t *testing.T, log *logBuffer, args ...string) (s *serving, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, append([]string{"serve", "--listen", "127.0.0.1:0"}, args...), nil, &bytes.Buffer{}, log)
	}()
	stop = sync.OnceFunc(func() {
		cancel()
		if code := <-ended; code != exitOK {
			t.Errorf("serve ended with code %d, want 0:\n%s", code, log)
		}
	})
	t.Cleanup(stop)
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if m := readyLine.FindStringSubmatch(log.String()); m != nil {
			return &serving{url: m[1], nats: m[2], reads: m[3]}, stop
		}
	}
	t.Fatalf("serve is not ready after a minute:\n%s", log)
	return nil, nil
}

// What is personal in the test below: each of these is in what clients send, or
// in what is stored, and none in the log.
var personal = []string{
	"王祕密", "祕密街", "hunter2", "secret-rule", "secret_column", "SecretBudget", "secret-note", "秘密檔案", "secret-search", "secret-path",
	"secret-key", "secret-biz", "secret-locale", "secret-query", "secret-host", "987650001", "987650002", "987650999", "secret-user",
}

// Jobs of many kinds on marked data, good and bad, leave no mark in the log, at
// any level; and whoever looks for a job, or for a trace, finds its lines.
func TestLogsNameNobody(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	key := createKey(t, data)
	loadMarked(t, data)
	refuseMarkedRules(t, data)
	var log logBuffer
	s, stop := serveHere(t, &log, "--data", data, "--log-level", "debug", "--log-format", "text", "--nats-listen", "127.0.0.1:0")

	const trace = "4bf92f3577b34da6a3ce929d0e0e4736"
	call := func(method, path, body string, headers ...string) (int, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, s.url+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+key)
		r.Header.Set("traceparent", "00-"+trace+"-00f067aa0ba902b7-01")
		for i := 0; i < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = response.Body.Close() }()
		var text bytes.Buffer
		_, _ = text.ReadFrom(response.Body)
		return response.StatusCode, text.String()
	}
	batch := func(body string) (code string) {
		t.Helper()
		got, text := call(http.MethodPost, "/api2/getBatchCode", body, "Idempotency-Key", "secret-key "+fmt.Sprint(len(body)))
		var answer status
		if err := json.Unmarshal([]byte(text), &answer); err != nil || got != http.StatusOK {
			t.Fatalf("POST %s = %d %s, want 200", body, got, text)
		}
		return answer.Data.BatchCode
	}

	sheet := s.upload(t, key, "秘密檔案.xlsx", markedSheet(t))
	codes := []string{
		batch(`{"job_name":"estate_batch_open_rent","estatesIds":[987650001,987650002,987650999]}`),
		batch(`{"job_name":"estate_export","estatesIds":"all","total":2,"searchOptions":{"keyword":"王祕密"}}`),
		batch(`{"job_name":"estate_batch_close_rent","estatesIds":"all","total":5,"searchOptions":{"keyword":["祕密街","secret-search"]}}`),
		batch(`{"job_name":"estate_import_monthly_statement","publicUrl":"` + sheet + `","date":"202611"}`),
		batch(`{"job_name":"estate_import_monthly_statement","publicUrl":"https://secret-host.example.invalid/secret-path.xlsx?sig=hunter2","date":"202611"}`),
		batch(`{"job_name":"estate_batch_upload_monthly_report","publicUrl":"https://secret-host.example.invalid/secret-path.pdf","date":"202611","estatesIds":[987650001]}`),
	}
	const rules = `{"code":"secret-rule","priority":1,"budget_code":"SecretBudget","rule_condition":{"secret_column":"王祕密"}},
		{"code":"secret-rule 2","priority":1,"budget_code":"SecretBudget","branch_code":"hunter2","rule_condition":{"secret_column":"x"}},
		{"code":"secret-rule 3","priority":"secret-note","budget_code":"SecretBudget","secret_column":1,"rule_condition":"{王祕密"}`
	if got, text := call(http.MethodPost, syncJobs, `{"data":[`+rules+`]}`); got != http.StatusAccepted {
		t.Errorf("POST %s = %d %s, want 202", syncJobs, got, text)
	} else {
		var job struct{ Code string }
		_ = json.Unmarshal([]byte(text), &job)
		codes = append(codes, job.Code)
	}
	for _, c := range []struct {
		method, path, body string
		headers            []string
	}{
		{"POST", "/common/budgets/v2/glBudgetRuleJson/batch", `{"bizId":"secret-biz","timestamp":1790000000000,"data":[` + rules + `]}`, nil},
		{"POST", "/common/budgets/v2/glBudgetRuleJson/batch", `{"bizId":"secret-biz","timestamp":1790000000000,"data":[]}`, nil},
		{"POST", "/common/budgets/v2/glBudgetRuleJson/batch", `{"bizId":"secret-biz","王祕密":1,"data":{"secret-note":1}}`, nil},
		{"POST", "/api2/getBatchCode", `{"job_name":"王祕密","estatesIds":["secret-note"]}`, nil},
		{"POST", "/api2/getBatchCode", `{"job_name":"estate_export","estatesIds":"all","total":1,"searchOptions":{"secret_column":"王祕密"}}`, nil},
		{"POST", "/api2/getBatchCode", `{"job_name":"estate_export","王祕密`, nil},
		{"POST", "/api2/getBatchCode", `{}`, []string{"Authorization", "Bearer bp_hunter2"}},
		{"POST", "/api2/getBatchCode", `{"job_name":"estate_export","estatesIds":[987650001]}`, []string{"Idempotency-Key", "secret-key " + strings.Repeat("x", 300)}},
		{"POST", "/v1/jobs/budget-rule-sync", `{"王祕密":1,"url":"https://secret-host.example.invalid/secret-path"}`, nil},
		{"GET", "/v1/estates/987650999", "", nil},
		{"GET", "/v1/estates/secret-path", "", nil},
		{"GET", "/v1/jobs/secret-path?locale=secret-query", "", []string{"locale", "secret-locale", "Accept-Language", "secret-locale"}},
		{"GET", "/v1/budget-rules?code=secret-query&page=王祕密", "", nil},
		{"GET", "/files/acme/secret-path/%E7%8E%8B%E7%A5%95%E5%AF%86.xlsx?sig=hunter2", "", nil},
		{"GET", "/secret-path", "", nil},
		{"DELETE", "/v1/estates/secret-path", "", nil},
	} {
		call(c.method, c.path, c.body, c.headers...)
	}
	for _, code := range codes {
		s.await(t, key, code)
		call(http.MethodGet, "/v1/jobs/"+code+"/failures", "")
	}
	if conn, err := nats.Connect("nats://"+strings.TrimPrefix(s.nats, "nats://"), nats.UserInfo("acme", "bp_hunter2")); err == nil {
		conn.Close()
		t.Error("a subscriber with a wrong key was let in")
	}
	stop()

	text := log.String()
	for _, mark := range append(personal, key, key[len(key)-20:]) {
		for line := range strings.Lines(text) {
			if strings.Contains(line, mark) {
				t.Errorf("the log has %q: %s", mark, line)
			}
		}
	}
	for _, code := range codes {
		found := false
		for line := range strings.Lines(text) {
			if !strings.Contains(line, "job="+code) {
				continue
			}
			found = found || strings.Contains(line, "a job has ended")
			for _, want := range []string{" kind=", " tenant=acme", " trace_id=" + trace} {
				if !strings.Contains(line, want) {
					t.Errorf("a line about a job has no %q: %s", want, line)
				}
			}
		}
		if !found {
			t.Errorf("no line says that the job %s has ended", code)
		}
	}
	for _, want := range []string{"level=DEBUG msg=answered", "level=DEBUG msg=refused", "code=unauthorized"} {
		if !strings.Contains(text, want) {
			t.Errorf("the log has no %q:\n%s", want, text)
		}
	}
	if t.Failed() {
		t.Logf("the log:\n%s", text)
	}
}

func createKey(t *testing.T, data string) string {
	t.Helper()
	var out, errs bytes.Buffer
	if code := run(t.Context(), []string{"keys", "create", "--data", data, "--tenant", "acme", "--user", "secret-user", "--all"}, nil, &out, &errs); code != exitOK {
		t.Fatalf("keys create = %d, want 0: %s", code, &errs)
	}
	return strings.TrimSpace(out.String())
}

// loadMarked loads two estates.
func loadMarked(t *testing.T, data string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "estates.ndjson")
	var lines bytes.Buffer
	for _, id := range []int{987650001, 987650002} {
		fmt.Fprintf(&lines, `{"id":%d,"community_id":null,"name":"王祕密 %d樓","country":1,"district":106,"address":"祕密街%d號","status":"vacant","rent":25000,"area":"23.50","listed":false,"agent_id":null,"landlord_id":null}`+"\n", id, id, id)
	}
	if err := os.WriteFile(file, lines.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	if code := run(t.Context(), []string{"load", "--data", data, "--tenant", "acme", "estates", file}, nil, &out, &errs); code != exitOK {
		t.Fatalf("load = %d, want 0: %s", code, &errs)
	}
}

// refuseMarkedRules has the database refuse rules of a branch, in words that
// repeat what was sent.
func refuseMarkedRules(t *testing.T, data string) {
	t.Helper()
	db, err := openDataFolder(t.Context(), data)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if _, err := db.db.Write.ExecContext(t.Context(), `CREATE TRIGGER refuse BEFORE INSERT ON batchport_budget_rules
		WHEN NEW.branch_code = 'hunter2' BEGIN SELECT RAISE(ABORT, 'there is no branch hunter2'); END`); err != nil {
		t.Fatal(err)
	}
}

// markedSheet is a workbook of lines of statements, one of them bad.
func markedSheet(t *testing.T) []byte {
	t.Helper()
	var file bytes.Buffer
	book, err := (xlsxfile.Workbooks{}).NewWorkbook(&file, "祕密街", []ports.Column{
		{Title: "物件編號", Format: ports.FormatID}, {Title: "項目"}, {Title: "金額", Format: ports.FormatAmount}, {Title: "備註"},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []int64{987650001, 987650999} {
		if err := book.WriteRow([]ports.Cell{
			{Kind: ports.CellInteger, Int: id},
			{Kind: ports.CellText, Text: "王祕密"},
			{Kind: ports.CellNumber, Text: "100.00"},
			{Kind: ports.CellText, Text: "secret-note"},
		}); err != nil {
			t.Fatal(err)
		}
	}
	if err := book.Close(); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

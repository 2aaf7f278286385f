package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/tealeg/xlsx/v3"
)

// From nothing to a finished job, as the README goes: a key, data loaded while
// the server runs, a job, its status, its file, its event.
func TestFromNothingToAFinishedJob(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "資料 folder")
	stdout, _ := call(t, exitOK, "keys", "create", "--data", data, "--tenant", "acme", "--user", "7", "--all")
	key := strings.TrimSpace(stdout)
	if strings.Count(stdout, "\n") != 1 || !strings.HasPrefix(key, "bp_") {
		t.Fatalf("keys create printed %q, want the key alone", stdout)
	}
	s := startServing(t, data, "--nats-listen", "127.0.0.1:0")
	file := filepath.Join(t.TempDir(), "estates.ndjson")
	var lines bytes.Buffer
	for id := 1; id <= 3; id++ {
		fmt.Fprintf(&lines, `{"id":%d,"community_id":null,"name":"松濤苑 %d樓","country":1,"district":106,"address":"臺北市大安區青田街%d號","status":"vacant","rent":25000,"area":"23.50","listed":false,"agent_id":null,"landlord_id":null}`+"\n", id, id, id)
	}
	if err := os.WriteFile(file, lines.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	if stdout, _ := call(t, exitOK, "load", "--data", data, "--tenant", "acme", "estates", file); stdout != "estates: 3 created, 0 updated, 0 failed\n" {
		t.Errorf("load printed %q, want the counts", stdout)
	}

	open := s.await(t, key, s.submit(t, key, `{"job_name":"estate_batch_open_rent","estatesIds":[1,"2",3,99]}`))
	if open.Code != 200 || open.Data.Failed != 1 || open.Data.Process != 100 {
		t.Errorf("status of open = %+v, want 200 with one failed", open)
	}
	export := s.await(t, key, s.submit(t, key, `{"job_name":"estate_export","estatesIds":"all","total":3,"searchOptions":[]}`))
	if export.Code != 200 || export.Data.URL == "" || !strings.HasSuffix(export.Data.FileName, ".xlsx") {
		t.Fatalf("status of export = %+v, want a file", export)
	}
	checkWorkbook(t, export.Data.URL)
	checkEvents(t, s.nats, key, export.Data.BatchCode)
	s.stop(t)
}

// checkWorkbook opens the link without a key and reads the file.
func checkWorkbook(t *testing.T, link string) {
	t.Helper()
	response, err := http.Get(link)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	content, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("GET %s = %s, %v; want 200", link, response.Status, err)
	}
	book, err := xlsx.OpenBinary(content)
	if err != nil {
		t.Fatalf("the workbook does not open: %v", err)
	}
	if got := book.Sheets[0].MaxRow; got != 4 {
		t.Errorf("the sheet has %d rows, want a header and 3 estates", got)
	}
	cell, err := book.Sheets[0].Cell(1, 0)
	if err != nil || cell.Value != "1" {
		t.Errorf("the first estate's id is %v, %v; want 1", cell, err)
	}
}

// checkEvents subscribes with the key and waits for the end of a job.
func checkEvents(t *testing.T, url, key, code string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	seen := map[string]string{}
	err := subscribe(ctx, url, "acme", key, func(event cloudEvent) {
		seen[event.ID] = event.Type
		if event.Subject == code && event.Type == "batchport.job.completed" {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) || len(seen) != 4 {
		t.Errorf("the subscriber got %v and ended with %v, want four events", seen, err)
	}
	if _, err := nats.Connect(url, nats.UserInfo("acme", "bp_wrong_key")); err == nil {
		t.Error("a subscriber with a wrong key got in")
	}
}

// cloudEvent is what a subscriber reads.
type cloudEvent struct {
	ID, Type, Subject, Sequence, TraceParent string
	Data                                     struct{ Report map[string]int }
}

// subscribe is the README's subscriber.
func subscribe(ctx context.Context, url, tenant, key string, handle func(cloudEvent)) error {
	conn, err := nats.Connect(url, nats.UserInfo(tenant, key)) // the key that HTTP takes
	if err != nil {
		return err
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		return err
	}
	consumer, err := js.CreateOrUpdateConsumer(ctx, "BATCHPORT_EVENTS", jetstream.ConsumerConfig{
		Durable:       tenant + "_billing", // remembers how far it came; begins with the tenant's name
		FilterSubject: "batchport.v1." + tenant + ".job.>",
		AckPolicy:     jetstream.AckExplicitPolicy,
	})
	for err == nil {
		var msg jetstream.Msg
		if msg, err = consumer.Next(jetstream.FetchContext(ctx)); err == nil {
			var event cloudEvent
			if err = json.Unmarshal(msg.Data(), &event); err == nil {
				handle(event) // at least once: tell repetitions by event.ID
				err = msg.Ack()
			}
		}
	}
	return err
}

// One process serves a data folder; the second is told by whom.
func TestOneProcessServesAFolder(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	first := startServing(t, data)
	_, stderr := call(t, exitError, "serve", "--data", data, "--listen", "127.0.0.1:0")
	if want := fmt.Sprintf("process %d on ", first.cmd.Process.Pid); !strings.Contains(stderr, want) {
		t.Errorf("the second says %q, want it to name %q", stderr, want)
	}
	first.kill()
	startServing(t, data).stop(t) // a lock of the dead does not count
}

func TestServeDemoPrintsAKeyThatWorks(t *testing.T) {
	t.Parallel()
	s := startServing(t, t.TempDir(), "--demo", "--log-format", "text")
	got := s.await(t, s.key, s.submit(t, s.key, `{"job_name":"estate_batch_close_rent","estatesIds":[100001]}`))
	if got.Code != 200 {
		t.Errorf("status = %+v, want 200", got)
	}
	var health map[string]any
	for _, path := range []string{"/livez", "/readyz"} {
		if code, err := s.request(t.Context(), http.MethodGet, path, "", "", &health); err != nil || code != http.StatusOK {
			t.Errorf("GET %s = %d, %v; want 200", path, code, err)
		}
	}
	s.stop(t)
}

func TestLimitsAreSettings(t *testing.T) {
	t.Parallel()
	s := startServing(t, t.TempDir(), "--demo", "--max-named", "2", "--max-selected", "3", "--max-body", "100")
	for body, want := range map[string]int{
		`{"job_name":"estate_export","estatesIds":[1,2]}`:                               http.StatusOK,
		`{"job_name":"estate_export","estatesIds":[1,2,3]}`:                             http.StatusRequestEntityTooLarge,
		`{"job_name":"estate_export","estatesIds":[1` + strings.Repeat(" ", 100) + `]}`: http.StatusRequestEntityTooLarge,
	} {
		var answer status
		if code, err := s.request(t.Context(), http.MethodPost, "/api2/getBatchCode", s.key, body, &answer); err != nil || code != want {
			t.Errorf("POST %.60s = %d %+v, %v; want %d", body, code, answer, err, want)
		}
	}
	got := s.await(t, s.key, s.submit(t, s.key, `{"job_name":"estate_batch_open_rent","estatesIds":"all","total":9,"searchOptions":{}}`))
	if got.Code != 400 || got.Data.Message == "" {
		t.Errorf("a selection beyond the limit ended as %+v, want 400 with a message", got)
	}
}

func TestARevokedKeyIsRefusedAtOnce(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	s := startServing(t, data, "--demo")
	call(t, exitOK, "keys", "revoke", "--data", data, s.key)
	var answer status
	code, err := s.request(t.Context(), http.MethodGet, "/api2/getBatchStatus?batch_code=6552e15d743264.42384055", s.key, "", &answer)
	if err != nil || code != http.StatusUnauthorized || answer.Success {
		t.Errorf("GET with a revoked key = %d %+v, %v; want 401", code, answer, err)
	}
	list, _ := call(t, exitOK, "keys", "list", "--data", data)
	_, secret, _ := strings.Cut(strings.TrimPrefix(s.key, "bp_"), "_")
	if !strings.Contains(list, "demo") || strings.Contains(list, secret) {
		t.Errorf("keys list printed %q, want the key without its secret", list)
	}
	call(t, exitNotFound, "keys", "revoke", "--data", data, "nobody")
}

// What is misspelt is refused, not ignored.
func TestUsage(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	for _, test := range []struct {
		args []string
		says string
	}{
		{[]string{"serve", "--lisen", ":1"}, "--lisen"},
		{[]string{"serve", "extra"}, "extra"},
		{[]string{"serve", "--log-format", "xml"}, "xml"},
		{[]string{"serve", "--log-level", "loud"}, "loud"},
		{[]string{"serve", "--metrics-listen", "9464"}, "HOST:PORT"},
		{[]string{"sevre"}, "sevre"},
		{[]string{"keys", "make"}, "make"},
		{[]string{"keys", "create", "--data", data}, "--tenant"},
		{[]string{"keys", "create", "--data", data, "--tenant", "A B", "--user", "1", "--all"}, "A B"},
		{[]string{"keys", "create", "--data", data, "--tenant", "a", "--user", "1"}, "--permission or --all"},
		{[]string{"load", "--data", data, "--tenant", "a", "houses", "x"}, "houses"},
		{[]string{"load", "--data", data, "--tenant", "a", "estates"}, "FILE.ndjson"},
	} {
		if _, stderr := call(t, exitUsage, test.args...); !strings.Contains(stderr, test.says) {
			t.Errorf("batchport %s says %q, want it to name %q", strings.Join(test.args, " "), stderr, test.says)
		}
	}
	for _, variable := range []string{"BATCHPORT_LISEN=:1", "BATCHPORT_LOG_FORMAT=xml", "BATCHPORT_DEMO=perhaps"} {
		cmd := command(t, "serve", "--data", data)
		cmd.Env = append(cmd.Env, variable)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		_ = cmd.Run()
		if got := cmd.ProcessState.ExitCode(); got != exitUsage {
			t.Errorf("%s batchport serve: exit code %d, %q; want %d", variable, got, stderr.String(), exitUsage)
		}
	}
}

func TestTheEnvironmentSetsFlags(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	cmd := command(t, "keys", "create", "--user", "7")
	cmd.Env = append(cmd.Env, "BATCHPORT_DATA="+data, "BATCHPORT_TENANT=acme", "BATCHPORT_USER=8", "BATCHPORT_PERMISSION=estate_export,repair_export")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("keys create: %v\n%s", err, out)
	}
	list, _ := call(t, exitOK, "keys", "list", "--data", data, "--tenant", "acme")
	if !strings.Contains(list, "estate_export,repair_export") || !strings.Contains(list, " 7 ") {
		t.Errorf("keys list printed %q, want the settings of the environment, and the flag's user before it", list)
	}
}

// A bad line is named and stops no other.
func TestLoadReportsBadLines(t *testing.T) {
	t.Parallel()
	data, file := t.TempDir(), filepath.Join(t.TempDir(), "users.ndjson")
	content := `{"id":1,"name":"陳怡君","role":"agent"}
{"id":"one","name":"","role":"boss"}
not json

{"id":2,"name":"林志明","role":"landlord"}
`
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	stdout, stderr := call(t, exitPartiallyFailed, "load", "--data", data, "--tenant", "acme", "users", file)
	if stdout != "users: 2 created, 0 updated, 2 failed\n" {
		t.Errorf("load printed %q, want the counts", stdout)
	}
	for _, want := range []string{"line 2: id: ", "line 2: name: ", "line 2: role: ", "line 3: ", "2 lines were not stored"} {
		if !strings.Contains(stderr, want) {
			t.Errorf("load says %q, want it to name %q", stderr, want)
		}
	}
	if err := os.WriteFile(file, []byte("not json"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, stderr := call(t, exitPartiallyFailed, "load", "--data", data, "--tenant", "acme", "users", file); !strings.Contains(stderr, "1 line was not stored") {
		t.Errorf("load of one bad line says %q, want it to say that 1 line was not stored", stderr)
	}
	if _, stderr := call(t, exitError, "load", "--data", data, "--tenant", "acme", "users", file+".missing"); !strings.Contains(stderr, "missing") {
		t.Errorf("load of a missing file says %q", stderr)
	}
}

// The first thing that anybody runs.
func TestDemo(t *testing.T) {
	t.Parallel()
	began := time.Now()
	stdout, stderr := call(t, exitOK, "demo")
	for _, want := range []string{
		"19,987 updated, 16 failed", "19,987 items, 19,987 updated", "20,000 exported", "not_rentable", "not_found",
		"batchport.job.completed on batchport.v1.demo.job.estate_export.completed",
	} {
		if !strings.Contains(stdout, want) {
			t.Errorf("the demo printed\n%s%s\nwant it to say %q", stdout, stderr, want)
		}
	}
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("the demo took %v, want at most 30s", took)
	}
	_, after, _ := strings.Cut(stdout, "workbook  ")
	file, _, _ := strings.Cut(after, "\n")
	if info, err := os.Stat(file); err != nil || info.Size() < 500_000 {
		t.Errorf("the workbook %q: %v, want it where the demo says", file, err)
	}
	if file != "" {
		_ = os.RemoveAll(filepath.Dir(file))
	}
}

func TestVersionAndMigrate(t *testing.T) {
	t.Parallel()
	if stdout, _ := call(t, exitOK, "version"); !strings.HasPrefix(stdout, "batchport ") {
		t.Errorf("version printed %q", stdout)
	}
	data := filepath.Join(t.TempDir(), "new", "folder")
	call(t, exitOK, "migrate", "--data", data)
	if _, err := os.Stat(filepath.Join(data, "batchport.db")); err != nil {
		t.Errorf("after migrate: %v, want a database", err)
	}
}

package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/batchport/batchport/adapters/bunstore/postgres/postgrestest"
)

// startBroker runs a NATS server with JetStream, which is not batchport's, and
// returns its URL. It lets in the user with the password, "" for everybody.
func startBroker(t testing.TB, user, password string) string {
	t.Helper()
	broker, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: -1, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, Username: user, Password: password,
	})
	if err != nil {
		t.Fatal(err)
	}
	broker.Start()
	t.Cleanup(func() {
		broker.Shutdown()
		broker.WaitForShutdown()
	})
	if !broker.ReadyForConnections(10 * time.Second) {
		t.Fatal("the NATS server is not ready")
	}
	return broker.ClientURL()
}

// loadEstates makes a key, and n estates that can be advertised, where the
// flags say.
func loadEstates(t testing.TB, n int, flags ...string) (key string) {
	t.Helper()
	stdout, _ := call(t, exitOK, append([]string{"keys", "create", "--tenant", "acme", "--user", "7", "--all"}, flags...)...)
	file := filepath.Join(t.TempDir(), "estates.ndjson")
	var lines strings.Builder
	for id := 1; id <= n; id++ {
		fmt.Fprintf(&lines, `{"id":%d,"community_id":null,"name":"n","country":1,"district":1,"address":"a","status":"vacant","rent":1,"area":"1.00","listed":false,"agent_id":null,"landlord_id":null}`+"\n", id)
	}
	if err := os.WriteFile(file, []byte(lines.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	call(t, exitOK, append(append([]string{"load", "--tenant", "acme"}, flags...), "estates", file)...)
	return strings.TrimSpace(stdout)
}

// All that one process does on SQLite it does on PostgreSQL too.
func TestServeOnPostgreSQL(t *testing.T) {
	t.Parallel()
	url := postgrestest.URL(t)
	_, stderr := call(t, exitError, "keys", "list", "--database", url)
	if !strings.Contains(stderr, "there is nothing of batchport in the database") {
		t.Errorf("keys list on an empty database says %q", stderr)
	}
	key := loadEstates(t, 3, "--database", url)
	s := startServing(t, t.TempDir(), "--database", url, "--nats-listen", "127.0.0.1:0")
	open := s.await(t, key, s.submit(t, key, `{"job_name":"estate_batch_open_rent","estatesIds":[1,2,3,99]}`))
	if open.Code != 200 || open.Data.Failed != 1 {
		t.Errorf("status of open = %+v, want 200 with one failed", open)
	}
	export := s.await(t, key, s.submit(t, key, `{"job_name":"estate_export","estatesIds":"all","total":3,"searchOptions":[]}`))
	if export.Code != 200 || export.Data.URL == "" {
		t.Fatalf("status of export = %+v, want a file", export)
	}
	checkWorkbook(t, export.Data.URL)
	checkEvents(t, s.nats, key, export.Data.BatchCode)
	if stdout, _ := call(t, exitOK, "quota", "--database", url, "--tenant", "acme"); !strings.Contains(stdout, "50 of 50 syncs left") {
		t.Errorf("quota says %q", stdout)
	}

	_, stderr = call(t, exitError, "serve", "--data", t.TempDir(), "--database", url, "--listen", "127.0.0.1:0")
	if !strings.Contains(stderr, "is being served by another process; several need --nats") {
		t.Errorf("a second process without --nats says %q", stderr)
	}
	s.kill()
	startServing(t, t.TempDir(), "--database", url).stop(t) // what the dead held does not count
}

func TestServersThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	for url, says := range map[string]string{
		"mysql://root:geheim@127.0.0.1/x":                        "want a URL such as postgres://",
		"postgres://u:geheim@127.0.0.1:1/x?connect_timeout=2":    "127.0.0.1",
		"postgres://u@127.0.0.1:port/x?password=geheim":          "--database",
		"postgres://u:geheim@127.0.0.1:port/x":                   "--database",
		postgrestest.URL(t) + "&standard_conforming_strings=off": "standard_conforming_strings",
		"postgres://u:geheim@127.0.0.1:1/x?sslmode=verify-maybe": "sslmode",
	} {
		cmd := command(t, "keys", "list", "--database", url)
		out, _ := cmd.CombinedOutput()
		if got := cmd.ProcessState.ExitCode(); got == exitOK || !strings.Contains(string(out), says) || strings.Contains(string(out), "geheim") {
			t.Errorf("--database %s: exit code %d, says %q; want an error that names %q, and no secret", url, got, out, says)
		}
	}
	for nats, says := range map[string]string{
		"localhost:4222":        "nats://HOST:PORT",
		"nats://u:geheim@:4222": "nats://HOST:PORT",
		strings.Replace(startBroker(t, "u", "right"), "nats://", "nats://u:geheim@", 1): "does not accept the user, its password",
	} {
		_, stderr := call(t, exitError, "serve", "--data", t.TempDir(), "--listen", "127.0.0.1:0", "--nats", nats)
		if !strings.Contains(stderr, says) || !strings.Contains(stderr, "--nats") || strings.Contains(stderr, "geheim") {
			t.Errorf("--nats %s says %q, want an error that says %q, and no secret", nats, stderr, says)
		}
	}
	for _, args := range [][]string{
		{"--role", "worker"},
		{"--role", "api", "--nats", "nats://127.0.0.1:1"},
		{"--role", "boss"},
		{"--files", "nats"},
		{"--nats", "nats://127.0.0.1:1", "--nats-listen", "127.0.0.1:0"},
		{"--lease", "1s"},
		{"--files", "s3"},
	} {
		_, stderr := call(t, exitUsage, append([]string{"serve", "--data", filepath.Join(t.TempDir(), "never")}, args...)...)
		if !strings.Contains(stderr, args[0]) {
			t.Errorf("serve %v says %q, want it to name %s", args, stderr, args[0])
		}
	}
}

// Processes that share a database and NATS servers, and no disk, share the
// work: one takes jobs in, two work them off, and all tell the same.
func TestRoles(t *testing.T) {
	t.Parallel()
	const items = 30_000
	url, broker := postgrestest.URL(t), startBroker(t, "", "")
	key := loadEstates(t, items, "--database", url)
	flags := func(role string) []string {
		return []string{"--database", url, "--nats", broker, "--role", role, "--files", "nats", "--lease", "5s"}
	}
	front := startServing(t, t.TempDir(), flags("api")...)
	code := front.submit(t, key, fmt.Sprintf(`{"job_name":"estate_batch_open_rent","estatesIds":"all","total":%d,"searchOptions":{}}`, items))
	var answer status
	time.Sleep(time.Second)
	if _, err := front.request(t.Context(), http.MethodGet, "/api2/getBatchStatus?batch_code="+code, key, "", &answer); err != nil || answer.Success || answer.Process != 0 {
		t.Errorf("without a worker the job is %+v, %v; want it to wait", answer, err)
	}
	one, two := startServing(t, t.TempDir(), flags("worker")...), startServing(t, t.TempDir(), flags("worker")...)
	if got, err := one.request(t.Context(), http.MethodPost, "/api2/getBatchCode", key, `{}`, &answer); err != nil || got != http.StatusNotFound {
		t.Errorf("a job given to a worker: %d, %v; want 404", got, err)
	}
	for _, s := range []*serving{one, two} {
		if got, err := s.request(t.Context(), http.MethodGet, "/readyz", "", "", &answer); err != nil || got != http.StatusOK {
			t.Errorf("GET /readyz of a worker = %d, %v; want 200", got, err)
		}
	}
	if got := front.await(t, key, code); got.Code != 200 || got.Data.Failed != 0 {
		t.Errorf("status = %+v, want 200", got)
	}
	export := front.await(t, key, front.submit(t, key, fmt.Sprintf(`{"job_name":"estate_export","estatesIds":"all","total":%d,"searchOptions":[]}`, items)))
	checkFile(t, export.Data.URL) // of a worker, from the process that takes jobs in
	awaitTold(t, broker, 4)

	_, stderr := call(t, exitError, "serve", "--data", t.TempDir(), "--database", url, "--listen", "127.0.0.1:0")
	if !strings.Contains(stderr, "is being served by another process") {
		t.Errorf("a process without --nats beside others says %q", stderr)
	}
	for _, s := range []*serving{one, front, two} {
		s.stop(t)
	}
}

// awaitTold waits until the stream of events has n.
func awaitTold(t testing.TB, broker string, n uint64) {
	t.Helper()
	conn, err := nats.Connect(broker)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	js, err := conn.JetStream()
	if err != nil {
		t.Fatal(err)
	}
	var got uint64
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		info, err := js.StreamInfo("BATCHPORT_EVENTS")
		if err == nil && info.State.Msgs == n {
			return
		}
		if err == nil {
			got = info.State.Msgs
		}
	}
	t.Errorf("the stream has %d events, want %d", got, n)
}

package main

import (
	"bufio"
	"encoding/json"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/batchport/batchport/adapters/natsbus/natstest"
)

// What happens to a tenant's jobs comes as lines, until the reader or the key
// ends it.
func TestEventsTail(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	s := startServing(t, data, "--demo", "--nats-listen", "127.0.0.1:0")
	tail := func(args ...string) (*exec.Cmd, *bufio.Scanner) {
		cmd := command(t, append([]string{"events", "tail", "--tenant", "demo", "--nats", s.nats}, args...)...)
		cmd.Env = append(cmd.Env, "BATCHPORT_KEY="+s.key)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		notes, err := cmd.StderrPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		stuck := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
		t.Cleanup(func() { stuck.Stop(); _ = cmd.Process.Kill() })
		if first := bufio.NewScanner(notes); !first.Scan() || !strings.HasPrefix(first.Text(), "listening to batchport.v1.demo.>") {
			t.Fatalf("events tail says %q, want that it listens", first.Text())
		}
		return cmd, bufio.NewScanner(out)
	}
	people, lines := tail("--kind", "estate-export")
	programs, documents := tail("--json")
	s.await(t, s.key, s.submit(t, s.key, `{"job_name":"estate_batch_open_rent","estatesIds":[100001]}`))
	code := s.submit(t, s.key, `{"job_name":"estate_export","estatesIds":[100001,7]}`)
	for _, want := range []string{"job.submitted  estate_export  " + code + "  by 1", "job.completed  estate_export  " + code + "  by 1  2 items, 1 exported, 1 failed"} {
		if !lines.Scan() || !strings.Contains(lines.Text(), want) {
			t.Errorf("events tail printed %q, want %q", lines.Text(), want)
		}
	}
	var event cloudEvent
	if !documents.Scan() || json.Unmarshal(documents.Bytes(), &event) != nil || event.Type != "batchport.job.submitted" {
		t.Errorf("events tail --json printed %q, want the event", documents.Text())
	}
	if err := people.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if err := people.Wait(); err != nil {
		t.Errorf("events tail after Ctrl-C: %v, want 0", err)
	}
	call(t, exitOK, "keys", "revoke", "--data", data, s.key)
	_ = programs.Wait() // the exit code says more
	if got := programs.ProcessState.ExitCode(); got != exitNotAllowed {
		t.Errorf("events tail ended with %d after its key was revoked, want %d", got, exitNotAllowed)
	}
	for _, args := range [][]string{{"--key", "bp_wrong"}, {"--key", s.key, "--tenant", "acme"}} {
		tellIn(t, nil, append([]string{"events", "tail", "--tenant", "demo", "--nats", s.nats}, args...)...).check(t, "events tail", exitNotAllowed, "NATS does not let this subscriber in")
	}
	s.stop(t)
}

// Who is not read fast enough says that something is missing.
func TestEventsTailSaysWhatItDoesNotShow(t *testing.T) {
	t.Parallel()
	server := natstest.Start(t, 1, nil).URLs()[0]
	cmd := command(t, "events", "tail", "--tenant", "demo", "--json", "--nats", server)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	notes, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stuck := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
	t.Cleanup(func() { stuck.Stop(); _ = cmd.Process.Kill(); _ = out.Close() })
	said := bufio.NewScanner(notes)
	said.Scan() // that it listens
	conn, err := nats.Connect(server)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for range 20_000 { // the pipe, which nobody reads, holds some hundred, and the program 4,096
		if err := conn.Publish("batchport.v1.demo.job.x.completed", []byte(`{"padding":"`+strings.Repeat("x", 200)+`"}`)); err != nil {
			t.Fatal(err)
		}
	}
	if !said.Scan() || !strings.Contains(said.Text(), "some are not shown") {
		t.Errorf("events tail says %q, want that some events are not shown", said.Text())
	}
}

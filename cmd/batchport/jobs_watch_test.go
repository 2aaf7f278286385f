package main

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/batchport/batchport/cmd/batchport/internal/client"
)

// The exit code of a watch is how the job ended, and a job with failures leads
// to them.
func TestWatchEndsAsTheJobDoes(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		end   string
		code  int
		words []string
	}{
		"succeeded":        {atEnd("completed", "succeeded", 9, 0), exitOK, nil},
		"partially failed": {atEnd("completed", "partially_failed", 7, 2), exitPartiallyFailed, []string{"2 of 9 items failed", "\nnext: batchport jobs failures c1 --xlsx failed.xlsx"}},
		"all failed":       {atEnd("completed", "failed", 0, 3), exitError, []string{"no item succeeded", "\nnext: batchport jobs failures c1"}},
		"failed as such":   {strings.Replace(atEnd("failed", "failed", 0, 0), `"total"`, `"message":"The workbook has no rows.","total"`, 1), exitError, []string{"The workbook has no rows."}},
		"cancelled":        {atEnd("cancelled", "cancelled", 1, 0), exitError, []string{"was stopped"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := tell(t, paces(t, atWork(10), atWork(50), test.end), "k", "jobs", "watch", "c1")
			got.check(t, "jobs watch", test.code, append(test.words, "running, 10 %, 2,000/20,000, 1,234/s, ETA 1:12, 16 failed\n", "running, 50 %")...)
			if !strings.Contains(got.out, "kind       estate_export\n") || strings.Contains(got.stderr, "\x1b") {
				t.Errorf("jobs watch printed\n%s%swant the job, and nothing for terminals", got.out, got.stderr)
			}
		})
	}
}

func TestWatchForPrograms(t *testing.T) {
	t.Parallel()
	got := tell(t, paces(t, atWork(10), atWork(50), atEnd("completed", "partially_failed", 7, 2)), "k", "jobs", "watch", "c1", "--json")
	got.check(t, "jobs watch --json", exitPartiallyFailed)
	if got.stderr != "batchport: 2 of 9 items failed\n" {
		t.Errorf("stderr is %q, want the error alone", got.stderr)
	}
	lines := strings.Split(strings.TrimSpace(got.out), "\n")
	var last struct{ Result string }
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &last); err != nil || last.Result != "partially_failed" || len(lines) < 3 {
		t.Errorf("stdout is\n%swant a document a line, and the end as the last: %v", got.out, err)
	}
	quiet := tell(t, paces(t, atWork(10), atEnd("completed", "succeeded", 7, 0)), "k", "jobs", "watch", "c1", "--quiet")
	if quiet.check(t, "jobs watch --quiet", exitOK); quiet.stderr != "" {
		t.Errorf("stderr is %q, want nothing", quiet.stderr)
	}
}

// Whoever stops watching leaves the job alone, and learns how to come back.
func TestInterruptedWatch(t *testing.T) {
	t.Parallel()
	server := paces(t, atWork(10))
	cmd := command(t, "jobs", "watch", "c1", "--server", server)
	cmd.Env = append(cmd.Env, "BATCHPORT_KEY=k")
	said, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stuck := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
	defer stuck.Stop()
	first := make([]byte, 4096)
	n, err := said.Read(first)
	if err != nil || !strings.Contains(string(first[:n]), "running, 10 %") {
		t.Fatalf("jobs watch says %q, %v; want the progress", first[:n], err)
	}
	if err := cmd.Process.Signal(os.Signal(syscall.SIGINT)); err != nil {
		t.Fatal(err)
	}
	var rest bytes.Buffer
	_, _ = rest.ReadFrom(said)
	_ = cmd.Wait() // the exit code says more
	want := "batchport: interrupted; the job goes on. To come back: batchport jobs watch c1 --server " + server + "\n"
	if got := cmd.ProcessState.ExitCode(); got != exitError || !strings.HasSuffix(rest.String(), want) {
		t.Errorf("jobs watch ended with %d, %q; want %d, %q", got, rest.String(), exitError, want)
	}
}

func TestBar(t *testing.T) {
	t.Parallel()
	eta := 72.0
	job := &client.Job{State: "running", Process: 50, Total: 20_000, Rate: 1234.4, ETASeconds: &eta, Outcomes: client.Outcomes{Updated: 9_990, Failed: 10}}
	for columns, want := range map[int]string{
		100: strings.Repeat("█", 20) + strings.Repeat("░", 20) + "   50 %  10,000/20,000  1,234/s  ETA 1:12  10 failed",
		64:  "█████░░░░░░" + "   50 %  10,000/20,000  1,234/s  ETA 1:12  10 failed",
		40:  "████████░░░░░░░░░" + "   50 %  10,000/20,000",
		8:   "50 %",
	} {
		if got := bar(job, columns); got != want {
			t.Errorf("bar of %d columns = %q, want %q", columns, got, want)
		}
	}
	if got := bar(&client.Job{State: "planning"}, 80); !strings.HasSuffix(got, "0 %  planning") {
		t.Errorf("bar = %q, want it to say that the job is planned", got)
	}
	if got := clock(3*time.Hour + 2*time.Minute + time.Second); got != "3:02:01" {
		t.Errorf("clock() = %q, want 3:02:01", got)
	}
}

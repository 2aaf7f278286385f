package main

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// subscriberProgram is a subscriber of docs/events/examples, ready to run.
type subscriberProgram struct {
	name    string // of its language and its folder
	command []string
	ended   func(record string) ([]string, error) // jobs that have ended, by its own record
}

// subscriberPrograms builds the subscribers, each in a folder of its own.
func subscriberPrograms(t *testing.T) []subscriberProgram {
	t.Helper()
	if os.Getenv("BATCHPORT_TEST_SUBSCRIBERS") != "1" {
		t.Skip("BATCHPORT_TEST_SUBSCRIBERS is not 1: npm and pip fetch what the subscribers need")
	}
	programs := []subscriberProgram{
		{name: "go", ended: recordedInFile},
		{name: "typescript", ended: recordedInFile},
		{name: "python", ended: recordedInDatabase},
	}
	steps := map[string][][]string{
		"go":         {{"go", "vet", "."}, {"go", "build", "-o", "subscriber", "."}},
		"typescript": {{"npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"}, {"npm", "run", "--silent", "build"}},
		"python":     {{"python3", "-m", "venv", "venv"}, {"venv/bin/pip", "install", "--quiet", "--disable-pip-version-check", "-r", "requirements.txt"}},
	}
	var building sync.WaitGroup
	for i := range programs {
		p := &programs[i]
		dir := t.TempDir()
		p.command = map[string][]string{
			"go":         {filepath.Join(dir, "subscriber")},
			"typescript": {"node", filepath.Join(dir, "subscriber.js")},
			"python":     {filepath.Join(dir, "venv/bin/python"), filepath.Join(dir, "subscriber.py")},
		}[p.name]
		// Where somebody has tried an example, what it made lies beside it, and is
		// copied and made anew.
		if err := os.CopyFS(dir, os.DirFS("../../docs/events/examples/"+p.name)); err != nil {
			t.Fatal(err)
		}
		building.Go(func() { runSteps(t, dir, steps[p.name]) })
	}
	building.Wait()
	if t.Failed() {
		t.FailNow()
	}
	return programs
}

// runSteps runs one command after the other in dir.
func runSteps(t *testing.T, dir string, steps [][]string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	for _, step := range steps {
		command := exec.CommandContext(ctx, step[0], step[1:]...)
		command.Dir = dir
		if out, err := command.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", strings.Join(step, " "), err, out)
			return
		}
	}
}

// recordedInFile reads a record of lines: when, which event, what is said. A
// line that is being written does not count.
func recordedInFile(path string) (jobs []string, err error) {
	content, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	for line := range strings.Lines(string(content)) {
		if parts := strings.Split(line, "\t"); strings.HasSuffix(line, "\n") && len(parts) == 3 {
			job, _, _ := strings.Cut(parts[2], " ")
			jobs = append(jobs, job)
		}
	}
	return jobs, err
}

// recordedInDatabase reads a record in SQLite.
func recordedInDatabase(path string) (jobs []string, err error) {
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	db, err := sql.Open("sqlite", "file:"+path+"?mode=ro&_pragma=busy_timeout(5000)")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	rows, err := db.Query("SELECT job FROM ended")
	if err != nil && strings.Contains(err.Error(), "no such table") { // it has just begun
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var job string
		if err := rows.Scan(&job); err != nil {
			return nil, err
		}
		jobs = append(jobs, job)
	}
	return jobs, rows.Err()
}

// subscriber is one subscriber with its record, which outlives its processes.
type subscriber struct {
	subscriberProgram
	env     []string
	record  string
	process *exec.Cmd
	said    bytes.Buffer // of all its processes
}

// newSubscriber returns a subscriber that has not been started. It is killed at
// the test's end.
func newSubscriber(t *testing.T, p subscriberProgram, env ...string) *subscriber {
	t.Helper()
	s := &subscriber{subscriberProgram: p, record: filepath.Join(t.TempDir(), "record")}
	s.env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "RECORD=" + s.record}, env...)
	t.Cleanup(func() {
		if s.process != nil {
			s.kill()
		}
		if t.Failed() {
			t.Logf("the %s subscriber said:\n%s", s.name, s.said.String())
		}
	})
	return s
}

func (s *subscriber) start(t *testing.T) {
	t.Helper()
	s.process = exec.Command(s.command[0], s.command[1:]...)
	s.process.Env, s.process.Stdout, s.process.Stderr = s.env, &s.said, &s.said
	if err := s.process.Start(); err != nil {
		t.Fatal(err)
	}
}

// kill ends the process as a power cut would, and waits for its end.
func (s *subscriber) kill() {
	_ = s.process.Process.Kill()
	_ = s.process.Wait()
	s.process = nil
}

// stop asks the process to end.
func (s *subscriber) stop(t *testing.T) {
	t.Helper()
	stuck := time.AfterFunc(10*time.Second, func() { _ = s.process.Process.Kill() })
	defer stuck.Stop()
	err := s.process.Process.Signal(syscall.SIGTERM)
	if err := errors.Join(err, s.process.Wait()); err != nil {
		t.Errorf("the %s subscriber ended after SIGTERM with %v, want 0 within 10 s", s.name, err)
	}
	s.process = nil
}

// jobs are those that have ended by its own record.
func (s *subscriber) jobs(t *testing.T) []string {
	t.Helper()
	jobs, err := s.ended(s.record)
	if err != nil {
		t.Fatalf("read the record of the %s subscriber: %v", s.name, err)
	}
	return jobs
}

// await waits until the record has at least n jobs.
func (s *subscriber) await(t *testing.T, n int) {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		jobs := s.jobs(t)
		if len(jobs) >= n {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("the %s subscriber has %d jobs after a minute, want %d", s.name, len(jobs), n)
		}
	}
}

// repetitions is how many events came again, having been handled.
func (s *subscriber) repetitions() int { return strings.Count(s.said.String(), "again: ") }

// awaitRepetitions waits until n events have come again.
func (s *subscriber) awaitRepetitions(t *testing.T, n int) {
	t.Helper()
	for end := time.Now().Add(time.Minute); s.repetitions() < n; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d events came again to the %s subscriber within a minute, want %d", s.repetitions(), s.name, n)
		}
	}
}

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// built is the folder with the program, once a test has asked for it.
var built string

// binary builds the program once for all tests of this package.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "batchport-test-")
	if err != nil {
		return "", err
	}
	built = dir
	path := filepath.Join(dir, "batchport")
	out, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, nil
})

func TestMain(m *testing.M) {
	if text := os.Getenv(callersVariable); text != "" {
		os.Exit(runCallers(text)) // this is the other process of a benchmark
	}
	code := m.Run()
	if built != "" {
		_ = os.RemoveAll(built)
	}
	os.Exit(code)
}

// command returns a call of the real binary, in a clean environment.
func command(t testing.TB, args ...string) *exec.Cmd {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, args...)
	cmd.Env = []string{"HOME=" + os.Getenv("HOME"), "TMPDIR=" + os.TempDir()}
	return cmd
}

// call runs the binary to its end.
func call(t testing.TB, wantExit int, args ...string) (stdout, stderr string) {
	t.Helper()
	cmd := command(t, args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	stuck := time.AfterFunc(2*time.Minute, func() { _ = cmd.Process.Kill() })
	_ = cmd.Run() // the exit code says more
	stuck.Stop()
	if got := cmd.ProcessState.ExitCode(); got != wantExit {
		t.Fatalf("batchport %s: exit code %d, want %d\n%s%s", strings.Join(args, " "), got, wantExit, out.String(), errs.String())
	}
	return out.String(), errs.String()
}

// serving is a running "batchport serve".
type serving struct {
	cmd   *exec.Cmd
	url   string
	nats  string
	reads string // where metrics are read, with --metrics-listen
	key   string // the first line on stdout, with --demo
	ready time.Duration
	ended chan struct{}
	said  string // last, once it has ended
}

var readyLine = regexp.MustCompile(`msg=ready url=(\S+)(?:.* nats=(\S+))?(?:.* metrics=(\S+))?`)

// startServing starts the binary and waits until it says that it is ready.
func startServing(t testing.TB, data string, args ...string) *serving {
	t.Helper()
	return launch(t, command(t, append([]string{"serve", "--data", data, "--listen", "127.0.0.1:0"}, args...)...))
}

// launch starts a call of "batchport serve" and waits until it says that it is
// ready.
func launch(t testing.TB, cmd *exec.Cmd) *serving {
	t.Helper()
	s := &serving{cmd: cmd, ended: make(chan struct{})}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	errs, err := s.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if s.kill(); t.Failed() {
			t.Logf("process %d said last:\n%s", s.cmd.Process.Pid, s.said)
		}
	})
	log, ready := bufio.NewScanner(errs), false
	var said []string
	for !ready && log.Scan() {
		said = append(said, log.Text())
		if m := readyLine.FindStringSubmatch(log.Text()); m != nil {
			s.url, s.nats, s.reads, ready = m[1], m[2], m[3], true
		}
	}
	s.ready = time.Since(began)
	if ready && slices.Contains(cmd.Args, "--demo") {
		line, _ := bufio.NewReader(out).ReadString('\n')
		s.key = strings.TrimSpace(line)
	}
	go func() {
		var last []string // of what it said, for a test that fails
		for log.Scan() {
			if last = append(last, log.Text()); len(last) > 60 {
				last = last[1:]
			}
		}
		_, _ = io.Copy(io.Discard, errs)
		_ = s.cmd.Wait()
		s.said = strings.Join(last, "\n")
		close(s.ended)
	}()
	if !ready {
		t.Fatalf("batchport serve ended without being ready:\n%s", strings.Join(said, "\n"))
	}
	return s
}

// kill ends the process as a power cut would, and waits for its end.
func (s *serving) kill() {
	_ = s.cmd.Process.Kill()
	<-s.ended
}

// stop asks the process to end, as an init system does.
func (s *serving) stop(t testing.TB) {
	t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case <-s.ended:
	case <-time.After(10 * time.Second):
		t.Fatal("batchport serve goes on 10 s after SIGTERM")
	}
	if code := s.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("batchport serve ended with code %d after SIGTERM, want 0", code)
	}
}

// request calls the HTTP API and decodes the answer.
func (s *serving) request(ctx context.Context, method, path, key, body string, answer any) (int, error) {
	r, err := http.NewRequestWithContext(ctx, method, s.url+path, strings.NewReader(body))
	if err != nil {
		return 0, err
	}
	if key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err
	}
	defer func() { _ = response.Body.Close() }()
	return response.StatusCode, json.NewDecoder(response.Body).Decode(answer)
}

// status is what getBatchStatus answers.
type status struct {
	BatchCode string `json:"batch_code"`
	Process   int    `json:"process"`
	Success   bool   `json:"success"`
	Code      int    `json:"code"`
	Message   string `json:"message"`
	Data      struct {
		BatchCode string `json:"batch_code"`
		Process   int    `json:"process"`
		URL       string `json:"url"`
		FileName  string `json:"file_name"`
		Failed    int    `json:"failed_estates_amount"`
		Message   string `json:"message"`
	} `json:"data"`
}

// submit sends a job and returns its batch code.
func (s *serving) submit(t testing.TB, key, body string) string {
	t.Helper()
	var answer status
	code, err := s.request(t.Context(), http.MethodPost, "/api2/getBatchCode", key, body, &answer)
	if err != nil || code != http.StatusOK || !answer.Success {
		t.Fatalf("POST getBatchCode = %d %+v, %v; want 200", code, answer, err)
	}
	return answer.Data.BatchCode
}

// await polls the job until it has ended.
func (s *serving) await(t testing.TB, key, code string) status {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); {
		var answer status
		got, err := s.request(t.Context(), http.MethodGet, "/api2/getBatchStatus?batch_code="+code, key, "", &answer)
		if err != nil || got != http.StatusOK {
			t.Fatalf("GET getBatchStatus = %d %+v, %v; want 200", got, answer, err)
		}
		if answer.Success {
			return answer
		}
	}
	t.Fatalf("job %s has not ended after a minute", code)
	return status{}
}

// upload sends a file and returns the URL by which jobs name it.
func (s *serving) upload(t testing.TB, key, name string, content []byte) string {
	t.Helper()
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	file, err := w.CreateFormFile("file", name)
	if err == nil {
		_, err = file.Write(content)
	}
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+"/v1/files", &form)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", w.FormDataContentType())
	r.Header.Set("X-API-Key", key)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	var answer struct{ URL string }
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || response.StatusCode != http.StatusCreated {
		t.Fatalf("POST /v1/files = %d, %v; want 201 and a URL", response.StatusCode, err)
	}
	return answer.URL
}

package main

import (
	"bytes"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

// What somebody did to the demo tenant is still there after the next start,
// and the keys of both starts work.
func TestServeDemoKeepsWhatIsThere(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	first := startServing(t, data, "--demo")
	advertise := `{"job_name":"estate_batch_open_rent","estatesIds":[100001]}`
	if got := first.await(t, first.key, first.submit(t, first.key, advertise)); got.Code != http.StatusOK {
		t.Fatalf("status = %+v, want 200", got)
	}
	first.stop(t)
	second := startServing(t, data, "--demo")
	if second.key == first.key {
		t.Errorf("key of the second start = %q, want a new one", second.key)
	}
	another := `{"job_name":"estate_batch_open_rent","estatesIds":[100002]}`
	second.await(t, first.key, second.submit(t, first.key, another))
	second.await(t, second.key, second.submit(t, second.key, another))
	second.stop(t)
	folder, err := openDataFolder(t.Context(), data)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = folder.Close() }()
	for e, err := range folder.store.EachEstateOf(t.Context(), demoTenant, []int64{100001}) {
		if err != nil || !e.Listed {
			t.Errorf("estate of the second start = %+v, %v; want it advertised still", e, err)
		}
	}
}

// Who interrupts the demo knows why it ends, and finds nothing left of it.
func TestDemoInterrupted(t *testing.T) {
	t.Parallel()
	temp := t.TempDir()
	cmd := command(t, "demo")
	cmd.Env = append(cmd.Env, "TMPDIR="+temp)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	said, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := said.Read(make([]byte, 1)); err != nil {
		t.Fatalf("the demo said nothing: %v\n%s", err, stderr.String())
	}
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // the exit code says more
	if got := cmd.ProcessState.ExitCode(); got != exitError || stderr.String() != "batchport: interrupted\n" {
		t.Errorf("the demo ended with code %d, %q; want %d and that it was interrupted", got, stderr.String(), exitError)
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("the demo left %v, %v; want nothing", left, err)
	}
}

// /readyz tells whether the disk takes what is written.
func TestServeIsNotReadyWithoutADiskToWriteTo(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	s := startServing(t, data)
	obstacle := filepath.Join(data, "ready.probe", "inside")
	if err := os.MkdirAll(obstacle, 0o700); err != nil {
		t.Fatal(err)
	}
	awaitReadiness(t, s, http.StatusServiceUnavailable)
	if err := os.RemoveAll(filepath.Dir(obstacle)); err != nil {
		t.Fatal(err)
	}
	awaitReadiness(t, s, http.StatusOK)
	if _, err := os.Stat(filepath.Join(data, "ready.probe")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Stat of the probe = %v, want it gone", err)
	}
	s.stop(t)
}

func awaitReadiness(t *testing.T, s *serving, want int) {
	t.Helper()
	var got int
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); {
		var health map[string]any
		var err error
		if got, err = s.request(t.Context(), http.MethodGet, "/readyz", "", "", &health); err != nil {
			t.Fatal(err)
		}
		if got == want {
			return
		}
	}
	t.Fatalf("GET /readyz = %d after 10 s, want %d", got, want)
}

// A key lets its tenant's subscribers in, and is asked for again and again.
func TestServeLetsInSubscribersWhileTheirKeyIsGood(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	s := startServing(t, data, "--demo", "--nats-listen", "127.0.0.1:0")
	if conn, err := nats.Connect(s.nats, nats.UserInfo("acme", s.key)); !errors.Is(err, nats.ErrAuthorization) {
		conn.Close()
		t.Errorf("Connect as another tenant = %v, want %v", err, nats.ErrAuthorization)
	}
	closed := make(chan struct{}, 3)
	for name, option := range map[string]nats.Option{
		"the tenant as user": nats.UserInfo("demo", s.key),
		"no user":            nats.UserInfo("", s.key),
		"a token":            nats.Token(s.key),
	} {
		conn, err := nats.Connect(s.nats, option, nats.NoReconnect(), nats.ClosedHandler(func(*nats.Conn) { closed <- struct{}{} }))
		if err != nil {
			t.Fatalf("Connect with %s = %v", name, err)
		}
		defer conn.Close()
	}
	call(t, exitOK, "keys", "revoke", "--data", data, s.key)
	late := time.After(10 * time.Second)
	for open := 3; open > 0; open-- {
		select {
		case <-closed:
		case <-late:
			t.Fatalf("%d connections are open 10 s after their key was revoked", open)
		}
	}
	s.stop(t)
}

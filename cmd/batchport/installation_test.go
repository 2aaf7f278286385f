package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/batchport/batchport/adapters/bunstore/postgres/postgrestest"
)

// Files that a database does not know are removed after a day. So a process
// that was given the folder, or the bucket, of another database by mistake
// must not begin.
func TestFilesOfAnotherInstallation(t *testing.T) {
	t.Parallel()
	data, mistaken := t.TempDir(), postgrestest.URL(t)
	s := startServing(t, data, "--demo")
	s.upload(t, s.key, "kept.pdf", []byte("content"))
	s.stop(t)
	files, err := filepath.Glob(filepath.Join(data, "files", "files", "demo", "up-*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("uploads in the data folder = %q, %v; want one", files, err)
	}
	old := time.Now().Add(-48 * time.Hour)
	if err := os.Chtimes(files[0], old, old); err != nil {
		t.Fatal(err)
	}

	wantRefused(t, "--data", data, "--database", mistaken)
	if _, err := os.Stat(files[0]); err != nil {
		t.Errorf("the upload is gone: %v", err)
	}
	startServing(t, data).stop(t)

	bucket := []string{"--nats", startBroker(t, "", ""), "--files", "nats"}
	startServing(t, t.TempDir(), append(bucket, "--database", mistaken)...).stop(t)
	wantRefused(t, append(bucket, "--data", t.TempDir())...)
	startServing(t, t.TempDir(), append(bucket, "--database", mistaken)...).stop(t)
}

func wantRefused(t *testing.T, flags ...string) {
	t.Helper()
	cmd := command(t, append([]string{"serve", "--listen", "127.0.0.1:0"}, flags...)...)
	stuck := time.AfterFunc(5*time.Second, func() { _ = cmd.Process.Kill() })
	said, _ := cmd.CombinedOutput()
	stuck.Stop()
	if got := cmd.ProcessState.ExitCode(); got != exitError || !strings.Contains(string(said), "the files of another database") {
		t.Errorf("serve %q: exit code %d, says %q; want a refusal", flags, got, said)
	}
}

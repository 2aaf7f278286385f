//go:build linux

package embedded_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/batchport/batchport/adapters/natsbus/embedded"
	"github.com/batchport/batchport/domain"
)

// limitedFiles is set in the process that cannot write large files for a while.
const limitedFiles = "TEST_LIMITED_FILES"

// The server goes on by itself when the disk takes what it writes again. The
// limit on the size of files is one of a process, so the test runs itself in
// another.
func TestServerGoesOnWhenTheDiskDoes(t *testing.T) {
	t.Parallel()
	if os.Getenv(limitedFiles) == "" {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestServerGoesOnWhenTheDiskDoes$", "-test.v")
		cmd.Env = append(os.Environ(), limitedFiles+"=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	dir := t.TempDir()
	h := startHost(t, embedded.Config{StoreDir: dir})
	h.tell(t, "acme", "one")
	limit := func(bytes uint64) {
		var old syscall.Rlimit
		if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: bytes, Max: old.Max}); err != nil {
			t.Fatal(err)
		}
	}
	limit(16 << 10)
	event := domain.Event{ID: "large", Tenant: "acme", Topic: "job.x.completed", Data: []byte(`"` + strings.Repeat("x", 32<<10) + `"`)}
	if _, err := h.stream.Publish(t.Context(), []domain.Event{event}); err == nil {
		t.Error("Publish() of what the disk does not take = nil, want an error")
	}
	limit(1 << 40)
	var err error
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if _, err = h.stream.Publish(t.Context(), []domain.Event{event}); err == nil {
			break
		}
	}
	if err != nil {
		t.Errorf("Publish() 20 s after the disk takes it again = %v, want nil", err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "jetstream", ".probe-*")); len(left) > 0 {
		t.Errorf("the probes %v are left", left)
	}
}

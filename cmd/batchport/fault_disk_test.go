package main

import (
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// smallDisk is set in the process that has a small disk.
const smallDisk = "TEST_SMALL_DISK"

// A full disk is refused cleanly, work in hand waits, and goes on by itself
// when there is room again. The test runs itself in a process that may mount a
// file system of its own; what a machine does not allow is not tested there.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	if os.Getenv(smallDisk) == "" {
		if out, err := exec.Command("unshare", "-rm", "mount", "-t", "tmpfs", "tmpfs", t.TempDir()).CombinedOutput(); err != nil {
			t.Skipf("skipped, since this machine gives no file system to a process: %v %s", err, out)
		}
		cmd := exec.CommandContext(t.Context(), "unshare", "-rm", os.Args[0], "-test.run=^TestFullDisk$", "-test.v")
		cmd.Env = append(os.Environ(), smallDisk+"=1")
		out, err := cmd.CombinedOutput()
		if t.Logf("%s", out); err != nil {
			t.Error(err)
		}
		return
	}
	disk := t.TempDir()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=32m"); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = syscall.Unmount(disk, syscall.MNT_DETACH) }()
	w := &faultWorld{t: t, store: onSQLite, at: location{data: filepath.Join(disk, "data")}, random: seeded(7)}
	w.key = loadEstates(t, faultItems, "--data", w.at.data)
	var err error
	if w.db, err = openDataFolder(t.Context(), w.at.data); err != nil {
		t.Fatal(err)
	}
	w.countTouches()
	w.startAll()
	w.await(w.submit(w.edit()), faultItems)

	var worst time.Duration
	runs := 3 * faultTimes(t)
	for range runs {
		code := w.submit(w.edit())
		ballast := filepath.Join(disk, "ballast")
		fill(t, ballast)
		awaitReadiness(t, w.front, http.StatusServiceUnavailable)
		began := time.Now()
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
		w.await(code, faultItems)
		worst = max(worst, time.Since(began))
		awaitReadiness(t, w.front, http.StatusOK)
	}
	var sound string
	if err := w.db.db.Write.QueryRowContext(t.Context(), "PRAGMA integrity_check").Scan(&sound); err != nil || sound != "ok" {
		t.Errorf("integrity_check = %q, %v; want ok", sound, err)
	}
	lost, repeated := w.touched()
	if lost > 0 || repeated > 0 {
		t.Errorf("%d edits lost, %d repeated", lost, repeated)
	}
	w.awaitTold()
	if err := w.db.Close(); err != nil {
		t.Error(err)
	}
	w.front.kill()
	tellFaults(t, faultResult{"the disk is full, then has room", onSQLite, runs, lost, repeated, worst})
}

// fill writes until the disk is full.
func fill(t *testing.T, path string) {
	t.Helper()
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	for size := 1 << 20; size > 0; {
		_, err := file.Write(make([]byte, size))
		switch {
		case errors.Is(err, syscall.ENOSPC):
			size /= 2
		case err != nil:
			t.Fatal(err)
		}
	}
	_ = file.Close() // which cannot fail for want of room any more
}

package diskfiles

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

// faulty is a file on a disk that fails at one step.
type faulty struct {
	handle
	room             int // bytes until write fails
	write, sync, end error
}

func (f *faulty) Write(p []byte) (int, error) {
	if f.write == nil || len(p) <= f.room {
		f.room -= len(p)
		return f.handle.Write(p)
	}
	n, err := f.handle.Write(p[:f.room]) // as a disk that becomes full takes a part
	return n, errors.Join(err, f.write)
}

func (f *faulty) Sync() error {
	if f.sync != nil {
		return f.sync
	}
	return f.handle.Sync()
}

func (f *faulty) Close() error { return errors.Join(f.handle.Close(), f.end) }

// TestFailingDisk fails each step of writing a file, new or old.
func TestFailingDisk(t *testing.T) {
	t.Parallel()
	full := &os.PathError{Op: "write", Path: "f", Err: syscall.ENOSPC}
	for name, fail := range map[string]func(*Files, *writer){
		"no space":       func(_ *Files, w *writer) { w.file = &faulty{handle: w.file, room: 5, write: full} },
		"over quota":     func(_ *Files, w *writer) { w.file = &faulty{handle: w.file, write: syscall.EDQUOT} },
		"fsync":          func(_ *Files, w *writer) { w.file = &faulty{handle: w.file, sync: syscall.EIO} },
		"close":          func(_ *Files, w *writer) { w.file = &faulty{handle: w.file, end: syscall.ENOSPC} },
		"fsync of names": func(f *Files, _ *writer) { f.sync = func(string) error { return syscall.EIO } },
		"fsync of the tenant's names": func(f *Files, _ *writer) {
			f.known["t"] = true
			f.sync = func(dir string) error {
				if dir == filepath.Join("files", "t") {
					return syscall.EIO
				}
				return f.syncDir(dir)
			}
		},
	} {
		for _, replacing := range []bool{false, true} {
			t.Run(name+" replacing "+strconv.FormatBool(replacing), func(t *testing.T) {
				t.Parallel()
				files, dir := openFiles(t)
				if replacing {
					writeFile(t, files, "old content", nil)
				}
				err := writeFile(t, files, "new content", func(w *writer) { fail(files, w) })
				if !errors.Is(err, domain.CodeUnavailable) {
					t.Errorf("writing a file = %v, want %s", err, domain.CodeUnavailable)
				}
				wantContent(t, files, replacing)
				if left, err := os.ReadDir(filepath.Join(dir, "tmp")); err != nil || len(left) != 0 {
					t.Errorf("temporary files = %v, %v; want none", left, err)
				}
				files.sync = files.syncDir
				if err := writeFile(t, files, "old content", nil); err != nil {
					t.Errorf("writing once the disk has recovered = %v", err)
				}
				wantContent(t, files, true)
			})
		}
	}
}

// TestLostFolder takes away the temporary file's folder.
func TestLostFolder(t *testing.T) {
	t.Parallel()
	files, dir := openFiles(t)
	w, err := files.Create(t.Context(), "t", "f")
	if err != nil {
		t.Fatalf("Create() = %v", err)
	}
	if err := os.RemoveAll(filepath.Join(dir, "tmp")); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Commit(t.Context()); !errors.Is(err, domain.CodeUnavailable) {
		t.Errorf("Commit() = %v, want %s", err, domain.CodeUnavailable)
	}
	if _, err := files.Create(t.Context(), "t", "f"); !errors.Is(err, domain.CodeUnavailable) {
		t.Errorf("Create() = %v, want %s", err, domain.CodeUnavailable)
	}
	var last error
	for _, err := range files.Each(t.Context(), time.Time{}) {
		last = err
	}
	if !errors.Is(last, domain.CodeUnavailable) {
		t.Errorf("Each() = %v, want %s", last, domain.CodeUnavailable)
	}
}

func openFiles(t *testing.T) (*Files, string) {
	t.Helper()
	dir := t.TempDir()
	files, err := New(dir)
	if err != nil {
		t.Fatalf("New() = %v", err)
	}
	t.Cleanup(func() { _ = files.Close() })
	return files, dir
}

// writeFile writes and commits content; meddle, if any, has the writer before.
func writeFile(t *testing.T, files *Files, content string, meddle func(*writer)) error {
	t.Helper()
	w, err := files.Create(t.Context(), "t", "f")
	if err != nil {
		return err
	}
	if meddle != nil {
		meddle(w.(*writer))
	}
	_, written := io.WriteString(w, content)
	_, committed := w.Commit(t.Context())
	if written != nil && committed == nil {
		t.Errorf("Commit after Write = %v is nil, want an error", written)
	}
	if err := w.Abort(); err != nil {
		t.Errorf("Abort() = %v", err)
	}
	return errors.Join(written, committed)
}

// wantContent wants the old content, or no file.
func wantContent(t *testing.T, files ports.Files, old bool) {
	t.Helper()
	r, err := files.Open(t.Context(), "t", "f")
	if !old {
		if !errors.Is(err, domain.CodeNotFound) {
			t.Errorf("Open() = %v, want %s", err, domain.CodeNotFound)
		}
		return
	}
	if err != nil {
		t.Errorf("Open() = %v, want the old content", err)
		return
	}
	defer func() { _ = r.Close() }()
	if got, err := io.ReadAll(r); err != nil || string(got) != "old content" {
		t.Errorf("file = %q, %v; want %q", got, err, "old content")
	}
}

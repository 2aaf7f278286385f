package diskfiles_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/batchport/batchport/adapters/diskfiles"
	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
	"github.com/batchport/batchport/ports/portstest"
)

func TestFiles(t *testing.T) {
	portstest.Files(t, func(t *testing.T) ports.Files { return open(t, t.TempDir()) })
}

func TestFilesSurviveReopening(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "made", "on", "the way")
	put(t, open(t, dir), "f", "content")
	r, err := open(t, dir).Open(t.Context(), "t", "f")
	if err != nil {
		t.Fatalf("Open() = %v", err)
	}
	defer func() { _ = r.Close() }()
	if got, err := io.ReadAll(r); err != nil || string(got) != "content" {
		t.Errorf("file = %q, %v; want %q", got, err, "content")
	}
}

func TestModes(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "files")
	files := open(t, dir)
	put(t, files, "f", "content")
	if _, err := files.Create(t.Context(), "t", "unfinished"); err != nil {
		t.Fatalf("Create() = %v", err)
	}
	seen := 0
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		stat, err := entry.Info()
		want := fs.FileMode(0o600)
		if entry.IsDir() {
			want = 0o700
		}
		if err != nil || stat.Mode().Perm() != want {
			t.Errorf("mode of %s = %v, %v; want %v", path, stat.Mode(), err, want)
		}
		seen++
		return nil
	})
	if err != nil || seen != 6 {
		t.Errorf("walk saw %d names, %v; want 6: the directory, files, t, f, tmp and a temporary one", seen, err)
	}
}

func TestNothingTemporaryIsLeft(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	files := open(t, dir)
	put(t, files, "f", "one")
	put(t, files, "f", "two")
	w, err := files.Create(t.Context(), "t", "g")
	if err != nil {
		t.Fatalf("Create() = %v", err)
	}
	if err := w.Abort(); err != nil {
		t.Errorf("Abort() = %v", err)
	}
	wantTemporary(t, dir, 0)
}

func TestAbandonedTemporaries(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	now := time.Now()
	files := open(t, dir)
	for _, id := range []string{"a", "b"} { // as a killed process leaves them
		if _, err := files.Create(t.Context(), "t", id); err != nil {
			t.Fatalf("Create() = %v", err)
		}
	}
	foreign := filepath.Join(dir, "tmp", "lost+found")
	if err := os.Mkdir(foreign, 0o700); err != nil {
		t.Fatal(err)
	}
	reopened := open(t, dir)
	for _, c := range []struct {
		before time.Time
		want   int
	}{{now.Add(-time.Second), 3}, {now.Add(time.Hour), 1}} {
		for f, err := range reopened.Each(t.Context(), c.before) {
			t.Errorf("Each() yields %+v, %v; want nothing", f, err)
		}
		wantTemporary(t, dir, c.want)
	}
}

// TestLinksLeadNowhere puts symbolic links where files and tenants are.
func TestLinksLeadNowhere(t *testing.T) {
	t.Parallel()
	dir, outside := t.TempDir(), t.TempDir()
	secret := filepath.Join(outside, "secret")
	if err := os.WriteFile(secret, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	files := open(t, dir)
	put(t, files, "f", "content")
	for link, to := range map[string]string{
		filepath.Join("files", "t", "absolute"): secret,
		filepath.Join("files", "t", "relative"): "../../../../../../../../../.." + secret,
		filepath.Join("files", "linked"):        outside,
	} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range []struct {
		tenant domain.TenantID
		id     string
	}{{"t", "absolute"}, {"t", "relative"}, {"linked", "secret"}} {
		if r, err := files.Open(t.Context(), f.tenant, f.id); err == nil {
			t.Errorf("Open(%s, %s) follows a link out of the directory", f.tenant, f.id)
			_ = r.Close()
		}
	}
	if w, err := files.Create(t.Context(), "linked", "new"); err == nil {
		if _, err := w.Commit(t.Context()); err == nil {
			t.Error("Commit follows a link out of the directory")
		}
	}
	if err := files.Remove(t.Context(), "linked", "secret"); err == nil {
		t.Error("Remove() through a link out of the directory = nil, want an error")
	}
	if err := files.Remove(t.Context(), "t", "absolute"); err != nil { // the link itself goes
		t.Errorf("Remove() = %v", err)
	}
	if got, err := os.ReadFile(secret); err != nil || string(got) != "secret" {
		t.Errorf("the file outside = %q, %v; want it untouched", got, err)
	}
	var ids []string
	for f, err := range files.Each(t.Context(), time.Time{}) {
		if err != nil {
			t.Errorf("Each() = %v", err)
		}
		ids = append(ids, f.ID)
	}
	if !slices.Equal(ids, []string{"f"}) {
		t.Errorf("Each() yields %q, want only f", ids)
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{file, filepath.Join(file, "below"), ""} {
		if _, err := diskfiles.New(dir); !errors.Is(err, domain.CodeUnavailable) {
			t.Errorf("New(%q) = %v, want %s", dir, err, domain.CodeUnavailable)
		}
	}
}

func open(t *testing.T, dir string) *diskfiles.Files {
	t.Helper()
	files, err := diskfiles.New(dir)
	if err != nil {
		t.Fatalf("New() = %v", err)
	}
	t.Cleanup(func() {
		if err := files.Close(); err != nil {
			t.Errorf("Close() = %v", err)
		}
	})
	return files
}

func put(t *testing.T, files ports.Files, id, content string) {
	t.Helper()
	w, err := files.Create(t.Context(), "t", id)
	if err != nil {
		t.Fatalf("Create(%q) = %v", id, err)
	}
	if _, err := io.WriteString(w, content); err != nil {
		t.Fatalf("Write() = %v", err)
	}
	if _, err := w.Commit(t.Context()); err != nil {
		t.Fatalf("Commit() = %v", err)
	}
}

func wantTemporary(t *testing.T, dir string, want int) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(dir, "tmp"))
	if err != nil || len(entries) != want {
		var names []string
		for _, entry := range entries {
			names = append(names, entry.Name())
		}
		t.Errorf("temporary files = %s, %v; want %d", strings.Join(names, " "), err, want)
	}
}

package portstest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

// Files runs the contract of [ports.Files]. Each subtest calls open for an
// empty store, which cleans up through its t.
func Files(t *testing.T, open func(*testing.T) ports.Files) {
	for name, test := range map[string]func(*testing.T, ports.Files){
		"nothing is seen before Commit":                   fileUnseenBeforeCommit,
		"Commit and Info describe the file":               fileInfo,
		"an aborted file never exists":                    fileAborted,
		"an aborted replacement leaves the old content":   fileReplacementAborted,
		"Commit replaces, and open readers keep theirs":   fileReplaced,
		"a writer is used once":                           fileWriterUsedOnce,
		"of two writers of one id the last Commit stays":  fileTwoWriters,
		"writers of one id at once never mix":             fileWritersAtOnce,
		"an empty file is a file":                         fileEmpty,
		"large content comes back the same":               fileLarge,
		"a file is read from any place":                   fileRanges,
		"readers of one file do not disturb each other":   fileReaders,
		"tenants do not see each other's files":           fileTenants,
		"ids of another form are refused":                 fileBadIDs,
		"ids of every form that is allowed are taken":     fileGoodIDs,
		"what is not there is not found":                  fileNotFound,
		"a removed file is gone, and its readers read on": fileRemoved,
		"Each yields every file once":                     fileEach,
		"Each stops when the loop does":                   fileEachStops,
		"a file may be removed while Each runs":           fileRemovedInEach,
		"Each removes what was abandoned before the time": fileAbandoned,
		"Each leaves what was begun after the time":       fileNotAbandoned,
		"an ended context stops every call":               fileContextEnded,
		"a file whose context has ended can be given up":  fileCreateContext,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}

const fileTenant domain.TenantID = "tenant-a"

func fileUnseenBeforeCommit(t *testing.T, files ports.Files) {
	w := beginFile(t, files, "f")
	if _, err := w.Write([]byte("half of ")); err != nil {
		t.Fatalf("Write() = %v", err)
	}
	wantNoFile(t, files, fileTenant, "f")
	if got := listFiles(t, files); len(got) != 0 {
		t.Errorf("Each() yields %+v before Commit, want nothing", got)
	}
	if _, err := w.Write([]byte("it")); err != nil {
		t.Fatalf("Write() = %v", err)
	}
	commitFile(t, w)
	wantFile(t, files, "f", "half of it")
}

func fileInfo(t *testing.T, files ports.Files) {
	before := time.Now().Add(-time.Minute)
	committed := putFile(t, files, fileTenant, "report.xlsx", "12345")
	if committed.Tenant != fileTenant || committed.ID != "report.xlsx" || committed.Size != 5 ||
		committed.ModifiedAt.Before(before) || committed.ModifiedAt.After(time.Now().Add(time.Minute)) {
		t.Errorf("Commit() = %+v, want report.xlsx of %s, 5 bytes, modified just now", committed, fileTenant)
	}
	if got := openFile(t, files, fileTenant, "report.xlsx").Info(); !sameFile(got, committed) {
		t.Errorf("Info() = %+v, want what Commit returned, %+v", got, committed)
	}
	if got := listFiles(t, files); len(got) != 1 || !sameFile(got[0], committed) {
		t.Errorf("Each() yields %+v, want what Commit returned, %+v", got, committed)
	}
}

func fileAborted(t *testing.T, files ports.Files) {
	w := beginFile(t, files, "f")
	if _, err := w.Write([]byte("content")); err != nil {
		t.Fatalf("Write() = %v", err)
	}
	if err := w.Abort(); err != nil {
		t.Errorf("Abort() = %v", err)
	}
	wantNoFile(t, files, fileTenant, "f")
	if _, err := w.Commit(t.Context()); err == nil {
		t.Error("Commit after Abort = nil, want an error")
	}
	wantNoFile(t, files, fileTenant, "f")
	if err := w.Abort(); err != nil {
		t.Errorf("a second Abort() = %v", err)
	}
}

func fileReplacementAborted(t *testing.T, files ports.Files) {
	putFile(t, files, fileTenant, "f", "old")
	w := beginFile(t, files, "f")
	if _, err := w.Write([]byte("new")); err != nil {
		t.Fatalf("Write() = %v", err)
	}
	wantFile(t, files, "f", "old")
	if err := w.Abort(); err != nil {
		t.Errorf("Abort() = %v", err)
	}
	wantFile(t, files, "f", "old")
}

func fileReplaced(t *testing.T, files ports.Files) {
	putFile(t, files, fileTenant, "f", "old and long")
	old := openFile(t, files, fileTenant, "f")
	putFile(t, files, fileTenant, "f", "new")
	wantFile(t, files, "f", "new")
	if got, err := io.ReadAll(old); err != nil || string(got) != "old and long" {
		t.Errorf("a reader opened before reads %q, %v; want the old content", got, err)
	}
	if got := listFiles(t, files); len(got) != 1 || got[0].Size != 3 {
		t.Errorf("Each() yields %+v, want one file of 3 bytes", got)
	}
}

func fileWriterUsedOnce(t *testing.T, files ports.Files) {
	w := beginFile(t, files, "f")
	if _, err := w.Write([]byte("once")); err != nil {
		t.Fatalf("Write() = %v", err)
	}
	commitFile(t, w)
	if err := w.Abort(); err != nil {
		t.Errorf("Abort after Commit = %v, want nil", err)
	}
	if _, err := w.Write([]byte("twice")); err == nil {
		t.Error("Write after Commit = nil, want an error")
	}
	if _, err := w.Commit(t.Context()); err == nil {
		t.Error("a second Commit = nil, want an error")
	}
	wantFile(t, files, "f", "once")
}

func fileTwoWriters(t *testing.T, files ports.Files) {
	first, second := beginFile(t, files, "f"), beginFile(t, files, "f")
	for i := range 3 {
		for name, w := range map[string]ports.FileWriter{"a": first, "b": second} {
			if _, err := fmt.Fprint(w, name, i); err != nil {
				t.Fatalf("Write() = %v", err)
			}
		}
	}
	commitFile(t, second)
	wantFile(t, files, "f", "b0b1b2")
	commitFile(t, first)
	wantFile(t, files, "f", "a0a1a2")
}

func fileWritersAtOnce(t *testing.T, files ports.Files) {
	const writers, size = 8, 64 << 10
	var all sync.WaitGroup
	for i := range writers {
		all.Go(func() {
			w, err := files.Create(t.Context(), fileTenant, "f")
			if err != nil {
				t.Errorf("Create() = %v", err)
				return
			}
			if _, err := w.Write(bytes.Repeat([]byte{byte('a' + i)}, size)); err != nil {
				t.Errorf("Write() = %v", err)
			}
			if _, err := w.Commit(t.Context()); err != nil {
				t.Errorf("Commit() = %v", err)
			}
			r, err := files.Open(t.Context(), fileTenant, "f")
			if err != nil {
				t.Errorf("Open() = %v", err)
				return
			}
			defer func() { _ = r.Close() }()
			got, err := io.ReadAll(r)
			if err != nil || len(got) != size || len(bytes.Trim(got, string(got[:1]))) != 0 {
				t.Errorf("file has %d bytes, %v; want the %d of one writer", len(got), err, size)
			}
		})
	}
	all.Wait()
	if got := listFiles(t, files); len(got) != 1 {
		t.Errorf("Each() yields %+v, want one file", got)
	}
}

func fileEmpty(t *testing.T, files ports.Files) {
	if info := putFile(t, files, fileTenant, "f", ""); info.Size != 0 {
		t.Errorf("Commit() = %+v, want 0 bytes", info)
	}
	wantFile(t, files, "f", "")
}

func fileLarge(t *testing.T, files ports.Files) {
	content := make([]byte, 5<<20+17)
	random := rand.NewChaCha8([32]byte{1})
	_, _ = random.Read(content) // never fails
	w := beginFile(t, files, "f")
	piece := make([]byte, 100_000)
	for rest := content; len(rest) > 0; {
		n := copy(piece[:1+int(random.Uint64()%uint64(len(piece)))], rest)
		if got, err := w.Write(piece[:n]); err != nil || got != n {
			t.Fatalf("Write(%d bytes) = %d, %v", n, got, err)
		}
		clear(piece) // as callers do that use a buffer again
		rest = rest[n:]
	}
	if info := commitFile(t, w); info.Size != int64(len(content)) {
		t.Errorf("Commit() = %+v, want %d bytes", info, len(content))
	}
	got, err := io.ReadAll(openFile(t, files, fileTenant, "f"))
	if err != nil || !bytes.Equal(got, content) {
		t.Errorf("read %d bytes, %v; want the %d that were written", len(got), err, len(content))
	}
}

func fileRanges(t *testing.T, files ports.Files) {
	putFile(t, files, fileTenant, "f", "0123456789")
	r := openFile(t, files, fileTenant, "f")
	for _, c := range []struct {
		offset int64
		whence int
		at     int64
		want   string
	}{
		{4, io.SeekStart, 4, "45"},
		{2, io.SeekCurrent, 8, "89"},
		{0, io.SeekStart, 0, "01"},
		{-3, io.SeekEnd, 7, "78"},
		{-1, io.SeekEnd, 9, "9"},
		{0, io.SeekEnd, 10, ""},
		{5, io.SeekEnd, 15, ""},
	} {
		at, err := r.Seek(c.offset, c.whence)
		if err != nil || at != c.at {
			t.Errorf("Seek(%d, %d) = %d, %v; want %d", c.offset, c.whence, at, err, c.at)
		}
		got := make([]byte, 2)
		n, err := io.ReadFull(r, got)
		if string(got[:n]) != c.want || (err != nil) != (len(c.want) < 2) {
			t.Errorf("Read at %d = %q, %v; want %q", c.at, got[:n], err, c.want)
		}
	}
	if _, err := r.Seek(-1, io.SeekStart); err == nil {
		t.Error("Seek before the start = nil, want an error")
	}
	if err := r.Close(); err != nil {
		t.Errorf("Close() = %v", err)
	}
	if _, err := r.Read(make([]byte, 1)); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("Read after Close = %v, want an error other than EOF", err)
	}
}

func fileReaders(t *testing.T, files ports.Files) {
	putFile(t, files, fileTenant, "f", "0123456789")
	var all sync.WaitGroup
	for range 8 {
		r := openFile(t, files, fileTenant, "f")
		all.Go(func() {
			if got, err := io.ReadAll(r); err != nil || string(got) != "0123456789" {
				t.Errorf("ReadAll() = %q, %v; want the whole file", got, err)
			}
		})
	}
	all.Wait()
}

func fileTenants(t *testing.T, files ports.Files) {
	putFile(t, files, "tenant-a", "f", "of a")
	wantNoFile(t, files, "tenant-b", "f")
	if err := files.Remove(t.Context(), "tenant-b", "f"); err != nil {
		t.Errorf("Remove() = %v", err)
	}
	putFile(t, files, "tenant-b", "f", "of b")
	wantFile(t, files, "f", "of a")
	if err := files.Remove(t.Context(), "tenant-a", "f"); err != nil {
		t.Errorf("Remove() = %v", err)
	}
	if got, err := io.ReadAll(openFile(t, files, "tenant-b", "f")); err != nil || string(got) != "of b" {
		t.Errorf("file of tenant-b = %q, %v; want %q", got, err, "of b")
	}
}

func fileBadIDs(t *testing.T, files ports.Files) {
	for _, id := range []string{
		"", ".", "..", ".hidden", "../f", "..\\f", "a/b", "a\\b", "/f", "/etc/passwd", "a/../f", "./f", "f/", "a b", "f\n", "f\x00", "é",
		"物件", "a:b", "a%2fb", "f*", "~", "\xff", strings.Repeat("a", 129),
	} {
		if w, err := files.Create(t.Context(), fileTenant, id); !errors.Is(err, domain.CodeInvalid) {
			t.Errorf("Create(%q) = %v, want %s", id, err, domain.CodeInvalid)
			if err == nil {
				_ = w.Abort()
			}
		}
		wantNoFile(t, files, fileTenant, id)
		if err := files.Remove(t.Context(), fileTenant, id); err != nil {
			t.Errorf("Remove(%q) = %v, want nil: there is no such file", id, err)
		}
	}
	for _, tenant := range []domain.TenantID{"", ".", "..", "a/b", "../a", "A", "a\x00", domain.TenantID(strings.Repeat("a", 65))} {
		if w, err := files.Create(t.Context(), tenant, "f"); err == nil {
			t.Errorf("Create(tenant %q) = nil, want an error", tenant)
			_ = w.Abort()
		}
		wantNoFile(t, files, tenant, "f")
	}
	if got := listFiles(t, files); len(got) != 0 {
		t.Errorf("Each() yields %+v, want nothing", got)
	}
}

func fileGoodIDs(t *testing.T, files ports.Files) {
	ids := []string{"a", "A", "-", "_", "-rf", "a..b", "a.", "0", "CON", strings.Repeat("a", 128), "65b0a1f2c3d4e5.12345678-3.xlsx"}
	for _, id := range ids {
		putFile(t, files, fileTenant, id, "content of "+id)
	}
	for _, id := range ids {
		wantFile(t, files, id, "content of "+id)
	}
	if got := listFiles(t, files); len(got) != len(ids) {
		t.Errorf("Each() yields %d files, want %d", len(got), len(ids))
	}
}

func fileNotFound(t *testing.T, files ports.Files) {
	wantNoFile(t, files, fileTenant, "f")
	if err := files.Remove(t.Context(), fileTenant, "f"); err != nil {
		t.Errorf("Remove() = %v, want nil", err)
	}
	if got := listFiles(t, files); len(got) != 0 {
		t.Errorf("Each() yields %+v in an empty store", got)
	}
}

func fileRemoved(t *testing.T, files ports.Files) {
	putFile(t, files, fileTenant, "f", "content")
	r := openFile(t, files, fileTenant, "f")
	if err := files.Remove(t.Context(), fileTenant, "f"); err != nil {
		t.Fatalf("Remove() = %v", err)
	}
	wantNoFile(t, files, fileTenant, "f")
	if got, err := io.ReadAll(r); err != nil || string(got) != "content" {
		t.Errorf("a reader opened before reads %q, %v; want the content", got, err)
	}
	putFile(t, files, fileTenant, "f", "again")
	wantFile(t, files, "f", "again")
}

func fileEach(t *testing.T, files ports.Files) {
	var want []string
	for i := range 60 {
		tenant := domain.TenantID(fmt.Sprint("t", i%3))
		id := fmt.Sprint("f", i)
		putFile(t, files, tenant, id, strings.Repeat("x", i))
		want = append(want, fmt.Sprint(tenant, " ", id, " ", i))
	}
	var got []string
	for _, f := range listFiles(t, files) {
		got = append(got, fmt.Sprint(f.Tenant, " ", f.ID, " ", f.Size))
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("Each() yields %q, want %q", got, want)
	}
}

func fileEachStops(t *testing.T, files ports.Files) {
	for i := range 5 {
		putFile(t, files, domain.TenantID(fmt.Sprint("t", i%2)), fmt.Sprint("f", i), "x")
	}
	seen := 0
	for _, err := range files.Each(t.Context(), time.Time{}) {
		if err != nil {
			t.Fatalf("Each() = %v", err)
		}
		if seen++; seen == 2 {
			break
		}
	}
	if seen != 2 {
		t.Errorf("Each() yields %d files until the loop stops, want 2", seen)
	}
}

func fileRemovedInEach(t *testing.T, files ports.Files) {
	for i := range 20 {
		putFile(t, files, domain.TenantID(fmt.Sprint("t", i%2)), fmt.Sprint("f", i), "x")
	}
	for f, err := range files.Each(t.Context(), time.Time{}) {
		if err != nil {
			t.Fatalf("Each() = %v", err)
		}
		if err := files.Remove(t.Context(), f.Tenant, f.ID); err != nil {
			t.Fatalf("Remove(%s) = %v", f.ID, err)
		}
	}
	if got := listFiles(t, files); len(got) != 0 {
		t.Errorf("Each() yields %+v after all were removed", got)
	}
}

func fileAbandoned(t *testing.T, files ports.Files) {
	putFile(t, files, fileTenant, "f", "old")
	abandoned := beginFile(t, files, "f")
	if _, err := abandoned.Write([]byte("new")); err != nil {
		t.Fatalf("Write() = %v", err)
	}
	for _, err := range files.Each(t.Context(), time.Now().Add(time.Hour)) {
		if err != nil {
			t.Fatalf("Each() = %v", err)
		}
	}
	if _, err := abandoned.Commit(t.Context()); err == nil {
		t.Error("Commit of what was removed as abandoned = nil, want an error")
	}
	wantFile(t, files, "f", "old")
}

func fileNotAbandoned(t *testing.T, files ports.Files) {
	w := beginFile(t, files, "f")
	if _, err := w.Write([]byte("slow")); err != nil {
		t.Fatalf("Write() = %v", err)
	}
	for _, err := range files.Each(t.Context(), time.Now().Add(-time.Hour)) {
		if err != nil {
			t.Fatalf("Each() = %v", err)
		}
	}
	commitFile(t, w)
	wantFile(t, files, "f", "slow")
}

func fileContextEnded(t *testing.T, files ports.Files) {
	putFile(t, files, fileTenant, "f", "old")
	w := beginFile(t, files, "f")
	if _, err := w.Write([]byte("new")); err != nil {
		t.Fatalf("Write() = %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := w.Commit(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("Commit() = %v, want %v", err, context.Canceled)
	}
	if _, err := files.Create(ended, fileTenant, "g"); !errors.Is(err, context.Canceled) {
		t.Errorf("Create() = %v, want %v", err, context.Canceled)
	}
	if _, err := files.Open(ended, fileTenant, "f"); !errors.Is(err, context.Canceled) {
		t.Errorf("Open() = %v, want %v", err, context.Canceled)
	}
	if err := files.Remove(ended, fileTenant, "f"); !errors.Is(err, context.Canceled) {
		t.Errorf("Remove() = %v, want %v", err, context.Canceled)
	}
	var last error
	for f, err := range files.Each(ended, time.Time{}) {
		if last = err; err == nil {
			t.Errorf("Each() yields %+v with an ended context", f)
		}
	}
	if !errors.Is(last, context.Canceled) {
		t.Errorf("Each() = %v, want %v", last, context.Canceled)
	}
	wantFile(t, files, "f", "old")
}

func fileCreateContext(t *testing.T, files ports.Files) {
	putFile(t, files, fileTenant, "f", "old")
	ctx, cancel := context.WithCancel(t.Context())
	w, err := files.Create(ctx, fileTenant, "f")
	if err != nil {
		t.Fatalf("Create() = %v", err)
	}
	cancel()
	if _, err := w.Write(bytes.Repeat([]byte("new"), 1<<20)); err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("Write() = %v, want no error or %v", err, context.Canceled)
	}
	if err := w.Abort(); err != nil {
		t.Errorf("Abort() = %v", err)
	}
	wantFile(t, files, "f", "old")
}

func beginFile(t *testing.T, files ports.Files, id string) ports.FileWriter {
	t.Helper()
	w, err := files.Create(t.Context(), fileTenant, id)
	if err != nil {
		t.Fatalf("Create(%q) = %v", id, err)
	}
	t.Cleanup(func() {
		if err := w.Abort(); err != nil {
			t.Errorf("Abort() = %v", err)
		}
	})
	return w
}

func commitFile(t *testing.T, w ports.FileWriter) ports.FileInfo {
	t.Helper()
	info, err := w.Commit(t.Context())
	if err != nil {
		t.Fatalf("Commit() = %v", err)
	}
	return info
}

func putFile(t *testing.T, files ports.Files, tenant domain.TenantID, id, content string) ports.FileInfo {
	t.Helper()
	w, err := files.Create(t.Context(), tenant, id)
	if err != nil {
		t.Fatalf("Create(%s, %q) = %v", tenant, id, err)
	}
	if _, err := io.WriteString(w, content); err != nil {
		t.Fatalf("Write() = %v", err)
	}
	return commitFile(t, w)
}

func openFile(t *testing.T, files ports.Files, tenant domain.TenantID, id string) ports.FileReader {
	t.Helper()
	r, err := files.Open(t.Context(), tenant, id)
	if err != nil {
		t.Fatalf("Open(%s, %q) = %v", tenant, id, err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

func listFiles(t *testing.T, files ports.Files) (list []ports.FileInfo) {
	t.Helper()
	for f, err := range files.Each(t.Context(), time.Time{}) {
		if err != nil {
			t.Fatalf("Each() = %v", err)
		}
		list = append(list, f)
	}
	return list
}

func wantFile(t *testing.T, files ports.Files, id, want string) {
	t.Helper()
	if got, err := io.ReadAll(openFile(t, files, fileTenant, id)); err != nil || string(got) != want {
		t.Errorf("file %q = %q, %v; want %q", id, got, err, want)
	}
}

func wantNoFile(t *testing.T, files ports.Files, tenant domain.TenantID, id string) {
	t.Helper()
	r, err := files.Open(t.Context(), tenant, id)
	if !errors.Is(err, domain.CodeNotFound) {
		t.Errorf("Open(%s, %q) = %v, want %s", tenant, id, err, domain.CodeNotFound)
	}
	if err == nil {
		_ = r.Close()
	}
}

func sameFile(a, b ports.FileInfo) bool {
	return a.Tenant == b.Tenant && a.ID == b.ID && a.Size == b.Size && a.ModifiedAt.Equal(b.ModifiedAt)
}

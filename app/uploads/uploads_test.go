package uploads_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/batchport/batchport/adapters/memory"
	"github.com/batchport/batchport/app/uploads"
	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

var ann = domain.Principal{Tenant: "tenant-a", User: "ann"}

// fixture is the use case over the memory adapters.
type fixture struct {
	t     *testing.T
	store *memory.Store
	files *memory.Files
	*uploads.Uploads
}

func newFixture(t *testing.T, deps uploads.Deps, cfg uploads.Config) fixture {
	t.Helper()
	f := fixture{t: t, store: memory.NewStore(time.Now), files: memory.NewFiles()}
	return f.over(deps, cfg)
}

// over makes the use case over what deps bring, and the fixture's own else.
func (f fixture) over(deps uploads.Deps, cfg uploads.Config) fixture {
	f.t.Helper()
	if deps.Store == nil {
		deps.Store = f.store
	}
	if deps.Files == nil {
		deps.Files = f.files
	}
	var err error
	if f.Uploads, err = uploads.New(deps, cfg); err != nil {
		f.t.Fatalf("New() = %v", err)
	}
	return f
}

func (f fixture) receive(name, content string) ports.Upload {
	f.t.Helper()
	upload, err := f.Receive(f.t.Context(), ann, name, strings.NewReader(content))
	if err != nil {
		f.t.Fatalf("Receive(%q) = %v", name, err)
	}
	return upload
}

// stored returns the identifiers of all files.
func (f fixture) stored() (ids []string) {
	f.t.Helper()
	for info, err := range f.files.Each(f.t.Context(), time.Time{}) {
		if err != nil {
			f.t.Fatal(err)
		}
		ids = append(ids, info.ID)
	}
	return ids
}

// wantThere checks that an upload can be read, or that it cannot.
func (f fixture) wantThere(what string, id string, there bool) {
	f.t.Helper()
	_, file, err := f.Open(f.t.Context(), ann.Tenant, id)
	if err == nil {
		_ = file.Close()
	}
	if there && err != nil || !there && !errors.Is(err, domain.CodeNotFound) {
		f.t.Errorf("Open(%s) = %v; want it there: %v", what, err, there)
	}
}

func TestReceive(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 16, 30, 0, 123456789, time.FixedZone("CST", 8*3600))
	f := newFixture(t, uploads.Deps{}, uploads.Config{Now: func() time.Time { return now }})
	const content = "the content of a workbook"
	got := f.receive(`C:\fakepath\十一月.xlsx`, content)
	want := ports.Upload{
		Tenant: "tenant-a", ID: got.ID, Name: "十一月.xlsx", Size: int64(len(content)), SHA256: sha256.Sum256([]byte(content)),
		CreatedBy: "ann", CreatedAt: time.Date(2026, 11, 21, 8, 30, 0, 123456000, time.UTC), ExpiresAt: time.Date(2026, 11, 28, 8, 30, 0, 123456000, time.UTC),
	}
	if diff := cmp.Diff(want, got); diff != "" || !uploads.IsID(got.ID) {
		t.Errorf("Receive() (-want +got):\n%s", diff)
	}
	if found, err := f.Find(t.Context(), "tenant-a", got.ID); err != nil || found != got {
		t.Errorf("Find() = %+v, %v; want what Receive returned", found, err)
	}
	opened, file, err := f.Open(t.Context(), "tenant-a", got.ID)
	if err != nil || opened != got {
		t.Fatalf("Open() = %+v, %v; want what Receive returned", opened, err)
	}
	defer func() { _ = file.Close() }()
	if read, err := io.ReadAll(file); err != nil || string(read) != content {
		t.Errorf("content = %q, %v; want %q", read, err, content)
	}
	if again := f.receive("x", content); again.ID == got.ID {
		t.Errorf("Receive() of the same content gives the id %s again", again.ID)
	}
}

// TestNotThere asks for what is unknown, another tenant's, or has expired.
func TestNotThere(t *testing.T) {
	t.Parallel()
	now := time.Now()
	f := newFixture(t, uploads.Deps{}, uploads.Config{Keep: time.Hour, Now: func() time.Time { return now }})
	id := f.receive("x", "x").ID
	refused := func(tenant domain.TenantID, id string) {
		t.Helper()
		_, found := f.Find(t.Context(), tenant, id)
		_, _, opened := f.Open(t.Context(), tenant, id)
		kept := f.Keep(t.Context(), tenant, id, now.Add(48*time.Hour))
		want := domain.NewFailure(domain.CodeNotFound, "upload", id)
		for what, err := range map[string]error{"Find": found, "Open": opened, "Keep": kept} {
			if !errors.Is(err, domain.CodeNotFound) || !cmp.Equal(domain.FailureOf(err), want) {
				t.Errorf("%s(%s, %s) = %v, want %v", what, tenant, id, err, want)
			}
		}
	}
	refused("tenant-b", id)
	for _, unknown := range []string{"up-00000000000000000000000000000000", "up-", "", "../" + id, "6552e15d743264.42384055-1"} {
		refused("tenant-a", unknown)
	}
	now = now.Add(time.Hour - time.Millisecond)
	f.wantThere("shortly before its end", id, true)
	now = now.Add(time.Millisecond)
	refused("tenant-a", id)

	now = now.Add(-time.Minute)
	if err := f.Keep(t.Context(), "tenant-a", id, now.Add(2*time.Hour)); err != nil {
		t.Errorf("Keep() = %v", err)
	}
	if err := f.Keep(t.Context(), "tenant-a", id, now); err != nil { // which makes nothing shorter
		t.Errorf("Keep() = %v", err)
	}
	now = now.Add(time.Hour)
	f.wantThere("kept", id, true)
	if err := f.files.Remove(t.Context(), "tenant-a", id); err != nil {
		t.Fatal(err)
	}
	f.wantThere("removed by hand", id, false)
}

func TestNames(t *testing.T) {
	t.Parallel()
	f := newFixture(t, uploads.Deps{}, uploads.Config{})
	for given, want := range map[string]string{
		"report.pdf":                       "report.pdf",
		"十一月 帳單.xlsx":                      "十一月 帳單.xlsx",
		`C:\fakepath\x.xlsx`:               "x.xlsx",
		`\\server\share/dir\x.xlsx`:        "x.xlsx",
		"../../etc/passwd":                 "passwd",
		"a/b/":                             "upload",
		"":                                 "upload",
		" \t ":                             "upload",
		".":                                "upload",
		"..":                               "upload",
		".hidden":                          ".hidden",
		" a\r\nb\x00c\x7f.csv\u0085 ":      "abc.csv",
		"\u202excod.exe":                   "xcod.exe",
		"a\u2066\u2069\u200f\u061c.b":      "a.b",
		"a\u2028b":                         "ab",
		"\xa4Q\xa4@\xa4\xeb.xlsx":          "\ufffdQ\ufffd@\ufffd.xlsx", // Big5, which nothing says
		`say "hi"; x=1.pdf`:                `say "hi"; x=1.pdf`,
		"👩\u200d💻.txt":                     "👩\u200d💻.txt",
		strings.Repeat("a", 255):           strings.Repeat("a", 255),
		strings.Repeat("a", 300):           strings.Repeat("a", 255),
		strings.Repeat("a", 252) + "月":     strings.Repeat("a", 252) + "月",
		strings.Repeat("月", 100) + ".xlsx": strings.Repeat("月", 83) + ".xlsx", // 249 and 5 bytes; one more would be 257
		"a." + strings.Repeat("月", 100):    "a." + strings.Repeat("月", 84),
		strings.Repeat("x", 300) + "." + "bin" + "\u202e\n": strings.Repeat("x", 251) + ".bin",
	} {
		if got := f.receive(given, "x").Name; got != want {
			t.Errorf("Receive(%q) is called %q, want %q", given, got, want)
		}
	}
}

func TestTooLarge(t *testing.T) {
	t.Parallel()
	f := newFixture(t, uploads.Deps{}, uploads.Config{MaxSize: 10})
	if got := f.receive("x", "0123456789"); got.Size != 10 || f.MaxSize() != 10 {
		t.Errorf("Receive() of ten bytes = %+v, want it whole", got)
	}
	want := domain.NewFailure(domain.CodeTooLarge, "", "", "max", "10")
	refused := func(what string, write func(io.Writer) error) {
		t.Helper()
		_, err := f.Write(t.Context(), "tenant-a", "ann", "x", write)
		if !errors.Is(err, domain.CodeTooLarge) || !cmp.Equal(domain.FailureOf(err), want) {
			t.Errorf("%s = %v, want %v", what, err, want)
		}
	}
	refused("Write() of eleven bytes", func(w io.Writer) error {
		_, err := io.Copy(w, iotest.OneByteReader(strings.NewReader("0123456789x")))
		return err
	})
	refused("Write() by one that does not look at errors", func(w io.Writer) error {
		_, _ = io.WriteString(w, "0123456789x")
		_, _ = io.WriteString(w, "y")
		return nil
	})
	if _, err := f.Receive(t.Context(), ann, "x", strings.NewReader(strings.Repeat("x", 100))); !errors.Is(err, domain.CodeTooLarge) {
		t.Errorf("Receive() of 100 bytes = %v, want %s", err, domain.CodeTooLarge)
	}
	if ids := f.stored(); len(ids) != 1 {
		t.Errorf("stored are %q, want the first alone", ids)
	}
}

func TestEmpty(t *testing.T) {
	t.Parallel()
	f := newFixture(t, uploads.Deps{}, uploads.Config{})
	_, err := f.Receive(t.Context(), ann, "x", strings.NewReader(""))
	if want := domain.NewFailure(domain.CodeRequired, "file", "", "reason", "empty"); !cmp.Equal(domain.FailureOf(err), want) {
		t.Errorf("Receive() of nothing = %v, want %v", err, want)
	}
	if ids := f.stored(); len(ids) != 0 {
		t.Errorf("stored are %q, want nothing", ids)
	}
	got, err := f.Write(t.Context(), "tenant-a", "ann", "x", func(io.Writer) error { return nil })
	if err != nil || got.Size != 0 || got.SHA256 != sha256.Sum256(nil) {
		t.Errorf("Write() of nothing = %+v, %v; want an empty upload", got, err)
	}
}

func TestBrokenContent(t *testing.T) {
	t.Parallel()
	f := newFixture(t, uploads.Deps{}, uploads.Config{})
	broken := errors.New("the line was cut")
	content := io.MultiReader(strings.NewReader("half of it"), iotest.ErrReader(broken))
	if got, err := f.Receive(t.Context(), ann, "x", content); err != broken { //nolint:errorlint // as it is
		t.Errorf("Receive() = %+v, %v; want the content's own error", got, err)
	}
	_, err := f.Write(t.Context(), "tenant-a", "ann", "x", func(w io.Writer) error {
		_, _ = io.WriteString(w, "half of it")
		return broken
	})
	if err != broken { //nolint:errorlint // as it is
		t.Errorf("Write() = %v, want the error of what writes", err)
	}
	if ids := f.stored(); len(ids) != 0 {
		t.Errorf("stored are %q, want nothing", ids)
	}
}

// fullDisk takes some bytes and then no more.
type fullDisk struct {
	ports.Files
	room int
}

type fullWriter struct {
	ports.FileWriter
	disk *fullDisk
}

func (d *fullDisk) Create(ctx context.Context, tenant domain.TenantID, id string) (ports.FileWriter, error) {
	w, err := d.Files.Create(ctx, tenant, id)
	return &fullWriter{w, d}, err
}

func (w *fullWriter) Write(p []byte) (int, error) {
	if len(p) > w.disk.room {
		return 0, domain.Unavailable(errors.New("no space left on device"))
	}
	w.disk.room -= len(p)
	return w.FileWriter.Write(p)
}

func TestFullDisk(t *testing.T) {
	t.Parallel()
	f := newFixture(t, uploads.Deps{}, uploads.Config{})
	full := f.over(uploads.Deps{Files: &fullDisk{f.files, 10}}, uploads.Config{})
	content := io.MultiReader(strings.NewReader("01234567"), strings.NewReader("89x"))
	if _, err := full.Receive(t.Context(), ann, "x", content); !errors.Is(err, domain.CodeUnavailable) {
		t.Errorf("Receive() on a full disk = %v, want %s", err, domain.CodeUnavailable)
	}
	if ids := f.stored(); len(ids) != 0 {
		t.Errorf("stored are %q, want nothing", ids)
	}
}

// lostStore answers AddUpload with an error, before or after it was done.
type lostStore struct {
	ports.Uploads
	done bool
	find error
}

var errLost = domain.Unavailable(errors.New("connection reset"))

func (s lostStore) AddUpload(ctx context.Context, upload ports.Upload) error {
	if s.done {
		if err := s.Uploads.AddUpload(ctx, upload); err != nil {
			return err
		}
	}
	return errLost
}

func (s lostStore) FindUpload(ctx context.Context, tenant domain.TenantID, id string) (ports.Upload, error) {
	if s.find != nil {
		return ports.Upload{}, s.find
	}
	return s.Uploads.FindUpload(ctx, tenant, id)
}

func TestDescriptionIsLost(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		done   bool
		find   error
		stored bool // as far as the caller knows
		files  int
	}{
		{"before it was stored", false, nil, false, 0},
		{"before it was stored, and nobody can tell", false, errLost, false, 1}, // an orphan
		{"after it was stored", true, nil, true, 1},
		{"after it was stored, and nobody can tell", true, errLost, false, 1},
	} {
		f := newFixture(t, uploads.Deps{}, uploads.Config{})
		lost := f.over(uploads.Deps{Store: lostStore{f.store, tt.done, tt.find}}, uploads.Config{})
		got, err := lost.Receive(t.Context(), ann, "x", bytes.NewReader([]byte("x")))
		if tt.stored && err != nil || !tt.stored && !errors.Is(err, domain.CodeUnavailable) {
			t.Errorf("%s: Receive() = %v, want an upload: %v", tt.name, err, tt.stored)
		}
		if tt.stored {
			f.wantThere(tt.name, got.ID, true)
		}
		if ids := f.stored(); len(ids) != tt.files {
			t.Errorf("%s: stored are %q, want %d", tt.name, ids, tt.files)
		}
	}
}

func TestNewReportsAllProblems(t *testing.T) {
	t.Parallel()
	_, err := uploads.New(uploads.Deps{}, uploads.Config{MaxSize: -1})
	for _, want := range []string{"Deps.Files", "Deps.Store", "negative"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("New(nothing) = %v, want it to name %s", err, want)
		}
	}
}

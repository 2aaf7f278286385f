package estates_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/batchport/batchport/adapters/memory"
	"github.com/batchport/batchport/adapters/xlsxfile"
	"github.com/batchport/batchport/app/document"
	"github.com/batchport/batchport/app/engine"
	"github.com/batchport/batchport/app/estates"
	"github.com/batchport/batchport/app/uploads"
	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/estate"
	"github.com/batchport/batchport/ports"
)

// fixture is the kinds over the memory adapters, with an engine that works.
type fixture struct {
	store   *memory.Store
	files   *memory.Files
	uploads *uploads.Uploads
	web     web
	estates *estates.Estates
	who     domain.Principal
}

// submittedAt is the next day in Taipei.
var submittedAt = time.Date(2026, 11, 21, 16, 30, 0, 0, time.UTC)

func newFixture(t *testing.T, cfg estates.Config) fixture {
	t.Helper()
	f, eng := newIdle(t, cfg)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- eng.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return f
}

// newIdle is newFixture with an engine that does not work yet.
func newIdle(t testing.TB, cfg estates.Config) (fixture, *engine.Engine) {
	t.Helper()
	f := fixture{
		store: memory.NewStore(time.Now), files: memory.NewFiles(), web: web{},
		who: domain.Principal{Tenant: "tenant-a", User: "ann", Permissions: []domain.Permission{domain.All}},
	}
	eng, err := engine.New(engine.Deps{Store: f.store, Bell: memory.NewBell(), Files: f.files},
		engine.Config{ChunkSize: 2, SweepEvery: 10 * time.Millisecond, Now: func() time.Time { return submittedAt }})
	if err != nil {
		t.Fatalf("engine.New: %v", err)
	}
	now := func() time.Time { return submittedAt }
	f.uploads, err = uploads.New(uploads.Deps{Files: f.files, Store: f.store, InUse: f.store.UsesUpload}, uploads.Config{Now: now})
	if err != nil {
		t.Fatalf("uploads.New: %v", err)
	}
	cfg.Now = now
	f.estates, err = estates.New(eng, estates.Deps{
		Selector: f.store, Reader: f.store, Communities: f.store, Contracts: f.store, Repairs: f.store, Users: f.store,
		Listings: f.store, Agents: f.store, Grants: f.store, Reports: f.store, Statements: f.store,
		Uploads: f.uploads, Fetcher: f.web, Workbooks: sheets{}, Sheets: xlsxfile.WorkbookSource{}, Labels: keys{}, Messages: keys{},
	}, cfg)
	if err != nil {
		t.Fatalf("estates.New: %v", err)
	}
	return f, eng
}

// load stores estates, with the users 7 (agent) and 21 (landlord).
func (f fixture) load(t testing.TB, all ...estate.Estate) {
	t.Helper()
	if _, err := f.store.UpsertUsers(t.Context(), f.who.Tenant, []estate.User{
		{ID: 7, Name: "a", Role: estate.Agent}, {ID: 21, Name: "l", Role: estate.Landlord},
	}); err != nil {
		t.Fatalf("UpsertUsers: %v", err)
	}
	outs, err := f.store.UpsertEstates(t.Context(), f.who.Tenant, all)
	if err != nil || slices.ContainsFunc(outs, func(o domain.Outcome) bool { return o.Fate == domain.Failed }) {
		t.Fatalf("UpsertEstates = %v, %v; want all stored", outs, err)
	}
}

// submit submits a request written as JSON.
func (f fixture) submit(t *testing.T, body string) (*domain.BatchJob, error) {
	t.Helper()
	return f.estates.Submit(t.Context(), f.who, estates.Request{Body: valueOf(t, body), Locale: "zh_TW", Upload: uploadOf})
}

// finish submits a request that must be accepted, and waits for the job's end.
func (f fixture) finish(t *testing.T, body string) *domain.BatchJob {
	t.Helper()
	job, err := f.submit(t, body)
	if err != nil {
		t.Fatalf("Submit(%s): %v", body, err)
	}
	return f.wait(t, job)
}

// wait waits for the end of a job.
func (f fixture) wait(t *testing.T, job *domain.BatchJob) *domain.BatchJob {
	t.Helper()
	for deadline := time.After(10 * time.Second); ; {
		var err error
		job, err = f.store.FindJob(t.Context(), job.Ref())
		if err != nil {
			t.Fatalf("FindJob: %v", err)
		}
		if job.State().Ended() {
			return job
		}
		select {
		case <-deadline:
			t.Fatalf("job %s of %s is %s after 10 s, want it ended", job.ID(), job.Kind(), job.State())
		case <-time.After(time.Millisecond):
		}
	}
}

// listed returns the identifiers of the advertised estates.
func (f fixture) listed(t *testing.T) (ids []int64) {
	t.Helper()
	for id, err := range f.store.SelectEstates(t.Context(), f.who.Tenant, estate.Filter{Listed: []bool{true}}) {
		if err != nil {
			t.Fatalf("SelectEstates: %v", err)
		}
		ids = append(ids, id)
	}
	return ids
}

// failures returns the failed items as "key code field".
func (f fixture) failures(t *testing.T, job *domain.BatchJob) (all []string) {
	t.Helper()
	failures, err := f.store.ListFailures(t.Context(), job.Ref(), -1, 100)
	if err != nil {
		t.Fatalf("ListFailures: %v", err)
	}
	for _, i := range failures {
		all = append(all, strings.TrimSpace(fmt.Sprintf("%d %s %s %s", i.Index, i.Key, i.Failure.Code, i.Failure.Field)))
	}
	return all
}

// valueOf reads JSON for a test.
func valueOf(t *testing.T, text string) document.Value {
	t.Helper()
	v, err := document.Parse(text)
	if err != nil {
		t.Fatalf("Parse(%s): %v", text, err)
	}
	return v
}

// uploadOf takes "up:ID" for the URL of an upload, and "up:" for that of
// another tenant's.
func uploadOf(url string) (id string, ok bool) { return strings.CutPrefix(url, "up:") }

// web is what there is elsewhere, by URL.
type web map[string][]byte

func (w web) Fetch(_ context.Context, url string, to io.Writer) error {
	content, found := w[url]
	if !found {
		return domain.Fail(domain.NewFailure(domain.CodeUnreachable, "", url, "reason", "dns"))
	}
	_, err := to.Write(content)
	return err
}

// keys is labels and messages that show what was asked for.
type keys struct{}

func (keys) Label(locale, key string) string { return locale + ":" + key }

func (keys) Text(locale string, f domain.Failure) string { return locale + ":" + f.String() }

// sheets makes workbooks of lines of cells.
type sheets struct{}

func (sheets) NewWorkbook(w io.Writer, sheet string, columns []ports.Column) (ports.WorkbookWriter, error) {
	titles := make([]ports.Cell, len(columns))
	for i, c := range columns {
		titles[i] = ports.Cell{Kind: ports.CellText, Text: c.Title}
	}
	book := lines{w}
	_, err := fmt.Fprintln(w, sheet)
	return book, cmp.Or(err, book.WriteRow(titles))
}

type lines struct{ w io.Writer }

func (l lines) WriteRow(cells []ports.Cell) error {
	texts := make([]string, len(cells))
	for i, c := range cells {
		if texts[i] = c.Text; c.Kind == ports.CellInteger {
			texts[i] = fmt.Sprint(c.Int)
		}
	}
	_, err := fmt.Fprintln(l.w, strings.Join(texts, "|"))
	return err
}

func (l lines) Close() error {
	_, err := fmt.Fprintln(l.w, "end")
	return err
}

// content returns the job's file.
func (f fixture) content(t *testing.T, job *domain.BatchJob) string {
	t.Helper()
	if job.File() == nil {
		t.Fatalf("job %s has no file: %+v", job.ID(), job.Snapshot())
	}
	r, err := f.files.Open(t.Context(), f.who.Tenant, job.File().ID)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	var content bytes.Buffer
	_, err = content.ReadFrom(r)
	if err := errors.Join(err, r.Close()); err != nil {
		t.Fatalf("read the file: %v", err)
	}
	return content.String()
}

package httpapi_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/batchport/batchport/adapters/catalog"
	"github.com/batchport/batchport/adapters/httpapi"
	"github.com/batchport/batchport/adapters/memory"
	"github.com/batchport/batchport/adapters/webfetch"
	"github.com/batchport/batchport/adapters/xlsxfile"
	"github.com/batchport/batchport/app/access"
	"github.com/batchport/batchport/app/budgets"
	"github.com/batchport/batchport/app/engine"
	"github.com/batchport/batchport/app/estates"
	"github.com/batchport/batchport/app/uploads"
	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/estate"
	"github.com/batchport/batchport/ports"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// world is the whole interface over the real use cases and the adapters in
// memory. Nothing is worked on until it is told to run.
type world struct {
	t       *testing.T
	store   *faultyStore
	files   *memory.Files
	uploads *uploads.Uploads
	engine  *engine.Engine
	gates   *engine.Jobs[struct{}, int]
	gate    chan struct{} // lets one item of a gate job pass
	keys    *access.Keys
	handler http.Handler
	server  *httptest.Server
	logs    *logBuffer

	admin, poor, foreign string // keys: all permissions; one that no kind asks for; of another tenant
}

// faultyStore fails every transaction once it was told how, and may fail to
// list failures from some item on.
type faultyStore struct {
	*memory.Store
	fault  atomic.Pointer[error]
	listed atomic.Pointer[func(after int) error]
}

func (s *faultyStore) ListFailures(ctx context.Context, ref domain.JobRef, after, limit int) ([]domain.ItemFailure, error) {
	if fault := s.listed.Load(); fault != nil {
		if err := (*fault)(after); err != nil {
			return nil, err
		}
	}
	return s.Store.ListFailures(ctx, ref, after, limit)
}

func (s *faultyStore) InTx(ctx context.Context, fn func(ctx context.Context) error) error {
	if err := s.fault.Load(); err != nil {
		return *err
	}
	return s.Store.InTx(ctx, fn)
}

type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// settings change what a world is made of.
type settings struct {
	config       httpapi.Config
	engine       engine.Config
	estates      estates.Config
	budgets      budgets.Config
	columns      ports.BudgetColumns
	codes        ports.BudgetCodes
	uploads      uploads.Config
	files        ports.Files // what uploads are written to; nil means memory
	ready        func(context.Context) error
	authenticate httpapi.Authenticator
}

func newWorld(t *testing.T, s settings) *world {
	t.Helper()
	w := newUnservedWorld(t, s)
	w.server = httptest.NewServer(w.handler)
	t.Cleanup(w.server.Close)
	return w
}

// newUnservedWorld is a world without a server, for a bubble: there no
// connection may be waited for.
func newUnservedWorld(t *testing.T, s settings) *world {
	t.Helper()
	w := &world{
		t: t, store: &faultyStore{Store: memory.NewStore(time.Now)}, files: memory.NewFiles(),
		gate: make(chan struct{}), logs: &logBuffer{},
	}
	s.engine.ChunkSize, s.engine.SweepEvery = max(s.engine.ChunkSize, 1), 10*time.Millisecond
	var err error
	w.engine, err = engine.New(engine.Deps{
		Store: w.store, Bell: memory.NewBell(), Files: w.files, Events: memory.NewEventStream(), Authority: w.store,
	}, s.engine)
	w.must(err)
	if s.files == nil {
		s.files = w.files
	}
	w.uploads, err = uploads.New(uploads.Deps{Files: s.files, Store: w.store}, s.uploads)
	w.must(err)
	web, err := webfetch.New(webfetch.Config{})
	w.must(err)
	jobs, err := estates.New(w.engine, estates.Deps{
		Selector: w.store, Reader: w.store, Communities: w.store, Contracts: w.store, Repairs: w.store, Users: w.store,
		Listings: w.store, Agents: w.store, Grants: w.store, Reports: w.store, Statements: w.store,
		Uploads: w.uploads, Fetcher: web, Workbooks: xlsxfile.Workbooks{}, Sheets: xlsxfile.WorkbookSource{},
		Labels: catalog.NewLabels(), Messages: catalog.NewMessages(),
	}, s.estates)
	w.must(err)
	rules, err := budgets.New(w.engine, budgets.Deps{
		Store: w.store, Rules: w.store, Uploads: w.uploads, Workbooks: xlsxfile.Workbooks{}, Sheets: xlsxfile.WorkbookSource{},
		Labels: catalog.NewLabels(), Messages: catalog.NewMessages(), Columns: s.columns, Codes: s.codes,
	}, s.budgets)
	w.must(err)
	w.gates, err = engine.RegisterExport(w.engine, engine.Export[struct{}, int]{
		Name:     "gate",
		FileName: func(*domain.BatchJob, struct{}) string { return "gate.csv" },
		Write: func(ctx context.Context, _ *domain.BatchJob, _ struct{}, items []int, _ io.Writer, record engine.Recorder[int]) error {
			for i, item := range items {
				select {
				case <-w.gate:
				case <-ctx.Done():
					return ctx.Err()
				}
				if err := record(i, item, domain.Outcome{Fate: domain.Exported}); err != nil {
					return err
				}
			}
			return nil
		},
	})
	w.must(err)
	w.keys = access.NewKeys(w.store, time.Now)
	w.admin = w.key("acme", domain.All)
	w.poor = w.key("acme", "something_else")
	w.foreign = w.key("other", domain.All)
	if s.authenticate == nil {
		s.authenticate = httpapi.APIKeys(w.keys)
	}
	s.config.Logger = slog.New(slog.NewTextHandler(w.logs, &slog.HandlerOptions{Level: slog.LevelDebug}))
	w.handler, err = httpapi.New(httpapi.Deps{
		Estates: jobs, Budgets: rules, Engine: w.engine, Files: s.files, Uploads: w.uploads,
		Messages: catalog.NewMessages(), Counts: catalog.NewLabels(), Authenticate: s.authenticate, Ready: s.ready,
		Locale: func(locale, accepted, otherwise string) string {
			return catalog.Locale(locale, accepted, cmp.Or(otherwise, "en_US"))
		},
	}, s.config)
	w.must(err)
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// run works jobs off until the test ends.
func (w *world) run() {
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.engine.Run(ctx) }()
	w.t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			w.t.Errorf("Run() = %v, want nil", err)
		}
	})
}

func (w *world) key(tenant domain.TenantID, permission domain.Permission) string {
	w.t.Helper()
	key, err := w.keys.Create(w.t.Context(), domain.Principal{
		Tenant: tenant, User: domain.UserID("user-of-" + string(permission)), Permissions: []domain.Permission{permission},
	})
	w.must(err)
	return key
}

// estates stores estates of acme: those of ids below 100 are vacant, the rest
// are closed and cannot be advertised.
func (w *world) estates(ids ...int64) {
	w.t.Helper()
	var all []estate.Estate
	for _, id := range ids {
		e := estate.Estate{ID: id, Name: "物件", Country: 1, District: 2, Status: estate.Vacant, Rent: 10_000}
		if id >= 100 {
			e.Status = estate.Closed
		}
		all = append(all, e)
	}
	_, err := w.store.UpsertEstates(w.t.Context(), "acme", all)
	w.must(err)
}

// rentable stores vacant estates of acme, in place of those that are there.
func (w *world) rentable(ids ...int64) {
	w.t.Helper()
	for _, id := range ids {
		_, err := w.store.UpsertEstates(w.t.Context(), "acme", []estate.Estate{
			{ID: id, Name: "物件", Country: 1, District: 2, Status: estate.Vacant, Rent: 10_000},
		})
		w.must(err)
	}
}

// gateJob submits a job of three items that wait at the gate, and returns its
// code once it runs.
func (w *world) gateJob(who domain.Principal) string {
	w.t.Helper()
	job, err := w.gates.Submit(w.t.Context(), who, engine.Request[struct{}, int]{Items: []int{1, 2, 3}})
	w.must(err)
	select {
	case w.gate <- struct{}{}:
	case <-time.After(10 * time.Second):
		w.t.Fatalf("a job of the kind gate did not run for 10 s\nlog:\n%s", w.logs)
	}
	return string(job.ID())
}

// people stores the agent 7 and the landlord 21 of acme.
func (w *world) people() {
	w.t.Helper()
	_, err := w.store.UpsertUsers(w.t.Context(), "acme", []estate.User{
		{ID: 7, Name: "王經理", Role: estate.Agent}, {ID: 21, Name: "林房東", Role: estate.Landlord},
	})
	w.must(err)
}

// reply is an answer, read.
type reply struct {
	status int
	header http.Header
	body   string
}

// call sends a request, and holds the answer to the description of the API.
// headers are names and values in turn.
func (w *world) call(method, target, body string, headers ...string) reply {
	w.t.Helper()
	if !strings.HasPrefix(target, "http") {
		target = w.server.URL + target
	}
	r, err := http.NewRequestWithContext(w.t.Context(), method, target, strings.NewReader(body))
	w.must(err)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	response, err := w.server.Client().Do(r)
	w.must(err)
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	w.must(err)
	got := reply{response.StatusCode, response.Header, string(text)}
	conforms(w.t, method, target, got)
	return got
}

// post submits a job as the admin of acme.
func (w *world) post(body string, headers ...string) reply {
	w.t.Helper()
	return w.call(http.MethodPost, "/api2/getBatchCode", body, append([]string{"X-API-Key", w.admin}, headers...)...)
}

// submit submits a job that must be accepted, and returns its code.
func (w *world) submit(body string, headers ...string) string {
	w.t.Helper()
	answer := w.post(body, headers...)
	code, _ := fields(w.t, answer.body)["data"].(map[string]any)["batch_code"].(string)
	if answer.status != http.StatusOK || code == "" {
		w.t.Fatalf("POST getBatchCode %s = %d %s, want 200 and a code", body, answer.status, answer.body)
	}
	return code
}

// status asks as the admin of acme.
func (w *world) status(code string, headers ...string) reply {
	w.t.Helper()
	return w.call(http.MethodGet, "/api2/getBatchStatus?batch_code="+code, "", append([]string{"X-API-Key", w.admin}, headers...)...)
}

// until asks for the status until it is as wanted.
func (w *world) until(code, wanted string, good func(map[string]any) bool) reply {
	w.t.Helper()
	timeout := time.After(10 * time.Second)
	for {
		answer := w.status(code)
		if good(fields(w.t, answer.body)) {
			return answer
		}
		select {
		case <-timeout:
			w.t.Fatalf("GET getBatchStatus = %s for 10 s, want %s\nlog:\n%s", answer.body, wanted, w.logs)
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// ended waits for the job's end.
func (w *world) ended(code string) reply {
	w.t.Helper()
	return w.until(code, "success true", func(m map[string]any) bool { return m["success"] == true })
}

// fields decodes an object.
func fields(t *testing.T, text string) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		t.Fatalf("answer %q is no JSON object: %v", text, err)
	}
	return m
}

// golden compares text, as indented JSON, with a file.
func golden(t *testing.T, name, text string) {
	t.Helper()
	var indented bytes.Buffer
	if err := json.Indent(&indented, []byte(strings.TrimSpace(text)), "", "  "); err != nil {
		t.Fatalf("answer %q is no JSON: %v", text, err)
	}
	indented.WriteByte('\n')
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, indented.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(string(want), indented.String()); diff != "" {
		t.Errorf("answer differs from %s (-want +got):\n%s", path, diff)
	}
}

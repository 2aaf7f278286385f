package budgets_test

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/batchport/batchport/adapters/bunstore"
	"github.com/batchport/batchport/adapters/bunstore/sqlite"
	"github.com/batchport/batchport/adapters/catalog"
	"github.com/batchport/batchport/adapters/memory"
	"github.com/batchport/batchport/adapters/xlsxfile"
	"github.com/batchport/batchport/app/budgets"
	"github.com/batchport/batchport/app/document"
	"github.com/batchport/batchport/app/engine"
	"github.com/batchport/batchport/app/uploads"
	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/budget"
	"github.com/batchport/batchport/ports"
)

// store is what syncs and the engine keep things in.
type store interface {
	ports.Store
	ports.Uploads
	ports.SyncAnswers
	ports.Quotas
	ports.BudgetRules
}

// What databases of these tests refuse, and what the host does.
const (
	refusedBranch = "REFUSED"
	unknownBudget = "UNKNOWN"
)

// refusing is a store that refuses rules of a branch, as a constraint would.
type refusing struct{ store }

func (s refusing) UpsertBudgetRules(ctx context.Context, tenant domain.TenantID, batch ports.RuleBatch, rules []ports.PlacedRule) ([]domain.Outcome, error) {
	if slices.ContainsFunc(rules, func(r ports.PlacedRule) bool { return r.Rule.BranchCode == refusedBranch }) {
		return nil, &domain.Error{Code: domain.CodeRejected}
	}
	return s.store.UpsertBudgetRules(ctx, tenant, batch, rules)
}

func inMemory(*testing.T) store { return refusing{memory.NewStore(time.Now)} }

// onSQLite is a store on a file, with a trigger that refuses rules of the branch.
func onSQLite(t *testing.T) store {
	t.Helper()
	db, err := sqlite.Open(filepath.Join(t.TempDir(), "batchport.db"))
	if err != nil {
		t.Fatalf("sqlite.Open: %v", err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	s, err := bunstore.New(db.Write, bunstore.Config{ReadDB: db.Read})
	if err != nil {
		t.Fatalf("bunstore.New: %v", err)
	}
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatalf("Migrate: %v", err)
	}
	if _, err := db.Write.ExecContext(t.Context(), `CREATE TRIGGER refuse BEFORE INSERT ON batchport_budget_rules
		WHEN NEW.branch_code = '`+refusedBranch+`' BEGIN SELECT RAISE(ABORT, 'no such branch'); END`); err != nil {
		t.Fatalf("CREATE TRIGGER: %v", err)
	}
	return s
}

// host knows the columns in it, and one budget less than there are.
type host []string

func (h host) KnownColumns(context.Context, domain.TenantID) (budget.Catalog, error) {
	return func(c budget.ColumnRef) bool { return slices.Contains(h, c.String()) }, nil
}

func (host) CheckBudgetCodes(_ context.Context, _ domain.TenantID, codes []string) ([]*domain.Failure, error) {
	verdicts := make([]*domain.Failure, len(codes))
	for i, code := range codes {
		if code == unknownBudget {
			verdicts[i] = &domain.Failure{Code: "unknown_budget"}
		}
	}
	return verdicts, nil
}

// options change what a fixture is made of.
type options struct {
	store  store // nil means one in memory
	engine engine.Config
	config budgets.Config
	host   host // nil means none
	sheets ports.WorkbookSource
}

// fixture is syncs over real adapters. Jobs are not worked on until it runs.
type fixture struct {
	store   store
	engine  *engine.Engine
	budgets *budgets.Budgets
	uploads *uploads.Uploads
}

func newFixture(tb testing.TB, o options) fixture {
	tb.Helper()
	f := fixture{store: o.store}
	if f.store == nil {
		f.store = refusing{memory.NewStore(time.Now)}
	}
	files := memory.NewFiles()
	if o.engine.SweepEvery == 0 {
		o.engine.SweepEvery = 10 * time.Millisecond
	}
	var err error
	f.engine, err = engine.New(engine.Deps{Store: f.store, Bell: memory.NewBell(), Files: files, Events: memory.NewEventStream()}, o.engine)
	if err != nil {
		tb.Fatalf("engine.New: %v", err)
	}
	f.uploads, err = uploads.New(uploads.Deps{Files: files, Store: f.store}, uploads.Config{})
	if err != nil {
		tb.Fatalf("uploads.New: %v", err)
	}
	if o.sheets == nil {
		o.sheets = xlsxfile.WorkbookSource{}
	}
	deps := budgets.Deps{
		Store: f.store, Rules: f.store, Uploads: f.uploads, Workbooks: xlsxfile.Workbooks{}, Sheets: o.sheets,
		Labels: labels, Messages: messages,
	}
	if o.host != nil {
		deps.Columns, deps.Codes = o.host, o.host
	}
	f.budgets, err = budgets.New(f.engine, deps, o.config)
	if err != nil {
		tb.Fatalf("budgets.New: %v", err)
	}
	return f
}

var labels, messages = catalog.NewLabels(), catalog.NewMessages()

// run works jobs off until the test ends.
func (f fixture) run(t *testing.T) fixture {
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- f.engine.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return f
}

// failing is a test, or a check of one.
type failing interface {
	Helper()
	Fatalf(format string, args ...any)
}

var tenants atomic.Int64

// somebody is a user of a tenant that nobody else is of.
func somebody() domain.Principal {
	return domain.Principal{
		Tenant: domain.TenantID(fmt.Sprint("tenant-", tenants.Add(1))), User: "ann",
		Permissions: []domain.Permission{domain.Permission(budgets.Sync)},
	}
}

// envelope is a synchronous request for rows.
func envelope(bizID, timestamp string, rows []string) string {
	return fmt.Sprintf(`{"bizId":%q,"timestamp":%s,"data":[%s]}`, bizID, timestamp, strings.Join(rows, ","))
}

func valueOf(t failing, text string) document.Value {
	t.Helper()
	v, err := document.Parse(text)
	if err != nil {
		t.Fatalf("Parse(%s): %v", text, err)
	}
	return v
}

// finish submits a job that must be accepted, and returns its end.
func (f fixture) finish(t failing, who domain.Principal, r budgets.JobRequest) *domain.BatchJob {
	t.Helper()
	job, err := f.budgets.Submit(context.Background(), who, r)
	if err != nil {
		t.Fatalf("Submit(%s): %v", r.Body.Append(nil), err)
	}
	for deadline := time.After(20 * time.Second); ; {
		job, err = f.store.FindJob(context.Background(), job.Ref())
		if err != nil {
			t.Fatalf("FindJob: %v", err)
		}
		if job.State().Ended() {
			return job
		}
		select {
		case <-deadline:
			t.Fatalf("job of %s is %s after 20 s, want it ended", r.Body.Append(nil), job.State())
		case <-time.After(time.Millisecond):
		}
	}
}

// said is a note in short: where, which rule, what is to blame, and why.
func said(index int, code *string, f domain.Failure) string {
	shown := func(s string) string {
		if s == "" {
			return "-"
		}
		return s
	}
	rule := "null"
	if code != nil {
		rule = fmt.Sprintf("%q", *code)
	}
	note := fmt.Sprint(index, " ", rule, " ", shown(f.Field), " ", f.Code)
	if earlier := f.Params["earlier"]; earlier != "" {
		note += " of " + earlier
	}
	return note
}

func saidAll(notes []budgets.RowNote) (all []string) {
	for _, n := range notes {
		all = append(all, said(n.Index, n.Code, n.Failure))
	}
	return all
}

// table lists the rules of a tenant, each as it is stored.
func (f fixture) table(t failing, who domain.Principal, revisions bool) (all []string) {
	t.Helper()
	rules, err := f.budgets.List(context.Background(), who, budget.Filter{}, "", 1_000_000)
	if err != nil {
		t.Fatalf("List: %v", err)
	}
	for _, r := range rules {
		line := fmt.Sprintf("%s %d %s %s branch %q event %q deleted %t", r.Code, r.Priority, r.BudgetCode, r.Condition.Text(), r.BranchCode, r.BudgetEvent, r.Deleted)
		if revisions {
			line += fmt.Sprint(" after ", r.Revision)
		}
		all = append(all, line)
	}
	return all
}

// rowsOf are the rows of a job as they were sent.
func (f fixture) rowsOf(job *domain.BatchJob) (rows []string, err error) {
	for chunk, err := range f.store.EachChunk(context.Background(), job.Ref()) {
		if err != nil {
			return nil, err
		}
		var items []struct{ Sent json.RawMessage }
		if err := json.Unmarshal(chunk.Items, &items); err != nil {
			return nil, err
		}
		for _, item := range items {
			rows = append(rows, string(item.Sent))
		}
	}
	return rows, nil
}

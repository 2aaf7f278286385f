package main

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/uptrace/bun"

	"github.com/batchport/batchport/adapters/bunstore"
	"github.com/batchport/batchport/adapters/bunstore/postgres"
	"github.com/batchport/batchport/adapters/bunstore/postgres/postgrestest"
	"github.com/batchport/batchport/adapters/bunstore/sqlite"
	"github.com/batchport/batchport/adapters/catalog"
	"github.com/batchport/batchport/adapters/diskfiles"
	"github.com/batchport/batchport/adapters/memory"
	"github.com/batchport/batchport/adapters/webfetch"
	"github.com/batchport/batchport/adapters/xlsxfile"
	"github.com/batchport/batchport/app/budgets"
	"github.com/batchport/batchport/app/document"
	"github.com/batchport/batchport/app/engine"
	"github.com/batchport/batchport/app/estates"
	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/estate"
)

// TestStoresAgree does the same made-up work on SQLite and on PostgreSQL: jobs
// and syncs, good and bad, of which both databases also refuse some. Both say
// the same of each, down to the bytes of exports, and hold the same in the end.
func TestStoresAgree(t *testing.T) {
	t.Parallel()
	words := []string{"not_found", "rejected", "total_mismatch", "rate_limited", "repeated true", "idempotency_mismatch", "file ", "warning of item"}
	said := make([]atomic.Bool, len(words))
	t.Run("seeds", func(t *testing.T) {
		for seed := range uint64(3) {
			t.Run(fmt.Sprint(seed), func(t *testing.T) {
				t.Parallel()
				for _, line := range agree(t, madeUpWork(rand.New(rand.NewPCG(seed, 0)), 40)) {
					for i, word := range words {
						said[i].CompareAndSwap(false, strings.Contains(line, word))
					}
				}
			})
		}
	})
	for i, word := range words {
		if !said[i].Load() {
			t.Errorf("nothing that was said has the word %q, so that nobody knows whether both say it", word)
		}
	}
}

// Triggers that refuse rows: of a name, an event, a table and a condition.
const (
	sqliteTrigger   = "CREATE TRIGGER %[1]s BEFORE %[2]s ON %[3]s WHEN %[4]s BEGIN SELECT RAISE(ABORT, 'no'); END"
	postgresTrigger = `CREATE FUNCTION %[1]s() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$;
		CREATE TRIGGER %[1]s BEFORE %[2]s ON %[3]s FOR EACH ROW WHEN (%[4]s) EXECUTE FUNCTION %[1]s()`
)

// agree does the work on both databases, and returns what both said.
func agree(t *testing.T, works []work) (said []string) {
	t.Helper()
	write, read := openSQLite(t)
	onSQLite := newAgreeing(t, write, read, sqliteTrigger, 9)
	write, read = openPostgres(t)
	onPostgres := newAgreeing(t, write, read, postgresTrigger, 9)
	for _, work := range works {
		want, got := onSQLite.do(work), onPostgres.do(work)
		if d := cmp.Diff(want, got); d != "" {
			t.Fatalf("%s\nends otherwise on PostgreSQL (+) than on SQLite (-):\n%s", work, d)
		}
		said = append(said, got...)
	}
	if d := cmp.Diff(onSQLite.tables(), onPostgres.tables()); d != "" {
		t.Errorf("the tables are others on PostgreSQL (+) than on SQLite (-):\n%s", d)
	}
	return said
}

// work is something to do.
type work struct {
	sync   bool           // a synchronous request
	budget bool           // about budget rules
	body   string         // with %d for how many estates a search finds
	search *estate.Filter // nil when it has none
	off    int            // from that number

	options domain.JobOptions
}

func (w work) String() string {
	return fmt.Sprintf("sync %t, budget rules %t: %.2000s", w.sync, w.budget, w.body)
}

// madeUpWork makes up n things to do.
func madeUpWork(r *rand.Rand, n int) []work {
	all := make([]work, n)
	for i := range all {
		switch kind := r.IntN(10); {
		case kind < 3:
			all[i] = work{sync: true, budget: true, body: fmt.Sprintf(`{"bizId":"biz-%d","timestamp":1795278600000,"data":%s}`,
				r.IntN(n/4), madeUpRules(r, 1+r.IntN(60)))}
			if i > 0 && all[i-1].sync && r.IntN(3) == 0 {
				all[i] = all[i-1] // again
			}
		case kind < 4:
			all[i] = work{budget: true, body: fmt.Sprintf(`{"data":%s}`, madeUpRules(r, 1+r.IntN(200)))}
		case kind < 8:
			all[i] = work{body: madeUpNamed(r)}
		default:
			all[i] = madeUpSearch(r)
		}
	}
	return all
}

// awkward are codes, and words of rules, that databases take for each other.
var awkward = []string{"規則", "規則 ", "R", "r", "É", "E\u0301", "ß", "ss", "İ", "i", "I", "R-1", "R 1", "%", "_", "'", `\`, `"`, "?", "{p}", "😀"}

// madeUpRules returns n rows of a budget sync.
func madeUpRules(r *rand.Rand, n int) string {
	rows := make([]map[string]any, n)
	for i := range rows {
		code := awkward[r.IntN(len(awkward))]
		row := map[string]any{
			"code": code + fmt.Sprint(r.IntN(20)), "priority": r.IntN(100), "budget_code": "B" + awkward[r.IntN(len(awkward))],
			"rule_condition": map[string]any{"expense_code": []any{code, r.IntN(9)}},
		}
		switch r.IntN(12) {
		case 0:
			row["budget_code"] = "refused"
		case 1:
			row["priority"] = []any{-1, "x", 1e9, nil}[r.IntN(4)]
		case 2:
			row["code"] = strings.Repeat(code, 70)
		case 3:
			delete(row, []string{"code", "budget_code", "rule_condition"}[r.IntN(3)])
		case 4:
			row["branch_code"], row["budget_event"] = code, code
		}
		rows[i] = row
	}
	text, err := json.Marshal(rows)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// agreeingEstates is how many estates there are.
const agreeingEstates = 300

// madeUpIDs returns identifiers of estates, a few of which do not exist.
func madeUpIDs(r *rand.Rand) []int {
	ids := make([]int, 0, 120)
	for _, i := range r.Perm(agreeingEstates + 10)[:1+r.IntN(120)] {
		ids = append(ids, firstEstate+i)
	}
	return ids
}

// madeUpNamed returns a job whose items are named.
func madeUpNamed(r *rand.Rand) string {
	ids, err := json.Marshal(madeUpIDs(r))
	if err != nil {
		panic(err)
	}
	edits := func(of string, capabilities bool) string {
		data := map[string]any{}
		for _, id := range madeUpIDs(r) {
			// Some are no agents, or no landlords, or nobody.
			edit := map[string]any{"editUserId": []any{firstAgent, firstAgent + 1, firstLandlord, firstLandlord + 1, 7}[r.IntN(5)]}
			if capabilities {
				edit["capabilities"] = map[string]any{[]string{"show_estate", "edit_repair", "fly"}[r.IntN(3)]: r.IntN(2)}
			}
			data[fmt.Sprint(id)] = edit
		}
		text, err := json.Marshal(data)
		if err != nil {
			panic(err)
		}
		return fmt.Sprintf(`{"job_name":%q,"action":"estate","data":%s}`, of, text)
	}
	switch r.IntN(5) {
	case 0:
		return fmt.Sprintf(`{"job_name":"estate_batch_open_rent","estatesIds":%s}`, ids)
	case 1:
		return fmt.Sprintf(`{"job_name":"estate_batch_close_rent","estatesIds":%s}`, ids)
	case 2:
		return fmt.Sprintf(`{"job_name":"estate_export","estatesIds":%s}`, ids)
	case 3:
		return edits("estate_batch_edit_agent", false)
	default:
		return edits("estate_batch_edit_bigLandlord", true)
	}
}

// madeUpSearch returns a job for all that a search finds, or nearly as many.
func madeUpSearch(r *rand.Rand) work {
	listed, at := r.IntN(2) == 0, districts[r.IntN(len(districts))].code
	w := work{search: &estate.Filter{Listed: []bool{listed}}, off: max(r.IntN(5)-3, 0)}
	options := fmt.Sprintf(`"listed":%d`, map[bool]int{true: 1}[listed])
	if r.IntN(2) == 0 {
		w.search.Districts = []int64{int64(at)}
		options += fmt.Sprintf(`,"district":%d`, at)
	}
	name := []string{"estate_batch_open_rent", "estate_batch_close_rent", "estate_export", "estate_export"}[r.IntN(4)]
	w.body = fmt.Sprintf(`{"job_name":%q,"estatesIds":"all","total":%%d,"searchOptions":{%s}}`, name, options)
	return w
}

// agreeing does work on one database, at a time that stands still.
type agreeing struct {
	t    *testing.T
	db   *bun.DB
	node *node
	who  domain.Principal
}

var agreeingNow = time.Date(2026, 11, 21, 16, 30, 0, 0, time.UTC)

func openSQLite(t testing.TB) (write, read *bun.DB) {
	t.Helper()
	db, err := sqlite.Open(filepath.Join(t.TempDir(), databaseName))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db.Write, db.Read
}

func openPostgres(t testing.TB) (write, read *bun.DB) {
	t.Helper()
	db, err := postgres.Open(t.Context(), postgrestest.URL(t), postgres.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db, db
}

// newAgreeing returns a world on the database, with the made-up data, and an
// engine that works until the test ends: with one worker, since how often a rule
// of one code in several chunks was stored depends on their order. Some rows the database refuses: the
// trigger makes it do so, of a name, an event, a table and a condition.
func newAgreeing(t *testing.T, write, read *bun.DB, trigger string, perHour int) *agreeing {
	t.Helper()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	store, err := bunstore.New(write, bunstore.Config{ReadDB: read})
	check(err)
	check(store.Migrate(t.Context()))
	n := &node{database: &database{store: store}}
	n.files, err = diskfiles.New(t.TempDir())
	check(err)
	t.Cleanup(func() { _ = n.files.Close() })
	var identifiers atomic.Uint64
	now, random := func() time.Time { return agreeingNow }, func() uint64 { return identifiers.Add(1) }
	n.engine, err = engine.New(engine.Deps{Store: store, Bell: memory.NewBell(), Events: memory.NewEventStream(), Files: n.files},
		engine.Config{Workers: 1, ChunkSize: 32, SweepEvery: 20 * time.Millisecond, Now: now, Random: random})
	check(err)
	check(n.openUploads())
	check(n.openSheets(t.Context()))
	check(loadDemoData(t.Context(), n, agreeingEstates))
	fetcher, err := webfetch.New(webfetch.Config{})
	check(err)
	n.estates, err = estates.New(n.engine, estates.Deps{
		Selector: store, Reader: store, Communities: store, Contracts: store, Repairs: store, Users: store,
		Listings: store, Agents: store, Grants: store, Reports: store, Statements: store,
		Uploads: n.uploads, Fetcher: fetcher, Workbooks: xlsxfile.Workbooks{}, Sheets: n.sheets,
		Labels: catalog.NewLabels(), Messages: catalog.NewMessages(),
	}, estates.Config{Zone: time.UTC, Now: now})
	check(err)
	n.budgets, err = budgets.New(n.engine, budgets.Deps{
		Store: store, Rules: store, Uploads: n.uploads, Workbooks: xlsxfile.Workbooks{}, Sheets: n.sheets,
		Labels: catalog.NewLabels(), Messages: catalog.NewMessages(), Columns: knownColumns{"expense_code"},
	}, budgets.Config{PerHour: perHour, MaxRows: 120, Now: now, Random: random})
	check(err)
	for _, refuse := range [][]any{
		{"refuse_rule", "INSERT", "batchport_budget_rules", "NEW.budget_code = 'refused'"},
		{"refuse_estate", "UPDATE", "batchport_estates", "NEW.id % 17 = 0"},
		{"refuse_grant", "INSERT", "batchport_grants", "NEW.estate_id % 13 = 0"},
	} {
		_, err := write.ExecContext(t.Context(), fmt.Sprintf(trigger, refuse...))
		check(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- n.engine.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("Run() = %v, want no error", err)
		}
	})
	return &agreeing{t: t, db: write, node: n, who: domain.Principal{Tenant: demoTenant, User: "ann", Permissions: []domain.Permission{domain.All}}}
}

// do does the work to its end, and says all that is to be said of it.
func (a *agreeing) do(w work) []string {
	a.t.Helper()
	if w.search != nil {
		found := w.off
		for _, err := range a.node.database.store.SelectEstates(a.t.Context(), demoTenant, *w.search) {
			if err != nil {
				a.t.Fatal(err)
			}
			found++
		}
		w.body = fmt.Sprintf(w.body, found)
	}
	body, err := document.Parse(w.body)
	if err != nil {
		a.t.Fatal(err)
	}
	if w.sync {
		s, err := a.node.budgets.Sync(a.t.Context(), a.who, body)
		answer, encoding := json.Marshal(s.Answer)
		if encoding != nil {
			a.t.Fatal(encoding)
		}
		left := make([]int, len(s.Quota.Windows)) // when there will be more, the database's clock says
		for i, use := range s.Quota.Windows {
			left[i] = use.Left
		}
		return append([]string{fmt.Sprintf("repeated %t, quota %v, answer %s", s.Repeated, left, answer)}, saying(err)...)
	}
	var job *domain.BatchJob
	if w.budget {
		job, err = a.node.budgets.Submit(a.t.Context(), a.who, budgets.JobRequest{Body: body, Locale: "zh_TW", Options: w.options})
	} else {
		job, err = a.node.estates.Submit(a.t.Context(), a.who, estates.Request{Body: body, Locale: "zh_TW", Options: w.options, Upload: ownUpload})
	}
	if err != nil {
		return saying(err)
	}
	return a.ending(job)
}

// ending waits for the job's end and says all that is to be said of it.
func (a *agreeing) ending(job *domain.BatchJob) []string {
	a.t.Helper()
	ctx, eng := a.t.Context(), a.node.engine
	for deadline := time.After(time.Minute); !job.State().Ended(); {
		select {
		case <-deadline:
			a.t.Fatalf("job %s is %s after a minute, want it ended", job.ID(), job.State())
		case <-time.After(time.Millisecond):
		}
		var err error
		if job, err = eng.Find(ctx, a.who, job.ID()); err != nil {
			a.t.Fatal(err)
		}
	}
	snapshot, err := json.Marshal(job.Snapshot())
	if err != nil {
		a.t.Fatal(err)
	}
	said := []string{string(snapshot)}
	for what, list := range map[string]func(context.Context, domain.Principal, domain.JobID, int, int) ([]domain.ItemFailure, error){
		"failure": eng.Failures, "warning": eng.Warnings,
	} {
		all, err := list(ctx, a.who, job.ID(), -1, 10_000)
		if err != nil {
			a.t.Fatal(err)
		}
		for _, f := range all {
			said = append(said, fmt.Sprintf("%s of item %d, %q: %+v", what, f.Index, f.Key, f.Failure))
		}
	}
	slices.Sort(said[1:])
	if file := job.Snapshot().File; file != nil {
		said = append(said, a.file(file.ID))
	}
	return said
}

// file tells a file by its bytes.
func (a *agreeing) file(id string) string {
	a.t.Helper()
	file, err := a.node.files.Open(a.t.Context(), demoTenant, id)
	if err != nil {
		a.t.Fatal(err)
	}
	defer file.Close()
	digest := sha256.New()
	if _, err := io.Copy(digest, file); err != nil {
		a.t.Fatal(err)
	}
	return fmt.Sprintf("file %s: %x", id, digest.Sum(nil))
}

// saying is what an error says, apart from the words of a driver.
func saying(err error) []string {
	var full *domain.Error
	switch {
	case err == nil:
		return nil
	case errors.Is(err, domain.CodeRateLimited): // for how long, the database's clock says
	case errors.As(err, &full):
		return []string{fmt.Sprintf("error %s: %+v", full.Code, full.Failures)}
	}
	return []string{"error " + string(domain.CodeOf(err))}
}

// tables returns the rows of all tables but for what depends on the moment: who
// worked when, and when what was published.
func (a *agreeing) tables() map[string][]string {
	a.t.Helper()
	all := map[string][]string{}
	for table, without := range map[string][]string{
		"jobs":             {"seq", "worker", "lease_until", "ready_at"},
		"chunks":           {"worker", "lease_until", "ready_at"},
		"outbox":           {"seq", "published", "stream", "position"},
		"quotas":           {"clock"},
		"quota_uses":       {"seq", "at"},
		"migrations":       {"applied_at"},
		"chunk_items":      nil,
		"item_failures":    nil,
		"item_warnings":    nil,
		"idempotency_keys": nil,
		"users":            nil,
		"communities":      nil,
		"estates":          nil,
		"grants":           nil,
		"contracts":        nil,
		"repairs":          nil,
		"budget_rules":     nil,
		"sync_answers":     nil,
	} {
		all[table] = a.rows(table, without)
		slices.Sort(all[table])
	}
	return all
}

// rows writes the rows of a table.
func (a *agreeing) rows(table string, without []string) (all []string) {
	a.t.Helper()
	rows, err := a.db.QueryContext(a.t.Context(), "SELECT * FROM batchport_"+table)
	if err != nil {
		a.t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		all = append(all, a.row(rows, without))
	}
	if err := rows.Err(); err != nil {
		a.t.Fatal(err)
	}
	return all
}

// row writes a row without some of its columns.
func (a *agreeing) row(rows *sql.Rows, without []string) string {
	a.t.Helper()
	columns, err := rows.Columns()
	if err != nil {
		a.t.Fatal(err)
	}
	values := make([]any, len(columns))
	for i := range values {
		values[i] = new(sql.NullString)
	}
	if err := rows.Scan(values...); err != nil {
		a.t.Fatal(err)
	}
	var text strings.Builder
	for i, column := range columns {
		if v := values[i].(*sql.NullString); !slices.Contains(without, column) {
			fmt.Fprintf(&text, "%s %t %q ", column, v.Valid, v.String)
		}
	}
	return text.String()
}

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/batchport/batchport/adapters/catalog"
	"github.com/batchport/batchport/adapters/httpapi"
	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/budget"
)

// benchRule is a row of a sync as it is sent.
type benchRule struct {
	Code          string         `json:"code"`
	Priority      any            `json:"priority"`
	BudgetCode    string         `json:"budget_code"`
	RuleCondition map[string]any `json:"rule_condition"`
	BranchCode    string         `json:"branch_code"`
	BudgetEvent   string         `json:"budget_event"`
	DeletedFlag   string         `json:"deleted_flag"`
}

// refusedBudget is a budget that the database of the benchmark refuses.
const refusedBudget = "66999"

// benchRules returns n rows, of which 1 % are bad by validation and 0.1 % are
// refused by the database, and the good ones among them.
func benchRules(n int) (rows, good []benchRule) {
	for i := range n {
		r := benchRule{
			Code: fmt.Sprintf("RULE-%07d", i*7919%n), Priority: i % 10_000, BudgetCode: fmt.Sprintf("66%03d", i%900),
			RuleCondition: map[string]any{"charge_department": fmt.Sprintf("D%d", i%50), "header_column22": "claim", "accumulation_type_id": []string{"1", "2"}},
			BranchCode:    "D1", BudgetEvent: "CEM", DeletedFlag: "N",
		}
		switch {
		case i%100 == 37:
			r.Priority = 10_000 + i
		case i%1000 == 500:
			r.BudgetCode = refusedBudget
		default:
			good = append(good, r)
		}
		rows = append(rows, r)
	}
	return rows, good
}

// benchSyncs encodes rows as requests of so many rows each.
func benchSyncs(b testing.TB, rows []benchRule, size int, round string) (bodies [][]byte) {
	b.Helper()
	for part := range slices.Chunk(rows, size) {
		body, err := json.Marshal(map[string]any{"bizId": fmt.Sprintf("%s-%d", round, len(bodies)), "timestamp": 1_636_600_092_809, "data": part})
		if err != nil {
			b.Fatal(err)
		}
		bodies = append(bodies, body)
	}
	return bodies
}

// refuseBudgets makes the database refuse rules of the refused budget.
func refuseBudgets(b testing.TB, db handles) {
	b.Helper()
	_, err := db.Write.ExecContext(context.Background(), `CREATE TRIGGER refuse_budget BEFORE INSERT ON batchport_budget_rules
		WHEN NEW.budget_code = '`+refusedBudget+`' BEGIN SELECT RAISE(ABORT, 'no such budget'); END`)
	if err != nil {
		b.Fatal(err)
	}
}

// BenchmarkBudgetSync measures 100,000 rows in ten synchronous requests, from
// the bytes of a request to those of its answer, beside the floor: bare
// multi-row upserts of the good rows alone, each request in a transaction. Rules
// are new in the first pass and there in the second. Beside it stands what is
// often written instead: a savepoint and a statement a row. The three take
// turns; the ratios are medians of those of each round.
func BenchmarkBudgetSync(b *testing.B) {
	const n, size = 100_000, 10_000
	rows, good := benchRules(n)
	through, floor, byRow := map[string][]float64{}, map[string][]float64{}, map[string][]float64{}
	for range b.N {
		folder, bare, single := benchFolder(b, 0), benchFolder(b, 0), benchFolder(b, 0)
		handler := benchHandler(b, folder)
		for _, f := range []*database{folder, bare, single} {
			refuseBudgets(b, f.db)
		}
		for _, pass := range []string{"new", "there"} {
			bodies := benchSyncs(b, rows, size, pass)
			runtime.GC()
			began := time.Now()
			for _, body := range bodies {
				benchSync(b, handler, body)
			}
			through[pass] = append(through[pass], time.Since(began).Seconds())
			runtime.GC()
			began = time.Now()
			for part := range slices.Chunk(good, size*len(good)/n) {
				bareRules(b, bare.db, part, 500)
			}
			floor[pass] = append(floor[pass], time.Since(began).Seconds())
			runtime.GC()
			began = time.Now()
			for part := range slices.Chunk(rows, size) {
				rulesByRow(b, single.db, part)
			}
			byRow[pass] = append(byRow[pass], time.Since(began).Seconds())
		}
	}
	for _, pass := range []string{"new", "there"} {
		b.ReportMetric(n/median(through[pass]), pass+"-rows/s")
		b.ReportMetric(ratio(through[pass], floor[pass]), pass+"-ratio")
		b.ReportMetric(ratio(byRow[pass], floor[pass]), pass+"-by-row-ratio")
	}
}

// benchHandler returns the HTTP interface over a folder, for the user of the
// benchmarks, without a quota.
func benchHandler(b *testing.B, folder *database) http.Handler {
	b.Helper()
	node := benchEngine(b, folder)
	handler, err := httpapi.New(httpapi.Deps{
		Estates: node.estates, Budgets: node.budgets, Engine: node.engine, Files: node.files, Uploads: node.uploads,
		Messages: catalog.NewMessages(), Counts: catalog.NewLabels(),
		Authenticate: func(*http.Request) (domain.Principal, error) { return benchUser, nil },
		Locale:       catalog.Locale,
	}, httpapi.Config{})
	if err != nil {
		b.Fatal(err)
	}
	return handler
}

// ratio is the median of a over b, pair by pair.
func ratio(a, b []float64) float64 {
	ratios := make([]float64, len(a))
	for i := range a {
		ratios[i] = a[i] / b[i]
	}
	return median(ratios)
}

// benchSync sends one request to the handler and checks its answer: 1 % are
// faulty, 0.1 % refused.
func benchSync(b testing.TB, handler http.Handler, body []byte) {
	b.Helper()
	request := httptest.NewRequestWithContext(b.Context(), http.MethodPost, "/common/budgets/v2/glBudgetRuleJson/batch", bytes.NewReader(body))
	request.Header.Set("locale", "en_US")
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, request)
	var got struct {
		ResCode int `json:"resCode"`
		Data    struct {
			ValidatorErrors, DBErrors []struct{ Index int }
		} `json:"data"`
	}
	if err := json.Unmarshal(answer.Body.Bytes(), &got); err != nil || got.ResCode != 200_000 {
		b.Fatalf("answer %.300s, %v; want resCode 200000", answer.Body, err)
	}
	if len(got.Data.ValidatorErrors) != 100 || len(got.Data.DBErrors) != 10 {
		b.Fatalf("%d faulty and %d refused rows, want 100 and 10", len(got.Data.ValidatorErrors), len(got.Data.DBErrors))
	}
}

const bareUpsert = ` ON CONFLICT (tenant, code) DO UPDATE SET priority = excluded.priority, budget_code = excluded.budget_code,
	condition = excluded.condition, branch_code = excluded.branch_code, budget_event = excluded.budget_event, deleted = excluded.deleted,
	revision = revision + 1, stored_at = excluded.stored_at, batch = excluded.batch, position = excluded.position`

const bareInsert = `INSERT INTO batchport_budget_rules
	(tenant, code, priority, budget_code, condition, branch_code, budget_event, deleted, revision, stored_at, batch, position) VALUES `

const bareRow = "('acme', ?, ?, ?, ?, ?, ?, ?, 1, ?, ?, ?)"

// bareArgs are the arguments of a row of the statement. The text of the
// condition is the least that it can be.
func bareArgs(r benchRule, i int) []any {
	condition := budget.Condition{
		{Column: budget.ColumnRef{Source: budget.Line, Name: "accumulation_type_id"}, Values: []budget.Value{{Kind: budget.String, Text: "1"}, {Kind: budget.String, Text: "2"}}},
		{Column: budget.ColumnRef{Source: budget.Line, Name: "charge_department"}, Values: []budget.Value{{Kind: budget.String, Text: r.RuleCondition["charge_department"].(string)}}},
		{Column: budget.ColumnRef{Source: budget.Head, Name: "column22"}, Values: []budget.Value{{Kind: budget.String, Text: "claim"}}},
	}
	return []any{r.Code, r.Priority, r.BudgetCode, condition.Text(), r.BranchCode, r.BudgetEvent, 0, 1, "6b07f2156a01a1.48991351", i}
}

// bareRules upserts rows with nothing but the statements, in one transaction.
func bareRules(b testing.TB, db handles, rows []benchRule, run int) {
	b.Helper()
	err := db.Write.RunInTx(b.Context(), nil, func(ctx context.Context, tx bun.Tx) error {
		i := 0
		for part := range slices.Chunk(rows, run) {
			args := make([]any, 0, 10*len(part))
			for _, r := range part {
				args = append(args, bareArgs(r, i)...)
				i++
			}
			values := strings.TrimSuffix(strings.Repeat(bareRow+",", len(part)), ",")
			if _, err := tx.ExecContext(ctx, bareInsert+values+bareUpsert, args...); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
}

// rulesByRow stores rows one by one, each in a savepoint, and passes over those
// that are bad: in one transaction, since a commit a row costs a hundred times
// as much.
func rulesByRow(b testing.TB, db handles, rows []benchRule) {
	b.Helper()
	err := db.Write.RunInTx(b.Context(), nil, func(ctx context.Context, tx bun.Tx) error {
		for i, r := range rows {
			if r.Priority.(int) > budget.MaxPriority {
				continue
			}
			err := tx.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
				_, err := tx.ExecContext(ctx, bareInsert+bareRow+bareUpsert, bareArgs(r, i)...)
				return err
			})
			if err != nil && !strings.Contains(err.Error(), "no such budget") {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
}

// BenchmarkBudgetSyncMemory measures how much more memory a server has had
// resident after a request of 10,000 rows than after one of a single row, and
// after four at once, which is about as many as find room.
func BenchmarkBudgetSyncMemory(b *testing.B) {
	if runtime.GOOS != "linux" {
		b.Skip("reads the peak of memory from /proc")
	}
	rows, _ := benchRules(20_000)
	var one, four []float64
	for round := range b.N {
		s := startServing(b, b.TempDir(), "--demo", "--syncs-unlimited")
		send := func(body []byte) {
			if err := postSync(b.Context(), s, body); err != nil {
				b.Error(err)
			}
		}
		send(benchSyncs(b, rows[:1], 1, "warm")[0])
		before := peakMiB(b, s.cmd.Process.Pid)
		send(benchSyncs(b, rows[:10_000], 10_000, fmt.Sprint("large", round))[0])
		one = append(one, peakMiB(b, s.cmd.Process.Pid)-before)
		done := make(chan struct{})
		for i := range 4 {
			body := benchSyncs(b, rows[:10_000], 10_000, fmt.Sprint("many", round, i))[0]
			go func() {
				send(body)
				done <- struct{}{}
			}()
		}
		for range 4 {
			<-done
		}
		four = append(four, peakMiB(b, s.cmd.Process.Pid)-before)
		s.stop(b)
	}
	b.ReportMetric(median(one), "one-MiB")
	b.ReportMetric(median(four), "four-at-once-MiB")
}

// postSync sends a request to a server and wants that it is answered.
func postSync(ctx context.Context, s *serving, body []byte) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+"/common/budgets/v2/glBudgetRuleJson/batch", bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+s.key)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	text, err := io.ReadAll(answer.Body)
	if err = errors.Join(err, answer.Body.Close()); err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %d: %.300s", answer.StatusCode, text)
	}
	return err
}

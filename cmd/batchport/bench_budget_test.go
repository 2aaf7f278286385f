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
)

// refusedBudget is a budget that the database of the benchmark refuses.
const refusedBudget = "66999"

// rulesToRefuse returns n rows, of which 1 % are bad by validation and 0.1 %
// are refused by the database, and the good ones among them.
func rulesToRefuse(n int) (rows, good []benchRule) {
	rows = benchRules(n)
	for i := range rows {
		if i%1000 == 500 {
			rows[i].BudgetCode = refusedBudget
		} else if rows[i].valid() {
			good = append(good, rows[i])
		}
	}
	return rows, good
}

// mustSyncs is benchSyncs.
func mustSyncs(b *testing.B, rows []benchRule, size int, round string) [][]byte {
	b.Helper()
	bodies, err := benchSyncs(rows, size, round)
	if err != nil {
		b.Fatal(err)
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
	rows, good := rulesToRefuse(n)
	through, floor, byRow := map[string][]float64{}, map[string][]float64{}, map[string][]float64{}
	for range b.N {
		folder, bare, single := benchFolder(b, 0), benchFolder(b, 0), benchFolder(b, 0)
		handler := benchHandler(b, folder)
		for _, f := range []*database{folder, bare, single} {
			refuseBudgets(b, f.db)
		}
		for _, pass := range []string{"new", "there"} {
			bodies := mustSyncs(b, rows, size, pass)
			runtime.GC()
			began := time.Now()
			for _, body := range bodies {
				benchSync(b, handler, body)
			}
			through[pass] = append(through[pass], time.Since(began).Seconds())
			runtime.GC()
			began = time.Now()
			for part := range slices.Chunk(good, size*len(good)/n) {
				if err := floorOf(bare).rules(b.Context(), part); err != nil {
					b.Fatal(err)
				}
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
	node := runningEngine(b, folder)
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

// rulesByRow stores rows one by one, each in a savepoint, and passes over those
// that are bad: in one transaction, since a commit a row costs a hundred times
// as much.
func rulesByRow(b testing.TB, db handles, rows []benchRule) {
	b.Helper()
	err := db.Write.RunInTx(b.Context(), nil, func(ctx context.Context, tx bun.Tx) error {
		for i, r := range rows {
			if !r.valid() {
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
	rows, _ := rulesToRefuse(20_000)
	var one, four []float64
	for round := range b.N {
		s := startServing(b, b.TempDir(), "--demo", "--syncs-unlimited")
		send := func(body []byte) {
			if err := postSync(b.Context(), s, body); err != nil {
				b.Error(err)
			}
		}
		send(mustSyncs(b, rows[:1], 1, "warm")[0])
		before := peakMiB(b, s.cmd.Process.Pid)
		send(mustSyncs(b, rows[:10_000], 10_000, fmt.Sprint("large", round))[0])
		one = append(one, peakMiB(b, s.cmd.Process.Pid)-before)
		done := make(chan struct{})
		for i := range 4 {
			body := mustSyncs(b, rows[:10_000], 10_000, fmt.Sprint("many", round, i))[0]
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

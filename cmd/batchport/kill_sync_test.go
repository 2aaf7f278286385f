package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/batchport/batchport/app/budgets"
	"github.com/batchport/batchport/domain/budget"
)

// TestKillSyncs kills the real binary with SIGKILL at random moments while it
// does budget rule syncs, each of which a client sends again under its bizId
// until it has the answer. Every request is done once and counted once: each
// rule's revision is the number of requests, and so is what the quota has
// counted, whatever was lost in between. Every third request is a job.
func TestKillSyncs(t *testing.T) {
	const rows = 3_000
	requests := 6
	if s := os.Getenv("BATCHPORT_TORTURE_KILLS"); s != "" {
		kills, err := strconv.Atoi(s)
		if err != nil {
			t.Fatal(err)
		}
		requests = min(max(6, kills/20), 50) // the quota of an hour
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	k := &killing{t: t, data: t.TempDir(), random: rand.New(rand.NewPCG(seed, 0))}
	stdout, _ := call(t, exitOK, "keys", "create", "--data", k.data, "--tenant", "acme", "--user", "7", "--all")
	k.key = strings.TrimSpace(stdout)
	data := syncRows(rows)
	for n := range requests {
		want := budgets.Answer{Updated: rows}
		if n == 0 {
			want = budgets.Answer{Created: rows}
		}
		if n%3 == 2 {
			k.syncJob(fmt.Sprint("job-", n), data)
			continue
		}
		k.sync(fmt.Sprint("biz-", n), data, want)
	}
	k.checkSyncs(rows, requests)
	t.Logf("%d kills over %d lives, %d requests of %d rows", k.kills, k.lives, requests, rows)
	tellFaults(t, faultResult{Fault: "the only process is killed while it syncs (SIGKILL)", Store: onSQLite, Runs: k.kills, Lost: k.lost, Repeated: k.repeated})
}

// syncRows are n good rows, as JSON.
func syncRows(n int) string {
	rows := make([]string, n)
	for i := range rows {
		rows[i] = fmt.Sprintf(`{"code":"R%05d","priority":1,"budget_code":"B","rule_condition":{"a":%d}}`, i, i)
	}
	return "[" + strings.Join(rows, ",") + "]"
}

// sync sends a request until it is answered, and kills the server meanwhile.
func (k *killing) sync(bizID, data string, want budgets.Answer) {
	body := fmt.Sprintf(`{"bizId":%q,"timestamp":1636600092809,"data":%s}`, bizID, data)
	for life := 1; ; life++ {
		var got struct {
			ResCode int                               `json:"resCode"`
			Data    struct{ Created, Updated string } `json:"data"`
		}
		if !k.dying(life, func(ctx context.Context, s *serving) error {
			return k.post(ctx, s, "/common/budgets/v2/glBudgetRuleJson/batch", "", body, &got)
		}) {
			continue
		}
		created, updated := fmt.Sprintf("%d rows created", want.Created), fmt.Sprintf("%d rows updated", want.Updated)
		if got.ResCode != 200_000 || got.Data.Created != created || got.Data.Updated != updated {
			k.t.Errorf("sync %s is answered %+v, want %q and %q", bizID, got, created, updated)
		}
		return
	}
}

// syncJob submits a job until it is accepted, and waits for its end, and kills
// the server meanwhile.
func (k *killing) syncJob(key, data string) {
	body := fmt.Sprintf(`{"data":%s}`, data)
	for life := 1; ; life++ {
		var got jobState
		if !k.dying(life, func(ctx context.Context, s *serving) error {
			if err := k.post(ctx, s, "/v1/jobs/budget-rule-sync", key, body, &got); err != nil {
				return err
			}
			for code := got.Code; got.State != "completed"; {
				if _, err := s.request(ctx, http.MethodGet, "/v1/jobs/"+code, k.key, "", &got); err != nil {
					return err
				}
			}
			return nil
		}) {
			continue
		}
		if got.Outcomes.Failed != 0 || got.Outcomes.Created+got.Outcomes.Updated != got.Total {
			k.t.Errorf("job %s ended with %+v, want all rows stored", key, got)
		}
		return
	}
}

type jobState struct {
	Code     string                                 `json:"code"`
	State    string                                 `json:"state"`
	Total    int                                    `json:"total"`
	Outcomes struct{ Created, Updated, Failed int } `json:"outcomes"`
}

// dying starts a server that it kills after a moment, unless do has come to its
// end before that, which it reports. The lives grow longer, since one must be
// long enough for the whole.
func (k *killing) dying(life int, do func(ctx context.Context, s *serving) error) bool {
	s := startServing(k.t, k.data)
	k.lives++
	slow := max(1, float64(s.ready)/float64(60*time.Millisecond))
	moment := time.Millisecond + time.Duration(k.random.Float64()*slow*float64(life)*float64(15*time.Millisecond))
	done := make(chan error, 1)
	ctx, cancel := context.WithCancel(k.t.Context())
	defer cancel()
	go func() { done <- do(ctx, s) }()
	select {
	case err := <-done:
		s.kill()
		if err != nil {
			k.t.Fatal(err) // nobody has killed the server
		}
		return true
	case <-time.After(moment):
	}
	s.kill()
	k.kills++
	return <-done == nil
}

// post sends a body and wants an answer that is no refusal.
func (k *killing) post(ctx context.Context, s *serving, path, idempotencyKey, body string, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+k.key)
	request.Header.Set("locale", "en_US")
	if idempotencyKey != "" {
		request.Header.Set("Idempotency-Key", idempotencyKey)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	err = json.NewDecoder(answer.Body).Decode(into)
	if err = errors.Join(err, answer.Body.Close()); err == nil && answer.StatusCode >= 300 {
		k.t.Errorf("POST %s: status %d, %+v", path, answer.StatusCode, into)
	}
	return err
}

// checkSyncs reads what the syncs have left.
func (k *killing) checkSyncs(rows, requests int) {
	folder, err := openDataFolder(k.t.Context(), k.data)
	if err != nil {
		k.t.Fatal(err)
	}
	defer func() { _ = folder.Close() }()
	rules, err := folder.store.ListBudgetRules(k.t.Context(), "acme", budget.Filter{}, "", rows+1)
	if err != nil || len(rules) != rows {
		k.lost += rows - len(rules)
		k.t.Errorf("%d rules are stored, %v; want %d", len(rules), err, rows)
	}
	for _, r := range rules {
		k.lost, k.repeated = k.lost+max(requests-int(r.Revision), 0), k.repeated+max(int(r.Revision)-requests, 0)
	}
	if k.lost > 0 || k.repeated > 0 {
		k.t.Errorf("rows were stored %d times too few and %d times too many, want each %d times", k.lost, k.repeated, requests)
	}
	out, _ := call(k.t, exitOK, "quota", "--data", k.data, "--tenant", "acme")
	if want := fmt.Sprintf("%d of 50 syncs left", 50-requests); !strings.HasPrefix(out, want) {
		k.t.Errorf("the quota says %q, want %q: each request counts once", out, want)
	}
}

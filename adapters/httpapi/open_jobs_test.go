package httpapi_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/batchport/batchport/app/engine"
	"github.com/batchport/batchport/domain"
)

// TestTooManyOpenJobs refuses a tenant's next job while it has as many as it
// may, in the shape of the interface that was called.
func TestTooManyOpenJobs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{engine: engine.Config{MaxOpenJobs: 2}})
	w.estates(1)
	first := w.submit(openOne, "Idempotency-Key", "first")
	w.submit(openOne)
	for range 2 {
		got := w.post(openOne, "Idempotency-Key", "third", "locale", "en_US")
		if got.status != http.StatusTooManyRequests || got.header.Get("Retry-After") != "5" {
			t.Errorf("POST of the third job = %d, Retry-After %q; want 429 and 5", got.status, got.header.Get("Retry-After"))
		}
		wantEnvelope(t, got)
		golden(t, "429-jobs.json", got.body)
	}
	rules := `{"data":[{"code":"R","priority":1,"budget_code":"B","rule_condition":{"a":1}}]}`
	got := w.call(http.MethodPost, "/v1/jobs/budget-rule-sync", rules, "X-API-Key", w.admin, "locale", "zh_TW")
	if m := fields(t, got.body); got.status != http.StatusTooManyRequests || m["code"] != string(domain.CodeTooManyJobs) ||
		got.header.Get("Retry-After") != "5" || !strings.Contains(m["detail"].(string), "2") {
		t.Errorf("POST of a sync as a job = %d %s, want 429 with %s", got.status, got.body, domain.CodeTooManyJobs)
	}
	if use := w.call(http.MethodPost, "/common/budgets/v2/glBudgetRuleJson/batch",
		`{"bizId":"b","timestamp":1795278600000,"data":[]}`, "X-API-Key", w.admin).header.Get("RateLimit"); !strings.HasPrefix(use, `"hour";r=49;`) {
		t.Errorf("RateLimit = %s, want 49 left: a job that was refused costs nothing", use)
	}
	if again := w.submit(openOne, "Idempotency-Key", "first"); again != first {
		t.Errorf("the same request gives %s, want %s: it is no further job", again, first)
	}
	if got := w.call(http.MethodPost, "/api2/getBatchCode", openOne, "X-API-Key", w.foreign); got.status != http.StatusOK {
		t.Errorf("POST of another tenant = %d, want 200", got.status)
	}
	w.run()
	w.ended(first)
	w.eventually("room", func() bool { return w.post(openOne, "Idempotency-Key", "third").status == http.StatusOK })
}

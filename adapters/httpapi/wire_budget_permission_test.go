package httpapi_test

import (
	"net/http"
	"testing"

	"github.com/batchport/batchport/app/budgets"
	"github.com/batchport/batchport/domain"
)

// TestWireBudgetPermission lets in who holds the permission by name.
func TestWireBudgetPermission(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	sync, read := w.key("acme", domain.Permission(budgets.Sync)), w.key("acme", budgets.Read)
	if got := w.call(http.MethodPost, syncPath, batch("b1", rule()), "Authorization", "Bearer "+sync); got.status != http.StatusOK {
		t.Errorf("POST with budget_rule_sync = %d %s, want 200", got.status, got.body)
	}
	refusedSync(t, "403 with budget_rule_read alone", w.call(http.MethodPost, syncPath, batch("b2", rule()), "X-API-Key", read), http.StatusForbidden, "b2")
	for _, c := range []struct {
		key    string
		status int
	}{{sync, 200}, {read, 200}, {w.poor, 403}, {"", 401}} {
		for _, path := range []string{"/v1/budget-rules", "/v1/budget-rules/R1"} {
			if got := w.call(http.MethodGet, path, "", "X-API-Key", c.key); got.status != c.status {
				t.Errorf("GET %s with %q = %d %s, want %d", path, c.key, got.status, got.body, c.status)
			}
		}
	}
	if got := w.call(http.MethodPost, syncJobPath, `{"data":[`+rule()+`]}`, "X-API-Key", read); got.status != http.StatusForbidden {
		t.Errorf("POST a job with budget_rule_read alone = %d %s, want 403", got.status, got.body)
	}
}

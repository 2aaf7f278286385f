package httpapi_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/batchport/batchport/adapters/httpapi"
	"github.com/batchport/batchport/app/budgets"
	"github.com/batchport/batchport/domain"
)

// TestWireBudgetRefusals checks that refusals keep the envelope; those of the
// quota, of repeated bizIds and of faults stand in other tests.
func TestWireBudgetRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{budgets: budgets.Config{MaxRows: 2}, config: httpapi.Config{MaxBody: 2_000}})
	for _, c := range []struct {
		sentence, method, body, key string
		status                      int
		bizID                       string
		faulty                      []string
	}{
		{"400: no JSON", "POST", "{", w.admin, 400, "-", []string{"- - - malformed"}},
		{"400: nothing", "POST", "", w.admin, 400, "-", []string{"- - - malformed"}},
		{"400: no object", "POST", "[]", w.admin, 400, "-", []string{"- - - invalid"}},
		{"400: all that is wrong with the envelope", "POST", `{"bizId":5,"timestamp":"x","data":7}`, w.admin, 400, "-", []string{"- - bizId invalid", "- - timestamp invalid", "- - data invalid"}},
		{"401: no key", "POST", batch("b1", rule()), "", 401, "-", nil},
		{"401: a wrong key", "POST", batch("b1", rule()), "bp_wrong", 401, "-", nil},
		{"403: a missing permission", "POST", batch("b1", rule()), w.poor, 403, "b1", nil},
		{"405: another method", "GET", "", w.admin, 405, "-", nil},
		{"413: too many rows", "POST", batch("b1", rule(), rule(), rule()), w.admin, 413, "b1", []string{"- - data too_many"}},
		{"413: too many rows, and something else", "POST", `{"bizId":"b1","data":[1,2,3]}`, w.admin, 413, "b1", []string{"- - timestamp required", "- - data too_many"}},
		{"413: too large a body", "POST", batch("b1", rule("x", text("x", 2_000))), w.admin, 413, "-", []string{"- - - too_large"}},
	} {
		got := w.call(c.method, syncPath, c.body, "X-API-Key", c.key)
		a := refusedSync(t, c.sentence, got, c.status, c.bizID)
		if strings.Join(a.faulty, "; ") != strings.Join(c.faulty, "; ") {
			t.Errorf("%s\nvalidatorErrors are %q, want %q", c.sentence, a.faulty, c.faulty)
		}
	}
	w.wantRules("a refusal changes nothing")
	if got := w.call(http.MethodPost, "/common/budgets/v2/other", "{}", "X-API-Key", w.admin); got.status != http.StatusNotFound || fields(t, got.body)["code"] != "not_found" {
		t.Errorf("another path = %d %s, want a problem with 404", got.status, got.body)
	}
}

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

package httpapi_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/batchport/batchport/app/budgets"
	"github.com/batchport/batchport/domain"
)

// wantQuota checks status and headers of a request that is counted. retry is
// "" for one that passes.
func wantQuota(t *testing.T, sentence string, got reply, status int, policy, left, retry string) {
	t.Helper()
	if got.status != status || got.header.Get("RateLimit-Policy") != policy || got.header.Get("RateLimit") != left || got.header.Get("Retry-After") != retry {
		t.Errorf("%s\n%d, RateLimit-Policy %s, RateLimit %s, Retry-After %q\nwant %d, %s, %s, %q", sentence,
			got.status, got.header.Get("RateLimit-Policy"), got.header.Get("RateLimit"), got.header.Get("Retry-After"), status, policy, left, retry)
	}
}

// TestWireBudgetWindows goes by a clock of its own, to the microsecond.
func TestWireBudgetWindows(t *testing.T) {
	t.Parallel()
	const policy = `"hour";q=50;w=3600, "day";q=150;w=86400`
	now := newClock()
	w := newClockedWorld(t, now, settings{})
	n := 0
	use := func() reply { n++; return w.send(batch(fmt.Sprint("use", n))) }
	wantQuota(t, "the first", use(), 200, policy, `"hour";r=49;t=3600, "day";r=149;t=86400`, "")
	now.wait(10 * time.Minute)
	for range 48 {
		use()
	}
	wantQuota(t, "the 50th passes", use(), 200, policy, `"hour";r=0;t=3001, "day";r=100;t=85801`, "")
	wantQuota(t, "the 51st in 60 minutes does not", use(), 429, policy, `"hour";r=0;t=3001, "day";r=100;t=85801`, "3001")
	now.wait(50*time.Minute - 500*time.Millisecond)
	wantQuota(t, "Retry-After in whole seconds, at least 1", use(), 429, policy, `"hour";r=0;t=1, "day";r=100;t=82801`, "1")
	now.wait(500 * time.Millisecond)
	wantQuota(t, "never more than 50 in any 60 minutes, its ends included", use(), 429, policy, `"hour";r=0;t=1, "day";r=100;t=82801`, "1")
	now.wait(time.Microsecond)
	wantQuota(t, "when the first is out of it one more passes", use(), 200, policy, `"hour";r=0;t=600, "day";r=99;t=82800`, "")
	wantQuota(t, "and one more alone: the window slides", use(), 429, policy, `"hour";r=0;t=600, "day";r=99;t=82800`, "600")

	now = newClock()
	w = newClockedWorld(t, now, settings{})
	for range 3 {
		for range 50 {
			if got := use(); got.status != http.StatusOK {
				t.Fatalf("150 in 24 hours: request %d = %d %s", n, got.status, got.body)
			}
		}
		now.wait(61 * time.Minute)
	}
	wantQuota(t, "the 151st in 24 hours does not pass", use(), 429, policy, `"hour";r=50;t=0, "day";r=0;t=75421`, "75421")
	now.wait(75420 * time.Second)
	wantQuota(t, "nor in any 24 hours, their ends included", use(), 429, policy, `"hour";r=50;t=0, "day";r=0;t=1`, "1")
	now.wait(time.Second)
	wantQuota(t, "and then it does", use(), 200, policy, `"hour";r=49;t=3600, "day";r=49;t=3660`, "")
}

func TestWireBudgetSmallQuotas(t *testing.T) {
	t.Parallel()
	now := newClock()
	w := newClockedWorld(t, now, settings{budgets: budgets.Config{PerHour: 3, PerDay: 4}})
	const policy = `"hour";q=3;w=3600, "day";q=4;w=86400`
	colleague := w.key("acme", domain.Permission(budgets.Sync))
	wantQuota(t, "limits are configuration", w.send(batch("a", rule())), 200, policy, `"hour";r=2;t=3600, "day";r=3;t=86400`, "")
	for sentence, free := range map[string]reply{
		"a malformed request costs nothing":       w.send("{"),
		"a request that is none costs nothing":    w.send("{}"),
		"a request without a key costs nothing":   w.call(http.MethodPost, syncPath, batch("f1", rule())),
		"a forbidden request costs nothing":       w.call(http.MethodPost, syncPath, batch("f2", rule()), "X-API-Key", w.poor),
		"a conflict costs nothing":                w.send(batch("a")),
		"a wrong method costs nothing":            w.call(http.MethodGet, syncPath, "", "X-API-Key", w.admin),
		"reading costs nothing":                   w.call(http.MethodGet, "/v1/budget-rules", "", "X-API-Key", w.admin),
		"a malformed job costs nothing":           w.call(http.MethodPost, syncJobPath, `{"data":[]}`, "X-API-Key", w.admin),
		"a forbidden job costs nothing":           w.call(http.MethodPost, syncJobPath, `{"data":[{}]}`, "X-API-Key", w.poor),
		"a repeated request costs nothing":        w.send(batch("a", rule())),
		"a colleague's repetition costs nothing":  w.call(http.MethodPost, syncPath, batch("a", rule()), "X-API-Key", colleague),
		"another tenant's request costs nothing":  w.call(http.MethodPost, syncPath, batch("x", rule()), "X-API-Key", w.foreign),
		"an estate job is of no quota of budgets": w.post(openOne),
	} {
		if free.status == http.StatusTooManyRequests {
			t.Errorf("%s: %d %s", sentence, free.status, free.body)
		}
	}
	wantQuota(t, "a request whose rows all fail counts", w.call(http.MethodPost, syncPath, batch("b", "5"), "X-API-Key", colleague), 200, policy, `"hour";r=1;t=3600, "day";r=2;t=86400`, "")
	job := w.call(http.MethodPost, syncJobPath, `{"data":[{},{},{},{},{}]}`, "X-API-Key", w.admin, "Idempotency-Key", "j")
	wantQuota(t, "a job counts as one", job, 202, policy, `"hour";r=0;t=3600, "day";r=1;t=86400`, "")
	refused := w.call(http.MethodPost, syncJobPath, `{"data":[{}]}`, "X-API-Key", w.admin, "Idempotency-Key", "k")
	wantQuota(t, "a job is refused when it is used up", refused, 429, policy, `"hour";r=0;t=3600, "day";r=1;t=86400`, "3601")
	if ct := refused.header.Get("Content-Type"); ct != "application/problem+json" || fields(t, refused.body)["code"] != "rate_limited" {
		t.Errorf("a job is refused with a problem: %s %s", ct, refused.body)
	}
	again := w.call(http.MethodPost, syncJobPath, `{"data":[{},{},{},{},{}]}`, "X-API-Key", w.admin, "Idempotency-Key", "j")
	if again.status != http.StatusAccepted || fields(t, again.body)["code"] != fields(t, job.body)["code"] {
		t.Errorf("a job that is there is no new one: %d %s, want that of %s", again.status, again.body, job.body)
	}
	got := w.send(batch("c", rule()), "locale", "en_US")
	wantQuota(t, "and so is a request", got, 429, policy, `"hour";r=0;t=3600, "day";r=1;t=86400`, "3601")
	if a := refusedSync(t, "resCode 429000", w.send(batch("c", rule())), 429, "c"); len(a.faulty) != 0 {
		t.Errorf("who calls how often is not of the request: validatorErrors %q", a.faulty)
	}
	now.wait(time.Hour + time.Microsecond)
	wantQuota(t, "the refused key and bizId were not taken", w.call(http.MethodPost, syncJobPath, `{"data":[5]}`, "X-API-Key", w.admin, "Idempotency-Key", "k"), 202, policy, `"hour";r=2;t=3600, "day";r=0;t=82800`, "")
	wantQuota(t, "the day's window is used up", w.send(batch("c")), 429, policy, `"hour";r=2;t=3600, "day";r=0;t=82800`, "82800")
	wantQuota(t, "per tenant", w.call(http.MethodPost, syncPath, batch("y", rule()), "X-API-Key", w.foreign), 200, policy, `"hour";r=2;t=3600, "day";r=2;t=82800`, "")
}

func TestWireBudgetUncounted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{budgets: budgets.Config{Unlimited: true, PerHour: 1, PerDay: 1}})
	for i := range 3 {
		wantQuota(t, "not counted: no headers", w.send(batch(fmt.Sprint(i), rule())), 200, "", "", "")
		wantQuota(t, "not counted: no headers of a job", w.call(http.MethodPost, syncJobPath, `{"data":[{}]}`, "X-API-Key", w.admin), 202, "", "", "")
	}
}

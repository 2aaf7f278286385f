package httpapi_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"testing"
)

func TestWireBudgetQuota(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	form := regexp.MustCompile(`^"hour";r=(\d+);t=(\d+), "day";r=(\d+);t=(\d+)$`)
	wantLeft := func(sentence string, got reply, hour, day int) {
		t.Helper()
		if policy := got.header.Get("RateLimit-Policy"); policy != `"hour";q=50;w=3600, "day";q=150;w=86400` {
			t.Errorf("%s\nRateLimit-Policy is %s", sentence, policy)
		}
		m := form.FindStringSubmatch(got.header.Get("RateLimit"))
		if m == nil || m[1] != strconv.Itoa(hour) || m[3] != strconv.Itoa(day) {
			t.Fatalf("%s\nRateLimit is %s, want %d and %d left", sentence, got.header.Get("RateLimit"), hour, day)
		}
		for i, most := range map[int]int{2: 3600, 4: 86400} {
			if n, _ := strconv.Atoi(m[i]); n < most-300 || n > most {
				t.Errorf("%s\nRateLimit is %s, want the oldest to leave in about %d s", sentence, got.header.Get("RateLimit"), most)
			}
		}
	}
	for i := range 50 {
		got := w.send(batch(fmt.Sprint("b", i), rule()))
		if got.status != http.StatusOK {
			t.Fatalf("request %d = %d %s, want it to pass", i, got.status, got.body)
		}
		wantLeft("never more than 50 in any 60 minutes nor 150 in any 24 hours", got, 49-i, 149-i)
		for _, free := range []string{
			batch(fmt.Sprint("b", i), rule()), // repeated
			batch(fmt.Sprint("b", i)),         // refused
			"{}", "nonsense",                  // malformed
		} {
			w.send(free)
		}
		w.call(http.MethodPost, syncPath, batch("forbidden", rule()), "X-API-Key", w.poor)
	}
	for range 2 {
		got := w.send(batch("over", rule("code", `"over"`)))
		refusedSync(t, "beyond: 429", got, http.StatusTooManyRequests, "over")
		if a := answerOf(t, got); len(a.faulty) > 0 {
			t.Errorf("beyond: the lists are empty, but validatorErrors has %q", a.faulty)
		}
		wantLeft("a refused request costs nothing", got, 0, 100)
		if n, err := strconv.Atoi(got.header.Get("Retry-After")); err != nil || n < 3300 || n > 3601 {
			t.Errorf("Retry-After is %q, want about an hour in whole seconds", got.header.Get("Retry-After"))
		}
	}
	if got := w.send(batch("b7", rule())); got.status != http.StatusOK {
		t.Errorf("a repeated request costs nothing, also when the quota is used up: %d %s", got.status, got.body)
	}
	job := w.call(http.MethodPost, syncJobPath, `{"data":[`+rule()+`]}`, "X-API-Key", w.admin)
	if job.status != http.StatusTooManyRequests || fields(t, job.body)["code"] != "rate_limited" || job.header.Get("Retry-After") == "" {
		t.Errorf("a job beyond the quota = %d %s, want a problem with 429 and Retry-After", job.status, job.body)
	}
	wantLeft("a job is told what is left", job, 0, 100)
	if got := w.call(http.MethodPost, syncPath, batch("b", rule()), "X-API-Key", w.foreign); got.status != http.StatusOK {
		t.Errorf("quota per tenant: another tenant's request = %d %s, want it to pass", got.status, got.body)
	}
	w.wantRules("a refused request stores nothing", "R1")
}

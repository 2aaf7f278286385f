package httpapi_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/batchport/batchport/app/budgets"
	"github.com/batchport/batchport/domain"
)

func TestWireBudgetAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	rows := `{"code":"R1","priority":1,"budget_code":"B","rule_condition":{"b":1,"a":[2,"x"]}},{"code":"R2"},7`
	body := `{"bizId":"b1","timestamp":1636600092809,"data":[` + rows + `]}`
	first := w.send(body)
	for sentence, same := range map[string]string{
		"the same bizId with the same data gives the stored answer again":   body,
		"timestamp may differ, as a retry's does":                           strings.Replace(body, "1636600092809", "1736600092809", 1),
		"compared as parsed: white space does not count":                    strings.ReplaceAll(body, ",", " ,\n"),
		"compared as parsed: the order of members does not count":           strings.Replace(body, `"code":"R1","priority":1,`, `"priority":1,"code":"R1",`, 1),
		"compared as parsed: nor within a condition":                        strings.Replace(body, `"b":1,"a":[2,"x"]`, `"a":[2,"x"],"b":1`, 1),
		"compared as parsed: nor how a string is written":                   strings.Replace(body, `"R2"`, `"\u00522"`, 1),
		"only data is compared: another field of the envelope":              strings.Replace(body, `"bizId"`, `"x":1,"bizId"`, 1),
		"costs no quota, also in the twentieth repetition of the same bits": body,
	} {
		got := w.send(same)
		if got.status != http.StatusOK || got.body != first.body {
			t.Errorf("%s\n%d %s\nwant\n%s", sentence, got.status, got.body, first.body)
		}
		if left := got.header.Get("RateLimit"); !strings.HasPrefix(left, `"hour";r=49;`) {
			t.Errorf("%s\nRateLimit is %s, want 49 left: a repetition costs nothing", sentence, left)
		}
	}
	if got := w.call(http.MethodGet, "/v1/budget-rules/R1", "", "X-API-Key", w.admin); !strings.Contains(got.body, `"revision":1,`) {
		t.Errorf("the rule is %s, want it stored once", got.body)
	}
	if a := answerOf(t, w.send(body, "locale", "en_US")); a.created != "1 row created" || a.messages[0] != "priority is required." {
		t.Errorf("in another language the stored answer is %+v, want it in English", a)
	}
	for sentence, other := range map[string]string{
		"another value":       strings.Replace(body, `"B"`, `"C"`, 1),
		"another type":        strings.Replace(body, `"priority":1`, `"priority":"1"`, 1),
		"another order":       `{"bizId":"b1","timestamp":1636600092809,"data":[7,` + strings.TrimSuffix(rows, ",7") + `]}`,
		"no rows":             `{"bizId":"b1","timestamp":1636600092809,"data":[]}`,
		"one more row":        strings.Replace(body, ",7]", ",7,8]", 1),
		"a list in a list":    strings.Replace(body, `[2,"x"]`, `[[2],"x"]`, 1),
		"values put together": strings.Replace(body, `[2,"x"]`, `["2,x"]`, 1),
	} {
		a := refusedSync(t, "with other data: 409: "+sentence, w.send(other), http.StatusConflict, "b1")
		if len(a.faulty) != 1 || a.faulty[0] != "- - bizId idempotency_mismatch" {
			t.Errorf("%s: validatorErrors are %q, want what is wrong with bizId", sentence, a.faulty)
		}
	}
	foreign := w.call(http.MethodPost, syncPath, batch("b1", rule()), "X-API-Key", w.foreign)
	if a := answerOf(t, foreign); foreign.status != http.StatusOK || a.counts() != "1+0" {
		t.Errorf("another tenant's bizId of the same name: %d %s, want its own sync", foreign.status, foreign.body)
	}
	// An Idempotency-Key header is another thing, whatever it says.
	if got := w.call(http.MethodPost, syncJobPath, `{"data":[`+rule()+`]}`, "X-API-Key", w.admin, "Idempotency-Key", "b1"); got.status != http.StatusAccepted {
		t.Errorf("a job with the Idempotency-Key b1: %d %s, want it accepted", got.status, got.body)
	}
}

const syncJobPath = "/v1/jobs/budget-rule-sync"

// TestWireBudgetAgainAfterDays moves the clock.
func TestWireBudgetAgainAfterDays(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	now := time.Now()
	w := newWorld(t, settings{budgets: budgets.Config{Now: func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		return now
	}}})
	first := batch("b1", rule())
	for _, c := range []struct {
		after  time.Duration
		counts string
	}{{0, "1+0"}, {7*24*time.Hour - time.Minute, "1+0"}, {2 * time.Minute, "0+1"}, {time.Minute, "0+1"}} {
		mu.Lock()
		now = now.Add(c.after)
		mu.Unlock()
		if a := answerOf(t, w.send(first)); a.counts() != c.counts {
			t.Errorf("for 7 days: %v later the answer is %s, want %s", c.after, a.counts(), c.counts)
		}
	}
}

func TestWireBudgetTwins(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	var group sync.WaitGroup
	answers := make([]string, 20)
	for i := range answers {
		group.Go(func() { answers[i] = w.send(batch("twin", rule(), rule("code", `"R2"`))).body })
	}
	group.Wait()
	for _, got := range answers {
		if got != answers[0] || !strings.Contains(got, "此次请求新建成功了2条数据") {
			t.Errorf("a twin in work is waited for: it is answered %s, want %s", got, answers[0])
		}
	}
	got := w.send(batch("after", rule("code", `"R3"`)))
	if left := got.header.Get("RateLimit"); !strings.HasPrefix(left, `"hour";r=48;`) {
		t.Errorf("RateLimit is %s, want that twins count once", left)
	}
}

// TestWireBudgetFaultsAreNotStored checks that 5xx are not.
func TestWireBudgetFaultsAreNotStored(t *testing.T) {
	t.Parallel()
	for status, fault := range map[int]error{
		http.StatusServiceUnavailable:  domain.Unavailable(errors.New("disk full")),
		http.StatusInternalServerError: errors.New("nobody foresaw this"),
	} {
		w := newWorld(t, settings{})
		w.store.fault.Store(&fault)
		got := w.send(batch("b1", rule()))
		refusedSync(t, "5xx keep the envelope", got, status, "b1")
		if strings.Contains(got.body, "nobody foresaw") || strings.Contains(got.body, "disk full") {
			t.Errorf("the answer %s says what only the log may", got.body)
		}
		if retry := got.header.Get("Retry-After"); (retry != "") != (status == http.StatusServiceUnavailable) {
			t.Errorf("status %d has the Retry-After %q", status, retry)
		}
		w.store.fault.Store(nil)
		// Other data, too, since nothing is known of the bizId.
		again := w.send(batch("b1", rule("priority", "2")))
		if a := answerOf(t, again); again.status != http.StatusOK || a.counts() != "1+0" {
			t.Errorf("after a %d the same bizId gives %d %s, want it done", status, again.status, again.body)
		}
		if left := again.header.Get("RateLimit"); !strings.HasPrefix(left, `"hour";r=49;`) {
			t.Errorf("after a %d RateLimit is %s, want 49 left", status, left)
		}
	}
}

// TestWireBudgetRefusedTakeNoBizID checks that a request that is refused may be
// corrected and sent again under its bizId.
func TestWireBudgetRefusedTakeNoBizID(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{budgets: budgets.Config{MaxRows: 1}})
	for _, refused := range []string{
		batch("b1", rule(), rule()), fmt.Sprintf(`{"bizId":"b1","timestamp":1,"data":[%s]}`, rule()), `{"bizId":"b1"}`,
	} {
		if got := w.send(refused); got.status < 400 {
			t.Fatalf("POST %s = %d, want a refusal", refused, got.status)
		}
	}
	if a := answerOf(t, w.send(batch("b1", rule()))); a.counts() != "1+0" {
		t.Errorf("the corrected request is answered %+v, want it done", a)
	}
}

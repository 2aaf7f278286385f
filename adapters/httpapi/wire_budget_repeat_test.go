package httpapi_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/batchport/batchport/adapters/memory"
	"github.com/batchport/batchport/app/budgets"
	"github.com/batchport/batchport/domain"
)

// clock is a time that tests move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 11, 5, 8, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) wait(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// newClockedWorld is a world whose syncs and whose store go by the clock.
func newClockedWorld(t *testing.T, c *clock, s settings) *world {
	t.Helper()
	s.budgets.Now = c.Now
	w := newWorld(t, s)
	w.store.Store = memory.NewStore(c.Now)
	w.admin, w.poor, w.foreign = w.key("acme", domain.All), w.key("acme", "something_else"), w.key("other", domain.All)
	return w
}

// left is what a RateLimit header says is left of the hour.
func left(t *testing.T, got reply) int {
	t.Helper()
	var n int
	if _, err := fmt.Sscanf(got.header.Get("RateLimit"), `"hour";r=%d;`, &n); err != nil {
		t.Errorf("RateLimit %q says nothing of the hour", got.header.Get("RateLimit"))
	}
	return n
}

func TestWireBudgetStoredAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{columns: columns{}})
	at := func(stamp, data string) string { return envelopeWith(`"again"`, stamp, data) }
	data := `[{"code":"A","priority":1,"budget_code":"B","rule_condition":{"x":1.0,"y":["\u00e9",true]}},{"code":"A","priority":6666,"budget_code":"B","rule_condition":{"x":1}},{"code":7}]`
	first := w.send(at(timestamp, data))
	wantSaid(t, "the first", answerOf(t, first), said{
		counts: "1+0", faulty: []string{"2 - code invalid", "2 - priority required", "2 - budget_code required", "2 - rule_condition required"},
		refused: []string{"1 A - rejected"}, warnings: []string{"0 A rule_condition.x unknown_field", "0 A rule_condition.y unknown_field"},
	})
	for _, c := range []struct{ sentence, body string }{
		{"the same bytes", at(timestamp, data)},
		{"timestamp may differ, as a retry's does", at("1999999999999", data)},
		{"another order of members", `{"data":` + data + `,"timestamp":` + timestamp + `,"bizId":"again"}`},
		{"white space", " " + strings.ReplaceAll(at(timestamp, data), ",", " ,\r\n\t") + "\n"},
		{"another order of members of a row", at(timestamp, strings.Replace(data, `"code":"A","priority":1,`, `"priority":1,"code":"A",`, 1))},
		{"another order of a condition's entries", at(timestamp, strings.Replace(data, `"x":1.0,"y":["\u00e9",true]`, `"y":["\u00e9",true],"x":1.0`, 1))},
		{"an escape and what it stands for", at(timestamp, strings.Replace(data, `\u00e9`, "é", 1))},
		{"unknown members of the envelope", `{"sign":"s",` + at(timestamp, data)[1:]},
	} {
		got := w.send(c.body)
		if got.status != http.StatusOK || got.body != first.body {
			t.Errorf("compared as parsed: %s\n%d %s, want the stored answer %s", c.sentence, got.status, got.body, first.body)
		}
		if n := left(t, got); n != 49 {
			t.Errorf("%s costs no quota: %d are left of the hour, want 49", c.sentence, n)
		}
	}
	for _, l := range languages {
		got := w.send(at(timestamp, data), "locale", l.locale)
		other := w.send(batch("again in "+l.locale, strings.TrimSuffix(data[1:], "]")), "locale", l.locale)
		if a, b := answerOf(t, got), answerOf(t, other); strings.Join(a.messages, "\n") != strings.Join(b.messages, "\n") || (a.created == b.created) || (got.body == first.body) != (l.locale == "zh_CN") {
			t.Errorf("the stored answer is worded in the caller's language: %s gives %s, want the words of %s", l.locale, got.body, other.body)
		}
	}
	if n := w.revision("A"); n != 1+len(languages) {
		t.Errorf("the rule was stored %d times, want once for each bizId: %d", n, 1+len(languages))
	}
	w.synced(rule("code", `"A"`, "budget_code", `"later"`))
	if got := w.send(at(timestamp, data)); got.body != first.body || !strings.HasPrefix(w.rule("A"), "later") {
		t.Errorf("the stored answer is given and nothing done: %s leaves %q", got.body, w.rule("A"))
	}
}

func TestWireBudgetOtherData(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	one, two := rule("rule_condition", `{"a":1}`), rule("code", `"R2"`)
	first := w.send(batch("taken", one, two))
	for _, c := range []struct {
		sentence string
		rows     []string
	}{
		{"a row less", []string{one}},
		{"a row more", []string{one, two, two}},
		{"no rows", nil},
		{"another order of rows", []string{two, one}},
		{"another value", []string{rule("rule_condition", `{"a":2}`), two}},
		{"another kind of value", []string{rule("rule_condition", `{"a":"1"}`), two}},
		{"a number written otherwise is stored otherwise", []string{rule("rule_condition", `{"a":1.0}`), two}},
		{"another member", []string{rule("rule_condition", `{"a":1}`, "branch_code", `"D"`), two}},
	} {
		got := refusedSync(t, c.sentence, w.send(batch("taken", c.rows...)), http.StatusConflict, "taken")
		if len(got.faulty) != 1 || got.faulty[0] != "- - bizId idempotency_mismatch" {
			t.Errorf("with other data: 409: %s gives %q, want the bizId to be blamed", c.sentence, got.faulty)
		}
	}
	if got := w.send(batch("taken", one, two)); got.body != first.body || left(t, got) != 49 {
		t.Errorf("the stored answer stands, and refusals cost nothing: %s with %q", got.body, got.header.Get("RateLimit"))
	}
	for _, bizID := range []string{"Taken", "taken ", " taken", "taken2"} {
		if got := answerOf(t, w.send(batch(bizID, two))); got.resCode != 200000 || got.bizID != bizID {
			t.Errorf("another bizId is another request: %q gives %+v, want 200000", bizID, got)
		}
	}
	other := answerOf(t, w.call(http.MethodPost, syncPath, batch("taken", two), "X-API-Key", w.foreign))
	wantSaid(t, "the bizId of another tenant is independent", other, said{counts: "1+0"})
	if got := w.post(openOne, "Idempotency-Key", "taken"); got.status != http.StatusOK {
		t.Errorf("a bizId is no Idempotency-Key: %d %s, want 200", got.status, got.body)
	}
	poor := w.key("acme", domain.Permission(budgets.Sync))
	if got := w.call(http.MethodPost, syncPath, batch("taken", one, two), "X-API-Key", poor); got.body != first.body {
		t.Errorf("the same bizId of a colleague: %d %s, want the stored answer", got.status, got.body)
	}
}

func TestWireBudgetStoredForSevenDays(t *testing.T) {
	t.Parallel()
	now := newClock()
	w := newClockedWorld(t, now, settings{budgets: lifted})
	const week = 7 * 24 * time.Hour
	first := w.send(batch("week", rule()))
	now.wait(week)
	if got := w.send(batch("week", rule())); got.body != first.body {
		t.Errorf("the stored answer again for 7 days: %d %s", got.status, got.body)
	}
	if got := w.send(batch("week", rule("priority", "2"))); got.status != http.StatusConflict {
		t.Errorf("with other data for 7 days: %d %s, want 409", got.status, got.body)
	}
	now.wait(time.Microsecond)
	wantSaid(t, "after 7 days it is a new request", answerOf(t, w.send(batch("week", rule("priority", "2")))), said{counts: "0+1"})
}

// TestWireBudgetTwins sends the same request from many at once.
func TestWireBudgetManyTwins(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{budgets: budgets.Config{PerHour: 1}})
	const twins = 20
	answers := make([]reply, twins)
	var group sync.WaitGroup
	for i := range twins {
		group.Go(func() {
			answers[i] = w.send(envelopeWith(`"twin"`, fmt.Sprint(1636600092809+i), "["+rule()+","+rule("code", `"R2"`, "x", "1")+"]"))
		})
	}
	group.Wait()
	for i, got := range answers {
		if got.status != http.StatusOK || got.body != answers[0].body || answerOf(t, got).counts() != "2+0" {
			t.Errorf("twin %d is answered %d %s, want 200 and %s", i, got.status, got.body, answers[0].body)
		}
	}
	if a, b := w.revision("R1"), w.revision("R2"); a != 1 || b != 1 {
		t.Errorf("%d twins stored the rules %d and %d times, want once", twins, a, b)
	}
}

func TestWireBudgetNoFaultIsStored(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	for _, c := range []struct {
		bizID  string
		fault  error
		status int
	}{
		{"unknown", errors.New("hunter2"), 500},
		{"internal", domain.CodeInternal, 500},
		{"down", domain.Unavailable(errors.New("hunter2")), 503},
		{"slow", context.DeadlineExceeded, 503},
	} {
		body := batch(c.bizID, rule("code", `"`+c.bizID+`"`))
		w.store.fault.Store(&c.fault)
		for range 2 {
			refusedSync(t, "5xx are not stored: "+c.bizID, w.send(body), c.status, c.bizID)
		}
		w.store.fault.Store(nil)
		wantSaid(t, "and then it passes: "+c.bizID, answerOf(t, w.send(body)), said{counts: "1+0"})
		if n := w.revision(c.bizID); n != 1 {
			t.Errorf("after %s the rule was stored %d times, want once", c.bizID, n)
		}
	}
	if got := w.send(batch("last")); left(t, got) != 45 {
		t.Errorf("5xx cost nothing: RateLimit %q, want 45 left of the hour", got.header.Get("RateLimit"))
	}
}

func TestWireBudgetRefusalsTakeNoBizID(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{budgets: budgets.Config{MaxRows: 2, PerHour: 5, PerDay: 100}})
	refusedSync(t, "400", w.send(envelopeWith(`"b"`, "1", "[]")), 400, "b")
	refusedSync(t, "403", w.call(http.MethodPost, syncPath, batch("b"), "X-API-Key", w.poor), 403, "b")
	refusedSync(t, "413", w.send(batch("b", rule(), rule(), rule())), 413, "b")
	wantSaid(t, "a refused request does not take the bizId", answerOf(t, w.send(batch("b", rule()))), said{counts: "1+0"})
	for i := range 4 {
		w.send(batch(fmt.Sprint("use", i)))
	}
	refusedSync(t, "429", w.send(batch("c", rule())), 429, "c")
	refusedSync(t, "429 takes no bizId: other data is refused alike", w.send(batch("c")), 429, "c")
	if got := answerOf(t, w.send(batch("b", rule()))); got.counts() != "1+0" {
		t.Errorf("a replay when the quota is used up: %+v, want the stored answer", got)
	}
	refusedSync(t, "other data when the quota is used up", w.send(batch("b")), 409, "b")
}

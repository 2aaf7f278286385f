package httpapi_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/batchport/batchport/adapters/httpapi"
	"github.com/batchport/batchport/app/budgets"
	"github.com/batchport/batchport/domain"
)

// TestWireBudgetStatuses has one case a status in which a sync is refused.
func TestWireBudgetStatuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{config: httpapi.Config{MaxBody: 4096}, budgets: budgets.Config{MaxRows: 2, PerHour: 1}})
	faulty := func(fault error) *world {
		other := newWorld(t, settings{})
		other.store.fault.Store(&fault)
		return other
	}
	failing, down := faulty(errors.New("password: hunter2")), faulty(domain.Unavailable(errors.New("password: hunter2")))
	panics := newWorld(t, settings{authenticate: func(*http.Request) (domain.Principal, error) { panic("hunter2") }})
	w.send(batch("taken", rule()))
	for _, c := range []struct {
		sentence string
		on       *world
		method   string
		body     string
		headers  []string // nil: the admin's key
		status   int
		bizID    string
		faulty   string
		header   string // "name: value" that the answer must have
	}{
		{sentence: "400: the envelope", body: `{"bizId":"b1"}`, status: 400, bizID: "b1", faulty: "- - timestamp required, - - data required"},
		{sentence: "400: bizId as sent", body: `{"bizId":"<a>&\"預\u2028"}`, status: 400, bizID: "<a>&\"預\u2028", faulty: "- - timestamp required, - - data required"},
		{sentence: "400: no bizId that one can be", body: `{"bizId":" "}`, status: 400, bizID: "-", faulty: "- - bizId required, - - timestamp required, - - data required"},
		{sentence: "400: it cannot be read", body: `{"bizId":"b1"`, status: 400, bizID: "-", faulty: "- - bizId malformed"},
		{sentence: "401: no key", body: batch("b1"), headers: []string{}, status: 401, bizID: "-", header: `WWW-Authenticate: Bearer realm="batchport"`},
		{sentence: "401: a wrong key", body: batch("b1"), headers: []string{"X-API-Key", "x"}, status: 401, bizID: "-"},
		{sentence: "401: before the body is read", body: "{", headers: []string{"Authorization", "Bearer x"}, status: 401, bizID: "-"},
		{sentence: "401: two keys that differ", body: batch("b1"), headers: []string{"X-API-Key", w.admin, "Authorization", "Bearer " + w.poor}, status: 401, bizID: "-"},
		{sentence: "403: no permission", body: batch("b1"), headers: []string{"X-API-Key", w.poor}, status: 403, bizID: "b1"},
		{sentence: "403: before the envelope is judged", body: "{}", headers: []string{"X-API-Key", w.poor}, status: 403, bizID: "-"},
		{sentence: "405: GET", method: http.MethodGet, status: 405, bizID: "-", header: "Allow: POST"},
		{sentence: "405: PUT", method: http.MethodPut, body: batch("b1"), status: 405, bizID: "-", header: "Allow: POST"},
		{sentence: "405: DELETE", method: http.MethodDelete, headers: []string{}, status: 405, bizID: "-", header: "Allow: POST"},
		{sentence: "409: other data", body: batch("taken"), status: 409, bizID: "taken", faulty: "- - bizId idempotency_mismatch"},
		{sentence: "413: rows", body: batch("b1", "1", "2", "3"), status: 413, bizID: "b1", faulty: "- - data too_many"},
		{sentence: "413: body", body: batch("b1", rule("x", text("x", 4096))), status: 413, bizID: "-", faulty: "- - - too_large"},
		{sentence: "429", body: batch("b1", rule()), status: 429, bizID: "b1"},
		{sentence: "500", on: failing, body: batch("b1", rule()), status: 500, bizID: "b1"},
		{sentence: "500: a handler that panics", on: panics, body: batch("b1", rule()), status: 500, bizID: "-"},
		{sentence: "503", on: down, body: batch("b1", rule()), status: 503, bizID: "b1", header: "Retry-After: 5"},
	} {
		on := c.on
		if on == nil {
			on = w
		}
		if c.headers == nil {
			c.headers = []string{"X-API-Key", on.admin}
		}
		if c.method == "" {
			c.method = http.MethodPost
		}
		got := on.call(c.method, syncPath, c.body, c.headers...)
		a := refusedSync(t, c.sentence, got, c.status, c.bizID)
		if faulty := strings.Join(a.faulty, ", "); faulty != c.faulty {
			t.Errorf("%s\nvalidatorErrors %q, want %q", c.sentence, faulty, c.faulty)
		}
		if a.created != "此次请求新建成功了0条数据" || a.updated != "此次请求更新成功了0条数据" {
			t.Errorf("%s\n%q and %q, want sentences of 0", c.sentence, a.created, a.updated)
		}
		if name, value, ok := strings.Cut(c.header, ": "); ok && got.header.Get(name) != value {
			t.Errorf("%s\n%s is %q, want %q", c.sentence, name, got.header.Get(name), value)
		}
		if strings.Contains(got.body, "hunter2") {
			t.Errorf("%s\n%s tells what only the log may", c.sentence, got.body)
		}
	}
	for name, on := range map[string]*world{"500": failing, "503": down} {
		if !strings.Contains(on.logs.String(), "hunter2") {
			t.Errorf("the log of %s does not tell the cause:\n%s", name, on.logs)
		}
	}
	if logs := panics.logs.String(); !strings.Contains(logs, "panic with a string") || strings.Contains(logs, "hunter2") {
		t.Errorf("the log of a panic tells no cause, or what the panic says:\n%s", logs)
	}
	w.wantRules("a refusal changes nothing", "R1")
}

package httpapi_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/batchport/batchport/app/budgets"
	"github.com/batchport/batchport/domain"
)

func TestWireBudgetRulesAreFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{budgets: lifted})
	w.synced(
		rule("code", `"預"`, "budget_code", `"B1"`), rule("code", `"a"`, "budget_code", `"B1"`, "branch_code", `"D1"`, "deleted_flag", `"Y"`),
		rule("code", `"B"`, "budget_code", `"b1"`, "branch_code", `"D1"`, "budget_event", `"CEM"`), rule("code", `"😀"`, "branch_code", `"費用 & +"`),
		rule("code", `"a/b"`, "budget_code", `"B1"`, "branch_code", `"D1"`, "budget_event", `"CEM"`), rule("code", `"Ａ"`), rule("code", `" a"`, "deleted_flag", `"Y"`),
		rule("code", `"a"`, "budget_code", `"B1"`, "branch_code", `"D1"`, "deleted_flag", `"Y"`),
	)
	w.call(http.MethodPost, syncPath, batch("x", rule("code", `"foreign"`, "budget_code", `"B1"`)), "X-API-Key", w.foreign)
	for _, c := range []struct {
		sentence, query string
		want            []string
	}{
		{"by the bytes of their codes, those marked as deleted too", "", []string{" a", "B", "a", "a/b", "預", "Ａ", "😀"}},
		{"of a budget", "?budget_code=B1", []string{"a", "a/b", "預"}},
		{"of a branch", "?branch_code=D1", []string{"B", "a", "a/b"}},
		{"of a branch, escaped", "?branch_code=" + url.QueryEscape("費用 & +"), []string{"😀"}},
		{"of an event", "?budget_event=CEM", []string{"B", "a/b"}},
		{"marked as deleted", "?deleted_flag=Y", []string{" a", "a"}},
		{"not marked", "?deleted_flag=N", []string{"B", "a/b", "預", "Ａ", "😀"}},
		{"all filters at once", "?budget_code=B1&branch_code=D1&budget_event=CEM&deleted_flag=N", []string{"a/b"}},
		{"none", "?budget_code=B1&deleted_flag=Y&budget_event=CEM", []string{}},
		{"case matters", "?budget_event=cem", []string{}},
		{"an empty filter is none", "?budget_code=&branch_code=&budget_event=&deleted_flag=&after=&limit=", []string{" a", "B", "a", "a/b", "預", "Ａ", "😀"}},
		{"behind a code", "?after=" + base64.RawURLEncoding.EncodeToString([]byte("a")), []string{"a/b", "預", "Ａ", "😀"}},
		{"behind a code that there is not", "?after=" + base64.RawURLEncoding.EncodeToString([]byte("C")), []string{"a", "a/b", "預", "Ａ", "😀"}},
		{"the most that one may ask for", "?limit=1000", []string{" a", "B", "a", "a/b", "預", "Ａ", "😀"}},
	} {
		if got := w.codesOf(c.query, ""); !slices.Equal(got, c.want) {
			t.Errorf("%s\nGET %s gives %q, want %q", c.sentence, c.query, got, c.want)
		}
	}
	for _, c := range []struct {
		query string
		want  [][]string
	}{
		{"?limit=2", [][]string{{" a", "B"}, {"a", "a/b"}, {"預", "Ａ"}, {"😀"}}},
		{"?limit=2&budget_code=66000", [][]string{{" a", "Ａ"}, {"😀"}}},
		{"?limit=2&deleted_flag=Y", [][]string{{" a", "a"}}}, // and no empty page
		{"?limit=1&branch_code=D1", [][]string{{"B"}, {"a"}, {"a/b"}}},
		{"?limit=2&branch_code=none", [][]string{{}}},
	} {
		var pages [][]string
		for after := ""; len(pages) < 10; {
			query := c.query + "&after=" + url.QueryEscape(after)
			pages = append(pages, w.codesOf(query, ""))
			next, said := fields(t, w.call(http.MethodGet, "/v1/budget-rules"+query, "", "X-API-Key", w.admin).body)["next"]
			if after, _ = next.(string); !said || after == "" {
				break
			}
		}
		if !slices.EqualFunc(pages, c.want, slices.Equal[[]string]) {
			t.Errorf("GET %s gives the pages %q, want %q", c.query, pages, c.want)
		}
	}
	if got := w.codesOf("", w.foreign); !slices.Equal(got, []string{"foreign"}) {
		t.Errorf("tenants see nothing of each other: %q, want the foreign rule alone", got)
	}
}

func TestWireBudgetRulesAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{budgets: lifted})
	cursor := func(code string) string { return "?after=" + base64.RawURLEncoding.EncodeToString([]byte(code)) }
	for _, c := range []struct {
		sentence, query string
		want            []string
	}{
		{"bad cursor: no base64", "?after=!", []string{"after invalid"}},
		{"bad cursor: no UTF-8", cursor("\xff"), []string{"after invalid"}},
		{"bad cursor: NUL", cursor("a\x00"), []string{"after invalid"}},
		{"bad limit: 0", "?limit=0", []string{"limit out_of_range"}},
		{"bad limit: below 0", "?limit=-1", []string{"limit out_of_range"}},
		{"bad limit: above", "?limit=1001", []string{"limit out_of_range"}},
		{"bad limit: beyond any integer", "?limit=99999999999999999999", []string{"limit out_of_range"}},
		{"bad limit: no number", "?limit=many", []string{"limit invalid"}},
		{"bad limit: a fraction", "?limit=1.0", []string{"limit invalid"}},
		{"bad flag", "?deleted_flag=y", []string{"deleted_flag invalid"}},
		{"bad flag", "?deleted_flag=1", []string{"deleted_flag invalid"}},
		{"no UTF-8", "?budget_code=%ff", []string{"budget_code invalid"}},
		{"NUL", "?branch_code=%00", []string{"branch_code invalid"}},
		{"no UTF-8", "?budget_event=%e9", []string{"budget_event invalid"}},
		{"all at once", "?deleted_flag=x&after=!&limit=x&budget_event=%ff", []string{"budget_event invalid", "deleted_flag invalid", "after invalid", "limit invalid"}},
	} {
		got := w.call(http.MethodGet, "/v1/budget-rules"+c.query, "", "X-API-Key", w.admin)
		var faults []string
		list, _ := fields(t, got.body)["errors"].([]any)
		for _, f := range list {
			fault := f.(map[string]any)
			faults = append(faults, fmt.Sprint(fault["field"], " ", fault["code"]))
		}
		if got.status != http.StatusBadRequest || got.header.Get("Content-Type") != "application/problem+json" || !slices.Equal(faults, c.want) {
			t.Errorf("%s\nGET %s = %d %s, want 400 and a problem with %q", c.sentence, c.query, got.status, got.body, c.want)
		}
	}
	reader, syncer := w.key("acme", budgets.Read), w.key("acme", domain.Permission(budgets.Sync))
	w.synced(rule())
	for _, path := range []string{"/v1/budget-rules", "/v1/budget-rules/R1"} {
		for key, want := range map[string]int{"": 401, "x": 401, w.poor: 403, reader: 200, syncer: 200, w.admin: 200} {
			if got := w.call(http.MethodGet, path, "", "X-API-Key", key); got.status != want {
				t.Errorf("GET %s = %d %s, want %d", path, got.status, got.body, want)
			}
		}
	}
	if got := w.call(http.MethodGet, "/v1/budget-rules/none", "", "X-API-Key", w.poor); got.status != http.StatusForbidden {
		t.Errorf("403 comes before 404: %d %s", got.status, got.body)
	}
	refusedSync(t, "budget_rule_read does not suffice to sync", w.call(http.MethodPost, syncPath, batch("b", rule()), "X-API-Key", reader), http.StatusForbidden, "b")
}

func TestWireBudgetRule(t *testing.T) {
	t.Parallel()
	w := newClockedWorld(t, newClock(), settings{budgets: lifted})
	w.synced(rule(), rule("priority", "42", "branch_code", `"D1"`, "budget_event", `"CEM"`, "deleted_flag", `"Y"`, "rule_condition", `{"b":[1.50,true,"<預>"],"a":"x"}`))
	got := w.call(http.MethodGet, "/v1/budget-rules/R1", "", "X-API-Key", w.admin)
	const want = `{"code":"R1","priority":42,"budget_code":"66000","rule_condition":{"a":"x","b":[1.50,true,"<預>"]},"branch_code":"D1","budget_event":"CEM","deleted_flag":"Y","revision":2,"stored_at":"2026-11-05T08:00:00Z"}`
	if got.status != http.StatusOK || got.header.Get("Content-Type") != "application/json" || strings.TrimSpace(got.body) != want {
		t.Errorf("GET a rule = %d %s, want %s", got.status, got.body, want)
	}
	list := w.call(http.MethodGet, "/v1/budget-rules", "", "X-API-Key", w.admin)
	if strings.TrimSpace(list.body) != `{"rules":[`+want+`],"next":null}` {
		t.Errorf("GET rules = %s, want the rule and no next", list.body)
	}
	for _, c := range []struct{ code, path string }{
		{"a/b", "a%2Fb"},
		{"a//b", "a%2F%2Fb"},
		{"規則1", "%E8%A6%8F%E5%89%871"},
		{"規則2", "規則2"},
		{"a b", "a%20b"},
		{"a+b", "a+b"},
		{"a%2Fb", "a%252Fb"},
		{"a?b#c", "a%3Fb%23c"},
		{"a;b", "a;b"},
		{"é", "%C3%A9"},
		{"x.y", "x.y"},
		{"a:b", "a:b"},
	} {
		w.synced(rule("code", `"`+c.code+`"`))
		got := w.call(http.MethodGet, "/v1/budget-rules/"+c.path, "", "X-API-Key", w.admin)
		if got.status != http.StatusOK || fields(t, got.body)["code"] != c.code {
			t.Errorf("GET the rule %q as %s = %d %s, want it", c.code, c.path, got.status, got.body)
		}
	}
	unknown := w.call(http.MethodGet, "/v1/budget-rules/unknown", "", "X-API-Key", w.admin)
	if unknown.status != http.StatusNotFound || fields(t, unknown.body)["code"] != "not_found" {
		t.Errorf("GET an unknown rule = %d %s, want 404", unknown.status, unknown.body)
	}
	for _, c := range []struct{ sentence, path, key string }{
		{"data of another tenant does not exist", "R1", w.foreign},
		{"codes are compared by their bytes", "r1", w.admin},
		{"no rule can have it: no UTF-8", "%ff", w.admin},
		{"no rule can have it: NUL", "R1%00", w.admin},
		{"no rule can have it: too long", strings.Repeat("x", 65), w.admin},
	} {
		if got := w.call(http.MethodGet, "/v1/budget-rules/"+c.path, "", "X-API-Key", c.key); got.status != http.StatusNotFound || got.body != unknown.body {
			t.Errorf("%s\nGET %s = %d %s, want the same bytes as for an unknown one: %s", c.sentence, c.path, got.status, got.body, unknown.body)
		}
	}
}

package httpapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/batchport/batchport/adapters/httpapi"
	"github.com/batchport/batchport/app/engine"
	"github.com/batchport/batchport/domain/estate"
)

// TestDescribedBodies holds what is accepted to what is described, for bodies
// in which something of an example is missing, is another value, or is new.
// What the description allows is refused only for reasons that it has no words
// for; and what it does not allow is refused, but for what clients of weak types
// send.
func TestDescribedBodies(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{engine: engine.Config{MaxOpenJobs: 100_000}})
	_, err := w.store.UpsertUsers(t.Context(), "acme", []estate.User{
		{ID: 1001, Name: "a", Role: estate.Agent},
		{ID: 1002, Name: "a", Role: estate.Agent},
		{ID: 2001, Name: "l", Role: estate.Landlord},
		{ID: 2002, Name: "l", Role: estate.Landlord},
	})
	w.must(err)
	tried, taken := 0, 0
	for _, s := range httpapi.Submissions() {
		for _, example := range s.Examples {
			if got := w.call(http.MethodPost, s.Path, example, "X-API-Key", w.admin); got.status != http.StatusAccepted || fields(t, got.body)["kind"] != s.Kind {
				t.Errorf("POST %s %s, an example, = %d %s, want 202", s.Path, example, got.status, got.body)
			}
			var v any
			w.must(json.Unmarshal([]byte(example), &v))
			changed(v, "", func(path, how string) {
				text, err := json.Marshal(v)
				w.must(err)
				got, described := w.call(http.MethodPost, s.Path, string(text), "X-API-Key", w.admin), s.Described(string(text))
				accepted := got.status == http.StatusAccepted
				tried++
				switch {
				case accepted:
					taken++
					if described != nil && !lenient(path, how) {
						t.Errorf("POST %s %s is accepted, where %s is %s; it is not described: %v", s.Path, text, path, how, described)
					}
				case described == nil && unsaid(got.body):
					t.Errorf("POST %s %s is described, and refused: %s", s.Path, text, got.body)
				}
			})
		}
	}
	t.Logf("%d bodies, of which %d are accepted", tried, taken)
	if tried < 500 || taken < 50 {
		t.Errorf("%d bodies were tried and %d accepted, want more to say something", tried, taken)
	}
}

// lenient reports whether more than what is described is taken for a member.
func lenient(path, how string) bool {
	entry := regexp.MustCompile(`^edits\[\d+\]`).FindString(path)
	return how == "null" || how == `"7"` || // not sent; a number as text
		strings.HasPrefix(path, "filter.") && slices.Contains([]string{`"x"`, "0", "7", "true", "[7]"}, how) || // a value for a list, a list for a value
		path == "month" || // a number
		entry != "" && path != entry && path != entry+".id" // a failed item
}

// unsaid reports whether a body was refused for what the description has words
// for.
func unsaid(body string) bool {
	var refused struct {
		Errors []struct{ Field, Code string }
	}
	if json.Unmarshal([]byte(body), &refused) != nil {
		return true
	}
	for _, e := range refused.Errors {
		day := strings.HasPrefix(e.Field, "filter.ends_") || strings.HasPrefix(e.Field, "filter.reported_") // its format is a hint
		either := e.Field == "filter" && e.Code == "unknown_field"
		if (e.Code == "invalid" || e.Code == "unknown_field") && !day && !either && e.Field != "url" {
			return true
		}
	}
	return false
}

// changed calls try with v in each of the states in which one of its parts is
// another, and puts it back.
func changed(v any, path string, try func(path, how string)) {
	values := []any{nil, true, 0.0, -1.0, 1.5, 7.0, "", "x", "7", []any{}, []any{7.0}, map[string]any{}, map[string]any{"x": 1.0}}
	replace := func(path string, old any, set func(any)) {
		for _, value := range values {
			set(value)
			how, _ := json.Marshal(value)
			try(path, string(how))
		}
		set(old)
		changed(old, path, try)
	}
	switch v := v.(type) {
	case map[string]any:
		names := make([]string, 0, len(v))
		for name := range v {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range names {
			member := strings.TrimPrefix(path+"."+name, ".")
			old := v[name]
			replace(member, old, func(value any) { v[name] = value })
			delete(v, name)
			try(member, "missing")
			v[name] = old
		}
		v["colour"] = "red"
		try(strings.TrimPrefix(path+".colour", "."), "new")
		delete(v, "colour")
	case []any:
		for i, old := range v {
			replace(fmt.Sprintf("%s[%d]", path, i), old, func(value any) { v[i] = value })
		}
	}
}

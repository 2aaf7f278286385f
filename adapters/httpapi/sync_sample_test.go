package httpapi_test

import (
	"encoding/json"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
)

// syncSource is the document that describes the interface, as its clients have
// it.
const syncSource = "testdata/source-budget-rule-sync.md"

// sampleOf returns what follows the line of the title in the document, as far
// as the line of the next one, "" being the end.
func sampleOf(t *testing.T, title, next string) string {
	t.Helper()
	text, err := os.ReadFile(syncSource)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	from := slices.Index(lines, title)
	to := slices.Index(lines, next)
	if next == "" {
		to = len(lines)
	}
	if from < 0 || to < from {
		t.Fatalf("%s has no line %q before %q", syncSource, title, next)
	}
	return strings.Join(lines[from+1:to], "\n")
}

// canonical is a JSON document without white space and with the keys of its
// objects in order. Numbers and strings stay the bytes that they are.
func canonical(t *testing.T, text string) string {
	t.Helper()
	raw := json.RawMessage(strings.TrimSpace(text))
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%q is no JSON: %v", text, err)
		}
	}
	switch raw[0] {
	case '{':
		var members map[string]json.RawMessage
		must(json.Unmarshal(raw, &members))
		var parts []string
		for key, value := range members {
			parts = append(parts, `"`+key+`":`+canonical(t, string(value)))
		}
		slices.Sort(parts)
		return "{" + strings.Join(parts, ",") + "}"
	case '[':
		var items []json.RawMessage
		must(json.Unmarshal(raw, &items))
		parts := make([]string, len(items))
		for i, item := range items {
			parts[i] = canonical(t, string(item))
		}
		return "[" + strings.Join(parts, ",") + "]"
	}
	if !json.Valid(raw) {
		t.Fatalf("%q is no JSON", text)
	}
	return string(raw)
}

// TestTheSourcesSample sends the sample request of the source document to an
// empty database, and wants its sample answer.
func TestTheSourcesSample(t *testing.T) {
	t.Parallel()
	request, want := sampleOf(t, "请求数据", "返回数据"), sampleOf(t, "返回数据", "")
	for name, headers := range map[string][]string{
		"as the document has it":     nil,
		"in the language of it":      {"locale", "zh_CN"},
		"from a browser that is not": {"locale", "zh_CN", "Accept-Language", "en"},
	} {
		w := newWorld(t, settings{})
		got := w.call(http.MethodPost, "/common/budgets/v2/glBudgetRuleJson/batch", request, append([]string{"X-API-Key", w.admin}, headers...)...)
		if ct := got.header.Get("Content-Type"); got.status != http.StatusOK || ct != "application/json" {
			t.Errorf("%s: status %d and Content-Type %q, want 200 and application/json", name, got.status, ct)
		}
		if diff := gocmp.Diff(canonical(t, want), canonical(t, got.body)); diff != "" {
			t.Errorf("%s: the answer is not that of %s (-want +got):\n%s", name, syncSource, diff)
		}
	}
}

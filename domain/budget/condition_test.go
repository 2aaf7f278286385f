package budget_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/budget"
)

func sortedNames(names []string) []string { return slices.Sorted(slices.Values(names)) }

func TestConditionText(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		condition budget.Condition
		want      string
	}{
		{budget.Condition{column("type_id", text("T026"))}, `{"type_id":"T026"}`},
		{
			budget.Condition{column("project_b", number("1.50"), number("1e3")), column("a", boolean("true")), column("header_c", text("x"), text("x"))},
			`{"a":true,"header_c":["x","x"],"project_b":[1.50,1e3]}`,
		},
		{budget.Condition{column("a", text("1")), column("B", number("1"))}, `{"B":1,"a":"1"}`},
		{budget.Condition{column("a", text("\"\\/\t\x1f\x7f<&>費\u2028😀"))}, `{"a":"\"\\/\u0009\u001f` + "\x7f<&>費\u2028😀" + `"}`},
		{budget.Condition{column("a", text(""))}, `{"a":""}`},
	} {
		given := slices.Clone(c.condition)
		assert.Equal(t, c.want, c.condition.Text())
		assert.Equal(t, given, c.condition, "Text changes the condition")
	}
}

func TestParseCondition(t *testing.T) {
	t.Parallel()
	// As a database may give it back: with spaces, and in another order.
	got, err := budget.ParseCondition(" { \"type_id\" : [\"T026\", 2.50, true] ,\n\"header_a\": false, \"charge_department\":[\"D1\"] } ")
	require.NoError(t, err)
	assert.Equal(t, budget.Condition{
		column("charge_department", text("D1")), column("header_a", boolean("false")),
		column("type_id", text("T026"), number("2.50"), boolean("true")),
	}, got)

	for _, stored := range []string{
		"", " ", "{}", "[]", "null", `"a"`, "1", `{"a":1`, `{"a":`, `{"a"}`, `{"a":[1}`, `{"a":1}}`, `{"a":1} x`, `{"a":1}{"b":1}`, `{"a":null}`, `{"a":{}}`, `{"a":[]}`,
		`{"a":[[1]]}`, `{"a":[null]}`, `{"a":1,"a":2}`, `{"a":1,"b":1,"a":1}`, `{"":1}`, `{"1":1}`, `{"a.b":1}`, `{a:1}`, `{"a":x}`,
	} {
		got, err := budget.ParseCondition(stored)
		require.ErrorIs(t, err, domain.CodeMalformed, stored)
		assert.Nil(t, got, stored)
	}
}

// What is stored comes back, is JSON, and is the same for the same entries only.
func TestConditionsRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := conditions().Draw(t, "condition")
		stored := c.Text()
		if !json.Valid([]byte(stored)) {
			t.Fatalf("Text() = %q, which is no JSON", stored)
		}
		got, err := budget.ParseCondition(stored)
		if err != nil || !assert.ObjectsAreEqual(c, got) {
			t.Fatalf("ParseCondition(%q) = %+v, %v; want %+v", stored, got, err, c)
		}
		shuffled := rapid.Permutation(c).Draw(t, "shuffled")
		if again := budget.Condition(shuffled).Text(); again != stored {
			t.Fatalf("Text() = %q, in another order %q", stored, again)
		}
		other := conditions().Draw(t, "other")
		if same := assert.ObjectsAreEqual(c, other); same != (other.Text() == stored) {
			t.Fatalf("%q and %q are of conditions of which %t says that they are the same", stored, other.Text(), same)
		}
	})
}

// FuzzParseCondition stores again what could be read.
func FuzzParseCondition(f *testing.F) {
	for _, seed := range []string{"", "{}", `{"type_id":"T026"}`, `{"a":[1,-2.5e3,"\u0000",true],"header_b":"費"}`, `{"a":1,"a":2}`, `{"b":1,"a":[]}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, stored string) {
		c, err := budget.ParseCondition(stored)
		if err != nil {
			if domain.CodeOf(err) != domain.CodeMalformed || c != nil {
				t.Fatalf("ParseCondition(%q) = %+v, %v; want malformed", stored, c, err)
			}
			return
		}
		canonical := c.Text()
		again, err := budget.ParseCondition(canonical)
		if err != nil || !assert.ObjectsAreEqual(c, again) || again.Text() != canonical {
			t.Fatalf("ParseCondition(%q) = %+v, %v; want %+v", canonical, again, err, c)
		}
	})
}

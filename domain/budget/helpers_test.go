package budget_test

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/budget"
)

// said lists failures by field and code.
func said(failures []domain.Failure) []string {
	var all []string
	for _, f := range failures {
		all = append(all, f.Field+" "+string(f.Code))
	}
	return all
}

// sent is what arrives as the JSON text.
func sent(t *testing.T, text string) budget.Sent {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	s, err := read(decoder)
	require.NoError(t, err, text)
	return s
}

func read(decoder *json.Decoder) (budget.Sent, error) {
	token, err := decoder.Token()
	if err != nil {
		return budget.Sent{}, err
	}
	switch v := token.(type) {
	case bool:
		return budget.Sent{Kind: budget.Bool, Text: strconv.FormatBool(v)}, nil
	case json.Number:
		return budget.Sent{Kind: budget.Number, Text: v.String()}, nil
	case string:
		return budget.Sent{Kind: budget.String, Text: v}, nil
	case nil:
		return budget.Sent{}, nil
	}
	s := budget.Sent{Kind: budget.List}
	if token == json.Delim('{') {
		s.Kind = budget.Object
	}
	for decoder.More() {
		var name any
		if s.Kind == budget.Object {
			if name, err = decoder.Token(); err != nil {
				return s, err
			}
		}
		v, err := read(decoder)
		if err != nil {
			return s, err
		}
		if s.Kind == budget.Object {
			s.Members = append(s.Members, budget.Member{Name: fmt.Sprint(name), Value: v})
		} else {
			s.List = append(s.List, v)
		}
	}
	_, err = decoder.Token()
	return s, err
}

func text(s string) budget.Value { return budget.Value{Kind: budget.String, Text: s} }

func number(literal string) budget.Value { return budget.Value{Kind: budget.Number, Text: literal} }

func boolean(word string) budget.Value { return budget.Value{Kind: budget.Bool, Text: word} }

// column makes an entry of the named column.
func column(name string, values ...budget.Value) budget.Entry {
	c, ok := budget.ParseColumnRef(name)
	if !ok {
		panic(name)
	}
	return budget.Entry{Column: c, Values: values}
}

// names draws names of columns, many of them with prefixes.
func names() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		prefix := rapid.SampledFrom([]string{"", "", "header_", "charge_department_", "project_", "charge_department", "project", "header"}).Draw(t, "prefix")
		name := prefix + rapid.StringMatching(`[A-Za-z][A-Za-z0-9_]{0,8}`).Draw(t, "rest")
		if rapid.IntRange(0, 9).Draw(t, "long") == 0 {
			name += strings.Repeat("x", 64)
		}
		return name[:min(len(name), 64)]
	})
}

// shortText draws text of at most 64 bytes without NUL characters.
func shortText() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.SampledFrom([]string{"", "T026", `"\/`, "<&>\u2028\u2029", "\x01\t\n\x1f\x7f", "\ufffd", strings.Repeat("費", 21), strings.Repeat("a", 64)}),
		rapid.StringN(0, 20, 64),
	).Filter(func(s string) bool { return !strings.Contains(s, "\x00") })
}

// values draws good values.
func values() *rapid.Generator[budget.Value] {
	return rapid.OneOf(
		rapid.Map(shortText(), text),
		rapid.Map(rapid.StringMatching(`-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,20})?([eE][-+]?[0-9]{1,2})?`), number),
		rapid.Map(rapid.SampledFrom([]string{"true", "false"}), boolean),
	)
}

// conditions draws good conditions, sorted by the names of their columns.
func conditions() *rapid.Generator[budget.Condition] {
	return rapid.Custom(func(t *rapid.T) budget.Condition {
		var c budget.Condition
		for _, name := range sortedNames(rapid.SliceOfNDistinct(names(), 1, 5, rapid.ID).Draw(t, "names")) {
			c = append(c, column(name, rapid.SliceOfN(values(), 1, 4).Draw(t, name)...))
		}
		return c
	})
}

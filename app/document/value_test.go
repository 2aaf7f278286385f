package document_test

import (
	"math"
	"testing"

	"github.com/batchport/batchport/app/document"
)

func parse(t *testing.T, text string) document.Value {
	t.Helper()
	v, err := document.Parse(text)
	if err != nil {
		t.Fatalf("Parse(%s): %v", text, err)
	}
	return v
}

func TestValueInteger(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		text string
		want int64
		ok   bool
	}{
		{`0`, 0, true},
		{`-0`, 0, true},
		{`-12`, -12, true},
		{`"12"`, 12, true},
		{`"007"`, 7, true},
		{`9223372036854775807`, math.MaxInt64, true},
		{`9223372036854775808`, math.MaxInt64, true},
		{`-9223372036854775809`, math.MinInt64, true},
		{`"99999999999999999999"`, math.MaxInt64, true},
		{`1.0`, 0, false},
		{`1e3`, 0, false},
		{`"-1"`, 0, false},
		{`"+1"`, 0, false},
		{`" 1"`, 0, false},
		{`"１"`, 0, false},
		{`""`, 0, false},
		{`null`, 0, false},
		{`true`, 0, false},
		{`[1]`, 0, false},
		{`{"a":1}`, 0, false},
	} {
		if got, ok := parse(t, tt.text).Integer(); got != tt.want || ok != tt.ok {
			t.Errorf("Integer(%s) = %d, %t, want %d, %t", tt.text, got, ok, tt.want, tt.ok)
		}
	}
}

func TestValueSent(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`null`: "null", `true`: "true", `false`: "false", `-1.50`: "-1.50", `"\u7269"`: "物", `""`: "", `[1]`: "[…]", `{}`: "{…}",
	} {
		if got := parse(t, text).Sent(); got != want {
			t.Errorf("Sent(%s) = %q, want %q", text, got, want)
		}
	}
}

func TestValueMember(t *testing.T) {
	t.Parallel()
	object := parse(t, `{"a":"x","A":"y","n":null}`)
	for name, want := range map[string]document.Value{
		"a": {Kind: document.String, Text: "x"}, "A": {Kind: document.String, Text: "y"}, "n": {}, "b": {},
	} {
		if got := object.Member(name); got.Kind != want.Kind || got.Text != want.Text {
			t.Errorf("Member(%s) = %+v, want %+v", name, got, want)
		}
	}
	if got := parse(t, `["a"]`).Member("a"); got.Kind != document.Null {
		t.Errorf("Member(a) of a list = %+v, want null", got)
	}
}

func TestValueLookup(t *testing.T) {
	t.Parallel()
	object := parse(t, `{"a":"x","A":"y","n":null,"":1,"o":{"deep":2},"é":3}`)
	for name, want := range map[string]struct {
		text string
		kind document.ValueKind
		sent bool
	}{
		"a": {"x", document.String, true}, "A": {"y", document.String, true}, "": {"1", document.Number, true}, "é": {"3", document.Number, true},
		"n": {"", document.Null, true}, "o": {"", document.Object, true},
		"b": {}, "deep": {}, "e\u0301": {}, "a ": {},
	} {
		got, sent := object.Lookup(name)
		if got.Kind != want.kind || got.Text != want.text || sent != want.sent {
			t.Errorf("Lookup(%q) = %+v, %t; want %q, %t", name, got, sent, want.text, want.sent)
		}
	}
	for _, text := range []string{`{}`, `["a"]`, `[{"a":1}]`, `"a"`, `null`, `1`} {
		if got, sent := parse(t, text).Lookup("a"); sent || got.Kind != document.Null {
			t.Errorf("Lookup(a) of %s = %+v, %t; want nothing sent", text, got, sent)
		}
	}
}

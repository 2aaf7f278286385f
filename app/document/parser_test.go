package document_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/batchport/batchport/app/document"
	"github.com/batchport/batchport/domain"
)

func TestParse(t *testing.T) {
	t.Parallel()
	str := func(s string) document.Value { return document.Value{Kind: document.String, Text: s} }
	num := func(s string) document.Value { return document.Value{Kind: document.Number, Text: s} }
	got, err := document.Parse(" {\"b\":[1,-0.5e+3,\"\"],\"a\":{},\t\"\\u007a\":[true,false,null,[]],\r\n\"s\":\"物\\ud83d\\ude00\\\"\\\\\\/\\b\\f\\n\\r\\t|\"} ")
	want := document.Value{Kind: document.Object, Members: []document.Member{
		{Name: "b", Value: document.Value{Kind: document.List, List: []document.Value{num("1"), num("-0.5e+3"), str("")}}},
		{Name: "a", Value: document.Value{Kind: document.Object}},
		{Name: "z", Value: document.Value{Kind: document.List, List: []document.Value{
			{Kind: document.Bool, Bool: true}, {Kind: document.Bool}, {}, {Kind: document.List},
		}}},
		{Name: "s", Value: str("物😀\"\\/\b\f\n\r\t|")},
	}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("Parse() = %v (-want +got):\n%s", err, diff)
	}
	for _, text := range []string{"0", "-0", `""`, "null", "1E5", "1e-999", strings.Repeat("9", 300), strings.Repeat("[", 16) + strings.Repeat("]", 16)} {
		if _, err := document.Parse(text); err != nil {
			t.Errorf("Parse(%.40s) = %v, want nil", text, err)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	twentyKeys := `{"k0":0,"k1":0,"k2":0,"k3":0,"k4":0,"k5":0,"k6":0,"k7":0,"k8":0,"k9":0,"k10":0,"k2":0}`
	for _, tt := range []struct {
		text  string
		code  domain.Code
		field string
		why   string
	}{
		{"", domain.CodeMalformed, "", "empty"},
		{" \t\r\n", domain.CodeMalformed, "", "empty"},
		{"\ufeff{}", domain.CodeMalformed, "", "syntax"},
		{"{\"a\":\"\xc3\x28\"}", domain.CodeMalformed, "", "utf8"},
		{"\"\xed\xa0\x80\"", domain.CodeMalformed, "", "utf8"},
		{"{\"a\":\x00}", domain.CodeMalformed, "", "nul"},
		{`{"a":["x","\u0000"]}`, domain.CodeMalformed, "a[1]", "nul"},
		{`{"a":"\ud800"}`, domain.CodeMalformed, "a", "surrogate"},
		{`{"a":"\udc00"}`, domain.CodeMalformed, "a", "surrogate"},
		{`{"a":"\ud800\u0041"}`, domain.CodeMalformed, "a", "surrogate"},
		{`{"a":"\ud800\ud800"}`, domain.CodeMalformed, "a", "surrogate"},
		{`{"a":"\ud800\n"}`, domain.CodeMalformed, "a", "surrogate"},
		{`{"\ud800":1}`, domain.CodeMalformed, "", "surrogate"},
		{`{"a":{"b":1,"c":2,"b":1}}`, domain.CodeDuplicate, "a.b", ""},
		{`[0,{"b":1,"\u0062":1}]`, domain.CodeDuplicate, "[1].b", ""},
		{twentyKeys, domain.CodeDuplicate, "k2", ""},
		{`{"":1,"":2}`, domain.CodeDuplicate, "", ""},
		{strings.Repeat("[", 17) + strings.Repeat("]", 17), domain.CodeMalformed, strings.Repeat("[0]", 16), "depth"},
		{strings.Repeat(`{"a":`, 17), domain.CodeMalformed, "a" + strings.Repeat(".a", 15), "depth"},
		{`{} {}`, domain.CodeMalformed, "", "trailing"},
		{`{},`, domain.CodeMalformed, "", "trailing"},
		{`01`, domain.CodeMalformed, "", "trailing"},
		{`{"a":1e999}`, domain.CodeMalformed, "a", "number"},
		{`[-1E+400]`, domain.CodeMalformed, "[0]", "number"},
		{strings.Repeat("9", 400), domain.CodeMalformed, "", "number"},
		{`{"a":NaN}`, domain.CodeMalformed, "a", "syntax"},
		{`Infinity`, domain.CodeMalformed, "", "syntax"},
		{`[1,]`, domain.CodeMalformed, "[1]", "syntax"},
		{`{"a":1,}`, domain.CodeMalformed, "a", "syntax"},
		{`{"a" 1}`, domain.CodeMalformed, "", "syntax"},
		{`{a:1}`, domain.CodeMalformed, "", "syntax"},
		{`{"a":1`, domain.CodeMalformed, "a", "syntax"},
		{`"abc`, domain.CodeMalformed, "", "syntax"},
		{"\"a\nb\"", domain.CodeMalformed, "", "syntax"},
		{`"\x"`, domain.CodeMalformed, "", "syntax"},
		{`"\u12"`, domain.CodeMalformed, "", "syntax"},
		{`"\u12g4"`, domain.CodeMalformed, "", "syntax"},
		{`"\`, domain.CodeMalformed, "", "syntax"},
		{`.5`, domain.CodeMalformed, "", "syntax"},
		{`1.`, domain.CodeMalformed, "", "syntax"},
		{`1e`, domain.CodeMalformed, "", "syntax"},
		{`-`, domain.CodeMalformed, "", "syntax"},
		{`+1`, domain.CodeMalformed, "", "syntax"},
		{`tru`, domain.CodeMalformed, "", "syntax"},
		{`truex`, domain.CodeMalformed, "", "trailing"},
		{`// x`, domain.CodeMalformed, "", "syntax"},
	} {
		_, err := document.Parse(tt.text)
		f := domain.FailureOf(err)
		if !errors.Is(err, tt.code) || f.Field != tt.field || f.Params["reason"] != tt.why {
			t.Errorf("Parse(%.60q) = %v, want %s of %q because of %q", tt.text, err, tt.code, tt.field, tt.why)
		}
	}
}

func TestParseShortensPaths(t *testing.T) {
	t.Parallel()
	const longestField = 200
	key := strings.Repeat("物", 100_000)
	_, err := document.Parse(strings.Repeat(`{"`+key+`":`, 10) + "x")
	if field := domain.FailureOf(err).Field; len(field) > longestField || !utf8.ValidString(field) || !strings.HasPrefix(field, "物") {
		t.Errorf("Parse(huge keys) blames %d bytes %.40q, want at most %d of UTF-8", len(field), field, longestField)
	}
}

// TestParseIsLinear gives 16 MiB of what could cost more than its length.
func TestParseIsLinear(t *testing.T) {
	t.Parallel()
	const size = 16 << 20
	var keys strings.Builder
	keys.WriteByte('{')
	for i := 0; keys.Len() < size/4; i++ {
		keys.WriteString(`"` + strings.Repeat("a", i%7) + string(rune('a'+i%26)) + itoa(i) + `":0,`)
	}
	keys.WriteString(`"z":0}`)
	for name, text := range map[string]string{
		"brackets":    strings.Repeat("[", size),
		"digits":      strings.Repeat("9", size),
		"an exponent": "1e" + strings.Repeat("9", size),
		"a fraction":  "0." + strings.Repeat("0", size) + "1",
		"escapes":     `"` + strings.Repeat(`\u0041`, size/6) + `"`,
		"keys":        keys.String(),
		"spaces":      strings.Repeat(" ", size),
		"a string":    `"` + strings.Repeat("a", size),
		"backslashes": `"` + strings.Repeat(`\\`, size/2),
	} {
		began := time.Now()
		_, _ = document.Parse(text)
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("Parse(16 MiB of %s) took %v, want well under a second", name, took)
		} else {
			t.Logf("16 MiB of %s: %v", name, took)
		}
	}
}

func itoa(i int) string { text, _ := json.Marshal(i); return string(text) }

// FuzzParse holds Parse against encoding/json and against the rules.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"", " ", "{}", "[]", `{"job_name":"estate_export","estatesIds":["1",2],"total":1.5e3}`, `{"a":1,"a":2}`,
		`{"a":{"b":[{"c":null},{"c":true}]}}`, `"\ud83d\ude00"`, `"\ud800"`, `"\udc00\ud800"`, `"\u0000"`, "\"\x00\"",
		"\xff", "\ufeff{}", "1e999", "-1e-999", "0.1", "01", "[1,]", `{"a":1,}`, "{} x", `"\/\b"`, "tru", "nul", "null",
		strings.Repeat("[", 16) + strings.Repeat("]", 16), strings.Repeat("[", 17) + strings.Repeat("]", 17),
		`{"a":0,"b":0,"c":0,"d":0,"e":0,"f":0,"g":0,"h":0,"i":0,"a":0}`, "\"\u2028\"", `{"物":"件"}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		v, err := document.Parse(text)
		if err != nil {
			if code := domain.CodeOf(err); code != domain.CodeMalformed && code != domain.CodeDuplicate {
				t.Fatalf("Parse(%q) = %v, want malformed or duplicate", text, err)
			}
			if reference(text) {
				t.Fatalf("Parse(%q) = %v, want nil: it breaks no rule", text, err)
			}
			return
		}
		if !reference(text) {
			t.Fatalf("Parse(%q) = nil, want an error", text)
		}
		want, got := decoded(t, text), plain(v)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("Parse(%q) differs from encoding/json:\n%s", text, diff)
		}
	})
}

// reference reports, in other ways than the parser's, whether text breaks no
// rule.
func reference(text string) bool {
	if !utf8.ValidString(text) || !json.Valid([]byte(text)) || strings.Contains(text, "\x00") {
		return false
	}
	// What encoding/json cannot decode it replaces by U+FFFD; text that has
	// none of its own then must have none afterwards.
	if !strings.Contains(text, "\ufffd") && !strings.Contains(strings.ToLower(text), `\ufffd`) {
		var v any
		decoder := json.NewDecoder(strings.NewReader(text))
		decoder.UseNumber()
		if decoder.Decode(&v) != nil || holds(v, "\ufffd") {
			return false
		}
	} else if loneSurrogate(text) {
		return false
	}
	return tokensAreGood(text)
}

// tokensAreGood checks depth, keys, numbers and NUL characters.
func tokensAreGood(text string) bool {
	decoder := json.NewDecoder(strings.NewReader(text))
	type level struct {
		keys  map[string]bool // nil for a list
		value bool            // a value comes next, in an object
	}
	var open []level
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return true
		}
		if err != nil { // a number that is not finite
			return false
		}
		if delim, ok := token.(json.Delim); ok && (delim == '}' || delim == ']') {
			open = open[:len(open)-1]
			continue
		}
		s, isText := token.(string)
		if isText && strings.Contains(s, "\x00") {
			return false
		}
		if n := len(open); n > 0 && open[n-1].keys != nil {
			top := &open[n-1]
			if !top.value {
				if top.keys[s] {
					return false
				}
				top.keys[s], top.value = true, true
				continue
			}
			top.value = false
		}
		if delim, ok := token.(json.Delim); ok {
			l := level{}
			if delim == '{' {
				l.keys = map[string]bool{}
			}
			if open = append(open, l); len(open) > 16 {
				return false
			}
		}
	}
}

// loneSurrogate looks for half a pair among the escapes of valid JSON.
func loneSurrogate(text string) bool {
	high := false
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' {
			if high {
				return true
			}
			continue
		}
		i++
		half := byte(0)
		if text[i] == 'u' {
			if hex := strings.ToLower(text[i+1 : i+3]); hex[0] == 'd' && hex[1] >= '8' {
				half = hex[1]
			}
			i += 4
		}
		isLow, isHigh := half >= 'c', half != 0 && half < 'c'
		if high != isLow {
			return true
		}
		high = isHigh
	}
	return high
}

// holds reports whether a decoded value has part in one of its strings.
func holds(v any, part string) bool {
	switch v := v.(type) {
	case string:
		return strings.Contains(v, part)
	case []any:
		for _, e := range v {
			if holds(e, part) {
				return true
			}
		}
	case map[string]any:
		for k, e := range v {
			if strings.Contains(k, part) || holds(e, part) {
				return true
			}
		}
	}
	return false
}

func decoded(t *testing.T, text string) (v any) {
	decoder := json.NewDecoder(bytes.NewReader([]byte(text)))
	decoder.UseNumber()
	if err := decoder.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

// plain turns a value into what encoding/json makes.
func plain(v document.Value) any {
	switch v.Kind {
	case document.Bool:
		return v.Bool
	case document.Number:
		return json.Number(v.Text)
	case document.String:
		return v.Text
	case document.List:
		list := []any{}
		for _, e := range v.List {
			list = append(list, plain(e))
		}
		return list
	case document.Object:
		m := map[string]any{}
		for _, member := range v.Members {
			m[member.Name] = plain(member.Value)
		}
		return m
	case document.Null:
	}
	return nil
}

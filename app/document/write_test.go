package document_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/batchport/batchport/app/document"
)

func TestAppend(t *testing.T) {
	t.Parallel()
	v, err := document.Parse(` {"b": [1, -0.50e+3, "x\u0001\"\\\/\n費😀"], "a" : {"d":null,"c":true}, "" : {} , "e":[] } `)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(v.Append([]byte("> "))), `> {"b":[1,-0.50e+3,"x\u0001\"\\/\u000a費😀"],"a":{"d":null,"c":true},"":{},"e":[]}`; got != want {
		t.Errorf("Append() = %s, want %s", got, want)
	}
	if got, want := string(v.AppendCanonical(nil)), `{"":{},"a":{"c":true,"d":null},"b":[1,-0.50e+3,"x\u0001\"\\/\u000a費😀"],"e":[]}`; got != want {
		t.Errorf("AppendCanonical() = %s, want %s", got, want)
	}
	if v.Members[0].Name != "b" {
		t.Errorf("AppendCanonical changes the value itself, whose first member is now %q", v.Members[0].Name)
	}
}

// FuzzAppend writes what could be read, and reads it again.
func FuzzAppend(f *testing.F) {
	for _, seed := range []string{"null", `{"a":1,"b":{"d":[],"c":"\u001f"}}`, `["費",1.0,-0,true,false,{}]`, `"\u007f\u2028"`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		v, err := document.Parse(text)
		if err != nil {
			return
		}
		for _, written := range [][]byte{v.Append(nil), v.AppendCanonical(nil)} {
			again, err := document.Parse(string(written))
			if err != nil || !json.Valid(written) {
				t.Fatalf("Parse(%s) = %v, written for %q", written, err, text)
			}
			if diff := cmp.Diff(string(v.AppendCanonical(nil)), string(again.AppendCanonical(nil))); diff != "" {
				t.Fatalf("%q comes back otherwise:\n%s", text, diff)
			}
		}
		if again, _ := document.Parse(string(v.Append(nil))); !cmp.Equal(v, again) {
			t.Fatalf("%q comes back otherwise", text)
		}
	})
}

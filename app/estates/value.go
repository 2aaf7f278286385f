package estates

import (
	"strconv"
	"strings"
)

// ValueKind says what a [Value] is.
type ValueKind int

// The kinds of values of a JSON document.
const (
	Null ValueKind = iota
	Bool
	Number
	String
	List
	Object
)

// Value is a value of a JSON document that was read strictly: valid UTF-8, no
// NUL characters, no lone surrogates, no key twice in an object. The zero Value
// is null.
type Value struct {
	Kind    ValueKind
	Bool    bool     // of Bool
	Text    string   // of String; of Number the literal as it was sent, such as "-1.50"
	List    []Value  // of List
	Members []Member // of Object, in the order in which they were sent
}

// Member is a named value of an object.
type Member struct {
	Name  string
	Value Value
}

// Member returns the object's value of the name, or null when there is none
// or v is no object.
func (v Value) Member(name string) Value {
	for _, m := range v.Members {
		if m.Name == name {
			return m.Value
		}
	}
	return Value{}
}

// blank reports whether nothing was given: null or "".
func (v Value) blank() bool {
	return v.Kind == Null || v.Kind == String && v.Text == ""
}

// sent renders the value for the failure that rejects it.
func (v Value) sent() string {
	switch v.Kind {
	case Null:
		return "null"
	case Bool:
		return strconv.FormatBool(v.Bool)
	case Number, String:
		return v.Text
	case List:
		return "[…]"
	case Object:
		return "{…}"
	}
	return ""
}

// integer reads a whole number. ok is false when v is of another type or form,
// as 1.0 and 1e3 are; a number that no int64 holds gives the nearest one. A
// string of digits is one too where quoted allows it.
func (v Value) integer(quoted bool) (n int64, ok bool) {
	digits := v.Text
	switch {
	case v.Kind == Number:
		digits = strings.TrimPrefix(digits, "-")
	case v.Kind != String || !quoted:
		return 0, false
	}
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return 0, false
	}
	n, _ = strconv.ParseInt(v.Text, 10, 64) // all digits, so it can only be out of range
	return n, true
}

// flag reads a flag in any of its spellings: true, false, 0, 1, "0" and "1".
func (v Value) flag() (on, ok bool) {
	switch {
	case v.Kind == Bool:
		return v.Bool, true
	case v.Kind != Number && v.Kind != String:
		return false, false
	}
	return v.Text == "1", v.Text == "0" || v.Text == "1"
}

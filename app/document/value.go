package document

import (
	"strconv"
	"strings"
)

// ValueKind says what a [Value] is.
type ValueKind uint8

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
	member, _ := v.Lookup(name)
	return member
}

// Lookup is Member, and tells a null that was sent from a value that was not.
func (v Value) Lookup(name string) (member Value, sent bool) {
	for _, m := range v.Members {
		if m.Name == name {
			return m.Value, true
		}
	}
	return Value{}, false
}

// Sent renders the value for the failure that rejects it: scalars as they were
// sent, lists and objects as "[…]" and "{…}".
func (v Value) Sent() string {
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

// maxName bounds what is repeated of a name that a client made up, in characters.
const maxName = 100

// ShortName is the name of a member that a client made up, shortened when it is
// long.
func ShortName(name string) string {
	runes := 0
	for i := range name {
		if runes == maxName {
			return name[:i] + "…"
		}
		runes++
	}
	return name
}

// Integer reads a whole number: a number or a string of digits. ok is false
// when v is of another type or form, as 1.0 and 1e3 are; a number that no int64
// holds gives the nearest one.
func (v Value) Integer() (n int64, ok bool) {
	digits := v.Text
	switch v.Kind {
	case Number:
		digits = strings.TrimPrefix(digits, "-")
	case String:
	default:
		return 0, false
	}
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return 0, false
	}
	n, _ = strconv.ParseInt(v.Text, 10, 64) // all digits, so it can only be out of range
	return n, true
}

package budget

import (
	"strconv"
	"strings"
)

// Kind says what a [Sent] or a [Value] is. The zero Kind is [Null].
type Kind uint8

// The kinds of what is sent, as JSON tells them apart (RFC 8259).
const (
	Null Kind = iota
	Bool
	Number
	String
	List
	Object
)

// Sent is what somebody sent, of whatever kind. The zero Sent is nothing.
type Sent struct {
	Kind    Kind
	Text    string   // of [String]; of [Number] its JSON literal; of [Bool] "true" or "false"
	List    []Sent   // of [List]
	Members []Member // of [Object], in the order in which they were sent
}

// Member is a named part of an object.
type Member struct {
	Name  string
	Value Sent
}

// member returns the first member of the name, or nothing.
func (s Sent) member(name string) Sent {
	for _, m := range s.Members {
		if m.Name == name {
			return m.Value
		}
	}
	return Sent{}
}

// blank reports whether nothing was sent, or text without any.
func (s Sent) blank() bool { return s.Kind == Null || s.Kind == String && s.Text == "" }

// text returns the text that was sent, or "".
func (s Sent) text() string {
	if s.Kind != String {
		return ""
	}
	return s.Text
}

// integer reads a whole number, or text of digits. ok is false for anything
// else, as 1.0 and 1e3 are; what no int holds gives the nearest one.
func (s Sent) integer() (n int, ok bool) {
	digits := s.Text
	switch s.Kind {
	case Number:
		digits = strings.TrimPrefix(digits, "-")
	case String:
	default:
		return 0, false
	}
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return 0, false
	}
	n, _ = strconv.Atoi(s.Text) // all digits, so it can only be out of range
	return n, true
}

// shown is what was sent, as the failure that rejects it shows it.
func (s Sent) shown() string {
	switch s.Kind {
	case Null:
		return "null"
	case List:
		return "[…]"
	case Object:
		return "{…}"
	default:
		return s.Text
	}
}

package document

import (
	"slices"
	"strings"
)

// Append appends the value as JSON without white space: numbers as they were
// sent, the members of objects in the order in which they were sent. Parsed
// again it is the same value.
func (v Value) Append(text []byte) []byte { return v.append(text, false) }

// AppendCanonical is Append with the members of objects in the order of their
// names: values that differ in nothing else give the same text. Numbers differ
// when they were written otherwise, as 1 and 1.0.
func (v Value) AppendCanonical(text []byte) []byte { return v.append(text, true) }

func (v Value) append(text []byte, canonical bool) []byte {
	switch v.Kind {
	case Null:
		return append(text, "null"...)
	case Bool, Number:
		return append(text, v.Sent()...)
	case String:
		return appendString(text, v.Text)
	case List:
		text = append(text, '[')
		for i, item := range v.List {
			if i > 0 {
				text = append(text, ',')
			}
			text = item.append(text, canonical)
		}
		return append(text, ']')
	case Object:
		members := v.Members
		byName := func(a, b Member) int { return strings.Compare(a.Name, b.Name) }
		if canonical && !slices.IsSortedFunc(members, byName) {
			members = slices.Clone(members)
			slices.SortFunc(members, byName)
		}
		text = append(text, '{')
		for i, m := range members {
			if i > 0 {
				text = append(text, ',')
			}
			text = append(appendString(text, m.Name), ':')
			text = m.Value.append(text, canonical)
		}
		return append(text, '}')
	}
	return text
}

// appendString writes a string with the fewest escapes.
func appendString(text []byte, s string) []byte {
	const hex = "0123456789abcdef"
	text = append(text, '"')
	start := 0
	for i := range len(s) {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		text = append(text, s[start:i]...)
		start = i + 1
		if c < ' ' {
			text = append(text, `\u00`...)
			text = append(text, hex[c>>4], hex[c&15])
			continue
		}
		text = append(text, '\\', c)
	}
	return append(append(text, s[start:]...), '"')
}

package budget

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Condition says which documents a rule is for: those that meet every entry.
// It has at least one, and one of a column; [Check] and [ParseCondition] return
// them sorted by the names of their columns.
type Condition []Entry

// Entry is met by a column that has any of the values.
type Entry struct {
	Column ColumnRef
	Values []Value // at least one, in the order in which they were sent
}

// Value is a value to compare a column with. Values are equal when they were
// written alike: the number 1 is neither 1.0 nor the text "1".
type Value struct {
	Kind Kind   // [String], [Number] or [Bool]
	Text string // of a number its JSON literal, such as "-1.50"; of a boolean "true" or "false"
}

// Text returns the condition as it is stored: a JSON object without white
// space, sorted by the names of the columns, each with its value, or a list of
// them when there are several. Conditions of the same entries have the same
// text, in whatever order the entries are, and [ParseCondition] gives them
// back.
func (c Condition) Text() string {
	var b strings.Builder
	b.WriteByte('{')
	for i, e := range c.sorted() {
		if i > 0 {
			b.WriteByte(',')
		}
		writeString(&b, e.Column.String())
		b.WriteByte(':')
		e.write(&b)
	}
	b.WriteByte('}')
	return b.String()
}

// sorted returns the entries in the order of their text; c itself stays.
func (c Condition) sorted() Condition {
	if slices.IsSortedFunc(c, compareEntries) {
		return c
	}
	c = slices.Clone(c)
	slices.SortStableFunc(c, compareEntries)
	return c
}

func compareEntries(a, b Entry) int { return a.Column.compare(b.Column) }

func (e Entry) write(b *strings.Builder) {
	if len(e.Values) == 1 {
		e.Values[0].write(b)
		return
	}
	b.WriteByte('[')
	for i, v := range e.Values {
		if i > 0 {
			b.WriteByte(',')
		}
		v.write(b)
	}
	b.WriteByte(']')
}

func (v Value) write(b *strings.Builder) {
	if v.Kind == String {
		writeString(b, v.Text)
		return
	}
	b.WriteString(v.Text)
}

// writeString writes a JSON string with the fewest escapes. encoding/json has
// more of them, for web pages, and may have others in its next release, while
// the text of a condition must stay what it was.
func writeString(b *strings.Builder, s string) {
	b.WriteByte('"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < ' ':
			fmt.Fprintf(b, `\u%04x`, c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
}

// isNumber reports whether the literal is a JSON number within the range of a
// float64, beyond which readers of the stored condition may not go.
func isNumber(literal string) bool {
	if literal == "" || literal[0] != '-' && !isDigit(literal[0]) || !isDigit(literal[len(literal)-1]) {
		return false
	}
	_, err := strconv.ParseFloat(literal, 64)
	return err == nil && json.Valid([]byte(literal))
}

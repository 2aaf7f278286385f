package budget

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/batchport/batchport/domain"
)

// maxFaults bounds what is said about one row. Nobody reads that much, and a
// row of a million fields would otherwise cost many times its size.
const maxFaults = 1_000

// faults collects what is wrong with a row: everything, not the first.
type faults struct{ list []domain.Failure }

func (f *faults) add(code domain.Code, field, value string, pairs ...string) {
	if len(f.list) < maxFaults {
		f.list = append(f.list, domain.NewFailure(code, field, clean(value), pairs...))
	}
}

// name wants text that is not blank.
func (f *faults) name(field, s string) {
	if strings.TrimSpace(s) == "" {
		f.add(domain.CodeRequired, field, s)
		return
	}
	f.text(field, s)
}

// text wants text that every store can hold, and not more than fits.
func (f *faults) text(field, s string) {
	switch {
	case !utf8.ValidString(s) || strings.Contains(s, "\x00"):
		f.add(domain.CodeInvalid, field, s)
	case len(s) > MaxText:
		f.add(domain.CodeTooLong, field, s, "max", strconv.Itoa(MaxText))
	}
}

// priority wants a number in range, which was sent as the text.
func (f *faults) priority(sent string, n int) {
	if n < 0 || n > MaxPriority {
		f.add(domain.CodeOutOfRange, PriorityField, sent, "min", "0", "max", strconv.Itoa(MaxPriority))
	}
}

// condition wants at least one entry, and one of a column.
func (f *faults) condition(c Condition) {
	if len(c) == 0 {
		f.add(domain.CodeRequired, ConditionField, "")
	}
	for _, e := range c {
		name := e.Column.String()
		field := path(ConditionField, name)
		if !e.Column.wellFormed() {
			f.notColumn(field, name)
		}
		if len(e.Values) == 0 {
			f.noValues(field)
		}
		for i, v := range e.Values {
			if len(e.Values) > 1 {
				f.value(at(field, i), v)
			} else {
				f.value(field, v)
			}
		}
	}
	f.repeated(c.sorted())
}

// repeated wants no column twice in what is sorted.
func (f *faults) repeated(c Condition) {
	for i := 1; i < len(c); i++ {
		if c[i].Column == c[i-1].Column {
			name := c[i].Column.String()
			f.add(domain.CodeDuplicate, path(ConditionField, name), name)
		}
	}
}

func (f *faults) notColumn(field, name string) {
	f.add(domain.CodeInvalid, field, name, "expected", "column")
}

func (f *faults) noValues(field string) {
	f.add(domain.CodeRequired, field, "", "reason", "empty_list")
}

// value wants a value that is what its kind says, and fits.
func (f *faults) value(field string, v Value) {
	before := len(f.list)
	if f.text(field, v.Text); len(f.list) > before {
		return
	}
	switch {
	case v.Kind == String, v.Kind == Number && isNumber(v.Text), v.Kind == Bool && (v.Text == "true" || v.Text == "false"):
	case v.Kind == Number:
		f.add(domain.CodeInvalid, field, v.Text, "expected", "number")
	case v.Kind == Bool:
		f.add(domain.CodeInvalid, field, v.Text, "expected", "boolean")
	default:
		f.add(domain.CodeInvalid, field, v.Text, "expected", "condition_value")
	}
}

// maxName bounds a name that a client made up, in characters: names that are
// allowed are not longer.
const maxName = 64

// path names a member whose name a client made up.
func path(field, member string) string { return field + "." + shortName(member) }

// shortName is a name that a client made up, shortened when it is long.
func shortName(name string) string {
	runes := 0
	for i := range name {
		if runes == maxName {
			return clean(name[:i]) + "…"
		}
		runes++
	}
	return clean(name)
}

// at names the element i of a list, counted from 0.
func at(field string, i int) string { return field + "[" + strconv.Itoa(i) + "]" }

// clean replaces what not every store can hold, so that failures can be kept.
func clean(s string) string {
	return strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", "\uFFFD"), "\uFFFD")
}

package budget

import "strings"

// Source says what a column belongs to.
type Source string

// The sources of columns.
const (
	Line       Source = "line" // of the document
	Head       Source = "head" // of the document
	Department Source = "department"
	Project    Source = "project"
)

// prefixes begin the names of the columns that are not of the line.
var prefixes = []struct {
	source Source
	prefix string
}{
	{Head, "header_"},
	{Department, "charge_department_"},
	{Project, "project_"},
}

// ColumnRef refers to a column by what it belongs to. The zero ColumnRef is none.
type ColumnRef struct {
	Source Source
	Name   string // without the prefix of the source
}

// ParseColumnRef reads the name of a column as a condition has it: header_X is X
// of the head, charge_department_X of the department, project_X of the
// project, and any other name is a column of the line, as are a prefix with
// nothing behind it and the bare names charge_department and project. Case
// matters. ok is false unless the whole name is an ASCII letter followed by at
// most 63 ASCII letters, digits and underscores.
func ParseColumnRef(name string) (c ColumnRef, ok bool) {
	if !isColumnName(name) {
		return ColumnRef{}, false
	}
	for _, p := range prefixes {
		if rest, found := strings.CutPrefix(name, p.prefix); found && rest != "" {
			return ColumnRef{Source: p.source, Name: rest}, true
		}
	}
	return ColumnRef{Source: Line, Name: name}, true
}

// compare compares the names that a condition has for two columns.
func (c ColumnRef) compare(other ColumnRef) int {
	if c.Source == other.Source {
		return strings.Compare(c.Name, other.Name) // behind the same prefix
	}
	return strings.Compare(c.String(), other.String())
}

// String returns the name that a condition has for the column.
func (c ColumnRef) String() string {
	for _, p := range prefixes {
		if p.source == c.Source {
			return p.prefix + c.Name
		}
	}
	return c.Name
}

// wellFormed reports whether the column is what its name says. A column of the
// line whose name begins like one of the head is not.
func (c ColumnRef) wellFormed() bool {
	parsed, ok := ParseColumnRef(c.String())
	return ok && parsed == c
}

func isColumnName(name string) bool {
	if name == "" || len(name) > MaxText || !isLetter(name[0]) {
		return false
	}
	for i := range len(name) {
		if c := name[i]; !isLetter(c) && !isDigit(c) && c != '_' {
			return false
		}
	}
	return true
}

func isLetter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

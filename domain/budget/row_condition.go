package budget

import (
	"slices"

	"github.com/batchport/batchport/domain"
)

// readCondition reads the condition of a row, sorted. What cannot be read of it
// is left out.
func (f *faults) readCondition(row Sent) Condition {
	s, other := row.member(ConditionField), row.member(OtherConditionField)
	switch {
	case s.blank():
		s = other
	case !other.blank():
		f.add(domain.CodeDuplicate, OtherConditionField, other.shown(), "other", ConditionField)
	}
	// PHP sends an object without members as a list.
	empty := (s.Kind == Object || s.Kind == List) && len(s.Members)+len(s.List) == 0
	if s.blank() || empty {
		f.add(domain.CodeRequired, ConditionField, "")
		return nil
	}
	if s.Kind != Object {
		f.add(domain.CodeInvalid, ConditionField, s.shown(), "expected", "condition")
		return nil
	}
	c := make(Condition, 0, len(s.Members))
	room := make([]Value, 0, len(s.Members)) // of all entries, which are many and small
	for _, m := range s.Members {
		field := path(ConditionField, m.Name)
		column, ok := ParseColumnRef(m.Name)
		if !ok {
			f.notColumn(field, m.Name)
		}
		start := len(room)
		room = f.readValues(field, m.Value, room)
		if ok {
			c = append(c, Entry{Column: column, Values: room[start:len(room):len(room)]})
		}
	}
	slices.SortStableFunc(c, compareEntries)
	f.repeated(c)
	return c
}

// readValues appends one value, or a list of them.
func (f *faults) readValues(field string, s Sent, values []Value) []Value {
	if s.Kind != List {
		return append(values, f.readValue(field, s))
	}
	if len(s.List) == 0 {
		f.noValues(field)
	}
	for i, item := range s.List {
		values = append(values, f.readValue(at(field, i), item))
	}
	return values
}

func (f *faults) readValue(field string, s Sent) Value {
	switch s.Kind {
	case String, Number, Bool:
		v := Value{Kind: s.Kind, Text: s.Text}
		f.value(field, v)
		return v
	default:
		f.add(domain.CodeInvalid, field, s.shown(), "expected", "condition_value")
		return Value{}
	}
}

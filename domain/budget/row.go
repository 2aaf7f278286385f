package budget

import (
	"slices"

	"github.com/batchport/batchport/domain"
)

// Checked is what a row comes to.
type Checked struct {
	Rule     Rule             // to be stored; of a row with faults as much of it as could be read
	Faults   []domain.Failure // why the row is not stored; nil for one that is
	Warnings []domain.Failure // what is doubtful about a row that is stored
}

// Check reads a row of a sync. The faults are in the order code, priority,
// budget_code, rule_condition, branch_code, budget_event, deleted_flag, behind
// those of fields given twice; within the condition as sent, and then the
// columns given twice. Their fields are these names and paths below them, such
// as "rule_condition.type_id[2]":
//
//   - [domain.CodeRequired] is what is missing, null or empty, with the parameter
//     reason "empty_list" for a column without values;
//   - [domain.CodeInvalid] is the wrong type or form, with the parameter expected:
//     "string", "integer", "condition", "column" (a name that is none),
//     "condition_value", "number", "Y, N", or "object" for a row that is none;
//   - [domain.CodeTooLong] has the parameter max, in bytes;
//   - [domain.CodeOutOfRange] has the parameters min and max;
//   - [domain.CodeDuplicate] is one thing given twice, with the parameter other
//     when it was under another name: rule_condition_json is rule_condition.
//
// The warnings are those of [Rule.Warnings], and then [domain.CodeUnknownField],
// with the parameter reason "ignored", for every other field, as sent. A row
// with faults is not stored and so has no warnings. Of more than 1,000 faults,
// or warnings, they are the first 1,000.
//
// A condition may also be sent as text that holds one: the caller reads such
// text, and passes the object, or the text itself when it is no object.
// catalog may be nil. The rule's texts share the memory of row's.
func Check(row Sent, catalog Catalog) Checked {
	var f faults
	if row.Kind != Object {
		f.add(domain.CodeInvalid, "", row.shown(), "expected", "object")
		return Checked{Faults: f.list}
	}
	ignored := f.members(row)
	rule := Rule{
		Code:        f.readName(row, CodeField),
		Priority:    f.readPriority(row),
		BudgetCode:  f.readName(row, BudgetField),
		Condition:   f.readCondition(row),
		BranchCode:  f.readText(row, BranchField),
		BudgetEvent: f.readText(row, EventField),
		Deleted:     f.readDeleted(row),
	}
	if len(f.list) > 0 {
		return Checked{Rule: rule, Faults: f.list}
	}
	warnings := append(rule.Warnings(catalog), ignored...)
	return Checked{Rule: rule, Warnings: warnings[:min(len(warnings), maxFaults)]}
}

// rowFields are the fields that a row may have.
var rowFields = [...]string{
	CodeField, PriorityField, BudgetField, ConditionField, OtherConditionField, BranchField, EventField, DeletedField,
}

// members returns a warning for each field that a row does not have. A field
// that is there twice is a fault.
func (f *faults) members(row Sent) []domain.Failure {
	var ignored faults
	var seen [len(rowFields)]bool
	for _, m := range row.Members {
		i := slices.Index(rowFields[:], m.Name)
		switch {
		case i < 0:
			ignored.add(domain.CodeUnknownField, shortName(m.Name), m.Value.shown(), "reason", "ignored")
		case seen[i]:
			f.add(domain.CodeDuplicate, m.Name, m.Value.shown())
		default:
			seen[i] = true
		}
	}
	return ignored.list
}

func (f *faults) readName(row Sent, field string) string {
	s := row.member(field)
	switch {
	case s.blank():
		f.add(domain.CodeRequired, field, "")
	case s.Kind != String:
		f.notText(field, s)
	default:
		f.name(field, s.Text)
	}
	return s.text()
}

func (f *faults) readText(row Sent, field string) string {
	s := row.member(field)
	switch s.Kind {
	case Null:
	case String:
		f.text(field, s.Text)
	default:
		f.notText(field, s)
	}
	return s.text()
}

func (f *faults) notText(field string, s Sent) {
	f.add(domain.CodeInvalid, field, s.shown(), "expected", "string")
}

func (f *faults) readPriority(row Sent) int {
	s := row.member(PriorityField)
	n, ok := s.integer()
	switch {
	case s.blank():
		f.add(domain.CodeRequired, PriorityField, "")
	case !ok:
		f.add(domain.CodeInvalid, PriorityField, s.shown(), "expected", "integer")
	default:
		f.priority(s.Text, n)
	}
	return n
}

// readDeleted reads the flag. Empty text is no flag: a form that sends it does
// not say whether a deleted rule is to come back.
func (f *faults) readDeleted(row Sent) bool {
	s := row.member(DeletedField)
	if s.Kind != Null && (s.Kind != String || s.Text != "Y" && s.Text != "N") {
		f.add(domain.CodeInvalid, DeletedField, s.shown(), "expected", "Y, N")
	}
	return s.Kind == String && s.Text == "Y"
}

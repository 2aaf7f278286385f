package budget

import (
	"iter"
	"strconv"

	"github.com/batchport/batchport/domain"
)

// The limits of rules.
const (
	MaxText     = 64    // of texts, and of each name and value of a condition, in bytes of UTF-8
	MaxPriority = 9_999 // of priorities; the least is 0
)

// The fields of a row, as the wire and failures name them.
const (
	CodeField      = "code"
	PriorityField  = "priority"
	BudgetField    = "budget_code"
	ConditionField = "rule_condition"
	BranchField    = "branch_code"
	EventField     = "budget_event"
	DeletedField   = "deleted_flag"

	// OtherConditionField is how a sample of the interface spells the condition.
	OtherConditionField = "rule_condition_json"
)

// Rule says which budget pays for the documents that meet its condition.
type Rule struct {
	Code        string // identifies the rule within its tenant
	Priority    int    // 0 to 9,999
	BudgetCode  string
	Condition   Condition
	BranchCode  string // "" when not given
	BudgetEvent string // "" when not given
	Deleted     bool   // marked as deleted; it stays stored
}

// Faults returns all that is wrong with the rule, so that it must not be
// stored, nil for a good one; of more than 1,000 faults the first 1,000. Its
// codes are those of [Check].
func (r Rule) Faults() []domain.Failure {
	var f faults
	f.name(CodeField, r.Code)
	f.priority(strconv.Itoa(r.Priority), r.Priority)
	f.name(BudgetField, r.BudgetCode)
	f.condition(r.Condition)
	f.text(BranchField, r.BranchCode)
	f.text(EventField, r.BudgetEvent)
	return f.list
}

// A Catalog reports whether there is such a column. One that is nil knows of
// no columns and takes all; it must be safe for concurrent use where several
// rows are checked at once.
type Catalog func(ColumnRef) bool

// Warnings returns what is doubtful about the rule, which may be stored all
// the same, in the order of the condition: [domain.CodeUnknownField], with the
// parameter reason "column", is a column that the catalogue does not have. Of
// more than 1,000 warnings they are the first 1,000.
func (r Rule) Warnings(catalog Catalog) []domain.Failure {
	var f faults
	if catalog == nil {
		return nil
	}
	for _, e := range r.Condition {
		if !catalog(e.Column) {
			name := e.Column.String()
			f.add(domain.CodeUnknownField, path(ConditionField, name), name, "reason", "column")
		}
	}
	return f.list
}

// Repeats goes through the rules of one request, each given by its position
// and its code in the order in which they act, and yields a warning for every
// one whose code was there before: its position and [domain.CodeDuplicate] of
// the field code, with the parameter earlier, the position of the nearest one
// before, after which it acts. Rows that have faults act on nothing, and are left
// out by the caller.
func Repeats(codes iter.Seq2[int, string]) iter.Seq2[int, domain.Failure] {
	return func(yield func(int, domain.Failure) bool) {
		latest := map[string]int{}
		for at, code := range codes {
			earlier, repeated := latest[code]
			latest[code] = at
			if repeated && !yield(at, Repeated(code, earlier)) {
				return
			}
		}
	}
}

// Repeated is the warning about a rule whose code was there before, at the
// position earlier.
func Repeated(code string, earlier int) domain.Failure {
	return domain.NewFailure(domain.CodeDuplicate, CodeField, code, "earlier", strconv.Itoa(earlier))
}

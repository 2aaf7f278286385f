package budget

import "time"

// StoredRule is a rule as it is kept.
type StoredRule struct {
	Rule
	Revision int64     // how often it was stored: 1 for a rule that is new
	StoredAt time.Time // when it was stored last; UTC, whole microseconds
}

// Filter chooses among rules. The zero Filter finds all of them.
type Filter struct {
	BudgetCode  string // "" for any
	BranchCode  string // "" for any
	BudgetEvent string // "" for any
	Deleted     *bool  // marked as deleted, or not; nil for either
}

// Matches reports whether the filter finds the rule: one that has each value
// that is given.
func (f Filter) Matches(r Rule) bool {
	return (f.BudgetCode == "" || f.BudgetCode == r.BudgetCode) &&
		(f.BranchCode == "" || f.BranchCode == r.BranchCode) &&
		(f.BudgetEvent == "" || f.BudgetEvent == r.BudgetEvent) &&
		(f.Deleted == nil || *f.Deleted == r.Deleted)
}

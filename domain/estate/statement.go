package estate

import (
	"strings"

	"github.com/batchport/batchport/domain"
)

// The limits of a [StatementLine], in bytes of UTF-8.
const (
	MaxItem = 300
	MaxNote = 3_000
)

// CodeSuperseded is a row that a later one for the same thing replaces.
const CodeSuperseded domain.Code = "superseded"

// StatementLine is a line of the monthly statement of an estate, which has at
// most one for a month and an item.
type StatementLine struct {
	EstateID int64
	Month    Month
	Item     string // what it is for, such as "管理費"
	Amount   Money
	Note     string // may be empty
}

// Faults returns all that is wrong with the line by itself, nil for a good
// one. Item and note are taken as they are: white space around them counts.
func (l StatementLine) Faults() []domain.Failure {
	var f faults
	f.id("estate_id", l.EstateID)
	if strings.TrimSpace(l.Item) == "" {
		f.add(domain.CodeRequired, "item", l.Item)
	} else {
		f.text("item", l.Item, MaxItem)
	}
	if l.Amount > MaxMoney || l.Amount < -MaxMoney {
		f.add(domain.CodeOutOfRange, "amount", l.Amount.String(), "min", (-MaxMoney).String(), "max", MaxMoney.String())
	}
	f.text("note", l.Note, MaxNote)
	return f.list
}

// Replacing returns what becomes of an estate's line for a month and an item
// when this one is stored: created where there was none (nil), unchanged when
// there is the same, and else updated.
func (l StatementLine) Replacing(former *StatementLine) domain.Outcome {
	switch {
	case former == nil:
		return domain.Outcome{Fate: domain.Created}
	case *former == l:
		return domain.Outcome{Fate: domain.Unchanged}
	}
	return domain.Outcome{Fate: domain.Updated}
}

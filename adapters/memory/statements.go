package memory

import (
	"cmp"
	"context"
	"slices"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/estate"
	"github.com/batchport/batchport/ports"
)

var _ ports.Statements = (*Store)(nil)

type lineKey struct {
	estate objectKey
	month  estate.Month
	item   string
}

// UpsertStatementLines implements [ports.Statements].
func (s *Store) UpsertStatementLines(ctx context.Context, tenant domain.TenantID, lines []estate.StatementLine) ([]domain.Outcome, error) {
	return editEach(ctx, s, lines, func(s *Store, t *tx, l estate.StatementLine) domain.Outcome {
		if !s.isEstate(tenant, l.EstateID) {
			return domain.FailedWith(missing("", l.EstateID))
		}
		return replaceUnlessSame(t, s.estates.lines, lineKey{objectKey{tenant, l.EstateID}, l.Month, l.Item}, l)
	})
}

// ListStatementLines implements [ports.Statements].
func (s *Store) ListStatementLines(ctx context.Context, tenant domain.TenantID, estateID int64, month estate.Month, after estate.StatementLine, limit int) (lines []estate.StatementLine, err error) {
	err = s.do(ctx, func(s *Store, _ *tx) error {
		for key, l := range s.estates.lines {
			if key.estate == (objectKey{tenant, estateID}) && (month == "" || l.Month == month) && compareLines(l, after) > 0 {
				lines = append(lines, l)
			}
		}
		return nil
	})
	slices.SortFunc(lines, compareLines)
	return lines[:min(len(lines), max(limit, 0))], err
}

// compareLines orders the lines of an estate.
func compareLines(a, b estate.StatementLine) int {
	return cmp.Or(cmp.Compare(a.Month, b.Month), cmp.Compare(a.Item, b.Item))
}

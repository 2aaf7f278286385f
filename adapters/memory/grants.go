package memory

import (
	"context"
	"slices"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/estate"
	"github.com/batchport/batchport/ports"
)

var _ ports.Grants = (*Store)(nil)

// EditGrants implements [ports.Grants].
func (s *Store) EditGrants(ctx context.Context, tenant domain.TenantID, edits []estate.GrantEdit) ([]domain.Outcome, error) {
	return editEach(ctx, s, edits, func(s *Store, t *tx, edit estate.GrantEdit) domain.Outcome {
		switch {
		case !s.isEstate(tenant, edit.EstateID):
			return domain.FailedWith(missing("", edit.EstateID))
		case edit.UserID != 0 && !s.isUser(tenant, edit.UserID, estate.Landlord):
			return domain.FailedWith(estate.WrongRole(userField, edit.UserID, estate.Landlord))
		}
		key := objectKey{tenant, edit.EstateID}
		grant, outcome := edit.Apply(former(s.estates.grants, key))
		if outcome.Fate == domain.Unchanged {
			return outcome
		}
		e := s.estates.estates[key]
		e.LandlordID = edit.UserID
		put(t, s.estates.estates, key, e)
		if grant == nil {
			drop(t, s.estates.grants, key)
		} else {
			put(t, s.estates.grants, key, *grant)
		}
		return outcome
	})
}

// ListGrants implements [ports.Grants].
func (s *Store) ListGrants(ctx context.Context, tenant domain.TenantID, ids []int64) (grants []estate.Grant, err error) {
	err = s.do(ctx, func(s *Store, _ *tx) error {
		for _, id := range unique(ids) {
			if g, ok := s.estates.grants[objectKey{tenant, id}]; ok {
				g.Capabilities = slices.Clone(g.Capabilities)
				grants = append(grants, g)
			}
		}
		return nil
	})
	return grants, err
}

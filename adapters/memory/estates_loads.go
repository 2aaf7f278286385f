package memory

import (
	"context"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/estate"
)

// UpsertUsers implements [ports.EstateLoads].
func (s *Store) UpsertUsers(ctx context.Context, tenant domain.TenantID, users []estate.User) ([]domain.Outcome, error) {
	return editEach(ctx, s, users, func(s *Store, t *tx, u estate.User) domain.Outcome {
		return replace(t, s.estates.users, objectKey{tenant, u.ID}, u)
	})
}

// UpsertCommunities implements [ports.EstateLoads].
func (s *Store) UpsertCommunities(ctx context.Context, tenant domain.TenantID, communities []estate.Community) ([]domain.Outcome, error) {
	return editEach(ctx, s, communities, func(s *Store, t *tx, c estate.Community) domain.Outcome {
		return replace(t, s.estates.communities, objectKey{tenant, c.ID}, c)
	})
}

// UpsertEstates implements [ports.EstateLoads].
func (s *Store) UpsertEstates(ctx context.Context, tenant domain.TenantID, estates []estate.Estate) ([]domain.Outcome, error) {
	return editEach(ctx, s, estates, func(s *Store, t *tx, e estate.Estate) domain.Outcome {
		key := objectKey{tenant, e.ID}
		if _, found := s.estates.communities[objectKey{tenant, e.CommunityID}]; !found && e.CommunityID != 0 {
			return domain.FailedWith(missing("community_id", e.CommunityID))
		}
		if f := s.wrongUser(tenant, "agent_id", e.AgentID, estate.Agent); f != nil {
			return domain.FailedWith(*f)
		}
		if f := s.wrongUser(tenant, "landlord_id", e.LandlordID, estate.Landlord); f != nil {
			return domain.FailedWith(*f)
		}
		switch grant := s.estates.grants[key]; {
		case e.LandlordID == 0:
			drop(t, s.estates.grants, key)
		case grant.UserID != e.LandlordID:
			put(t, s.estates.grants, key, estate.Grant{EstateID: e.ID, UserID: e.LandlordID})
		}
		return replace(t, s.estates.estates, key, e)
	})
}

// UpsertContracts implements [ports.EstateLoads].
func (s *Store) UpsertContracts(ctx context.Context, tenant domain.TenantID, contracts []estate.Contract) ([]domain.Outcome, error) {
	return editEach(ctx, s, contracts, func(s *Store, t *tx, c estate.Contract) domain.Outcome {
		if _, found := s.estates.estates[objectKey{tenant, c.EstateID}]; !found {
			return domain.FailedWith(missing("estate_id", c.EstateID))
		}
		if f := s.wrongUser(tenant, "agent_id", c.AgentID, estate.Agent); f != nil {
			return domain.FailedWith(*f)
		}
		return replace(t, s.estates.contracts, objectKey{tenant, c.ID}, c)
	})
}

// UpsertRepairs implements [ports.EstateLoads].
func (s *Store) UpsertRepairs(ctx context.Context, tenant domain.TenantID, repairs []estate.Repair) ([]domain.Outcome, error) {
	return editEach(ctx, s, repairs, func(s *Store, t *tx, r estate.Repair) domain.Outcome {
		if _, found := s.estates.estates[objectKey{tenant, r.EstateID}]; !found {
			return domain.FailedWith(missing("estate_id", r.EstateID))
		}
		return replace(t, s.estates.repairs, objectKey{tenant, r.ID}, r)
	})
}

func replace[R any](t *tx, m map[objectKey]R, key objectKey, record R) domain.Outcome {
	_, had := m[key]
	put(t, m, key, record)
	if had {
		return domain.Outcome{Fate: domain.Updated}
	}
	return domain.Outcome{Fate: domain.Created}
}

// wrongUser says what is wrong with a user that a record names, or nil. 0
// names nobody.
func (s *Store) wrongUser(tenant domain.TenantID, field string, id int64, role estate.Role) *domain.Failure {
	user, found := s.estates.users[objectKey{tenant, id}]
	var f domain.Failure
	switch {
	case id == 0 || user.Role == role:
		return nil
	case !found:
		f = missing(field, id)
	default:
		f = estate.WrongRole(field, id, role)
	}
	return &f
}

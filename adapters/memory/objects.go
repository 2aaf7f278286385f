package memory

import (
	"cmp"
	"context"
	"iter"
	"slices"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/estate"
	"github.com/batchport/batchport/ports"
)

var (
	_ ports.CommunityReader  = (*Store)(nil)
	_ ports.ContractSelector = (*Store)(nil)
	_ ports.ContractReader   = (*Store)(nil)
	_ ports.RepairReader     = (*Store)(nil)
	_ ports.Users            = (*Store)(nil)
)

// EachCommunity implements [ports.CommunityReader].
func (s *Store) EachCommunity(ctx context.Context, tenant domain.TenantID, filter estate.CommunityFilter) iter.Seq2[estate.Community, error] {
	return s.eachCommunity(ctx, func(s *Store) []estate.Community {
		return matching(s.estates.communities, tenant, filter.Matches)
	})
}

// EachCommunityOf implements [ports.CommunityReader].
func (s *Store) EachCommunityOf(ctx context.Context, tenant domain.TenantID, ids []int64) iter.Seq2[estate.Community, error] {
	return s.eachCommunity(ctx, func(s *Store) []estate.Community { return named(s.estates.communities, tenant, ids) })
}

func (s *Store) eachCommunity(ctx context.Context, read func(s *Store) []estate.Community) iter.Seq2[estate.Community, error] {
	return eachObject(ctx, s, read, func(c estate.Community) int64 { return c.ID })
}

// SelectContracts implements [ports.ContractSelector].
func (s *Store) SelectContracts(ctx context.Context, tenant domain.TenantID, filter estate.ContractFilter) iter.Seq2[int64, error] {
	return func(yield func(int64, error) bool) {
		for c, err := range s.EachContract(ctx, tenant, filter) {
			if !yield(c.ID, err) {
				return
			}
		}
	}
}

// EachContract implements [ports.ContractReader].
func (s *Store) EachContract(ctx context.Context, tenant domain.TenantID, filter estate.ContractFilter) iter.Seq2[estate.Contract, error] {
	return s.eachContract(ctx, func(s *Store) []estate.Contract {
		return matching(s.estates.contracts, tenant, func(c estate.Contract) bool {
			return filter.Matches(c, s.estates.estates[objectKey{tenant, c.EstateID}])
		})
	})
}

// EachContractOf implements [ports.ContractReader].
func (s *Store) EachContractOf(ctx context.Context, tenant domain.TenantID, ids []int64) iter.Seq2[estate.Contract, error] {
	return s.eachContract(ctx, func(s *Store) []estate.Contract { return named(s.estates.contracts, tenant, ids) })
}

func (s *Store) eachContract(ctx context.Context, read func(s *Store) []estate.Contract) iter.Seq2[estate.Contract, error] {
	return eachObject(ctx, s, read, func(c estate.Contract) int64 { return c.ID })
}

// EachRepair implements [ports.RepairReader].
func (s *Store) EachRepair(ctx context.Context, tenant domain.TenantID, filter estate.RepairFilter) iter.Seq2[estate.Repair, error] {
	return s.eachRepair(ctx, func(s *Store) []estate.Repair {
		return matching(s.estates.repairs, tenant, func(r estate.Repair) bool {
			return filter.Matches(r, s.estates.estates[objectKey{tenant, r.EstateID}])
		})
	})
}

// EachRepairOf implements [ports.RepairReader].
func (s *Store) EachRepairOf(ctx context.Context, tenant domain.TenantID, ids []int64) iter.Seq2[estate.Repair, error] {
	return s.eachRepair(ctx, func(s *Store) []estate.Repair { return named(s.estates.repairs, tenant, ids) })
}

func (s *Store) eachRepair(ctx context.Context, read func(s *Store) []estate.Repair) iter.Seq2[estate.Repair, error] {
	return eachObject(ctx, s, read, func(r estate.Repair) int64 { return r.ID })
}

// ListUsers implements [ports.Users].
func (s *Store) ListUsers(ctx context.Context, tenant domain.TenantID, ids []int64) (users []estate.User, err error) {
	err = s.do(ctx, func(s *Store, _ *tx) error {
		users = named(s.estates.users, tenant, ids)
		return nil
	})
	return users, err
}

// matching returns the tenant's objects that match, in no order.
func matching[R any](objects map[objectKey]R, tenant domain.TenantID, matches func(R) bool) (found []R) {
	for key, r := range objects {
		if key.tenant == tenant && matches(r) {
			found = append(found, r)
		}
	}
	return found
}

// named returns the tenant's objects of these identifiers, in order.
func named[R any](objects map[objectKey]R, tenant domain.TenantID, ids []int64) (found []R) {
	for _, id := range unique(ids) {
		if r, ok := objects[objectKey{tenant, id}]; ok {
			found = append(found, r)
		}
	}
	return found
}

// eachObject yields what read finds, which it copies before it yields the
// first: nobody else gets the mutex while a transaction is open.
func eachObject[R any](ctx context.Context, s *Store, read func(s *Store) []R, id func(R) int64) iter.Seq2[R, error] {
	return func(yield func(R, error) bool) {
		var none R
		var found []R
		err := s.do(ctx, func(s *Store, _ *tx) error {
			found = read(s)
			return nil
		})
		if err != nil {
			yield(none, err)
			return
		}
		slices.SortFunc(found, func(a, b R) int { return cmp.Compare(id(a), id(b)) })
		for _, r := range found {
			if err := ctx.Err(); err != nil {
				yield(none, err)
				return
			}
			if !yield(r, nil) {
				return
			}
		}
	}
}

package memory

import (
	"cmp"
	"context"
	"iter"
	"maps"
	"slices"
	"strconv"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/estate"
	"github.com/batchport/batchport/ports"
)

var (
	_ ports.EstateSelector = (*Store)(nil)
	_ ports.EstateReader   = (*Store)(nil)
	_ ports.Listings       = (*Store)(nil)
	_ ports.Grants         = (*Store)(nil)
	_ ports.EstateLoads    = (*Store)(nil)
)

// objectKey is the key of everything that the estate jobs work on.
type objectKey struct {
	tenant domain.TenantID
	id     int64
}

// estateTables are the objects that the estate jobs work on.
type estateTables struct {
	users       map[objectKey]estate.User
	communities map[objectKey]estate.Community
	estates     map[objectKey]estate.Estate
	grants      map[objectKey]estate.Grant // by estate
	contracts   map[objectKey]estate.Contract
	repairs     map[objectKey]estate.Repair
}

func newEstateTables() estateTables {
	return estateTables{
		users:       map[objectKey]estate.User{},
		communities: map[objectKey]estate.Community{},
		estates:     map[objectKey]estate.Estate{},
		grants:      map[objectKey]estate.Grant{},
		contracts:   map[objectKey]estate.Contract{},
		repairs:     map[objectKey]estate.Repair{},
	}
}

func (t estateTables) copy() estateTables {
	return estateTables{
		users: maps.Clone(t.users), communities: maps.Clone(t.communities), estates: maps.Clone(t.estates),
		grants: maps.Clone(t.grants), contracts: maps.Clone(t.contracts), repairs: maps.Clone(t.repairs),
	}
}

// SelectEstates implements [ports.EstateSelector].
func (s *Store) SelectEstates(ctx context.Context, tenant domain.TenantID, filter estate.Filter) iter.Seq2[int64, error] {
	return func(yield func(int64, error) bool) {
		for e, err := range s.EachEstate(ctx, tenant, filter) {
			if !yield(e.ID, err) {
				return
			}
		}
	}
}

// EachEstate implements [ports.EstateReader].
func (s *Store) EachEstate(ctx context.Context, tenant domain.TenantID, filter estate.Filter) iter.Seq2[estate.Estate, error] {
	return s.eachEstate(ctx, func() (found []estate.Estate) {
		for key, e := range s.estates.estates {
			if key.tenant == tenant && filter.Matches(e) {
				found = append(found, e)
			}
		}
		return found
	})
}

// EachEstateOf implements [ports.EstateReader].
func (s *Store) EachEstateOf(ctx context.Context, tenant domain.TenantID, ids []int64) iter.Seq2[estate.Estate, error] {
	return s.eachEstate(ctx, func() (found []estate.Estate) {
		for _, id := range unique(ids) {
			if e, ok := s.estates.estates[objectKey{tenant, id}]; ok {
				found = append(found, e)
			}
		}
		return found
	})
}

// eachEstate yields what read finds, which it copies before it yields the
// first: nobody else gets the mutex while a transaction is open.
func (s *Store) eachEstate(ctx context.Context, read func() []estate.Estate) iter.Seq2[estate.Estate, error] {
	return func(yield func(estate.Estate, error) bool) {
		var found []estate.Estate
		err := s.do(ctx, func(s *Store, _ *tx) error {
			found = read()
			return nil
		})
		if err != nil {
			yield(estate.Estate{}, err)
			return
		}
		slices.SortFunc(found, func(a, b estate.Estate) int { return cmp.Compare(a.ID, b.ID) })
		for _, e := range found {
			if err := ctx.Err(); err != nil {
				yield(estate.Estate{}, err)
				return
			}
			if !yield(e, nil) {
				return
			}
		}
	}
}

// SetListed implements [ports.Listings].
func (s *Store) SetListed(ctx context.Context, tenant domain.TenantID, ids []int64, listed bool) ([]domain.Outcome, error) {
	outcomes := make([]domain.Outcome, len(ids))
	err := s.do(ctx, func(s *Store, t *tx) error {
		for i, id := range ids {
			key := objectKey{tenant, id}
			e, found := s.estates.estates[key]
			if !found {
				outcomes[i] = domain.FailedWith(missing("", id))
				continue
			}
			outcomes[i] = estate.Listing(e.Status, e.Listed, listed)
			if outcomes[i].Fate == domain.Updated {
				e.Listed = listed
				put(t, s.estates.estates, key, e)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return outcomes, nil
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

// unique returns the identifiers in ascending order, each once.
func unique(ids []int64) []int64 {
	return slices.Compact(slices.Sorted(slices.Values(ids)))
}

// missing is the failure of a name for something that does not exist.
func missing(field string, id int64) domain.Failure {
	return domain.NewFailure(domain.CodeNotFound, field, strconv.FormatInt(id, 10))
}

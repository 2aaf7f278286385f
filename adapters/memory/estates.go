package memory

import (
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
	reports     map[reportKey]estate.Report
	lines       map[lineKey]estate.StatementLine
}

func newEstateTables() estateTables {
	return estateTables{
		users:       map[objectKey]estate.User{},
		communities: map[objectKey]estate.Community{},
		estates:     map[objectKey]estate.Estate{},
		grants:      map[objectKey]estate.Grant{},
		contracts:   map[objectKey]estate.Contract{},
		repairs:     map[objectKey]estate.Repair{},
		reports:     map[reportKey]estate.Report{},
		lines:       map[lineKey]estate.StatementLine{},
	}
}

func (t estateTables) copy() estateTables {
	return estateTables{
		users: maps.Clone(t.users), communities: maps.Clone(t.communities), estates: maps.Clone(t.estates),
		grants: maps.Clone(t.grants), contracts: maps.Clone(t.contracts), repairs: maps.Clone(t.repairs),
		reports: maps.Clone(t.reports), lines: maps.Clone(t.lines),
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
	return s.eachEstate(ctx, func(s *Store) []estate.Estate {
		return matching(s.estates.estates, tenant, filter.Matches)
	})
}

// EachEstateOf implements [ports.EstateReader].
func (s *Store) EachEstateOf(ctx context.Context, tenant domain.TenantID, ids []int64) iter.Seq2[estate.Estate, error] {
	return s.eachEstate(ctx, func(s *Store) []estate.Estate { return named(s.estates.estates, tenant, ids) })
}

func (s *Store) eachEstate(ctx context.Context, read func(s *Store) []estate.Estate) iter.Seq2[estate.Estate, error] {
	return eachObject(ctx, s, read, func(e estate.Estate) int64 { return e.ID })
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

// unique returns the identifiers in ascending order, each once.
func unique(ids []int64) []int64 {
	return slices.Compact(slices.Sorted(slices.Values(ids)))
}

// missing is the failure of a name for something that does not exist.
func missing(field string, id int64) domain.Failure {
	return domain.NewFailure(domain.CodeNotFound, field, strconv.FormatInt(id, 10))
}

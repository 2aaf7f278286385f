package bunstore

import (
	"context"
	"database/sql"
	"slices"
	"strconv"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/estate"
)

// The savepoint of [Store.listAll]; it may lie inside that of [Store.Savepoint].
const (
	listingBegin    = "SAVEPOINT batchport_listing"
	listingRollback = "ROLLBACK TO SAVEPOINT batchport_listing"
	listingRelease  = "RELEASE SAVEPOINT batchport_listing"
)

// SetListed implements [ports.Listings].
//
// Mostly every estate of a chunk changes, and then one statement that returns
// nothing does it: measured on SQLite, it takes half the time of reading the
// estates first, and a third less than RETURNING.
func (s *Store) SetListed(ctx context.Context, tenant domain.TenantID, ids []int64, listed bool) ([]domain.Outcome, error) {
	outcomes := make([]domain.Outcome, len(ids))
	err := s.inTx(ctx, func(ctx context.Context) error {
		clear(outcomes)
		wanted := unique(ids)
		all, err := s.listAll(ctx, tenant, wanted, listed)
		if err != nil {
			return err
		}
		if all && len(wanted) == len(ids) {
			for i := range outcomes {
				outcomes[i].Fate = domain.Updated
			}
			return nil
		}
		found := make([]listing, len(wanted))
		if all {
			for i := range found {
				found[i] = listing{exists: true, listed: !listed}
			}
		} else if err := s.readListings(ctx, tenant, wanted, found); err != nil {
			return err
		}
		var changed []int64
		for i, id := range ids {
			at, _ := slices.BinarySearch(wanted, id)
			if outcomes[i] = found[at].set(id, listed); outcomes[i].Fate == domain.Updated {
				changed = append(changed, id)
			}
		}
		if all {
			return nil
		}
		return s.writeListings(ctx, tenant, unique(changed), listed)
	})
	if err != nil {
		return nil, err
	}
	return outcomes, nil
}

// listing is what of an estate decides what becomes of it.
type listing struct {
	exists bool
	listed bool
	status estate.Status
}

// set says what becomes of the estate, and remembers it for when it comes
// again.
func (l *listing) set(id int64, listed bool) domain.Outcome {
	if !l.exists {
		return domain.FailedWith(domain.NewFailure(domain.CodeNotFound, "", strconv.FormatInt(id, 10)))
	}
	outcome := estate.Listing(l.status, l.listed, listed)
	if outcome.Fate == domain.Updated {
		l.listed = listed
	}
	return outcome
}

// listAll changes the estates, if every one of them exists and is to change,
// and reports whether it has. Else it changes nothing.
func (s *Store) listAll(ctx context.Context, tenant domain.TenantID, ids []int64, listed bool) (bool, error) {
	if len(ids) == 0 {
		return true, nil
	}
	if _, err := s.exec(ctx, listingBegin); err != nil {
		return false, err
	}
	changed := 0
	for keys := range slices.Chunk(ids, keyPage) {
		// The condition is that of [estate.Listing].
		n, err := s.exec(ctx, "UPDATE {p}estates SET listed = ? WHERE tenant = ? AND listed <> ? AND (? = 0 OR status <> ?) AND id IN "+list(keys),
			flag(listed), string(tenant), flag(listed), flag(listed), string(estate.Closed))
		if err != nil {
			return false, err
		}
		if changed += n; n < len(keys) {
			break
		}
	}
	all := changed == len(ids)
	if !all && changed > 0 {
		if _, err := s.exec(ctx, listingRollback); err != nil {
			return false, err
		}
	}
	_, err := s.exec(ctx, listingRelease)
	return all, err
}

// readListings fills in found[i] for ids[i], which are in order. Estates that
// do not exist are left out.
func (s *Store) readListings(ctx context.Context, tenant domain.TenantID, ids []int64, found []listing) error {
	for keys := range slices.Chunk(ids, keyPage) {
		err := s.query(ctx, s.idb(ctx), func(rows *sql.Rows) error {
			var id int64
			l := listing{exists: true}
			if err := rows.Scan(&id, &l.status, &l.listed); err != nil {
				return err
			}
			at, _ := slices.BinarySearch(ids, id)
			found[at] = l
			return nil
		}, "SELECT id, status, listed FROM {p}estates WHERE tenant = ? AND id IN "+list(keys)+s.lockByID(), string(tenant))
		if err != nil {
			return err
		}
	}
	return nil
}

// writeListings changes estates that are known to exist and to change.
func (s *Store) writeListings(ctx context.Context, tenant domain.TenantID, ids []int64, listed bool) error {
	for keys := range slices.Chunk(ids, keyPage) {
		if _, err := s.exec(ctx, "UPDATE {p}estates SET listed = ? WHERE tenant = ? AND id IN "+list(keys), flag(listed), string(tenant)); err != nil {
			return err
		}
	}
	return nil
}

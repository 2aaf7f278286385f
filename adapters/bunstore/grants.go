package bunstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/estate"
	"github.com/batchport/batchport/ports"
)

var _ ports.Grants = (*Store)(nil)

// EditGrants implements [ports.Grants].
func (s *Store) EditGrants(ctx context.Context, tenant domain.TenantID, edits []estate.GrantEdit) ([]domain.Outcome, error) {
	outcomes := make([]domain.Outcome, len(edits))
	err := s.inTx(ctx, func(ctx context.Context) error {
		ids, people := make([]int64, len(edits)), make([]int64, 0, len(edits))
		for i, e := range edits {
			ids[i] = e.EstateID
			if e.UserID != 0 {
				people = append(people, e.UserID)
			}
		}
		ids = unique(ids)
		clear(outcomes)
		// A grant that is not there cannot be locked, but its estate can.
		absent, err := s.lockEstates(ctx, tenant, ids)
		if err != nil {
			return err
		}
		roles, err := s.rolesOf(ctx, tenant, people)
		if err != nil {
			return err
		}
		list, err := s.ListGrants(ctx, tenant, ids)
		if err != nil {
			return err
		}
		stored, now := make(map[int64]*estate.Grant, len(ids)), make(map[int64]*estate.Grant, len(ids))
		for i := range list {
			id := list[i].EstateID
			stored[id], now[id] = &list[i], &list[i]
		}
		for i, e := range edits {
			switch {
			case absent[e.EstateID]:
				outcomes[i] = gone(e.EstateID)
			case e.UserID != 0 && roles[e.UserID] != estate.Landlord:
				outcomes[i] = domain.FailedWith(estate.WrongRole(userField, e.UserID, estate.Landlord))
			default:
				now[e.EstateID], outcomes[i] = e.Apply(now[e.EstateID])
			}
		}
		return s.writeGrants(ctx, tenant, ids, stored, now)
	})
	if err != nil {
		return nil, err
	}
	return outcomes, nil
}

// writeGrants brings the grants on the estates, which are in order, from what
// is stored to what they are now.
func (s *Store) writeGrants(ctx context.Context, tenant domain.TenantID, ids []int64, stored, now map[int64]*estate.Grant) error {
	var removed []int64
	var changed [][]any
	for _, id := range ids {
		switch former, grant := stored[id], now[id]; {
		case grant == nil && former == nil:
		case grant == nil:
			removed = append(removed, id)
		case former == nil || former.UserID != grant.UserID || !slices.Equal(former.Capabilities, grant.Capabilities):
			capabilities := []byte("[]")
			if len(grant.Capabilities) > 0 {
				var err error
				if capabilities, err = json.Marshal(grant.Capabilities); err != nil {
					return fmt.Errorf("encode the capabilities on estate %d: %w", id, err)
				}
			}
			changed = append(changed, []any{string(tenant), id, grant.UserID, string(capabilities)})
		}
	}
	for keys := range slices.Chunk(removed, keyPage) {
		if _, err := s.exec(ctx, "DELETE FROM {p}grants WHERE tenant = ? AND estate_id IN "+list(keys), string(tenant)); err != nil {
			return err
		}
	}
	_, err := s.insertOr(ctx, "INSERT INTO {p}grants (tenant, estate_id, user_id, capabilities)",
		"ON CONFLICT (tenant, estate_id) DO UPDATE SET user_id = excluded.user_id, capabilities = excluded.capabilities",
		len(changed), func(i int) []any { return changed[i] })
	return err
}

// ListGrants implements [ports.Grants].
func (s *Store) ListGrants(ctx context.Context, tenant domain.TenantID, ids []int64) ([]estate.Grant, error) {
	var grants []estate.Grant
	for keys := range slices.Chunk(unique(ids), keyPage) {
		err := s.query(ctx, s.reader(ctx), func(rows *sql.Rows) error {
			var g estate.Grant
			var capabilities []byte
			if err := rows.Scan(&g.EstateID, &g.UserID, &capabilities); err != nil {
				return err
			}
			if err := json.Unmarshal(capabilities, &g.Capabilities); err != nil {
				return fmt.Errorf("decode the capabilities on estate %d: %w", g.EstateID, err)
			}
			if len(g.Capabilities) == 0 {
				g.Capabilities = nil
			}
			grants = append(grants, g)
			return nil
		}, "SELECT estate_id, user_id, capabilities FROM {p}grants WHERE tenant = ? AND estate_id IN "+list(keys)+
			" ORDER BY estate_id", string(tenant))
		if err != nil {
			return nil, err
		}
	}
	return grants, nil
}

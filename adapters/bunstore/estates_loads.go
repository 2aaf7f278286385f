package bunstore

import (
	"context"
	"slices"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/estate"
)

// UpsertUsers implements [ports.EstateLoads].
func (s *Store) UpsertUsers(ctx context.Context, tenant domain.TenantID, users []estate.User) ([]domain.Outcome, error) {
	return upsert(ctx, s, tenant, objects[estate.User]{
		table: "{p}users", columns: []string{"role", "name"},
		id:  func(u estate.User) int64 { return u.ID },
		row: func(u estate.User) []any { return []any{string(u.Role), u.Name} },
	}, users)
}

// UpsertCommunities implements [ports.EstateLoads].
func (s *Store) UpsertCommunities(ctx context.Context, tenant domain.TenantID, communities []estate.Community) ([]domain.Outcome, error) {
	return upsert(ctx, s, tenant, objects[estate.Community]{
		table: "{p}communities", columns: []string{"country", "district", "households", "name", "address"},
		id: func(c estate.Community) int64 { return c.ID },
		row: func(c estate.Community) []any {
			return []any{c.Country, c.District, c.Households, c.Name, c.Address}
		},
	}, communities)
}

// UpsertEstates implements [ports.EstateLoads].
func (s *Store) UpsertEstates(ctx context.Context, tenant domain.TenantID, estates []estate.Estate) ([]domain.Outcome, error) {
	return upsert(ctx, s, tenant, objects[estate.Estate]{
		table:   "{p}estates",
		columns: []string{"listed", "status", "rent", "area", "country", "district", "community_id", "agent_id", "name", "address"},
		id:      func(e estate.Estate) int64 { return e.ID },
		row: func(e estate.Estate) []any {
			return []any{
				flag(e.Listed), string(e.Status), e.Rent, int64(e.Area), e.Country, e.District,
				idOrNull(e.CommunityID), idOrNull(e.AgentID), e.Name, e.Address,
			}
		},
		names: func(e estate.Estate) []reference {
			return []reference{
				{field: "community_id", table: "{p}communities", id: e.CommunityID},
				{field: "agent_id", table: usersTable, id: e.AgentID, role: estate.Agent},
				{field: "landlord_id", table: usersTable, id: e.LandlordID, role: estate.Landlord},
			}
		},
		also: s.saveLandlords,
	}, estates)
}

// UpsertContracts implements [ports.EstateLoads].
func (s *Store) UpsertContracts(ctx context.Context, tenant domain.TenantID, contracts []estate.Contract) ([]domain.Outcome, error) {
	return upsert(ctx, s, tenant, objects[estate.Contract]{
		table:   "{p}contracts",
		columns: []string{"estate_id", "agent_id", "state", "starts_on", "ends_on", "rent", "deposit", "tenant_name"},
		id:      func(c estate.Contract) int64 { return c.ID },
		row: func(c estate.Contract) []any {
			return []any{
				c.EstateID, c.AgentID, string(c.State), string(c.StartsOn), string(c.EndsOn), c.Rent, c.Deposit, c.TenantName,
			}
		},
		names: func(c estate.Contract) []reference {
			return []reference{
				{field: "estate_id", table: "{p}estates", id: c.EstateID},
				{field: "agent_id", table: usersTable, id: c.AgentID, role: estate.Agent},
			}
		},
	}, contracts)
}

// UpsertRepairs implements [ports.EstateLoads].
func (s *Store) UpsertRepairs(ctx context.Context, tenant domain.TenantID, repairs []estate.Repair) ([]domain.Outcome, error) {
	return upsert(ctx, s, tenant, objects[estate.Repair]{
		table: "{p}repairs", columns: []string{"estate_id", "state", "reported_on", "cost", "category", "description"},
		id: func(r estate.Repair) int64 { return r.ID },
		row: func(r estate.Repair) []any {
			return []any{r.EstateID, string(r.State), string(r.ReportedOn), r.Cost, r.Category, r.Description}
		},
		names: func(r estate.Repair) []reference {
			return []reference{{field: "estate_id", table: "{p}estates", id: r.EstateID}}
		},
	}, repairs)
}

// saveLandlords gives each estate's landlord a grant, unless that person has
// one, and takes away every other's.
func (s *Store) saveLandlords(ctx context.Context, tenant domain.TenantID, estates []estate.Estate) error {
	var without []int64
	var with []estate.Estate
	for _, e := range estates {
		if e.LandlordID == 0 {
			without = append(without, e.ID)
		} else {
			with = append(with, e)
		}
	}
	for keys := range slices.Chunk(without, keyPage) {
		if _, err := s.exec(ctx, "DELETE FROM {p}grants WHERE tenant = ? AND estate_id IN "+list(keys), string(tenant)); err != nil {
			return err
		}
	}
	_, err := s.insertOr(ctx, "INSERT INTO {p}grants AS g (tenant, estate_id, user_id, capabilities)",
		"ON CONFLICT (tenant, estate_id) DO UPDATE SET user_id = excluded.user_id, capabilities = excluded.capabilities WHERE g.user_id <> excluded.user_id",
		len(with), func(i int) []any { return []any{string(tenant), with[i].ID, with[i].LandlordID, "[]"} })
	return err
}

// idOrNull is the identifier as it is stored: none is NULL.
func idOrNull(id int64) any {
	if id == 0 {
		return nil
	}
	return id
}

package bunstore

import (
	"context"
	"database/sql"
	"iter"
	"slices"
	"strconv"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/estate"
	"github.com/batchport/batchport/ports"
)

var (
	_ ports.EstateSelector   = (*Store)(nil)
	_ ports.EstateReader     = (*Store)(nil)
	_ ports.CommunityReader  = (*Store)(nil)
	_ ports.ContractSelector = (*Store)(nil)
	_ ports.ContractReader   = (*Store)(nil)
	_ ports.RepairReader     = (*Store)(nil)
	_ ports.Users            = (*Store)(nil)
	_ ports.Listings         = (*Store)(nil)
	_ ports.EstateLoads      = (*Store)(nil)
)

// Reads go in pages by key, because one long cursor would keep a connection
// busy that its transaction needs for other statements.
const (
	selectPage = 20_000 // identifiers
	keyPage    = 1_000  // identifiers written into one statement
)

var estateReading = reading[estate.Estate]{
	columns: `o.id, coalesce(o.community_id, 0), o.name, o.country, o.district, o.address, o.status,
		o.rent, o.area, o.listed, coalesce(o.agent_id, 0),
		coalesce((SELECT g.user_id FROM {p}grants AS g WHERE g.tenant = o.tenant AND g.estate_id = o.id), 0)`,
	from: "{p}estates AS o",
	scan: func(rows *sql.Rows) (e estate.Estate, err error) {
		err = rows.Scan(&e.ID, &e.CommunityID, &e.Name, &e.Country, &e.District, &e.Address, &e.Status,
			&e.Rent, &e.Area, &e.Listed, &e.AgentID, &e.LandlordID)
		return e, err
	},
	id: func(e estate.Estate) int64 { return e.ID },
}

// SelectEstates implements [ports.EstateSelector].
func (s *Store) SelectEstates(ctx context.Context, tenant domain.TenantID, filter estate.Filter) iter.Seq2[int64, error] {
	return estateReading.eachID(ctx, s, tenant, estateConditions(filter))
}

// EachEstate implements [ports.EstateReader].
func (s *Store) EachEstate(ctx context.Context, tenant domain.TenantID, filter estate.Filter) iter.Seq2[estate.Estate, error] {
	return estateReading.each(ctx, s, tenant, estateConditions(filter))
}

// EachEstateOf implements [ports.EstateReader].
func (s *Store) EachEstateOf(ctx context.Context, tenant domain.TenantID, ids []int64) iter.Seq2[estate.Estate, error] {
	return estateReading.eachOf(ctx, s, tenant, ids)
}

var communityReading = reading[estate.Community]{
	columns: "o.id, o.name, o.country, o.district, o.address, o.households",
	from:    "{p}communities AS o",
	scan: func(rows *sql.Rows) (c estate.Community, err error) {
		err = rows.Scan(&c.ID, &c.Name, &c.Country, &c.District, &c.Address, &c.Households)
		return c, err
	},
	id: func(c estate.Community) int64 { return c.ID },
}

// EachCommunity implements [ports.CommunityReader].
func (s *Store) EachCommunity(ctx context.Context, tenant domain.TenantID, filter estate.CommunityFilter) iter.Seq2[estate.Community, error] {
	return communityReading.each(ctx, s, tenant, communityConditions(filter))
}

// EachCommunityOf implements [ports.CommunityReader].
func (s *Store) EachCommunityOf(ctx context.Context, tenant domain.TenantID, ids []int64) iter.Seq2[estate.Community, error] {
	return communityReading.eachOf(ctx, s, tenant, ids)
}

var contractReading = reading[estate.Contract]{
	columns: "o.id, o.estate_id, o.tenant_name, o.agent_id, o.starts_on, o.ends_on, o.rent, o.deposit, o.state",
	from:    "{p}contracts AS o",
	scan: func(rows *sql.Rows) (c estate.Contract, err error) {
		err = rows.Scan(&c.ID, &c.EstateID, &c.TenantName, &c.AgentID, &c.StartsOn, &c.EndsOn, &c.Rent, &c.Deposit, &c.State)
		return c, err
	},
	id: func(c estate.Contract) int64 { return c.ID },
}

// SelectContracts implements [ports.ContractSelector].
func (s *Store) SelectContracts(ctx context.Context, tenant domain.TenantID, filter estate.ContractFilter) iter.Seq2[int64, error] {
	return contractReading.eachID(ctx, s, tenant, contractConditions(filter))
}

// EachContract implements [ports.ContractReader].
func (s *Store) EachContract(ctx context.Context, tenant domain.TenantID, filter estate.ContractFilter) iter.Seq2[estate.Contract, error] {
	return contractReading.each(ctx, s, tenant, contractConditions(filter))
}

// EachContractOf implements [ports.ContractReader].
func (s *Store) EachContractOf(ctx context.Context, tenant domain.TenantID, ids []int64) iter.Seq2[estate.Contract, error] {
	return contractReading.eachOf(ctx, s, tenant, ids)
}

var repairReading = reading[estate.Repair]{
	columns: "o.id, o.estate_id, o.category, o.description, o.reported_on, o.state, o.cost",
	from:    "{p}repairs AS o",
	scan: func(rows *sql.Rows) (r estate.Repair, err error) {
		err = rows.Scan(&r.ID, &r.EstateID, &r.Category, &r.Description, &r.ReportedOn, &r.State, &r.Cost)
		return r, err
	},
	id: func(r estate.Repair) int64 { return r.ID },
}

// EachRepair implements [ports.RepairReader].
func (s *Store) EachRepair(ctx context.Context, tenant domain.TenantID, filter estate.RepairFilter) iter.Seq2[estate.Repair, error] {
	return repairReading.each(ctx, s, tenant, repairConditions(filter))
}

// EachRepairOf implements [ports.RepairReader].
func (s *Store) EachRepairOf(ctx context.Context, tenant domain.TenantID, ids []int64) iter.Seq2[estate.Repair, error] {
	return repairReading.eachOf(ctx, s, tenant, ids)
}

var userReading = reading[estate.User]{
	columns: "o.id, o.name, o.role",
	from:    usersTable + " AS o",
	scan: func(rows *sql.Rows) (u estate.User, err error) {
		err = rows.Scan(&u.ID, &u.Name, &u.Role)
		return u, err
	},
	id: func(u estate.User) int64 { return u.ID },
}

// ListUsers implements [ports.Users].
func (s *Store) ListUsers(ctx context.Context, tenant domain.TenantID, ids []int64) (users []estate.User, err error) {
	for u, err := range userReading.eachOf(ctx, s, tenant, ids) {
		if err != nil {
			return nil, err
		}
		users = append(users, u)
	}
	return users, nil
}

// unique returns the identifiers in ascending order, each once.
func unique(ids []int64) []int64 {
	return slices.Compact(slices.Sorted(slices.Values(ids)))
}

// list renders numbers for the right of IN, of which there must be at least
// one. Numbers in the text of a statement are read faster than arguments.
func list(numbers []int64) string {
	text := append(make([]byte, 0, 8*len(numbers)+2), '(')
	for i, n := range numbers {
		if i > 0 {
			text = append(text, ',')
		}
		text = strconv.AppendInt(text, n, 10)
	}
	return string(append(text, ')'))
}

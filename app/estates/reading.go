package estates

import (
	"context"
	"maps"
	"slices"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/estate"
)

// Read is the permission to read estates. Whoever may run a kind of jobs on
// them may read them too, to see what a job did.
const Read domain.Permission = "estate_read"

// Overview is an estate with what the jobs have made of it.
type Overview struct {
	Estate       estate.Estate
	Agent        *estate.User               // in charge; nil when nobody is
	Landlord     *estate.User               // nil when there is none
	Capabilities map[estate.Capability]bool // of the landlord, every one that there is; nil without a landlord
	Reports      []estate.Report            // the latest month first
}

// Overview returns an estate of the caller's tenant. It fails with
// [domain.CodeForbidden] and [domain.CodeNotFound].
func (s *Estates) Overview(ctx context.Context, who domain.Principal, id int64) (Overview, error) {
	e, err := s.find(ctx, who, id)
	if err != nil {
		return Overview{}, err
	}
	o := Overview{Estate: e}
	if o.Reports, err = s.deps.Reports.ListReports(ctx, who.Tenant, id); err != nil {
		return Overview{}, err
	}
	grants, err := s.deps.Grants.ListGrants(ctx, who.Tenant, []int64{id})
	if err != nil {
		return Overview{}, err
	}
	users, err := s.deps.Users.ListUsers(ctx, who.Tenant, []int64{max(e.AgentID, 0), max(e.LandlordID, 0)})
	if err != nil {
		return Overview{}, err
	}
	named := func(id int64) *estate.User {
		i := slices.IndexFunc(users, func(u estate.User) bool { return u.ID == id })
		if id == 0 || i < 0 {
			return nil
		}
		return &users[i]
	}
	o.Agent, o.Landlord = named(e.AgentID), named(e.LandlordID)
	for _, g := range grants {
		o.Capabilities = make(map[estate.Capability]bool, len(s.cfg.Capabilities))
		for _, c := range s.cfg.Capabilities {
			o.Capabilities[c] = slices.Contains(g.Capabilities, c)
		}
	}
	return o, nil
}

// StatementLines returns up to limit lines of the statements of an estate of
// the caller's tenant, by month and item: of one month, or of all when month
// is "". It begins behind the line with the month and the item of after; the
// zero one means at the start. It fails as [Estates.Overview] does.
func (s *Estates) StatementLines(ctx context.Context, who domain.Principal, id int64, month estate.Month, after estate.StatementLine, limit int) ([]estate.StatementLine, error) {
	if _, err := s.find(ctx, who, id); err != nil {
		return nil, err
	}
	return s.deps.Statements.ListStatementLines(ctx, who.Tenant, id, month, after, limit)
}

// find returns an estate that the caller may read.
func (s *Estates) find(ctx context.Context, who domain.Principal, id int64) (estate.Estate, error) {
	if !s.mayRead(who) {
		return estate.Estate{}, domain.Fail(domain.NewFailure(domain.CodeForbidden, "", "", "permission", string(Read)))
	}
	for e, err := range s.deps.Reader.EachEstateOf(ctx, who.Tenant, []int64{id}) {
		return e, err
	}
	return estate.Estate{}, domain.CodeNotFound
}

func (s *Estates) mayRead(who domain.Principal) bool {
	return who.May(Read) || slices.ContainsFunc(slices.Collect(maps.Values(s.kinds)), func(k submitter) bool { return k.allowed(who) == nil })
}

package estates

import (
	"context"
	"iter"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/estate"
	"github.com/batchport/batchport/ports"
)

func (s *Estates) estateExport() exporter[Search, estate.Estate] {
	return exporter[Search, estate.Estate]{
		name: Export, check: Search.check, label: "estates",
		columns: []ports.Column{
			{Title: "estate.id", Format: ports.FormatID},
			{Title: "estate.community_id", Format: ports.FormatID},
			{Title: "estate.name", Width: 30},
			{Title: "estate.country", Format: ports.FormatID},
			{Title: "estate.district", Format: ports.FormatID},
			{Title: "estate.address", Width: 40},
			{Title: "estate.status"},
			{Title: "estate.rent", Format: ports.FormatAmount},
			{Title: "estate.area", Format: ports.FormatAmount},
			{Title: "estate.listed"},
			{Title: "estate.agent_id", Format: ports.FormatID},
			{Title: "estate.landlord_id", Format: ports.FormatID},
		},
		row: func(label labeller) func(estate.Estate) []ports.Cell {
			cells := make([]ports.Cell, 0, 12)
			status := wordsFor(label, "estate.status.", estate.Statuses())
			yesNo := map[bool]string{true: label("yes"), false: label("no")}
			return func(e estate.Estate) []ports.Cell {
				return append(cells,
					integer(e.ID), idCell(e.CommunityID), text(e.Name), integer(e.Country), integer(e.District), text(e.Address),
					text(status[e.Status]), integer(e.Rent), ports.Cell{Kind: ports.CellNumber, Text: e.Area.String()},
					text(yesNo[e.Listed]), idCell(e.AgentID), idCell(e.LandlordID))
			}
		},
		id: func(e estate.Estate) int64 { return e.ID },
		each: func(ctx context.Context, tenant domain.TenantID, search Search) iter.Seq2[estate.Estate, error] {
			return s.deps.Reader.EachEstate(ctx, tenant, search.Filter())
		},
		eachOf:    s.deps.Reader.EachEstateOf,
		workbooks: s.deps.Workbooks, labels: s.deps.Labels, zone: s.cfg.Zone,
	}
}

func (s *Estates) communityExport() exporter[CommunitySearch, estate.Community] {
	return exporter[CommunitySearch, estate.Community]{
		name: ExportCommunities, check: CommunitySearch.check, label: "communities",
		columns: []ports.Column{
			{Title: "community.id", Format: ports.FormatID},
			{Title: "community.name", Width: 30},
			{Title: "community.country", Format: ports.FormatID},
			{Title: "community.district", Format: ports.FormatID},
			{Title: "community.address", Width: 40},
			{Title: "community.households", Format: ports.FormatAmount},
		},
		row: func(labeller) func(estate.Community) []ports.Cell {
			cells := make([]ports.Cell, 0, 6)
			return func(c estate.Community) []ports.Cell {
				return append(cells,
					integer(c.ID), text(c.Name), integer(c.Country), integer(c.District), text(c.Address), integer(c.Households))
			}
		},
		id: func(c estate.Community) int64 { return c.ID },
		each: func(ctx context.Context, tenant domain.TenantID, search CommunitySearch) iter.Seq2[estate.Community, error] {
			return s.deps.Communities.EachCommunity(ctx, tenant, search.Filter())
		},
		eachOf:    s.deps.Communities.EachCommunityOf,
		workbooks: s.deps.Workbooks, labels: s.deps.Labels, zone: s.cfg.Zone,
	}
}

func (s *Estates) contractExport() exporter[ContractSearch, estate.Contract] {
	return exporter[ContractSearch, estate.Contract]{
		name: ExportContracts, check: ContractSearch.check, label: "contracts",
		columns: []ports.Column{
			{Title: "contract.id", Format: ports.FormatID},
			{Title: "contract.estate_id", Format: ports.FormatID},
			{Title: "contract.tenant_name", Width: 20},
			{Title: "contract.agent_id", Format: ports.FormatID},
			{Title: "contract.starts_on", Format: ports.FormatDate},
			{Title: "contract.ends_on", Format: ports.FormatDate},
			{Title: "contract.rent", Format: ports.FormatAmount},
			{Title: "contract.deposit", Format: ports.FormatAmount},
			{Title: "contract.state"},
		},
		row: func(label labeller) func(estate.Contract) []ports.Cell {
			cells := make([]ports.Cell, 0, 9)
			state := wordsFor(label, "contract.state.", estate.ContractStates())
			return func(c estate.Contract) []ports.Cell {
				return append(cells,
					integer(c.ID), integer(c.EstateID), text(c.TenantName), integer(c.AgentID), day(c.StartsOn), day(c.EndsOn),
					integer(c.Rent), integer(c.Deposit), text(state[c.State]))
			}
		},
		id: func(c estate.Contract) int64 { return c.ID },
		each: func(ctx context.Context, tenant domain.TenantID, search ContractSearch) iter.Seq2[estate.Contract, error] {
			return s.deps.Contracts.EachContract(ctx, tenant, search.Filter())
		},
		eachOf:    s.deps.Contracts.EachContractOf,
		workbooks: s.deps.Workbooks, labels: s.deps.Labels, zone: s.cfg.Zone,
	}
}

func (s *Estates) repairExport() exporter[RepairSearch, estate.Repair] {
	return exporter[RepairSearch, estate.Repair]{
		name: ExportRepairs, check: RepairSearch.check, label: "repairs",
		columns: []ports.Column{
			{Title: "repair.id", Format: ports.FormatID},
			{Title: "repair.estate_id", Format: ports.FormatID},
			{Title: "repair.category", Width: 20},
			{Title: "repair.description", Width: 50},
			{Title: "repair.reported_on", Format: ports.FormatDate},
			{Title: "repair.state"},
			{Title: "repair.cost", Format: ports.FormatAmount},
		},
		row: func(label labeller) func(estate.Repair) []ports.Cell {
			cells := make([]ports.Cell, 0, 7)
			state := wordsFor(label, "repair.state.", estate.RepairStates())
			return func(r estate.Repair) []ports.Cell {
				return append(cells,
					integer(r.ID), integer(r.EstateID), text(r.Category), text(r.Description), day(r.ReportedOn),
					text(state[r.State]), integer(r.Cost))
			}
		},
		id: func(r estate.Repair) int64 { return r.ID },
		each: func(ctx context.Context, tenant domain.TenantID, search RepairSearch) iter.Seq2[estate.Repair, error] {
			return s.deps.Repairs.EachRepair(ctx, tenant, search.Filter())
		},
		eachOf:    s.deps.Repairs.EachRepairOf,
		workbooks: s.deps.Workbooks, labels: s.deps.Labels, zone: s.cfg.Zone,
	}
}

// wordsFor returns what each of the values is called.
func wordsFor[S ~string](label labeller, prefix string, values []S) map[S]string {
	words := make(map[S]string, len(values))
	for _, v := range values {
		words[v] = label(prefix + string(v))
	}
	return words
}

func integer(n int64) ports.Cell { return ports.Cell{Kind: ports.CellInteger, Int: n} }

func text(s string) ports.Cell { return ports.Cell{Kind: ports.CellText, Text: s} }

func day(d estate.Date) ports.Cell { return ports.Cell{Kind: ports.CellDate, Date: d.Time()} }

// idCell is empty for the identifier of nothing.
func idCell(id int64) ports.Cell {
	if id == 0 {
		return ports.Cell{}
	}
	return integer(id)
}

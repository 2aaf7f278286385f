package estates

import (
	"context"

	"github.com/batchport/batchport/app/document"
	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/estate"
	"github.com/batchport/batchport/ports"
)

// LoadKind names the kind of records in a file.
type LoadKind string

// The kinds of records that a [Loader] takes.
const (
	LoadUsers       LoadKind = "users"
	LoadCommunities LoadKind = "communities"
	LoadEstates     LoadKind = "estates"
	LoadContracts   LoadKind = "contracts"
	LoadRepairs     LoadKind = "repairs"
)

// LoadKinds lists the kinds in an order in which each finds what it names.
func LoadKinds() []LoadKind {
	return []LoadKind{LoadUsers, LoadCommunities, LoadEstates, LoadContracts, LoadRepairs}
}

func readUser(r *recordReader) (estate.User, []domain.Failure) {
	u := estate.User{ID: r.id("id"), Name: r.text("name"), Role: estate.Role(r.text("role"))}
	return u, r.finish(u.Faults())
}

func readCommunity(r *recordReader) (estate.Community, []domain.Failure) {
	c := estate.Community{
		ID: r.id("id"), Name: r.text("name"), Country: r.number("country"), District: r.number("district"),
		Address: r.text("address"), Households: r.number("households"),
	}
	return c, r.finish(c.Faults())
}

func readEstate(r *recordReader) (estate.Estate, []domain.Failure) {
	e := estate.Estate{
		ID: r.id("id"), CommunityID: r.optionalID("community_id"), Name: r.text("name"),
		Country: r.number("country"), District: r.number("district"), Address: r.text("address"),
		Status: estate.Status(r.text("status")), Rent: r.number("rent"), Area: r.area("area"), Listed: r.flag("listed"),
		AgentID: r.optionalID("agent_id"), LandlordID: r.optionalID("landlord_id"),
	}
	return e, r.finish(e.Faults())
}

func readContract(r *recordReader) (estate.Contract, []domain.Failure) {
	c := estate.Contract{
		ID: r.id("id"), EstateID: r.id("estate_id"), TenantName: r.text("tenant_name"), AgentID: r.id("agent_id"),
		StartsOn: r.date("starts_on"), EndsOn: r.date("ends_on"), Rent: r.number("rent"), Deposit: r.number("deposit"),
		State: estate.ContractState(r.text("state")),
	}
	return c, r.finish(c.Faults())
}

func readRepair(r *recordReader) (estate.Repair, []domain.Failure) {
	p := estate.Repair{
		ID: r.id("id"), EstateID: r.id("estate_id"), Category: r.text("category"), Description: r.text("description"),
		ReportedOn: r.date("reported_on"), State: estate.RepairState(r.text("state")), Cost: r.number("cost"),
	}
	return p, r.finish(p.Faults())
}

// batchOf returns an empty batch of the kind, or nil when there is no such
// kind.
func batchOf(kind LoadKind, loads ports.EstateLoads) batch {
	switch kind {
	case LoadUsers:
		return &records[estate.User]{read: readUser, store: loads.UpsertUsers}
	case LoadCommunities:
		return &records[estate.Community]{read: readCommunity, store: loads.UpsertCommunities}
	case LoadEstates:
		return &records[estate.Estate]{read: readEstate, store: loads.UpsertEstates}
	case LoadContracts:
		return &records[estate.Contract]{read: readContract, store: loads.UpsertContracts}
	case LoadRepairs:
		return &records[estate.Repair]{read: readRepair, store: loads.UpsertRepairs}
	}
	return nil
}

// batch gathers lines that are stored together.
type batch interface {
	// add reads a line; one that is not good becomes failures.
	add(number int, line document.Value)

	// fail notes that the line cannot be read.
	fail(number int, failures ...domain.Failure)

	// flush stores the good lines, counts them all, reports the failures in
	// the order of their lines, and empties the batch.
	flush(ctx context.Context, tenant domain.TenantID, counts *Counts, report func(LineFailure) error) error
}

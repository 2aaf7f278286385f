package ports

import (
	"context"
	"iter"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/estate"
)

// Every method below, and of the other ports about estates, belongs to one
// tenant: identifiers of another do not exist for it. Inside a transaction of
// the store that implements them, whose context they are then given, they take
// part in it; inside a [Transactions.Snapshot] those that read see its view.
// Outside of both, a method that writes is a transaction of its own.
//
// A method that yields objects yields them in ascending order of their
// identifiers, each once. Memory does not grow with their number. Outside of
// a snapshot it reads in pages: objects that are changed meanwhile may be seen
// as they were or as they are. After an error, which comes with no object,
// nothing more is yielded. A filter has no faults of its own. Identifiers may
// be given in any order and repeat; those that do not exist are passed over.

// EstateSelector finds estates.
type EstateSelector interface {
	// SelectEstates yields the identifiers of the estates that the filter
	// finds ([estate.Filter.Matches]).
	SelectEstates(ctx context.Context, tenant domain.TenantID, filter estate.Filter) iter.Seq2[int64, error]
}

// EstateReader reads estates.
type EstateReader interface {
	// EachEstate yields the estates that the filter finds.
	EachEstate(ctx context.Context, tenant domain.TenantID, filter estate.Filter) iter.Seq2[estate.Estate, error]

	// EachEstateOf yields the estates of these identifiers.
	EachEstateOf(ctx context.Context, tenant domain.TenantID, ids []int64) iter.Seq2[estate.Estate, error]
}

// CommunityReader reads communities.
type CommunityReader interface {
	// EachCommunity yields the communities that the filter finds
	// ([estate.CommunityFilter.Matches]).
	EachCommunity(ctx context.Context, tenant domain.TenantID, filter estate.CommunityFilter) iter.Seq2[estate.Community, error]

	// EachCommunityOf yields the communities of these identifiers.
	EachCommunityOf(ctx context.Context, tenant domain.TenantID, ids []int64) iter.Seq2[estate.Community, error]
}

// ContractSelector finds contracts.
type ContractSelector interface {
	// SelectContracts yields the identifiers of the contracts that the filter
	// finds ([estate.ContractFilter.Matches]).
	SelectContracts(ctx context.Context, tenant domain.TenantID, filter estate.ContractFilter) iter.Seq2[int64, error]
}

// ContractReader reads contracts.
type ContractReader interface {
	// EachContract yields the contracts that the filter finds.
	EachContract(ctx context.Context, tenant domain.TenantID, filter estate.ContractFilter) iter.Seq2[estate.Contract, error]

	// EachContractOf yields the contracts of these identifiers.
	EachContractOf(ctx context.Context, tenant domain.TenantID, ids []int64) iter.Seq2[estate.Contract, error]
}

// RepairReader reads repairs.
type RepairReader interface {
	// EachRepair yields the repairs that the filter finds
	// ([estate.RepairFilter.Matches]).
	EachRepair(ctx context.Context, tenant domain.TenantID, filter estate.RepairFilter) iter.Seq2[estate.Repair, error]

	// EachRepairOf yields the repairs of these identifiers.
	EachRepairOf(ctx context.Context, tenant domain.TenantID, ids []int64) iter.Seq2[estate.Repair, error]
}

// Users reads the people who have to do with estates.
type Users interface {
	// ListUsers returns the users of these identifiers.
	ListUsers(ctx context.Context, tenant domain.TenantID, ids []int64) ([]estate.User, error)
}

package ports

import (
	"context"
	"iter"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/estate"
)

// Every method below belongs to one tenant: identifiers of another do not
// exist for it. Inside a transaction of the store that implements them, whose
// context they are then given, they take part in it; inside a
// [Transactions.Snapshot] those that read see its view. Outside of both, a
// method that writes is a transaction of its own.

// EstateSelector finds estates.
type EstateSelector interface {
	// SelectEstates yields the identifiers of the estates that the filter
	// finds ([estate.Filter.Matches]), ascending, each once. The filter has no
	// faults ([estate.Filter.Faults]). Memory does not grow with their number.
	// Outside of a snapshot it reads in pages: estates that are changed
	// meanwhile may be seen as they were or as they are. After an error, which
	// comes with no identifier, nothing more is yielded.
	SelectEstates(ctx context.Context, tenant domain.TenantID, filter estate.Filter) iter.Seq2[int64, error]
}

// EstateReader reads estates.
type EstateReader interface {
	// EachEstate is [EstateSelector.SelectEstates] with the whole estates.
	EachEstate(ctx context.Context, tenant domain.TenantID, filter estate.Filter) iter.Seq2[estate.Estate, error]

	// EachEstateOf yields the estates of these identifiers in ascending order,
	// each once. ids may be in any order and repeat; those that do not exist
	// are passed over.
	EachEstateOf(ctx context.Context, tenant domain.TenantID, ids []int64) iter.Seq2[estate.Estate, error]
}

// Listings publishes and withdraws rental advertisements.
type Listings interface {
	// SetListed advertises the estates of these identifiers, or with listed
	// false withdraws them, and returns one outcome an identifier, in order, as
	// [estate.Listing] says; one that does not exist fails with
	// [domain.CodeNotFound]. An identifier that comes again finds what the
	// first time left.
	SetListed(ctx context.Context, tenant domain.TenantID, ids []int64, listed bool) ([]domain.Outcome, error)
}

// Grants reads what big landlords may do.
type Grants interface {
	// ListGrants returns the grants on these estates, in ascending order of
	// their estates, each once. ids may be in any order and repeat; an estate
	// without a grant is passed over.
	ListGrants(ctx context.Context, tenant domain.TenantID, ids []int64) ([]estate.Grant, error)
}

// EstateLoads takes over the objects of another system. Each method replaces
// records whole, or adds them, by their identifiers, and returns one outcome a
// record, in order: created or updated, also when nothing differs. The records
// have no faults of their own. One that names something that does not exist
// fails with [domain.CodeNotFound] and the field, and a user in another role
// than the place asks for with [estate.CodeUnknownUser]; the first such field
// in the record's order counts, and the other records are stored. The same
// identifier again in one call replaces the earlier record. After an error
// nothing is known to be stored; the same call again is safe.
type EstateLoads interface {
	// UpsertUsers stores users.
	UpsertUsers(ctx context.Context, tenant domain.TenantID, users []estate.User) ([]domain.Outcome, error)

	// UpsertCommunities stores communities.
	UpsertCommunities(ctx context.Context, tenant domain.TenantID, communities []estate.Community) ([]domain.Outcome, error)

	// UpsertEstates stores estates, of existing communities, agents and
	// landlords. A landlord who has no grant on the estate gets one with every
	// capability 0, and another's is removed, as it is when there is no
	// landlord; a landlord who has one keeps it as it is.
	UpsertEstates(ctx context.Context, tenant domain.TenantID, estates []estate.Estate) ([]domain.Outcome, error)

	// UpsertContracts stores contracts, of existing estates and agents.
	UpsertContracts(ctx context.Context, tenant domain.TenantID, contracts []estate.Contract) ([]domain.Outcome, error)

	// UpsertRepairs stores repairs, of existing estates.
	UpsertRepairs(ctx context.Context, tenant domain.TenantID, repairs []estate.Repair) ([]domain.Outcome, error)
}

package ports

import (
	"context"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/estate"
)

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

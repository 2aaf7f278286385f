package ports

import (
	"context"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/estate"
)

// A method below that writes returns one outcome for each thing it is given,
// in order. An object that does not exist fails with [domain.CodeNotFound], its
// identifier as the value and no field. An object that comes again in one call
// finds what the time before left. After an error nothing is known to be
// stored; the same call again is safe.

// Listings publishes and withdraws rental advertisements.
type Listings interface {
	// SetListed advertises the estates of these identifiers, or with listed
	// false withdraws them, as [estate.Listing] says.
	SetListed(ctx context.Context, tenant domain.TenantID, ids []int64, listed bool) ([]domain.Outcome, error)
}

// Agents puts people in charge of estates and contracts.
type Agents interface {
	// SetEstateAgents puts agents in charge of estates, as
	// [estate.AgentEdit.Outcome] says. A person who is not an agent of the tenant
	// ([estate.Agent]) fails with [estate.CodeUnknownUser], as [estate.WrongRole]
	// of the field editUserId says it.
	SetEstateAgents(ctx context.Context, tenant domain.TenantID, edits []estate.AgentEdit) ([]domain.Outcome, error)

	// SetContractAgents does so for contracts.
	SetContractAgents(ctx context.Context, tenant domain.TenantID, edits []estate.AgentEdit) ([]domain.Outcome, error)
}

// Grants keeps what big landlords may do.
type Grants interface {
	// EditGrants changes the big landlords of estates, as
	// [estate.GrantEdit.Apply] says. A person who is not a landlord of the
	// tenant ([estate.Landlord]) fails with [estate.CodeUnknownUser], as
	// [estate.WrongRole] of the field editUserId says it.
	EditGrants(ctx context.Context, tenant domain.TenantID, edits []estate.GrantEdit) ([]domain.Outcome, error)

	// ListGrants returns the grants on these estates, in ascending order of
	// their estates, each once. ids may be in any order and repeat; an estate
	// without a grant is passed over.
	ListGrants(ctx context.Context, tenant domain.TenantID, ids []int64) ([]estate.Grant, error)
}

// Reports keeps the monthly reports of estates.
type Reports interface {
	// AttachReports stores reports, as [estate.Report.Replacing] says.
	AttachReports(ctx context.Context, tenant domain.TenantID, reports []estate.Report) ([]domain.Outcome, error)

	// ListReports returns the reports of an estate, the latest month first.
	ListReports(ctx context.Context, tenant domain.TenantID, estateID int64) ([]estate.Report, error)

	// UsesUpload tells whether an upload is a report of any estate.
	UsesUpload(ctx context.Context, tenant domain.TenantID, upload string) (bool, error)
}

// Statements keeps the monthly statements of estates.
type Statements interface {
	// UpsertStatementLines stores lines, as [estate.StatementLine.Replacing]
	// says. They have no faults of their own.
	UpsertStatementLines(ctx context.Context, tenant domain.TenantID, lines []estate.StatementLine) ([]domain.Outcome, error)

	// ListStatementLines returns up to limit lines of an estate by month and
	// then by item, in the order of their bytes: of one month, or of all when
	// month is "". It begins behind the line with the month and the item of
	// after, of which nothing else counts; the zero one means at the start.
	ListStatementLines(ctx context.Context, tenant domain.TenantID, estateID int64, month estate.Month, after estate.StatementLine, limit int) ([]estate.StatementLine, error)
}

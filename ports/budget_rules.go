package ports

import (
	"context"
	"time"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/budget"
)

// BudgetRules keeps budget rules. Every method belongs to one tenant: rules of
// another do not exist for it. Inside a transaction of the store that
// implements it, whose context it is then given, a method takes part in it;
// inside a [Transactions.Snapshot] those that read see its view.
type BudgetRules interface {
	// UpsertBudgetRules stores rules by their codes, each whole, and returns one
	// outcome each, in order: [domain.Created] where no rule of the code was,
	// marked as deleted or not, else [domain.Updated], also when nothing differs.
	//
	// Rules of one code that come again in the same batch act in the order of
	// their positions, in one call and over several, in whatever order those are
	// made: what the batch has stored at a later position is not replaced by
	// what it had at an earlier one, which is updated nevertheless. In one call
	// no position comes twice.
	//
	// It does not judge the rules, which are good ([budget.Rule.Faults]). A rule
	// that the database refuses gives an error that says that the data is at
	// fault ([domain.DataFault]), most often [domain.CodeRejected], and then
	// nothing of the call is stored.
	UpsertBudgetRules(ctx context.Context, tenant domain.TenantID, batch RuleBatch, rules []PlacedRule) ([]domain.Outcome, error)

	// FindBudgetRule returns the rule of the code, also one that is marked as
	// deleted, or [domain.CodeNotFound].
	FindBudgetRule(ctx context.Context, tenant domain.TenantID, code string) (budget.StoredRule, error)

	// ListBudgetRules returns up to limit rules that the filter finds
	// ([budget.Filter.Matches]), in the order of the bytes of their codes,
	// beginning behind the code after; "" is the start.
	ListBudgetRules(ctx context.Context, tenant domain.TenantID, filter budget.Filter, after string, limit int) ([]budget.StoredRule, error)
}

// RuleBatch is one request that stores rules.
type RuleBatch struct {
	ID string    // of the sync or the job, unique in its tenant
	At time.Time // what the rules say of when they were stored
}

// PlacedRule is a rule at its place in a batch.
type PlacedRule struct {
	Position int // in the batch, from 0
	Rule     budget.Rule
}

// SyncAnswers keeps what syncs were answered, for those that ask again.
type SyncAnswers interface {
	// KeepAnswer stores an answer under the identifier of its sync. One that is
	// taken gives [domain.CodeConflict].
	KeepAnswer(ctx context.Context, tenant domain.TenantID, sync domain.JobID, answer []byte, at time.Time) error

	// FindAnswer returns the answer of the tenant's sync, byte for byte, or
	// [domain.CodeNotFound].
	FindAnswer(ctx context.Context, tenant domain.TenantID, sync domain.JobID) ([]byte, error)

	// PurgeAnswers removes up to limit answers, of all tenants, from before the
	// time, the oldest first, and returns how many.
	PurgeAnswers(ctx context.Context, before time.Time, limit int) (int, error)
}

// BudgetColumns is a host's catalogue of the columns that conditions may name.
type BudgetColumns interface {
	// KnownColumns returns what knows the columns of a tenant. Nil knows of
	// none and takes all. It is asked once for each request and each chunk.
	KnownColumns(ctx context.Context, tenant domain.TenantID) (budget.Catalog, error)
}

// BudgetCodes is a host's check of the budgets that rules name.
type BudgetCodes interface {
	// CheckBudgetCodes returns what is wrong with each budget code, in order: nil
	// for a good one. The codes differ from each other. It is called inside the
	// transaction that stores the rules, whose context it is given. A failure
	// without a field is one of budget_code.
	CheckBudgetCodes(ctx context.Context, tenant domain.TenantID, codes []string) ([]*domain.Failure, error)
}

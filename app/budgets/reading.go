package budgets

import (
	"context"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/budget"
)

// Find returns a rule of the caller's tenant, also one that is marked as
// deleted. It fails with [domain.CodeForbidden] and [domain.CodeNotFound].
func (b *Budgets) Find(ctx context.Context, who domain.Principal, code string) (budget.StoredRule, error) {
	if err := b.mayRead(who); err != nil {
		return budget.StoredRule{}, err
	}
	return b.deps.Rules.FindBudgetRule(ctx, who.Tenant, code)
}

// List returns up to limit rules of the caller's tenant that the filter finds,
// in the order of the bytes of their codes, beginning behind the code after; ""
// is the start. It fails with [domain.CodeForbidden].
func (b *Budgets) List(ctx context.Context, who domain.Principal, filter budget.Filter, after string, limit int) ([]budget.StoredRule, error) {
	if err := b.mayRead(who); err != nil {
		return nil, err
	}
	return b.deps.Rules.ListBudgetRules(ctx, who.Tenant, filter, after, limit)
}

func (b *Budgets) mayRead(who domain.Principal) error {
	if who.May(Read) || b.jobs.Allowed(who) == nil {
		return nil
	}
	return domain.Fail(domain.NewFailure(domain.CodeForbidden, "", "", "permission", string(Read)))
}

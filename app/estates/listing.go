package estates

import (
	"context"
	"iter"

	"github.com/batchport/batchport/app/engine"
	"github.com/batchport/batchport/domain"
)

// estateResource is what the kinds write whose effects searches can see: of
// one tenant, "open all" and then "close these" end closed, and a search by
// agent finds what a job before it has set.
const estateResource = "estates"

// listingKind advertises estates, or with listed false withdraws them.
func listingKind(name domain.Kind, listed bool, deps Deps) engine.Kind[Search, int64] {
	return engine.Kind[Search, int64]{
		Name:     name,
		Resource: estateResource,
		Check:    Search.check,
		Select: func(ctx context.Context, job *domain.BatchJob, search Search) iter.Seq2[int64, error] {
			return deps.Selector.SelectEstates(ctx, job.Tenant(), search.Filter())
		},
		Apply: func(ctx context.Context, job *domain.BatchJob, _ Search, ids []int64) ([]domain.Outcome, error) {
			return deps.Listings.SetListed(ctx, job.Tenant(), ids, listed)
		},
	}
}

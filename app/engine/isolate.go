package engine

import (
	"context"
	"fmt"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

// Isolate applies n items inside the transaction open in ctx, at most size of
// them at a time (0 or less: all at once), each part in a savepoint, and returns
// one outcome each. apply is given the first of consecutive items and the one
// behind the last, and returns one outcome each. When the store or apply says
// that the data is at fault ([domain.DataFault]), what was done for these items
// is undone and each half is tried by itself, until the bad ones stand alone and
// fail: k bad ones of n cost about k·log n calls. Any other error is returned,
// and the transaction is to be rolled back.
//
// It is how the engine applies chunks. Parts that are small before anything is
// wrong cost a little for each, and save most of what is done in vain where bad
// items are many.
func Isolate(ctx context.Context, tx ports.Transactions, n, size int, apply func(ctx context.Context, lo, hi int) ([]domain.Outcome, error)) ([]domain.Outcome, error) {
	outcomes := make([]domain.Outcome, n)
	var try func(lo, hi int) error
	try = func(lo, hi int) error {
		err := tx.Savepoint(ctx, func(ctx context.Context) error {
			got, err := apply(ctx, lo, hi)
			if err != nil {
				return err
			}
			if err := checkOutcomes(got, hi-lo); err != nil {
				return err
			}
			copy(outcomes[lo:hi], got)
			return nil
		})
		switch {
		case !domain.DataFault(err):
			return err
		case hi-lo == 1:
			outcomes[lo] = domain.FailedWith(domain.FailureOf(err))
			return nil
		}
		middle := lo + (hi-lo)/2
		if err := try(lo, middle); err != nil {
			return err
		}
		return try(middle, hi)
	}
	if size <= 0 {
		size = n
	}
	for lo := 0; lo < n; lo += size {
		if err := try(lo, min(lo+size, n)); err != nil {
			return nil, err
		}
	}
	return outcomes, nil
}

// checkOutcomes refuses what a kind with a fault returns, before it is counted.
func checkOutcomes(outcomes []domain.Outcome, n int) error {
	if len(outcomes) != n {
		return fmt.Errorf("apply returned %d outcomes for %d items", len(outcomes), n)
	}
	for i, o := range outcomes {
		switch o.Fate {
		case domain.Created, domain.Updated, domain.Unchanged, domain.Deleted, domain.Exported, domain.Skipped:
			if o.Failure != nil {
				return fmt.Errorf("outcome %d is %s with a failure", i, o.Fate)
			}
		case domain.Failed:
			if o.Failure == nil || o.Warning != nil {
				return fmt.Errorf("outcome %d failed without a failure, or with a warning", i)
			}
		case domain.Cancelled:
			return fmt.Errorf("outcome %d is %q", i, o.Fate)
		default:
			return fmt.Errorf("outcome %d is %q", i, o.Fate)
		}
	}
	return nil
}

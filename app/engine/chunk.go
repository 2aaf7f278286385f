package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

// applyChunk does the chunk's effects, records its outcomes and, if it was
// the last, ends the job: in one transaction, which writes nothing unless the
// claim still holds the chunk.
func (e *Engine) applyChunk(ctx context.Context, k *kind, claim ports.Claim) error {
	p, err := k.open(claim.Job, *claim.Chunk)
	if err != nil {
		return err
	}
	begun := false
	waiting, cancel := context.WithTimeout(ctx, e.deadline())
	defer cancel()
	err = e.store.InTx(waiting, func(ctx context.Context) error {
		begun = true
		if err := e.store.HoldChunk(ctx, claim); err != nil {
			return err
		}
		outcomes, err := isolate(ctx, e.store, p.len, p.apply)
		if err != nil {
			return err
		}
		return e.record(ctx, claim, p, outcomes)
	})
	if !begun && err != nil && ctx.Err() == nil {
		// It waited for the store in vain; nothing is known against the items.
		return domain.Unavailable(err)
	}
	if p.len == 1 && domain.DataFault(err) {
		// Refused at the commit, as a deferred constraint is.
		return e.failItem(ctx, claim, p, domain.FailureOf(err))
	}
	return err
}

// deadline is how long a chunk may take: well below the lease, so that a slow
// worker has let go before another takes over.
func (e *Engine) deadline() time.Duration { return e.cfg.Lease * 3 / 4 }

// failItem records the failure of a chunk's only item.
func (e *Engine) failItem(ctx context.Context, claim ports.Claim, p piece, f domain.Failure) error {
	return e.store.InTx(ctx, func(ctx context.Context) error {
		if err := e.store.HoldChunk(ctx, claim); err != nil {
			return err
		}
		return e.record(ctx, claim, p, []domain.Outcome{domain.FailedWith(f)})
	})
}

// record stores the outcomes of a held chunk's items, marks it as done, adds
// to the job's counts, and ends the job if nothing is left. The job comes
// last: its row is the one that all workers of the job write.
func (e *Engine) record(ctx context.Context, claim ports.Claim, p piece, outcomes []domain.Outcome) error {
	var failures []domain.ItemFailure
	for i, o := range outcomes {
		if o.Fate == domain.Failed {
			failures = append(failures, domain.ItemFailure{Index: p.first + i, Key: p.key(i), Failure: *o.Failure})
		}
	}
	ref := claim.Job.Ref()
	if len(failures) > 0 {
		if err := e.store.AddFailures(ctx, ref, failures); err != nil {
			return err
		}
	}
	if err := e.store.FinishChunk(ctx, claim); err != nil {
		return err
	}
	job, err := e.store.LockJob(ctx, ref)
	if err != nil {
		return err
	}
	if err := job.Record(domain.ReportOf(outcomes)); err != nil {
		return err
	}
	if job.Report().Pending() == 0 {
		if err := job.Complete(e.cfg.Now()); err != nil {
			return err
		}
		return e.saveEnded(ctx, job)
	}
	if job.CancelRequested() {
		return e.saveStopped(ctx, job)
	}
	return e.store.SaveJob(ctx, job)
}

// isolate applies n items and returns one outcome each. When the store or the
// kind says that the data is at fault, what was done for these items is undone
// and each half is tried by itself, until the bad ones stand alone and fail:
// k bad ones of n cost about k·log n calls.
func isolate(ctx context.Context, tx ports.Transactions, n int, apply func(ctx context.Context, lo, hi int) ([]domain.Outcome, error)) ([]domain.Outcome, error) {
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
	if err := try(0, n); err != nil {
		return nil, err
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
			if o.Failure == nil {
				return fmt.Errorf("outcome %d failed without a failure", i)
			}
		case domain.Cancelled:
			return fmt.Errorf("outcome %d is %q", i, o.Fate)
		default:
			return fmt.Errorf("outcome %d is %q", i, o.Fate)
		}
	}
	return nil
}

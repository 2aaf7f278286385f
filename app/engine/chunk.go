package engine

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

// errTakenBack rolls back what items did that were only tried.
var errTakenBack = errors.New("engine: what the items did is taken back")

// applyChunk does the chunk's effects, records its outcomes and, if it was
// the last, ends the job: in one transaction, which writes nothing unless the
// claim still holds the chunk. Where the job's options have the effects taken
// back, the outcomes are recorded in a transaction of their own; a crash between
// the two has the chunk tried again.
func (e *Engine) applyChunk(ctx context.Context, k *kind, claim ports.Claim) error {
	p, err := k.open(claim.Job, *claim.Chunk)
	if err != nil {
		return err
	}
	begun, outcomes := false, []domain.Outcome(nil)
	waiting, cancel := context.WithTimeout(ctx, e.deadline())
	defer cancel()
	err = e.changing(waiting, func(ctx context.Context, c *change) error {
		begun = true
		if err := e.store.HoldChunk(ctx, claim); err != nil {
			return err
		}
		if outcomes, err = Isolate(ctx, e.store, p.len, k.applySize, p.apply); err != nil {
			return err
		}
		if takenBack(claim.Job.Options(), outcomes) {
			return errTakenBack
		}
		return e.record(ctx, claim, p, outcomes, c)
	})
	if errors.Is(err, errTakenBack) {
		if claim.Job.Options().ValidateOnly {
			p.foresee(outcomes)
		}
		return e.recordAlone(waiting, claim, p, outcomes)
	}
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

// takenBack reports whether nothing of what the items did may stay. Of items
// that are all or nothing, those that would have succeeded are skipped then.
func takenBack(options domain.JobOptions, outcomes []domain.Outcome) bool {
	failed := slices.ContainsFunc(outcomes, func(o domain.Outcome) bool { return o.Fate == domain.Failed })
	if !options.AllOrNothing || !failed {
		return options.ValidateOnly
	}
	for i, o := range outcomes {
		if o.Fate != domain.Failed {
			outcomes[i] = domain.Outcome{Fate: domain.Skipped}
		}
	}
	return true
}

// failItem records the failure of a chunk's only item.
func (e *Engine) failItem(ctx context.Context, claim ports.Claim, p piece, f domain.Failure) error {
	return e.recordAlone(ctx, claim, p, []domain.Outcome{domain.FailedWith(f)})
}

// recordAlone records outcomes whose effects, if there are any, are not to be
// committed with them.
func (e *Engine) recordAlone(ctx context.Context, claim ports.Claim, p piece, outcomes []domain.Outcome) error {
	return e.changing(ctx, func(ctx context.Context, c *change) error {
		if err := e.store.HoldChunk(ctx, claim); err != nil {
			return err
		}
		return e.record(ctx, claim, p, outcomes, c)
	})
}

// record stores the outcomes of a held chunk's items, marks it as done, adds
// to the job's counts, and ends the job if nothing is left. The job comes
// last: its row is the one that all workers of the job write.
func (e *Engine) record(ctx context.Context, claim ports.Claim, p piece, outcomes []domain.Outcome, c *change) error {
	var failures, warnings []domain.ItemFailure
	for i, o := range outcomes {
		switch {
		case o.Fate == domain.Failed:
			failures = append(failures, domain.ItemFailure{Index: p.first + i, Key: p.key(i), Failure: *o.Failure})
		case o.Warning != nil:
			warnings = append(warnings, domain.ItemFailure{Index: p.first + i, Key: p.key(i), Failure: *o.Warning})
		}
	}
	ref := claim.Job.Ref()
	if len(failures) > 0 {
		if err := e.store.AddFailures(ctx, ref, failures); err != nil {
			return err
		}
	}
	if len(warnings) > 0 {
		if err := e.store.AddWarnings(ctx, ref, warnings); err != nil {
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
	c.of(job)
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

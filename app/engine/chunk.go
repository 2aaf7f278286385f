package engine

import (
	"context"
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
	err = e.changing(waiting, func(ctx context.Context, c *change) error {
		begun = true
		if err := e.store.HoldChunk(ctx, claim); err != nil {
			return err
		}
		outcomes, err := Isolate(ctx, e.store, p.len, k.applySize, p.apply)
		if err != nil {
			return err
		}
		return e.record(ctx, claim, p, outcomes, c)
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
	return e.changing(ctx, func(ctx context.Context, c *change) error {
		if err := e.store.HoldChunk(ctx, claim); err != nil {
			return err
		}
		return e.record(ctx, claim, p, []domain.Outcome{domain.FailedWith(f)}, c)
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

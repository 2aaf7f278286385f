package engine

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"time"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

// A planner stores up to planBatch chunks in one transaction, or fewer that
// come to planBytes.
const planBatch, planBytes = 20, 4 << 20

// plan reads the job's selection from one snapshot, stores it as chunks in
// short transactions, and then makes the plan visible, if the claim still
// holds. A planner that dies is replaced by one that starts over.
func (e *Engine) plan(ctx context.Context, k *kind, claim ports.Claim) error {
	if !k.selects() && !claim.Job.Selection().Failed {
		return e.failJob(ctx, claim, domain.Failure{Code: domain.CodeInvalid, Field: "items"})
	}
	total := 0
	err := e.alive(ctx, claim, func(*domain.BatchJob) {}, func(ctx context.Context) (err error) {
		if err := e.prepare(ctx, k, claim); err != nil {
			return err
		}
		total, err = e.storeSelection(ctx, k, claim)
		return err
	})
	switch {
	case errors.Is(err, errTooMany):
		return e.failJob(ctx, claim, domain.NewFailure(domain.CodeTooMany, "items", "", "max", strconv.Itoa(e.maxSelected(claim.Job))))
	case domain.DataFault(err):
		return e.failJob(ctx, claim, domain.FailureOf(err))
	case err != nil:
		return fmt.Errorf("plan job %s: %w", claim.Job.ID(), err)
	}
	if err := e.publishPlan(ctx, claim, total); err != nil {
		return err
	}
	e.ring(ctx, k.name)
	return nil
}

// prepare lets the kind get what it needs from outside, and stores what it
// makes of the payload, if the claim still holds.
func (e *Engine) prepare(ctx context.Context, k *kind, claim ports.Claim) error {
	if k.prepare == nil || claim.Job.Selection().Failed {
		return nil // items that were tried once need nothing from outside any more
	}
	payload, err := k.prepare(ctx, claim.Job)
	if err != nil {
		return err
	}
	claim.Job.Prepare(payload)
	return e.store.InTx(ctx, func(ctx context.Context) error {
		job, err := e.lockHeld(ctx, claim)
		if err != nil {
			return err
		}
		job.Prepare(payload)
		return e.store.SavePayload(ctx, job)
	})
}

var errTooMany = errors.New("selection beyond the limit")

// maxSelected returns how many items the selection of the job may have.
func (e *Engine) maxSelected(job *domain.BatchJob) int {
	if job.Options().AllOrNothing {
		return min(domain.MaxAllOrNothing, e.cfg.MaxSelected)
	}
	return e.cfg.MaxSelected
}

// selection yields the items of a job that is being planned, in chunks.
func (e *Engine) selection(ctx context.Context, k *kind, job *domain.BatchJob) iter.Seq2[domain.Chunk, error] {
	if job.Selection().Failed {
		failed := e.itemsToRetry(ctx, domain.JobRef{Tenant: job.Tenant(), ID: job.RetryOf()})
		return chunksOf(failed, k.limits(job.Options(), e.cfg.ChunkSize, expected(job)))
	}
	return k.selectChunks(ctx, job, e.cfg.ChunkSize)
}

// storeSelection stores the selection's chunks and returns the number of
// items.
func (e *Engine) storeSelection(ctx context.Context, k *kind, claim ports.Claim) (total int, err error) {
	// What a planner before this one stored is not visible and goes first.
	pending, bytes, fresh := []domain.Chunk(nil), 0, true
	flush := func() error {
		return e.store.InTx(ctx, func(tx context.Context) error {
			if _, err := e.lockHeld(tx, claim); err != nil {
				return err
			}
			if fresh {
				if err := e.store.ClearChunks(tx, claim.Job.Ref()); err != nil {
					return err
				}
			}
			return e.store.AddChunks(tx, claim.Job.Ref(), pending)
		})
	}
	err = e.store.Snapshot(ctx, func(snapshot context.Context) error {
		for chunk, err := range e.selection(snapshot, k, claim.Job) {
			if err != nil {
				return err
			}
			if total += chunk.Len; total > e.maxSelected(claim.Job) {
				return errTooMany
			}
			pending, bytes = append(pending, chunk), bytes+len(chunk.Items)
			if len(pending) == planBatch || bytes >= planBytes {
				if err := flush(); err != nil {
					return err
				}
				pending, bytes, fresh = nil, 0, false
			}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return total, flush()
}

// publishPlan freezes the selection and lets workers at it; or fails the job
// when its size is not what the caller saw.
func (e *Engine) publishPlan(ctx context.Context, claim ports.Claim, total int) error {
	return e.changing(ctx, func(ctx context.Context, c *change) error {
		job, err := e.lockHeld(ctx, claim)
		if err != nil {
			return err
		}
		c.of(job)
		if err := job.Planned(total); err != nil {
			if !errors.Is(err, domain.CodeTotalMismatch) {
				return err
			}
			job.FailWith(domain.FailureOf(err), e.cfg.Now())
			return e.saveEnded(ctx, job)
		}
		if total > 0 {
			return e.store.SaveJob(ctx, job)
		}
		if err := job.Complete(e.cfg.Now()); err != nil {
			return err
		}
		return e.saveEnded(ctx, job)
	})
}

// alive runs work while it extends the lease on the claimed job and saves what
// note tells of its progress. When the claim is lost, the context of work ends
// early and alive returns [domain.CodeClaimLost].
func (e *Engine) alive(ctx context.Context, claim ports.Claim, note func(*domain.BatchJob), work func(ctx context.Context) error) error {
	working, stop := context.WithCancelCause(ctx)
	beats := make(chan struct{})
	go func() {
		defer close(beats)
		ticker := time.NewTicker(min(e.cfg.Lease/3, time.Second/2))
		defer ticker.Stop()
		for {
			select {
			case <-working.Done():
				return
			case <-ticker.C:
			}
			err := e.extend(working, claim, note)
			switch {
			case errors.Is(err, domain.CodeClaimLost):
				stop(domain.CodeClaimLost)
			case err != nil && working.Err() == nil:
				e.logOf(claim.Job).Warn("cannot extend a lease; trying again", "error", err)
			}
		}
	}()
	err := work(working)
	stop(nil)
	<-beats
	if err == nil {
		return nil // done, whatever a last heartbeat found
	}
	if cause := context.Cause(working); errors.Is(cause, domain.CodeClaimLost) {
		return cause
	}
	return err
}

func (e *Engine) extend(ctx context.Context, claim ports.Claim, note func(*domain.BatchJob)) error {
	return e.store.InTx(ctx, func(ctx context.Context) error {
		job, err := e.lockHeld(ctx, claim)
		if err != nil {
			return err
		}
		before := job.Percent()
		note(job)
		if job.Percent() != before {
			if err := e.store.SaveJob(ctx, job); err != nil {
				return err
			}
		}
		return e.store.Extend(ctx, claim, e.cfg.Lease)
	})
}

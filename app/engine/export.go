package engine

import (
	"context"
	"fmt"
	"strconv"
	"sync/atomic"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

// export lets the kind write its file, from one snapshot, under a name that
// holds the epoch; puts the file in place; and then ends the job with it, if
// the claim still holds. Until then nobody knows the name, and a file that
// was put in place for nothing is removed.
func (e *Engine) export(ctx context.Context, k *kind, claim ports.Claim) error {
	named, err := e.namedItems(ctx, claim)
	if err != nil {
		return err
	}
	id := fileID(claim)
	w, err := e.files.Create(ctx, claim.Job.Tenant(), id)
	if err != nil {
		return err
	}
	defer func() { _ = w.Abort() }() // of a file that nobody knows; after Commit it does nothing
	t := newTally(claim.Job, named)
	err = e.alive(ctx, claim, t.note, func(ctx context.Context) error {
		err := e.store.Snapshot(ctx, func(snapshot context.Context) error {
			return k.export(snapshot, claim.Job, named, w, t)
		})
		if err == nil {
			err = t.complete()
		}
		if err != nil {
			return err
		}
		return e.finishExport(ctx, k, claim, w, t)
	})
	if domain.DataFault(err) {
		return e.failJob(ctx, claim, domain.FailureOf(err))
	}
	if err != nil {
		return fmt.Errorf("export job %s: %w", claim.Job.ID(), err)
	}
	return nil
}

// namedItems returns the chunks of a job whose items were named one by one.
func (e *Engine) namedItems(ctx context.Context, claim ports.Claim) (chunks []domain.Chunk, err error) {
	if claim.Job.Selection().All {
		return nil, nil
	}
	for chunk, err := range e.store.EachChunk(ctx, claim.Job.Ref()) {
		if err != nil {
			return nil, err
		}
		chunks = append(chunks, chunk)
	}
	return chunks, nil
}

// finishExport puts the file in place and ends the job. A job of which no item
// was exported gets no file.
func (e *Engine) finishExport(ctx context.Context, k *kind, claim ports.Claim, w ports.FileWriter, t *tally) error {
	var file *domain.JobFile
	if t.report.Exported > 0 {
		name, err := k.fileName(claim.Job)
		if err != nil {
			return err
		}
		if err := e.markFinishing(ctx, claim); err != nil {
			return err
		}
		info, err := w.Commit(ctx)
		if err != nil {
			return err
		}
		file = &domain.JobFile{ID: info.ID, Name: name, Size: info.Size}
	}
	err := e.changing(ctx, func(ctx context.Context, c *change) error {
		job, err := e.lockHeld(ctx, claim)
		if err != nil {
			return err
		}
		c.of(job)
		if err := job.RecordWhole(t.report); err != nil {
			job.FailWith(domain.FailureOf(err), e.cfg.Now())
			file = nil
			return e.saveEnded(ctx, job)
		}
		if err := e.store.AddFailures(ctx, job.Ref(), t.failures); err != nil {
			return err
		}
		if err := e.store.AddWarnings(ctx, job.Ref(), t.warnings); err != nil {
			return err
		}
		if file != nil {
			job.Attach(*file)
		}
		if err := job.Complete(e.cfg.Now()); err != nil {
			return err
		}
		return e.saveEnded(ctx, job)
	})
	return err
}

// markFinishing tells readers that the items are done.
func (e *Engine) markFinishing(ctx context.Context, claim ports.Claim) error {
	return e.store.InTx(ctx, func(ctx context.Context) error {
		job, err := e.lockHeld(ctx, claim)
		if err != nil {
			return err
		}
		job.Finishing()
		return e.store.SaveJob(ctx, job)
	})
}

// fileID names the file of one attempt at an export. Two attempts never
// write the same file.
func fileID(claim ports.Claim) string {
	return string(claim.Job.ID()) + "-" + strconv.FormatInt(claim.Epoch, 10)
}

// tally counts what became of an export's items. It belongs to the goroutine
// that exports; note alone may be called from another.
type tally struct {
	named    int // items named one by one; 0 when all that match are exported
	expected int // items that the caller saw; 0 when it did not say
	seen     []bool
	report   domain.Report
	failures []domain.ItemFailure
	warnings []domain.ItemFailure
	passed   atomic.Int64
}

func newTally(job *domain.BatchJob, named []domain.Chunk) *tally {
	t := &tally{}
	for _, c := range named {
		t.named += c.Len
	}
	t.seen = make([]bool, t.named)
	if n := job.Selection().Expected; n != nil {
		t.expected = *n
	}
	return t
}

// add notes one item's outcome.
func (t *tally) add(index int, key func() string, o domain.Outcome) error {
	if t.named > 0 {
		if index < 0 || index >= t.named || t.seen[index] {
			return fmt.Errorf("item %d of %d recorded out of turn", index, t.named)
		}
		t.seen[index] = true
	} else if index != t.report.Total {
		return fmt.Errorf("item %d recorded after %d", index, t.report.Total)
	}
	if err := checkOutcomes([]domain.Outcome{o}, 1); err != nil {
		return err
	}
	if o.Fate == domain.Failed {
		t.failures = append(t.failures, domain.ItemFailure{Index: index, Key: key(), Failure: *o.Failure})
		t.report.Failed++
	} else {
		t.report.Exported++
		if o.Warning != nil {
			t.warnings = append(t.warnings, domain.ItemFailure{Index: index, Key: key(), Failure: *o.Warning})
		}
	}
	t.report.Total++
	t.passed.Store(int64(t.report.Total))
	return nil
}

// complete fails unless every named item was recorded.
func (t *tally) complete() error {
	if t.named > 0 && t.report.Total != t.named {
		return fmt.Errorf("%d of %d items recorded", t.report.Total, t.named)
	}
	return nil
}

// note tells the job how far the export is.
func (t *tally) note(job *domain.BatchJob) {
	passed := int(t.passed.Load())
	job.Pass(passed, max(t.named, t.expected, passed))
}

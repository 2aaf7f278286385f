package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/batchport/batchport/domain"
)

const (
	// purgeEvery is how often a process looks for what has been kept for long
	// enough.
	purgeEvery = time.Hour

	// purgeRows and purgeJobs are how much one transaction removes at most, so
	// that nobody waits for it longer than for any other: SQLite has one writer.
	purgeRows, purgeJobs = 1_000, 100

	// fewestRows is what it removes when the store is slow. With less the
	// commits alone would take most of the time.
	fewestRows = 200

	// purgeSlow is how long such a transaction may take before the next is a
	// smaller one.
	purgeSlow = 50 * time.Millisecond

	// purgePause is the least pause between two of them. It is three times as
	// long as the last one took, so that whoever else writes has most of the time.
	purgePause = 5 * time.Millisecond
)

// Purge is a duty of a kind, or of a host, to remove what is kept for some time
// only and is not the engine's.
type Purge struct {
	What string // what is removed, for the log, such as "answers"

	// Step removes up to limit of it in one short transaction, and returns how
	// many. It is called again until it has found nothing. Any number of
	// processes may call it at once.
	Step func(ctx context.Context, limit int) (int, error)
}

// AddPurge has the engine run a duty once an hour, as it does its own. It fails
// when [Engine.Run] was called before, and when there is no Step.
func (e *Engine) AddPurge(duty Purge) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.running || duty.Step == nil {
		return fmt.Errorf("engine: AddPurge(%s) after Run, or without Step", duty.What)
	}
	e.duties = append(e.duties, duty)
	return nil
}

// KeepKeys returns how long an idempotency key holds.
func (e *Engine) KeepKeys() time.Duration { return e.cfg.KeepKeys }

// FileKeptUntil returns until when the file that the job made is kept at least,
// or zero when the job has not ended.
func (e *Engine) FileKeptUntil(job *domain.BatchJob) time.Time {
	if job.EndedAt().IsZero() {
		return time.Time{}
	}
	return job.EndedAt().Add(e.cfg.KeepFiles)
}

// keepValid fails when something would be kept for longer than the job it
// belongs to.
func (c Config) keepValid() error {
	var problems []error
	for _, kept := range []struct {
		name string
		time time.Duration
	}{{"KeepFailures", c.KeepFailures}, {"KeepFiles", c.KeepFiles}} {
		if kept.time > c.KeepJobs {
			problems = append(problems, fmt.Errorf("engine: Config.%s is %v, longer than KeepJobs, which is %v", kept.name, kept.time, c.KeepJobs))
		}
	}
	return errors.Join(problems...)
}

// purging removes what has been kept for long enough, now and every hour. It
// may take long, and so does not keep the sweeper.
func (e *Engine) purging(ctx context.Context) {
	ticker := time.NewTicker(purgeEvery)
	defer ticker.Stop()
	for {
		e.report(ctx, dutyPurge, e.purge(ctx))
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// purge goes through all that is kept for some time only: keys before the jobs
// that they name, and of a job its file, its items and then itself. What cannot
// be removed keeps nothing else.
func (e *Engine) purge(ctx context.Context) error {
	now := e.cfg.Now()
	duties := append([]Purge{
		{"idempotency keys", func(ctx context.Context, limit int) (int, error) {
			return e.store.PurgeKeys(ctx, now.Add(-e.cfg.KeepKeys), limit)
		}},
		{"events", func(ctx context.Context, limit int) (int, error) {
			return e.store.PurgeEvents(ctx, now.Add(-e.cfg.KeepEvents), limit)
		}},
	}, e.duties...)
	if e.files != nil {
		duties = append(duties, Purge{"files", func(ctx context.Context, limit int) (int, error) {
			return e.purgeFiles(ctx, now.Add(-e.cfg.KeepFiles), min(limit, purgeJobs))
		}})
	}
	duties = append(duties,
		Purge{"items and failures", func(ctx context.Context, limit int) (int, error) {
			purged, err := e.store.PurgeItems(ctx, now.Add(-e.cfg.KeepFailures), limit)
			return purged.Items + purged.Jobs, err
		}},
		Purge{"jobs", func(ctx context.Context, limit int) (int, error) {
			return e.store.PurgeJobs(ctx, now.Add(-e.cfg.KeepJobs), min(limit, purgeJobs))
		}},
	)
	var err error
	for _, duty := range duties {
		err = errors.Join(err, e.drain(ctx, duty))
	}
	return errors.Join(err, e.purgeOrphans(ctx, now))
}

// drain runs a duty until it has found nothing.
func (e *Engine) drain(ctx context.Context, duty Purge) error {
	total, limit := 0, purgeRows
	defer func() {
		if total > 0 {
			e.log.Info("purged what was kept for long enough", "what", duty.What, "number", total)
		}
	}()
	for {
		began := e.cfg.Now()
		n, err := duty.Step(ctx, limit)
		if err != nil {
			return fmt.Errorf("purge %s: %w", duty.What, err)
		}
		if n == 0 {
			return nil
		}
		total += n
		took := e.cfg.Now().Sub(began)
		if took > purgeSlow {
			limit = max(limit/2, fewestRows)
		} else {
			limit = min(limit+fewestRows/2, purgeRows)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(min(max(3*took, purgePause), time.Second)):
		}
	}
}

// purgeFiles removes files of jobs that ended before the time. The jobs forget
// them first: one that a crash leaves behind then is an orphan.
func (e *Engine) purgeFiles(ctx context.Context, before time.Time, limit int) (int, error) {
	files, err := e.store.PurgeFiles(ctx, before, limit)
	if err != nil {
		return 0, err
	}
	for _, file := range files {
		err = errors.Join(err, e.files.Remove(ctx, file.Job.Tenant, file.File))
	}
	return len(files), err
}

// whole returns what read has read of the job's items, if that is all that
// there was.
func whole[T any](ctx context.Context, e *Engine, ref domain.JobRef, read func() ([]T, error)) ([]T, error) {
	page, err := read()
	if err == nil {
		err = e.itemsKept(ctx, ref)
	}
	if err != nil {
		return nil, err
	}
	return page, nil
}

// itemsKept fails with [domain.CodeNotKept] when items of the job were purged. It
// is asked after they were read, since the job says so before any is missed.
func (e *Engine) itemsKept(ctx context.Context, ref domain.JobRef) error {
	job, err := e.store.FindJob(ctx, ref)
	if err == nil && job.ItemsPurged() {
		err = domain.CodeNotKept
	}
	return err
}

package engine

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

// stoppedAtOnce is how many stopped jobs one sweep ends.
const stoppedAtOnce = 100

// abandonedAfter is how old a file of an unfinished attempt must be before it
// is removed: no attempt that is alive writes for so long without a word.
const abandonedAfter = 24 * time.Hour

// sweeping puts right, now and then, what crashes and lost messages left.
func (e *Engine) sweeping(ctx context.Context) {
	ticker := time.NewTicker(e.cfg.SweepEvery)
	defer ticker.Stop()
	for {
		e.report(ctx, dutySweep, e.sweep(ctx))
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// reopening is the part of sweeping that a process does which does no work.
func (e *Engine) reopening(ctx context.Context) {
	ticker := time.NewTicker(e.cfg.SweepEvery)
	defer ticker.Stop()
	for {
		e.report(ctx, dutyReopen, e.reopen(ctx))
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// The duties in the background, as the log and the telemetry call them.
const (
	dutyWork    = "take or settle work"
	dutySettle  = "settle work"
	dutySweep   = "sweep"
	dutyPurge   = "purge"
	dutyPublish = "publish events"
	dutyReopen  = "ask for lost events"
	dutyLook    = "look for suspect work"
	dutyIsolate = "run suspect work alone"
)

// report logs what a background duty could not do; it is done again soon.
func (e *Engine) report(ctx context.Context, duty string, err error) {
	if err != nil && ctx.Err() == nil {
		e.telemetry.Count(ports.DutyFailed, duty, 1)
		e.log.Warn("cannot "+duty+"; trying again", "error", err)
	}
}

// sweep takes work from workers that are gone, ends stopped jobs that nobody
// works on, wakes workers for what waits, and asks for events that the
// stream lost.
func (e *Engine) sweep(ctx context.Context) error {
	return errors.Join(e.expire(ctx), e.endAllStopped(ctx), e.wake(ctx), e.reopen(ctx))
}

func (e *Engine) expire(ctx context.Context) error {
	lost, err := e.store.Expire(ctx, false)
	if lost > 0 {
		e.telemetry.Count(ports.LeasesExpired, "", lost)
		e.log.Warn("took work from workers that gave no sign", "pieces", lost)
	}
	return err
}

func (e *Engine) endAllStopped(ctx context.Context) error {
	refs, err := e.store.Stopped(ctx, stoppedAtOnce)
	for _, ref := range refs {
		_, failed := e.endStopped(ctx, ref)
		err = errors.Join(err, failed)
	}
	return err
}

func (e *Engine) wake(ctx context.Context) error {
	waiting, err := e.store.Waiting(ctx)
	if err != nil {
		return err
	}
	for _, w := range waiting {
		switch {
		case !w.Suspect:
			e.ring(ctx, w.Kind)
		case e.kind(w.Kind) != nil:
			nudge(e.suspects)
		}
	}
	return nil
}

// reopen makes the relay publish again what the stream has lost.
func (e *Engine) reopen(ctx context.Context) error {
	if e.events == nil {
		return nil
	}
	var away error
	lost, err := e.store.ReopenEvents(ctx, func(ctx context.Context) (state ports.StreamState, err error) {
		if state, away = e.events.State(ctx); away != nil {
			away = fmt.Errorf("ask how far the stream of events reaches: %w", away)
		}
		return state, away
	})
	if lost > 0 {
		e.telemetry.Count(ports.EventsReopened, "", lost)
		e.log.Warn("the stream lost events; publishing them again", "events", lost)
	}
	if away == nil {
		e.tell()
	}
	return err
}

// purgeOrphans removes files of attempts at exports that came to nothing, and
// of jobs that have forgotten them.
func (e *Engine) purgeOrphans(ctx context.Context, now time.Time) error {
	if e.files == nil {
		return nil
	}
	before := now.Add(-abandonedAfter)
	var orphans []ports.FileInfo
	for info, err := range e.files.Each(ctx, before) {
		if err != nil {
			return err
		}
		orphan, err := e.orphaned(ctx, info)
		if err != nil {
			return err
		}
		if orphan && info.ModifiedAt.Before(before) {
			orphans = append(orphans, info)
		}
	}
	for _, info := range orphans {
		if err := e.files.Remove(ctx, info.Tenant, info.ID); err != nil {
			return err
		}
		e.log.Info("removed a file that is no job's", "tenant", info.Tenant, "file", info.ID)
	}
	return nil
}

// orphaned reports whether the file is of an attempt at an export whose job
// has another file, or none.
func (e *Engine) orphaned(ctx context.Context, info ports.FileInfo) (bool, error) {
	name, epoch, found := strings.Cut(info.ID, "-")
	id, err := domain.ParseJobID(name)
	if _, numeric := strconv.ParseInt(epoch, 10, 64); !found || err != nil || numeric != nil {
		return false, nil // not a file of the engine's
	}
	job, err := e.store.FindJob(ctx, domain.JobRef{Tenant: info.Tenant, ID: id})
	switch {
	case errors.Is(err, domain.CodeNotFound):
		return true, nil
	case err != nil:
		return false, err
	}
	return job.State().Ended() && (job.File() == nil || job.File().ID != info.ID), nil
}

// longestPause is how long everybody else has at most between two turns.
const longestPause = 30 * time.Second

// isolating runs suspects, one at a time and with nothing beside them.
// Between two turns everybody else has at least as long, and longer the more
// there are.
func (e *Engine) isolating(ctx context.Context) {
	pause := e.cfg.isolationTurns
	for {
		select {
		case <-ctx.Done():
			return
		case <-e.suspects:
		}
		waiting, err := e.suspectsWait(ctx)
		e.report(ctx, dutyLook, err)
		if !waiting {
			pause = e.cfg.isolationTurns
			continue
		}
		more, err := e.isolationTurn(ctx)
		e.report(ctx, dutyIsolate, err)
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		if more {
			pause = min(2*pause, longestPause)
			nudge(e.suspects)
		}
	}
}

// suspectsWait reports whether there is suspect work that this process can
// do, before anybody is interrupted for it.
func (e *Engine) suspectsWait(ctx context.Context) (bool, error) {
	waiting, err := e.store.Waiting(ctx)
	for _, w := range waiting {
		if w.Suspect && e.kind(w.Kind) != nil {
			return true, err
		}
	}
	return false, err
}

// isolationTurn runs suspects alone until there are none or the turn is over,
// and reports whether there may be more.
func (e *Engine) isolationTurn(ctx context.Context) (more bool, err error) {
	open, err := e.gate.alone(ctx)
	if err != nil {
		return false, nil // told to stop
	}
	defer open()
	turn, cancel := context.WithTimeout(ctx, e.cfg.isolationTurns)
	defer cancel()
	for turn.Err() == nil {
		found, err := e.runSuspect(ctx)
		if !found || err != nil || ctx.Err() != nil {
			return false, err
		}
	}
	return true, nil
}

// runSuspect does one suspect piece, if there is one.
func (e *Engine) runSuspect(ctx context.Context) (bool, error) {
	claim, found, err := e.claim(ctx, ports.ClaimRequest{Suspect: true})
	if !found || err != nil {
		return false, err
	}
	return true, e.do(ctx, claim)
}

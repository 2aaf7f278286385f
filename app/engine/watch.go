package engine

import (
	"context"
	"errors"
	"time"

	"github.com/batchport/batchport/ports"
)

// stopPatience is how long work that was told to stop may take to do so, and
// how long it may take then to give it back.
const stopPatience = 2 * time.Second

// maxInterruptions is how often a plan or an export makes way for suspects
// before they wait for it.
const maxInterruptions = 2

// errHung ends [Engine.Run] when a kind does not heed its context.
var errHung = errors.New("engine: a kind does not heed its context; the process must end, so that another can take over its work")

// watched does the piece, and waits for it: a chunk until its lease has run
// out, anything until some time after its context has ended. A kind that has not
// returned by then may never do so, and holds a transaction that nobody can
// take from it but the end of the process. So Run ends with an error, and the lease
// makes the piece suspect.
func (e *Engine) watched(ctx, doing context.Context, claim ports.Claim) error {
	result := make(chan error, 1)
	go func() { result <- e.perform(doing, claim) }()
	var overdue <-chan time.Time
	if claim.Chunk != nil {
		timer := time.NewTimer(e.deadline())
		defer timer.Stop()
		overdue = timer.C
	}
	select {
	case err := <-result:
		return err
	case <-overdue:
	case <-doing.Done():
	}
	// A process that stood still finds all its timers run out when it goes on:
	// only now does the kind learn of its deadline.
	patience := e.cfg.Lease / 4
	if ctx.Err() != nil {
		patience = stopPatience
	}
	select {
	case err := <-result:
		return err
	case <-time.After(patience):
	}
	e.logOf(claim.Job).Error("a kind does not heed its context; the process must end")
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.abort != nil {
		e.abort(errHung)
	}
	return errHung
}

// interruptions returns how often the claimed job itself has made way in this process.
func (e *Engine) interruptions(claim ports.Claim) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.madeWay[claim.Job.ID()]
}

func (e *Engine) interrupted(claim ports.Claim) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if claim.Chunk == nil {
		e.madeWay[claim.Job.ID()]++
	}
}

func (e *Engine) forget(claim ports.Claim) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if claim.Chunk == nil {
		delete(e.madeWay, claim.Job.ID())
	}
}

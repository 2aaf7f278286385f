package engine

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

const (
	// maxItemStrikes is how often the worker of an item may vanish while the
	// item runs alone, before the item is given up. Whoever pulls the plug hits
	// the same item again more often than chance would: it is the first that
	// the next process takes.
	maxItemStrikes = 5

	// maxJobStrikes is the same for planning a job or doing it whole. That takes
	// so much longer than an item that accidents hit it far more often.
	maxJobStrikes = 10

	// maxFaults is how often a piece may panic, or fail in a way that nobody
	// foresaw, while it runs alone. Nothing else can be to blame for that.
	maxFaults = 2
)

// workOff does pieces of work until there is none. It is what a bell wakes.
func (e *Engine) workOff(ctx context.Context) error {
	var last domain.JobID
	for {
		leave, err := e.gate.enter(ctx)
		if err != nil {
			return nil // told to stop
		}
		found, err := e.workOnce(ctx, &last)
		leave()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil || !found {
			e.report(ctx, dutyWork, err) // nobody else does, and the bell comes again
			return err
		}
	}
}

// workOnce does one piece, if there is one. last is the job that this worker
// did something of before.
func (e *Engine) workOnce(ctx context.Context, last *domain.JobID) (bool, error) {
	// Planning and exporting may take minutes. One worker, if there are
	// several, is always left for chunks, so that small jobs do not wait for them.
	slot := false
	select {
	case e.longSlots <- struct{}{}:
		slot = true
	default:
	}
	free := func() {
		if slot {
			slot = false
			<-e.longSlots
		}
	}
	defer free()
	claim, found, err := e.claim(ctx, ports.ClaimRequest{Chunks: !slot})
	if !found || err != nil {
		return false, err
	}
	if claim.Chunk != nil {
		free()
		if id := claim.Job.ID(); id != *last && claim.Job.Report().Pending() > claim.Chunk.Len {
			// There is more of this job than one worker can do: each that
			// begins on it wakes one more.
			e.ring(ctx, claim.Job.Kind())
			*last = id
		}
	}
	return true, e.do(ctx, claim)
}

// claim takes the next piece of work of the sort that the request says.
func (e *Engine) claim(ctx context.Context, request ports.ClaimRequest) (ports.Claim, bool, error) {
	request.Worker, request.Kinds, request.Lease = e.cfg.Name, e.kindNames(), e.cfg.Lease
	claim, found, err := e.store.Claim(ctx, request, e.cfg.Now())
	if err != nil {
		return ports.Claim{}, false, fmt.Errorf("claim work: %w", err)
	}
	if found {
		e.follows.look(claim.Job.Ref())
	}
	return claim, found, nil
}

// do does a claimed piece and says what becomes of it. Its error is one of
// the store alone: that of the work has been dealt with.
func (e *Engine) do(ctx context.Context, claim ports.Claim) error {
	ctx, ended := e.telemetry.Begin(ctx, workOf(claim))
	end := ports.WorkEnd{Result: ports.WorkHung}
	defer func() { ended(end) }()
	doing, done := lingering(ctx, e.cfg.Grace)
	defer done()
	if claim.Chunk == nil {
		// They lose nothing by starting over, so they make way: for a stop,
		// and for suspects.
		long, leave := e.gate.long(doing, claim.Suspect, e.interruptions(claim) >= maxInterruptions)
		defer leave()
		defer context.AfterFunc(ctx, leave)()
		doing = long
	}
	err := e.watched(ctx, doing, claim)
	if errors.Is(err, errHung) {
		return nil // the process is about to end, and the lease tells the next one
	}
	end.Code = domain.CodeOf(err)
	end.Result, err = e.settleInTime(ctx, claim, err, doing.Err() != nil)
	return err
}

// settleInTime settles a piece, and tries again while the store does not
// answer: a lease that ran out would make an innocent piece suspect. It gives up
// when the lease has run out anyway, or soon after ctx ended.
func (e *Engine) settleInTime(ctx context.Context, claim ports.Claim, failed error, interrupted bool) (ports.WorkResult, error) {
	settling, done := lingering(ctx, stopPatience)
	defer done()
	settling, cancel := context.WithTimeout(settling, e.cfg.Lease)
	defer cancel()
	for {
		result, err := e.settle(settling, claim, failed, interrupted)
		if !errors.Is(err, domain.CodeUnavailable) || ctx.Err() != nil {
			return result, err
		}
		e.report(ctx, dutySettle, err)
		select {
		case <-settling.Done():
			return result, err
		case <-ctx.Done():
		case <-time.After(min(e.cfg.SweepEvery, time.Second)):
		}
	}
}

// perform does the piece; a panic comes back as an error.
func (e *Engine) perform(ctx context.Context, claim ports.Claim) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = domain.PanicError(r)
			e.telemetry.Count(ports.Panicked, string(claim.Job.Kind()), 1)
			e.logOf(claim.Job).Error("a kind panicked", "panic", err, "stack", string(debug.Stack()))
		}
	}()
	if claim.Strikes >= maxStrikes(claim) {
		return e.giveUp(ctx, claim)
	}
	k := e.kind(claim.Job.Kind())
	if claim.Job.Whole() != k.whole() {
		e.logOf(claim.Job).Error("a kind has become another sort of kind than its job")
		return e.failJob(ctx, claim, domain.Failure{Code: domain.CodeInternal})
	}
	if allowed, err := e.allowed(ctx, k, claim.Job); err != nil {
		return err
	} else if !allowed {
		return e.failJob(ctx, claim, domain.Failure{Code: domain.CodeForbidden, Params: map[string]string{"permission": string(k.permission)}})
	}
	switch {
	case claim.Chunk != nil:
		return e.applyChunk(ctx, k, claim)
	case k.whole():
		return e.export(ctx, k, claim)
	default:
		return e.plan(ctx, k, claim)
	}
}

// settle says what becomes of a piece whose work ended with err. Its own error
// is one of the store.
func (e *Engine) settle(ctx context.Context, claim ports.Claim, err error, interrupted bool) (ports.WorkResult, error) {
	log := e.logOf(claim.Job).With("epoch", claim.Epoch)
	switch {
	case err == nil:
		e.forget(claim)
		e.tell()
		return ports.WorkDone, nil
	case errors.Is(err, domain.CodeClaimLost):
		log.Info("work was taken over or stopped")
		if err := e.store.Release(ctx, claim, 0); err != nil {
			return ports.WorkSuperseded, err
		}
		if stopped, err := e.endStopped(ctx, claim.Job.Ref()); stopped || err != nil {
			return ports.WorkStopped, err
		}
		return ports.WorkSuperseded, nil
	case interrupted:
		log.Info("work was interrupted and given back")
		e.interrupted(claim)
		return ports.WorkInterrupted, e.store.Release(ctx, claim, 0)
	case errors.Is(err, domain.CodeUnavailable):
		delay := backoff(claim.Epoch)
		log.Warn("the store or a disk does not answer; work is given back", "delay", delay, "error", err)
		return ports.WorkUnavailable, e.store.Release(ctx, claim, delay)
	case claim.Suspect && single(claim) && claim.Strikes >= maxFaults-1:
		log.Error("work failed again, alone; it is given up", faultOf(err))
		return ports.WorkGivenUp, e.giveUp(ctx, claim)
	default:
		log.Error("work failed; it is suspect", "suspect", claim.Suspect, "strikes", claim.Strikes, faultOf(err))
		if err := e.store.Suspect(ctx, claim); err != nil {
			return ports.WorkSuspect, err
		}
		nudge(e.suspects)
		return ports.WorkSuspect, nil
	}
}

func maxStrikes(claim ports.Claim) int {
	if claim.Chunk == nil {
		return maxJobStrikes
	}
	return maxItemStrikes
}

// single reports whether the claim can be split no further.
func single(claim ports.Claim) bool {
	return claim.Chunk == nil || claim.Chunk.Len == 1 || claim.Job.Options().AllOrNothing
}

// allowed asks, before anything of the job is done, whether its submitter
// still holds the permission.
func (e *Engine) allowed(ctx context.Context, k *kind, job *domain.BatchJob) (bool, error) {
	if e.authority == nil || job.Report().Ended() > 0 {
		return true, nil
	}
	return e.authority.Holds(ctx, job.Tenant(), job.User(), k.permission)
}

// giveUp fails what has taken down its worker alone: the items, or the job.
func (e *Engine) giveUp(ctx context.Context, claim ports.Claim) error {
	poison := domain.Failure{Code: domain.CodeInternal}
	if claim.Chunk == nil || claim.Job.Options().AllOrNothing {
		return e.failJob(ctx, claim, poison)
	}
	keys := e.keys(claim)
	p := piece{first: claim.Chunk.First, len: claim.Chunk.Len, key: func(i int) string { return keys[i] }}
	outcomes := make([]domain.Outcome, p.len)
	for i := range outcomes {
		outcomes[i] = domain.FailedWith(poison)
	}
	return e.recordAlone(ctx, claim, p, outcomes)
}

// keys returns what the chunk's items are called, as far as the kind can say:
// its code may be what brought the workers down.
func (e *Engine) keys(claim ports.Claim) (keys []string) {
	keys = make([]string, claim.Chunk.Len)
	defer func() { _ = recover() }()
	if p, err := e.kind(claim.Job.Kind()).open(claim.Job, *claim.Chunk); err == nil {
		for i := range p.len {
			keys[i] = p.key(i)
		}
	}
	return keys
}

// failJob ends the claimed job because of cause.
func (e *Engine) failJob(ctx context.Context, claim ports.Claim, cause domain.Failure) error {
	return e.changing(ctx, func(ctx context.Context, c *change) error {
		if claim.Chunk != nil {
			if err := e.store.HoldChunk(ctx, claim); err != nil {
				return err
			}
		}
		job, err := e.lockHeld(ctx, claim)
		if err != nil {
			return err
		}
		c.of(job)
		job.FailWith(cause, e.cfg.Now())
		if err := e.saveEnded(ctx, job); err != nil || claim.Chunk == nil {
			return err
		}
		return e.store.Release(ctx, claim, 0)
	})
}

// lockHeld locks the claimed job, and fails with [domain.CodeClaimLost] when
// the claim is on the job itself and does not hold any more.
func (e *Engine) lockHeld(ctx context.Context, claim ports.Claim) (*domain.BatchJob, error) {
	job, err := e.store.LockJob(ctx, claim.Job.Ref())
	if err != nil {
		return nil, err
	}
	if claim.Chunk == nil {
		err = job.HeldBy(claim.Epoch)
	}
	return job, err
}

// lingering returns a context that goes on for grace after ctx ended, so that
// work in hand can be finished.
func lingering(ctx context.Context, grace time.Duration) (context.Context, context.CancelFunc) {
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	timer := make(chan *time.Timer, 1)
	stop := context.AfterFunc(ctx, func() { timer <- time.AfterFunc(grace, cancel) })
	return work, func() {
		if !stop() {
			(<-timer).Stop()
		}
		cancel()
	}
}

// backoff returns how long to wait after the nth attempt: one second,
// doubled each time, at most a minute.
func backoff(n int64) time.Duration {
	return min(time.Second<<min(max(n-1, 0), 6), time.Minute)
}

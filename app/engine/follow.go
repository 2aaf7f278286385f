package engine

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/batchport/batchport/domain"
)

const (
	// followPace is how often a followed job is looked at, and how often at most
	// its followers hear of it before it has ended.
	followPace = 100 * time.Millisecond

	// followRate is how many looks a second all followed jobs of a process may
	// cost: with more than a hundred of them, each is looked at more seldom.
	followRate = 1_000

	// lookPatience is how long a look may take: longer ones are broken off, and
	// made again.
	lookPatience = 10 * time.Second
)

// Following is somebody's view of one job while it goes on: see
// [Engine.Follow]. It belongs to one goroutine.
type Following struct {
	engine *Engine
	of     *followed
	seen   int64 // the version that was returned last
	over   bool
}

// Follow begins to follow a job of the caller's tenant, which this process need
// not work on: it rests on the store alone. It fails with
// [domain.CodeNotFound], and with [domain.CodeUnavailable] when the store does
// not answer. Whoever follows must call [Following.Close].
//
// However many follow a job, the process looks for its changes once: ten times a
// second, more seldom when more than a hundred jobs are followed, and at once
// when it has itself committed a change.
func (e *Engine) Follow(ctx context.Context, who domain.Principal, id domain.JobID) (*Following, error) {
	// Each reads for itself first: what was committed before the call is known
	// to it, however long ago the others' last look was.
	job, err := e.Find(ctx, who, id)
	if err != nil {
		return nil, err
	}
	return &Following{engine: e, of: e.follows.join(e, job)}, nil
}

// Next returns the job as it is stored now, and from then on waits until it has
// changed and returns the newest state: who is slow misses those between. The
// job is shared with others who follow it, and must not be changed. Next fails
// with [io.EOF] once it has returned the job's end, with
// [domain.CodeNotFound] when the job is not kept any more, and with the error
// of ctx. A store that does not answer is waited for.
func (f *Following) Next(ctx context.Context) (*domain.BatchJob, error) {
	for !f.over {
		news := f.of.latest.Load()
		switch version := news.job.Version(); {
		case version > f.seen:
			f.seen, f.over = version, news.job.State().Ended()
			return news.job, nil
		case news.err != nil:
			return nil, news.err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-news.old:
		}
	}
	return nil, io.EOF
}

// Close ends the following. When it was the last of the job's, nothing of it
// is left once Close returns. Next must not be called any more.
func (f *Following) Close() { f.engine.follows.leave(f.of) }

// follows are the jobs that somebody in this process follows.
type follows struct {
	mu   sync.Mutex
	jobs map[domain.JobRef]*followed
}

// followed is a job that somebody follows.
type followed struct {
	ref       domain.JobRef
	followers int                  // guarded by follows.mu
	latest    atomic.Pointer[news] // written under follows.mu
	changed   chan struct{}        // told that this process has committed a change
	stop      context.CancelFunc
	stopped   chan struct{} // closed when nobody looks any more
}

// news is what is known of a job.
type news struct {
	job *domain.BatchJob
	err error         // why there will be nothing newer, or nil
	old chan struct{} // closed when there is something newer
}

// join adds a follower to those of the job, which was just read.
func (f *follows) join(e *Engine, job *domain.BatchJob) *followed {
	f.mu.Lock()
	defer f.mu.Unlock()
	ref := job.Ref()
	of := f.jobs[ref]
	if of != nil && of.latest.Load().err == nil {
		of.followers++
		of.tell(job)
		return of
	}
	ctx, stop := context.WithCancel(context.Background()) // it is nobody's alone
	of = &followed{ref: ref, followers: 1, changed: make(chan struct{}, 1), stop: stop, stopped: make(chan struct{})}
	of.latest.Store(&news{job: job, old: make(chan struct{})})
	if f.jobs == nil {
		f.jobs = map[domain.JobRef]*followed{}
	}
	f.jobs[ref] = of
	go func() {
		defer close(of.stopped)
		e.looking(ctx, of)
	}()
	return of
}

// leave takes a follower away, and waits until nobody looks any more when it
// was the last.
func (f *follows) leave(of *followed) {
	f.mu.Lock()
	of.followers--
	last := of.followers == 0
	if last && f.jobs[of.ref] == of {
		delete(f.jobs, of.ref)
	}
	f.mu.Unlock()
	if last {
		of.stop()
		<-of.stopped
	}
}

// look has the followers of a job look at it at once.
func (f *follows) look(ref domain.JobRef) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if of := f.jobs[ref]; of != nil {
		nudge(of.changed)
	}
}

// pace is how long the pause between two looks at a job is.
func (f *follows) pace() time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	return max(followPace, time.Duration(len(f.jobs))*time.Second/followRate)
}

// learn tells the followers of a job what a look has found, and reports whether
// it was anything new.
func (f *follows) learn(of *followed, job *domain.BatchJob, err error) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err == nil {
		return of.tell(job)
	}
	was := of.latest.Load()
	of.replace(was, &news{job: was.job, err: err, old: make(chan struct{})})
	return true
}

// tell makes the job what is known, unless something as new is.
func (o *followed) tell(job *domain.BatchJob) bool {
	was := o.latest.Load()
	if job.Version() <= was.job.Version() {
		return false
	}
	o.replace(was, &news{job: job, old: make(chan struct{})})
	return true
}

func (o *followed) replace(was, now *news) {
	o.latest.Store(now)
	close(was.old)
}

// looking looks for changes of a followed job until it has ended, is not there
// any more, or nobody follows it.
func (e *Engine) looking(ctx context.Context, of *followed) {
	timer := time.NewTimer(e.follows.pace())
	defer timer.Stop()
	// A job whose chunks are done faster than anybody can read is told of at
	// the usual pace, but for its end: after each telling comes a rest.
	resting := false
	for !of.latest.Load().job.State().Ended() {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			resting = false
		case <-of.changed:
		}
		job, err := e.lookAt(ctx, of.ref)
		told := false
		switch {
		case ctx.Err() != nil:
			return
		case errors.Is(err, domain.CodeNotFound):
			e.follows.learn(of, nil, err)
			return
		case err != nil:
			e.log.Debug("cannot look at a job that is followed; trying again", "job", of.ref.ID, "error", err)
		case !resting || job.State().Ended():
			told = e.follows.learn(of, job, nil)
		}
		if !resting {
			timer.Reset(e.follows.pace())
		}
		resting = resting || told
	}
}

func (e *Engine) lookAt(ctx context.Context, ref domain.JobRef) (*domain.BatchJob, error) {
	ctx, cancel := context.WithTimeout(ctx, lookPatience)
	defer cancel()
	return e.store.FindJob(ctx, ref)
}

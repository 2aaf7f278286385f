package engine_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/batchport/batchport/app/engine"
	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

// lookedAt counts how often a job is looked at.
type lookedAt struct {
	ports.Store
	n atomic.Int64
}

func (l *lookedAt) FindJob(ctx context.Context, ref domain.JobRef) (*domain.BatchJob, error) {
	l.n.Add(1)
	return l.Store.FindJob(ctx, ref)
}

// paced hands work out slowly. (A pause in Apply would be one in a transaction,
// and the store in memory has but one.)
type paced struct {
	ports.Store
	pause time.Duration
}

func (p paced) Claim(ctx context.Context, r ports.ClaimRequest, now time.Time) (ports.Claim, bool, error) {
	time.Sleep(p.pause)
	return p.Store.Claim(ctx, r, now)
}

// edits is a kind that does nothing wrong.
func edits(f *fixture) engine.Kind[plan, int] {
	return engine.Kind[plan, int]{Name: "edit", Apply: f.counts.addAll}
}

// follow begins to follow a job.
func follow(t *testing.T, e *engine.Engine, id domain.JobID) *engine.Following {
	t.Helper()
	following, err := e.Follow(t.Context(), user("a"), id)
	if err != nil {
		t.Fatalf("Follow(%s) = %v, want nil", id, err)
	}
	return following
}

// next is the job's next state.
func next(t *testing.T, f *engine.Following) *domain.BatchJob {
	t.Helper()
	job, err := f.Next(t.Context())
	if err != nil {
		t.Fatalf("Next() = %v, want the job", err)
	}
	return job
}

// Whoever follows sees what is stored, no state twice and the end last: at
// once in the process that works, and a moment later in any other.
func TestFollowersSeeEveryState(t *testing.T) {
	const pause, pace = 333 * time.Millisecond, 100 * time.Millisecond
	for name, same := range map[string]bool{"the process that works": true, "another process": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFixture()
				f.deps.Store = paced{f.store, pause}
				e := f.engine(t, engine.Config{ChunkSize: 1, Workers: 1})
				jobs := register(t, e, edits(f))
				job := submit(t, jobs, user("a"), engine.Request[plan, int]{Items: inOrder(5)})
				reader := e
				if !same {
					reader = f.engine(t, engine.Config{})
				}
				following := follow(t, reader, job.ID())
				defer following.Close()
				last := next(t, following)
				if last.State() != domain.JobQueued || last.Version() != job.Version() {
					t.Fatalf("Next() = %s, want the job as it was submitted", last.State())
				}
				began, seen := time.Now(), map[int]time.Duration{}
				defer start(t, e)()
				for !last.State().Ended() {
					job := next(t, following)
					if job.Version() <= last.Version() {
						t.Errorf("version %d after %d, want a newer one", job.Version(), last.Version())
					}
					if n := job.Report().Ended(); n > last.Report().Ended() {
						seen[n] = time.Since(began) - time.Duration(n)*pause
					}
					last = job
				}
				for n := 1; n <= 5; n++ {
					late, told := seen[n]
					if !told || late < 0 || late > pace || n == 5 && same && late > 0 {
						t.Errorf("that %d have ended was seen (%v) %v after it was so, want at most %v, and the end at once where it came about", n, told, late, pace)
					}
				}
				if job, err := following.Next(t.Context()); !errors.Is(err, io.EOF) {
					t.Errorf("Next() after the end = %v, %v; want %v", job, err, io.EOF)
				}
				after := follow(t, reader, job.ID())
				defer after.Close()
				if got := next(t, after); got.State() != domain.JobCompleted {
					t.Errorf("Next() of an ended job = %s, want completed", got.State())
				}
			})
		})
	}
}

// However many follow a job, the process looks once; it stops with the last of
// them, and a bubble that ends with a goroutine left in it fails.
func TestFollowersShareTheLooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture()
		store := &lookedAt{Store: f.store}
		f.deps.Store = store
		e := f.engine(t, engine.Config{})
		job := submit(t, register(t, e, edits(f)), user("a"), engine.Request[plan, int]{Items: inOrder(1)})
		var all []*engine.Following
		for range 100 {
			all = append(all, follow(t, e, job.ID()))
		}
		store.n.Store(0)
		time.Sleep(10*time.Second + time.Millisecond)
		if looks := store.n.Load(); looks != 100 {
			t.Errorf("looks in 10 s = %d, want 100 whatever the number of followers", looks)
		}
		for i, following := range all {
			if i == 99 {
				store.n.Store(0)
				time.Sleep(time.Second)
				if looks := store.n.Load(); looks != 10 {
					t.Errorf("looks in the second of the last follower = %d, want 10", looks)
				}
			}
			following.Close()
		}
		store.n.Store(0)
		time.Sleep(10 * time.Second)
		if looks := store.n.Load(); looks != 0 {
			t.Errorf("looks after everybody has left = %d, want none", looks)
		}
	})
}

// Many jobs that are followed cost no more than so many looks together.
func TestManyFollowedJobsAreLookedAtMoreSeldom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture()
		store := &lookedAt{Store: f.store}
		f.deps.Store = store
		e := f.engine(t, engine.Config{MaxOpenJobs: 1_000})
		jobs := register(t, e, edits(f))
		for i := range 500 {
			defer follow(t, e, submit(t, jobs, user("a"), engine.Request[plan, int]{Items: []int{i}}).ID()).Close()
		}
		time.Sleep(time.Second) // the first were alone at first
		store.n.Store(0)
		time.Sleep(10 * time.Second)
		if looks := store.n.Load(); looks < 9_000 || looks > 10_500 {
			t.Errorf("looks in 10 s = %d, want 1,000 a second", looks)
		}
	})
}

// A job whose chunks end faster than anybody reads is told of ten times a
// second; who is slower than that gets the newest; its end waits for nobody.
func TestFollowersAreSparedAndSlowOnesGetTheNewest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture()
		f.deps.Store = paced{f.store, time.Millisecond}
		e := f.engine(t, engine.Config{ChunkSize: 1, Workers: 1})
		jobs := register(t, e, edits(f))
		job := submit(t, jobs, user("a"), engine.Request[plan, int]{Items: inOrder(1_050)})
		quick, slow := follow(t, e, job.ID()), follow(t, e, job.ID())
		defer quick.Close()
		defer slow.Close()
		defer start(t, e)()
		began, told := time.Now(), 0
		go func() {
			time.Sleep(500*time.Millisecond + time.Microsecond)
			if got := next(t, slow).Report().Ended(); got < 390 || got > 500 {
				t.Errorf("the slow follower saw %d ended after 500 ms, want the newest", got)
			}
		}()
		for {
			job, err := quick.Next(t.Context())
			if errors.Is(err, io.EOF) {
				break
			}
			if told++; job.State().Ended() && time.Since(began) > 1_050*time.Millisecond {
				t.Errorf("the end was seen after %v, want at once", time.Since(began))
			}
		}
		if told < 10 || told > 14 {
			t.Errorf("told %d times in 1,050 ms, want about 10 times a second", told)
		}
	})
}

// gone is a store whose jobs cannot be read for some reason.
type gone struct {
	ports.Store
	why atomic.Pointer[error]
}

func (g *gone) down(why error) { g.why.Store(&why) }

func (g *gone) FindJob(ctx context.Context, ref domain.JobRef) (*domain.BatchJob, error) {
	if why := g.why.Load(); why != nil && *why != nil {
		return nil, *why
	}
	return g.Store.FindJob(ctx, ref)
}

// A store that does not answer is waited for, and a job that is not kept any
// more ends the following.
func TestFollowersOutliveFaultsButNotTheJob(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture()
		store := &gone{Store: f.store}
		f.deps.Store = store
		e := f.engine(t, engine.Config{})
		job := submit(t, register(t, e, edits(f)), user("a"), engine.Request[plan, int]{Items: inOrder(1)})
		following := follow(t, e, job.ID())
		defer following.Close()
		next(t, following)
		store.down(domain.Unavailable(errors.New("no route")))
		if late, err := e.Follow(t.Context(), user("a"), job.ID()); !errors.Is(err, domain.CodeUnavailable) {
			t.Errorf("Follow() without a store = %v, %v; want %s", late, err, domain.CodeUnavailable)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if got, err := following.Next(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Next() without a store = %v, %v; want it to wait", got, err)
		}
		store.down(nil)
		if _, err := e.Cancel(t.Context(), user("a"), job.ID()); err != nil {
			t.Fatal(err)
		}
		if got := next(t, following); got.State() != domain.JobCancelled {
			t.Errorf("Next() = %s, want cancelled", got.State())
		}
	})
}

func TestFollowingAJobThatIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture()
		store := &gone{Store: f.store}
		f.deps.Store = store
		e := f.engine(t, engine.Config{})
		job := submit(t, register(t, e, edits(f)), user("a"), engine.Request[plan, int]{Items: inOrder(1)})
		following := follow(t, e, job.ID())
		defer following.Close()
		next(t, following)
		store.down(domain.CodeNotFound)
		if got, err := following.Next(t.Context()); !errors.Is(err, domain.CodeNotFound) {
			t.Errorf("Next() of a job that was purged = %v, %v; want %s", got, err, domain.CodeNotFound)
		}
		if got, err := e.Follow(t.Context(), user("a"), job.ID()); !errors.Is(err, domain.CodeNotFound) {
			t.Errorf("Follow() of it = %v, %v; want %s", got, err, domain.CodeNotFound)
		}
		store.down(nil) // back, as from a backup
		again := follow(t, e, job.ID())
		defer again.Close()
		next(t, again)
		if _, err := e.Follow(t.Context(), user("b"), job.ID()); !errors.Is(err, domain.CodeNotFound) {
			t.Errorf("Follow() by another tenant = %v, want %s", err, domain.CodeNotFound)
		}
	})
}

// Followers come and go at once from many goroutines while the job goes on.
func TestFollowersComeAndGo(t *testing.T) {
	t.Parallel()
	f := newFixture()
	e := f.engine(t, engine.Config{ChunkSize: 1})
	jobs := register(t, e, edits(f))
	job := submit(t, jobs, user("a"), engine.Request[plan, int]{Items: inOrder(200)})
	results := make(chan []int64, 50)
	for range cap(results) {
		go func() {
			var versions []int64
			defer func() { results <- versions }()
			for over := false; !over; {
				following, err := e.Follow(t.Context(), user("a"), job.ID())
				if err != nil {
					t.Errorf("Follow() = %v, want nil", err)
					return
				}
				for range 3 {
					job, err := following.Next(t.Context())
					if err != nil {
						over = errors.Is(err, io.EOF)
						break
					}
					versions = append(versions, job.Version())
				}
				following.Close()
			}
		}()
	}
	defer start(t, e)()
	for range cap(results) {
		if versions := <-results; len(versions) == 0 || !slices.IsSorted(versions) {
			t.Errorf("versions seen = %v, want some that never fall", versions)
		}
	}
}

package portstest

import (
	"context"
	"maps"
	"testing"
	"time"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

// BacklogStore is a store that says what waits in it.
type BacklogStore interface {
	ports.Store
	ports.BacklogReader
}

// Backlog runs the contract of [ports.BacklogReader]. Each subtest calls open
// for an empty store.
func Backlog(t *testing.T, open func(*testing.T) BacklogStore) {
	t.Run("an empty store", func(t *testing.T) {
		f := newBacklogFixture(t, open)
		f.wants(ports.Backlog{})
	})

	t.Run("open jobs by state, of all tenants", func(t *testing.T) {
		f := newBacklogFixture(t, open)
		f.claimOf(wants(), f.addPlanned([]int{1}, submittedAgo(5*time.Hour)), 0)
		f.end(f.addPlanned([]int{1, 1}, submittedAgo(9*time.Hour)).Ref())
		f.addPlanned([]int{1}, submittedAgo(time.Hour))
		f.addJob(toPlan, submittedAgo(2*time.Hour))
		f.addJob(toPlan, ofTenant("zeta"), submittedAgo(3*time.Hour))
		f.addJob(toPlan, submittedAgo(-time.Hour)) // by a clock that is ahead
		f.wants(ports.Backlog{
			Jobs: map[domain.JobState]ports.OpenJobs{
				domain.JobQueued:  {Count: 4, Oldest: 3 * time.Hour},
				domain.JobRunning: {Count: 1, Oldest: 5 * time.Hour},
			},
			Ready: 4, ReadySince: 3 * time.Hour, Held: 1,
		})
	})

	t.Run("ready is what could be claimed right now", func(t *testing.T) {
		f := newBacklogFixture(t, open)
		job := f.addPlanned([]int{1, 1, 1, 1}, submittedAgo(time.Hour), onResource("estates"))
		next := f.addPlanned([]int{1, 1}, submittedAgo(time.Minute), onResource("estates")) // waits for its turn
		running := func(state domain.JobState, n int, oldest time.Duration) map[domain.JobState]ports.OpenJobs {
			jobs := map[domain.JobState]ports.OpenJobs{domain.JobQueued: {Count: 1, Oldest: time.Minute}}
			if state == domain.JobQueued {
				n, oldest = n+1, max(oldest, time.Minute)
			}
			jobs[state] = ports.OpenJobs{Count: n, Oldest: oldest}
			return jobs
		}
		f.wants(ports.Backlog{Jobs: running(domain.JobQueued, 1, time.Hour), Ready: 4, ReadySince: time.Hour})
		f.finish(f.claimOf(wants(), job, 0))
		f.claimOf(wants(), job, 1)
		f.release(f.claimOf(wants(), job, 2), time.Hour) // not before an hour is over
		f.wants(ports.Backlog{Jobs: running(domain.JobRunning, 1, time.Hour), Ready: 1, ReadySince: time.Hour, Held: 1})
		f.requestCancel(job.Ref())
		f.wants(ports.Backlog{Jobs: running(domain.JobRunning, 1, time.Hour), Held: 1})
		f.end(job.Ref())
		f.claimOf(wants(), next, 0)
		f.wants(ports.Backlog{
			Jobs:  map[domain.JobState]ports.OpenJobs{domain.JobRunning: {Count: 1, Oldest: time.Minute}},
			Ready: 1, ReadySince: time.Minute, Held: 2, // the ended job's lease is still to be swept
		})
	})

	t.Run("suspects", func(t *testing.T) {
		f := newBacklogFixture(t, open)
		f.suspect(f.claimOf(wants(), f.addPlanned([]int{3}, submittedAgo(time.Hour)), 0))
		f.suspectJob(f.addJob(toPlan, ofKind("other"), submittedAgo(2*time.Hour)))
		f.addPlanned([]int{1}, submittedAgo(0))
		f.wants(ports.Backlog{
			Jobs: map[domain.JobState]ports.OpenJobs{
				domain.JobQueued:   {Count: 1},
				domain.JobPlanning: {Count: 1, Oldest: 2 * time.Hour},
				domain.JobRunning:  {Count: 1, Oldest: time.Hour},
			},
			Ready: 5, ReadySince: 2 * time.Hour, Suspect: 4,
		})
	})

	t.Run("jobs themselves are held too", func(t *testing.T) {
		f := newBacklogFixture(t, open)
		f.claimOf(wants(), f.addJob(doneWhole, submittedAgo(time.Hour)), -1)
		f.wants(ports.Backlog{Jobs: map[domain.JobState]ports.OpenJobs{domain.JobRunning: {Count: 1, Oldest: time.Hour}}, Held: 1})
	})

	t.Run("events that the stream does not have", func(t *testing.T) {
		f := newBacklogFixture(t, open)
		events := suiteEvents(1, 4)
		for i := range events {
			events[i].Time = time.Now().Add(-time.Duration(4-i) * time.Hour)
		}
		f.addEvents(events...)
		f.wants(ports.Backlog{Events: 4, EventsSince: 4 * time.Hour})
		f.markPublished(events[:1], positionsIn("s", 1, 1))
		f.wants(ports.Backlog{Events: 3, EventsSince: 3 * time.Hour})
		f.markPublished(events[1:], positionsIn("s", 2, 3))
		f.wants(ports.Backlog{})
		ahead := suiteEvents(9, 1)
		ahead[0].Time = time.Now().Add(time.Hour)
		f.addEvents(ahead...)
		f.wants(ports.Backlog{Events: 1})
	})

	t.Run("an ended context", func(t *testing.T) {
		f := newBacklogFixture(t, open)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := f.reader.Backlog(ctx); err == nil {
			t.Error("Backlog(ended context) = no error, want one")
		}
	})
}

// submittedAgo makes a job that was submitted so long ago.
func submittedAgo(d time.Duration) func(*domain.JobSpec) {
	return func(s *domain.JobSpec) { s.SubmittedAt = time.Now().Add(-d) }
}

type backlogFixture struct {
	*storeFixture
	reader ports.BacklogReader
}

func newBacklogFixture(t *testing.T, open func(*testing.T) BacklogStore) *backlogFixture {
	t.Helper()
	t.Parallel()
	f := &backlogFixture{}
	f.storeFixture = newStoreFixture(t, func(t *testing.T) ports.Store {
		store := open(t)
		f.reader = store
		return store
	})
	return f
}

// wants fails unless so much waits. Ages may be greater by what a subtest takes.
func (f *backlogFixture) wants(want ports.Backlog) {
	f.t.Helper()
	got, err := f.reader.Backlog(f.t.Context())
	if err != nil {
		f.t.Fatalf("Backlog() = %v, want no error", err)
	}
	aged := func(got, want time.Duration) bool { return got >= want-clockGrain && got < want+storePatience }
	same := maps.EqualFunc(got.Jobs, want.Jobs, func(g, w ports.OpenJobs) bool {
		return g.Count == w.Count && aged(g.Oldest, w.Oldest)
	})
	if !same || got.Ready != want.Ready || got.Suspect != want.Suspect || got.Held != want.Held || got.Events != want.Events ||
		!aged(got.ReadySince, want.ReadySince) || !aged(got.EventsSince, want.EventsSince) {
		f.t.Errorf("Backlog() = %+v, want %+v", got, want)
	}
}

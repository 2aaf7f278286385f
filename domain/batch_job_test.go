package domain_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/batchport/batchport/domain"
)

var now = time.Date(2026, 11, 22, 2, 0, 0, 123_456_789, time.FixedZone("CST", 8*3600))

func spec() domain.JobSpec {
	return domain.JobSpec{ID: "6552e15d743264.42384055", Tenant: "acme", User: "7", Kind: "edit", Items: 3, SubmittedAt: now}
}

func newJob(t *testing.T, change func(*domain.JobSpec)) *domain.BatchJob {
	t.Helper()
	s := spec()
	if change != nil {
		change(&s)
	}
	job, err := domain.NewJob(s)
	require.NoError(t, err)
	return job
}

func all(expected int) func(*domain.JobSpec) {
	return func(s *domain.JobSpec) {
		s.Items, s.Selection = 0, domain.Selection{All: true, Expected: &expected}
	}
}

func whole(s *domain.JobSpec) { s.Whole = true }

func TestAJobNeedsWhatItIsMadeOf(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*domain.JobSpec){
		"id":     func(s *domain.JobSpec) { s.ID = "" },
		"tenant": func(s *domain.JobSpec) { s.Tenant = "" },
		"user":   func(s *domain.JobSpec) { s.User = "" },
		"kind":   func(s *domain.JobSpec) { s.Kind = "" },
		"items":  func(s *domain.JobSpec) { s.Items = 0 },
	} {
		s := spec()
		change(&s)
		_, err := domain.NewJob(s)
		require.ErrorIs(t, err, domain.CodeRequired, name)
		assert.Equal(t, name, domain.FailureOf(err).Field)
	}
}

// A job whose items were named: queued, running with its first chunk,
// completed when every item has an outcome.
func TestNamedItems(t *testing.T) {
	t.Parallel()
	job := newJob(t, nil)
	assert.False(t, job.NeedsWorker())
	require.NoError(t, job.Start(now))
	require.NoError(t, job.Record(domain.Report{Updated: 1, Failed: 1}))
	assert.Equal(t, 66, job.Percent())
	require.ErrorIs(t, job.Complete(now), domain.CodeConflict, "with an item pending")
	require.NoError(t, job.Record(domain.Report{Unchanged: 1}))
	assert.Equal(t, 99, job.Percent(), "100 is for jobs that have ended")
	require.NoError(t, job.Complete(now))
	assert.Equal(t, domain.JobCompleted, job.State())
	assert.Equal(t, 100, job.Percent())
	assert.Equal(t, domain.Report{Total: 3, Updated: 1, Unchanged: 1, Failed: 1}, job.Report())
	assert.Equal(t, now.UTC().Truncate(time.Microsecond), job.Snapshot().EndedAt)
	require.ErrorIs(t, job.Record(domain.Report{Updated: 1}), domain.CodeClaimLost, "after the end")
}

// Two outcomes for one item are a broken invariant, never a silent count.
func TestMoreOutcomesThanItemsPanic(t *testing.T) {
	t.Parallel()
	job := newJob(t, nil)
	require.NoError(t, job.Start(now))
	assert.Panics(t, func() { _ = job.Record(domain.Report{Updated: 4}) })
}

// A planner that was replaced can publish nothing.
func TestASupersededPlanner(t *testing.T) {
	t.Parallel()
	job := newJob(t, all(5))
	require.NoError(t, job.Take(now))
	first := job.Snapshot().Epoch
	require.NoError(t, job.HeldBy(first))
	require.NoError(t, job.Take(now.Add(time.Minute)))
	require.ErrorIs(t, job.HeldBy(first), domain.CodeClaimLost)
	require.NoError(t, job.HeldBy(first+1))
	require.NoError(t, job.Planned(5))
	assert.Equal(t, domain.JobRunning, job.State())
	require.ErrorIs(t, job.HeldBy(first+1), domain.CodeClaimLost, "a planned job has no planner")
	require.ErrorIs(t, job.Planned(5), domain.CodeClaimLost)
}

func TestTheCallerSawAnotherTotal(t *testing.T) {
	t.Parallel()
	job := newJob(t, all(5))
	require.NoError(t, job.Take(now))
	err := job.Planned(6)
	require.ErrorIs(t, err, domain.CodeTotalMismatch)
	assert.Equal(t, map[string]string{"expected": "5", "found": "6"}, domain.FailureOf(err).Params)
	job.FailWith(domain.FailureOf(err), now)
	assert.Equal(t, domain.JobFailed, job.State())
	assert.Equal(t, domain.CodeTotalMismatch, job.Cause().Code)
}

func TestCancel(t *testing.T) {
	t.Parallel()
	job := newJob(t, nil)
	require.NoError(t, job.Start(now))
	require.NoError(t, job.Record(domain.Report{Updated: 1}))
	require.NoError(t, job.RequestCancel())
	require.NoError(t, job.Record(domain.Report{Updated: 1}), "what is in work is finished")
	job.Cancel(now)
	assert.Equal(t, domain.JobCancelled, job.State())
	assert.Equal(t, domain.Report{Total: 3, Updated: 2, Cancelled: 1}, job.Report())
	require.ErrorIs(t, job.RequestCancel(), domain.CodeConflict)
	job.FailWith(domain.Failure{Code: domain.CodeInternal}, now)
	assert.Equal(t, domain.JobCancelled, job.State(), "an end is an end")
}

func TestAFailedJobSkipsTheRest(t *testing.T) {
	t.Parallel()
	job := newJob(t, nil)
	job.FailWith(domain.Failure{Code: domain.CodeForbidden}, now)
	assert.Equal(t, domain.Report{Total: 3, Skipped: 3}, job.Report())
}

// A whole job's progress is what any of its workers has passed.
func TestProgressNeverFalls(t *testing.T) {
	t.Parallel()
	job := newJob(t, whole)
	require.NoError(t, job.Take(now))
	job.Pass(2, 3)
	assert.Equal(t, 66, job.Percent())
	require.NoError(t, job.Take(now))
	job.Pass(1, 3)
	assert.Equal(t, 66, job.Percent(), "a second worker starts over")
	job.Finishing()
	require.NoError(t, job.RecordWhole(domain.Report{Total: 3, Exported: 2, Failed: 1}))
	job.Attach(domain.JobFile{ID: "f", Name: "物件.xlsx", Size: 7})
	require.NoError(t, job.Complete(now))
	assert.Equal(t, "物件.xlsx", job.File().Name)
}

func TestEventsAreCounted(t *testing.T) {
	t.Parallel()
	job := newJob(t, nil)
	first, second := job.NextEvent("submitted", []byte("{}"), now), job.NextEvent("completed", nil, now)
	assert.Equal(t, "6552e15d743264.42384055-1", first.ID)
	assert.Equal(t, int64(2), second.Sequence)
	assert.Equal(t, "job.edit.completed", second.Topic)
	assert.Equal(t, "6552e15d743264.42384055", second.Subject)
	assert.Equal(t, int64(2), job.Snapshot().Sequence)
}

func TestASnapshotIsTheJob(t *testing.T) {
	t.Parallel()
	job := newJob(t, all(5))
	require.NoError(t, job.Take(now))
	loaded, err := domain.LoadJob(job.Snapshot())
	require.NoError(t, err)
	assert.Equal(t, job, loaded)
	_, err = domain.LoadJob(domain.JobSnapshot{})
	require.Error(t, err)
	broken := job.Snapshot()
	broken.Report.Failed = 1
	_, err = domain.LoadJob(broken)
	require.Error(t, err, "more outcomes than items")
}

func TestWhoNeedsAWorker(t *testing.T) {
	t.Parallel()
	named, selected, export := newJob(t, nil), newJob(t, all(1)), newJob(t, whole)
	assert.False(t, named.NeedsWorker())
	assert.True(t, selected.NeedsWorker())
	assert.True(t, export.NeedsWorker())
	require.ErrorIs(t, named.Take(now), domain.CodeConflict)
	require.ErrorIs(t, selected.Start(now), domain.CodeConflict, "its items are not planned")
	require.NoError(t, export.RequestCancel())
	require.ErrorIs(t, export.Take(now), domain.CodeConflict, "it is being stopped")
}

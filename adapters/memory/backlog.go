package memory

import (
	"context"
	"time"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

var _ ports.BacklogReader = (*Store)(nil)

// Backlog implements [ports.BacklogReader].
func (s *Store) Backlog(ctx context.Context) (b ports.Backlog, err error) {
	err = s.do(ctx, func(s *Store, _ *tx) error {
		clock := s.clock()
		b = ports.Backlog{Jobs: map[domain.JobState]ports.OpenJobs{}}
		for id := range s.open {
			job := s.jobs[id].snapshot
			open := b.Jobs[job.State]
			b.Jobs[job.State] = ports.OpenJobs{Count: open.Count + 1, Oldest: max(open.Oldest, clock.Sub(job.SubmittedAt))}
		}
		for id := range s.jobs {
			b.Held += s.leases(id)
		}
		for _, row := range s.runnable() {
			ready, suspect, err := s.readyPieces(row, clock)
			if err != nil {
				return err
			}
			if ready > 0 {
				b.Ready, b.Suspect = b.Ready+ready, b.Suspect+suspect
				b.ReadySince = max(b.ReadySince, clock.Sub(row.snapshot.SubmittedAt))
			}
		}
		b.Events, b.EventsSince = s.unpublished(clock)
		return nil
	})
	return b, err
}

// readyPieces counts what could be claimed of a job that may run, and of that
// the suspects.
func (s *Store) readyPieces(row jobRow, clock time.Time) (ready, suspect int, err error) {
	count := func(l lease, isSuspect bool) {
		if claimable(l, clock) {
			ready++
			if isSuspect {
				suspect++
			}
		}
	}
	job, err := domain.LoadJob(row.snapshot)
	if err != nil {
		return 0, 0, err
	}
	if job.NeedsWorker() {
		count(row.lease, row.snapshot.Suspect)
		return ready, suspect, nil
	}
	for _, c := range s.chunks[job.ID()] {
		if !c.done {
			count(c.lease, c.suspect)
		}
	}
	return ready, suspect, nil
}

// unpublished counts the events that are to be published, and says how old the
// first that was added is.
func (s *Store) unpublished(clock time.Time) (events int, since time.Duration) {
	first := outboxRow{}
	for _, row := range s.outbox {
		if row.published {
			continue
		}
		if events++; events == 1 || row.added < first.added {
			first = row
		}
	}
	if events > 0 {
		since = max(0, clock.Sub(first.event.Time))
	}
	return events, since
}

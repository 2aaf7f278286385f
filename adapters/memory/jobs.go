package memory

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

// jobRow is a job and the lease on it. A lease is held while until is set.
type jobRow struct {
	submission int64
	snapshot   domain.JobSnapshot
	lease      lease
	bare       bool // its items were purged
}

// lease is a hold on a piece of work, and when it may next be held.
type lease struct {
	held     bool
	until    time.Time
	notUntil time.Time
}

func copySnapshot(s domain.JobSnapshot) domain.JobSnapshot {
	s.Payload = slices.Clone(s.Payload)
	if s.Cause != nil {
		cause := copyFailure(*s.Cause)
		s.Cause = &cause
	}
	if s.File != nil {
		file := *s.File
		s.File = &file
	}
	if s.Selection.Expected != nil {
		expected := *s.Selection.Expected
		s.Selection.Expected = &expected
	}
	return s
}

// AddJob implements [ports.Jobs].
func (s *Store) AddJob(ctx context.Context, job *domain.BatchJob) error {
	return s.do(ctx, func(s *Store, t *tx) error {
		if _, taken := s.jobs[job.ID()]; taken {
			return domain.Fail(domain.NewFailure(domain.CodeConflict, "id", string(job.ID())))
		}
		assign(t, &s.submissions, s.submissions+1)
		s.putJob(t, jobRow{submission: s.submissions, snapshot: copySnapshot(job.Snapshot())})
		return nil
	})
}

// FindJob implements [ports.Jobs].
func (s *Store) FindJob(ctx context.Context, ref domain.JobRef) (job *domain.BatchJob, err error) {
	err = s.do(ctx, func(s *Store, _ *tx) error {
		row, err := s.job(ref)
		if err != nil {
			return err
		}
		job, err = domain.LoadJob(copySnapshot(row.snapshot))
		return err
	})
	return job, err
}

// LockJob implements [ports.Jobs].
func (s *Store) LockJob(ctx context.Context, ref domain.JobRef) (*domain.BatchJob, error) {
	if ctx.Value(txKey{s}) == nil {
		return nil, errNoTx
	}
	return s.FindJob(ctx, ref)
}

// SaveJob implements [ports.Jobs].
func (s *Store) SaveJob(ctx context.Context, job *domain.BatchJob) error {
	return s.do(ctx, func(s *Store, t *tx) error {
		row, err := s.job(job.Ref())
		if err != nil {
			return err
		}
		payload, purged := row.snapshot.Payload, row.snapshot.ItemsPurged
		row.snapshot = copySnapshot(job.Snapshot())
		row.snapshot.Payload, row.snapshot.ItemsPurged = payload, purged
		if !job.NeedsWorker() {
			row.lease = lease{}
		}
		s.putJob(t, row)
		return nil
	})
}

// SavePayload implements [ports.Jobs].
func (s *Store) SavePayload(ctx context.Context, job *domain.BatchJob) error {
	return s.do(ctx, func(s *Store, t *tx) error {
		row, err := s.job(job.Ref())
		if err != nil {
			return err
		}
		row.snapshot.Payload = slices.Clone(job.Payload())
		s.putJob(t, row)
		return nil
	})
}

// ListJobs implements [ports.Jobs].
func (s *Store) ListJobs(ctx context.Context, tenant domain.TenantID, filter ports.JobFilter) (jobs []*domain.BatchJob, err error) {
	err = s.do(ctx, func(s *Store, _ *tx) error {
		for _, id := range slices.Backward(sortedKeys(s.jobs)) {
			if len(jobs) >= filter.Limit {
				break
			}
			snapshot := s.jobs[id].snapshot
			job, err := domain.LoadJob(copySnapshot(snapshot))
			if err != nil {
				return err
			}
			if snapshot.Tenant == tenant && wanted(job, filter) {
				jobs = append(jobs, job)
			}
		}
		return nil
	})
	return jobs, err
}

func wanted(job *domain.BatchJob, f ports.JobFilter) bool {
	return (len(f.Kinds) == 0 || slices.Contains(f.Kinds, job.Kind())) &&
		(len(f.States) == 0 || slices.Contains(f.States, job.State())) &&
		(len(f.Results) == 0 || slices.Contains(f.Results, job.Result())) &&
		(f.User == "" || job.User() == f.User) &&
		(f.SubmittedFrom.IsZero() || !job.SubmittedAt().Before(f.SubmittedFrom)) &&
		(f.SubmittedBefore.IsZero() || job.SubmittedAt().Before(f.SubmittedBefore)) &&
		(f.Before == "" || job.ID() < f.Before)
}

// CountOpenJobs implements [ports.Jobs].
func (s *Store) CountOpenJobs(ctx context.Context, tenant domain.TenantID, most int) (n int, err error) {
	if ctx.Value(txKey{s}) == nil {
		return 0, errNoTx
	}
	err = s.do(ctx, func(s *Store, _ *tx) error {
		for id := range s.open {
			if s.jobs[id].snapshot.Tenant == tenant && n < most {
				n++
			}
		}
		return nil
	})
	return n, err
}

func (s *Store) job(ref domain.JobRef) (jobRow, error) {
	row, found := s.jobs[ref.ID]
	if !found || row.snapshot.Tenant != ref.Tenant {
		return jobRow{}, domain.Fail(domain.NewFailure(domain.CodeNotFound, "batch_code", string(ref.ID)))
	}
	return row, nil
}

func (s *Store) putJob(t *tx, row jobRow) {
	put(t, s.jobs, row.snapshot.ID, row)
	if row.snapshot.State.Ended() {
		drop(t, s.open, row.snapshot.ID)
	} else {
		put(t, s.open, row.snapshot.ID, struct{}{})
	}
}

// EachJob calls visit with every job of every tenant, in the order of
// submission, until it returns an error.
func (s *Store) EachJob(ctx context.Context, visit func(*domain.BatchJob) error) error {
	var jobs []jobRow
	err := s.do(ctx, func(s *Store, _ *tx) error {
		jobs = slices.Collect(maps.Values(s.jobs))
		return nil
	})
	if err != nil {
		return err
	}
	slices.SortFunc(jobs, func(a, b jobRow) int { return cmp.Compare(a.submission, b.submission) })
	for _, row := range jobs {
		job, err := domain.LoadJob(copySnapshot(row.snapshot))
		if err != nil {
			return err
		}
		if err := visit(job); err != nil {
			return err
		}
	}
	return nil
}

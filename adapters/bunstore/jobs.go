package bunstore

import (
	"context"
	"database/sql"
	"strings"

	"github.com/uptrace/bun"

	"github.com/batchport/batchport/domain"
)

// AddJob implements [github.com/batchport/batchport/ports.Jobs].
func (s *Store) AddJob(ctx context.Context, job *domain.BatchJob) error {
	life, err := jobLifeArgs(job)
	if err != nil {
		return err
	}
	args := append(jobSpecArgs(job.Snapshot()), life...)
	added, err := s.exec(ctx,
		"INSERT INTO {p}jobs ("+jobColumns+") VALUES ("+placeholders(len(args))+") ON CONFLICT (id) DO NOTHING", args...)
	if err == nil && added == 0 {
		return domain.Fail(domain.NewFailure(domain.CodeConflict, "id", string(job.ID())))
	}
	return err
}

// FindJob implements [github.com/batchport/batchport/ports.Jobs].
func (s *Store) FindJob(ctx context.Context, ref domain.JobRef) (*domain.BatchJob, error) {
	return s.findJob(ctx, s.reader(ctx), ref)
}

// LockJob implements [github.com/batchport/batchport/ports.Jobs]. On SQLite
// the transaction has the write lock since it began.
func (s *Store) LockJob(ctx context.Context, ref domain.JobRef) (*domain.BatchJob, error) {
	if s.scope(ctx) == nil {
		return nil, misuse("LockJob outside of a transaction")
	}
	if err := s.writable(ctx); err != nil {
		return nil, err
	}
	return s.findJob(ctx, s.idb(ctx), ref)
}

func (s *Store) findJob(ctx context.Context, db bun.IDB, ref domain.JobRef) (job *domain.BatchJob, err error) {
	err = s.query(ctx, db, func(rows *sql.Rows) error {
		job, err = scanJob(rows)
		return err
	}, "SELECT "+jobColumns+" FROM {p}jobs WHERE tenant = ? AND id = ?", string(ref.Tenant), string(ref.ID))
	if err == nil && job == nil {
		err = domain.CodeNotFound
	}
	return job, err
}

// SaveJob implements [github.com/batchport/batchport/ports.Jobs]. What the
// job was submitted as is not written again: it never changes.
func (s *Store) SaveJob(ctx context.Context, job *domain.BatchJob) error {
	args, err := jobLifeArgs(job)
	if err != nil {
		return err
	}
	sets := jobLifeSets
	if !job.NeedsWorker() {
		sets += ", lease_until = 0"
	}
	ref := job.Ref()
	saved, err := s.exec(ctx, "UPDATE {p}jobs SET "+sets+" WHERE tenant = ? AND id = ?",
		append(args, string(ref.Tenant), string(ref.ID))...)
	if err == nil && saved == 0 {
		return domain.CodeNotFound
	}
	return err
}

// SavePayload implements [github.com/batchport/batchport/ports.Jobs].
func (s *Store) SavePayload(ctx context.Context, job *domain.BatchJob) error {
	ref := job.Ref()
	saved, err := s.exec(ctx, "UPDATE {p}jobs SET payload = ? WHERE tenant = ? AND id = ?",
		text(job.Payload()), string(ref.Tenant), string(ref.ID))
	if err == nil && saved == 0 {
		return domain.CodeNotFound
	}
	return err
}

// placeholders returns n question marks in a list.
func placeholders(n int) string {
	return strings.TrimSuffix(strings.Repeat("?, ", n), ", ")
}

package bunstore

import (
	"context"
	"database/sql"
	"strings"

	"github.com/batchport/batchport/domain"
)

// AddJob implements [github.com/batchport/batchport/ports.Jobs].
func (s *Store) AddJob(ctx context.Context, job *domain.BatchJob) error {
	life, err := jobLifeArgs(job)
	if err != nil {
		return err
	}
	args := append(jobSpecArgs(job.Snapshot()), life...)
	insert := func(ctx context.Context) error {
		added, err := s.exec(ctx,
			"INSERT INTO {p}jobs ("+jobColumns+") VALUES ("+placeholders(len(args))+") ON CONFLICT (id) DO NOTHING", args...)
		if err == nil && added == 0 {
			return domain.Fail(domain.NewFailure(domain.CodeConflict, "id", string(job.ID())))
		}
		return err
	}
	ref, resource := job.Ref(), job.Snapshot().Resource
	if s.dialect.oneWriter || resource == "" {
		return insert(ctx)
	}
	// Jobs on one resource run in the order of their numbers. So a number must
	// not be given while another transaction has a lower one that nobody sees
	// yet: its job would come before one that is running already.
	return s.inTx(ctx, func(ctx context.Context) error {
		if err := s.takeTurn(ctx, "{p}jobs", string(ref.Tenant)+" "+resource); err != nil {
			return err
		}
		return insert(ctx)
	})
}

// CountOpenJobs implements [github.com/batchport/batchport/ports.Jobs].
func (s *Store) CountOpenJobs(ctx context.Context, tenant domain.TenantID, most int) (n int, err error) {
	if s.scope(ctx) == nil {
		return 0, misuse("CountOpenJobs outside of a transaction")
	}
	if err := s.writable(ctx); err != nil {
		return 0, err
	}
	count := func() (int, error) {
		return s.count(ctx, "SELECT count(*) FROM (SELECT 1 FROM {p}jobs WHERE ended = 0 AND tenant = ? LIMIT ?) AS counted",
			string(tenant), max(most, 0))
	}
	// Who is far from the number need not wait for others, who add a few.
	if n, err := count(); err != nil || n+addedAtOnce < most {
		return n, err
	}
	if err := s.takeTurn(ctx, "{p}jobs", "open "+string(tenant)); err != nil {
		return 0, err
	}
	return count()
}

// addedAtOnce is more than the jobs of one tenant that are being submitted at
// any moment: each takes a connection.
const addedAtOnce = 200

// takeTurn waits until no other transaction has the turn of this name at the
// table, and has it until the transaction ends. With one writer a transaction
// has every turn. Two names may share a turn, which costs a wait.
func (s *Store) takeTurn(ctx context.Context, table, name string) error {
	if s.dialect.oneWriter {
		return nil
	}
	_, err := s.exec(ctx, "SELECT pg_advisory_xact_lock(CAST(CAST(CAST('"+table+"' AS regclass) AS oid) AS integer), hashtext(?))", name)
	return err
}

// FindJob implements [github.com/batchport/batchport/ports.Jobs].
func (s *Store) FindJob(ctx context.Context, ref domain.JobRef) (*domain.BatchJob, error) {
	job, err := remember(ctx, s, ref, jobTexts, func() (*domain.BatchJob, error) { return s.findJob(ctx, ref, "") })
	if err != nil {
		return nil, err
	}
	return job.Clone(), nil // the caller's own, who may change it
}

// jobTexts is how many bytes the longest text of a job has.
func jobTexts(job *domain.BatchJob) int { return len(job.Payload()) }

// LockJob implements [github.com/batchport/batchport/ports.Jobs]. On SQLite
// the transaction has the write lock since it began, and there is no other.
func (s *Store) LockJob(ctx context.Context, ref domain.JobRef) (*domain.BatchJob, error) {
	if s.scope(ctx) == nil {
		return nil, misuse("LockJob outside of a transaction")
	}
	if err := s.writable(ctx); err != nil {
		return nil, err
	}
	return s.findJob(ctx, ref, " {lock}")
}

func (s *Store) findJob(ctx context.Context, ref domain.JobRef, lock string) (job *domain.BatchJob, err error) {
	err = s.readOften(ctx, func(rows *sql.Rows) error {
		job, err = scanJob(rows)
		return err
	}, "SELECT "+jobAllColumns+" FROM {p}jobs WHERE tenant = ? AND id = ?"+lock, string(ref.Tenant), string(ref.ID))
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

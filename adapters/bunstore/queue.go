package bunstore

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

// mayRun is the condition under which the job j may run: a job that writes a
// resource waits for every earlier open one of its tenant.
const mayRun = `j.ended = 0 AND j.cancel_requested = 0
	AND (j.resource = '' OR NOT EXISTS (
		SELECT 1 FROM {p}jobs AS e
		WHERE e.ended = 0 AND e.tenant = j.tenant AND e.resource = j.resource AND e.seq < j.seq))`

// jobReady is the condition under which the job j itself can be claimed.
const jobReady = `j.needs_worker = 1 AND j.lease_until = 0 AND j.ready_at <= {now}`

// chunkReady is the condition under which the chunk c can be claimed when its
// job may run. Its argument says whether suspects are wanted.
const chunkReady = `c.done = 0 AND c.lease_until = 0 AND c.suspect = ? AND c.ready_at <= {now}`

// jobChunkReady is the condition under which some chunk of the job j can be
// claimed: the job is planned, and not being put in place.
const jobChunkReady = `j.needs_worker = 0 AND EXISTS (
	SELECT 1 FROM {p}chunks AS c WHERE c.tenant = j.tenant AND c.job_id = j.id AND ` + chunkReady + `)`

// lines begins a statement with the first of each line. The open jobs of a
// tenant stand in lines, one for each resource, of which only the first may
// run, and one for all that write none. It goes from line to line in the index
// jobs_open: what waits behind the first costs nothing.
const lines = `
	WITH RECURSIVE line (seq) AS (
		SELECT * FROM (SELECT seq FROM {p}jobs WHERE ended = 0 ORDER BY tenant, resource, seq LIMIT 1) AS start
		UNION ALL
		SELECT coalesce(
			(SELECT n.seq FROM {p}jobs AS n WHERE n.ended = 0 AND n.tenant = h.tenant AND n.resource > h.resource
				ORDER BY n.resource, n.seq LIMIT 1),
			(SELECT n.seq FROM {p}jobs AS n WHERE n.ended = 0 AND n.tenant > h.tenant
				ORDER BY n.tenant, n.resource, n.seq LIMIT 1))
		FROM line JOIN {p}jobs AS h ON h.seq = line.seq),`

// inLine chooses, of the line that h is the first of, the jobs that have
// something to claim. Its arguments are the kinds, whether a job itself is
// wanted, and twice whether suspects are.
const inLine = `SELECT j.seq FROM {p}jobs AS j
			WHERE j.ended = 0 AND j.tenant = h.tenant AND j.resource = h.resource
				AND j.seq <= CASE h.resource WHEN '' THEN 9223372036854775807 ELSE h.seq END
				AND j.cancel_requested = 0 AND j.kind IN (?)
				AND (? = 1 AND ` + jobReady + ` AND j.suspect = ? OR ` + jobChunkReady + `)
			ORDER BY j.seq`

// held is the work that each tenant has in hand.
const held = `
	held (tenant, leases) AS (
		SELECT tenant, count(*) FROM (
			SELECT tenant FROM {p}jobs WHERE lease_until > 0
			UNION ALL
			SELECT tenant FROM {p}chunks WHERE lease_until > 0) AS lease
		GROUP BY tenant)`

// nextJob chooses the job of the next piece of work.
const nextJob = lines + `
	choice (tenant, seq) AS MATERIALIZED (
		SELECT h.tenant, (` + inLine + ` LIMIT 1) FROM line JOIN {p}jobs AS h ON h.seq = line.seq),` + held + `
	SELECT ` + jobAllColumns + ` FROM {p}jobs WHERE seq = (
		SELECT choice.seq FROM choice LEFT JOIN held ON held.tenant = choice.tenant
		WHERE choice.seq IS NOT NULL
		ORDER BY coalesce(held.leases, 0), choice.seq LIMIT 1)`

// nextFreeJob is nextJob where transactions lock rows: it locks the job, and
// passes over those that others have locked. A job that was taken, stopped or
// ended since the statement began is none: the conditions after WHERE are
// looked at again once the row is locked. Its last argument, of the condition
// that is jobReady's, says whether suspects are wanted.
var nextFreeJob = nextLockedJob + " SKIP LOCKED"

// nextLockedJob is nextFreeJob, but waits for who has locked the job that is
// the next.
//
// Of a line whose jobs run side by side several are chosen, so that those who
// claim at once do not all wait for the first: it may have nothing more to do.
//
// The sum in its first condition keeps PostgreSQL from reading every open job
// for it, which it does as long as it has no statistics of the table: a bare
// "ended = 0" is the condition of an index.
var nextLockedJob = lines + `
	choice (tenant, seq) AS MATERIALIZED (
		SELECT h.tenant, c.seq FROM line JOIN {p}jobs AS h ON h.seq = line.seq CROSS JOIN LATERAL (
			` + inLine + ` LIMIT CASE h.resource WHEN '' THEN 16 ELSE 1 END) AS c),` + held + `
	SELECT j.` + strings.ReplaceAll(jobAllColumns, ", ", ", j.") + `
	FROM choice JOIN {p}jobs AS j ON j.seq = choice.seq LEFT JOIN held ON held.tenant = choice.tenant
	WHERE j.ended + 0 = 0 AND j.cancel_requested = 0 AND (j.needs_worker = 0 OR ` + jobReady + ` AND j.suspect = ?)
	ORDER BY coalesce(held.leases, 0), j.seq LIMIT 1 FOR NO KEY UPDATE OF j`

// errTaken says that others have taken all that there was to choose from.
var errTaken = errors.New("bunstore: the ready chunk was gone")

// Claim implements [github.com/batchport/batchport/ports.Queue].
//
// Where transactions lock rows, those that claim at once each choose by what
// was committed when they looked, so that a tenant may get one piece before its
// turn; and a job that another transaction has locked for a moment is passed
// over when there is something else to do.
func (s *Store) Claim(ctx context.Context, request ports.ClaimRequest, now time.Time) (claim ports.Claim, found bool, err error) {
	if len(request.Kinds) == 0 {
		return ports.Claim{}, false, s.writable(ctx)
	}
	for {
		err = s.inTx(ctx, func(ctx context.Context) error {
			claim, found, err = s.claim(ctx, request, now)
			return err
		})
		// Again in another transaction, which lets go of the job: nobody waits
		// for a job with another one locked.
		if !errors.Is(err, errTaken) {
			break
		}
	}
	if err != nil {
		return ports.Claim{}, false, err
	}
	return claim, found, nil
}

// claim takes the next piece of work in the open transaction.
func (s *Store) claim(ctx context.Context, request ports.ClaimRequest, now time.Time) (claim ports.Claim, found bool, err error) {
	job, err := s.chooseJob(ctx, request)
	if err != nil || job == nil {
		return ports.Claim{}, false, err
	}
	if job.NeedsWorker() {
		claim, err = s.claimJob(ctx, job, request, now)
	} else {
		claim, err = s.claimChunk(ctx, job, request, now)
	}
	return claim, true, err
}

// chooseJob returns the job of the next piece of work, locked, or nil.
func (s *Store) chooseJob(ctx context.Context, request ports.ClaimRequest) (job *domain.BatchJob, err error) {
	suspect := flag(request.Suspect)
	statements, args := []string{nextJob}, []any{bun.List(request.Kinds), flag(!request.Chunks), suspect, suspect}
	if !s.dialect.oneWriter {
		statements, args = []string{nextFreeJob, nextLockedJob}, append(args, suspect)
	}
	for _, statement := range statements {
		if err := s.query(ctx, s.idb(ctx), func(rows *sql.Rows) (err error) {
			job, err = scanJob(rows)
			return err
		}, statement, args...); err != nil || job != nil {
			return job, err
		}
	}
	return nil, nil
}

// claimJob takes the job itself.
func (s *Store) claimJob(ctx context.Context, job *domain.BatchJob, request ports.ClaimRequest, now time.Time) (ports.Claim, error) {
	if err := job.Take(now); err != nil {
		return ports.Claim{}, err
	}
	if err := s.SaveJob(ctx, job); err != nil {
		return ports.Claim{}, err
	}
	ref, snapshot := job.Ref(), job.Snapshot()
	_, err := s.exec(ctx, "UPDATE {p}jobs SET worker = ?, lease_until = {now} + ? WHERE tenant = ? AND id = ?",
		request.Worker, request.Lease.Microseconds(), string(ref.Tenant), string(ref.ID))
	return ports.Claim{Job: job, Epoch: snapshot.Epoch, Suspect: snapshot.Suspect, Strikes: snapshot.Strikes}, err
}

// claimChunk takes the first ready chunk of the job.
func (s *Store) claimChunk(ctx context.Context, job *domain.BatchJob, request ports.ClaimRequest, now time.Time) (ports.Claim, error) {
	ref, c := job.Ref(), domain.Chunk{}
	claim := ports.Claim{Job: job}
	err := s.query(ctx, s.idb(ctx), func(rows *sql.Rows) error {
		claim.Chunk = &c
		return rows.Scan(&c.First, &c.Len, &claim.Epoch, &claim.Suspect, &claim.Strikes)
	}, `UPDATE {p}chunks SET epoch = epoch + 1, worker = ?, lease_until = {now} + ?
		WHERE tenant = ? AND job_id = ? AND first = (
			SELECT c.first FROM {p}chunks AS c WHERE c.tenant = ? AND c.job_id = ? AND `+chunkReady+`
			ORDER BY c.first LIMIT 1 {free})
		RETURNING first, len, epoch, suspect, strikes`,
		request.Worker, request.Lease.Microseconds(), string(ref.Tenant), string(ref.ID),
		string(ref.Tenant), string(ref.ID), flag(request.Suspect))
	if err != nil {
		return ports.Claim{}, err
	}
	if claim.Chunk == nil {
		return ports.Claim{}, errTaken
	}
	if job.State() == domain.JobQueued {
		if err := job.Start(now); err != nil {
			return ports.Claim{}, err
		}
		if err := s.SaveJob(ctx, job); err != nil {
			return ports.Claim{}, err
		}
	}
	c.Items, err = s.items(ctx, ref, c.First)
	return claim, err
}

// items reads the items of one chunk.
func (s *Store) items(ctx context.Context, ref domain.JobRef, first int) (items []byte, err error) {
	err = s.query(ctx, s.idb(ctx), func(rows *sql.Rows) error { return rows.Scan(&items) },
		"SELECT items FROM {p}chunk_items WHERE tenant = ? AND job_id = ? AND first = ?",
		string(ref.Tenant), string(ref.ID), first)
	return items, err
}

// Waiting implements [github.com/batchport/batchport/ports.Queue]. The kinds
// come in the order of their names.
func (s *Store) Waiting(ctx context.Context) ([]ports.Waiting, error) {
	var waiting []ports.Waiting
	err := s.query(ctx, s.reader(ctx), func(rows *sql.Rows) error {
		var w ports.Waiting
		if err := rows.Scan(&w.Kind, &w.Suspect); err != nil {
			return err
		}
		waiting = append(waiting, w)
		return nil
	}, `SELECT j.kind, j.suspect FROM {p}jobs AS j WHERE `+mayRun+` AND `+jobReady+`
		UNION SELECT j.kind, 0 FROM {p}jobs AS j WHERE `+mayRun+` AND `+jobChunkReady+`
		UNION SELECT j.kind, 1 FROM {p}jobs AS j WHERE `+mayRun+` AND `+jobChunkReady+`
		ORDER BY 1, 2`, 0, 1)
	return waiting, err
}

// InFlight implements [github.com/batchport/batchport/ports.Queue].
func (s *Store) InFlight(ctx context.Context, ref domain.JobRef) (int, error) {
	tenant, id := string(ref.Tenant), string(ref.ID)
	return s.count(ctx, `SELECT
		(SELECT count(*) FROM {p}jobs WHERE tenant = ? AND id = ? AND lease_until > 0) +
		(SELECT count(*) FROM {p}chunks WHERE tenant = ? AND job_id = ? AND lease_until > 0)`, tenant, id, tenant, id)
}

// Stopped implements [github.com/batchport/batchport/ports.Queue]. The jobs
// come in the order of submission.
func (s *Store) Stopped(ctx context.Context, limit int) ([]domain.JobRef, error) {
	var refs []domain.JobRef
	err := s.query(ctx, s.reader(ctx), func(rows *sql.Rows) error {
		var ref domain.JobRef
		if err := rows.Scan(&ref.Tenant, &ref.ID); err != nil {
			return err
		}
		refs = append(refs, ref)
		return nil
	}, `SELECT j.tenant, j.id FROM {p}jobs AS j
		WHERE j.ended = 0 AND j.cancel_requested = 1 AND j.lease_until = 0
			AND NOT EXISTS (SELECT 1 FROM {p}chunks AS c WHERE c.tenant = j.tenant AND c.job_id = j.id AND c.lease_until > 0)
		ORDER BY j.seq LIMIT ?`, max(limit, 0))
	return refs, err
}

package bunstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

// due is the condition under which something of the job j may be purged that
// has ended before its argument.
const due = `j.ended = 1 AND j.ended_at < ? AND NOT EXISTS (
	SELECT 1 FROM {p}outbox AS o WHERE o.published = 0 AND o.subject = j.id AND o.tenant = j.tenant)`

// What else a job must be of which items, the file, or all that is left is
// purged.
const (
	hasItems = "j.bare = 0"
	hasFile  = "j.file IS NOT NULL"
	isBare   = `j.bare = 1 AND NOT EXISTS (
		SELECT 1 FROM {p}idempotency_keys AS k WHERE k.job_id = j.id AND k.tenant = j.tenant)`
)

// dueJob is a job of which something is purged.
type dueJob struct {
	seq      int64
	ref      domain.JobRef
	state    domain.JobState
	total    int // items, as its report has them
	purgedTo int
	file     []byte
}

// rows returns up to how many rows there are of its items, or false when
// nobody knows: a job that has failed may have been planned in part.
func (j dueJob) rows() (n int, known bool) {
	return j.total + jobCost, j.state == domain.JobCompleted
}

// purge runs fn in a transaction that has locked up to limit jobs that are due
// and meet the condition, those that ended first at the front; or not, when
// there are none. Jobs that others have locked are passed over. fn may be run
// again, as [Store.InTx] says.
func (s *Store) purge(ctx context.Context, condition string, before time.Time, limit int, fn func(ctx context.Context, jobs []dueJob) error) error {
	if err := s.writable(ctx); err != nil {
		return err
	}
	// They are looked for before the transaction, since there may be many
	// that have to wait, and a writer of SQLite keeps all others out.
	found, err := s.dueJobs(ctx, s.reader(ctx), condition+" AND "+due+" ORDER BY j.ended_at, j.seq LIMIT ?", micros(before), max(limit, 0))
	if err != nil || len(found) == 0 {
		return err
	}
	numbers := make([]int64, len(found))
	for i, job := range found {
		numbers[i] = job.seq
	}
	return s.inTx(ctx, func(ctx context.Context) error {
		jobs, err := s.dueJobs(ctx, s.idb(ctx), "j.seq IN (?) AND "+condition+" AND "+due+" ORDER BY j.ended_at, j.seq {free}",
			bun.List(numbers), micros(before))
		if err != nil || len(jobs) == 0 {
			return err
		}
		return fn(ctx, jobs)
	})
}

func (s *Store) dueJobs(ctx context.Context, db bun.IDB, where string, args ...any) (jobs []dueJob, err error) {
	err = s.query(ctx, db, func(rows *sql.Rows) error {
		var job dueJob
		err := rows.Scan(&job.seq, &job.ref.Tenant, &job.ref.ID, &job.state, &job.total, &job.purgedTo, &job.file)
		jobs = append(jobs, job)
		return err
	}, "SELECT j.seq, j.tenant, j.id, j.state, j.total, j.purged_to, j.file FROM {p}jobs AS j WHERE "+where, args...)
	return jobs, err
}

// jobCost is how many rows a job counts for on which something is to be done:
// small ones cost more than what is removed of them.
const jobCost = 10

// PurgeItems implements [github.com/batchport/batchport/ports.Retention].
func (s *Store) PurgeItems(ctx context.Context, before time.Time, limit int) (purged ports.Purged, err error) {
	err = s.purge(ctx, hasItems, before, 1+limit/jobCost, func(ctx context.Context, jobs []dueJob) error {
		small, left := 0, limit
		for ; small < len(jobs); small++ {
			rows, known := jobs[small].rows()
			if !known || rows > left {
				break
			}
			left -= rows
		}
		removed, err := s.purgeSmall(ctx, jobs[:small])
		if err != nil {
			return err
		}
		purged = ports.Purged{Jobs: small, Items: removed}
		for _, job := range jobs[small:] {
			if left <= 0 && purged.Jobs > 0 {
				break
			}
			removed, whole, err := s.purgeItemsOf(ctx, job, left)
			if err != nil {
				return err
			}
			purged.Items += removed
			left -= removed + jobCost
			if !whole {
				break
			}
			purged.Jobs++
		}
		return nil
	})
	if err != nil {
		return ports.Purged{}, err
	}
	return purged, nil
}

// itemTables are the tables of what is purged with the items of a job.
var itemTables = []string{failuresTable, warningsTable, "{p}chunk_items", "{p}chunks"}

// purgeSmall removes all items of jobs, which have few together: with one
// statement for all of a tenant, since one for each job would take far longer
// than what it removes.
func (s *Store) purgeSmall(ctx context.Context, jobs []dueJob) (removed int, err error) {
	if len(jobs) == 0 {
		return 0, nil
	}
	ids, numbers := map[domain.TenantID][]string{}, make([]int64, len(jobs))
	for i, job := range jobs {
		ids[job.ref.Tenant], numbers[i] = append(ids[job.ref.Tenant], string(job.ref.ID)), job.seq
	}
	for _, tenant := range slices.Sorted(maps.Keys(ids)) {
		for _, table := range itemTables {
			n, err := s.exec(ctx, "DELETE FROM "+table+" WHERE tenant = ? AND job_id IN (?)", string(tenant), bun.List(ids[tenant]))
			if err != nil {
				return 0, err
			}
			removed += n
		}
	}
	_, err = s.exec(ctx, "UPDATE {p}jobs SET bare = 1 WHERE seq IN (?)", bun.List(numbers))
	return removed, err
}

// purgeItemsOf removes what there is of the next items of a job: up to limit
// failures, warnings and items each, and one chunk at least. It goes by the
// items' numbers, since PostgreSQL reads over what was removed before when it
// looks for the first row that is there.
func (s *Store) purgeItemsOf(ctx context.Context, job dueJob, limit int) (removed int, whole bool, err error) {
	tenant, id := string(job.ref.Tenant), string(job.ref.ID)
	to, items, err := s.chunksUpTo(ctx, job, limit)
	if err != nil {
		return 0, false, err
	}
	for _, table := range []string{failuresTable, warningsTable} {
		if err := s.query(ctx, s.idb(ctx), func(rows *sql.Rows) error { return rows.Scan(&to) },
			"SELECT position FROM "+table+" WHERE tenant = ? AND job_id = ? AND position >= ? AND position < ? ORDER BY position LIMIT 1 OFFSET ?",
			tenant, id, job.purgedTo, to, max(limit, 1)); err != nil {
			return 0, false, err
		}
	}
	for i, table := range itemTables {
		number := []string{"position", "position", "first", "first"}[i]
		n, err := s.exec(ctx, "DELETE FROM "+table+" WHERE tenant = ? AND job_id = ? AND "+number+" >= ? AND "+number+" < ?", tenant, id, job.purgedTo, to)
		if err != nil {
			return 0, false, err
		}
		removed += n
	}
	whole = to == math.MaxInt64
	_, err = s.exec(ctx, "UPDATE {p}jobs SET purged_to = ?, bare = ? WHERE seq = ?", to, flag(whole), job.seq)
	return max(removed, items), whole, err
}

// chunksUpTo returns where the chunks end, from the first that is there, that
// have up to limit items together, or one chunk; and how many items those are.
// The end of the last one is the greatest number.
func (s *Store) chunksUpTo(ctx context.Context, job dueJob, limit int) (to, items int, err error) {
	to = math.MaxInt64
	err = s.query(ctx, s.idb(ctx), func(rows *sql.Rows) error {
		var first, n int
		if err := rows.Scan(&first, &n); err != nil {
			return err
		}
		switch {
		case to < math.MaxInt64: // beyond the end
		case items > 0 && items+n > limit:
			to = first
		default:
			items += n
		}
		return nil
	}, "SELECT first, len FROM {p}chunks WHERE tenant = ? AND job_id = ? AND first >= ? ORDER BY first LIMIT ?",
		string(job.ref.Tenant), string(job.ref.ID), job.purgedTo, 2+max(limit, 0))
	return to, items, err
}

// PurgeFiles implements [github.com/batchport/batchport/ports.Retention].
func (s *Store) PurgeFiles(ctx context.Context, before time.Time, limit int) (files []ports.JobFileRef, err error) {
	err = s.purge(ctx, hasFile, before, limit, func(ctx context.Context, jobs []dueJob) error {
		files = nil
		numbers := make([]int64, len(jobs))
		for i, job := range jobs {
			var d fileDocument
			if err := json.Unmarshal(job.file, &d); err != nil {
				return fmt.Errorf("decode the file of job %s: %w", job.ref.ID, err)
			}
			numbers[i], files = job.seq, append(files, ports.JobFileRef{Job: job.ref, File: d.ID})
		}
		_, err := s.exec(ctx, "UPDATE {p}jobs SET file = NULL WHERE seq IN (?)", bun.List(numbers))
		return err
	})
	if err != nil {
		return nil, err
	}
	return files, nil
}

// PurgeJobs implements [github.com/batchport/batchport/ports.Retention].
func (s *Store) PurgeJobs(ctx context.Context, before time.Time, limit int) (removed int, err error) {
	err = s.purge(ctx, isBare, before, limit, func(ctx context.Context, jobs []dueJob) error {
		numbers := make([]int64, len(jobs))
		for i, job := range jobs {
			numbers[i] = job.seq
		}
		removed, err = s.exec(ctx, "DELETE FROM {p}jobs WHERE seq IN (?)", bun.List(numbers))
		return err
	})
	if err != nil {
		return 0, err
	}
	return removed, nil
}

// purgeOldest removes up to limit rows of a table with the key that meet the
// condition and are from before the time in the column at, the oldest first.
// Rows that others have locked are passed over.
func (s *Store) purgeOldest(ctx context.Context, table, key, condition, at string, before time.Time, limit int) (int, error) {
	return s.exec(ctx, "DELETE FROM "+table+" WHERE ("+key+") IN (SELECT "+key+" FROM "+table+" WHERE "+condition+at+" < ? ORDER BY "+at+" LIMIT ? {free})",
		micros(before), max(limit, 0))
}

package bunstore

import (
	"context"
	"database/sql"
	"time"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

var _ ports.BacklogReader = (*Store)(nil)

// readyPieces are, of each job that may run, the pieces of work that could be
// claimed right now. Each count is read from an index of open work alone.
const readyPieces = `
	WITH piece (since, innocent, suspect) AS MATERIALIZED (
		SELECT j.submitted_at,
			CASE WHEN ` + jobReady + ` AND j.suspect = 0 THEN 1 ELSE 0 END +
				CASE j.needs_worker WHEN 0 THEN (` + readyChunks + `) ELSE 0 END,
			CASE WHEN ` + jobReady + ` AND j.suspect = 1 THEN 1 ELSE 0 END +
				CASE j.needs_worker WHEN 0 THEN (` + readyChunks + `) ELSE 0 END
		FROM {p}jobs AS j WHERE ` + mayRun + `)
	SELECT CAST(coalesce(sum(innocent), 0) AS BIGINT), CAST(coalesce(sum(suspect), 0) AS BIGINT),
		coalesce(min(CASE WHEN innocent + suspect > 0 THEN since END), 0)
	FROM piece`

const readyChunks = `SELECT count(*) FROM {p}chunks AS c WHERE c.tenant = j.tenant AND c.job_id = j.id AND ` + chunkReady

// Backlog implements [github.com/batchport/batchport/ports.BacklogReader].
// Outside of a transaction it reads where nothing waits for it.
func (s *Store) Backlog(ctx context.Context) (ports.Backlog, error) {
	at, err := s.now(ctx)
	if err != nil {
		return ports.Backlog{}, err
	}
	now := instant(at)
	b := ports.Backlog{Jobs: map[domain.JobState]ports.OpenJobs{}}
	for _, part := range []struct {
		statement string
		args      []any
		scan      func(rows *sql.Rows) error
	}{
		{"SELECT state, count(*), min(submitted_at) FROM {p}jobs WHERE ended = 0 GROUP BY state", nil, func(rows *sql.Rows) error {
			var state domain.JobState
			var open ports.OpenJobs
			var since int64
			if err := rows.Scan(&state, &open.Count, &since); err != nil {
				return err
			}
			open.Oldest = age(now, since)
			b.Jobs[state] = open
			return nil
		}},
		{readyPieces, []any{0, 1}, func(rows *sql.Rows) error {
			var innocent int
			var since int64
			err := rows.Scan(&innocent, &b.Suspect, &since)
			b.Ready, b.ReadySince = innocent+b.Suspect, age(now, since)
			return err
		}},
		{
			"SELECT (SELECT count(*) FROM {p}jobs WHERE lease_until > 0) + (SELECT count(*) FROM {p}chunks WHERE lease_until > 0)", nil,
			func(rows *sql.Rows) error { return rows.Scan(&b.Held) },
		},
		{
			"SELECT count(*) FROM {p}outbox WHERE published = 0", nil,
			func(rows *sql.Rows) error { return rows.Scan(&b.Events) },
		},
		{"SELECT time FROM {p}outbox WHERE published = 0 ORDER BY seq LIMIT 1", nil, func(rows *sql.Rows) error {
			var since int64
			err := rows.Scan(&since)
			b.EventsSince = age(now, since)
			return err
		}},
	} {
		if err := s.query(ctx, s.reader(ctx), part.scan, part.statement, part.args...); err != nil {
			return ports.Backlog{}, err
		}
	}
	return b, nil
}

// age returns how long ago it was at now that the stored time came; 0 for one
// that has not come, and for none.
func age(now time.Time, stored int64) time.Duration {
	if stored == 0 {
		return 0
	}
	return max(0, now.Sub(instant(stored)))
}

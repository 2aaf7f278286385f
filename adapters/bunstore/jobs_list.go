package bunstore

import (
	"context"
	"database/sql"

	"github.com/uptrace/bun"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

// succeededItems is how many items of a job ended as was asked.
const succeededItems = "created + updated + unchanged + deleted + exported"

// resultIs is the condition under which a job has the result
// ([domain.BatchJob.Result]).
var resultIs = map[domain.JobResult]string{
	domain.JobSucceeded:       "state = 'completed' AND failed = 0",
	domain.JobPartiallyFailed: "state = 'completed' AND failed > 0 AND " + succeededItems + " > 0",
	domain.JobNoneSucceeded:   "(state = 'failed' OR state = 'completed' AND failed > 0 AND " + succeededItems + " = 0)",
	domain.JobStopped:         "state = 'cancelled'",
}

// ListJobs implements [github.com/batchport/batchport/ports.Jobs].
func (s *Store) ListJobs(ctx context.Context, tenant domain.TenantID, f ports.JobFilter) ([]*domain.BatchJob, error) {
	statement, args := "SELECT "+jobAllColumns+" FROM {p}jobs WHERE tenant = ?", []any{string(tenant)}
	where := func(condition string, more ...any) {
		statement += " AND " + condition
		args = append(args, more...)
	}
	if len(f.Kinds) > 0 {
		where("kind IN (?)", bun.List(f.Kinds))
	}
	if len(f.States) > 0 {
		where("state IN (?)", bun.List(f.States))
	}
	if len(f.Results) > 0 {
		either := ""
		for _, result := range f.Results {
			if condition, known := resultIs[result]; known {
				either += " OR " + condition
			}
		}
		where("(1 = 0" + either + ")")
	}
	if f.User != "" {
		where("user_id = ?", string(f.User))
	}
	if !f.SubmittedFrom.IsZero() {
		where("submitted_at >= ?", micros(f.SubmittedFrom))
	}
	if !f.SubmittedBefore.IsZero() {
		where("submitted_at < ?", micros(f.SubmittedBefore))
	}
	if f.Before != "" {
		where("id < ?", string(f.Before))
	}
	var jobs []*domain.BatchJob
	err := s.query(ctx, s.reader(ctx), func(rows *sql.Rows) error {
		job, err := scanJob(rows)
		jobs = append(jobs, job)
		return err
	}, statement+" ORDER BY id DESC LIMIT ?", append(args, max(f.Limit, 0))...)
	return jobs, err
}

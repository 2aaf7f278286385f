package bunstore

import (
	"context"
	"database/sql"
	"time"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

var _ ports.SyncAnswers = (*Store)(nil)

// KeepAnswer implements [ports.SyncAnswers].
func (s *Store) KeepAnswer(ctx context.Context, tenant domain.TenantID, sync domain.JobID, answer []byte, at time.Time) error {
	kept, err := s.exec(ctx, "INSERT INTO {p}sync_answers (tenant, id, answer, at) VALUES (?, ?, ?, ?) ON CONFLICT (tenant, id) DO NOTHING",
		string(tenant), storedKey(string(sync)), string(answer), micros(at))
	if err == nil && kept == 0 {
		return domain.Fail(domain.NewFailure(domain.CodeConflict, "id", string(sync)))
	}
	return err
}

// FindAnswer implements [ports.SyncAnswers].
func (s *Store) FindAnswer(ctx context.Context, tenant domain.TenantID, sync domain.JobID) (answer []byte, err error) {
	found := false
	err = s.query(ctx, s.reader(ctx), func(rows *sql.Rows) error {
		found = true
		return rows.Scan(&answer)
	}, "SELECT answer FROM {p}sync_answers WHERE tenant = ? AND id = ?", string(tenant), storedKey(string(sync)))
	switch {
	case err != nil:
		return nil, err
	case !found:
		return nil, domain.CodeNotFound
	}
	return answer, nil
}

// PurgeAnswers implements [ports.SyncAnswers].
func (s *Store) PurgeAnswers(ctx context.Context, before time.Time, limit int) (int, error) {
	return s.purgeOldest(ctx, "{p}sync_answers", "tenant, id", "", "at", before, limit)
}

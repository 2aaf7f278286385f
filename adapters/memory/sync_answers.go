package memory

import (
	"context"
	"slices"
	"time"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

var _ ports.SyncAnswers = (*Store)(nil)

type answerRow struct {
	answer []byte
	at     time.Time
}

// KeepAnswer implements [ports.SyncAnswers].
func (s *Store) KeepAnswer(ctx context.Context, tenant domain.TenantID, sync domain.JobID, answer []byte, at time.Time) error {
	return s.do(ctx, func(s *Store, t *tx) error {
		key := tenantKey{tenant, string(sync)}
		if _, taken := s.answers[key]; taken {
			return domain.Fail(domain.NewFailure(domain.CodeConflict, "id", string(sync)))
		}
		put(t, s.answers, key, answerRow{slices.Clone(answer), at.UTC().Truncate(time.Microsecond)})
		return nil
	})
}

// FindAnswer implements [ports.SyncAnswers].
func (s *Store) FindAnswer(ctx context.Context, tenant domain.TenantID, sync domain.JobID) (answer []byte, err error) {
	err = s.do(ctx, func(s *Store, _ *tx) error {
		row, found := s.answers[tenantKey{tenant, string(sync)}]
		if !found {
			return domain.CodeNotFound
		}
		answer = slices.Clone(row.answer)
		return nil
	})
	return answer, err
}

// PurgeAnswers implements [ports.SyncAnswers].
func (s *Store) PurgeAnswers(ctx context.Context, before time.Time, limit int) (n int, err error) {
	err = s.do(ctx, func(s *Store, t *tx) error {
		n = purgeOldest(t, s.answers, func(row answerRow) (time.Time, bool) { return row.at, true }, before, limit)
		return nil
	})
	return n, err
}

package bunstore

import (
	"context"
	"database/sql"
	"time"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

// ReserveKey implements [github.com/batchport/batchport/ports.IdempotencyKeys].
func (s *Store) ReserveKey(ctx context.Context, key ports.IdempotencyKey, since time.Time) (job domain.JobID, err error) {
	err = s.inTx(ctx, func(ctx context.Context) error {
		reserved, err := s.exec(ctx, `
			INSERT INTO {p}idempotency_keys AS stored (tenant, idempotency_key, fingerprint, job_id, at) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT (tenant, idempotency_key) DO UPDATE
			SET fingerprint = excluded.fingerprint, job_id = excluded.job_id, at = excluded.at
			WHERE stored.at < ?`,
			string(key.Tenant), key.Key, key.Fingerprint, string(key.Job), micros(key.At), micros(since))
		if err != nil {
			return err
		}
		if reserved > 0 {
			job = key.Job
			return nil
		}
		var fingerprint string
		err = s.query(ctx, s.idb(ctx), func(rows *sql.Rows) error { return rows.Scan(&job, &fingerprint) },
			"SELECT job_id, fingerprint FROM {p}idempotency_keys WHERE tenant = ? AND idempotency_key = ?",
			string(key.Tenant), key.Key)
		if err == nil && fingerprint != key.Fingerprint {
			return domain.CodeMismatch
		}
		return err
	})
	if err != nil {
		return "", err
	}
	return job, nil
}

// PurgeKeys implements [github.com/batchport/batchport/ports.IdempotencyKeys].
func (s *Store) PurgeKeys(ctx context.Context, before time.Time) (int, error) {
	return s.exec(ctx, "DELETE FROM {p}idempotency_keys WHERE at < ?", micros(before))
}

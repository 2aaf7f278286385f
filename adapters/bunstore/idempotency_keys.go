package bunstore

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"strings"
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
			string(key.Tenant), storedKey(key.Key), key.Fingerprint, string(key.Job), micros(key.At), micros(since))
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
			string(key.Tenant), storedKey(key.Key))
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

// longestKey is how long a key may be, in bytes, to be stored as it is:
// PostgreSQL's indexes have a limit.
const longestKey = 1024

// storedKey is the key as it is stored: a longer one as its digest, filled up
// so that it is none of the shorter.
func storedKey(key string) string {
	if len(key) <= longestKey {
		return key
	}
	digest := sha256.Sum256([]byte(key))
	return hex.EncodeToString(digest[:]) + strings.Repeat(" ", longestKey)
}

// PurgeKeys implements [github.com/batchport/batchport/ports.IdempotencyKeys].
func (s *Store) PurgeKeys(ctx context.Context, before time.Time, limit int) (int, error) {
	return s.purgeOldest(ctx, "{p}idempotency_keys", "tenant, idempotency_key", "", "at", before, limit)
}

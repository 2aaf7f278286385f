package bunstore

import (
	"context"
	"database/sql"
	"time"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

var _ ports.Quotas = (*Store)(nil)

// Spend implements [ports.Quotas].
func (s *Store) Spend(ctx context.Context, tenant domain.TenantID, name string, windows []domain.Window) (domain.QuotaUse, error) {
	if s.scope(ctx) == nil {
		return domain.QuotaUse{}, misuse("Spend outside of a transaction")
	}
	if err := s.writable(ctx); err != nil {
		return domain.QuotaUse{}, err
	}
	// It changes nothing, yet locks the row, which the next caller waits for.
	clock, now, err := s.quotaClock(ctx, `INSERT INTO {p}quotas AS q (tenant, name, clock) VALUES (?, ?, 0)
		ON CONFLICT (tenant, name) DO UPDATE SET clock = q.clock RETURNING clock, {now}`, string(tenant), storedKey(name))
	if err != nil {
		return domain.QuotaUse{}, err
	}
	uses, err := s.quotaUses(ctx, tenant, name, windows, clock)
	if err != nil {
		return domain.QuotaUse{}, err
	}
	use := domain.UsesOf(windows, now, uses)
	if !use.MayPass() {
		return use, nil
	}
	for _, step := range []struct {
		statement string
		at        time.Time
	}{
		{"UPDATE {p}quotas SET clock = ? WHERE tenant = ? AND name = ?", clock},
		{"INSERT INTO {p}quota_uses (at, tenant, name) VALUES (?, ?, ?)", clock},
		{"DELETE FROM {p}quota_uses WHERE at < ? AND tenant = ? AND name = ?", clock.Add(-longest(windows))},
	} {
		if _, err := s.exec(ctx, step.statement, micros(step.at), string(tenant), storedKey(name)); err != nil {
			return domain.QuotaUse{}, err
		}
	}
	use = domain.UsesOf(windows, now, append(uses, clock))
	use.Spent = true
	return use, nil
}

// Usage implements [ports.Quotas].
func (s *Store) Usage(ctx context.Context, tenant domain.TenantID, name string, windows []domain.Window) (use domain.QuotaUse, err error) {
	err = s.Snapshot(ctx, func(ctx context.Context) error {
		clock, now, err := s.quotaClock(ctx, `SELECT coalesce((SELECT clock FROM {p}quotas WHERE tenant = ? AND name = ?), 0), {now}`,
			string(tenant), storedKey(name))
		if err != nil {
			return err
		}
		uses, err := s.quotaUses(ctx, tenant, name, windows, clock)
		use = domain.UsesOf(windows, now, uses)
		return err
	})
	if err != nil {
		return domain.QuotaUse{}, err
	}
	return use, nil
}

// ForgetUses implements [ports.Quotas].
func (s *Store) ForgetUses(ctx context.Context, tenant domain.TenantID, name string) (uses int, err error) {
	err = s.inTx(ctx, func(ctx context.Context) error {
		// The lock first, as in Spend.
		if _, err := s.exec(ctx, "DELETE FROM {p}quotas WHERE tenant = ? AND name = ?", string(tenant), storedKey(name)); err != nil {
			return err
		}
		uses, err = s.exec(ctx, "DELETE FROM {p}quota_uses WHERE tenant = ? AND name = ?", string(tenant), storedKey(name))
		return err
	})
	if err != nil {
		return 0, err
	}
	return uses, nil
}

// quotaClock returns the clock of a quota, which is the later of two times, those
// of the last use and of the database, that the statement returns; and the
// second by itself.
func (s *Store) quotaClock(ctx context.Context, statement string, args ...any) (clock, now time.Time, err error) {
	var last, current int64
	err = s.query(ctx, s.reader(ctx), func(rows *sql.Rows) error { return rows.Scan(&last, &current) }, statement, args...)
	return instant(max(last, current)), instant(current), err
}

// quotaUses returns the times of the uses inside of the longest window, in order.
func (s *Store) quotaUses(ctx context.Context, tenant domain.TenantID, name string, windows []domain.Window, clock time.Time) (uses []time.Time, err error) {
	err = s.query(ctx, s.reader(ctx), func(rows *sql.Rows) error {
		var at int64
		err := rows.Scan(&at)
		uses = append(uses, instant(at))
		return err
	}, "SELECT at FROM {p}quota_uses WHERE tenant = ? AND name = ? AND at >= ? ORDER BY at",
		string(tenant), storedKey(name), micros(clock.Add(-longest(windows))))
	return uses, err
}

// longest returns the length of the longest window, in whole microseconds as
// uses are stored.
func longest(windows []domain.Window) (length time.Duration) {
	for _, w := range windows {
		length = max(length, w.Length)
	}
	return length.Truncate(time.Microsecond)
}

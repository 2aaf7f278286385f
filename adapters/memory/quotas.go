package memory

import (
	"context"
	"time"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

var _ ports.Quotas = (*Store)(nil)

// quotaRow holds the uses of a quota, in order.
type quotaRow struct {
	uses []time.Time
}

// clock returns the time, unless the last use was later.
func (q quotaRow) clock(now time.Time) time.Time {
	if n := len(q.uses); n > 0 && q.uses[n-1].After(now) {
		return q.uses[n-1]
	}
	return now
}

// Spend implements [ports.Quotas].
func (s *Store) Spend(ctx context.Context, tenant domain.TenantID, name string, windows []domain.Window) (use domain.QuotaUse, err error) {
	if ctx.Value(txKey{s}) == nil {
		return use, errNoTx
	}
	err = s.do(ctx, func(s *Store, t *tx) error {
		row, clock := s.quota(tenant, name)
		if use = domain.UsesOf(windows, s.clock(), row.uses); !use.MayPass() {
			return nil
		}
		var kept []time.Time
		for _, at := range append(row.uses[:len(row.uses):len(row.uses)], clock) {
			if clock.Sub(at) <= longest(windows) {
				kept = append(kept, at)
			}
		}
		put(t, s.quotas, tenantKey{tenant, name}, quotaRow{kept})
		use = domain.UsesOf(windows, s.clock(), kept)
		use.Spent = true
		return nil
	})
	return use, err
}

// Usage implements [ports.Quotas].
func (s *Store) Usage(ctx context.Context, tenant domain.TenantID, name string, windows []domain.Window) (use domain.QuotaUse, err error) {
	err = s.do(ctx, func(s *Store, _ *tx) error {
		row, _ := s.quota(tenant, name)
		use = domain.UsesOf(windows, s.clock(), row.uses)
		return nil
	})
	return use, err
}

// ForgetUses implements [ports.Quotas].
func (s *Store) ForgetUses(ctx context.Context, tenant domain.TenantID, name string) (n int, err error) {
	err = s.do(ctx, func(s *Store, t *tx) error {
		key := tenantKey{tenant, name}
		n = len(s.quotas[key].uses)
		drop(t, s.quotas, key)
		return nil
	})
	return n, err
}

// quota returns the quota, and the time as it counts for it.
func (s *Store) quota(tenant domain.TenantID, name string) (quotaRow, time.Time) {
	row := s.quotas[tenantKey{tenant, name}]
	return row, row.clock(s.clock().UTC().Truncate(time.Microsecond))
}

// longest returns the length of the longest window.
func longest(windows []domain.Window) (length time.Duration) {
	for _, w := range windows {
		length = max(length, w.Length)
	}
	return length
}

package budgets

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

// QuotaName is what stores call the quota of syncs.
const QuotaName = "budget_sync"

// Windows returns what the quota of a tenant allows, the shortest window first;
// none when requests are not counted.
func (b *Budgets) Windows() []domain.Window {
	if b.cfg.Unlimited {
		return nil
	}
	return []domain.Window{{Limit: b.cfg.PerHour, Length: time.Hour}, {Limit: b.cfg.PerDay, Length: 24 * time.Hour}}
}

// Usage says what is left of the quota of the caller's tenant.
func (b *Budgets) Usage(ctx context.Context, who domain.Principal) (domain.QuotaUse, error) {
	if b.cfg.Unlimited {
		return domain.QuotaUse{}, nil
	}
	return b.deps.Store.Usage(ctx, who.Tenant, QuotaName, b.Windows())
}

// spend counts a request, with the transaction open in ctx, or gives
// [domain.CodeRateLimited].
func (b *Budgets) spend(ctx context.Context, tenant domain.TenantID) (domain.QuotaUse, error) {
	if b.cfg.Unlimited {
		return domain.QuotaUse{}, nil
	}
	use, err := b.deps.Store.Spend(ctx, tenant, QuotaName, b.Windows())
	if err == nil && !use.Spent {
		err = domain.Fail(domain.NewFailure(domain.CodeRateLimited, "", "", "retry_after", strconv.FormatInt(Seconds(use.Wait()), 10)))
	}
	return use, err
}

// noteRefusal tells those who watch of a request that the quota has refused.
func (b *Budgets) noteRefusal(err error) {
	if b.deps.Telemetry != nil && errors.Is(err, domain.CodeRateLimited) {
		b.deps.Telemetry.Count(ports.QuotaRefused, QuotaName, 1)
	}
}

// Seconds is a duration in whole seconds, rounded up.
func Seconds(d time.Duration) int64 { return int64((d + time.Second - 1) / time.Second) }

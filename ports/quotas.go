package ports

import (
	"context"

	"github.com/batchport/batchport/domain"
)

// Quotas counts what tenants use, so that no more is used than is allowed.
//
// Time is the store's clock, which here never goes back: as long as it is
// before the last counted use of a quota, it counts as the time of that use.
// So a clock that was set back lets nothing more through; what has to be waited
// for is told from the time that it says itself ([domain.UsesOf]).
type Quotas interface {
	// Spend counts one use of the tenant's quota of the name, if all windows
	// have room for it, and says what is left of them afterwards. Callers at once,
	// in any number of processes, are counted one after another. It is called
	// inside a transaction, whose end the next caller waits for: a use that is
	// rolled back was none. Outside of a transaction it gives [domain.CodeInternal].
	// Windows may be others than at the last call; uses are kept for as long as
	// the longest of the call.
	Spend(ctx context.Context, tenant domain.TenantID, name string, windows []domain.Window) (domain.QuotaUse, error)

	// Usage says what is left of the windows. Nothing is counted.
	Usage(ctx context.Context, tenant domain.TenantID, name string, windows []domain.Window) (domain.QuotaUse, error)

	// ForgetUses removes all uses of the tenant's quota, and the time of the last
	// one with them, and returns how many there were.
	ForgetUses(ctx context.Context, tenant domain.TenantID, name string) (int, error)
}

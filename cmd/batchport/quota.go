package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/batchport/batchport/app/budgets"
	"github.com/batchport/batchport/domain"
)

func newQuota() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "quota --tenant T",
		Short: "Show how many budget rule syncs a tenant has left",
		Long: `Show how many budget rule syncs a tenant has made in the last 60 minutes and in
the last 24 hours. With --forget they are forgotten, and the tenant begins anew:
for the day on which a machine's clock was far ahead when a sync was counted,
which keeps the tenant out until that time has come.

--syncs-per-hour and --syncs-per-day are those of "batchport serve". A server may
run on the same database.`,
		Example: "  batchport quota --tenant acme",
		Args:    exactly(),
	}
	at := addLocationFlags(cmd)
	tenant := cmd.Flags().String("tenant", "", "tenant whose syncs are counted")
	forget := cmd.Flags().Bool("forget", false, "forget the syncs that were counted")
	quota := syncQuota{}
	addQuotaFlags(cmd, &quota)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		owner, err := parseTenant(*tenant)
		if err != nil {
			return usage(err)
		}
		db, err := at.find(cmd.Context())
		if err != nil {
			return err
		}
		return errors.Join(showQuota(cmd, db, owner, quota, *forget), db.Close())
	}
	return cmd
}

func addQuotaFlags(cmd *cobra.Command, quota *syncQuota) {
	addCountFlag(cmd, &quota.perHour, "syncs-per-hour", 50, "requests", "budget rule syncs of one tenant in any 60 minutes")
	addCountFlag(cmd, &quota.perDay, "syncs-per-day", 150, "requests", "budget rule syncs of one tenant in any 24 hours")
}

func showQuota(cmd *cobra.Command, db *database, tenant domain.TenantID, quota syncQuota, forget bool) error {
	ctx, stdout := cmd.Context(), cmd.OutOrStdout()
	if forget {
		n, err := db.store.ForgetUses(ctx, tenant, budgets.QuotaName)
		if err != nil {
			return fmt.Errorf("forget the syncs of %s: %w", tenant, err)
		}
		_, err = fmt.Fprintf(stdout, "%d syncs of %s are forgotten\n", n, tenant)
		return err
	}
	use, err := db.store.Usage(ctx, tenant, budgets.QuotaName, []domain.Window{
		{Limit: int(quota.perHour), Length: time.Hour}, {Limit: int(quota.perDay), Length: 24 * time.Hour},
	})
	if err != nil {
		return fmt.Errorf("count the syncs of %s: %w", tenant, err)
	}
	for _, w := range use.Windows {
		line := fmt.Sprintf("%d of %d syncs left in %s", w.Left, w.Limit, map[time.Duration]string{time.Hour: "60 minutes", 24 * time.Hour: "24 hours"}[w.Length])
		if w.Next > 0 {
			line += fmt.Sprintf(", one more in %s", w.Next.Round(time.Second))
		}
		if _, err := fmt.Fprintln(stdout, line); err != nil {
			return err
		}
	}
	return nil
}

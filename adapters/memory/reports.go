package memory

import (
	"cmp"
	"context"
	"slices"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/estate"
	"github.com/batchport/batchport/ports"
)

var _ ports.Reports = (*Store)(nil)

type reportKey struct {
	estate objectKey
	month  estate.Month
}

// AttachReports implements [ports.Reports].
func (s *Store) AttachReports(ctx context.Context, tenant domain.TenantID, reports []estate.Report) ([]domain.Outcome, error) {
	return editEach(ctx, s, reports, func(s *Store, t *tx, r estate.Report) domain.Outcome {
		if !s.isEstate(tenant, r.EstateID) {
			return domain.FailedWith(missing("", r.EstateID))
		}
		return replaceUnlessSame(t, s.estates.reports, reportKey{objectKey{tenant, r.EstateID}, r.Month}, r)
	})
}

// ListReports implements [ports.Reports].
func (s *Store) ListReports(ctx context.Context, tenant domain.TenantID, estateID int64) (reports []estate.Report, err error) {
	err = s.do(ctx, func(s *Store, _ *tx) error {
		for key, r := range s.estates.reports {
			if key.estate == (objectKey{tenant, estateID}) {
				reports = append(reports, r)
			}
		}
		return nil
	})
	slices.SortFunc(reports, func(a, b estate.Report) int { return cmp.Compare(b.Month, a.Month) })
	return reports, err
}

// UsesUpload implements [ports.Reports].
func (s *Store) UsesUpload(ctx context.Context, tenant domain.TenantID, upload string) (used bool, err error) {
	err = s.do(ctx, func(s *Store, _ *tx) error {
		for key, r := range s.estates.reports {
			used = used || key.estate.tenant == tenant && r.Upload != "" && r.Upload == upload
		}
		return nil
	})
	return used, err
}

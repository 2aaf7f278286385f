package bunstore

import (
	"cmp"
	"context"
	"database/sql"
	"slices"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/estate"
	"github.com/batchport/batchport/ports"
)

var _ ports.Reports = (*Store)(nil)

var keyedReports = keyed[estate.Report]{
	estateID: func(r estate.Report) int64 { return r.EstateID },
	compare: func(a, b estate.Report) int {
		return cmp.Or(cmp.Compare(a.EstateID, b.EstateID), cmp.Compare(a.Month, b.Month))
	},
}

// AttachReports implements [ports.Reports].
func (s *Store) AttachReports(ctx context.Context, tenant domain.TenantID, reports []estate.Report) ([]domain.Outcome, error) {
	outcomes := make([]domain.Outcome, len(reports))
	err := s.inTx(ctx, func(ctx context.Context) error {
		clear(outcomes)
		// Whoever attaches reports to these estates at once waits, so that each
		// finds what the one before has left.
		absent, err := s.lockEstates(ctx, tenant, keyedReports.estatesOf(reports))
		if err != nil {
			return err
		}
		var changed []estate.Report
		for page := range slices.Chunk(keyedReports.sort(reports, absent, outcomes), keyPage) {
			former, err := s.readReports(ctx, tenant, reports, page)
			if err != nil {
				return err
			}
			for k, t := range page {
				if replace(reports, t, former[k], outcomes) {
					changed = append(changed, reports[t.last()])
				}
			}
		}
		_, err = s.insertOr(ctx, "INSERT INTO {p}reports (tenant, estate_id, month, url, upload)",
			"ON CONFLICT (tenant, estate_id, month) DO UPDATE SET url = excluded.url, upload = excluded.upload",
			len(changed), func(i int) []any {
				r := changed[i]
				return []any{string(tenant), r.EstateID, string(r.Month), r.URL, r.Upload}
			})
		return err
	})
	if err != nil {
		return nil, err
	}
	return outcomes, nil
}

// readReports returns the stored report of each of the turns, nil for none.
func (s *Store) readReports(ctx context.Context, tenant domain.TenantID, reports []estate.Report, page []turns) ([]*estate.Report, error) {
	var v values
	for k, t := range page {
		r := reports[t.last()]
		v.number(int64(k))
		v.number(r.EstateID)
		v.string(string(r.Month))
		v.end()
	}
	former := make([]*estate.Report, len(page))
	err := s.query(ctx, s.idb(ctx), func(rows *sql.Rows) error {
		var k int
		var r estate.Report
		if err := rows.Scan(&k, &r.EstateID, &r.Month, &r.URL, &r.Upload); err != nil {
			return err
		}
		former[k] = &r
		return nil
	}, "WITH v (k, estate_id, month) AS (VALUES "+v.String()+") SELECT v.k, o.estate_id, o.month, o.url, o.upload"+
		s.foundBy("{p}reports", "o.tenant = ? AND o.estate_id = v.estate_id AND o.month = v.month"),
		append(v.args, string(tenant))...)
	return former, err
}

// ListReports implements [ports.Reports].
func (s *Store) ListReports(ctx context.Context, tenant domain.TenantID, estateID int64) ([]estate.Report, error) {
	var reports []estate.Report
	err := s.query(ctx, s.reader(ctx), func(rows *sql.Rows) error {
		r := estate.Report{EstateID: estateID}
		err := rows.Scan(&r.Month, &r.URL, &r.Upload)
		reports = append(reports, r)
		return err
	}, "SELECT month, url, upload FROM {p}reports WHERE tenant = ? AND estate_id = ? ORDER BY month DESC", string(tenant), estateID)
	if err != nil {
		return nil, err
	}
	return reports, nil
}

// UsesUpload implements [ports.Reports]. The second condition is that of the
// index.
func (s *Store) UsesUpload(ctx context.Context, tenant domain.TenantID, upload string) (bool, error) {
	return s.holds(ctx, "SELECT EXISTS (SELECT 1 FROM {p}reports WHERE tenant = ? AND upload = ? AND upload <> '')", string(tenant), upload)
}

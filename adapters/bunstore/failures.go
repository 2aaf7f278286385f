package bunstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/batchport/batchport/domain"
)

// The tables of what there is to say about items, which are alike.
const (
	failuresTable = "{p}item_failures"
	warningsTable = "{p}item_warnings"
)

// AddFailures implements [github.com/batchport/batchport/ports.Failures].
func (s *Store) AddFailures(ctx context.Context, ref domain.JobRef, failures []domain.ItemFailure) error {
	return s.addItemFailures(ctx, failuresTable, ref, failures)
}

// ListFailures implements [github.com/batchport/batchport/ports.Failures].
func (s *Store) ListFailures(ctx context.Context, ref domain.JobRef, after, limit int) ([]domain.ItemFailure, error) {
	return s.listItemFailures(ctx, failuresTable, ref, "", after, limit)
}

// ListFailuresOf implements [github.com/batchport/batchport/ports.Failures].
func (s *Store) ListFailuresOf(ctx context.Context, ref domain.JobRef, code domain.Code, after, limit int) ([]domain.ItemFailure, error) {
	return s.listItemFailures(ctx, failuresTable, ref, code, after, limit)
}

// GroupFailures implements [github.com/batchport/batchport/ports.Failures].
func (s *Store) GroupFailures(ctx context.Context, ref domain.JobRef) (groups []domain.FailureGroup, err error) {
	err = s.query(ctx, s.reader(ctx), func(rows *sql.Rows) error {
		var g domain.FailureGroup
		err := rows.Scan(&g.Code, &g.Items, &g.First)
		groups = append(groups, g)
		return err
	}, "SELECT code, count(*), min(position) FROM "+failuresTable+` WHERE tenant = ? AND job_id = ?
		GROUP BY code ORDER BY count(*) DESC, code`, string(ref.Tenant), string(ref.ID))
	return groups, err
}

// ClearFailures implements [github.com/batchport/batchport/ports.Failures].
func (s *Store) ClearFailures(ctx context.Context, ref domain.JobRef) error {
	_, err := s.exec(ctx, "DELETE FROM "+failuresTable+" WHERE tenant = ? AND job_id = ?", string(ref.Tenant), string(ref.ID))
	return err
}

// AddWarnings implements [github.com/batchport/batchport/ports.Warnings].
func (s *Store) AddWarnings(ctx context.Context, ref domain.JobRef, warnings []domain.ItemFailure) error {
	return s.addItemFailures(ctx, warningsTable, ref, warnings)
}

// ListWarnings implements [github.com/batchport/batchport/ports.Warnings].
func (s *Store) ListWarnings(ctx context.Context, ref domain.JobRef, after, limit int) ([]domain.ItemFailure, error) {
	return s.listItemFailures(ctx, warningsTable, ref, "", after, limit)
}

func (s *Store) addItemFailures(ctx context.Context, table string, ref domain.JobRef, failures []domain.ItemFailure) error {
	err := s.insert(ctx, "INSERT INTO "+table+" (tenant, job_id, position, code, detail)", len(failures), func(i int) ([]any, error) {
		f := failures[i]
		detail, err := json.Marshal(failureDocumentOf(f.Key, f.Failure))
		if err != nil {
			return nil, err
		}
		return []any{string(ref.Tenant), string(ref.ID), f.Index, string(f.Failure.Code), string(detail)}, nil
	})
	if err != nil {
		return taken(err, "index", strconv.Itoa(failures[0].Index))
	}
	return nil
}

// listItemFailures lists what a table has about items of a job, of one code
// or, with "", of all.
func (s *Store) listItemFailures(ctx context.Context, table string, ref domain.JobRef, code domain.Code, after, limit int) ([]domain.ItemFailure, error) {
	only, args := "", []any{string(ref.Tenant), string(ref.ID), after}
	if code != "" {
		only, args = " AND code = ?", append(args, string(code))
	}
	var failures []domain.ItemFailure
	err := s.query(ctx, s.reader(ctx), func(rows *sql.Rows) error {
		var f domain.ItemFailure
		var detail []byte
		if err := rows.Scan(&f.Index, &detail); err != nil {
			return err
		}
		var d failureDocument
		if err := json.Unmarshal(detail, &d); err != nil {
			return fmt.Errorf("decode what is said of item %d of job %s: %w", f.Index, ref.ID, err)
		}
		f.Key, f.Failure = d.Key, d.failure()
		failures = append(failures, f)
		return nil
	}, "SELECT position, detail FROM "+table+" WHERE tenant = ? AND job_id = ? AND position > ?"+only+" ORDER BY position LIMIT ?",
		append(args, max(limit, 0))...)
	return failures, err
}

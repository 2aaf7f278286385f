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
	return s.listItemFailures(ctx, failuresTable, ref, after, limit)
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
	return s.listItemFailures(ctx, warningsTable, ref, after, limit)
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

func (s *Store) listItemFailures(ctx context.Context, table string, ref domain.JobRef, after, limit int) ([]domain.ItemFailure, error) {
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
	}, "SELECT position, detail FROM "+table+" WHERE tenant = ? AND job_id = ? AND position > ? ORDER BY position LIMIT ?",
		string(ref.Tenant), string(ref.ID), after, max(limit, 0))
	return failures, err
}

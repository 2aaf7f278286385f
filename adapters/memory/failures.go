package memory

import (
	"cmp"
	"context"
	"maps"
	"math"
	"slices"
	"strconv"

	"github.com/batchport/batchport/domain"
)

func copyFailure(f domain.Failure) domain.Failure {
	f.Params = maps.Clone(f.Params)
	f.Also = slices.Clone(f.Also)
	for i := range f.Also {
		f.Also[i] = copyFailure(f.Also[i])
	}
	return f
}

// AddFailures implements [ports.Failures].
func (s *Store) AddFailures(ctx context.Context, ref domain.JobRef, failures []domain.ItemFailure) error {
	return s.do(ctx, func(s *Store, t *tx) error { return s.addItemFailures(t, s.failures, ref, failures) })
}

// ListFailures implements [ports.Failures].
func (s *Store) ListFailures(ctx context.Context, ref domain.JobRef, after, limit int) (list []domain.ItemFailure, err error) {
	err = s.do(ctx, func(s *Store, _ *tx) error {
		list = s.listItemFailures(s.failures, ref, after, limit)
		return nil
	})
	return list, err
}

// ListFailuresOf implements [ports.Failures].
func (s *Store) ListFailuresOf(ctx context.Context, ref domain.JobRef, code domain.Code, after, limit int) (list []domain.ItemFailure, err error) {
	err = s.do(ctx, func(s *Store, _ *tx) error {
		for _, f := range s.listItemFailures(s.failures, ref, after, math.MaxInt) {
			if f.Failure.Code == code && len(list) < limit {
				list = append(list, f)
			}
		}
		return nil
	})
	return list, err
}

// GroupFailures implements [ports.Failures].
func (s *Store) GroupFailures(ctx context.Context, ref domain.JobRef) (groups []domain.FailureGroup, err error) {
	err = s.do(ctx, func(s *Store, _ *tx) error {
		byCode := map[domain.Code]domain.FailureGroup{}
		for _, f := range s.listItemFailures(s.failures, ref, -1, math.MaxInt) {
			group, found := byCode[f.Failure.Code]
			if !found {
				group = domain.FailureGroup{Code: f.Failure.Code, First: f.Index}
			}
			group.Items++
			byCode[f.Failure.Code] = group
		}
		groups = slices.SortedFunc(maps.Values(byCode), func(a, b domain.FailureGroup) int {
			return cmp.Or(cmp.Compare(b.Items, a.Items), cmp.Compare(a.Code, b.Code))
		})
		return nil
	})
	return groups, err
}

// ClearFailures implements [ports.Failures].
func (s *Store) ClearFailures(ctx context.Context, ref domain.JobRef) error {
	return s.do(ctx, func(s *Store, t *tx) error {
		if _, err := s.job(ref); err == nil {
			drop(t, s.failures, ref.ID)
		}
		return nil
	})
}

// AddWarnings implements [ports.Warnings].
func (s *Store) AddWarnings(ctx context.Context, ref domain.JobRef, warnings []domain.ItemFailure) error {
	return s.do(ctx, func(s *Store, t *tx) error { return s.addItemFailures(t, s.warnings, ref, warnings) })
}

// ListWarnings implements [ports.Warnings].
func (s *Store) ListWarnings(ctx context.Context, ref domain.JobRef, after, limit int) (list []domain.ItemFailure, err error) {
	err = s.do(ctx, func(s *Store, _ *tx) error {
		list = s.listItemFailures(s.warnings, ref, after, limit)
		return nil
	})
	return list, err
}

// addItemFailures adds to a map of s.
func (s *Store) addItemFailures(t *tx, m map[domain.JobID]map[int]domain.ItemFailure, ref domain.JobRef, failures []domain.ItemFailure) error {
	if _, err := s.job(ref); err != nil {
		return err
	}
	rows := sub(t, m, ref.ID)
	for _, f := range failures {
		if _, taken := rows[f.Index]; taken {
			return domain.Fail(domain.NewFailure(domain.CodeConflict, "index", strconv.Itoa(f.Index)))
		}
		f.Failure = copyFailure(f.Failure)
		put(t, rows, f.Index, f)
	}
	return nil
}

// listItemFailures lists what a map of s has.
func (s *Store) listItemFailures(m map[domain.JobID]map[int]domain.ItemFailure, ref domain.JobRef, after, limit int) (list []domain.ItemFailure) {
	if _, err := s.job(ref); err != nil {
		return nil // a job of another tenant has none to show
	}
	for _, index := range sortedKeys(m[ref.ID]) {
		if index > after && len(list) < limit {
			f := m[ref.ID][index]
			f.Failure = copyFailure(f.Failure)
			list = append(list, f)
		}
	}
	return list
}

package memory

import (
	"cmp"
	"context"
	"math"
	"slices"
	"time"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

// PurgeItems implements [ports.Retention].
func (s *Store) PurgeItems(ctx context.Context, before time.Time, limit int) (purged ports.Purged, err error) {
	err = s.do(ctx, func(s *Store, t *tx) error {
		for _, row := range s.due(before, func(row jobRow) bool { return !row.bare }) {
			removed, whole := s.purgeItemsOf(t, row, limit-purged.Items)
			purged.Items += removed
			if whole {
				purged.Jobs++
			}
			if purged.Items >= limit {
				break
			}
		}
		return nil
	})
	if err != nil {
		return ports.Purged{}, err
	}
	return purged, nil
}

// purgeItemsOf removes up to limit failures, warnings and items each of a
// job, and one chunk at least.
func (s *Store) purgeItemsOf(t *tx, row jobRow, limit int) (removed int, whole bool) {
	id := row.snapshot.ID
	to, items := math.MaxInt, 0
	for _, first := range sortedKeys(s.chunks[id]) {
		n := s.chunks[id][first].chunk.Len
		if items > 0 && items+n > limit {
			to = first
			break
		}
		items += n
	}
	for _, said := range []map[int]domain.ItemFailure{s.failures[id], s.warnings[id]} {
		if indexes := sortedKeys(said); len(indexes) > max(limit, 1) {
			to = min(to, indexes[max(limit, 1)])
		}
	}
	removed = max(items, dropBelow(t, s.failures[id], to)+dropBelow(t, s.warnings[id], to)+dropBelow(t, s.chunks[id], to))
	row.snapshot.ItemsPurged, row.bare = true, to == math.MaxInt
	if row.bare {
		drop(t, s.failures, id)
		drop(t, s.warnings, id)
		drop(t, s.chunks, id)
	}
	s.putJob(t, row)
	return removed, row.bare
}

// dropBelow removes what has a number below to, and returns how many.
func dropBelow[V any](t *tx, m map[int]V, to int) (n int) {
	for _, k := range sortedKeys(m) {
		if k < to {
			drop(t, m, k)
			n++
		}
	}
	return n
}

// PurgeFiles implements [ports.Retention].
func (s *Store) PurgeFiles(ctx context.Context, before time.Time, limit int) (files []ports.JobFileRef, err error) {
	err = s.do(ctx, func(s *Store, t *tx) error {
		for _, row := range atMost(limit, s.due(before, func(row jobRow) bool { return row.snapshot.File != nil })) {
			files = append(files, ports.JobFileRef{
				Job: domain.JobRef{Tenant: row.snapshot.Tenant, ID: row.snapshot.ID}, File: row.snapshot.File.ID,
			})
			row.snapshot.File = nil
			s.putJob(t, row)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return files, nil
}

// PurgeJobs implements [ports.Retention].
func (s *Store) PurgeJobs(ctx context.Context, before time.Time, limit int) (n int, err error) {
	err = s.do(ctx, func(s *Store, t *tx) error {
		named := map[tenantKey]bool{}
		for _, key := range s.keys {
			named[tenantKey{key.Tenant, string(key.Job)}] = true
		}
		bare := func(row jobRow) bool {
			return row.bare && !named[tenantKey{row.snapshot.Tenant, string(row.snapshot.ID)}]
		}
		for _, row := range atMost(limit, s.due(before, bare)) {
			drop(t, s.jobs, row.snapshot.ID)
			n++
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}

// due returns the jobs of which something may be purged, those that ended
// first at the front.
func (s *Store) due(before time.Time, holds func(jobRow) bool) (rows []jobRow) {
	untold := map[tenantKey]bool{}
	for _, row := range s.outbox {
		if !row.published {
			untold[tenantKey{row.event.Tenant, row.event.Subject}] = true
		}
	}
	for id, row := range s.jobs {
		_, open := s.open[id]
		if !open && row.snapshot.EndedAt.Before(before) && !untold[tenantKey{row.snapshot.Tenant, string(id)}] && holds(row) {
			row.snapshot = copySnapshot(row.snapshot)
			rows = append(rows, row)
		}
	}
	slices.SortFunc(rows, func(a, b jobRow) int {
		return cmp.Or(a.snapshot.EndedAt.Compare(b.snapshot.EndedAt), cmp.Compare(a.submission, b.submission))
	})
	return rows
}

// purgeOldest removes up to limit rows of m that may be purged and are from
// before the time, the oldest first, and returns how many.
func purgeOldest[K comparable, V any](t *tx, m map[K]V, at func(V) (at time.Time, purgeable bool), before time.Time, limit int) int {
	type dated struct {
		key K
		at  time.Time
	}
	var all []dated
	for k, row := range m {
		if at, ok := at(row); ok && at.Before(before) {
			all = append(all, dated{k, at})
		}
	}
	slices.SortFunc(all, func(a, b dated) int { return a.at.Compare(b.at) })
	old := atMost(limit, all)
	for _, d := range old {
		drop(t, m, d.key)
	}
	return len(old)
}

func atMost[V any](n int, list []V) []V { return list[:max(0, min(n, len(list)))] }

package bunstore

import (
	"context"
	"database/sql"
	"iter"
	"slices"
	"strconv"

	"github.com/batchport/batchport/domain"
)

// objectPage is how many whole objects are read at once; each may be some
// kilobytes.
const objectPage = 500

// reading says how objects R are read. In a statement they are o.
type reading[R any] struct {
	columns string // what scan reads
	from    string // the tables, of which the objects' own is o
	scan    func(*sql.Rows) (R, error)
	id      func(R) int64
}

// each yields the objects that meet the conditions, page by page.
func (o reading[R]) each(ctx context.Context, s *Store, tenant domain.TenantID, where conditions) iter.Seq2[R, error] {
	return pages(objectPage, func(after int64, page []R) ([]R, int64, error) {
		args := append([]any{string(tenant), after}, where.args...)
		err := s.query(ctx, s.reader(ctx), func(rows *sql.Rows) error {
			r, err := o.scan(rows)
			page, after = append(page, r), o.id(r)
			return err
		}, "SELECT "+o.columns+" FROM "+o.from+where.join+" WHERE o.tenant = ? AND o.id > ?"+where.text+
			" ORDER BY o.id LIMIT "+strconv.Itoa(objectPage), args...)
		return page, after, err
	})
}

// eachOf yields the objects of these identifiers.
func (o reading[R]) eachOf(ctx context.Context, s *Store, tenant domain.TenantID, ids []int64) iter.Seq2[R, error] {
	return func(yield func(R, error) bool) {
		var page []R
		for keys := range slices.Chunk(unique(ids), objectPage) {
			page = page[:0]
			err := s.query(ctx, s.reader(ctx), func(rows *sql.Rows) error {
				r, err := o.scan(rows)
				page = append(page, r)
				return err
			}, "SELECT "+o.columns+" FROM "+o.from+" WHERE o.tenant = ? AND o.id IN "+list(keys)+" ORDER BY o.id", string(tenant))
			if err != nil {
				var none R
				yield(none, err)
				return
			}
			for _, r := range page {
				if !yield(r, nil) {
					return
				}
			}
		}
	}
}

// eachID yields the identifiers of the objects that meet the conditions.
func (o reading[R]) eachID(ctx context.Context, s *Store, tenant domain.TenantID, where conditions) iter.Seq2[int64, error] {
	return pages(selectPage, func(after int64, page []int64) ([]int64, int64, error) {
		args := append([]any{string(tenant), after}, where.args...)
		err := s.query(ctx, s.reader(ctx), func(rows *sql.Rows) error {
			err := rows.Scan(&after)
			page = append(page, after)
			return err
		}, "SELECT o.id FROM "+o.from+where.join+" WHERE o.tenant = ? AND o.id > ?"+where.text+
			" ORDER BY o.id LIMIT "+strconv.Itoa(selectPage), args...)
		return page, after, err
	})
}

// pages yields page after page of up to size values. read appends those with
// keys above after to page and returns the last key; a page that is not full
// is the last.
func pages[V any](size int, read func(after int64, page []V) ([]V, int64, error)) iter.Seq2[V, error] {
	return func(yield func(V, error) bool) {
		var page []V
		for after := int64(0); ; {
			var err error
			if page, after, err = read(after, page[:0]); err != nil {
				var none V
				yield(none, err)
				return
			}
			for _, v := range page {
				if !yield(v, nil) {
					return
				}
			}
			if len(page) < size {
				return
			}
		}
	}
}

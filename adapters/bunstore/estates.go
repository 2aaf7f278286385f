package bunstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"strconv"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/estate"
	"github.com/batchport/batchport/ports"
)

var (
	_ ports.EstateSelector = (*Store)(nil)
	_ ports.EstateReader   = (*Store)(nil)
	_ ports.Listings       = (*Store)(nil)
	_ ports.Grants         = (*Store)(nil)
	_ ports.EstateLoads    = (*Store)(nil)
)

// Reads go in pages by key, because one long cursor would keep a connection
// busy that its transaction needs for other statements.
const (
	selectPage = 20_000 // identifiers
	estatePage = 500    // whole estates, which may be some kilobytes each
	keyPage    = 1_000  // identifiers written into one statement
)

// estateColumns is what [scanEstate] reads.
const estateColumns = `e.id, coalesce(e.community_id, 0), e.name, e.country, e.district, e.address, e.status,
	e.rent, e.area, e.listed, coalesce(e.agent_id, 0), coalesce(g.user_id, 0)
	FROM {p}estates AS e LEFT JOIN {p}grants AS g ON g.tenant = e.tenant AND g.estate_id = e.id`

func scanEstate(rows *sql.Rows) (e estate.Estate, err error) {
	err = rows.Scan(&e.ID, &e.CommunityID, &e.Name, &e.Country, &e.District, &e.Address, &e.Status,
		&e.Rent, &e.Area, &e.Listed, &e.AgentID, &e.LandlordID)
	return e, err
}

// SelectEstates implements [ports.EstateSelector].
func (s *Store) SelectEstates(ctx context.Context, tenant domain.TenantID, filter estate.Filter) iter.Seq2[int64, error] {
	where := estateConditions(filter)
	return pages(selectPage, func(after int64, page []int64) ([]int64, int64, error) {
		args := append([]any{string(tenant), after}, where.args...)
		err := s.query(ctx, s.reader(ctx), func(rows *sql.Rows) error {
			err := rows.Scan(&after)
			page = append(page, after)
			return err
		}, "SELECT e.id FROM {p}estates AS e WHERE e.tenant = ? AND e.id > ?"+where.text+
			" ORDER BY e.id LIMIT "+strconv.Itoa(selectPage), args...)
		return page, after, err
	})
}

// EachEstate implements [ports.EstateReader].
func (s *Store) EachEstate(ctx context.Context, tenant domain.TenantID, filter estate.Filter) iter.Seq2[estate.Estate, error] {
	where := estateConditions(filter)
	return pages(estatePage, func(after int64, page []estate.Estate) ([]estate.Estate, int64, error) {
		args := append([]any{string(tenant), after}, where.args...)
		err := s.query(ctx, s.reader(ctx), func(rows *sql.Rows) error {
			e, err := scanEstate(rows)
			page, after = append(page, e), e.ID
			return err
		}, "SELECT "+estateColumns+" WHERE e.tenant = ? AND e.id > ?"+where.text+
			" ORDER BY e.id LIMIT "+strconv.Itoa(estatePage), args...)
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

// EachEstateOf implements [ports.EstateReader].
func (s *Store) EachEstateOf(ctx context.Context, tenant domain.TenantID, ids []int64) iter.Seq2[estate.Estate, error] {
	return func(yield func(estate.Estate, error) bool) {
		var page []estate.Estate
		for keys := range slices.Chunk(unique(ids), estatePage) {
			page = page[:0]
			err := s.query(ctx, s.reader(ctx), func(rows *sql.Rows) error {
				e, err := scanEstate(rows)
				page = append(page, e)
				return err
			}, "SELECT "+estateColumns+" WHERE e.tenant = ? AND e.id IN "+list(keys)+" ORDER BY e.id", string(tenant))
			if err != nil {
				yield(estate.Estate{}, err)
				return
			}
			for _, e := range page {
				if !yield(e, nil) {
					return
				}
			}
		}
	}
}

// ListGrants implements [ports.Grants].
func (s *Store) ListGrants(ctx context.Context, tenant domain.TenantID, ids []int64) ([]estate.Grant, error) {
	var grants []estate.Grant
	for keys := range slices.Chunk(unique(ids), keyPage) {
		err := s.query(ctx, s.reader(ctx), func(rows *sql.Rows) error {
			var g estate.Grant
			var capabilities []byte
			if err := rows.Scan(&g.EstateID, &g.UserID, &capabilities); err != nil {
				return err
			}
			if err := json.Unmarshal(capabilities, &g.Capabilities); err != nil {
				return fmt.Errorf("decode the capabilities on estate %d: %w", g.EstateID, err)
			}
			if len(g.Capabilities) == 0 {
				g.Capabilities = nil
			}
			grants = append(grants, g)
			return nil
		}, "SELECT estate_id, user_id, capabilities FROM {p}grants WHERE tenant = ? AND estate_id IN "+list(keys)+
			" ORDER BY estate_id", string(tenant))
		if err != nil {
			return nil, err
		}
	}
	return grants, nil
}

// unique returns the identifiers in ascending order, each once.
func unique(ids []int64) []int64 {
	return slices.Compact(slices.Sorted(slices.Values(ids)))
}

// list renders numbers for the right of IN, of which there must be at least
// one. Numbers in the text of a statement are read faster than arguments.
func list(numbers []int64) string {
	text := append(make([]byte, 0, 8*len(numbers)+2), '(')
	for i, n := range numbers {
		if i > 0 {
			text = append(text, ',')
		}
		text = strconv.AppendInt(text, n, 10)
	}
	return string(append(text, ')'))
}

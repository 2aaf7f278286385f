package bunstore

import (
	"cmp"
	"context"
	"database/sql"
	"slices"
	"strconv"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/estate"
)

const (
	estatesTable = "{p}estates"
	userField    = "editUserId" // the field that names a person, in what clients send
)

// gone is the outcome of an edit of something that does not exist.
func gone(id int64) domain.Outcome {
	return domain.FailedWith(domain.NewFailure(domain.CodeNotFound, "", strconv.FormatInt(id, 10)))
}

// rolesOf returns the roles of the people who are users.
func (s *Store) rolesOf(ctx context.Context, tenant domain.TenantID, ids []int64) (map[int64]estate.Role, error) {
	there, err := s.lookUp(ctx, tenant, map[string][]int64{usersTable: ids}, "")
	return there[usersTable], err
}

// lockByID ends a SELECT so that it locks the rows of the identifiers, in
// their order, so that two that lock the same do not wait for each other.
// With one writer it adds nothing.
func (s *Store) lockByID() string {
	if s.dialect.oneWriter {
		return ""
	}
	return " ORDER BY id {lock}"
}

// lockEstates returns what absent does, and locks the estates that exist.
func (s *Store) lockEstates(ctx context.Context, tenant domain.TenantID, ids []int64) (map[int64]bool, error) {
	if !s.dialect.oneWriter {
		for keys := range slices.Chunk(unique(ids), keyPage) {
			_, err := s.exec(ctx, "SELECT id FROM "+estatesTable+" WHERE tenant = ? AND id IN "+list(keys)+s.lockByID(), string(tenant))
			if err != nil {
				return nil, err
			}
		}
	}
	return s.absent(ctx, tenant, ids)
}

// absent returns those of the identifiers that no estate has. Mostly there are
// none, and counting is cheaper than reading.
func (s *Store) absent(ctx context.Context, tenant domain.TenantID, ids []int64) (map[int64]bool, error) {
	absent := map[int64]bool{}
	for keys := range slices.Chunk(unique(ids), keyPage) {
		where := " FROM " + estatesTable + " WHERE tenant = ? AND id IN " + list(keys)
		n, err := s.count(ctx, "SELECT count(*)"+where, string(tenant))
		if err != nil {
			return nil, err
		}
		if n == len(keys) {
			continue
		}
		for _, id := range keys {
			absent[id] = true
		}
		err = s.query(ctx, s.idb(ctx), func(rows *sql.Rows) error {
			var id int64
			err := rows.Scan(&id)
			delete(absent, id)
			return err
		}, "SELECT id"+where, string(tenant))
		if err != nil {
			return nil, err
		}
	}
	return absent, nil
}

// turns are the positions in a call of the records of one key, in order.
type turns []int

// last is the position of the record that stands in the end.
func (t turns) last() int { return t[len(t)-1] }

// keyed are records that replace each other by their keys, of an estate each.
type keyed[R any] struct {
	estateID func(R) int64
	compare  func(a, b R) int // of their keys
}

// sort returns the turns of the records in the order of their keys. Records
// of estates that do not exist are left out, and have failed.
func (k keyed[R]) sort(records []R, absent map[int64]bool, outcomes []domain.Outcome) []turns {
	order := make([]int, 0, len(records))
	for i, r := range records {
		if id := k.estateID(r); len(absent) > 0 && absent[id] {
			outcomes[i] = gone(id)
			continue
		}
		order = append(order, i)
	}
	slices.SortFunc(order, func(i, j int) int {
		return cmp.Or(k.compare(records[i], records[j]), cmp.Compare(i, j))
	})
	sorted := make([]turns, 0, len(order))
	for begin, end := 0, 1; begin < len(order); end++ {
		if end == len(order) || k.compare(records[order[begin]], records[order[end]]) != 0 {
			sorted = append(sorted, order[begin:end])
			begin = end
		}
	}
	return sorted
}

// estatesOf lists the estates of the records, perhaps repeatedly.
func (k keyed[R]) estatesOf(records []R) []int64 {
	ids := make([]int64, len(records))
	for i, r := range records {
		ids[i] = k.estateID(r)
	}
	return ids
}

// replace fills in the outcomes of the records of one key, the first of which
// finds former, nil for none, and reports whether the last differs from that.
func replace[R interface {
	Replacing(former *R) domain.Outcome
}](records []R, t turns, former *R, outcomes []domain.Outcome) bool {
	found := former
	for _, i := range t {
		outcomes[i] = records[i].Replacing(found)
		found = &records[i]
	}
	return records[t.last()].Replacing(former).Fate != domain.Unchanged
}

// foundBy ends a SELECT of rows o of the table that rows v, from VALUES, find
// by their keys, and locks them in the order of v. PostgreSQL is made to look
// up one after the other: as a join it reads the whole table each time, as long
// as it has no statistics that say how large that is.
func (s *Store) foundBy(table, key string) string {
	if s.dialect.oneWriter {
		return " FROM v CROSS JOIN " + table + " AS o WHERE " + key
	}
	return " FROM v CROSS JOIN LATERAL (SELECT * FROM " + table + " AS o WHERE " + key + " {lock}) AS o"
}

// values writes the rows of VALUES. Numbers stand in the text of the
// statement, since arguments cost more; texts are arguments.
type values struct {
	text []byte
	args []any
	rows int
}

func (v *values) number(n int64) {
	v.text = append(strconv.AppendInt(v.between(), n, 10), ',')
}

func (v *values) string(s string) {
	v.text = append(v.between(), '?', ',')
	v.args = append(v.args, s)
}

// end ends the row.
func (v *values) end() {
	v.text[len(v.text)-1] = ')'
	v.text = append(v.text, ',')
	v.rows++
}

// String returns all rows, of which there must be at least one.
func (v *values) String() string { return string(v.text[:len(v.text)-1]) }

// between returns the text with a row begun.
func (v *values) between() []byte {
	if n := len(v.text); n == 0 || n >= 2 && v.text[n-2] == ')' {
		return append(v.text, '(')
	}
	return v.text
}

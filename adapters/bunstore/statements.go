package bunstore

import (
	"cmp"
	"context"
	"database/sql"
	"iter"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/estate"
	"github.com/batchport/batchport/ports"
)

var _ ports.Statements = (*Store)(nil)

var keyedLines = keyed[estate.StatementLine]{
	estateID: func(l estate.StatementLine) int64 { return l.EstateID },
	compare: func(a, b estate.StatementLine) int {
		if a.EstateID != b.EstateID {
			return cmp.Compare(a.EstateID, b.EstateID)
		}
		return cmp.Or(cmp.Compare(a.Month, b.Month), cmp.Compare(a.Item, b.Item))
	},
}

// The savepoint of [Store.addLines]; it may lie inside that of [Store.Savepoint].
const (
	linesBegin    = "SAVEPOINT batchport_lines"
	linesRollback = "ROLLBACK TO SAVEPOINT batchport_lines"
	linesRelease  = "RELEASE SAVEPOINT batchport_lines"
)

// UpsertStatementLines implements [ports.Statements].
//
// Mostly every line of a call is new, or every line is there. So it adds
// lines as if they were new until it comes to one that is not; from there on
// it reads what is stored first. Reading always would cost new lines half as
// much again.
func (s *Store) UpsertStatementLines(ctx context.Context, tenant domain.TenantID, lines []estate.StatementLine) ([]domain.Outcome, error) {
	outcomes := make([]domain.Outcome, len(lines))
	err := s.inTx(ctx, func(ctx context.Context) error {
		clear(outcomes)
		absent, err := s.absent(ctx, tenant, keyedLines.estatesOf(lines))
		if err != nil {
			return err
		}
		fresh := true
		for run := range lineRuns(lines, keyedLines.sort(lines, absent, outcomes)) {
			if fresh {
				if fresh, err = s.addLines(ctx, tenant, lines, run); err != nil {
					return err
				}
			}
			if fresh {
				for _, t := range run {
					replace(lines, t, nil, outcomes)
				}
				continue
			}
			if err := s.untilFirst(ctx, func() (bool, error) { return s.replaceLines(ctx, tenant, lines, run, outcomes) }); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return outcomes, nil
}

// replaceLines stores those of the last lines of the turns that differ from
// what is stored, and reports whether those that were not there are still new.
func (s *Store) replaceLines(ctx context.Context, tenant domain.TenantID, lines []estate.StatementLine, run []turns, outcomes []domain.Outcome) (bool, error) {
	former := make([]*estate.StatementLine, len(run))
	if err := s.readLines(ctx, tenant, lines, run, former); err != nil {
		return false, err
	}
	var added, changed []turns
	for k, t := range run {
		switch {
		case !replace(lines, t, former[k], outcomes):
		case former[k] == nil && !s.dialect.oneWriter:
			added = append(added, t)
		default:
			changed = append(changed, t)
		}
	}
	if len(added) > 0 {
		if n, err := s.insertLines(ctx, tenant, lines, added, "NOTHING"); err != nil || n < len(added) {
			return false, err
		}
	}
	if len(changed) == 0 {
		return true, nil
	}
	_, err := s.insertLines(ctx, tenant, lines, changed, "UPDATE SET amount = excluded.amount, note = excluded.note")
	return true, err
}

// firstRows is how many rows the first statement of a call stores: few, since
// when the lines are there it was for nothing.
const firstRows = 50

// lineRuns splits turns into those that a statement stores.
func lineRuns(lines []estate.StatementLine, all []turns) iter.Seq[[]turns] {
	return func(yield func([]turns) bool) {
		size, begin, most := 0, 0, firstRows
		for i, t := range all {
			l := &lines[t.last()]
			size += len(l.Item) + len(l.Note)
			if i+1-begin < most && size < insertBytes/4 && i < len(all)-1 {
				continue
			}
			if !yield(all[begin : i+1]) {
				return
			}
			size, begin, most = 0, i+1, insertRows
		}
	}
}

// addLines adds the last lines of the turns, if none of them is there, and
// reports whether it has. Else it adds none.
func (s *Store) addLines(ctx context.Context, tenant domain.TenantID, lines []estate.StatementLine, run []turns) (bool, error) {
	if _, err := s.exec(ctx, linesBegin); err != nil {
		return false, err
	}
	added, err := s.insertLines(ctx, tenant, lines, run, "NOTHING")
	if err != nil {
		return false, err
	}
	if added > 0 && added < len(run) {
		if _, err := s.exec(ctx, linesRollback); err != nil {
			return false, err
		}
	}
	_, err = s.exec(ctx, linesRelease)
	return added == len(run), err
}

// insertLines adds the last lines of the turns, and returns how many rows
// changed. Of those that are there, the statement does the given.
func (s *Store) insertLines(ctx context.Context, tenant domain.TenantID, lines []estate.StatementLine, run []turns, do string) (int, error) {
	v := values{text: make([]byte, 0, 48*len(run)), args: make([]any, 0, 4*len(run))}
	for _, t := range run {
		l := &lines[t.last()]
		v.string(string(tenant))
		v.number(l.EstateID)
		v.string(string(l.Month))
		v.string(l.Item)
		v.number(int64(l.Amount))
		v.string(l.Note)
		v.end()
	}
	return s.exec(ctx, "INSERT INTO {p}statement_lines (tenant, estate_id, month, item, amount, note) VALUES "+v.String()+
		" ON CONFLICT (tenant, estate_id, month, item) DO "+do, v.args...)
}

// readLines fills in former[k], the stored line of run[k], and locks it; it
// stays nil when there is none.
func (s *Store) readLines(ctx context.Context, tenant domain.TenantID, lines []estate.StatementLine, run []turns, former []*estate.StatementLine) error {
	v := values{text: make([]byte, 0, 32*len(run)), args: make([]any, 0, 2*len(run)+1)}
	for k, t := range run {
		l := &lines[t.last()]
		v.number(int64(k))
		v.number(l.EstateID)
		v.string(string(l.Month))
		v.string(l.Item)
		v.end()
	}
	return s.query(ctx, s.idb(ctx), func(rows *sql.Rows) error {
		var k int
		var amount estate.Money
		var note string
		if err := rows.Scan(&k, &amount, &note); err != nil {
			return err
		}
		line := lines[run[k].last()] // the same key
		line.Amount, line.Note = amount, note
		former[k] = &line
		return nil
	}, "WITH v (k, estate_id, month, item) AS (VALUES "+v.String()+") SELECT v.k, o.amount, o.note"+
		s.foundBy("{p}statement_lines", "o.tenant = ? AND o.estate_id = v.estate_id AND o.month = v.month AND o.item = v.item"),
		append(v.args, string(tenant))...)
}

// ListStatementLines implements [ports.Statements].
func (s *Store) ListStatementLines(ctx context.Context, tenant domain.TenantID, estateID int64, month estate.Month, after estate.StatementLine, limit int) ([]estate.StatementLine, error) {
	if limit <= 0 || month != "" && after.Month > month {
		return nil, nil
	}
	where, args := "", []any{string(tenant), estateID}
	switch month {
	case "":
		where, args = " AND (month, item) > (?, ?)", append(args, string(after.Month), after.Item)
	case after.Month:
		where, args = " AND month = ? AND item > ?", append(args, string(month), after.Item)
	default:
		where, args = " AND month = ?", append(args, string(month))
	}
	var lines []estate.StatementLine
	err := s.query(ctx, s.reader(ctx), func(rows *sql.Rows) error {
		l := estate.StatementLine{EstateID: estateID}
		err := rows.Scan(&l.Month, &l.Item, &l.Amount, &l.Note)
		lines = append(lines, l)
		return err
	}, "SELECT month, item, amount, note FROM {p}statement_lines WHERE tenant = ? AND estate_id = ?"+where+
		" ORDER BY month, item LIMIT ?", append(args, limit)...)
	if err != nil {
		return nil, err
	}
	return lines, nil
}

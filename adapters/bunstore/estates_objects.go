package bunstore

import (
	"cmp"
	"context"
	"database/sql"
	"slices"
	"strconv"
	"strings"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/estate"
)

const usersTable = "{p}users"

// objects says how records of one kind are kept.
type objects[R any] struct {
	table   string
	columns []string // after tenant and id
	id      func(R) int64
	row     func(R) []any                                                       // the values of columns
	names   func(R) []reference                                                 // what a record names, in the record's order; nil when nothing
	also    func(ctx context.Context, tenant domain.TenantID, stored []R) error // what else is stored; nil when nothing
}

// reference is a record's name for something else.
type reference struct {
	field string
	table string
	id    int64       // 0 names nothing
	role  estate.Role // what a user must be
}

// known are the objects that exist, by table and identifier; of users the
// role, else "".
type known map[string]map[int64]estate.Role

// upsert stores the records that name nothing unknown, and returns one
// outcome each.
func upsert[R any](ctx context.Context, s *Store, tenant domain.TenantID, o objects[R], records []R) ([]domain.Outcome, error) {
	outcomes := make([]domain.Outcome, len(records))
	err := s.inTx(ctx, func(ctx context.Context) error {
		if len(records) == 0 {
			return nil
		}
		return s.untilFirst(ctx, func() (bool, error) {
			clear(outcomes)
			there, err := s.lookUp(ctx, tenant, namesOf(o, records), o.table)
			if err != nil {
				return false, err
			}
			good := o.judge(records, there, outcomes)
			first, err := o.store(ctx, s, tenant, good, there)
			if err != nil || !first || o.also == nil {
				return first, err
			}
			return true, o.also(ctx, tenant, good)
		})
	})
	if err != nil {
		return nil, err
	}
	return outcomes, nil
}

// store stores the records, and reports whether those that were not there are
// still new: another transaction may have added one meanwhile, and then
// outcomes were judged too early. With one writer there is no other.
func (o objects[R]) store(ctx context.Context, s *Store, tenant domain.TenantID, good []R, there known) (bool, error) {
	put := func(records []R, tail string) (int, error) {
		return s.insertOr(ctx, o.head(), tail, len(records), func(i int) []any {
			return append([]any{string(tenant), o.id(records[i])}, o.row(records[i])...)
		})
	}
	stored := good
	if !s.dialect.oneWriter {
		var fresh []R
		stored = nil
		for _, r := range good {
			if _, found := there[o.table][o.id(r)]; found {
				stored = append(stored, r)
			} else {
				fresh = append(fresh, r)
			}
		}
		if n, err := put(fresh, "ON CONFLICT (tenant, id) DO NOTHING"); err != nil || n < len(fresh) {
			return false, err
		}
	}
	_, err := put(stored, o.tail())
	return true, err
}

// namesOf lists all that the records name, and the records themselves, by
// table.
func namesOf[R any](o objects[R], records []R) map[string][]int64 {
	names := map[string][]int64{}
	for _, r := range records {
		names[o.table] = append(names[o.table], o.id(r))
		if o.names == nil {
			continue
		}
		for _, ref := range o.names(r) {
			if ref.id != 0 {
				names[ref.table] = append(names[ref.table], ref.id)
			}
		}
	}
	return names
}

// lookUp finds out which of the names are known, and locks those of the table
// locked, "" for none.
func (s *Store) lookUp(ctx context.Context, tenant domain.TenantID, names map[string][]int64, locked string) (known, error) {
	there := known{}
	for table, ids := range names {
		role, lock := "''", ""
		if table == locked {
			lock = s.lockByID()
		}
		if table == usersTable {
			role = "role"
		}
		there[table] = make(map[int64]estate.Role, len(ids))
		for keys := range slices.Chunk(unique(ids), keyPage) {
			err := s.query(ctx, s.idb(ctx), func(rows *sql.Rows) error {
				var id int64
				var role estate.Role
				err := rows.Scan(&id, &role)
				there[table][id] = role
				return err
			}, "SELECT id, "+role+" FROM "+table+" WHERE tenant = ? AND id IN "+list(keys)+lock, string(tenant))
			if err != nil {
				return nil, err
			}
		}
	}
	return there, nil
}

// judge fills in the outcomes, and returns the last good record of each
// identifier, in the order of identifiers.
func (o objects[R]) judge(records []R, there known, outcomes []domain.Outcome) []R {
	last := make(map[int64]int, len(records))
	for i, r := range records {
		if f := o.unknown(r, there); f != nil {
			outcomes[i] = domain.FailedWith(*f)
			continue
		}
		id := o.id(r)
		_, again := last[id]
		_, stored := there[o.table][id]
		outcomes[i].Fate = domain.Created
		if stored || again {
			outcomes[i].Fate = domain.Updated
		}
		last[id] = i
	}
	good := make([]R, 0, len(last))
	for _, i := range last {
		good = append(good, records[i])
	}
	slices.SortFunc(good, func(a, b R) int { return cmp.Compare(o.id(a), o.id(b)) })
	return good
}

// unknown says what is wrong with the first name that is, or returns nil.
func (o objects[R]) unknown(r R, there known) *domain.Failure {
	if o.names == nil {
		return nil
	}
	for _, ref := range o.names(r) {
		role, found := there[ref.table][ref.id]
		var f domain.Failure
		switch {
		case ref.id == 0 || found && role == ref.role:
			continue
		case !found:
			f = domain.NewFailure(domain.CodeNotFound, ref.field, strconv.FormatInt(ref.id, 10))
		default:
			f = estate.WrongRole(ref.field, ref.id, ref.role)
		}
		return &f
	}
	return nil
}

func (o objects[R]) head() string {
	return "INSERT INTO " + o.table + " (tenant, id, " + strings.Join(o.columns, ", ") + ")"
}

func (o objects[R]) tail() string {
	sets := make([]string, len(o.columns))
	for i, c := range o.columns {
		sets[i] = c + " = excluded." + c
	}
	return "ON CONFLICT (tenant, id) DO UPDATE SET " + strings.Join(sets, ", ")
}

package bunstore

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/budget"
	"github.com/batchport/batchport/ports"
)

var _ ports.BudgetRules = (*Store)(nil)

// The savepoint of [Store.whole]. It may lie inside that of [Store.Savepoint], or
// inside of itself: the innermost of the name counts.
const (
	wholeBegin    = "SAVEPOINT batchport_whole"
	wholeRollback = "ROLLBACK TO SAVEPOINT batchport_whole"
	wholeRelease  = "RELEASE SAVEPOINT batchport_whole"
)

// UpsertBudgetRules implements [ports.BudgetRules].
//
// To return of each rule whether it was there costs a fifth of storing it, and
// mostly every rule of a call is new, or every one is there. Where nobody else
// can write meanwhile, counting first is cheaper.
func (s *Store) UpsertBudgetRules(ctx context.Context, tenant domain.TenantID, batch ports.RuleBatch, rules []ports.PlacedRule) ([]domain.Outcome, error) {
	u := ruleUpsert{store: s, tenant: tenant, batch: batch, rules: rules, outcomes: make([]domain.Outcome, len(rules))}
	statements := u.statements()
	run := s.whole
	if len(statements) <= 1 {
		run = s.inTx // one statement is done whole or not at all
	}
	err := run(ctx, func(ctx context.Context) error {
		for _, positions := range statements {
			if err := u.upsert(ctx, positions); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return u.outcomes, nil
}

// whole runs fn in a transaction of its own, or in the open one as a part that
// is undone when fn fails.
func (s *Store) whole(ctx context.Context, fn func(ctx context.Context) error) error {
	sc := s.scope(ctx)
	if sc == nil {
		return s.InTx(ctx, fn)
	}
	if _, err := s.exec(ctx, wholeBegin); err != nil {
		return err
	}
	if err := fn(ctx); err != nil {
		if sc.broken != nil {
			return err // all is undone
		}
		if _, undo := s.exec(ctx, wholeRollback); undo != nil {
			return sc.breakOff(undo)
		}
		if _, undo := s.exec(ctx, wholeRelease); undo != nil {
			return sc.breakOff(undo)
		}
		return err
	}
	_, err := s.exec(ctx, wholeRelease)
	return err
}

const ruleColumns = "code, priority, budget_code, condition, branch_code, budget_event, deleted, revision, stored_at"

// The statement that stores rules, without its values, and what it does with
// those that are there.
const (
	ruleInsert  = "INSERT INTO {p}budget_rules AS t (tenant, " + ruleColumns + ", batch, position) VALUES "
	ruleReplace = ` ON CONFLICT (tenant, code) DO UPDATE
		SET priority = excluded.priority, budget_code = excluded.budget_code, condition = excluded.condition,
			branch_code = excluded.branch_code, budget_event = excluded.budget_event, deleted = excluded.deleted,
			revision = t.revision + 1, stored_at = excluded.stored_at, batch = excluded.batch, position = excluded.position
		WHERE NOT (t.batch = excluded.batch AND t.position > excluded.position)`
	ruleReturn = " RETURNING CASE WHEN revision = 1 THEN code END"
)

// ruleUpsert is a call of [Store.UpsertBudgetRules].
type ruleUpsert struct {
	store    *Store
	tenant   domain.TenantID
	batch    ports.RuleBatch
	rules    []ports.PlacedRule
	outcomes []domain.Outcome
}

// statements returns the positions of the rules that each statement stores. A
// statement must not have a code twice: what comes again is in a further round
// of statements, so that the rules of one code are in the order of their places.
func (u *ruleUpsert) statements() (all [][]int) {
	for _, round := range ruleRounds(u.rules) {
		begin, size := 0, 0
		for k, i := range round {
			for _, e := range u.rules[i].Rule.Condition {
				size += len(e.Column.Name)
				for _, v := range e.Values {
					size += len(v.Text)
				}
			}
			if k+1-begin == insertRows || size >= insertBytes/4 || k == len(round)-1 {
				all = append(all, round[begin:k+1])
				begin, size = k+1, 0
			}
		}
	}
	return all
}

// ruleRounds returns the positions of the rules in the order of their codes, in
// rounds: a code that comes again is in a later round, since a statement must
// not have it twice. Those of one code are in the order of their places.
func ruleRounds(rules []ports.PlacedRule) (rounds [][]int) {
	order := make([]int, len(rules))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int {
		return cmp.Or(strings.Compare(rules[i].Rule.Code, rules[j].Rule.Code), cmp.Compare(rules[i].Position, rules[j].Position))
	})
	round := 0
	for k, i := range order {
		if round++; k == 0 || rules[order[k-1]].Rule.Code != rules[i].Rule.Code {
			round = 0
		}
		if round == len(rounds) {
			rounds = append(rounds, nil)
		}
		rounds[round] = append(rounds[round], i)
	}
	return rounds
}

// upsert stores the rules at these positions, which are in the order of their
// codes, with one statement.
func (u *ruleUpsert) upsert(ctx context.Context, run []int) error {
	v := u.values(run)
	if !u.store.dialect.oneWriter {
		return u.replace(ctx, run, v)
	}
	there, err := u.count(ctx, run)
	if err != nil {
		return err
	}
	switch there {
	case 0:
		u.end(run, domain.Created)
		_, err = u.store.exec(ctx, ruleInsert+v.String(), v.args...)
	case len(run):
		u.end(run, domain.Updated)
		_, err = u.store.exec(ctx, ruleInsert+v.String()+ruleReplace, v.args...)
	default:
		err = u.replace(ctx, run, v)
	}
	return err
}

// count returns how many of the rules are there.
func (u *ruleUpsert) count(ctx context.Context, run []int) (int, error) {
	args := make([]any, 0, len(run)+1)
	args = append(args, string(u.tenant))
	for _, i := range run {
		args = append(args, u.rules[i].Rule.Code)
	}
	return u.store.count(ctx, "SELECT count(*) FROM {p}budget_rules WHERE tenant = ? AND code IN ("+placeholders(len(run))+")", args...)
}

// values returns the rows of the rules at these positions.
func (u *ruleUpsert) values(run []int) values {
	v := values{text: make([]byte, 0, 64*len(run)), args: make([]any, 0, 7*len(run))}
	for _, i := range run {
		r := &u.rules[i].Rule
		v.string(string(u.tenant))
		v.string(r.Code)
		v.number(int64(r.Priority))
		v.string(r.BudgetCode)
		v.string(r.Condition.Text())
		v.string(r.BranchCode)
		v.string(r.BudgetEvent)
		v.number(int64(flag(r.Deleted)))
		v.number(1)
		v.number(micros(u.batch.At))
		v.string(u.batch.ID)
		v.number(int64(u.rules[i].Position))
		v.end()
	}
	return v
}

// replace stores rules, new or not, and asks which.
func (u *ruleUpsert) replace(ctx context.Context, run []int, v values) error {
	u.end(run, domain.Updated) // also those that return nothing, which are there at a later position
	next := 0
	return u.store.query(ctx, u.store.idb(ctx), func(rows *sql.Rows) error {
		var created sql.RawBytes
		if err := rows.Scan(&created); err != nil || created == nil {
			return err
		}
		// They come in any order, though most often in that of the statement.
		if code := string(created); next == len(run) || u.rules[run[next]].Rule.Code != code {
			next, _ = slices.BinarySearchFunc(run, code, func(i int, code string) int { return strings.Compare(u.rules[i].Rule.Code, code) })
		}
		u.outcomes[run[next]].Fate = domain.Created
		next++
		return nil
	}, ruleInsert+v.String()+ruleReplace+ruleReturn, v.args...)
}

// end gives rules the fate.
func (u *ruleUpsert) end(run []int, fate domain.Fate) {
	for _, i := range run {
		u.outcomes[i] = domain.Outcome{Fate: fate}
	}
}

// FindBudgetRule implements [ports.BudgetRules].
func (s *Store) FindBudgetRule(ctx context.Context, tenant domain.TenantID, code string) (budget.StoredRule, error) {
	found, err := s.listRules(ctx, "tenant = ? AND code = ?", string(tenant), code)
	if err == nil && len(found) == 0 {
		err = domain.CodeNotFound
	}
	if err != nil {
		return budget.StoredRule{}, err
	}
	return found[0], nil
}

// ListBudgetRules implements [ports.BudgetRules].
func (s *Store) ListBudgetRules(ctx context.Context, tenant domain.TenantID, filter budget.Filter, after string, limit int) ([]budget.StoredRule, error) {
	where, args := "tenant = ? AND code > ?", []any{string(tenant), after}
	for _, f := range []struct{ column, value string }{
		{"budget_code", filter.BudgetCode}, {"branch_code", filter.BranchCode}, {"budget_event", filter.BudgetEvent},
	} {
		if f.value != "" {
			where, args = where+" AND "+f.column+" = ?", append(args, f.value)
		}
	}
	if filter.Deleted != nil {
		where, args = where+" AND deleted = ?", append(args, flag(*filter.Deleted))
	}
	return s.listRules(ctx, where+" ORDER BY code LIMIT ?", append(args, max(limit, 0))...)
}

func (s *Store) listRules(ctx context.Context, where string, args ...any) (found []budget.StoredRule, err error) {
	err = s.query(ctx, s.reader(ctx), func(rows *sql.Rows) error {
		var r budget.StoredRule
		var condition string
		var stored int64
		err := rows.Scan(&r.Code, &r.Priority, &r.BudgetCode, &condition, &r.BranchCode, &r.BudgetEvent, &r.Deleted, &r.Revision, &stored)
		if err != nil {
			return err
		}
		if r.Condition, err = budget.ParseCondition(condition); err != nil {
			// What is stored is no fault of the data that a caller sent.
			return &domain.Error{Code: domain.CodeInternal, Err: fmt.Errorf("decode budget rule %q: %w", r.Code, err)}
		}
		r.StoredAt = instant(stored)
		found = append(found, r)
		return nil
	}, "SELECT "+ruleColumns+" FROM {p}budget_rules WHERE "+where, args...)
	if err != nil {
		return nil, err
	}
	return found, nil
}

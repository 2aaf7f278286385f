package bunstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/batchport/batchport/domain"
)

// Tx returns the transaction that is open in ctx, for a host's own tables:
// what is done with it commits together with what the store does. In a
// [Store.Snapshot] it is the snapshot, for reading alone. With transactions of
// several stores in ctx it is the innermost.
//
// Tx panics when there is none, because writing outside of the transaction
// would break the promise silently. The engine always calls a kind's Apply
// inside of one. The caller neither commits it nor rolls it back.
func Tx(ctx context.Context) bun.IDB {
	sc, _ := ctx.Value(scopeKey{}).(*scope)
	if sc == nil {
		panic("bunstore: Tx: no transaction is open in this context; call it inside of Store.InTx, with the context given there")
	}
	return sc.tx
}

type scopeKey struct{}

// scope is what rides in a context: a transaction, and how deep in it we are.
type scope struct {
	*transaction
	savepoint bool   // inside of Savepoint
	outer     *scope // that was in the context already, of another store
}

// transaction is an open transaction. Like the [sql.Tx] below it, it belongs
// to one goroutine at a time.
type transaction struct {
	store    *Store
	tx       bun.Tx
	readOnly bool
	broken   error // why it can only be rolled back, or nil
}

// scope returns the transaction of this store that is open in ctx, or nil.
func (s *Store) scope(ctx context.Context) *scope {
	sc, _ := ctx.Value(scopeKey{}).(*scope)
	for sc != nil && sc.store != s {
		sc = sc.outer
	}
	return sc
}

func withScope(ctx context.Context, t *transaction, savepoint bool) context.Context {
	outer, _ := ctx.Value(scopeKey{}).(*scope)
	return context.WithValue(ctx, scopeKey{}, &scope{transaction: t, savepoint: savepoint, outer: outer})
}

// writable fails when ctx holds a snapshot, or a transaction that the
// database has given up: a statement would then run, and commit, on its own.
func (s *Store) writable(ctx context.Context) error {
	sc := s.scope(ctx)
	switch {
	case sc == nil:
		return nil
	case sc.readOnly:
		return misuse("a snapshot is for reading alone")
	default:
		return sc.broken
	}
}

// InTx implements [github.com/batchport/batchport/ports.Transactions]. On
// PostgreSQL fn is run again after a deadlock or a serialization failure, up to
// eight times in all; then it gives [domain.CodeUnavailable].
func (s *Store) InTx(ctx context.Context, fn func(ctx context.Context) error) error {
	if s.scope(ctx) != nil {
		return misuse("InTx inside of a transaction or a snapshot")
	}
	return s.whileColliding(ctx, func() error { return s.inOneTx(ctx, fn) })
}

// inOneTx runs fn in one try at a transaction.
func (s *Store) inOneTx(ctx context.Context, fn func(ctx context.Context) error) error {
	tx, err := s.begin(ctx)
	if err != nil {
		return s.classify(ctx, err)
	}
	t := &transaction{store: s, tx: tx}
	// Also when fn panics or its goroutine exits. After a commit it does nothing.
	defer tx.Rollback() //nolint:errcheck // what is not committed is not there
	if err := fn(withScope(ctx, t, false)); err != nil {
		err = s.classify(ctx, err)
		if t.broken != nil && domain.DataFault(err) {
			return t.broken
		}
		return err
	}
	if t.broken != nil {
		return t.broken
	}
	return s.commit(ctx, tx)
}

// begin opens a transaction that may write.
func (s *Store) begin(ctx context.Context) (tx bun.Tx, err error) {
	err = s.whileBusy(ctx, func() error {
		tx, err = s.tryBegin(ctx)
		return err
	})
	return tx, err
}

func (s *Store) tryBegin(ctx context.Context) (bun.Tx, error) {
	tx, err := s.db.BeginTx(ctx, &sql.TxOptions{Isolation: s.dialect.writing})
	if err != nil || s.dialect.takeLock == "" {
		return tx, err
	}
	if _, err := tx.ExecContext(ctx, s.tables.Replace(s.dialect.takeLock)); err != nil {
		return tx, errors.Join(err, tx.Rollback())
	}
	return tx, nil
}

// commit ends the transaction. A commit that fails in a way that nobody knows
// is a fault of the store, such as a transaction that the database ended
// by itself because the disk was full.
func (s *Store) commit(ctx context.Context, tx bun.Tx) error {
	if s.dialect.settle != "" {
		// Constraints that were put off are checked while the answer is sure to
		// come back, and so is that no statement has failed unseen.
		if _, err := tx.ExecContext(ctx, s.dialect.settle); err != nil {
			return s.classify(ctx, err)
		}
	}
	err := tx.Commit()
	if err == nil {
		return nil
	}
	err = s.classify(ctx, fmt.Errorf("commit: %w", err))
	if ctx.Err() == nil && domain.CodeOf(err) == domain.CodeInternal {
		return domain.Unavailable(err)
	}
	return err
}

// inTx runs fn in the transaction open in ctx, or in one of its own.
func (s *Store) inTx(ctx context.Context, fn func(ctx context.Context) error) error {
	if s.scope(ctx) == nil {
		return s.InTx(ctx, fn)
	}
	if err := s.writable(ctx); err != nil {
		return err
	}
	return fn(ctx)
}

// The statements of a savepoint. They are not nested, so one name does.
const (
	savepointBegin    = "SAVEPOINT batchport_part"
	savepointRollback = "ROLLBACK TO SAVEPOINT batchport_part"
	savepointRelease  = "RELEASE SAVEPOINT batchport_part"
)

// Savepoint implements [github.com/batchport/batchport/ports.Transactions].
func (s *Store) Savepoint(ctx context.Context, fn func(ctx context.Context) error) (err error) {
	sc := s.scope(ctx)
	if sc == nil || sc.savepoint {
		return misuse("Savepoint outside of a transaction, or inside of another")
	}
	if err := s.writable(ctx); err != nil {
		return err
	}
	if _, err := sc.tx.ExecContext(ctx, savepointBegin); err != nil {
		return s.fail(ctx, err)
	}
	kept := false
	defer func() {
		// Also when fn panics: whoever recovers finds the part undone.
		if !kept {
			if undo := sc.undo(ctx); undo != nil {
				err = undo
			}
		}
	}()
	if err := fn(withScope(ctx, sc.transaction, true)); err != nil {
		return s.classify(ctx, err)
	}
	if _, err := sc.tx.ExecContext(ctx, savepointRelease); err != nil {
		if err = s.classify(ctx, err); errors.Is(err, errSpoilt) {
			return err // fn has swallowed an error; what it did can be undone
		}
		kept = true
		return sc.breakOff(err)
	}
	kept = true
	return nil
}

// undo takes the savepoint back and releases it, because a database keeps what
// is not released in memory. When that fails, the database has given up the
// whole transaction, and undo says so.
func (t *transaction) undo(ctx context.Context) error {
	for _, statement := range []string{savepointRollback, savepointRelease} {
		if _, err := t.tx.ExecContext(ctx, statement); err != nil {
			return t.breakOff(t.store.classify(ctx, err))
		}
	}
	return nil
}

// breakOff marks the transaction as one that can only be rolled back, and
// returns why: the context that ended, or a fault of the store.
func (t *transaction) breakOff(err error) error {
	if code := domain.CodeOf(err); code != domain.CodeUnavailable && !isContextError(err) {
		err = domain.Unavailable(fmt.Errorf("the database gave up the transaction: %w", err))
	}
	if t.broken == nil {
		t.broken = err
	}
	return err
}

// Snapshot implements [github.com/batchport/batchport/ports.Transactions].
// Inside of a transaction or a snapshot it is a part of that.
func (s *Store) Snapshot(ctx context.Context, fn func(ctx context.Context) error) error {
	if s.scope(ctx) != nil {
		return s.classify(ctx, fn(ctx))
	}
	tx, err := s.readDB.BeginTx(ctx, &sql.TxOptions{Isolation: s.dialect.snapshot, ReadOnly: true})
	if err != nil {
		return s.classify(ctx, err)
	}
	defer tx.Rollback() //nolint:errcheck // there is nothing to lose
	snapshot := withScope(ctx, &transaction{store: s, tx: tx, readOnly: true}, false)
	// The view is that of the first read, not of the beginning.
	if _, err := s.count(snapshot, "SELECT count(*) FROM {p}settings WHERE name = ''"); err != nil {
		return err
	}
	return s.classify(ctx, fn(snapshot))
}

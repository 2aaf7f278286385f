// Package memory implements every port in memory. It passes every contract
// suite, which makes it a fair double in tests; its [Bell] also serves hosts
// that run batchport in one process without NATS.
package memory

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

var (
	_ ports.Store     = (*Store)(nil)
	_ ports.APIKeys   = (*Store)(nil)
	_ ports.Authority = (*Store)(nil)
)

// Store keeps everything in maps and runs one transaction at a time. What is
// stored is never changed in place: a change puts a new value, and an undo
// list puts the old one back.
type Store struct {
	clock func() time.Time

	turn        chan struct{} // holds one token while a transaction is open; a mutex would not heed contexts
	submissions int64
	jobs        map[domain.JobID]jobRow
	open        map[domain.JobID]struct{} // jobs that have not ended
	chunks      map[domain.JobID]map[int]chunkRow
	failures    map[domain.JobID]map[int]domain.ItemFailure
	warnings    map[domain.JobID]map[int]domain.ItemFailure
	added       int64
	outbox      map[eventKey]outboxRow
	keys        map[tenantKey]ports.IdempotencyKey
	apiKeys     map[string]ports.APIKey
	uploads     map[uploadKey]ports.Upload
	rules       map[tenantKey]ruleRow
	answers     map[tenantKey]answerRow
	quotas      map[tenantKey]quotaRow
	estates     estateTables
}

type tenantKey struct {
	tenant domain.TenantID
	key    string
}

// NewStore returns an empty store whose clock is now.
func NewStore(now func() time.Time) *Store {
	return &Store{
		clock:    now,
		turn:     make(chan struct{}, 1),
		jobs:     map[domain.JobID]jobRow{},
		open:     map[domain.JobID]struct{}{},
		chunks:   map[domain.JobID]map[int]chunkRow{},
		failures: map[domain.JobID]map[int]domain.ItemFailure{},
		warnings: map[domain.JobID]map[int]domain.ItemFailure{},
		outbox:   map[eventKey]outboxRow{},
		keys:     map[tenantKey]ports.IdempotencyKey{},
		apiKeys:  map[string]ports.APIKey{},
		uploads:  map[uploadKey]ports.Upload{},
		rules:    map[tenantKey]ruleRow{},
		answers:  map[tenantKey]answerRow{},
		quotas:   map[tenantKey]quotaRow{},
		estates:  newEstateTables(),
	}
}

// tx is an open transaction: what puts the old values back, newest last.
type tx struct {
	undo        []func()
	inSavepoint bool
}

func (t *tx) rollBackTo(mark int) {
	for i := len(t.undo) - 1; i >= mark; i-- {
		t.undo[i]()
	}
	t.undo = t.undo[:mark]
}

// txKey finds the open transaction of one store in a context.
type txKey struct{ store *Store }

var (
	errNested    = &domain.Error{Code: domain.CodeInternal, Err: errors.New("transaction inside a transaction")}
	errNoTx      = &domain.Error{Code: domain.CodeInternal, Err: errors.New("no open transaction")}
	errReadOnly  = &domain.Error{Code: domain.CodeInternal, Err: errors.New("a snapshot cannot be written")}
	errSavepoint = &domain.Error{Code: domain.CodeInternal, Err: errors.New("savepoint inside a savepoint")}
)

// InTx implements [ports.Transactions].
func (s *Store) InTx(ctx context.Context, fn func(context.Context) error) (err error) {
	if ctx.Value(txKey{s}) != nil {
		return errNested
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-s.turn }()
	t := &tx{}
	committed := false
	defer func() {
		if !committed {
			t.rollBackTo(0)
		}
	}()
	if err := fn(context.WithValue(ctx, txKey{s}, t)); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	committed = true
	return nil
}

// Savepoint implements [ports.Transactions].
func (s *Store) Savepoint(ctx context.Context, fn func(context.Context) error) error {
	t, ok := ctx.Value(txKey{s}).(*tx)
	switch {
	case !ok:
		return errNoTx
	case t.inSavepoint:
		return errSavepoint
	}
	mark, released := len(t.undo), false
	t.inSavepoint = true
	defer func() {
		t.inSavepoint = false
		if !released {
			t.rollBackTo(mark)
		}
	}()
	if err := fn(ctx); err != nil {
		return err
	}
	released = true
	return nil
}

// snapshotKey finds the open snapshot of one store in a context.
type snapshotKey struct{ store *Store }

// Snapshot implements [ports.Transactions]: the view is a copy of the maps,
// whose values never change.
func (s *Store) Snapshot(ctx context.Context, fn func(context.Context) error) error {
	var view *Store
	err := s.do(ctx, func(s *Store, _ *tx) error {
		view = s.copy()
		return nil
	})
	if err != nil {
		return err
	}
	return fn(context.WithValue(ctx, snapshotKey{s}, view))
}

func (s *Store) copy() *Store {
	return &Store{
		clock: s.clock, submissions: s.submissions, added: s.added,
		jobs: maps.Clone(s.jobs), open: maps.Clone(s.open),
		chunks: cloneDeep(s.chunks), failures: cloneDeep(s.failures), warnings: cloneDeep(s.warnings),
		outbox: maps.Clone(s.outbox), keys: maps.Clone(s.keys), apiKeys: maps.Clone(s.apiKeys),
		uploads: maps.Clone(s.uploads), rules: maps.Clone(s.rules), answers: maps.Clone(s.answers),
		quotas: maps.Clone(s.quotas), estates: s.estates.copy(),
	}
}

func cloneDeep[K, L comparable, V any](m map[K]map[L]V) map[K]map[L]V {
	clone := make(map[K]map[L]V, len(m))
	for k, inner := range m {
		clone[k] = maps.Clone(inner)
	}
	return clone
}

// OnRollback makes the open transaction of ctx call undo if it, or the
// savepoint it is in, is rolled back; newest first. With it a kind that keeps
// its own maps in a test gets the same guarantee as with a database. Without an
// open transaction it panics.
func (s *Store) OnRollback(ctx context.Context, undo func()) {
	t, ok := ctx.Value(txKey{s}).(*tx)
	if !ok {
		panic("memory: OnRollback without a transaction")
	}
	t.undo = append(t.undo, undo)
}

// do runs fn in the open transaction of ctx, or on its snapshot, or in a
// transaction of its own. fn works on the store that it is given.
func (s *Store) do(ctx context.Context, fn func(s *Store, t *tx) error) error {
	if t, ok := ctx.Value(txKey{s}).(*tx); ok {
		if err := ctx.Err(); err != nil {
			return err
		}
		return fn(s, t)
	}
	if view, ok := ctx.Value(snapshotKey{s}).(*Store); ok {
		return view.read(ctx, fn)
	}
	return s.InTx(ctx, func(ctx context.Context) error { return fn(s, ctx.Value(txKey{s}).(*tx)) })
}

// read runs fn on a snapshot, which cannot be written.
func (s *Store) read(ctx context.Context, fn func(s *Store, t *tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	t := &tx{}
	err := fn(s, t)
	if err == nil && len(t.undo) > 0 {
		err = errReadOnly
	}
	t.rollBackTo(0)
	return err
}

// put sets m[k], and undoes it with the transaction.
func put[K comparable, V any](t *tx, m map[K]V, k K, v V) {
	old, had := m[k]
	m[k] = v
	t.undo = append(t.undo, func() {
		if had {
			m[k] = old
		} else {
			delete(m, k)
		}
	})
}

// drop removes m[k], and undoes it with the transaction.
func drop[K comparable, V any](t *tx, m map[K]V, k K) {
	old, had := m[k]
	if !had {
		return
	}
	delete(m, k)
	t.undo = append(t.undo, func() { m[k] = old })
}

// assign sets *p, and undoes it with the transaction.
func assign[V any](t *tx, p *V, v V) {
	old := *p
	*p = v
	t.undo = append(t.undo, func() { *p = old })
}

// sub returns m[k], which it makes when it is not there.
func sub[K, L comparable, V any](t *tx, m map[K]map[L]V, k K) map[L]V {
	if m[k] == nil {
		put(t, m, k, map[L]V{})
	}
	return m[k]
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K {
	return slices.Sorted(maps.Keys(m))
}

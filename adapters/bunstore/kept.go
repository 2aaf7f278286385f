package bunstore

import (
	"context"
	"database/sql"
	"sync"
)

// keptReads are the statements of reads that come so often that parsing their
// text would take most of their time: each connection keeps them prepared.
type keptReads struct {
	mu         sync.Mutex
	statements map[string]*sql.Stmt
}

// keep returns the statement, prepared.
func (s *Store) keep(ctx context.Context, statement string) (*sql.Stmt, error) {
	s.kept.mu.Lock()
	defer s.kept.mu.Unlock()
	if kept := s.kept.statements[statement]; kept != nil {
		return kept, nil
	}
	kept, err := s.readDB.PrepareContext(ctx, s.tables.Replace(statement))
	if err != nil {
		return nil, err
	}
	if s.kept.statements == nil {
		s.kept.statements = map[string]*sql.Stmt{}
	}
	s.kept.statements[statement] = kept.Stmt
	return kept.Stmt, nil
}

// readOften is [Store.query] on reader, for a statement that is run often, with
// the same text and for a row or two.
func (s *Store) readOften(ctx context.Context, scan func(rows *sql.Rows) error, statement string, args ...any) error {
	if !s.dialect.keepsReads || s.scope(ctx) != nil {
		return s.query(ctx, s.reader(ctx), scan, statement, args...)
	}
	kept, err := s.keep(ctx, statement) //nolint:sqlclosecheck // kept until the database is closed
	if err != nil {
		return s.fail(ctx, err)
	}
	// To be able to break such a read off costs more than the read itself: a
	// goroutine of the driver's, and another one of database/sql. Only a wait for
	// a connection can be long.
	if stats := s.readDB.Stats(); stats.MaxOpenConnections == 0 || stats.InUse < stats.MaxOpenConnections {
		if err := ctx.Err(); err != nil {
			return s.fail(ctx, err)
		}
		ctx = context.WithoutCancel(ctx)
	}
	rows, err := kept.QueryContext(ctx, args...)
	if err != nil {
		return s.fail(ctx, err)
	}
	return s.each(ctx, rows, scan)
}

package bunstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

var (
	_ ports.Store     = (*Store)(nil)
	_ ports.APIKeys   = (*Store)(nil)
	_ ports.Authority = (*Store)(nil)
)

// Config holds what a [Store] may be told. The zero value works.
type Config struct {
	// TablePrefix begins the name of every table and index, so that they can
	// live beside a host's own: a lower-case letter or '_', then up to 30
	// letters, digits and '_'. "" means "batchport_".
	TablePrefix string

	// ReadDB is where reads go that are not part of a transaction. It is the
	// same database, opened for reading: with SQLite, connections that take no
	// write lock. nil means the database given to [New], which must then allow at
	// least two connections, because a snapshot holds one.
	ReadDB *bun.DB

	// Version returns a number that is another one after every commit to the
	// database that was made before the call, whoever made it: so that what is
	// read very often, a job or an API key, need not be read again while nothing
	// has changed. The package sqlite below has one. nil means that it is always
	// read.
	Version func() (int64, error)
}

const defaultTablePrefix = "batchport_"

var tablePrefixForm = regexp.MustCompile(`^[a-z_][a-z0-9_]{0,30}$`)

// Store keeps everything of batchport in one database. It is safe for
// concurrent use. Create it with [New], and its tables with [Store.Migrate].
type Store struct {
	db      *bun.DB
	readDB  *bun.DB
	dialect sqlDialect
	tables  *strings.Replacer // see [sqlDialect.renderer]

	kept       keptReads
	remembered remembered

	busyPatience time.Duration // see [Store.whileBusy]
}

// New returns a store on db, which stays the caller's to close. It does no
// I/O. A database of a dialect that has no migrations here, or a table prefix
// of another form, is an error.
//
// An SQLite database must have foreign keys and a busy timeout switched on,
// as the package sqlite below opens it; a PostgreSQL database must have
// standard_conforming_strings on, as the package postgres makes sure.
func New(db *bun.DB, cfg Config) (*Store, error) {
	if db == nil {
		return nil, errors.New("bunstore: no database")
	}
	if cfg.ReadDB == nil {
		cfg.ReadDB = db
	}
	if cfg.TablePrefix == "" {
		cfg.TablePrefix = defaultTablePrefix
	}
	if !tablePrefixForm.MatchString(cfg.TablePrefix) {
		return nil, fmt.Errorf("bunstore: table prefix %q does not match %s", cfg.TablePrefix, tablePrefixForm)
	}
	if name := db.Dialect().Name(); name != cfg.ReadDB.Dialect().Name() {
		return nil, fmt.Errorf("bunstore: the databases for writing and reading are of the dialects %s and %s",
			name, cfg.ReadDB.Dialect().Name())
	}
	d, err := dialectOf(db.Dialect().Name())
	if err != nil {
		return nil, err
	}
	return &Store{
		db: db, readDB: cfg.ReadDB, dialect: d,
		tables:       d.renderer(cfg.TablePrefix),
		remembered:   remembered{version: cfg.Version},
		busyPatience: busyPatience,
	}, nil
}

// idb returns what statements with ctx run on: the transaction open in ctx, or
// the database.
func (s *Store) idb(ctx context.Context) bun.IDB {
	if sc := s.scope(ctx); sc != nil {
		return sc.tx
	}
	return s.db
}

// reader is idb for statements that only read.
func (s *Store) reader(ctx context.Context) bun.IDB {
	if sc := s.scope(ctx); sc != nil {
		return sc.tx
	}
	return s.readDB
}

// exec runs a statement that writes, with {p} and {now} rendered, and returns
// how many rows it touched.
func (s *Store) exec(ctx context.Context, statement string, args ...any) (int, error) {
	if err := s.writable(ctx); err != nil {
		return 0, err
	}
	var result sql.Result
	run := func() (err error) {
		result, err = s.idb(ctx).ExecContext(ctx, s.tables.Replace(statement), args...)
		return err
	}
	var err error
	if s.scope(ctx) != nil {
		err = run() // the transaction has its locks, and is repeated as a whole
	} else {
		err = s.whileColliding(ctx, func() error { return s.whileBusy(ctx, run) })
	}
	if err != nil {
		return 0, s.fail(ctx, err)
	}
	affected, err := result.RowsAffected()
	if err != nil {
		return 0, s.fail(ctx, err)
	}
	return int(affected), nil
}

// query runs a statement that returns rows on db, with {p} and {now}
// rendered, and calls scan for each row. The rows are closed when it returns.
func (s *Store) query(ctx context.Context, db bun.IDB, scan func(rows *sql.Rows) error, statement string, args ...any) error {
	rows, err := db.QueryContext(ctx, s.tables.Replace(statement), args...)
	if err != nil {
		return s.fail(ctx, err)
	}
	return s.each(ctx, rows, scan)
}

// each calls scan for each row, and closes the rows.
func (s *Store) each(ctx context.Context, rows *sql.Rows, scan func(rows *sql.Rows) error) error {
	defer rows.Close() //nolint:errcheck // what it could say, Err says
	for rows.Next() {
		if err := scan(rows); err != nil {
			return s.fail(ctx, err)
		}
	}
	return s.fail(ctx, rows.Err())
}

// count runs a query on reader for one whole number.
func (s *Store) count(ctx context.Context, statement string, args ...any) (n int, err error) {
	err = s.query(ctx, s.reader(ctx), func(rows *sql.Rows) error { return rows.Scan(&n) }, statement, args...)
	return n, err
}

// holds runs a query on reader for one truth.
func (s *Store) holds(ctx context.Context, statement string, args ...any) (yes bool, err error) {
	err = s.query(ctx, s.reader(ctx), func(rows *sql.Rows) error { return rows.Scan(&yes) }, statement, args...)
	return yes, err
}

// micros is t as it is stored.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// instant is the time that was stored as us.
func instant(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

// flag is b as it is stored.
func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}

// text is JSON as it is stored: nil stays NULL.
func text(document []byte) any {
	if document == nil {
		return nil
	}
	return string(document)
}

// optional is a trace as it is stored: "" is NULL.
func optional(trace domain.TraceParent) any {
	if trace == "" {
		return nil
	}
	return string(trace)
}

// misuse gives [domain.CodeInternal] for a call that a caller got wrong.
func misuse(format string, args ...any) error {
	return &domain.Error{Code: domain.CodeInternal, Err: fmt.Errorf("bunstore: "+format, args...)}
}

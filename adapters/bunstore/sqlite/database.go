// Package sqlite opens an SQLite file the way that batchport needs it. It is
// the only package that brings a driver for it, in pure Go.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	_ "modernc.org/sqlite" // registers the driver "sqlite"
)

const (
	// readers bounds the connections that read at once. Each snapshot holds one.
	readers = 16

	// idleTime is how long one that nobody needs stays open, with the statements
	// that it keeps.
	idleTime = time.Minute

	// openTimeout bounds opening while other processes open the same new file.
	openTimeout = 15 * time.Second
)

// The settings of connections. A page cache of 8 MiB for the writer and 1 MiB
// for each reader keeps the process small; the system caches the file anyway.
//
// A connection waits up to 2 s by itself for another process that has the
// write lock; the store above tries again while its caller's context lives. One
// long wait would hold up a process that is asked to stop.
const (
	shared = "_pragma=busy_timeout(2000)&_pragma=foreign_keys(on)&_pragma=synchronous(full)" +
		"&_pragma=journal_size_limit(67108864)"
	writerSettings = "_txlock=immediate&_pragma=cache_size(-8192)&" + shared
	readerSettings = "_txlock=deferred&_pragma=cache_size(-1024)&_pragma=query_only(on)&" + shared
)

// DB is an open file. Its two parts are what the store of the package above
// takes.
type DB struct {
	Write *bun.DB // one connection; its transactions take the write lock when they begin
	Read  *bun.DB // a pool of connections that cannot write

	versions *versions
}

// Open opens the file at path, and makes it when it is not there, readable by
// its owner alone. The folder must exist. Any number of processes may have one
// file open, on a local disk. The path may hold any characters; it is never a
// URI, and ":memory:" is a file of that name.
func Open(path string) (*DB, error) {
	if path == "" {
		return nil, errors.New("sqlite: no path")
	}
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("sqlite: %w", err)
	}
	if err := create(absolute); err != nil {
		return nil, fmt.Errorf("sqlite: %w", err)
	}
	write, err := open(absolute, writerSettings)
	if err != nil {
		return nil, err
	}
	write.SetMaxOpenConns(1)
	ctx, cancel := context.WithTimeout(context.Background(), openTimeout)
	defer cancel()
	if err := useWAL(ctx, write); err != nil {
		return nil, errors.Join(fmt.Errorf("sqlite: open %q: %w", path, err), write.Close())
	}
	read, err := open(absolute, readerSettings)
	if err != nil {
		return nil, errors.Join(err, write.Close())
	}
	read.SetMaxOpenConns(readers)
	read.SetMaxIdleConns(readers)
	read.SetConnMaxIdleTime(idleTime)
	return &DB{
		Write: bun.NewDB(write, sqlitedialect.New()),
		Read:  bun.NewDB(read, sqlitedialect.New()),

		versions: &versions{driver: read.Driver(), source: dataSource(absolute, readerSettings)},
	}, nil
}

// Close closes the file. It waits for statements that run.
func (db *DB) Close() error {
	// The writer last: the last connection to close folds the journal into the
	// file, and a reader may not.
	return errors.Join(db.versions.close(), db.Read.Close(), db.Write.Close())
}

// create makes the file, so that SQLite gives its journals the same mode.
func create(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

func open(path, settings string) (*sql.DB, error) {
	return sql.Open("sqlite", dataSource(path, settings))
}

// dataSource returns the URI of an absolute path: https://sqlite.org/uri.html.
func dataSource(path, settings string) string {
	slashed := filepath.ToSlash(path)
	if !strings.HasPrefix(slashed, "/") { // C:/…
		slashed = "/" + slashed
	}
	uri := url.URL{Scheme: "file", OmitHost: true, Path: slashed, RawQuery: settings}
	return uri.String()
}

// useWAL switches the file to a write-ahead log, which stays switched. While
// another process does the same, SQLite fails without waiting: try again until
// ctx ends.
func useWAL(ctx context.Context, db *sql.DB) error {
	for pause := time.Millisecond; ; pause = min(2*pause, 100*time.Millisecond) {
		var mode string
		err := db.QueryRowContext(ctx, "PRAGMA journal_mode = wal").Scan(&mode)
		if err == nil && mode != "wal" {
			return fmt.Errorf("the file system allows the journal mode %q only", mode)
		}
		if !busy(err) {
			return err
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return err
		case <-timer.C:
		}
	}
}

// busy reports whether another connection is in the way: SQLITE_BUSY.
func busy(err error) bool {
	var coded interface {
		error
		Code() int
	}
	return errors.As(err, &coded) && coded.Code()&0xff == 5
}

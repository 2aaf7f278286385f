package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"sync"
)

// versions tells whether anything was committed to a file. It has a connection
// of its own, which never writes: of what a connection commits itself, SQLite
// does not tell it.
type versions struct {
	driver driver.Driver
	source string

	mu     sync.Mutex
	conn   driver.Conn
	ask    driver.Stmt
	closed bool
	known  int64 // what the connection has said last
	number int64 // what that means to others; other connections count from anew
}

var errClosed = errors.New("sqlite: the database is closed")

// Version returns a number that is another one after every commit to the file,
// by any process, that was made before the call: as long as it stays the same,
// what was read after the first call holds. It costs a fraction of a read. See
// https://sqlite.org/pragma.html#pragma_data_version.
func (db *DB) Version() (int64, error) { return db.versions.version() }

func (v *versions) version() (int64, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := v.connect(); err != nil {
		return 0, err
	}
	now, err := v.read()
	if err != nil {
		return 0, errors.Join(fmt.Errorf("sqlite: ask for the version: %w", err), v.disconnect())
	}
	if now != v.known {
		v.known = now
		v.number++
	}
	return v.number, nil
}

// connect makes sure that there is a connection. With another one comes another
// number: what it says is not comparable with what the last one said.
func (v *versions) connect() (err error) {
	if v.closed {
		return errClosed
	}
	if v.ask != nil {
		return nil
	}
	v.number++
	v.known = -1
	if v.conn, err = v.driver.Open(v.source); err != nil {
		return fmt.Errorf("sqlite: %w", err)
	}
	if v.ask, err = v.conn.Prepare("PRAGMA data_version"); err != nil {
		return errors.Join(fmt.Errorf("sqlite: %w", err), v.disconnect())
	}
	return nil
}

func (v *versions) read() (int64, error) {
	ask, able := v.ask.(driver.StmtQueryContext)
	if !able {
		return 0, errors.New("the driver knows no contexts")
	}
	// Without a context that can end: it takes microseconds.
	rows, err := ask.QueryContext(context.Background(), nil)
	if err != nil {
		return 0, err
	}
	row := make([]driver.Value, 1)
	err = rows.Next(row)
	if errors.Is(err, io.EOF) {
		err = sql.ErrNoRows
	}
	if err = errors.Join(err, rows.Close()); err != nil {
		return 0, err
	}
	version, ok := row[0].(int64)
	if !ok {
		return 0, fmt.Errorf("the version is %v", row[0])
	}
	return version, nil
}

// disconnect closes the connection, if there is one.
func (v *versions) disconnect() (err error) {
	if v.ask != nil {
		err = v.ask.Close()
	}
	if v.conn != nil {
		err = errors.Join(err, v.conn.Close())
	}
	v.ask, v.conn = nil, nil
	return err
}

func (v *versions) close() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.closed = true
	return v.disconnect()
}

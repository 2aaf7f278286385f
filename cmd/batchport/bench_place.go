package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"
)

// benchFolderName is the folder in the data folder that a measurement has to
// itself. What one that was killed left there the next one removes.
const benchFolderName = "bench"

// benchPlace is where a measurement is made: a folder on the disk of the data
// folder, and two databases, empty and of this version, beside the
// installation's own.
type benchPlace struct {
	folder  string
	engine  *database // the engine's
	floor   *database // that of the bare statements
	system  string    // such as "SQLite 3.50.4"
	closers []func() error
}

// openBenchPlace opens a place beside the installation. The data folder must
// exist. It must be closed, also when ctx has ended.
func openBenchPlace(ctx context.Context, at location) (p *benchPlace, err error) {
	p = &benchPlace{folder: filepath.Join(at.data, benchFolderName)}
	version := "SELECT 'SQLite ' || sqlite_version()"
	open := p.openFile
	err = p.openFolder()
	if err == nil && at.database != "" {
		version = "SELECT 'PostgreSQL ' || split_part(current_setting('server_version'), ' ', 1)"
		open, err = p.schemas(ctx, at)
	}
	if err == nil {
		p.engine, err = open(ctx, "engine")
	}
	if err == nil {
		p.floor, err = open(ctx, "floor")
	}
	if err == nil {
		err = p.engine.db.Read.QueryRowContext(ctx, version).Scan(&p.system)
	}
	if err != nil {
		err = errors.Join(err, p.close())
	}
	return p, err
}

// bare is the floor on its database.
func (p *benchPlace) bare() floor { return floor(p.floor.db) }

// openFolder makes the folder and locks it, so that nobody else measures, or
// removes it, as long as this process lives.
func (p *benchPlace) openFolder() error {
	if err := os.Mkdir(p.folder, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("make the folder to measure in: %w", err)
	}
	name := filepath.Join(p.folder, "lock")
	lock := flock.New(name, flock.SetPermissions(0o600))
	locked, err := lock.TryLock()
	if err != nil {
		return fmt.Errorf("lock the folder to measure in: %w", err)
	}
	if !locked {
		return fmt.Errorf("another measurement is going on in %s; two at once would measure each other", p.folder)
	}
	p.closers = append(p.closers, func() error {
		// The lock goes last: until then the folder is nobody else's.
		err := errors.Join(p.empty(), os.Remove(name), lock.Unlock())
		if removed := os.Remove(p.folder); removed != nil && !errors.Is(removed, fs.ErrExist) {
			err = errors.Join(err, removed)
		}
		return err
	})
	return p.empty()
}

// empty removes all but the lock.
func (p *benchPlace) empty() error {
	entries, err := os.ReadDir(p.folder)
	for _, e := range entries {
		if e.Name() != "lock" {
			err = errors.Join(err, os.RemoveAll(filepath.Join(p.folder, e.Name())))
		}
	}
	return err
}

// openFile opens a data folder of the name in the folder.
func (p *benchPlace) openFile(ctx context.Context, name string) (*database, error) {
	return p.open(ctx, location{data: filepath.Join(p.folder, name)})
}

// open opens a database until the place is closed.
func (p *benchPlace) open(ctx context.Context, at location) (*database, error) {
	db, err := at.open(ctx)
	if err == nil {
		p.closers = append(p.closers, db.Close)
	}
	return db, err
}

// close removes the place and all that is in it.
func (p *benchPlace) close() (err error) {
	for i := len(p.closers) - 1; i >= 0; i-- {
		err = errors.Join(err, p.closers[i]())
	}
	p.closers = nil
	return err
}

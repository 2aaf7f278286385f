package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/gofrs/flock"

	"github.com/batchport/batchport/adapters/bunstore"
	"github.com/batchport/batchport/adapters/bunstore/sqlite"
)

const databaseName = "batchport.db"

// The data folder, in which the embedded store lives:
//
//	batchport.db   the database, with -wal and -shm beside it
//	files/         exports and uploads
//	jetstream/     bells and events; may be deleted at any time
//	serve.lock     held by the process that serves

// openDataFolder opens the folder's database, which it creates and migrates
// when needed. Any number of processes may have it open.
func openDataFolder(ctx context.Context, path string) (*database, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("make the data folder: %w", err)
	}
	db, err := sqlite.Open(filepath.Join(path, databaseName))
	if err != nil {
		return nil, err
	}
	store, err := bunstore.New(db.Write, bunstore.Config{ReadDB: db.Read, Version: db.Version})
	if err == nil {
		err = store.Migrate(ctx)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the data folder %s: %w", path, err), db.Close())
	}
	return &database{store: store, db: handles{db.Write, db.Read}, close: db.Close}, nil
}

// makeDataFolder opens the folder for a command that may be the first to use
// it, and says so when it was: it may not be the folder that was meant.
func makeDataFolder(ctx context.Context, path string, stderr io.Writer) (*database, error) {
	isNew := !hasDatabase(path)
	folder, err := openDataFolder(ctx, path)
	if err == nil && isNew {
		// It is made all the same if nobody can be told.
		_, _ = fmt.Fprintf(stderr, "batchport: there was no data folder at %s: it is made\n", absolute(path))
	}
	return folder, err
}

// findDataFolder opens the folder for a command that has nothing to do in one
// that is new, and then makes none.
func findDataFolder(ctx context.Context, path string) (*database, error) {
	if !hasDatabase(path) {
		return nil, fmt.Errorf("there is no data folder at %s", absolute(path))
	}
	return openDataFolder(ctx, path)
}

// hasDatabase reports whether there is one, or something in its place that
// opening it tells more of.
func hasDatabase(path string) bool {
	_, err := os.Stat(filepath.Join(path, databaseName))
	return !errors.Is(err, fs.ErrNotExist)
}

// absolute is path as anybody finds it, from wherever they are.
func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

// lockToServe makes this process the only one that serves the folder. The
// lock ends with the process, however it ends; its file says who holds it.
func lockToServe(path string) (unlock func() error, err error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("make the data folder: %w", err)
	}
	name := filepath.Join(path, "serve.lock")
	lock := flock.New(name, flock.SetPermissions(0o600))
	locked, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock the data folder: %w", err)
	}
	if !locked {
		holder, _ := os.ReadFile(name) // who it is only helps to understand
		return nil, fmt.Errorf("the data folder %s is being served by %s; stop that one first, or take another --data",
			path, strings.TrimSpace(string(holder)))
	}
	host, _ := os.Hostname()
	if err := os.WriteFile(name, fmt.Appendf(nil, "process %d on %s\n", os.Getpid(), host), 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("lock the data folder: %w", err), lock.Unlock())
	}
	return lock.Unlock, nil
}

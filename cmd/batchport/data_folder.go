package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/gofrs/flock"
	"github.com/spf13/cobra"

	"github.com/batchport/batchport/adapters/bunstore"
	"github.com/batchport/batchport/adapters/bunstore/sqlite"
)

// dataFolder is the folder in which the embedded store lives:
//
//	batchport.db   the database, with -wal and -shm beside it
//	files/         exports and uploads
//	jetstream/     bells and events; may be deleted at any time
//	serve.lock     held by the process that serves
type dataFolder struct {
	path  string
	db    *sqlite.DB
	store *bunstore.Store
}

// addDataFlag gives a command the flag that names the folder.
func addDataFlag(cmd *cobra.Command) *string {
	return addCheckedFlag(cmd, "data", "./batchport-data", "folder", "folder that holds everything; made when it is not there", checkFolder)
}

// openDataFolder opens the folder's database, which it creates and migrates
// when needed. Any number of processes may have it open.
func openDataFolder(ctx context.Context, path string) (*dataFolder, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("make the data folder: %w", err)
	}
	db, err := sqlite.Open(filepath.Join(path, "batchport.db"))
	if err != nil {
		return nil, err
	}
	store, err := bunstore.New(db.Write, bunstore.Config{ReadDB: db.Read})
	if err == nil {
		err = store.Migrate(ctx)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the data folder %s: %w", path, err), db.Close())
	}
	return &dataFolder{path: path, db: db, store: store}, nil
}

func (d *dataFolder) Close() error { return d.db.Close() }

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

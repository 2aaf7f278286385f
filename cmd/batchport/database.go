package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/uptrace/bun"

	"github.com/batchport/batchport/adapters/bunstore"
	"github.com/batchport/batchport/adapters/bunstore/postgres"
)

// location is where the flags of a command say that everything is kept.
type location struct {
	data     string        // the data folder
	database string        // URL of a PostgreSQL database; "" for SQLite in the folder
	conns    uint32        // connections to it at most; 0 for the default
	lease    time.Duration // of work, which the timeouts of connections stay below; 0 for the default
}

// addLocationFlags gives a command the flags that say where everything is kept.
// The URL is not checked as it is set: what is refused then is shown, and a
// URL may hold a password.
func addLocationFlags(cmd *cobra.Command) *location {
	at := &location{data: "./batchport-data"}
	cmd.Flags().Var(&checkedFlag{value: &at.data, form: "folder", check: checkFolder}, "data", "folder that holds everything, or with --database files alone")
	cmd.Flags().StringVar(&at.database, "database", "", "postgres://USER@HOST/DATABASE; a password is better in the environment, as BATCHPORT_DATABASE or PGPASSWORD (default: SQLite in the data folder)")
	return at
}

// handles are how a database is spoken to.
type handles struct{ Write, Read *bun.DB }

// database is where all but files is kept.
type database struct {
	store *bunstore.Store
	db    handles
	close func() error
}

// Close closes the database. It waits for statements that run.
func (d *database) Close() error { return d.close() }

// open opens the database, which it creates and migrates when needed. Any
// number of processes may have it open.
func (l location) open(ctx context.Context) (*database, error) {
	if l.database == "" {
		return openDataFolder(ctx, l.data)
	}
	return l.openServer(ctx)
}

// ensure opens the database for a command that may be the first to use it, and
// says so when it was: it may not be the one that was meant.
func (l location) ensure(ctx context.Context, stderr io.Writer) (*database, error) {
	if l.database == "" {
		return makeDataFolder(ctx, l.data, stderr)
	}
	return l.openServer(ctx)
}

// find opens the database for a command that has nothing to do in one that is
// new, and then makes none.
func (l location) find(ctx context.Context) (*database, error) {
	if l.database == "" {
		return findDataFolder(ctx, l.data)
	}
	db, store, err := l.connect(ctx)
	if err != nil {
		return nil, err
	}
	there, err := store.Migrated(ctx)
	if err == nil && !there {
		err = fmt.Errorf("there is nothing of batchport in the database %s", l.shown())
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return l.migrated(ctx, db, store)
}

func (l location) openServer(ctx context.Context) (*database, error) {
	db, store, err := l.connect(ctx)
	if err != nil {
		return nil, err
	}
	return l.migrated(ctx, db, store)
}

func (l location) connect(ctx context.Context) (*bun.DB, *bunstore.Store, error) {
	if !strings.HasPrefix(l.database, "postgres://") && !strings.HasPrefix(l.database, "postgresql://") {
		return nil, nil, usage(errors.New("--database: want a URL such as postgres://batchport@db.example.com/batchport"))
	}
	db, err := postgres.Open(ctx, l.database, postgres.Config{MaxConns: int(l.conns), Lease: l.lease})
	if err != nil {
		return nil, nil, fmt.Errorf("open the database %s: %w", l.shown(), err)
	}
	store, err := bunstore.New(db, bunstore.Config{})
	if err != nil {
		return nil, nil, errors.Join(err, db.Close())
	}
	return db, store, nil
}

func (l location) migrated(ctx context.Context, db *bun.DB, store *bunstore.Store) (*database, error) {
	if err := store.Migrate(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("migrate the database %s: %w", l.shown(), err), db.Close())
	}
	return &database{store: store, db: handles{db, db}, close: db.Close}, nil
}

// shown is how messages call the database: its URL, without the secrets that
// one may hold.
func (l location) shown() string {
	u, err := url.Parse(l.database)
	if err != nil {
		return "that --database names"
	}
	shown := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}
	if u.User != nil {
		shown.User = url.User(u.User.Username())
	}
	return shown.String()
}

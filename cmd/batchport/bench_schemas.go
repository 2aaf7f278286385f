package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/uptrace/bun"
)

const (
	// benchSchema begins the names of the schemas that a measurement has to
	// itself on a PostgreSQL server.
	benchSchema = "batchport_bench_"

	// benchComment is what such a schema says of itself. One without it is
	// somebody else's.
	benchComment = "made by batchport bench, which removes it"

	// benchDropTime bounds the removal of a schema.
	benchDropTime = time.Minute
)

// schemas returns what makes and opens schemas of the database, each with
// connections of its own. Until the place is closed nobody else has any.
func (p *benchPlace) schemas(ctx context.Context, at location) (open func(context.Context, string) (*database, error), err error) {
	db, _, err := at.connect(ctx)
	if err != nil {
		return nil, err
	}
	p.closers = append(p.closers, db.Close)
	lock, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	p.closers = append(p.closers, lock.Close)
	var locked bool
	if err := lock.QueryRowContext(ctx, "SELECT pg_try_advisory_lock(hashtext(?))", benchSchema).Scan(&locked); err != nil {
		return nil, err
	}
	if !locked {
		return nil, errors.New("another measurement is going on in this database; two at once would measure each other")
	}
	return func(ctx context.Context, name string) (*database, error) {
		return p.openSchema(ctx, db, at, benchSchema+name)
	}, nil
}

// openSchema makes a schema and opens it.
func (p *benchPlace) openSchema(ctx context.Context, db *bun.DB, at location, name string) (*database, error) {
	if err := dropBenchSchema(ctx, db, name); err != nil {
		return nil, err
	}
	if _, err := db.ExecContext(ctx, fmt.Sprintf(`CREATE SCHEMA %s; COMMENT ON SCHEMA %s IS '%s'`, name, name, benchComment)); err != nil {
		return nil, fmt.Errorf("make the schema %s to measure in: %w", name, err)
	}
	p.closers = append(p.closers, func() error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), benchDropTime)
		defer cancel()
		return dropBenchSchema(ctx, db, name)
	})
	u, err := url.Parse(at.database)
	if err != nil {
		return nil, errors.New("--database is not a URL") // which may hold a password
	}
	query := u.Query()
	query.Set("search_path", name)
	u.RawQuery = query.Encode()
	at.database = u.String()
	return p.open(ctx, at)
}

// dropBenchSchema removes a schema that a measurement made, if it is there.
func dropBenchSchema(ctx context.Context, db *bun.DB, name string) error {
	var exists, ours bool
	err := db.QueryRowContext(ctx, `SELECT count(*) > 0, coalesce(bool_and(obj_description(oid, 'pg_namespace') = ?), false)
		FROM pg_namespace WHERE nspname = ?`, benchComment, name).Scan(&exists, &ours)
	switch {
	case err != nil:
		return err
	case !exists:
		return nil
	case !ours:
		return fmt.Errorf("there is a schema %s that no measurement has made; it is left alone", name)
	}
	_, err = db.ExecContext(ctx, "DROP SCHEMA "+name+" CASCADE")
	return err
}

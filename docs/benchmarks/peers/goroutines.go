package peers

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/jackc/pgx/v5/pgxpool"
)

// closers is how many goroutines close accounts, each with a connection.
const closers = 16

// goroutines close one account after another, each in a transaction of its
// own. Nothing says what was done when the process ends, so the next one begins
// anew.
type goroutines struct{ db *pgxpool.Pool }

func openGoroutines(ctx context.Context, url string) (worker, error) {
	db, err := openPool(ctx, url, closers)
	return &goroutines{db: db}, err
}

func openPool(ctx context.Context, url string, conns int32) (*pgxpool.Pool, error) {
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	cfg.MaxConns, cfg.MinConns = conns, conns
	return pgxpool.NewWithConfig(ctx, cfg)
}

func (g *goroutines) submitAll(context.Context, int) error { return nil }

func (g *goroutines) submitOne(context.Context, int64) error {
	return errors.New("there is nobody to ask")
}

func (g *goroutines) work(ctx context.Context) error {
	var next atomic.Int64
	var last int64
	if err := g.db.QueryRow(ctx, `SELECT count(*) FROM accounts`).Scan(&last); err != nil {
		return err
	}
	var all sync.WaitGroup
	failed := make([]error, closers)
	for i := range closers {
		all.Go(func() {
			for id := next.Add(1); id <= last; id = next.Add(1) {
				_, err := g.db.Exec(ctx, closeOne, id)
				if isRefusal(err) {
					err = noteRefusal(ctx, g.db, id, err)
				}
				if err != nil {
					failed[i] = err
					return
				}
			}
		})
	}
	all.Wait()
	return errors.Join(failed...)
}

func (g *goroutines) close() error {
	g.db.Close()
	return nil
}

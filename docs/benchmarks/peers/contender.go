package peers

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// contender is a way to close many accounts.
type contender struct {
	name string

	// prepare makes the tables that it needs beside the accounts.
	prepare func(ctx context.Context, db *pgxpool.Pool, url string) error

	// open opens everything in the process that works.
	open func(ctx context.Context, url string) (worker, error)

	small bool // it can be asked for one account at a time
}

// worker works in a process of its own, which may be killed.
type worker interface {
	// submitAll asks for the accounts 1 to n.
	submitAll(ctx context.Context, n int) error

	// submitOne asks for one account alone.
	submitOne(ctx context.Context, id int64) error

	// work works until all that was asked for is done, by this process and those
	// before it.
	work(ctx context.Context) error

	close() error
}

// contenders are all of them.
var contenders = []contender{
	{"batchport", prepareBatchport, openSoleBatchport, true},
	{"batchport, one of many processes", prepareBatchport, openBatchport, false},
	{"River, a job an item", prepareRiver, openRiverItems, true},
	{"River, a job an item, completed in its transaction", prepareRiver, openRiverItemsInTx, true},
	{"River, one job with a cursor, row by row", prepareRiver, openRiverRows, false},
	{"River, one job with a cursor, by halves", prepareRiver, openRiverHalves, false},
	{"goroutines, a commit a row", prepareNothing, openGoroutines, false},
}

// untilNone waits until a query finds nothing that is to be done.
func untilNone(ctx context.Context, db *pgxpool.Pool, query string) error {
	for {
		var more bool
		if err := db.QueryRow(ctx, query).Scan(&more); err != nil || !more {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func prepareNothing(context.Context, *pgxpool.Pool, string) error { return nil }

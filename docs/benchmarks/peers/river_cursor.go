package peers

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
)

const (
	// cursorStep is how many accounts are closed in each transaction.
	cursorStep = 500

	// cursorTimeout is how long the job may run at once, River's default. When
	// it takes longer, River runs it again from its cursor.
	cursorTimeout = time.Minute
)

// closeRangeArgs asks for the accounts 1 to Last. A range is less to store, and
// to read again with each step, than the ids themselves would be.
type closeRangeArgs struct {
	Last int64 `json:"last"`
}

// Kind implements [river.JobArgs].
func (closeRangeArgs) Kind() string { return "account_close_range" }

// rangeWorker closes accounts step by step. The effects of a step, its
// refusals and the place where it ended are committed together.
type rangeWorker struct {
	river.WorkerDefaults[closeRangeArgs]
	db    *pgxpool.Pool
	close func(ctx context.Context, tx pgx.Tx, ids []int64) error
}

// openRiverRows closes each account by itself, in a savepoint.
func openRiverRows(ctx context.Context, url string) (worker, error) {
	return openRange(ctx, url, closeByRow)
}

// openRiverHalves closes all accounts of a step with one statement, and when
// it is refused each half by itself, down to the account: what batchport's engine
// does unasked, written by hand.
func openRiverHalves(ctx context.Context, url string) (worker, error) {
	return openRange(ctx, url, closeByHalves)
}

func openRange(ctx context.Context, url string, closeStep func(context.Context, pgx.Tx, []int64) error) (worker, error) {
	db, err := openPool(ctx, url, riverConns)
	if err != nil {
		return nil, err
	}
	workers := river.NewWorkers()
	river.AddWorker(workers, &rangeWorker{db: db, close: closeStep})
	client, err := startRiver(ctx, db, cursorTimeout, workers)
	return &riverWorker{db: db, client: client, args: func(n int) []river.InsertManyParams {
		return []river.InsertManyParams{{Args: closeRangeArgs{Last: int64(n)}}}
	}}, err
}

// Work implements [river.Worker].
func (w *rangeWorker) Work(ctx context.Context, job *river.Job[closeRangeArgs]) error {
	river.ResumableStepCursor(ctx, "close", nil, func(ctx context.Context, done int64) error {
		for done < job.Args.Last {
			var ids []int64
			for id := done + 1; id <= min(done+cursorStep, job.Args.Last); id++ {
				ids = append(ids, id)
			}
			err := pgx.BeginFunc(ctx, w.db, func(tx pgx.Tx) error {
				if err := w.close(ctx, tx, ids); err != nil {
					return err
				}
				_, err := river.ResumableSetStepCursorTx[*riverpgxv5.Driver](ctx, tx, job, ids[len(ids)-1])
				return err
			})
			if err != nil {
				return err
			}
			done = ids[len(ids)-1]
		}
		return nil
	})
	return nil
}

// closeByRow closes each account in a savepoint of its own.
func closeByRow(ctx context.Context, tx pgx.Tx, ids []int64) error {
	for _, id := range ids {
		err := inSavepoint(ctx, tx, func(tx pgx.Tx) error {
			_, err := tx.Exec(ctx, closeOne, id)
			return err
		})
		if isRefusal(err) {
			err = noteRefusal(ctx, tx, id, err)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// closeByHalves closes all accounts, or else each half of them by itself.
func closeByHalves(ctx context.Context, tx pgx.Tx, ids []int64) error {
	err := inSavepoint(ctx, tx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, closeMany, ids)
		return err
	})
	switch {
	case !isRefusal(err):
		return err
	case len(ids) == 1:
		return noteRefusal(ctx, tx, ids[0], err)
	}
	if err := closeByHalves(ctx, tx, ids[:len(ids)/2]); err != nil {
		return err
	}
	return closeByHalves(ctx, tx, ids[len(ids)/2:])
}

package peers

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
)

// itemTimeout is how long closing one account may take: a thousand times what
// it does.
const itemTimeout = 10 * time.Second

// closeArgs asks for one account.
type closeArgs struct {
	ID int64 `json:"id"`
}

// Kind implements [river.JobArgs].
func (closeArgs) Kind() string { return "account_close" }

// openRiverItems works a job for each account. The job is completed after the
// effect was committed, in a batch with others, which is River's way to be fast:
// an effect whose process is killed between the two comes again.
func openRiverItems(ctx context.Context, url string) (worker, error) {
	return openItems(ctx, url, func(db *pgxpool.Pool) river.Worker[closeArgs] { return &itemWorker{db: db} })
}

// openRiverItemsInTx completes each job in the transaction of its effect,
// which is River's way to have every effect once.
func openRiverItemsInTx(ctx context.Context, url string) (worker, error) {
	return openItems(ctx, url, func(db *pgxpool.Pool) river.Worker[closeArgs] { return &itemTxWorker{db: db} })
}

func openItems(ctx context.Context, url string, of func(db *pgxpool.Pool) river.Worker[closeArgs]) (worker, error) {
	db, err := openPool(ctx, url, riverConns)
	if err != nil {
		return nil, err
	}
	workers := river.NewWorkers()
	river.AddWorker(workers, of(db))
	client, err := startRiver(ctx, db, itemTimeout, workers)
	return &riverWorker{db: db, client: client, args: func(n int) []river.InsertManyParams {
		all := make([]river.InsertManyParams, n)
		for i := range all {
			all[i].Args = closeArgs{ID: int64(i + 1)}
		}
		return all
	}}, err
}

type itemWorker struct {
	river.WorkerDefaults[closeArgs]
	db *pgxpool.Pool
}

// Work implements [river.Worker].
func (w *itemWorker) Work(ctx context.Context, job *river.Job[closeArgs]) error {
	_, err := w.db.Exec(ctx, closeOne, job.Args.ID)
	if isRefusal(err) {
		return river.JobCancel(err) // to try again would not help; River keeps the error
	}
	return err
}

type itemTxWorker struct {
	river.WorkerDefaults[closeArgs]
	db *pgxpool.Pool
}

// Work implements [river.Worker].
func (w *itemTxWorker) Work(ctx context.Context, job *river.Job[closeArgs]) error {
	err := pgx.BeginFunc(ctx, w.db, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, closeOne, job.Args.ID); err != nil {
			return err
		}
		_, err := river.JobCompleteTx[*riverpgxv5.Driver](ctx, tx, job)
		return err
	})
	if isRefusal(err) {
		return river.JobCancel(err)
	}
	return err
}

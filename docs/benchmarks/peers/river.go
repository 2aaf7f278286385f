package peers

import (
	"context"
	"log/slog"
	"os"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

// How River is set up. The pauses between fetches are those of River's own
// benchmark, cmd/river/riverbench, whose remarks call the defaults much slower.
// That benchmark has 2,000 workers, which do nothing; of workers that each need a
// connection, more than there are connections are of no use.
const (
	riverConns         = 40
	riverWorkers       = 100
	riverFetchCooldown = 2 * time.Millisecond
	riverPollInterval  = 20 * time.Millisecond
)

func prepareRiver(ctx context.Context, db *pgxpool.Pool, _ string) error {
	migrator, err := rivermigrate.New(riverpgxv5.New(db), &rivermigrate.Config{Logger: riverLog()})
	if err != nil {
		return err
	}
	_, err = migrator.Migrate(ctx, rivermigrate.DirectionUp, nil)
	return err
}

func riverLog() *slog.Logger {
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
}

// riverWorker is a client that runs.
type riverWorker struct {
	db     *pgxpool.Pool
	client *river.Client[pgx.Tx]
	args   func(n int) []river.InsertManyParams // what asks for the accounts 1 to n
}

// startRiver starts a client whose jobs take so long at most. A job that a dead
// client had in hand is rescued once it has run for longer, which is the least
// that River's documentation allows: jobs that still run would be done twice. By
// default it is an hour.
func startRiver(ctx context.Context, db *pgxpool.Pool, timeout time.Duration, workers *river.Workers) (*river.Client[pgx.Tx], error) {
	client, err := river.NewClient(riverpgxv5.New(db), &river.Config{
		FetchCooldown: riverFetchCooldown, FetchPollInterval: riverPollInterval,
		JobTimeout: timeout, RescueStuckJobsAfter: timeout + time.Second,
		Queues:  map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: riverWorkers}},
		Workers: workers, Logger: riverLog(),
	})
	if err != nil {
		return nil, err
	}
	return client, client.Start(ctx)
}

func (w *riverWorker) submitAll(ctx context.Context, n int) error {
	_, err := w.client.InsertManyFast(ctx, w.args(n))
	return err
}

func (w *riverWorker) submitOne(ctx context.Context, id int64) error {
	_, err := w.client.Insert(ctx, closeArgs{ID: id}, nil)
	return err
}

func (w *riverWorker) work(ctx context.Context) error {
	return untilNone(ctx, w.db, `SELECT EXISTS (SELECT 1 FROM river_job WHERE state IN ('available', 'running', 'retryable', 'scheduled', 'pending'))`)
}

func (w *riverWorker) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	err := w.client.StopAndCancel(ctx)
	w.db.Close()
	return err
}

package peers

import (
	"context"
	"errors"
	"slices"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/batchport/batchport/adapters/bunstore"
	"github.com/batchport/batchport/adapters/bunstore/postgres"
	"github.com/batchport/batchport/adapters/memory"
	"github.com/batchport/batchport/app/engine"
	"github.com/batchport/batchport/domain"
)

// closing is a job's payload, of which there is nothing to say.
type closing struct{}

// closeAccounts is the kind, as the documentation has one. Parts of 128 are
// what it says for data faults that are common.
func closeAccounts() engine.Kind[closing, int64] {
	return engine.Kind[closing, int64]{
		Name:      "account_close",
		ApplySize: 128,
		Apply: func(ctx context.Context, _ *domain.BatchJob, _ closing, ids []int64) ([]domain.Outcome, error) {
			_, err := bunstore.Tx(ctx).NewRaw(`UPDATE accounts SET closed = closed + 1 WHERE id = ANY(?)`, pgdialect.Array(ids)).Exec(ctx)
			if err != nil {
				return nil, err // the engine finds the bad ones
			}
			return slices.Repeat([]domain.Outcome{{Fate: domain.Updated}}, len(ids)), nil
		},
	}
}

// closer is who may close accounts.
var closer = domain.Principal{Tenant: "acme", User: "7", Permissions: []domain.Permission{"account_close"}}

func prepareBatchport(ctx context.Context, _ *pgxpool.Pool, url string) error {
	db, err := postgres.Open(ctx, url, postgres.Config{})
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	store, err := bunstore.New(db, bunstore.Config{})
	if err != nil {
		return err
	}
	return store.Migrate(ctx)
}

// batchportWorker is an engine that runs.
type batchportWorker struct {
	db    *bun.DB
	pool  *pgxpool.Pool // for asking whether all is done
	jobs  *engine.Jobs[closing, int64]
	stop  context.CancelFunc
	ended chan error
}

// openSoleBatchport opens an engine that knows to be the only one, as that of
// "batchport serve" on one machine does.
func openSoleBatchport(ctx context.Context, url string) (worker, error) {
	return runBatchport(ctx, url, engine.Config{SoleProcess: true, MaxOpenJobs: openJobs})
}

// openBatchport opens an engine with all defaults. What another one had in
// hand, it takes over a minute after that has given its last sign.
func openBatchport(ctx context.Context, url string) (worker, error) {
	return runBatchport(ctx, url, engine.Config{MaxOpenJobs: openJobs})
}

// openJobs is more than there are: the others have no such limit.
const openJobs = 1_000_000

func runBatchport(ctx context.Context, url string, cfg engine.Config) (worker, error) {
	pool, err := pgxpool.New(ctx, url)
	if err != nil {
		return nil, err
	}
	db, err := postgres.Open(ctx, url, postgres.Config{})
	if err != nil {
		return nil, err
	}
	store, err := bunstore.New(db, bunstore.Config{})
	if err != nil {
		return nil, err
	}
	e, err := engine.New(engine.Deps{Store: store, Bell: memory.NewBell()}, cfg)
	if err != nil {
		return nil, err
	}
	w := &batchportWorker{db: db, pool: pool, ended: make(chan error, 1)}
	if w.jobs, err = engine.Register(e, closeAccounts()); err != nil {
		return nil, err
	}
	ctx, w.stop = context.WithCancel(ctx)
	go func() { w.ended <- e.Run(ctx) }()
	return w, nil
}

func (w *batchportWorker) submitAll(ctx context.Context, n int) error {
	ids := make([]int64, n)
	for i := range ids {
		ids[i] = int64(i + 1)
	}
	_, err := w.jobs.Submit(ctx, closer, engine.Request[closing, int64]{Items: ids})
	return err
}

func (w *batchportWorker) submitOne(ctx context.Context, id int64) error {
	_, err := w.jobs.Submit(ctx, closer, engine.Request[closing, int64]{Items: []int64{id}})
	return err
}

func (w *batchportWorker) work(ctx context.Context) error {
	return untilNone(ctx, w.pool, `SELECT EXISTS (SELECT 1 FROM batchport_jobs WHERE ended = 0)`)
}

func (w *batchportWorker) close() error {
	w.stop()
	w.pool.Close()
	return errors.Join(<-w.ended, w.db.Close())
}

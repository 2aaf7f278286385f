package engine_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/batchport/batchport/adapters/bunstore"
	"github.com/batchport/batchport/adapters/bunstore/sqlite"
	"github.com/batchport/batchport/adapters/memory"
	"github.com/batchport/batchport/app/engine"
	"github.com/batchport/batchport/domain"
)

// CloseAccounts is the payload: what a job is told once, for all its items.
type CloseAccounts struct{ Reason string }

// closeAccounts is a host's own kind. An item is an account's id.
func closeAccounts() engine.Kind[CloseAccounts, int64] {
	return engine.Kind[CloseAccounts, int64]{
		Name:     "account_close",
		Resource: "accounts", // a tenant's jobs on accounts run in turn
		Apply: func(ctx context.Context, _ *domain.BatchJob, p CloseAccounts, ids []int64) ([]domain.Outcome, error) {
			tx := bunstore.Tx(ctx) // the chunk's transaction: these writes and the outcomes commit together
			var closed []int64
			err := tx.NewRaw(`UPDATE accounts SET closed_for = ? WHERE id IN (?) RETURNING id`,
				p.Reason, bun.List(ids)).Scan(ctx, &closed)
			if err != nil {
				return nil, err // refused by the database: the engine finds the bad items, the rest go through
			}
			outcomes := make([]domain.Outcome, len(ids))
			for i, id := range ids {
				outcomes[i] = domain.Outcome{Fate: domain.Updated}
				if !slices.Contains(closed, id) {
					outcomes[i] = domain.FailedWith(domain.NewFailure(domain.CodeNotFound, "id", fmt.Sprint(id)))
				}
			}
			return outcomes, nil
		},
	}
}

// A service brings a kind of its own, on its own table, and runs it without
// NATS and without HTTP.
func Example() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	dir, err := os.MkdirTemp("", "example")
	check(err)
	defer os.RemoveAll(dir)
	db := hostDatabase(ctx, dir)
	defer db.Close()

	store, err := bunstore.New(db.Write, bunstore.Config{ReadDB: db.Read, Version: db.Version}) // batchport's tables live in the host's database
	check(err)
	check(store.Migrate(ctx))
	eng, err := engine.New(engine.Deps{Store: store, Bell: memory.NewBell()}, engine.Config{})
	check(err)
	accounts, err := engine.Register(eng, closeAccounts())
	check(err)
	ended := make(chan error)
	go func() { ended <- eng.Run(ctx) }()

	who := domain.Principal{Tenant: "acme", User: "7", Permissions: []domain.Permission{"account_close"}}
	job, err := accounts.Submit(ctx, who, engine.Request[CloseAccounts, int64]{
		Payload: CloseAccounts{Reason: "moved away"},
		Items:   []int64{1, 2, 3, 4},
	})
	check(err)
	for !job.State().Ended() {
		time.Sleep(10 * time.Millisecond)
		job, err = eng.Find(ctx, who, job.ID())
		check(err)
	}
	failures, err := eng.Failures(ctx, who, job.ID(), -1, 10)
	check(err)
	fmt.Println(job.State(), "updated:", job.Report().Updated, "failed:", job.Report().Failed)
	for _, f := range failures {
		fmt.Println("account", f.Key, f.Failure.Code)
	}
	stop()
	check(<-ended)
	// Output:
	// completed updated: 2 failed: 2
	// account 3 rejected
	// account 4 not_found
}

// hostDatabase is the host's own: an account that is owing cannot be closed.
func hostDatabase(ctx context.Context, dir string) *sqlite.DB {
	db, err := sqlite.Open(filepath.Join(dir, "host.db"))
	check(err)
	_, err = db.Write.ExecContext(ctx, `
		CREATE TABLE accounts (id INTEGER PRIMARY KEY, owing INTEGER NOT NULL, closed_for TEXT, CHECK (owing = 0 OR closed_for IS NULL));
		INSERT INTO accounts (id, owing) VALUES (1, 0), (2, 0), (3, 1);`)
	check(err)
	return db
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

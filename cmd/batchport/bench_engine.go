package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/batchport/batchport/adapters/diskfiles"
	"github.com/batchport/batchport/adapters/memory"
	"github.com/batchport/batchport/app/access"
	"github.com/batchport/batchport/app/document"
	"github.com/batchport/batchport/app/engine"
	"github.com/batchport/batchport/app/estates"
	"github.com/batchport/batchport/domain"
)

// benchUser owns what the benchmarks work on.
var benchUser = domain.Principal{Tenant: "acme", User: "1", Permissions: []domain.Permission{domain.All}}

// newBenchNode returns a node that works jobs off, and no more: there is no
// HTTP, no NATS and no quota. Its engine does not run yet.
func newBenchNode(ctx context.Context, db *database, files *diskfiles.Files, deps engine.Deps) (*node, error) {
	deps.Store, deps.Bell, deps.Files = db.store, memory.NewBell(), files
	e, err := engine.New(deps, engine.Config{})
	if err != nil {
		return nil, err
	}
	n := &node{
		database: db, files: files, engine: e,
		cfg: nodeConfig{log: slog.New(slog.DiscardHandler), quota: syncQuota{unlimited: true}},
	}
	return n, errors.Join(n.openUploads(), n.openSheets(ctx), n.openEstates(ctx), n.openBudgets(ctx))
}

// benchEngine is a node whose engine runs.
type benchEngine struct {
	*node
	stop  context.CancelFunc
	ended chan error
}

// startBenchEngine starts an engine as "serve" has it, files in a folder, but
// with the bell and the events of this process.
func startBenchEngine(ctx context.Context, db *database, folder string) (*benchEngine, error) {
	files, err := diskfiles.New(filepath.Join(folder, "files"))
	if err != nil {
		return nil, err
	}
	n, err := newBenchNode(ctx, db, files, engine.Deps{Events: memory.NewEventStream(), Authority: db.store})
	if err != nil {
		return nil, errors.Join(err, files.Close())
	}
	running, stop := context.WithCancel(ctx)
	e := &benchEngine{node: n, stop: stop, ended: make(chan error, 1)}
	go func() { e.ended <- n.engine.Run(running) }()
	return e, nil
}

// close stops the engine.
func (e *benchEngine) close() error {
	e.stop()
	return errors.Join(<-e.ended, e.files.Close())
}

// allow lets the user submit, as far as the engine asks.
func (e *benchEngine) allow(ctx context.Context, who domain.Principal) error {
	_, err := access.NewKeys(e.database.store, time.Now).Create(ctx, who)
	return err
}

// The pauses between two looks at whether a job has ended: at one that takes a
// while, and at one whose latency is measured.
const (
	seldom = 2 * time.Millisecond
	often  = 200 * time.Microsecond
)

// submitJob submits what the body asks for.
func (n *node) submitJob(ctx context.Context, who domain.Principal, r estates.Request, body string) (job *domain.BatchJob, err error) {
	if r.Body, err = document.Parse(body); err != nil {
		return nil, err
	}
	return n.estates.Submit(ctx, who, r)
}

// runJob submits what the body asks for and waits for its end.
func (n *node) runJob(ctx context.Context, who domain.Principal, r estates.Request, body string, pause time.Duration) (*domain.BatchJob, error) {
	job, err := n.submitJob(ctx, who, r, body)
	for err == nil && !job.State().Ended() {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(pause):
		}
		job, err = n.engine.Find(ctx, who, job.ID())
	}
	return job, err
}

// requestForAll is a request of the kind over all n estates.
func requestForAll(kind domain.Kind, n int) string {
	return fmt.Sprintf(`{"job_name":%q,"estatesIds":"all","total":%d,"searchOptions":{}}`, kind, n)
}

// requestForOne is a request of the kind that names one estate.
func requestForOne(kind domain.Kind, id int64) string {
	return fmt.Sprintf(`{"job_name":%q,"estatesIds":[%d]}`, kind, id)
}

// listing is the kind that advertises estates, or the one that withdraws them.
func listing(listed bool) domain.Kind {
	if listed {
		return estates.OpenRent
	}
	return estates.CloseRent
}

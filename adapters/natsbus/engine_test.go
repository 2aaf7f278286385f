package natsbus_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/batchport/batchport/adapters/memory"
	"github.com/batchport/batchport/adapters/natsbus"
	"github.com/batchport/batchport/adapters/natsbus/natstest"
	"github.com/batchport/batchport/app/engine"
	"github.com/batchport/batchport/domain"
)

// TestJobsWithoutAServer starts an engine while NATS is away: jobs are done all
// the same, and their events are told when it has come; and so when it goes, and
// comes back without its files.
func TestJobsWithoutAServer(t *testing.T) {
	t.Parallel()
	cluster := natstest.Start(t, 1, nil)
	cluster.Stop(0)
	conn, err := natsbus.Connect(t.Context(), natsbus.LinkConfig{URLs: cluster.URLs()})
	if err != nil {
		t.Fatalf("Connect = %v", err)
	}
	t.Cleanup(conn.Close)
	var done atomic.Int64
	stop, submit := startEngine(t, engine.Deps{
		Store: memory.NewStore(time.Now), Bell: newBell(t, conn, natsbus.Config{}), Events: newEventStream(t, conn, natsbus.Config{}),
	}, &done)
	defer stop()
	jobs := int64(0)
	work := func(when string) {
		t.Helper()
		for range 3 {
			submit(t)
		}
		jobs += 3
		natstest.Eventually(t, "jobs are done "+when, func() bool { return done.Load() == 10*jobs })
	}
	told := func(when string) {
		t.Helper()
		natstest.Eventually(t, "events are told "+when, func() bool {
			stream, err := natstest.JetStream(t, conn).Stream(t.Context(), eventStream)
			return err == nil && stream.CachedInfo().State.LastSeq == uint64(2*jobs) // submitted and completed
		})
	}
	work("before there is a server")
	cluster.Resume(t, 0)
	told("when there is a server")
	work("with a server")
	told("with a server")
	cluster.Stop(0)
	work("without the server")
	cluster.Forget(t, 0)
	cluster.Resume(t, 0)
	told("to a server that has lost its files")
}

// startEngine runs an engine with a kind that counts its items, ten a job.
func startEngine(t *testing.T, deps engine.Deps, done *atomic.Int64) (stop func(), submit func(*testing.T)) {
	t.Helper()
	eng, err := engine.New(deps, engine.Config{})
	if err != nil {
		t.Fatalf("engine.New = %v", err)
	}
	counting, err := engine.Register(eng, engine.Kind[struct{}, int]{
		Name: "count",
		Apply: func(_ context.Context, _ *domain.BatchJob, _ struct{}, items []int) ([]domain.Outcome, error) {
			done.Add(int64(len(items)))
			outcomes := make([]domain.Outcome, len(items))
			for i := range outcomes {
				outcomes[i] = domain.Outcome{Fate: domain.Updated}
			}
			return outcomes, nil
		},
	})
	if err != nil {
		t.Fatalf("Register = %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- eng.Run(ctx) }()
	stop = func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run = %v", err)
		}
	}
	return stop, func(t *testing.T) {
		t.Helper()
		who := domain.Principal{Tenant: "acme", User: "7", Permissions: []domain.Permission{domain.All}}
		request := engine.Request[struct{}, int]{Items: []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}}
		if _, err := counting.Submit(t.Context(), who, request); err != nil {
			t.Fatalf("Submit = %v", err)
		}
	}
}

// TestBellWithoutItsOnlyReplica stops the server that alone has the bells: the
// others answer, but nobody can ring or hear. Work is looked for, and then the
// bells are made anew on another server.
func TestBellWithoutItsOnlyReplica(t *testing.T) {
	cluster := natstest.Start(t, 3, nil)
	conn := cluster.Connect(t)
	bell := newBell(t, conn, natsbus.Config{RemakeAfter: 5 * time.Second})
	calls := hear(t, bell)
	rings(t, bell, calls, "the start")
	cluster.Stop(cluster.Leader(t, workStream))
	natstest.Eventually(t, "another server is connected to", conn.IsConnected)
	before := calls.Load()
	if err := bell.Ring(t.Context(), "estate_export"); !errors.Is(err, domain.CodeUnavailable) {
		t.Errorf("Ring without the only replica = %v, want %v", err, domain.CodeUnavailable)
	}
	natstest.Eventually(t, "work is looked for", func() bool { return calls.Load() > before })
	natstest.Eventually(t, "the bell rings again", func() bool { return bell.Ring(t.Context(), "estate_export") == nil })
	natstest.Eventually(t, "its consumer is made again", func() bool {
		stream, err := natstest.JetStream(t, conn).Stream(t.Context(), workStream)
		return err == nil && stream.CachedInfo().State.Consumers == 1
	})
	rings(t, bell, calls, "the bells were made anew")
}

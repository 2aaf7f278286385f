package natsbus_test

import (
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/batchport/batchport/adapters/natsbus"
	"github.com/batchport/batchport/adapters/natsbus/natstest"
)

// TestDeafBellLooksForWork listens while there is no server at all and
// again when it has gone, and hears rings whenever there is one.
func TestDeafBellLooksForWork(t *testing.T) {
	t.Parallel()
	cluster := natstest.Start(t, 1, nil)
	cluster.Stop(0)
	conn := cluster.Connect(t, nats.RetryOnFailedConnect(true))
	bell := newBell(t, conn, natsbus.Config{})
	calls := hear(t, bell)
	looked := func(when string) {
		t.Helper()
		before := calls.Load()
		natstest.Eventually(t, "work is looked for twice "+when, func() bool { return calls.Load() >= before+2 })
	}
	looked("before there is a server")
	cluster.Resume(t, 0)
	rings(t, bell, calls, "the server's start")
	natstest.Eventually(t, "the bell is heard", func() bool {
		stream, err := natstest.JetStream(t, conn).Stream(t.Context(), workStream)
		return err == nil && stream.CachedInfo().State.Consumers == 1
	})
	cluster.Stop(0)
	looked("after the server has gone")
	cluster.Resume(t, 0)
	rings(t, bell, calls, "the server's return")
}

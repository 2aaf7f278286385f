package natsbus_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/batchport/batchport/adapters/natsbus"
	"github.com/batchport/batchport/adapters/natsbus/natstest"
	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
	"github.com/batchport/batchport/ports/portstest"
)

// prefixes gives each part of a suite streams of its own on one cluster.
func prefixes() func() natsbus.Config {
	var n atomic.Int64
	return func() natsbus.Config {
		return natsbus.Config{Prefix: fmt.Sprint("s", n.Add(1)), Replicas: 3}
	}
}

func TestBellOnACluster(t *testing.T) {
	cluster, next := natstest.Start(t, 3, nil), prefixes()
	portstest.Bell(t, func(t *testing.T) ports.Bell { return newBell(t, cluster.Connect(t), next()) })
}

func TestEventStreamOnACluster(t *testing.T) {
	cluster, next := natstest.Start(t, 3, nil), prefixes()
	portstest.EventStream(t, func(t *testing.T) ports.EventStream {
		return newEventStream(t, cluster.Connect(t), next())
	})
}

// TestBellSurvivesItsLeader stops the server that leads the bell's stream,
// which is in memory, each time another one.
func TestBellSurvivesItsLeader(t *testing.T) {
	cluster := natstest.Start(t, 3, nil)
	bell := newBell(t, cluster.Connect(t), natsbus.Config{Replicas: 3})
	calls := hear(t, bell)
	rings(t, bell, calls, "the start")
	for i := range 3 {
		leader := cluster.Leader(t, workStream)
		cluster.Stop(leader)
		rings(t, bell, calls, fmt.Sprintf("loss %d of the leader", i+1))
		cluster.Resume(t, leader)
		cluster.WaitReady(t)
		rings(t, bell, calls, fmt.Sprintf("return %d of the leader", i+1))
	}
}

// TestEventsSurviveRestarts publishes while servers are stopped and started
// every two seconds, the leader first: every event must be in the stream once,
// under the position that Publish returned.
func TestEventsSurviveRestarts(t *testing.T) {
	cluster := natstest.Start(t, 3, nil)
	conn := cluster.Connect(t)
	stream := newEventStream(t, conn, natsbus.Config{Replicas: 3})
	if _, err := stream.State(t.Context()); err != nil {
		t.Fatalf("State() = %v", err)
	}
	ctx, stop := context.WithCancel(t.Context())
	positions, faults := make(map[string]ports.StreamPosition), 0
	published := make(chan struct{})
	go func() {
		defer close(published)
		for n := 0; ctx.Err() == nil; n++ {
			batch := []domain.Event{event(fmt.Sprint(n, "-a")), event(fmt.Sprint(n, "-b")), event(fmt.Sprint(n, "-c"))}
			for len(batch) > 0 { // as the relay does: what was not published is published again
				got, err := stream.Publish(context.WithoutCancel(ctx), batch)
				for i, position := range got {
					positions[batch[i].ID] = position
				}
				batch = batch[len(got):]
				if err != nil {
					faults++
					<-time.After(20 * time.Millisecond)
				}
			}
		}
	}()
	for range 4 {
		leader := cluster.Leader(t, eventStream)
		cluster.Stop(leader)
		<-time.After(2 * time.Second)
		cluster.Resume(t, leader)
		cluster.WaitReady(t)
	}
	stop()
	<-published
	stored, err := natstest.JetStream(t, conn).Stream(t.Context(), eventStream)
	if err != nil {
		t.Fatalf("Stream = %v", err)
	}
	if got := stored.CachedInfo().State.Msgs; got != uint64(len(positions)) {
		t.Errorf("the stream has %d events, want the %d that were published", got, len(positions))
	}
	for id, position := range positions {
		msg, err := stored.GetMsg(t.Context(), position.Sequence)
		for end := time.Now().Add(30 * time.Second); err != nil && time.Now().Before(end); { // while they choose a leader
			<-time.After(50 * time.Millisecond)
			msg, err = stored.GetMsg(t.Context(), position.Sequence)
		}
		if err != nil || msg.Header.Get("Nats-Msg-Id") != id {
			t.Fatalf("event at place %d = %v, %v; want %s", position.Sequence, msg, err, id)
		}
	}
	t.Logf("%d events published over 4 losses of the leader, %d calls failed and were repeated", len(positions), faults)
}

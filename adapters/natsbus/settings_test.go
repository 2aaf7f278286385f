package natsbus_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/batchport/batchport/adapters/natsbus"
	"github.com/batchport/batchport/adapters/natsbus/natstest"
	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

// TestReplicasAreChanged takes the streams of a cluster from one replica to
// three and back, as a process with other settings does when it starts.
func TestReplicasAreChanged(t *testing.T) {
	cluster := natstest.Start(t, 3, nil)
	conn := cluster.Connect(t)
	js := natstest.JetStream(t, conn)
	var first ports.StreamState
	for i, replicas := range []int{1, 3, 1} {
		config := natsbus.Config{Replicas: replicas, MaxAge: time.Duration(i+1) * time.Hour}
		bell, stream := newBell(t, conn, config), newEventStream(t, conn, config)
		var state ports.StreamState
		natstest.Eventually(t, fmt.Sprintf("streams have %d replicas", replicas), func() bool { // on a busy machine not at once
			prepared := bell.Prepare(t.Context())
			var err error
			state, err = stream.State(t.Context())
			return prepared == nil && err == nil
		})
		if i == 0 {
			first = state
		}
		if state.Stream != first.Stream || state.Last != uint64(i) {
			t.Errorf("State() with %d replicas = %+v, want the stream %s and %d events", replicas, state, first.Stream, i)
		}
		for _, name := range []string{workStream, eventStream} {
			stored, err := js.Stream(t.Context(), name)
			if err != nil || stored.CachedInfo().Config.Replicas != replicas {
				t.Errorf("stream %s = %v, %v; want %d replicas", name, stored.CachedInfo(), err, replicas)
			}
		}
		calls := hear(t, bell)
		rings(t, bell, calls, "the change of replicas")
		if _, err := stream.Publish(t.Context(), []domain.Event{event(strings.Repeat("x", i+1))}); err != nil {
			t.Errorf("Publish with %d replicas = %v", replicas, err)
		}
		kept, err := js.Stream(t.Context(), eventStream)
		if err != nil || kept.CachedInfo().Config.MaxAge != config.MaxAge {
			t.Errorf("age of events = %v, %v; want %v", kept.CachedInfo().Config.MaxAge, err, config.MaxAge)
		}
	}
}

// TestMoreReplicasThanServers asks for more than there are.
func TestMoreReplicasThanServers(t *testing.T) {
	alone, three := natstest.Start(t, 1, nil), natstest.Start(t, 3, nil)
	for _, try := range []struct {
		cluster   *natstest.Cluster
		replicas  int
		want      string
		temporary bool // as a server that is missing may come back
	}{
		{alone, 3, "stands alone", false},
		{three, 5, "fewer servers", true},
	} {
		conn := try.cluster.Connect(t)
		config := natsbus.Config{Replicas: try.replicas}
		_, stateErr := newEventStream(t, conn, config).State(t.Context())
		for what, err := range map[string]error{
			"Prepare": newBell(t, conn, config).Prepare(t.Context()),
			"Ring":    newBell(t, conn, config).Ring(t.Context(), "estate_export"),
			"State":   stateErr,
		} {
			if err == nil || !strings.Contains(err.Error(), try.want) || errors.Is(err, domain.CodeUnavailable) != try.temporary {
				t.Errorf("%s with %d replicas on %d servers = %v, want %q, temporary %v",
					what, try.replicas, try.cluster.Size(), err, try.want, try.temporary)
			}
		}
	}
}

// TestBellReplacesAStreamOfAnotherVersion finds rings kept in files.
func TestBellReplacesAStreamOfAnotherVersion(t *testing.T) {
	t.Parallel()
	conn := natstest.Start(t, 1, nil).Connect(t)
	js := natstest.JetStream(t, conn)
	for _, old := range []jetstream.StreamConfig{
		{Storage: jetstream.FileStorage, Retention: jetstream.WorkQueuePolicy},
		{Storage: jetstream.MemoryStorage, Retention: jetstream.LimitsPolicy},
	} {
		old.Name, old.Subjects = workStream, []string{"batchport.work.*"}
		_ = js.DeleteStream(t.Context(), workStream) // the first time there is none
		if _, err := js.CreateStream(t.Context(), old); err != nil {
			t.Fatalf("CreateStream = %v", err)
		}
		bell := newBell(t, conn, natsbus.Config{})
		calls := hear(t, bell)
		rings(t, bell, calls, "the change of version")
	}
	// Subjects that are somebody else's are a mistake, and nothing is removed.
	_ = js.DeleteStream(t.Context(), workStream)
	theirs := jetstream.StreamConfig{Name: "THEIRS", Subjects: []string{"batchport.>"}}
	if _, err := js.CreateStream(t.Context(), theirs); err != nil {
		t.Fatalf("CreateStream = %v", err)
	}
	err := newBell(t, conn, natsbus.Config{}).Prepare(t.Context())
	if err == nil || errors.Is(err, domain.CodeUnavailable) || !strings.Contains(err.Error(), "another prefix") {
		t.Errorf("Prepare beside a stream with the same subjects = %v, want a lasting error that says so", err)
	}
}

// TestEventStreamComesBackIdle deletes the stream while nobody publishes: the
// sweeper's question for its state makes it, so that subscribers find it.
func TestEventStreamComesBackIdle(t *testing.T) {
	cluster := natstest.Start(t, 3, nil)
	conn := cluster.Connect(t)
	stream, js := newEventStream(t, conn, natsbus.Config{Replicas: 3}), natstest.JetStream(t, conn)
	before, err := stream.State(t.Context())
	if err != nil {
		t.Fatalf("State() = %v", err)
	}
	if err := js.DeleteStream(t.Context(), eventStream); err != nil {
		t.Fatalf("DeleteStream = %v", err)
	}
	after, err := stream.State(t.Context())
	if err != nil || after.Stream == before.Stream {
		t.Errorf("State() after the deletion = %+v, %v; want a new stream", after, err)
	}
	made, err := js.Stream(t.Context(), eventStream)
	if err != nil || made.CachedInfo().Config.Replicas != 3 {
		t.Errorf("stream after the deletion = %v, want it with 3 replicas", err)
	}
}

// TestConsumersOfSubscribers finds them with the stream, also when it was made
// anew, and leaves one that is there as it is.
func TestConsumersOfSubscribers(t *testing.T) {
	t.Parallel()
	conn := natstest.Start(t, 1, nil).Connect(t)
	js := natstest.JetStream(t, conn)
	config := natsbus.Config{Consumers: []string{"acme_billing", "beta-2_x_y"}}
	stream := newEventStream(t, conn, config)
	filters := func(want string) {
		t.Helper()
		if _, err := stream.State(t.Context()); err != nil {
			t.Fatalf("State() = %v", err)
		}
		for name, want := range map[string]string{"acme_billing": want, "beta-2_x_y": "batchport.v1.beta-2.>"} {
			made, err := js.Consumer(t.Context(), eventStream, name)
			if err != nil || made.CachedInfo().Config.FilterSubject != want {
				t.Errorf("consumer %s = %v, %v; want filter %s", name, made, err, want)
			}
		}
	}
	filters("batchport.v1.acme.>")
	if err := js.DeleteStream(t.Context(), eventStream); err != nil {
		t.Fatalf("DeleteStream = %v", err)
	}
	filters("batchport.v1.acme.>")
	tuned := jetstream.ConsumerConfig{Durable: "acme_billing", FilterSubject: "batchport.v1.acme.job.>", AckPolicy: jetstream.AckExplicitPolicy}
	if _, err := js.UpdateConsumer(t.Context(), eventStream, tuned); err != nil {
		t.Fatalf("UpdateConsumer = %v", err)
	}
	if err := js.DeleteConsumer(t.Context(), eventStream, "beta-2_x_y"); err != nil {
		t.Fatalf("DeleteConsumer = %v", err)
	}
	stream = newEventStream(t, conn, config) // as the next process does; this one would in a minute
	filters("batchport.v1.acme.job.>")
	for _, bad := range []string{"", "acme", "acme_", "_x", "Acme_x", "acme_x.y", "acme_*"} {
		if _, err := natsbus.NewEventStream(conn, natsbus.Config{Consumers: []string{bad}}); domain.FailureOf(err).Field != "consumers" {
			t.Errorf("NewEventStream(consumer %q) = %v, want a failure of consumers", bad, err)
		}
	}
}

// TestNoRoom fills what the account may keep: events wait for room.
func TestNoRoom(t *testing.T) {
	t.Parallel()
	cluster := natstest.Start(t, 1, func(o *server.Options) { o.JetStreamMaxStore = 1 << 20 })
	stream := newEventStream(t, cluster.Connect(t), natsbus.Config{})
	var err error
	for n := 0; err == nil && n < 100; n++ {
		big := event(strings.Repeat("x", n+1))
		big.Data = []byte(`"` + strings.Repeat("x", 100_000) + `"`)
		_, err = stream.Publish(t.Context(), []domain.Event{big})
	}
	if !errors.Is(err, domain.CodeUnavailable) {
		t.Errorf("Publish without room = %v, want %v", err, domain.CodeUnavailable)
	}
	t.Log(err)
}

package natsbus_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/batchport/batchport/adapters/natsbus"
	"github.com/batchport/batchport/domain"
)

const workStream = "BATCHPORT_WORK"

// hear listens for estate_export until the test ends, and counts the calls.
func hear(t *testing.T, bell *natsbus.Bell) *atomic.Int64 {
	t.Helper()
	var calls atomic.Int64
	ctx, cancel := context.WithCancel(context.Background())
	returned := make(chan error, 1)
	go func() {
		returned <- bell.Listen(ctx, []domain.Kind{"estate_export"}, 2, func(context.Context) error {
			calls.Add(1)
			return nil
		})
	}()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-returned:
			if err != nil {
				t.Errorf("Listen = %v, want nil", err)
			}
		case <-time.After(patience):
			t.Error("Listen did not return")
		}
	})
	return &calls
}

// rings rings as the sweeper does, until it is heard.
func rings(t *testing.T, bell *natsbus.Bell, calls *atomic.Int64, after string) {
	t.Helper()
	before, next := calls.Load(), time.Time{}
	eventually(t, "a ring is heard after "+after, func() bool {
		if time.Now().After(next) {
			next = time.Now().Add(200 * time.Millisecond)
			ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
			_ = bell.Ring(ctx, "estate_export") // it may fail while the server is on its way
			cancel()
		}
		return calls.Load() > before
	})
}

func TestBellIsMendedLive(t *testing.T) {
	t.Parallel()
	conn := connect(t)
	bell, js := newBell(t, conn, natsbus.Config{}), newJetStream(t, conn)
	calls := hear(t, bell)
	rings(t, bell, calls, "the start")
	for i := range 3 {
		if err := js.DeleteConsumer(t.Context(), workStream, "estate_export"); err != nil {
			t.Fatalf("DeleteConsumer = %v", err)
		}
		rings(t, bell, calls, fmt.Sprintf("deletion %d of the consumer", i+1))
		if err := js.DeleteStream(t.Context(), workStream); err != nil {
			t.Fatalf("DeleteStream = %v", err)
		}
		rings(t, bell, calls, fmt.Sprintf("deletion %d of the stream", i+1))
	}
}

func TestBellSurvivesRestarts(t *testing.T) {
	t.Parallel()
	broker := startBroker(t)
	bell := newBell(t, broker.connect(t), natsbus.Config{})
	calls := hear(t, bell)
	rings(t, bell, calls, "the start")
	for i := range 3 {
		broker.restart(t, false)
		rings(t, bell, calls, fmt.Sprintf("restart %d", i+1))
		broker.restart(t, true)
		rings(t, bell, calls, fmt.Sprintf("loss %d of the files", i+1))
	}
}

func TestBellFailsFastWithoutServer(t *testing.T) {
	t.Parallel()
	broker := startBroker(t)
	conn := broker.connect(t)
	bell := newBell(t, conn, natsbus.Config{})
	if err := bell.Ring(t.Context(), "estate_export"); err != nil {
		t.Fatalf("Ring = %v", err)
	}
	broker.stop()
	eventually(t, "the connection is lost", func() bool { return !conn.IsConnected() })
	begin := time.Now()
	if err := bell.Ring(t.Context(), "estate_export"); !errors.Is(err, domain.CodeUnavailable) {
		t.Errorf("Ring without a server = %v, want %v", err, domain.CodeUnavailable)
	}
	if took := time.Since(begin); took > time.Second {
		t.Errorf("Ring without a server took %v", took)
	}
}

// A server that takes the connection and answers nothing.
func TestBellHeedsItsContextWhenNobodyAnswers(t *testing.T) {
	t.Parallel()
	broker := startBroker(t)
	deaf := newBell(t, broker.connect(t), natsbus.Config{})
	if err := deaf.Ring(t.Context(), "estate_export"); err != nil {
		t.Fatalf("Ring = %v", err)
	}
	if err := broker.server.ShutdownJetStream(); err != nil {
		t.Fatalf("ShutdownJetStream = %v", err)
	}
	conn := broker.connect(t)
	if _, err := conn.SubscribeSync("batchport.work.>"); err != nil { // hears, and never answers
		t.Fatal(err)
	}
	if err := conn.Flush(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	begin := time.Now()
	if err := deaf.Ring(ctx, "estate_export"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Ring = %v, want %v", err, context.DeadlineExceeded)
	}
	if took := time.Since(begin); took > 3*time.Second {
		t.Errorf("Ring with 100ms took %v", took)
	}
}

func TestBellListenEndsWithTheConnection(t *testing.T) {
	t.Parallel()
	conn := connect(t)
	bell := newBell(t, conn, natsbus.Config{})
	returned := make(chan error, 1)
	var calls atomic.Int64
	go func() {
		returned <- bell.Listen(t.Context(), []domain.Kind{"estate_export"}, 1, func(context.Context) error {
			calls.Add(1)
			return nil
		})
	}()
	rings(t, bell, &calls, "the start")
	conn.Close()
	select {
	case err := <-returned:
		if !errors.Is(err, domain.CodeUnavailable) {
			t.Errorf("Listen on a closed connection = %v, want %v", err, domain.CodeUnavailable)
		}
	case <-time.After(patience):
		t.Error("Listen on a closed connection did not return")
	}
}

func TestBellRingsDoNotPileUp(t *testing.T) {
	t.Parallel()
	conn := connect(t)
	bell := newBell(t, conn, natsbus.Config{})
	for range 1500 {
		if err := bell.Ring(t.Context(), "estate_export"); err != nil {
			t.Fatalf("Ring = %v", err)
		}
	}
	stream, err := newJetStream(t, conn).Stream(t.Context(), workStream)
	if err != nil {
		t.Fatalf("Stream = %v", err)
	}
	if got := stream.CachedInfo().State.Msgs; got != 1024 {
		t.Errorf("rings that wait after 1500 = %d, want 1024", got)
	}
}

func TestBellsUnderTwoPrefixes(t *testing.T) {
	t.Parallel()
	conn := connect(t)
	one, two := newBell(t, conn, natsbus.Config{Prefix: "one"}), newBell(t, conn, natsbus.Config{Prefix: "two"})
	heardOne, heardTwo := hear(t, one), hear(t, two)
	rings(t, one, heardOne, "the start")
	rings(t, one, heardOne, "a while")
	if got := heardTwo.Load(); got != 0 {
		t.Errorf("rings of one that two heard = %d, want 0", got)
	}
	rings(t, two, heardTwo, "the start")
}

func TestBellRefusesBadArguments(t *testing.T) {
	t.Parallel()
	bell := newBell(t, connect(t), natsbus.Config{})
	work := func(context.Context) error { return nil }
	for _, kind := range []domain.Kind{"", "a.b", "*", ">", "a b", "物件"} {
		if err := bell.Ring(t.Context(), kind); !errors.Is(err, domain.CodeInvalid) {
			t.Errorf("Ring(%q) = %v, want %v", kind, err, domain.CodeInvalid)
		}
		if err := bell.Listen(t.Context(), []domain.Kind{kind}, 1, work); !errors.Is(err, domain.CodeInvalid) {
			t.Errorf("Listen(%q) = %v, want %v", kind, err, domain.CodeInvalid)
		}
	}
	if err := bell.Listen(t.Context(), nil, 1, work); !errors.Is(err, domain.CodeInvalid) {
		t.Errorf("Listen(no kinds) = %v, want %v", err, domain.CodeInvalid)
	}
	if err := bell.Listen(t.Context(), []domain.Kind{"a"}, 0, work); !errors.Is(err, domain.CodeInvalid) {
		t.Errorf("Listen(no workers) = %v, want %v", err, domain.CodeInvalid)
	}
}

func TestConfigIsChecked(t *testing.T) {
	t.Parallel()
	conn := new(nats.Conn)
	for _, try := range []struct {
		config natsbus.Config
		field  string
	}{
		{natsbus.Config{Prefix: "Upper"}, "prefix"},
		{natsbus.Config{Prefix: "a.b"}, "prefix"},
		{natsbus.Config{MaxAge: time.Millisecond}, "max_age"},
		{natsbus.Config{Replicas: 6}, "replicas"},
		{natsbus.Config{Pause: -1}, "pause"},
		{natsbus.Config{RemakeAfter: -1}, "remake_after"},
	} {
		if _, err := natsbus.NewBell(conn, try.config); domain.FailureOf(err).Field != try.field {
			t.Errorf("NewBell(%+v) = %v, want a failure of %s", try.config, err, try.field)
		}
		if _, err := natsbus.NewEventStream(conn, try.config); domain.FailureOf(err).Field != try.field {
			t.Errorf("NewEventStream(%+v) = %v, want a failure of %s", try.config, err, try.field)
		}
	}
}

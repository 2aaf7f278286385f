package natsbus_test

import (
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/batchport/batchport/adapters/natsbus"
	"github.com/batchport/batchport/adapters/natsbus/embedded"
	"github.com/batchport/batchport/ports"
	"github.com/batchport/batchport/ports/portstest"
)

func TestBell(t *testing.T) {
	t.Parallel()
	portstest.Bell(t, func(t *testing.T) ports.Bell { return newBell(t, connect(t), natsbus.Config{}) })
}

func TestEventStream(t *testing.T) {
	t.Parallel()
	portstest.EventStream(t, func(t *testing.T) ports.EventStream {
		return newEventStream(t, connect(t), natsbus.Config{})
	})
}

// connect connects to a server of the test's own.
func connect(t *testing.T) *nats.Conn {
	t.Helper()
	server, err := embedded.Start(embedded.Config{StoreDir: t.TempDir()})
	if err != nil {
		t.Fatalf("embedded.Start = %v", err)
	}
	t.Cleanup(server.Close)
	conn, err := server.Connect()
	if err != nil {
		t.Fatalf("Connect = %v", err)
	}
	t.Cleanup(conn.Close)
	return conn
}

func newBell(t *testing.T, conn *nats.Conn, config natsbus.Config) *natsbus.Bell {
	t.Helper()
	bell, err := natsbus.NewBell(conn, config)
	if err != nil {
		t.Fatalf("NewBell = %v", err)
	}
	return bell
}

func newEventStream(t *testing.T, conn *nats.Conn, config natsbus.Config) *natsbus.EventStream {
	t.Helper()
	stream, err := natsbus.NewEventStream(conn, config)
	if err != nil {
		t.Fatalf("NewEventStream = %v", err)
	}
	return stream
}

func benchmarkStream(b *testing.B) *natsbus.EventStream {
	b.Helper()
	server, err := embedded.Start(embedded.Config{StoreDir: b.TempDir()})
	if err != nil {
		b.Fatalf("embedded.Start = %v", err)
	}
	b.Cleanup(server.Close)
	conn, err := server.Connect()
	if err != nil {
		b.Fatalf("Connect = %v", err)
	}
	b.Cleanup(conn.Close)
	stream, err := natsbus.NewEventStream(conn, natsbus.Config{})
	if err != nil {
		b.Fatalf("NewEventStream = %v", err)
	}
	return stream
}

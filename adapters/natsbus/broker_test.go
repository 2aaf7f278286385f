package natsbus_test

import (
	"net"
	"os"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const patience = 20 * time.Second

// broker is a NATS server on TCP that can be stopped and started again.
type broker struct {
	dir    string
	port   int
	server *server.Server
}

func startBroker(t *testing.T) *broker {
	t.Helper()
	b := &broker{dir: t.TempDir(), port: -1}
	b.start(t)
	b.port = b.server.Addr().(*net.TCPAddr).Port
	t.Cleanup(b.stop)
	return b
}

func (b *broker) start(t *testing.T) {
	t.Helper()
	var err error
	b.server, err = server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: b.port, JetStream: true, StoreDir: b.dir, NoLog: true, NoSigs: true,
	})
	if err != nil {
		t.Fatalf("NewServer = %v", err)
	}
	b.server.Start()
	if !b.server.ReadyForConnections(patience) {
		t.Fatal("the NATS server is not ready")
	}
}

func (b *broker) stop() {
	b.server.Shutdown()
	b.server.WaitForShutdown()
}

// restart stops the server and starts it again, on the files that it left or,
// with forget, on none.
func (b *broker) restart(t *testing.T, forget bool) {
	t.Helper()
	b.stop()
	if forget {
		if err := os.RemoveAll(b.dir); err != nil {
			t.Fatal(err)
		}
	}
	b.start(t)
}

func (b *broker) connect(t *testing.T) *nats.Conn {
	t.Helper()
	conn, err := nats.Connect(b.server.ClientURL(), nats.MaxReconnects(-1), nats.ReconnectWait(20*time.Millisecond))
	if err != nil {
		t.Fatalf("Connect = %v", err)
	}
	t.Cleanup(conn.Close)
	return conn
}

func newJetStream(t *testing.T, conn *nats.Conn) jetstream.JetStream {
	t.Helper()
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatalf("jetstream.New = %v", err)
	}
	return js
}

func eventually(t *testing.T, what string, met func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); !met(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}

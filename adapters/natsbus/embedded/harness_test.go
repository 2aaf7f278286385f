package embedded_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/batchport/batchport/adapters/natsbus"
	"github.com/batchport/batchport/adapters/natsbus/embedded"
	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

const (
	eventStream = "BATCHPORT_EVENTS"
	workStream  = "BATCHPORT_WORK"
	patience    = 15 * time.Second
)

// host is a process with an embedded server, and what it uses of it.
type host struct {
	server *embedded.Server
	conn   *nats.Conn
	js     jetstream.JetStream
	stream *natsbus.EventStream
	bell   *natsbus.Bell
}

// startHost starts a server that subscribers of any tenant may use with the
// password "key of " and the tenant.
func startHost(t *testing.T, config embedded.Config) *host {
	t.Helper()
	if config.StoreDir == "" {
		config.StoreDir = t.TempDir()
	}
	if config.Authenticate == nil {
		config.Authenticate = func(_ context.Context, user, password string) (domain.TenantID, bool) {
			return domain.TenantID(user), password == "key of "+user
		}
	}
	server, err := embedded.Start(config)
	if err != nil {
		t.Fatalf("Start = %v", err)
	}
	t.Cleanup(server.Close)
	h := &host{server: server}
	if h.conn, err = server.Connect(); err != nil {
		t.Fatalf("Connect = %v", err)
	}
	t.Cleanup(h.conn.Close)
	if h.js, err = jetstream.New(h.conn); err != nil {
		t.Fatalf("jetstream.New = %v", err)
	}
	if h.stream, err = natsbus.NewEventStream(h.conn, natsbus.Config{}); err != nil {
		t.Fatalf("NewEventStream = %v", err)
	}
	if h.bell, err = natsbus.NewBell(h.conn, natsbus.Config{}); err != nil {
		t.Fatalf("NewBell = %v", err)
	}
	return h
}

// tell publishes one event of the tenant about a job.
func (h *host) tell(t *testing.T, tenant domain.TenantID, id string) ports.StreamPosition {
	t.Helper()
	got, err := h.stream.Publish(t.Context(), []domain.Event{{
		ID: id, Tenant: tenant, Topic: "job.estate_export.completed", Subject: "job of " + string(tenant), Sequence: 1,
	}})
	if err != nil {
		t.Fatalf("Publish(%s of %s) = %v", id, tenant, err)
	}
	return got[0]
}

// last returns the place of the last event.
func (h *host) last(t *testing.T) uint64 {
	t.Helper()
	state, err := h.stream.State(t.Context())
	if err != nil {
		t.Fatalf("State() = %v", err)
	}
	return state.Last
}

// tenant is a subscriber's connection.
type tenant struct {
	name domain.TenantID
	conn *nats.Conn
	js   jetstream.JetStream
}

func (h *host) join(t *testing.T, name domain.TenantID, options ...nats.Option) *tenant {
	t.Helper()
	s := &tenant{name: name}
	options = append([]nats.Option{
		nats.UserInfo(string(name), "key of "+string(name)),
		nats.ReconnectWait(50 * time.Millisecond),
		nats.MaxReconnects(-1),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}), // fault tells
	}, options...)
	var err error
	if s.conn, err = nats.Connect("nats://"+h.server.Addr(), options...); err != nil {
		t.Fatalf("Connect as %s = %v", name, err)
	}
	t.Cleanup(s.conn.Close)
	if s.js, err = jetstream.New(s.conn, jetstream.WithDefaultTimeout(patience)); err != nil {
		t.Fatalf("jetstream.New = %v", err)
	}
	return s
}

// fault returns the last error that the server sent, once it has worked on
// everything that was sent to it; nil when there never was one.
func (s *tenant) fault(t *testing.T) error {
	t.Helper()
	if err := s.conn.FlushTimeout(patience); err != nil {
		t.Fatalf("Flush = %v", err)
	}
	return s.conn.LastError()
}

// own is a consumer as the tenant may make it.
func (s *tenant) own(name string) jetstream.ConsumerConfig {
	return jetstream.ConsumerConfig{
		Durable:       string(s.name) + "_" + name,
		FilterSubject: "batchport.v1." + string(s.name) + ".>",
		AckPolicy:     jetstream.AckExplicitPolicy,
	}
}

func (s *tenant) consumer(t *testing.T, name string) jetstream.Consumer {
	t.Helper()
	consumer, err := s.js.CreateOrUpdateConsumer(t.Context(), eventStream, s.own(name))
	if err != nil {
		t.Fatalf("CreateOrUpdateConsumer(%s_%s) = %v", s.name, name, err)
	}
	return consumer
}

// read takes one message, which must come.
func read(t *testing.T, consumer jetstream.Consumer) jetstream.Msg {
	t.Helper()
	msg, err := consumer.Next(jetstream.FetchMaxWait(patience))
	if err != nil {
		t.Fatalf("Next = %v", err)
	}
	return msg
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

func eventID(tenant domain.TenantID, i int) string { return fmt.Sprintf("%s-%d", tenant, i) }

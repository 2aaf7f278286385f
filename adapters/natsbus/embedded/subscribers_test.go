package embedded_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/batchport/batchport/adapters/natsbus/embedded"
)

func TestSubscriberReadsOnFromWhereItWas(t *testing.T) {
	t.Parallel()
	h := startHost(t, embedded.Config{Listen: "127.0.0.1:0"})
	for i := range 3 {
		h.tell(t, "acme", eventID("acme", i))
		h.tell(t, "beta", eventID("beta", i))
	}
	first := h.join(t, "acme")
	consumer := first.consumer(t, "billing")
	for i := range 2 {
		msg := read(t, consumer)
		if got, want := msg.Headers().Get(nats.MsgIdHdr), eventID("acme", i); got != want {
			t.Errorf("event %d = %s, want %s", i, got, want)
		}
		if got, want := msg.Subject(), "batchport.v1.acme.job.estate_export.completed"; got != want {
			t.Errorf("subject of event %d = %s, want %s", i, got, want)
		}
		if err := msg.DoubleAck(t.Context()); err != nil {
			t.Errorf("DoubleAck = %v", err)
		}
	}
	first.conn.Close()

	second := h.join(t, "acme")
	consumer, err := second.js.Consumer(t.Context(), eventStream, "acme_billing")
	if err != nil {
		t.Fatalf("Consumer = %v", err)
	}
	if got, want := read(t, consumer).Headers().Get(nats.MsgIdHdr), eventID("acme", 2); got != want {
		t.Errorf("event after the acknowledged ones = %s, want %s", got, want)
	}
	if info, err := consumer.Info(t.Context()); err != nil || info.NumPending != 0 {
		t.Errorf("Info = %v, %v; want nothing pending, since the other events are of another tenant", info, err)
	}
	if err := second.js.DeleteConsumer(t.Context(), eventStream, "acme_billing"); err != nil {
		t.Errorf("DeleteConsumer = %v", err)
	}
	if fault := second.fault(t); fault != nil {
		t.Errorf("fault of a proper subscriber = %v, want none", fault)
	}
}

func TestSubscriberConsumesAsItHappens(t *testing.T) {
	t.Parallel()
	h := startHost(t, embedded.Config{Listen: "127.0.0.1:0"})
	h.tell(t, "acme", "before")
	s := h.join(t, "acme")

	ordered, err := s.js.OrderedConsumer(t.Context(), eventStream, jetstream.OrderedConsumerConfig{
		NamePrefix:     "acme_live",
		FilterSubjects: []string{"batchport.v1.acme.job.>"},
	})
	if err != nil {
		t.Fatalf("OrderedConsumer = %v", err)
	}
	heard := make(chan string, 8)
	reading, err := ordered.Consume(func(msg jetstream.Msg) { heard <- msg.Headers().Get(nats.MsgIdHdr) })
	if err != nil {
		t.Fatalf("Consume = %v", err)
	}
	defer reading.Stop()
	plain, err := s.conn.SubscribeSync("batchport.v1.acme.>")
	if err != nil {
		t.Fatalf("Subscribe = %v", err)
	}
	if fault := s.fault(t); fault != nil {
		t.Fatalf("fault = %v, want none", fault)
	}
	h.tell(t, "beta", "of another tenant")
	h.tell(t, "acme", "after")

	for _, want := range []string{"before", "after"} {
		select {
		case got := <-heard:
			if got != want {
				t.Errorf("ordered consumer heard %s, want %s", got, want)
			}
		case <-time.After(patience):
			t.Fatalf("ordered consumer did not hear %s", want)
		}
	}
	msg, err := plain.NextMsg(patience)
	if err != nil || msg.Header.Get(nats.MsgIdHdr) != "after" {
		t.Errorf("plain subscription heard %v, %v; want the event after", msg, err)
	}
}

// A client is told that its consumer is not there, before it was made, when it
// was deleted, and when the server has lost its files; and so is one who asks for
// another tenant's.
func TestSubscriberLearnsThatAConsumerIsMissing(t *testing.T) {
	t.Parallel()
	config := embedded.Config{StoreDir: t.TempDir(), Listen: "127.0.0.1:0"}
	h := startHost(t, config)
	h.tell(t, "acme", eventID("acme", 0))
	s := h.join(t, "acme")
	missing := func(when, name string) {
		t.Helper()
		if _, err := s.js.Consumer(t.Context(), eventStream, name); !errors.Is(err, jetstream.ErrConsumerNotFound) {
			t.Errorf("Consumer(%s) %s = %v, want %v", name, when, err, jetstream.ErrConsumerNotFound)
		}
	}
	missing("before it was made", "acme_billing")
	h.join(t, "beta").consumer(t, "billing")
	missing("of another tenant", "beta_billing")
	s.consumer(t, "billing")
	if err := s.js.DeleteConsumer(t.Context(), eventStream, "acme_billing"); err != nil {
		t.Fatalf("DeleteConsumer = %v", err)
	}
	missing("after it was deleted", "acme_billing")
	s.consumer(t, "billing")
	config.Listen = h.server.Addr()
	h.conn.Close()
	h.server.Close()
	if err := os.RemoveAll(filepath.Join(config.StoreDir, "jetstream")); err != nil {
		t.Fatal(err)
	}
	h = startHost(t, config)
	eventually(t, "the subscriber is connected again", s.conn.IsConnected)
	missing("after the loss of the files", "acme_billing")
	h.tell(t, "acme", eventID("acme", 1))
	if got := read(t, s.consumer(t, "billing")).Headers().Get(nats.MsgIdHdr); got != eventID("acme", 1) {
		t.Errorf("event of the consumer that was made anew = %s, want %s", got, eventID("acme", 1))
	}
}

func TestSubscriberSurvivesARestart(t *testing.T) {
	t.Parallel()
	config := embedded.Config{StoreDir: t.TempDir(), Listen: "127.0.0.1:0"}
	h := startHost(t, config)
	for i := range 2 {
		h.tell(t, "acme", eventID("acme", i))
	}
	s := h.join(t, "acme")
	consumer := s.consumer(t, "billing")
	if err := read(t, consumer).DoubleAck(t.Context()); err != nil {
		t.Fatalf("DoubleAck = %v", err)
	}
	config.Listen = h.server.Addr()
	h.conn.Close()
	h.server.Close()
	startHost(t, config)
	eventually(t, "the subscriber is connected again", s.conn.IsConnected)
	if got, want := read(t, consumer).Headers().Get(nats.MsgIdHdr), eventID("acme", 1); got != want {
		t.Errorf("event after the restart = %s, want %s", got, want)
	}
}

func TestSubscriberNeedsCredentials(t *testing.T) {
	t.Parallel()
	h := startHost(t, embedded.Config{Listen: "127.0.0.1:0"})
	for name, credentials := range map[string]nats.Option{
		"none":              nats.Name("x"),
		"wrong password":    nats.UserInfo("acme", "key of beta"),
		"the host's user":   nats.UserInfo("batchport-internal", ""),
		"a tenant's name":   nats.UserInfo("acme", ""),
		"not a tenant name": nats.UserInfo("a.*", "key of a.*"),
		"nobody's token":    nats.Token("key of acme"),
	} {
		conn, err := nats.Connect("nats://"+h.server.Addr(), credentials, nats.NoReconnect())
		if !errors.Is(err, nats.ErrAuthorization) {
			t.Errorf("Connect with %s = %v, want %v", name, err, nats.ErrAuthorization)
		}
		if conn != nil {
			conn.Close()
		}
	}
}

func TestSubscriberOverTLS(t *testing.T) {
	t.Parallel()
	// Only for its certificate, which is for 127.0.0.1.
	web := httptest.NewTLSServer(nil)
	defer web.Close()
	h := startHost(t, embedded.Config{
		Listen: "127.0.0.1:0",
		TLS:    &tls.Config{Certificates: web.TLS.Certificates, MinVersion: tls.VersionTLS12},
	})
	h.tell(t, "acme", "one")
	trusted := x509.NewCertPool()
	trusted.AddCert(web.Certificate())
	s := h.join(t, "acme", nats.Secure(&tls.Config{RootCAs: trusted, MinVersion: tls.VersionTLS12}))
	if got := read(t, s.consumer(t, "billing")).Headers().Get(nats.MsgIdHdr); got != "one" {
		t.Errorf("event over TLS = %s, want one", got)
	}
	if conn, err := nats.Connect("nats://"+h.server.Addr(), nats.UserInfo("acme", "key of acme"), nats.NoReconnect()); err == nil {
		conn.Close()
		t.Error("Connect without trust in the certificate worked")
	}
}

func TestTenantHasManyConsumersButNotEndless(t *testing.T) {
	t.Parallel()
	h := startHost(t, embedded.Config{Listen: "127.0.0.1:0"})
	h.tell(t, "acme", "one")
	s, other := h.join(t, "acme"), h.join(t, "acme-2")
	for i := range 64 {
		s.consumer(t, eventID("c", i))
	}
	_, err := s.js.CreateOrUpdateConsumer(t.Context(), eventStream, s.own("more"))
	var refused jetstream.JetStreamError
	if !errors.As(err, &refused) {
		t.Errorf("CreateOrUpdateConsumer of the 65th consumer = %v, want it refused", err)
	}
	s.consumer(t, eventID("c", 1))
	other.consumer(t, "billing")
	if err := s.js.DeleteConsumer(t.Context(), eventStream, "acme_c-1"); err != nil {
		t.Fatalf("DeleteConsumer = %v", err)
	}
	s.consumer(t, "more")
}

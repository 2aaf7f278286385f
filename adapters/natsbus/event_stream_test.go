package natsbus_test

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/batchport/batchport/adapters/natsbus"
	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

const eventStream = "BATCHPORT_EVENTS"

func event(id string) domain.Event {
	return domain.Event{
		ID: id, Tenant: "acme", Topic: "job.estate_export.completed", Subject: "68f0a1b2c3d4e5.00000001", Sequence: 3,
		Time:  time.Date(2026, 11, 3, 12, 5, 6, 789_012_999, time.FixedZone("", 8*3600)),
		Data:  []byte(`{"name": "物件 <1>", "count": 12345678901234567890}`),
		Trace: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
	}
}

func TestEventOnTheWire(t *testing.T) {
	t.Parallel()
	conn := connect(t)
	stream := newEventStream(t, conn, natsbus.Config{Source: "https://host.example/batch"})
	synced := domain.Event{ID: "2", Tenant: "b-9", Topic: "budget.synced", Sequence: 1, Time: time.Unix(0, 0), Trace: "nonsense"}
	if _, err := stream.Publish(t.Context(), []domain.Event{event("1"), synced}); err != nil {
		t.Fatalf("Publish = %v", err)
	}
	stored, err := newJetStream(t, conn).Stream(t.Context(), eventStream)
	if err != nil {
		t.Fatalf("Stream = %v", err)
	}
	for i, want := range []struct{ subject, body string }{
		{
			"batchport.v1.acme.job.estate_export.completed",
			`{"specversion":"1.0","id":"1","source":"https://host.example/batch","type":"batchport.job.completed",` +
				`"subject":"68f0a1b2c3d4e5.00000001","time":"2026-11-03T04:05:06.789012Z","datacontenttype":"application/json",` +
				`"tenant":"acme","sequence":"0000000000000000003","traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01","data":{"name":"物件 \u003c1\u003e","count":12345678901234567890}}`,
		},
		{
			"batchport.v1.b-9.budget.synced",
			`{"specversion":"1.0","id":"2","source":"https://host.example/batch","type":"batchport.budget.synced",` +
				`"time":"1970-01-01T00:00:00.000000Z","tenant":"b-9","sequence":"0000000000000000001"}`,
		},
	} {
		msg, err := stored.GetMsg(t.Context(), uint64(i+1))
		if err != nil {
			t.Fatalf("GetMsg(%d) = %v", i+1, err)
		}
		if msg.Subject != want.subject || string(msg.Data) != want.body {
			t.Errorf("message %d = %s %s, want %s %s", i+1, msg.Subject, msg.Data, want.subject, want.body)
		}
		if got := msg.Header.Get("content-type"); got != "application/cloudevents+json" {
			t.Errorf("content-type = %q, want application/cloudevents+json", got)
		}
		if got, want := msg.Header.Get(nats.MsgIdHdr), fmt.Sprint(i+1); got != want {
			t.Errorf("%s = %q, want %q", nats.MsgIdHdr, got, want)
		}
	}
}

func TestEventThatCannotBeTold(t *testing.T) {
	t.Parallel()
	stream := newEventStream(t, connect(t), natsbus.Config{})
	change := func(how func(*domain.Event)) domain.Event {
		e := event("bad")
		how(&e)
		return e
	}
	for i, try := range []struct {
		event domain.Event
		want  domain.Code
	}{
		{change(func(e *domain.Event) { e.Tenant = "a.b" }), domain.CodeInvalid},
		{change(func(e *domain.Event) { e.Topic = "" }), domain.CodeInvalid},
		{change(func(e *domain.Event) { e.Topic = "job..completed" }), domain.CodeInvalid},
		{change(func(e *domain.Event) { e.Topic = "job.>" }), domain.CodeInvalid},
		{change(func(e *domain.Event) { e.ID = "" }), domain.CodeInvalid},
		{change(func(e *domain.Event) { e.ID = "1\r\nNats-Rollup: all" }), domain.CodeInvalid},
		{change(func(e *domain.Event) { e.Data = []byte("{") }), domain.CodeInvalid},
		{change(func(e *domain.Event) { e.Data = fmt.Appendf(nil, "%q", bytes.Repeat([]byte("x"), 2<<20)) }), domain.CodeTooLarge},
	} {
		good := event(fmt.Sprintf("good-%d", i))
		got, err := stream.Publish(t.Context(), []domain.Event{good, try.event, event("never")})
		if len(got) != 1 || !errors.Is(err, try.want) {
			t.Errorf("Publish(good, bad %d, good) = %v, %v; want one position, %v", i, got, err, try.want)
		}
	}
}

func TestEventStreamMadeAnewIsAnother(t *testing.T) {
	t.Parallel()
	broker := startBroker(t)
	conn := broker.connect(t)
	stream, js := newEventStream(t, conn, natsbus.Config{}), newJetStream(t, conn)
	state := func(after string) (state ports.StreamState) {
		eventually(t, "the stream answers after "+after, func() bool {
			var err error
			state, err = stream.State(t.Context())
			return err == nil
		})
		return state
	}
	if _, err := stream.Publish(t.Context(), []domain.Event{event("1"), event("2")}); err != nil {
		t.Fatalf("Publish = %v", err)
	}
	first := state("the start")
	broker.restart(t, false)
	if got := state("a restart"); got != first {
		t.Errorf("State() after a restart = %+v, want %+v", got, first)
	}
	if got, err := stream.Publish(t.Context(), []domain.Event{event("2")}); err != nil || got[0].Sequence != 2 {
		t.Errorf("Publish of a stored event after a restart = %v, %v; want place 2", got, err)
	}
	seen := map[string]bool{first.Stream: true}
	for _, how := range []string{"deletion", "loss of the files"} {
		if how == "deletion" {
			if err := js.DeleteStream(t.Context(), eventStream); err != nil {
				t.Fatalf("DeleteStream = %v", err)
			}
		} else {
			broker.restart(t, true)
		}
		got := state(how)
		if seen[got.Stream] || got.Last != 0 {
			t.Errorf("State() after %s = %+v, want another, empty stream", how, got)
		}
		seen[got.Stream] = true
		again, err := stream.Publish(t.Context(), []domain.Event{event("2")})
		if want := (ports.StreamPosition{Stream: got.Stream, Sequence: 1}); err != nil || again[0] != want {
			t.Errorf("Publish after %s = %v, %v; want %v", how, again, err, want)
		}
	}
}

// TestEventStreamPositionsAreTrue makes the stream anew between two events of
// one call. Both are acknowledged, and nothing but the look at the end tells
// that they are in different streams.
func TestEventStreamPositionsAreTrue(t *testing.T) {
	t.Parallel()
	broker := startBroker(t)
	conn := broker.connect(t)
	js, other := newJetStream(t, conn), newEventStream(t, conn, natsbus.Config{})
	remade := false
	hooked, err := nats.Connect(broker.server.ClientURL(), nats.SetCustomDialer(hookedDialer(func(sent []byte) {
		if remade || !bytes.Contains(sent, []byte(nats.MsgIdHdr+": second\r\n")) {
			return
		}
		remade = true
		if err := js.DeleteStream(t.Context(), eventStream); err != nil {
			t.Errorf("DeleteStream = %v", err)
		}
		if _, err := other.State(t.Context()); err != nil {
			t.Errorf("State() = %v", err)
		}
	})))
	if err != nil {
		t.Fatalf("Connect = %v", err)
	}
	defer hooked.Close()
	stream := newEventStream(t, hooked, natsbus.Config{})
	events := []domain.Event{event("first"), event("second"), event("third")}
	got, err := stream.Publish(t.Context(), events)
	if len(got) != 0 || !errors.Is(err, domain.CodeUnavailable) {
		t.Errorf("Publish while the stream is made anew = %v, %v; want no positions, %v", got, err, domain.CodeUnavailable)
	}
	if !remade {
		t.Error("the stream was not made anew")
	}
	got, err = stream.Publish(t.Context(), events)
	if err != nil || got[0].Sequence != 3 || got[1].Sequence != 1 || got[2].Sequence != 2 {
		t.Errorf("Publish again = %v, %v; want places 3, 1, 2", got, err)
	}
}

// hookedDialer dials connections that call it with what is about to be sent.
type hookedDialer func(sent []byte)

func (d hookedDialer) Dial(network, address string) (net.Conn, error) {
	conn, err := net.Dial(network, address)
	return &hookedConn{conn, d}, err
}

type hookedConn struct {
	net.Conn
	before func(sent []byte)
}

func (c *hookedConn) Write(b []byte) (int, error) {
	c.before(b)
	return c.Conn.Write(b)
}

func TestEventStreamFailsFastWithoutServer(t *testing.T) {
	t.Parallel()
	broker := startBroker(t)
	conn := broker.connect(t)
	stream := newEventStream(t, conn, natsbus.Config{})
	if _, err := stream.State(t.Context()); err != nil {
		t.Fatalf("State() = %v", err)
	}
	broker.stop()
	eventually(t, "the connection is lost", func() bool { return !conn.IsConnected() })
	begin := time.Now()
	if got, err := stream.Publish(t.Context(), []domain.Event{event("1")}); len(got) != 0 || !errors.Is(err, domain.CodeUnavailable) {
		t.Errorf("Publish without a server = %v, %v; want %v", got, err, domain.CodeUnavailable)
	}
	if _, err := stream.State(t.Context()); !errors.Is(err, domain.CodeUnavailable) {
		t.Errorf("State() without a server = %v, want %v", err, domain.CodeUnavailable)
	}
	if took := time.Since(begin); took > time.Second {
		t.Errorf("Publish and State without a server took %v", took)
	}
}

func BenchmarkPublish(b *testing.B) {
	stream := benchmarkStream(b)
	events := make([]domain.Event, 100)
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		for i := range events {
			events[i] = event(fmt.Sprintf("%d-%d", n, i))
		}
		if _, err := stream.Publish(b.Context(), events); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*len(events)), "µs/event")
}

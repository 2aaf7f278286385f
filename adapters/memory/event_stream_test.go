package memory_test

import (
	"testing"

	"github.com/batchport/batchport/adapters/memory"
	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
	"github.com/batchport/batchport/ports/portstest"
)

func TestEventStream(t *testing.T) {
	t.Parallel()
	portstest.EventStream(t, func(*testing.T) ports.EventStream { return memory.NewEventStream() })
}

func TestEventStreamEventsAreCopies(t *testing.T) {
	t.Parallel()
	stream, data := memory.NewEventStream(), []byte(`{}`)
	if _, err := stream.Publish(t.Context(), []domain.Event{{ID: "1", Data: data}}); err != nil {
		t.Fatalf("Publish = %v", err)
	}
	data[0] = 'x'
	stream.Events()[0].Data[1] = 'y'
	if got := string(stream.Events()[0].Data); got != "{}" {
		t.Errorf("Events()[0].Data = %s, want {}", got)
	}
}

func TestEventStreamTruncate(t *testing.T) {
	t.Parallel()
	stream := memory.NewEventStream()
	events := []domain.Event{{ID: "1"}, {ID: "2"}, {ID: "3"}}
	if _, err := stream.Publish(t.Context(), events); err != nil {
		t.Fatalf("Publish = %v", err)
	}
	before, _ := stream.State(t.Context())
	stream.Truncate(7)
	stream.Truncate(1)
	state, _ := stream.State(t.Context())
	if want := (ports.StreamState{Stream: before.Stream, Last: 1}); state != want {
		t.Errorf("State() after Truncate(1) = %+v, want %+v", state, want)
	}
	got, err := stream.Publish(t.Context(), []domain.Event{events[2], events[0]})
	if err != nil || got[0].Sequence != 2 || got[1].Sequence != 1 {
		t.Errorf("Publish(lost, kept) = %v, %v; want places 2, 1", got, err)
	}
}

func TestEventStreamReset(t *testing.T) {
	t.Parallel()
	stream := memory.NewEventStream()
	if _, err := stream.Publish(t.Context(), []domain.Event{{ID: "1"}}); err != nil {
		t.Fatalf("Publish = %v", err)
	}
	before, _ := stream.State(t.Context())
	stream.Reset()
	state, _ := stream.State(t.Context())
	if state.Stream == before.Stream || state.Last != 0 || len(stream.Events()) != 0 {
		t.Errorf("State() after Reset = %+v with %d events, want another stream than %q without any",
			state, len(stream.Events()), before.Stream)
	}
}

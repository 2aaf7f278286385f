package portstest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

// EventStream runs the contract of [ports.EventStream]. Each subtest calls
// open for a stream that never had an event, which cleans up through its t.
func EventStream(t *testing.T, open func(*testing.T) ports.EventStream) {
	t.Run("a fresh stream", func(t *testing.T) {
		t.Parallel()
		stream := open(t)
		first := streamState(t, stream)
		if first.Stream == "" || first.Last != 0 {
			t.Errorf("State() of a fresh stream = %+v, want a name and 0", first)
		}
		if again := streamState(t, stream); again != first {
			t.Errorf("State() again = %+v, want %+v", again, first)
		}
	})

	t.Run("no events", func(t *testing.T) {
		t.Parallel()
		stream := open(t)
		if got, err := stream.Publish(t.Context(), nil); len(got) != 0 || err != nil {
			t.Errorf("Publish(nil) = %v, %v; want nothing", got, err)
		}
		if state := streamState(t, stream); state.Last != 0 {
			t.Errorf("State().Last after Publish(nil) = %d, want 0", state.Last)
		}
	})

	t.Run("positions count from 1 in order", func(t *testing.T) {
		t.Parallel()
		stream, events := open(t), streamEvents("a", 5)
		got := publish(t, stream, events[:1])
		got = append(got, publish(t, stream, events[1:])...)
		state := streamState(t, stream)
		if want := positionsFrom(state.Stream, 1, 5); !slices.Equal(got, want) {
			t.Errorf("Publish(5 events) = %v, want %v", got, want)
		}
		if state.Last != 5 {
			t.Errorf("State().Last = %d, want 5", state.Last)
		}
	})

	t.Run("an event that is published again keeps its position", func(t *testing.T) {
		t.Parallel()
		stream, events := open(t), streamEvents("a", 4)
		first := publish(t, stream, events[:3])
		again := publish(t, stream, events)
		if !slices.Equal(again[:3], first) {
			t.Errorf("Publish of the same 3 events = %v, want %v", again[:3], first)
		}
		if want := positionsFrom(first[0].Stream, 4, 1); again[3] != want[0] {
			t.Errorf("Publish of the event after them = %v, want %v", again[3], want[0])
		}
		if state := streamState(t, stream); state.Last != 4 {
			t.Errorf("State().Last = %d, want 4", state.Last)
		}
	})

	t.Run("the same event twice in one call", func(t *testing.T) {
		t.Parallel()
		stream, events := open(t), streamEvents("a", 2)
		got := publish(t, stream, []domain.Event{events[0], events[1], events[0]})
		want := positionsFrom(got[0].Stream, 1, 2)
		if want = append(want, want[0]); !slices.Equal(got, want) {
			t.Errorf("Publish(a, b, a) = %v, want %v", got, want)
		}
	})

	t.Run("events of many tenants and topics share the positions", func(t *testing.T) {
		t.Parallel()
		stream := open(t)
		events := slices.Concat(streamEvents("a", 2), streamEvents("b-9", 2), streamEvents("-", 2))
		events[1].Topic, events[3].Topic = "budget.synced", "job.Host_kind-2.cancelled"
		events[4].Data = []byte("{\"text\":\"\u7269\u4ef6 \\u0000 \\\"<&>\\\"\"}")
		events[5].Subject = "\u7269\u4ef6 \"1\""
		got := publish(t, stream, events)
		if want := positionsFrom(got[0].Stream, 1, 6); !slices.Equal(got, want) {
			t.Errorf("Publish(6 events) = %v, want %v", got, want)
		}
	})

	t.Run("a large batch", func(t *testing.T) {
		t.Parallel()
		stream := open(t)
		got := publish(t, stream, streamEvents("a", 1000))
		if want := positionsFrom(got[0].Stream, 1, 1000); !slices.Equal(got, want) {
			t.Errorf("Publish(1000 events): positions are not 1 to 1000 in order")
		}
	})

	t.Run("several publishers at once", func(t *testing.T) {
		t.Parallel()
		stream := open(t)
		const publishers, each = 4, 25
		var mu sync.Mutex
		var all []uint64
		var wg sync.WaitGroup
		for p := range publishers {
			wg.Go(func() {
				got, err := stream.Publish(t.Context(), streamEvents(domain.TenantID(fmt.Sprintf("t%d", p)), each))
				if err != nil || len(got) != each {
					t.Errorf("Publish(%d events) = %d positions, %v; want all", each, len(got), err)
				}
				mu.Lock()
				defer mu.Unlock()
				for i, position := range got {
					if i > 0 && position.Sequence <= got[i-1].Sequence {
						t.Errorf("Publish: position %v comes after %v", position, got[i-1])
					}
					all = append(all, position.Sequence)
				}
			})
		}
		wg.Wait()
		slices.Sort(all)
		if n := len(slices.Compact(all)); n != publishers*each {
			t.Errorf("distinct positions = %d, want %d", n, publishers*each)
		}
	})

	t.Run("a context that has ended", func(t *testing.T) {
		t.Parallel()
		stream := open(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if got, err := stream.Publish(ctx, streamEvents("a", 2)); len(got) != 0 || !errors.Is(err, context.Canceled) {
			t.Errorf("Publish(cancelled) = %v, %v; want nothing, %v", got, err, context.Canceled)
		}
		if _, err := stream.State(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("State(cancelled) = %v, want %v", err, context.Canceled)
		}
	})
}

func publish(t *testing.T, stream ports.EventStream, events []domain.Event) []ports.StreamPosition {
	t.Helper()
	got, err := stream.Publish(t.Context(), events)
	if err != nil || len(got) != len(events) {
		t.Fatalf("Publish(%d events) = %d positions, %v; want all", len(events), len(got), err)
	}
	return got
}

func streamState(t *testing.T, stream ports.EventStream) ports.StreamState {
	t.Helper()
	state, err := stream.State(t.Context())
	if err != nil {
		t.Fatalf("State() = %v", err)
	}
	return state
}

// positionsFrom returns n positions, the first of them at first.
func positionsFrom(stream string, first uint64, n int) []ports.StreamPosition {
	positions := make([]ports.StreamPosition, n)
	for i := range positions {
		positions[i] = ports.StreamPosition{Stream: stream, Sequence: first + uint64(i)}
	}
	return positions
}

// streamEvents returns n events of one job of the tenant.
func streamEvents(tenant domain.TenantID, n int) []domain.Event {
	events := make([]domain.Event, n)
	for i := range events {
		events[i] = domain.Event{
			ID:       fmt.Sprintf("%s-%d", tenant, i+1),
			Tenant:   tenant,
			Topic:    "job.estate_export.completed",
			Subject:  "68f0a1b2c3d4e5.00000001",
			Sequence: int64(i + 1),
			Time:     time.Date(2026, 11, 3, 4, 5, 6, 789_012_000, time.UTC),
			Data:     []byte(`{"state":"completed"}`),
		}
	}
	return events
}

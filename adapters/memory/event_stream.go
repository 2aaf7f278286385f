package memory

import (
	"context"
	"crypto/rand"
	"sync"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

// EventStream is a stream of events in memory, with ways to lose them as a
// broker would.
//
// The zero value is not ready; call [NewEventStream].
type EventStream struct {
	mu     sync.Mutex
	name   string
	events []domain.Event    // events[i] is at place i+1
	places map[string]uint64 // by the event's id
}

var _ ports.EventStream = (*EventStream)(nil)

// NewEventStream returns an empty stream, of which [EventStream.State] tells
// another name than of any other.
func NewEventStream() *EventStream {
	s := new(EventStream)
	s.Reset()
	return s
}

// Publish implements [ports.EventStream].
func (s *EventStream) Publish(ctx context.Context, events []domain.Event) ([]ports.StreamPosition, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	positions := make([]ports.StreamPosition, len(events))
	for i, event := range events {
		place, ok := s.places[event.ID]
		if !ok {
			s.events = append(s.events, copyEvent(event))
			place = uint64(len(s.events))
			s.places[event.ID] = place
		}
		positions[i] = ports.StreamPosition{Stream: s.name, Sequence: place}
	}
	return positions, nil
}

// State implements [ports.EventStream].
func (s *EventStream) State(ctx context.Context) (ports.StreamState, error) {
	if err := ctx.Err(); err != nil {
		return ports.StreamState{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return ports.StreamState{Stream: s.name, Last: uint64(len(s.events))}, nil
}

// Events returns copies of the events that the stream holds, in order.
func (s *EventStream) Events() []domain.Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	events := make([]domain.Event, len(s.events))
	for i, event := range s.events {
		events[i] = copyEvent(event)
	}
	return events
}

// Truncate loses the events beyond last, as a broker does that stopped
// before it had written them. With last at or beyond the end it does nothing.
func (s *EventStream) Truncate(last uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if last >= uint64(len(s.events)) {
		return
	}
	for _, event := range s.events[last:] {
		delete(s.places, event.ID)
	}
	s.events = s.events[:last:last]
}

// Reset loses the stream and makes it anew, as a broker does whose files are
// gone: it is empty and has another name.
func (s *EventStream) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.name, s.events, s.places = rand.Text(), nil, make(map[string]uint64)
}

package ports

import (
	"context"

	"github.com/batchport/batchport/domain"
)

// StreamPosition is where a stream put an event.
type StreamPosition struct {
	Stream   string // tells this stream from one that was made anew under the same name
	Sequence uint64 // place in the stream, from 1
}

// StreamState is how far a stream reaches.
type StreamState struct {
	Stream string // as in StreamPosition
	Last   uint64 // place of its last event; 0 when it never had one
}

// EventStream tells the world what happened. It keeps events for days, and
// may lose them: the outbox knows.
type EventStream interface {
	// Publish adds events to the stream, in order, and returns the position
	// of each that the stream took, from the first on. With an error it may be
	// fewer than events, and the next one may be in the stream all the same. An
	// event that is published again shortly after keeps its first position.
	Publish(ctx context.Context, events []domain.Event) ([]StreamPosition, error)

	// State returns how far the stream reaches. It makes the stream when it
	// is not there.
	State(ctx context.Context) (StreamState, error)
}

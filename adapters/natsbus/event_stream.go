package natsbus

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

// duplicateWindow is how long an event that is published again keeps its
// first position: longer than any process takes to start again.
const duplicateWindow = 10 * time.Minute

// EventStream publishes events to a stream with limits retention. What tells
// the stream from another of its name is the moment at which it was made.
type EventStream struct {
	conn    *nats.Conn
	stream  jetstream.JetStream
	names   Names
	config  Config
	settled atomic.Bool  // the stream has had this process's settings
	looked  atomic.Int64 // when somebody looked for consumers of subscribers last, in nanoseconds
}

var _ ports.EventStream = (*EventStream)(nil)

// NewEventStream returns the stream of events on the connection, which stays
// the caller's. It calls nobody. It fails with [domain.CodeInvalid] or
// [domain.CodeOutOfRange] for settings out of bounds.
func NewEventStream(conn *nats.Conn, config Config) (*EventStream, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("event stream: %w", err)
	}
	stream, err := jetstream.New(conn)
	if err != nil {
		return nil, fmt.Errorf("event stream: %w", err)
	}
	return &EventStream{conn: conn, stream: stream, names: Names{config.Prefix}, config: config}, nil
}

// Publish implements [ports.EventStream]. It sends an event when the server
// has acknowledged the one before, so at most one is in doubt. It fails with
// [domain.CodeInvalid] at an event that cannot be told, and with
// [domain.CodeTooLarge] at one that the server would not take; those before it
// have their positions.
//
// An acknowledgement does not say which stream of the name it comes from. So
// the stream is looked at before the first event and after the last: if it was
// made anew meanwhile, or does not answer, no position is returned.
func (s *EventStream) Publish(ctx context.Context, events []domain.Event) ([]ports.StreamPosition, error) {
	if len(events) == 0 {
		return nil, ctx.Err()
	}
	before, err := s.State(ctx)
	if err != nil {
		return nil, err
	}
	positions, err := s.publish(ctx, before.Stream, events)
	if len(positions) == 0 {
		return nil, err
	}
	after, lookErr := s.lookAgain(ctx)
	switch {
	case lookErr != nil:
		return nil, errors.Join(lookErr, err)
	case after.Stream != before.Stream:
		lost := domain.Unavailable(errors.New("the stream was made anew meanwhile"))
		return nil, errors.Join(fmt.Errorf("publish %d events: %w", len(events), lost), err)
	}
	return positions, err
}

// State implements [ports.EventStream].
func (s *EventStream) State(ctx context.Context) (ports.StreamState, error) {
	state, err := s.look(ctx)
	return state, classify(ctx, "look at the event stream", err)
}

func (s *EventStream) publish(ctx context.Context, stream string, events []domain.Event) ([]ports.StreamPosition, error) {
	positions := make([]ports.StreamPosition, 0, len(events))
	for i, event := range events {
		msg, err := message(s.names, s.config.Source, event)
		if err != nil {
			return positions, fmt.Errorf("publish event %d of %d: %w", i, len(events), err)
		}
		ack, err := s.send(ctx, msg)
		if err != nil {
			return positions, classify(ctx, fmt.Sprintf("publish event %d of %d", i, len(events)), err)
		}
		positions = append(positions, ports.StreamPosition{Stream: stream, Sequence: ack.Sequence})
	}
	return positions, nil
}

// send may send the event twice, which the server takes for one by its id.
func (s *EventStream) send(ctx context.Context, msg *nats.Msg) (*jetstream.PubAck, error) {
	return ask(ctx, s.conn, func(ctx context.Context) (*jetstream.PubAck, error) {
		return s.stream.PublishMsg(ctx, msg, jetstream.WithExpectStream(s.names.EventStream()), jetstream.WithRetryAttempts(0))
	})
}

// lookAgain looks even when ctx has ended, so that positions which are known
// need not be thrown away.
func (s *EventStream) lookAgain(ctx context.Context) (ports.StreamState, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTimeout)
	defer cancel()
	return s.State(ctx)
}

// look returns the state of the stream, making it when it is not there, and
// giving it this process's settings when it looks for the first time.
func (s *EventStream) look(ctx context.Context) (ports.StreamState, error) {
	if s.settled.Load() {
		stream, err := ask(ctx, s.conn, func(ctx context.Context) (jetstream.Stream, error) {
			return s.stream.Stream(ctx, s.names.EventStream())
		})
		if err == nil {
			s.keepConsumers(ctx, stream, false)
		}
		if !errors.Is(err, jetstream.ErrStreamNotFound) {
			return stateOf(stream, err)
		}
	}
	stream, err := ask(ctx, s.conn, func(ctx context.Context) (jetstream.Stream, error) {
		return s.stream.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
			Name:        s.names.EventStream(),
			Description: "events of batchport: what became of jobs",
			Subjects:    []string{s.names.EventSubjects("*")},
			Retention:   jetstream.LimitsPolicy,
			MaxAge:      s.config.MaxAge,
			Duplicates:  min(duplicateWindow, s.config.MaxAge),
			Storage:     jetstream.FileStorage,
			Replicas:    s.config.Replicas,
		})
	})
	if err == nil {
		s.settled.Store(true)
		s.keepConsumers(ctx, stream, true)
	}
	return stateOf(stream, err)
}

func stateOf(stream jetstream.Stream, err error) (ports.StreamState, error) {
	if err != nil {
		return ports.StreamState{}, err
	}
	info := stream.CachedInfo()
	return ports.StreamState{
		Stream: strconv.FormatInt(info.Created.UnixNano(), 10),
		Last:   info.State.LastSeq,
	}, nil
}

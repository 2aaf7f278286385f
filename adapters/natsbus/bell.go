package natsbus

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

const (
	// maxRings is how many rings of a kind wait; with more, the oldest go. A
	// ring carries no truth, so they may be merged.
	maxRings = 1024

	// ackWait is how long the server waits for a sign of life before it lets
	// somebody else hear the ring.
	ackWait = 30 * time.Second
)

// Bell rings by way of a stream with work-queue retention and one consumer a
// kind, which all listeners of all processes share.
//
// The stream is in memory: rings that end with the server are rung again by
// the sweeper, while a file that came back damaged could leave a consumer deaf, as
// one that waits for a place which the stream has yet to reach again.
type Bell struct {
	conn   *nats.Conn
	stream jetstream.JetStream
	names  Names
	config Config
}

var _ ports.Bell = (*Bell)(nil)

// NewBell returns a bell on the connection, which stays the caller's, must
// outlive the bell's use, and should reconnect for ever. It calls nobody. It
// fails with [domain.CodeInvalid] or [domain.CodeOutOfRange] for settings out of bounds.
func NewBell(conn *nats.Conn, config Config) (*Bell, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("bell: %w", err)
	}
	stream, err := jetstream.New(conn)
	if err != nil {
		return nil, fmt.Errorf("bell: %w", err)
	}
	return &Bell{conn: conn, stream: stream, names: Names{config.Prefix}, config: config}, nil
}

// Ring implements [ports.Bell]. It returns when the server has the ring. It
// fails with [domain.CodeInvalid] for a kind that is not of the form of
// [domain.Kind], and with [domain.CodeUnavailable] at once while there is no connection.
func (b *Bell) Ring(ctx context.Context, kind domain.Kind) error {
	if err := checkKind(kind); err != nil {
		return err
	}
	doing := "ring for " + string(kind)
	err := b.publish(ctx, kind)
	if errors.Is(err, jetstream.ErrNoStreamResponse) {
		if err = b.makeStream(ctx); err == nil {
			err = b.publish(ctx, kind)
		}
	}
	return classify(ctx, doing, err)
}

// Listen implements [ports.Bell]. While the server is away, or has lost what
// this package made there, it tries again until ctx ends. It fails with
// [domain.CodeInvalid] for no kinds, a bad one or no workers, and with
// [domain.CodeUnavailable] when the connection was closed for good.
func (b *Bell) Listen(ctx context.Context, kinds []domain.Kind, workers int, work func(ctx context.Context) error) error {
	switch {
	case len(kinds) == 0:
		return domain.Fail(domain.NewFailure(domain.CodeInvalid, "kinds", ""))
	case workers < 1:
		return domain.Fail(domain.NewFailure(domain.CodeInvalid, "workers", fmt.Sprint(workers)))
	}
	kinds = slices.Clone(kinds)
	slices.Sort(kinds)
	kinds = slices.Compact(kinds)
	for _, kind := range kinds {
		if err := checkKind(kind); err != nil {
			return err
		}
	}
	return newListener(b, workers, work).listen(ctx, kinds)
}

// publish sends the ring without a message id: the server would drop a ring
// that repeats one of the last minutes, even if that was long worked on.
func (b *Bell) publish(ctx context.Context, kind domain.Kind) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if !b.conn.IsConnected() {
		return nats.ErrDisconnected
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	_, err := b.stream.Publish(ctx, b.names.work(kind), nil, jetstream.WithRetryAttempts(0))
	return err
}

func (b *Bell) makeStream(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	_, err := b.stream.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name:              b.names.workStream(),
		Description:       "bells of batchport: there is work of a kind",
		Subjects:          []string{b.names.work("*")},
		Retention:         jetstream.WorkQueuePolicy,
		Discard:           jetstream.DiscardOld,
		MaxMsgsPerSubject: maxRings,
		Storage:           jetstream.MemoryStorage,
		Replicas:          b.config.Replicas,
	})
	return err
}

// consumer makes the consumer of the kind, and its stream, unless they are
// there. Nothing bounds how often a ring is delivered, since the server would
// keep it, undeliverable; what is poison is decided in SQL.
func (b *Bell) consumer(ctx context.Context, kind domain.Kind) (jetstream.Consumer, error) {
	if !b.conn.IsConnected() {
		return nil, nats.ErrDisconnected
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	config := jetstream.ConsumerConfig{
		Durable:       string(kind),
		FilterSubject: b.names.work(kind),
		AckPolicy:     jetstream.AckExplicitPolicy,
		AckWait:       ackWait,
		MaxDeliver:    -1,
		MaxAckPending: -1,
	}
	consumer, err := b.stream.CreateOrUpdateConsumer(ctx, b.names.workStream(), config)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		if err = b.makeStream(ctx); err == nil {
			consumer, err = b.stream.CreateOrUpdateConsumer(ctx, b.names.workStream(), config)
		}
	}
	return consumer, err
}

var kindForm = regexp.MustCompile(`^[A-Za-z0-9_-]{1,128}$`)

func checkKind(kind domain.Kind) error {
	if !kindForm.MatchString(string(kind)) {
		return domain.Fail(domain.NewFailure(domain.CodeInvalid, "kind", string(kind), "form", kindForm.String()))
	}
	return nil
}

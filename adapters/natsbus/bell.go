package natsbus

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"sync/atomic"
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

	settled atomic.Bool // the stream has had this process's settings
	silence silence
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

// Prepare makes the stream, or gives it this process's settings. [Bell.Ring]
// and [Bell.Listen] do so themselves; calling it before shows what is wrong with
// the server or its configuration. It fails with [domain.CodeUnavailable] for
// what may be right another time.
func (b *Bell) Prepare(ctx context.Context) error {
	return classify(ctx, "make the stream of bells", b.makeStream(ctx))
}

// Ring implements [ports.Bell]. It returns when the server has the ring. It
// fails with [domain.CodeInvalid] for a kind that is not of the form of
// [domain.Kind], and with [domain.CodeUnavailable] at once while there is no connection.
func (b *Bell) Ring(ctx context.Context, kind domain.Kind) error {
	if err := checkKind(kind); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	err := b.ring(ctx, kind)
	b.silence.note(err, b.conn.IsConnected(), time.Now())
	return classify(ctx, "ring for "+string(kind), err)
}

// Listen implements [ports.Bell]. While the server is away, or has lost what
// this package made there, it tries again until ctx ends, and calls work every two
// seconds without a ring; so too when rings of this process are not taken. It fails with
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

// ring makes the stream when it is not there. In a cluster the servers hear
// of a new stream one after another, so that a ring may have to be repeated.
func (b *Bell) ring(ctx context.Context, kind domain.Kind) error {
	if b.settled.Load() {
		missing := false
		err := b.publish(ctx, kind, func(err error) bool {
			missing = errors.Is(err, jetstream.ErrNoStreamResponse)
			return missing
		})
		if !missing {
			return err
		}
	}
	if err := b.makeStream(ctx); err != nil {
		return err
	}
	return b.publish(ctx, kind, func(error) bool { return false })
}

// publish sends the ring without a message id: the server would drop a ring
// that repeats one of the last minutes, even if that was long worked on. It
// sends again until it is answered, unless enough says that this is an answer.
func (b *Bell) publish(ctx context.Context, kind domain.Kind, enough func(error) bool) error {
	refused, err := ask(ctx, b.conn, func(ctx context.Context) (error, error) {
		_, err := b.stream.Publish(ctx, b.names.work(kind), nil, jetstream.WithRetryAttempts(0))
		if err != nil && enough(err) {
			return err, nil
		}
		return nil, err
	})
	return cmp.Or(err, refused)
}

// makeStream makes the stream, or changes its settings. A stream of this
// package's whose settings cannot be changed to these, such as one that another version
// keeps in files, is made anew: what waits in it is rung again.
func (b *Bell) makeStream(ctx context.Context) error {
	config := jetstream.StreamConfig{
		Name:              b.names.workStream(),
		Description:       "bells of batchport: there is work of a kind",
		Subjects:          []string{b.names.work("*")},
		Retention:         jetstream.WorkQueuePolicy,
		Discard:           jetstream.DiscardOld,
		MaxMsgsPerSubject: maxRings,
		Storage:           jetstream.MemoryStorage,
		Replicas:          b.config.Replicas,
	}
	_, err := ask(ctx, b.conn, func(ctx context.Context) (jetstream.Stream, error) {
		stream, err := b.stream.CreateOrUpdateStream(ctx, config)
		if hasCode(err, badSettings) && b.isOurs(ctx, config) {
			b.config.Log.WarnContext(ctx, "the stream of bells is made anew", "stream", config.Name, "cause", err)
			if err := b.stream.DeleteStream(ctx, config.Name); err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
				return nil, err
			}
			return b.stream.CreateOrUpdateStream(ctx, config)
		}
		return stream, err
	})
	if err == nil {
		b.settled.Store(true)
	}
	return err
}

// isOurs reports whether the stream of that name has the subjects of bells
// and no other.
func (b *Bell) isOurs(ctx context.Context, config jetstream.StreamConfig) bool {
	stream, err := b.stream.Stream(ctx, config.Name)
	return err == nil && slices.Equal(stream.CachedInfo().Config.Subjects, config.Subjects)
}

// consumer makes the consumer of the kind, and its stream, unless they are
// there. Nothing bounds how often a ring is delivered, since the server would
// keep it, undeliverable; what is poison is decided in SQL.
func (b *Bell) consumer(ctx context.Context, kind domain.Kind) (jetstream.Consumer, error) {
	if !b.settled.Load() {
		if err := b.makeStream(ctx); err != nil {
			return nil, err
		}
	}
	consumer, err := b.makeConsumer(ctx, kind)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		if err = b.makeStream(ctx); err == nil {
			consumer, err = b.makeConsumer(ctx, kind)
		}
	}
	return consumer, err
}

func (b *Bell) makeConsumer(ctx context.Context, kind domain.Kind) (jetstream.Consumer, error) {
	return ask(ctx, b.conn, func(ctx context.Context) (jetstream.Consumer, error) {
		return b.stream.CreateOrUpdateConsumer(ctx, b.names.workStream(), jetstream.ConsumerConfig{
			Durable:       string(kind),
			FilterSubject: b.names.work(kind),
			AckPolicy:     jetstream.AckExplicitPolicy,
			AckWait:       ackWait,
			MaxDeliver:    -1,
			MaxAckPending: -1,
		})
	})
}

var kindForm = regexp.MustCompile(`^[A-Za-z0-9_-]{1,128}$`)

func checkKind(kind domain.Kind) error {
	if !kindForm.MatchString(string(kind)) {
		return domain.Fail(domain.NewFailure(domain.CodeInvalid, "kind", string(kind), "form", kindForm.String()))
	}
	return nil
}

package natsbus

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/batchport/batchport/domain"
)

// consumersPause is how long nobody looks whether consumers are there.
const consumersPause = time.Minute

var consumerForm = regexp.MustCompile(`^[A-Za-z0-9_-]{1,100}$`)

// subscriber returns whose events the consumer of that name has. No tenant's
// name holds a "_".
func subscriber(consumer string) (domain.TenantID, bool) {
	name, rest, found := strings.Cut(consumer, "_")
	tenant, err := domain.ParseTenant(name)
	return tenant, found && err == nil && consumerForm.MatchString(rest)
}

// keepConsumers makes the consumers of [Config.Consumers] that are not there,
// now and then, and at once when the stream was made. What does not succeed
// holds up nobody else.
func (s *EventStream) keepConsumers(ctx context.Context, stream jetstream.Stream, made bool) {
	now := time.Now().UnixNano()
	last := s.looked.Load()
	if len(s.config.Consumers) == 0 || !made && now-last < int64(consumersPause) || !s.looked.CompareAndSwap(last, now) {
		return
	}
	there, err := ask(ctx, s.conn, func(ctx context.Context) (map[string]bool, error) {
		there, names := make(map[string]bool), stream.ConsumerNames(ctx)
		for name := range names.Name() {
			there[name] = true
		}
		return there, names.Err()
	})
	for _, name := range s.config.Consumers {
		if err == nil && !there[name] {
			err = s.makeConsumer(ctx, name)
		}
	}
	if err != nil {
		s.config.Log.WarnContext(ctx, "cannot make the consumers of subscribers; trying again in a minute", "cause", classify(ctx, "make consumers", err))
	}
}

func (s *EventStream) makeConsumer(ctx context.Context, name string) error {
	tenant, _ := subscriber(name)
	_, err := ask(ctx, s.conn, func(ctx context.Context) (jetstream.Consumer, error) {
		return s.stream.CreateConsumer(ctx, s.names.EventStream(), jetstream.ConsumerConfig{
			Durable:       name,
			FilterSubject: s.names.EventSubjects(tenant),
			AckPolicy:     jetstream.AckExplicitPolicy,
		})
	})
	if errors.Is(err, jetstream.ErrConsumerExists) { // another process was faster, and its settings are good, too
		return nil
	}
	if err == nil {
		s.config.Log.InfoContext(ctx, "made the consumer of a subscriber", "consumer", name)
	}
	return err
}

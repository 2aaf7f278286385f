package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

// relayBatch is how many events are published before they are marked.
const relayBatch = 200

// relayPause is how long the relay waits for more before it publishes: the
// events of small jobs then cost one transaction together, and do not stand in
// the way of the work that they tell of.
const relayPause = 10 * time.Millisecond

// tell says that the outbox may have something.
func (e *Engine) tell() { nudge(e.relayNow) }

// relaying publishes what is in the outbox, when it is told to and, since
// the sweeper tells it, every few seconds.
func (e *Engine) relaying(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-e.relayNow:
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(relayPause):
		}
		e.report(ctx, dutyPublish, e.relay(ctx))
	}
}

// relay publishes the outbox and remembers where the stream put each event. A
// crash in between publishes an event twice, under one id. An event that the
// stream refuses for good is given up: it must not stand in the way of others.
func (e *Engine) relay(ctx context.Context) error {
	if e.events == nil {
		return nil
	}
	for {
		events, err := e.store.UnpublishedEvents(ctx, relayBatch)
		if err != nil || len(events) == 0 {
			return err
		}
		positions, err := e.events.Publish(ctx, events)
		done := len(positions)
		if err := e.markPublished(ctx, events[:done], positions); err != nil {
			return err
		}
		if domain.DataFault(err) && done < len(events) {
			e.telemetry.Count(ports.EventsRefused, "", 1)
			e.log.Error("the stream refuses an event; it is given up", append(eventAttributes(events[done]), "code", domain.CodeOf(err))...)
			err = e.store.DropEvents(ctx, events[done:done+1])
		}
		if err != nil {
			return fmt.Errorf("publish %d events: %w", len(events), err)
		}
	}
}

// markPublished remembers positions also when ctx has ended meanwhile:
// otherwise the events would be told again.
func (e *Engine) markPublished(ctx context.Context, events []domain.Event, positions []ports.StreamPosition) error {
	if len(events) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopPatience)
	defer cancel()
	if err := e.store.MarkPublished(ctx, events, positions); err != nil {
		return err
	}
	e.telemetry.Count(ports.EventsPublished, "", len(events))
	for _, event := range events {
		e.log.Info("told", eventAttributes(event)...)
	}
	return nil
}

// eventAttributes are what the log says of an event: not its data, which names
// people.
func eventAttributes(event domain.Event) []any {
	attributes := []any{"topic", event.Topic, "tenant", event.Tenant, "subject", event.Subject, "event", event.ID}
	if id := event.Trace.TraceID(); id != "" {
		attributes = append(attributes, "trace_id", id)
	}
	return attributes
}

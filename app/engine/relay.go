package engine

import (
	"context"
	"fmt"
	"time"
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
		e.report(ctx, "publish events", e.relay(ctx))
	}
}

// relay publishes the outbox and remembers where the stream put each event. A
// crash in between publishes an event twice, under one id.
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
		if len(positions) > 0 {
			if err := e.store.MarkPublished(ctx, events[:len(positions)], positions); err != nil {
				return err
			}
		}
		if err != nil {
			return fmt.Errorf("publish %d events: %w", len(events), err)
		}
	}
}

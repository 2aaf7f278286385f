package memory

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

type eventKey struct {
	tenant domain.TenantID
	id     string
}

type outboxRow struct {
	added     int64
	event     domain.Event
	published bool
	position  ports.StreamPosition
}

func copyEvent(e domain.Event) domain.Event {
	e.Data = slices.Clone(e.Data)
	return e
}

// AddEvents implements [ports.Outbox].
func (s *Store) AddEvents(ctx context.Context, events []domain.Event) error {
	return s.do(ctx, func(s *Store, t *tx) error {
		for _, e := range events {
			key := eventKey{e.Tenant, e.ID}
			if _, taken := s.outbox[key]; taken {
				return domain.Fail(domain.NewFailure(domain.CodeConflict, "id", e.ID))
			}
			assign(t, &s.added, s.added+1)
			put(t, s.outbox, key, outboxRow{added: s.added, event: copyEvent(e)})
		}
		return nil
	})
}

// UnpublishedEvents implements [ports.Outbox].
func (s *Store) UnpublishedEvents(ctx context.Context, limit int) (events []domain.Event, err error) {
	err = s.do(ctx, func(s *Store, _ *tx) error {
		var rows []outboxRow
		for _, row := range s.outbox {
			if !row.published {
				rows = append(rows, row)
			}
		}
		slices.SortFunc(rows, func(a, b outboxRow) int { return cmp.Compare(a.added, b.added) })
		for _, row := range rows[:min(limit, len(rows))] {
			events = append(events, copyEvent(row.event))
		}
		return nil
	})
	return events, err
}

// MarkPublished implements [ports.Outbox].
func (s *Store) MarkPublished(ctx context.Context, events []domain.Event, positions []ports.StreamPosition) error {
	return s.do(ctx, func(s *Store, t *tx) error {
		for key, row := range s.outbox {
			if row.published && slices.Contains(positions, row.position) {
				row.published, row.position = false, ports.StreamPosition{}
				put(t, s.outbox, key, row)
			}
		}
		for i, e := range events {
			key := eventKey{e.Tenant, e.ID}
			if row, found := s.outbox[key]; found {
				row.published, row.position = true, positions[i]
				put(t, s.outbox, key, row)
			}
		}
		return nil
	})
}

// ReopenEvents implements [ports.Outbox].
func (s *Store) ReopenEvents(ctx context.Context, ask func(ctx context.Context) (ports.StreamState, error)) (n int, err error) {
	lost := func(at ports.StreamPosition, state ports.StreamState) bool {
		return at.Stream != state.Stream || at.Sequence > state.Last
	}
	state, err := ask(ctx)
	if err != nil {
		return 0, err
	}
	suspects := map[eventKey]ports.StreamPosition{}
	if err := s.do(ctx, func(s *Store, _ *tx) error {
		for key, row := range s.outbox {
			if row.published && lost(row.position, state) {
				suspects[key] = row.position
			}
		}
		return nil
	}); err != nil || len(suspects) == 0 {
		return 0, err
	}
	// It may have been marked since the answer.
	if state, err = ask(ctx); err != nil {
		return 0, err
	}
	err = s.do(ctx, func(s *Store, t *tx) error {
		n = 0
		for key, at := range suspects {
			if row := s.outbox[key]; row.published && row.position == at && lost(at, state) {
				row.published, row.position = false, ports.StreamPosition{}
				put(t, s.outbox, key, row)
				n++
			}
		}
		return nil
	})
	return n, err
}

// DropEvents implements [ports.Outbox].
func (s *Store) DropEvents(ctx context.Context, events []domain.Event) error {
	return s.do(ctx, func(s *Store, t *tx) error {
		for _, e := range events {
			drop(t, s.outbox, eventKey{e.Tenant, e.ID})
		}
		return nil
	})
}

// PurgeEvents implements [ports.Outbox].
func (s *Store) PurgeEvents(ctx context.Context, before time.Time, limit int) (n int, err error) {
	err = s.do(ctx, func(s *Store, t *tx) error {
		n = purgeOldest(t, s.outbox, func(row outboxRow) (time.Time, bool) { return row.event.Time, row.published }, before, limit)
		return nil
	})
	return n, err
}

// ReserveKey implements [ports.IdempotencyKeys].
func (s *Store) ReserveKey(ctx context.Context, key ports.IdempotencyKey, since time.Time) (job domain.JobID, err error) {
	err = s.do(ctx, func(s *Store, t *tx) error {
		k := tenantKey{key.Tenant, key.Key}
		stored, found := s.keys[k]
		switch {
		case !found || stored.At.Before(since):
			put(t, s.keys, k, key)
			job = key.Job
		case stored.Fingerprint != key.Fingerprint:
			return domain.Fail(domain.NewFailure(domain.CodeMismatch, "Idempotency-Key", key.Key))
		default:
			job = stored.Job
		}
		return nil
	})
	return job, err
}

// PurgeKeys implements [ports.IdempotencyKeys].
func (s *Store) PurgeKeys(ctx context.Context, before time.Time, limit int) (n int, err error) {
	err = s.do(ctx, func(s *Store, t *tx) error {
		n = purgeOldest(t, s.keys, func(key ports.IdempotencyKey) (time.Time, bool) { return key.At, true }, before, limit)
		return nil
	})
	return n, err
}

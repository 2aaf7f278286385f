package bunstore

import (
	"context"
	"database/sql"
	"strings"
	"time"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

// AddEvents implements [github.com/batchport/batchport/ports.Outbox]. An
// event whose id is there already gives [domain.CodeConflict].
func (s *Store) AddEvents(ctx context.Context, events []domain.Event) error {
	err := s.insert(ctx, "INSERT INTO {p}outbox (tenant, id, topic, subject, sequence, time, data)", len(events), func(i int) ([]any, error) {
		e := events[i]
		return []any{string(e.Tenant), e.ID, e.Topic, e.Subject, e.Sequence, micros(e.Time), text(e.Data)}, nil
	})
	return taken(err, "event", "")
}

// UnpublishedEvents implements [github.com/batchport/batchport/ports.Outbox].
func (s *Store) UnpublishedEvents(ctx context.Context, limit int) ([]domain.Event, error) {
	var events []domain.Event
	err := s.query(ctx, s.reader(ctx), func(rows *sql.Rows) error {
		var e domain.Event
		var at int64
		if err := rows.Scan(&e.Tenant, &e.ID, &e.Topic, &e.Subject, &e.Sequence, &at, &e.Data); err != nil {
			return err
		}
		e.Time = instant(at)
		events = append(events, e)
		return nil
	}, `SELECT tenant, id, topic, subject, sequence, time, data FROM {p}outbox
		WHERE published = 0 ORDER BY seq LIMIT ?`, max(limit, 0))
	return events, err
}

// markRun is how many events one statement of MarkPublished marks.
const markRun = 500

// MarkPublished implements [github.com/batchport/batchport/ports.Outbox]. As
// many positions as events, else it gives [domain.CodeInternal].
func (s *Store) MarkPublished(ctx context.Context, events []domain.Event, positions []ports.StreamPosition) error {
	switch {
	case len(events) != len(positions):
		return misuse("MarkPublished of %d events at %d positions", len(events), len(positions))
	case len(events) == 0:
		return s.writable(ctx)
	}
	return s.inTx(ctx, func(ctx context.Context) error {
		for from := 0; from < len(events); from += markRun {
			to := min(from+markRun, len(events))
			if err := s.markRun(ctx, events[from:to], positions[from:to]); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *Store) markRun(ctx context.Context, events []domain.Event, positions []ports.StreamPosition) error {
	args := make([]any, 0, 4*len(events))
	for i, e := range events {
		args = append(args, string(e.Tenant), e.ID, positions[i].Stream, int64(positions[i].Sequence))
	}
	rows := strings.TrimSuffix(strings.Repeat("(?, ?, ?, ?), ", len(events)), ", ")
	// A place of the stream holds one event. Whatever else is marked there was
	// lost, and the stream has used the place again since.
	_, err := s.exec(ctx, `WITH mark (tenant, id, stream, position) AS (VALUES `+rows+`)
		UPDATE {p}outbox SET published = 0, stream = '', position = 0 FROM mark
		WHERE {p}outbox.published = 1 AND {p}outbox.stream = mark.stream AND {p}outbox.position = mark.position`, args...)
	if err != nil {
		return err
	}
	_, err = s.exec(ctx, `WITH mark (tenant, id, stream, position) AS (VALUES `+rows+`)
		UPDATE {p}outbox SET published = 1, stream = mark.stream, position = mark.position FROM mark
		WHERE {p}outbox.id = mark.id AND {p}outbox.tenant = mark.tenant`, args...)
	return err
}

// ReopenEvents implements [github.com/batchport/batchport/ports.Outbox].
func (s *Store) ReopenEvents(ctx context.Context, state ports.StreamState) (int, error) {
	// Three ranges of one index instead of an inequality, which none serves.
	return s.exec(ctx, `UPDATE {p}outbox SET published = 0, stream = '', position = 0
		WHERE published = 1 AND (stream < ? OR stream > ? OR (stream = ? AND position > ?))`,
		state.Stream, state.Stream, state.Stream, int64(state.Last))
}

// PurgeEvents implements [github.com/batchport/batchport/ports.Outbox].
func (s *Store) PurgeEvents(ctx context.Context, before time.Time) (int, error) {
	return s.exec(ctx, "DELETE FROM {p}outbox WHERE published = 1 AND time < ?", micros(before))
}

package bunstore

import (
	"context"
	"database/sql"
	"math"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

// AddEvents implements [github.com/batchport/batchport/ports.Outbox]. An
// event whose id is there already gives [domain.CodeConflict].
func (s *Store) AddEvents(ctx context.Context, events []domain.Event) error {
	err := s.insert(ctx, "INSERT INTO {p}outbox (tenant, id, topic, subject, sequence, time, data, traceparent)", len(events), func(i int) ([]any, error) {
		e := events[i]
		return []any{string(e.Tenant), e.ID, e.Topic, e.Subject, e.Sequence, micros(e.Time), text(e.Data), optional(e.Trace)}, nil
	})
	return taken(err, "event", "")
}

// UnpublishedEvents implements [github.com/batchport/batchport/ports.Outbox].
func (s *Store) UnpublishedEvents(ctx context.Context, limit int) ([]domain.Event, error) {
	var events []domain.Event
	err := s.query(ctx, s.reader(ctx), func(rows *sql.Rows) error {
		var e domain.Event
		var at int64
		var trace sql.NullString
		if err := rows.Scan(&e.Tenant, &e.ID, &e.Topic, &e.Subject, &e.Sequence, &at, &e.Data, &trace); err != nil {
			return err
		}
		e.Time, e.Trace = instant(at), domain.TraceParent(trace.String)
		events = append(events, e)
		return nil
	}, `SELECT tenant, id, topic, subject, sequence, time, data, traceparent FROM {p}outbox
		WHERE published = 0 ORDER BY seq LIMIT ?`, max(limit, 0))
	return events, err
}

// eventRun is how many events one statement marks or removes.
const eventRun = 500

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
		// In turn, because a place holds one event: two that mark it at once
		// would not see each other's.
		if err := s.takeTurn(ctx, "{p}outbox", ""); err != nil {
			return err
		}
		for from := 0; from < len(events); from += eventRun {
			to := min(from+eventRun, len(events))
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
func (s *Store) ReopenEvents(ctx context.Context, ask func(ctx context.Context) (ports.StreamState, error)) (int, error) {
	if err := s.writable(ctx); err != nil {
		return 0, err
	}
	state, err := ask(ctx)
	if err != nil {
		return 0, err
	}
	// Mostly the stream has all, and then no write lock is needed.
	var checks []string
	var args []any
	for _, r := range lostPlaces(state, furthest) {
		checks, args = append(checks, "EXISTS (SELECT 1 FROM {p}outbox WHERE "+r.where+")"), append(args, r.args...)
	}
	if lost, err := s.holds(ctx, "SELECT "+strings.Join(checks, " OR "), args...); err != nil || !lost {
		return 0, err
	}
	// It may have been marked since the answer: what is marked now, the stream
	// has by the next answer, or has lost it.
	marked, err := s.markedUpTo(ctx, state.Stream)
	if err != nil {
		return 0, err
	}
	again, err := ask(ctx)
	if err != nil || again.Stream != state.Stream {
		return 0, err // made anew just now: the next time will tell
	}
	var reopened int
	err = s.inTx(ctx, func(ctx context.Context) error {
		reopened = 0
		if err := s.takeTurn(ctx, "{p}outbox", ""); err != nil {
			return err
		}
		for _, r := range lostPlaces(again, marked) {
			n, err := s.exec(ctx, "UPDATE {p}outbox SET published = 0, stream = '', position = 0 WHERE "+r.where, r.args...)
			if err != nil {
				return err
			}
			reopened += n
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return reopened, nil
}

// bounds are up to where events are marked: the position in the stream that
// there is, and the last of the streams whose names come behind its name.
type bounds struct {
	position int64
	stream   string
}

// furthest bounds nothing.
var furthest = bounds{math.MaxInt64, string(unicode.MaxRune)}

// places are rows of the outbox by where they are marked.
type places struct {
	where string
	args  []any
}

// lostPlaces are those that the stream does not have. They are three ranges of
// one index, a statement each: no index serves an inequality, nor an OR of ranges.
func lostPlaces(state ports.StreamState, upTo bounds) []places {
	return []places{
		{"published = 1 AND stream < ?", []any{state.Stream}},
		{"published = 1 AND stream > ? AND stream <= ?", []any{state.Stream, upTo.stream}},
		{"published = 1 AND stream = ? AND position > ? AND position <= ?", []any{state.Stream, int64(state.Last), upTo.position}},
	}
}

func (s *Store) markedUpTo(ctx context.Context, stream string) (upTo bounds, err error) {
	err = s.query(ctx, s.reader(ctx), func(rows *sql.Rows) error { return rows.Scan(&upTo.position, &upTo.stream) }, `SELECT
		coalesce((SELECT max(position) FROM {p}outbox WHERE published = 1 AND stream = ?), 0),
		coalesce((SELECT max(stream) FROM {p}outbox WHERE published = 1 AND stream > ?), '')`, stream, stream)
	return upTo, err
}

// DropEvents implements [github.com/batchport/batchport/ports.Outbox].
func (s *Store) DropEvents(ctx context.Context, events []domain.Event) error {
	if len(events) == 0 {
		return s.writable(ctx)
	}
	return s.inTx(ctx, func(ctx context.Context) error {
		for run := range slices.Chunk(events, eventRun) {
			if err := s.dropRun(ctx, run); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *Store) dropRun(ctx context.Context, events []domain.Event) error {
	args := make([]any, 0, 2*len(events))
	for _, e := range events {
		args = append(args, string(e.Tenant), e.ID)
	}
	rows := strings.TrimSuffix(strings.Repeat("(?, ?), ", len(events)), ", ")
	_, err := s.exec(ctx, `WITH refused (tenant, id) AS (VALUES `+rows+`)
		DELETE FROM {p}outbox WHERE seq IN (
			SELECT o.seq FROM refused JOIN {p}outbox AS o ON o.id = refused.id AND o.tenant = refused.tenant)`, args...)
	return err
}

// PurgeEvents implements [github.com/batchport/batchport/ports.Outbox].
func (s *Store) PurgeEvents(ctx context.Context, before time.Time, limit int) (int, error) {
	return s.purgeOldest(ctx, "{p}outbox", "seq", "published = 1 AND ", "time", before, limit)
}

package portstest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

// Outbox runs the contract of [ports.Outbox].
func Outbox(t *testing.T, open func(*testing.T) ports.Store) {
	t.Run("add", func(t *testing.T) { outboxAdd(t, open) })
	t.Run("publish", func(t *testing.T) { outboxPublish(t, open) })
	t.Run("reopen", func(t *testing.T) { outboxReopen(t, open) })
	t.Run("drop", func(t *testing.T) { outboxDrop(t, open) })
	t.Run("purge", func(t *testing.T) { outboxPurge(t, open) })
}

// suiteEvents returns n events, the first of which has the number from. They
// are an hour apart.
func suiteEvents(from, n int) []domain.Event {
	events := make([]domain.Event, n)
	for i := range events {
		number := from + i
		events[i] = domain.Event{
			ID: fmt.Sprintf("job-%d", number), Tenant: "acme", Topic: "job.estate_open.completed", Subject: "job",
			Sequence: int64(number), Time: storeNow.Add(time.Duration(number) * time.Hour), Data: []byte(`{"n":1}`),
		}
	}
	return events
}

// positionsIn returns places in the stream for n events, from the place first on.
func positionsIn(stream string, first uint64, n int) []ports.StreamPosition {
	positions := make([]ports.StreamPosition, n)
	for i := range positions {
		positions[i] = ports.StreamPosition{Stream: stream, Sequence: first + uint64(i)}
	}
	return positions
}

func (f *storeFixture) addEvents(events ...domain.Event) {
	f.t.Helper()
	if err := f.AddEvents(f.t.Context(), events); err != nil {
		f.t.Fatalf("AddEvents(%d) = %v, want no error", len(events), err)
	}
}

func (f *storeFixture) markPublished(events []domain.Event, positions []ports.StreamPosition) {
	f.t.Helper()
	if err := f.MarkPublished(f.t.Context(), events, positions); err != nil {
		f.t.Fatalf("MarkPublished(%d) = %v, want no error", len(events), err)
	}
}

// wantUnpublished fails unless these events are unpublished, in this order.
func (f *storeFixture) wantUnpublished(limit int, want []domain.Event) {
	f.t.Helper()
	got, err := f.UnpublishedEvents(f.t.Context(), limit)
	if err != nil || len(got) != len(want) || len(want) > 0 && !reflect.DeepEqual(got, want) {
		f.t.Errorf("UnpublishedEvents(%d) = %v, %v; want %v", limit, got, err, want)
	}
}

func outboxAdd(t *testing.T, open func(*testing.T) ports.Store) {
	t.Run("none", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		f.addEvents()
		f.markPublished(nil, nil)
		f.wantUnpublished(10, nil)
	})

	t.Run("as they were, in the order of adding", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		var want []domain.Event
		for i, text := range awkwardTexts() {
			want = append(want, domain.Event{
				ID: fmt.Sprintf("z%d%s", 9-i, text), Tenant: domain.TenantID("t" + text), Topic: text, Subject: text,
				Sequence: 1<<40 - int64(i), Time: storeNow.Add(-time.Duration(i) * time.Microsecond), Data: []byte(text), Trace: domain.TraceParent(text),
			})
		}
		want = append(want, domain.Event{ID: "bare", Tenant: "acme"})
		f.addEvents(want[0])
		f.addEvents(want[1:]...)
		f.wantUnpublished(100, want)
		f.wantUnpublished(2, want[:2])
		f.wantUnpublished(0, nil)
	})

	t.Run("full size", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		events := suiteEvents(0, fullBatch)
		f.addEvents(events...)
		f.wantUnpublished(fullBatch+1, events)
		f.markPublished(events[:fullBatch-1], positionsIn("s", 1, fullBatch-1))
		f.wantUnpublished(fullBatch, events[fullBatch-1:])
	})

	t.Run("rolled back with what happened", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		if err := f.InTx(t.Context(), func(ctx context.Context) error {
			if err := f.AddEvents(ctx, suiteEvents(1, 3)); err != nil {
				return err
			}
			return errStoreSuite
		}); !errors.Is(err, errStoreSuite) {
			t.Fatalf("InTx(error) = %v, want %v", err, errStoreSuite)
		}
		f.wantUnpublished(10, nil)
	})
}

func outboxPublish(t *testing.T, open func(*testing.T) ports.Store) {
	t.Run("what is marked is published", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		events := suiteEvents(1, 5)
		f.addEvents(events...)
		f.markPublished([]domain.Event{events[0], events[2]}, positionsIn("s", 1, 2))
		f.wantUnpublished(10, []domain.Event{events[1], events[3], events[4]})
		f.wantUnpublished(1, events[1:2])
		f.markPublished([]domain.Event{events[0], events[1]}, positionsIn("s", 3, 2)) // one of them again
		f.wantUnpublished(10, events[3:])
		f.markPublished(suiteEvents(99, 1), positionsIn("s", 9, 1)) // one that is not there
		f.wantUnpublished(10, events[3:])
	})
}

// reaches is what a stream says that is asked for its state.
func reaches(state ports.StreamState) func(context.Context) (ports.StreamState, error) {
	return func(context.Context) (ports.StreamState, error) { return state, nil }
}

func outboxReopen(t *testing.T, open func(*testing.T) ports.Store) {
	reopen := func(f *storeFixture, state ports.StreamState, want int) {
		f.t.Helper()
		if got, err := f.ReopenEvents(f.t.Context(), reaches(state)); err != nil || got != want {
			f.t.Errorf("ReopenEvents(%v) = %d, %v; want %d", state, got, err, want)
		}
	}

	t.Run("beyond the last", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		events := suiteEvents(1, 6)
		f.addEvents(events...)
		f.markPublished(events[:5], positionsIn("s", 11, 5))
		reopen(f, ports.StreamState{Stream: "s", Last: 15}, 0)
		f.wantUnpublished(10, events[5:])
		reopen(f, ports.StreamState{Stream: "s", Last: 13}, 2)
		f.wantUnpublished(10, events[3:]) // in their old order
		reopen(f, ports.StreamState{Stream: "s", Last: 13}, 0)
		f.markPublished(events[3:], positionsIn("s", 14, 3))
		f.wantUnpublished(10, nil)
	})

	t.Run("at a place that the stream has used again", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		events := suiteEvents(1, 4)
		f.addEvents(events...)
		f.markPublished(events[:3], positionsIn("s", 11, 3))
		// The stream lost 12 and 13, and gave 12 to another event before
		// anybody asked how far it reaches.
		f.markPublished(events[3:], positionsIn("s", 12, 1))
		f.wantUnpublished(10, events[1:2])
		reopen(f, ports.StreamState{Stream: "s", Last: 12}, 1)
		f.wantUnpublished(10, events[1:3])
		f.markPublished(events[3:], positionsIn("s", 12, 1)) // its own place again
		f.wantUnpublished(10, events[1:3])
	})
	t.Run("in another stream", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		events := suiteEvents(1, 4)
		f.addEvents(events...)
		f.markPublished(events[:1], positionsIn("a", 1, 1))
		f.markPublished(events[1:2], positionsIn("m", 1, 1))
		f.markPublished(events[2:3], positionsIn("z", 1, 1))
		reopen(f, ports.StreamState{Stream: "m", Last: 100}, 2)
		f.wantUnpublished(10, []domain.Event{events[0], events[2], events[3]})
		reopen(f, ports.StreamState{Stream: "m2", Last: 0}, 1)
		f.wantUnpublished(10, events)
		reopen(f, ports.StreamState{Stream: "m2", Last: 0}, 0)
	})
	t.Run("not what is marked while it asks", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		events := suiteEvents(1, 6)
		f.addEvents(events...)
		f.markPublished(events[:3], positionsIn("s", 11, 3))
		answers := []func() uint64{
			func() uint64 { f.markPublished(events[3:4], positionsIn("s", 14, 1)); return 13 }, // the stream had more when it was marked
			func() uint64 { f.markPublished(events[4:5], positionsIn("s", 15, 1)); return 14 },
		}
		for _, lost := range []int{0, 2} {
			asked := 0
			got, err := f.ReopenEvents(t.Context(), func(context.Context) (ports.StreamState, error) {
				last := uint64(13) // for good, the second time
				if lost == 0 && asked < len(answers) {
					last = answers[asked]()
				}
				asked++
				return ports.StreamState{Stream: "s", Last: last}, nil
			})
			if err != nil || got != lost {
				t.Errorf("ReopenEvents() = %d, %v; want %d", got, err, lost)
			}
			f.wantUnpublished(10, events[5-lost:])
		}
	})
	t.Run("no answer", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		events, silent := suiteEvents(1, 2), errors.New("silent")
		f.addEvents(events...)
		f.markPublished(events, positionsIn("s", 1, 2))
		for answers := range 2 {
			got, err := f.ReopenEvents(t.Context(), func(context.Context) (state ports.StreamState, err error) {
				if answers == 0 {
					err = silent
				}
				answers--
				return ports.StreamState{Stream: "s"}, err
			})
			if got != 0 || !errors.Is(err, silent) {
				t.Errorf("ReopenEvents() = %d, %v; want the error of the answer", got, err)
			}
		}
		f.wantUnpublished(10, nil)
	})
}

func outboxDrop(t *testing.T, open func(*testing.T) ports.Store) {
	drop := func(f *storeFixture, events ...domain.Event) {
		f.t.Helper()
		if err := f.DropEvents(f.t.Context(), events); err != nil {
			f.t.Errorf("DropEvents(%d) = %v, want no error", len(events), err)
		}
	}

	t.Run("published or not", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		events := suiteEvents(1, 6)
		f.addEvents(events...)
		f.markPublished(events[4:], positionsIn("s", 1, 2))
		drop(f)
		drop(f, events[1], events[4], domain.Event{Tenant: events[0].Tenant, ID: "unknown"},
			domain.Event{Tenant: "other", ID: events[0].ID})
		f.wantUnpublished(10, []domain.Event{events[0], events[2], events[3]})
		drop(f, events[1]) // gone already
		if got, err := f.ReopenEvents(t.Context(), reaches(ports.StreamState{Stream: "new"})); err != nil || got != 1 {
			t.Errorf("ReopenEvents(new stream) = %d, %v; want the 1 that was not dropped", got, err)
		}
		f.wantUnpublished(10, []domain.Event{events[0], events[2], events[3], events[5]})
	})

	t.Run("full size", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		events := suiteEvents(0, fullBatch)
		f.addEvents(events...)
		drop(f, events[1:]...)
		f.wantUnpublished(10, events[:1])
	})

	t.Run("rolled back", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		events := suiteEvents(1, 2)
		f.addEvents(events...)
		_ = f.InTx(t.Context(), func(ctx context.Context) error {
			if err := f.DropEvents(ctx, events); err != nil {
				t.Errorf("DropEvents() = %v, want no error", err)
			}
			return errStoreSuite
		})
		f.wantUnpublished(10, events)
	})
}

func outboxPurge(t *testing.T, open func(*testing.T) ports.Store) {
	purge := func(f *storeFixture, before time.Time, want int) {
		f.t.Helper()
		if got, err := f.PurgeEvents(f.t.Context(), before, 100); err != nil || got != want {
			f.t.Errorf("PurgeEvents(%v) = %d, %v; want %d", before, got, err, want)
		}
	}

	t.Run("published events from before the time", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		events := suiteEvents(1, 6)
		f.addEvents(events...)
		purge(f, events[5].Time.Add(time.Hour), 0) // none is published
		f.wantUnpublished(10, events)
		f.markPublished(events[1:5], positionsIn("s", 1, 4))
		purge(f, events[3].Time, 2) // not the one that happened then
		purge(f, events[3].Time, 0)
		f.wantUnpublished(10, []domain.Event{events[0], events[5]})
		if got, err := f.ReopenEvents(t.Context(), reaches(ports.StreamState{Stream: "new"})); err != nil || got != 2 {
			t.Errorf("ReopenEvents(new stream) = %d, %v; want the 2 that were not purged", got, err)
		}
		f.wantUnpublished(10, []domain.Event{events[0], events[3], events[4], events[5]})
	})
	t.Run("the oldest first, up to a limit", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		events := suiteEvents(1, 4)
		slices.Reverse(events) // the youngest was added first
		f.addEvents(events...)
		f.markPublished(events, positionsIn("s", 1, 4))
		for _, n := range []struct{ limit, want int }{{0, 0}, {1, 1}, {2, 2}} {
			if got, err := f.PurgeEvents(t.Context(), storeNow.Add(24*time.Hour), n.limit); err != nil || got != n.want {
				t.Errorf("PurgeEvents(limit %d) = %d, %v; want %d", n.limit, got, err, n.want)
			}
		}
		if got, err := f.ReopenEvents(t.Context(), reaches(ports.StreamState{Stream: "new"})); err != nil || got != 1 {
			t.Errorf("ReopenEvents(new stream) = %d, %v; want 1", got, err)
		}
		f.wantUnpublished(10, events[:1])
	})
}

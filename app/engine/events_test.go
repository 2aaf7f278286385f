package engine_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/batchport/batchport/app/engine"
	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

// told is an event of a host's own.
func told(id string) domain.Event {
	return domain.Event{ID: id, Tenant: "a", Topic: "rules." + id, Subject: "rules", Sequence: 1, Data: []byte(`{}`)}
}

// What is added in a transaction is told once that is committed, in order and
// without waiting for a sweep; and never when it is not.
func TestAddedEventsAreToldAfterTheCommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture()
		e := f.engine(t, engine.Config{SweepEvery: time.Hour})
		register(t, e, engine.Kind[plan, int]{Name: "edit", Apply: f.counts.addAll})
		defer start(t, e)()
		time.Sleep(time.Second) // the first sweep, which tells everything, is over

		boom := errors.New("boom")
		err := e.InTx(t.Context(), func(ctx context.Context) error {
			return errors.Join(e.AddEvents(ctx, told("undone")), f.store.AddUpload(ctx, ports.Upload{Tenant: "a", ID: "undone"}), boom)
		})
		if !errors.Is(err, boom) {
			t.Errorf("InTx(boom) = %v, want %v", err, boom)
		}
		func() {
			defer func() {
				if r, _ := recover().(error); !errors.Is(r, boom) {
					t.Errorf("InTx(panic) ended with %v, want the panic", r)
				}
			}()
			_ = e.InTx(t.Context(), func(ctx context.Context) error {
				if err := e.AddEvents(ctx, told("panicked")); err != nil {
					return err
				}
				panic(boom)
			})
		}()
		err = e.InTx(t.Context(), func(ctx context.Context) error {
			if err := e.AddEvents(ctx); err != nil { // nothing
				return err
			}
			if err := e.AddEvents(ctx, told("second"), told("first")); err != nil {
				return err
			}
			time.Sleep(time.Minute)
			if got := f.topics(); len(got) > 0 {
				t.Errorf("events before the commit = %q, want none", got)
			}
			return e.AddEvents(ctx, told("third"))
		})
		if err != nil {
			t.Errorf("InTx() = %v, want nil", err)
		}
		want := []string{"rules.second 1", "rules.first 1", "rules.third 1"}
		time.Sleep(time.Second) // the relay gathers for a moment
		if got := f.topics(); !slices.Equal(got, want) {
			t.Errorf("events = %q, want %q", got, want)
		}

		err = e.InTx(t.Context(), func(ctx context.Context) error { return e.AddEvents(ctx, told("fourth"), told("first")) })
		if !errors.Is(err, domain.CodeConflict) {
			t.Errorf("InTx(an event that is there) = %v, want %s", err, domain.CodeConflict)
		}
		time.Sleep(3 * time.Hour) // sweeps find nothing either
		if got := f.topics(); !slices.Equal(got, want) {
			t.Errorf("events at last = %q, want %q", got, want)
		}
		if _, err := f.store.FindUpload(t.Context(), "a", "undone"); !errors.Is(err, domain.CodeNotFound) {
			t.Errorf("FindUpload(of the transaction that failed) = %v, want %s", err, domain.CodeNotFound)
		}
	})
}

package portstest

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

const (
	// bellPatience is how long the suite waits for what a bell promises. A
	// ring that comes again does so after a pause, which is part of it.
	bellPatience = 20 * time.Second

	// bellQuiet is how long the suite watches that nothing happens.
	bellQuiet = 300 * time.Millisecond
)

// Bell runs the contract of [ports.Bell]. Each subtest calls open for a bell
// that nobody has rung, which cleans up through its t.
func Bell(t *testing.T, open func(*testing.T) ports.Bell) {
	t.Run("ring does not wait for a listener", func(t *testing.T) {
		t.Parallel()
		bell := open(t)
		for range 10 {
			ring(t, bell, "estate_export")
		}
	})

	t.Run("a ring wakes a listener that waits", func(t *testing.T) {
		t.Parallel()
		bell := open(t)
		heard := newListening(t, bell, 1, "estate_export")
		for i := range 10 {
			before := heard.begun.Load()
			ring(t, bell, "estate_export")
			heard.await(t, fmt.Sprintf("a call after ring %d", i+1), func() bool { return heard.begun.Load() > before })
		}
	})

	t.Run("a ring during a call is followed by another call", func(t *testing.T) {
		t.Parallel()
		bell := open(t)
		heard := newListening(t, bell, 1, "estate_export")
		release := heard.hold()
		ring(t, bell, "estate_export")
		heard.await(t, "a call", func() bool { return heard.running.Load() == 1 })
		before := heard.begun.Load()
		ring(t, bell, "estate_export")
		release()
		heard.await(t, "another call", func() bool { return heard.begun.Load() > before })
	})

	t.Run("a ring that was worked on does not come again", func(t *testing.T) {
		t.Parallel()
		bell := open(t)
		heard := newListening(t, bell, 1, "estate_export")
		before := heard.begun.Load()
		ring(t, bell, "estate_export")
		heard.await(t, "the call", func() bool { return heard.ended.Load() > before })
		heard.quiet(t)
		if got := heard.begun.Load() - before; got != 1 {
			t.Errorf("calls after one ring = %d, want 1", got)
		}
	})

	t.Run("a ring comes again when work fails", func(t *testing.T) {
		t.Parallel()
		bell := open(t)
		heard := newListening(t, bell, 1, "estate_export")
		before := heard.begun.Load()
		heard.fail.Store(2)
		ring(t, bell, "estate_export")
		heard.await(t, "a call after two that failed", func() bool { return heard.ended.Load() >= before+3 })
		heard.quiet(t)
		if got := heard.begun.Load() - before; got != 3 {
			t.Errorf("calls after one ring whose work failed twice = %d, want 3", got)
		}
	})

	t.Run("a listener hears its kinds and no other", func(t *testing.T) {
		t.Parallel()
		bell := open(t)
		one := newListening(t, bell, 1, "estate_export", "budget_sync")
		two := newListening(t, bell, 1, "contract_import")
		for _, kind := range []domain.Kind{"estate_export", "budget_sync", "estate_export"} {
			before, other := one.begun.Load(), two.begun.Load()
			ring(t, bell, kind)
			one.await(t, "a call for "+string(kind), func() bool { return one.begun.Load() > before })
			one.quiet(t)
			if got := two.begun.Load() - other; got != 0 {
				t.Errorf("calls of the listener of contract_import after a ring of %s = %d, want 0", kind, got)
			}
		}
	})

	t.Run("two listeners share the rings", func(t *testing.T) {
		t.Parallel()
		bell := open(t)
		one := newListening(t, bell, 1, "estate_export")
		two := newListening(t, bell, 1, "estate_export")
		releaseOne, releaseTwo := one.hold(), two.hold()
		ring(t, bell, "estate_export")
		one.await(t, "a call of either", func() bool { return one.running.Load()+two.running.Load() == 1 })
		one.quiet(t)
		if got := one.running.Load() + two.running.Load(); got != 1 {
			t.Errorf("listeners called for one ring = %d, want 1", got)
		}
		ring(t, bell, "estate_export")
		one.await(t, "a call of both", func() bool { return one.running.Load() == 1 && two.running.Load() == 1 })
		releaseOne()
		releaseTwo()
	})

	t.Run("workers bounds the calls at once", func(t *testing.T) {
		t.Parallel()
		bell := open(t)
		heard := newListening(t, bell, 3, "estate_export", "budget_sync")
		release := heard.hold()
		for range 6 {
			ring(t, bell, "estate_export")
			ring(t, bell, "budget_sync")
		}
		heard.await(t, "three calls at once", func() bool { return heard.running.Load() == 3 })
		heard.quiet(t)
		release()
		if got := heard.most.Load(); got != 3 {
			t.Errorf("calls at once with 3 workers = %d, want 3", got)
		}
	})

	t.Run("listen returns after the last call", func(t *testing.T) {
		t.Parallel()
		bell := open(t)
		heard := newListening(t, bell, 2, "estate_export")
		release := heard.hold()
		ring(t, bell, "estate_export")
		heard.await(t, "a call", func() bool { return heard.running.Load() == 1 })
		heard.stop()
		select {
		case err := <-heard.returned:
			t.Fatalf("Listen returned %v with a call in hand", err)
		case <-time.After(bellQuiet):
		}
		release()
		if err := heard.end(t); err != nil {
			t.Errorf("Listen after its context ended = %v, want nil", err)
		}
		begun := heard.begun.Load()
		ring(t, bell, "estate_export")
		heard.quiet(t)
		if got := heard.begun.Load() - begun; got != 0 {
			t.Errorf("calls after Listen returned = %d, want 0", got)
		}
	})

	t.Run("a context that has ended", func(t *testing.T) {
		t.Parallel()
		bell := open(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := bell.Ring(ctx, "estate_export"); !errors.Is(err, context.Canceled) {
			t.Errorf("Ring(cancelled) = %v, want %v", err, context.Canceled)
		}
		work := func(context.Context) error { t.Error("Listen(cancelled) called work"); return nil }
		if err := bell.Listen(ctx, []domain.Kind{"estate_export"}, 1, work); err != nil {
			t.Errorf("Listen(cancelled) = %v, want nil", err)
		}
	})
}

// ring rings the bell, which must work within the suite's patience.
func ring(t *testing.T, bell ports.Bell, kind domain.Kind) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), bellPatience)
	defer cancel()
	if err := bell.Ring(ctx, kind); err != nil {
		t.Fatalf("Ring(%s) = %v, want nil", kind, err)
	}
}

// listening is one call of Listen and what its work has seen.
type listening struct {
	begun, ended, running, most atomic.Int64
	fail                        atomic.Int64 // how many of the next calls fail
	gate                        atomic.Pointer[chan struct{}]
	stop                        context.CancelFunc
	returned                    chan error // what Listen returned, once
}

// newListening starts Listen and returns when it hears each kind, with
// nothing left to hear: rings from before anybody listened may be lost, so it rings
// until it is heard, and waits until that is worked off.
func newListening(t *testing.T, bell ports.Bell, workers int, kinds ...domain.Kind) *listening {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	l := &listening{stop: cancel, returned: make(chan error, 1)}
	go func() { l.returned <- bell.Listen(ctx, kinds, workers, l.work) }()
	t.Cleanup(func() {
		if gate := l.gate.Swap(nil); gate != nil {
			close(*gate)
		}
		cancel()
		if err := l.end(t); err != nil {
			t.Errorf("Listen after its context ended = %v, want nil", err)
		}
	})
	for _, kind := range kinds {
		heard := false
		for attempt := 0; !heard; attempt++ {
			if attempt == int(bellPatience/bellQuiet) {
				t.Fatalf("Listen(%v) heard no ring of %s within %v", kinds, kind, bellPatience)
			}
			before := l.begun.Load()
			ring(t, bell, kind)
			heard = l.within(bellQuiet, func() bool { return l.begun.Load() > before })
		}
	}
	for heard := int64(-1); heard != l.begun.Load(); {
		heard = l.begun.Load()
		l.quiet(t)
	}
	l.most.Store(0)
	return l
}

func (l *listening) work(context.Context) error {
	l.begun.Add(1)
	running := l.running.Add(1)
	for most := l.most.Load(); running > most && !l.most.CompareAndSwap(most, running); {
		most = l.most.Load()
	}
	if gate := l.gate.Load(); gate != nil {
		<-*gate
	}
	l.running.Add(-1)
	defer l.ended.Add(1)
	if l.fail.Add(-1) >= 0 {
		return errors.New("work failed, as the suite wants")
	}
	l.fail.Store(0)
	return nil
}

// hold makes the calls that begin from now on wait for release.
func (l *listening) hold() (release func()) {
	gate := make(chan struct{})
	l.gate.Store(&gate)
	return func() {
		if l.gate.CompareAndSwap(&gate, nil) {
			close(gate)
		}
	}
}

// end waits until Listen has returned, and says what.
func (l *listening) end(t *testing.T) error {
	t.Helper()
	select {
	case err := <-l.returned:
		l.returned <- err
		return err
	case <-time.After(bellPatience):
		t.Errorf("Listen did not return within %v of its context's end", bellPatience)
		return nil
	}
}

func (l *listening) await(t *testing.T, what string, met func() bool) {
	t.Helper()
	if !l.within(bellPatience, met) {
		t.Fatalf("no %s within %v; %d calls began, %d ended", what, bellPatience, l.begun.Load(), l.ended.Load())
	}
}

func (l *listening) within(patience time.Duration, met func() bool) bool {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(patience); !met(); {
		select {
		case <-tick.C:
		case <-deadline:
			return false
		}
	}
	return true
}

// quiet lets bellQuiet pass.
func (l *listening) quiet(t *testing.T) {
	t.Helper()
	select {
	case <-time.After(bellQuiet):
	case <-t.Context().Done():
	}
}

package engine

import (
	"context"
	"sync"
)

// gate lets many pieces of work run at once, or one suspect alone: nothing
// else may run in a process beside what might take it down.
type gate struct {
	mu       sync.Mutex
	inside   int                             // pieces in work
	stubborn int                             // of them, long ones that are not interrupted any more
	closed   bool                            // somebody is alone, or waits for it
	change   chan struct{}                   // closed and replaced at every change
	longs    map[int]context.CancelCauseFunc // how to interrupt long pieces
	next     int
}

func newGate() *gate {
	return &gate{change: make(chan struct{}), longs: map[int]context.CancelCauseFunc{}}
}

// enter waits until the gate is open and goes in. The function it returns
// goes out again; it may be called once.
func (g *gate) enter(ctx context.Context) (leave func(), err error) {
	err = g.wait(ctx, func() bool {
		if g.closed {
			return false
		}
		g.inside++
		return true
	})
	return func() { g.update(func() { g.inside-- }) }, err
}

// alone waits for stubborn pieces, closes the gate, interrupts other long
// pieces, and waits until everybody has left. The function it returns opens the gate again.
func (g *gate) alone(ctx context.Context) (open func(), err error) {
	open = func() { g.update(func() { g.closed = false }) }
	err = g.wait(ctx, func() bool {
		if g.stubborn > 0 {
			return false
		}
		g.closed = true
		for _, interrupt := range g.longs {
			interrupt(context.Canceled)
		}
		return true
	})
	if err != nil {
		return nil, err
	}
	err = g.wait(ctx, func() bool { return g.inside == 0 })
	if err != nil {
		open()
	}
	return open, err
}

// long returns a context for a piece that may take minutes; it ends when
// somebody wants to be alone, unless the piece is that somebody, or stubborn. The
// function ends it, must be called, and may be called more than once.
func (g *gate) long(ctx context.Context, suspect, stubborn bool) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	if suspect {
		return ctx, func() { cancel(nil) }
	}
	if stubborn {
		g.update(func() { g.stubborn++ })
		once := sync.OnceFunc(func() { g.update(func() { g.stubborn-- }) })
		return ctx, func() {
			once()
			cancel(nil)
		}
	}
	var id int
	g.update(func() {
		id = g.next
		g.next++
		g.longs[id] = cancel
		if g.closed {
			cancel(nil)
		}
	})
	return ctx, func() {
		g.update(func() { delete(g.longs, id) })
		cancel(nil)
	}
}

func (g *gate) update(change func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	change()
	close(g.change)
	g.change = make(chan struct{})
}

// wait returns when try, which is called under the lock, reports true.
func (g *gate) wait(ctx context.Context, try func() bool) error {
	for {
		g.mu.Lock()
		if ctx.Err() == nil && try() {
			g.mu.Unlock()
			return nil
		}
		change := g.change
		g.mu.Unlock()
		select {
		case <-change:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

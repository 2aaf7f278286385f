package memory

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

const (
	// bellBacklog is how many rings of one kind wait; more are merged into
	// them. It is far above the workers of any process.
	bellBacklog = 1024

	// bellPause is how long a ring whose work failed waits.
	bellPause = time.Second
)

// Bell is a bell within one process, for hosts without a message broker and
// for tests. Its rings end with the process; the sweeper rings again.
//
// The zero value is not ready; call [NewBell].
type Bell struct {
	mu      sync.Mutex
	changed *sync.Cond // of mu: a ring, or the end of a listener's context
	rings   map[domain.Kind]int
}

var _ ports.Bell = (*Bell)(nil)

// NewBell returns a bell that nobody has rung. It starts nothing, so there is
// nothing to close.
func NewBell() *Bell {
	b := &Bell{rings: make(map[domain.Kind]int)}
	b.changed = sync.NewCond(&b.mu)
	return b
}

// Ring implements [ports.Bell]. The ring waits for a listener.
func (b *Bell) Ring(ctx context.Context, kind domain.Kind) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	b.ring(kind)
	return nil
}

// Listen implements [ports.Bell]. It fails with [domain.CodeInvalid] when there
// is no kind or no worker.
func (b *Bell) Listen(ctx context.Context, kinds []domain.Kind, workers int, work func(ctx context.Context) error) error {
	switch {
	case len(kinds) == 0:
		return domain.Fail(domain.NewFailure(domain.CodeInvalid, "kinds", ""))
	case workers < 1:
		return domain.Fail(domain.NewFailure(domain.CodeInvalid, "workers", ""))
	}
	kinds = slices.Clone(kinds)
	defer context.AfterFunc(ctx, b.wakeAll)()
	var wg sync.WaitGroup
	for i := range workers {
		wg.Go(func() { b.listen(ctx, kinds, i, work) })
	}
	wg.Wait()
	return nil
}

// listen works on rings until ctx ends. It starts to look at kinds[next] and
// goes round, so that a busy kind does not starve the others.
func (b *Bell) listen(ctx context.Context, kinds []domain.Kind, next int, work func(ctx context.Context) error) {
	for {
		kind, ok := b.take(ctx, kinds, next)
		if !ok {
			return
		}
		if err := work(ctx); err != nil {
			time.AfterFunc(bellPause, func() { b.ring(kind) })
		}
		next++
	}
}

// take waits for a ring of one of the kinds and removes it before the call
// that it is for, so that a ring during that call is one more.
func (b *Bell) take(ctx context.Context, kinds []domain.Kind, next int) (domain.Kind, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for {
		if ctx.Err() != nil {
			return "", false
		}
		for i := range kinds {
			if kind := kinds[(next+i)%len(kinds)]; b.rings[kind] > 0 {
				b.rings[kind]--
				return kind, true
			}
		}
		b.changed.Wait()
	}
}

func (b *Bell) ring(kind domain.Kind) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rings[kind] = min(b.rings[kind]+1, bellBacklog)
	b.changed.Broadcast() // listeners hear different kinds, so waking one might wake the wrong one
}

// wakeAll lets every waiting worker look at its context.
func (b *Bell) wakeAll() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.changed.Broadcast()
}

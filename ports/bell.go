package ports

import (
	"context"

	"github.com/batchport/batchport/domain"
)

// Bell wakes workers. It carries no truth: a ring says that there is work of
// a kind, and which, the store decides. Rings may be lost, repeated, delayed or
// reordered; the sweeper rings again.
type Bell interface {
	// Ring tells one listener of the kind, in any process, that there is
	// work. It does not wait for a listener.
	Ring(ctx context.Context, kind domain.Kind) error

	// Listen calls work for each ring of one of the kinds, at most workers at
	// once, until ctx ends; it returns when the last call has, with nil or
	// with why it cannot listen. Rings of one kind that come faster than they
	// are worked on may be merged, as long as at least one call of work begins
	// after each ring. When work fails, the ring comes again after a pause.
	Listen(ctx context.Context, kinds []domain.Kind, workers int, work func(ctx context.Context) error) error
}

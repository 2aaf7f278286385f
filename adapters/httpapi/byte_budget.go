package httpapi

import (
	"errors"
	"sync"

	"github.com/batchport/batchport/domain"
)

// byteBudget bounds the memory that all requests in work take together, so that
// many large bodies at once are refused instead of taking the process down.
type byteBudget struct {
	size int64

	mu   sync.Mutex
	used int64
}

var errBusy = errors.New("requests in work hold all memory set aside for bodies")

// lease is one request's part of the budget. It belongs to one goroutine.
type lease struct {
	budget *byteBudget
	held   int64
}

// open returns an empty lease, to be released when the request has been
// answered.
func (b *byteBudget) open() *lease { return &lease{budget: b} }

// take adds n bytes to the lease. It never waits: a request that could never
// fit gives [domain.CodeTooMany] of its values, one that does not fit now
// [domain.CodeUnavailable].
func (l *lease) take(n int64) error {
	b := l.budget
	if l.held+n > b.size {
		return domain.Fail(domain.NewFailure(domain.CodeTooMany, "values", ""))
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.used+n > b.size {
		return domain.Unavailable(errBusy)
	}
	b.used += n
	l.held += n
	return nil
}

// release gives everything back.
func (l *lease) release() {
	l.budget.mu.Lock()
	defer l.budget.mu.Unlock()
	l.budget.used -= l.held
	l.held = 0
}

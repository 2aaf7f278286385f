package bunstore

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

const (
	// collisions is how often in all a transaction is tried that others keep
	// running into.
	collisions = 8

	// The pauses between tries are random, up to a bound that begins at the
	// first and doubles up to the second.
	firstCollisionPause, lastCollisionPause = 4 * time.Millisecond, 250 * time.Millisecond
)

// whileColliding calls try until it has not run into another transaction,
// ctx ends, or it was tried often enough. Whoever the database chose to break a
// deadlock has changed nothing: that includes a commit that failed so.
func (s *Store) whileColliding(ctx context.Context, try func() error) error {
	bound := firstCollisionPause
	for n := 1; ; n++ {
		err := try()
		if n == collisions || !collided(err) {
			return err
		}
		// By chance, or those that ran into each other would do so again.
		timer := time.NewTimer(rand.N(bound))
		bound = min(2*bound, lastCollisionPause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
	}
}

// The savepoint of [Store.untilFirst]; it may lie inside that of [Store.Savepoint].
const (
	firstBegin    = "SAVEPOINT batchport_first"
	firstRollback = "ROLLBACK TO SAVEPOINT batchport_first"
	firstRelease  = "RELEASE SAVEPOINT batchport_first"
)

// untilFirst calls try, which reads, locks what it finds, judges by it, and
// adds what it did not find, until try reports that nobody else has added the
// same meanwhile. What a try did that comes too late is undone. Each time
// another transaction has committed, so that the next try finds what it added.
func (s *Store) untilFirst(ctx context.Context, try func() (bool, error)) error {
	if s.dialect.oneWriter {
		_, err := try()
		return err
	}
	for first := false; !first; {
		if _, err := s.exec(ctx, firstBegin); err != nil {
			return err
		}
		var err error
		if first, err = try(); err != nil {
			return err
		}
		if !first {
			if _, err := s.exec(ctx, firstRollback); err != nil {
				return err
			}
		}
		if _, err := s.exec(ctx, firstRelease); err != nil {
			return err
		}
	}
	return nil
}

// collided reports whether the database rolled the transaction back in favour
// of another: serialization_failure or deadlock_detected.
func collided(err error) bool {
	var state interface {
		error
		SQLState() string
	}
	return errors.As(err, &state) && (state.SQLState() == "40001" || state.SQLState() == "40P01")
}

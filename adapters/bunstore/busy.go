package bunstore

import (
	"context"
	"errors"
	"time"
)

const (
	// busyPatience is how long a write waits, in all, for another process that
	// has the write lock.
	busyPatience = 10 * time.Second

	// The pauses between tries grow from the first to the second.
	firstBusyPause, lastBusyPause = time.Millisecond, 100 * time.Millisecond
)

// whileBusy calls try, which takes the write lock or changes nothing, until it
// has the lock, its error is another one, ctx ends, or the store's patience
// would end with one more try. A connection waits by itself too, as long as its
// busy timeout says, and not every driver heeds contexts there.
func (s *Store) whileBusy(ctx context.Context, try func() error) error {
	end := time.Now().Add(s.busyPatience)
	for pause := firstBusyPause; ; pause = min(2*pause, lastBusyPause) {
		begun := time.Now()
		err := try()
		if !s.busy(err) || time.Now().Add(pause+time.Since(begun)).After(end) {
			return err
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
	}
}

// busy reports whether another connection has the lock: SQLITE_BUSY.
func (s *Store) busy(err error) bool {
	var coded interface {
		error
		Code() int
	}
	return s.dialect.resultCodes && errors.As(err, &coded) && coded.Code()&0xff == 5
}

package natsbus

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// silence is what becomes of rings that nobody takes. A consumer may well go on
// showing that it is there while its stream has no leader, and then nobody hears that
// there is work, although nobody is deaf.
type silence struct {
	missed atomic.Bool  // a ring was not taken since somebody asked
	since  atomic.Int64 // when rings began to get no answer, in nanoseconds; 0 when they do
}

// note takes down how a ring ended.
func (s *silence) note(err error, connected bool, now time.Time) {
	switch {
	case err == nil:
		s.since.Store(0)
	case !connected || !unanswered(err) && !hasCode(err, streamOffline):
		s.missed.Store(true)
		s.since.Store(0) // there is nothing wrong with the stream, or it is not known
	default:
		s.missed.Store(true)
		s.since.CompareAndSwap(0, now.UnixNano())
	}
}

// lasts reports whether rings have had no answer for so long, and if so begins
// to count anew.
func (s *silence) lasts(long time.Duration, now time.Time) bool {
	since := s.since.Load()
	return since != 0 && now.UnixNano()-since >= int64(long) && s.since.CompareAndSwap(since, 0)
}

// remake makes the stream anew when its servers, or most of them, have lost
// it. Whoever else listens makes its consumers anew as well.
func (b *Bell) remake(ctx context.Context) {
	b.config.Log.WarnContext(ctx, "rings get no answer; the stream of bells is made anew", "stream", b.names.workStream())
	_, err := ask(ctx, b.conn, func(ctx context.Context) (struct{}, error) {
		err := b.stream.DeleteStream(ctx, b.names.workStream())
		if errors.Is(err, jetstream.ErrStreamNotFound) { // also when it was, and the answer is lost
			err = nil
		}
		return struct{}{}, err
	})
	if err == nil {
		err = b.makeStream(ctx)
	}
	if err != nil && ctx.Err() == nil {
		b.config.Log.WarnContext(ctx, "the stream of bells cannot be made anew; trying again", "cause", classify(ctx, "make the stream of bells", err))
	}
}

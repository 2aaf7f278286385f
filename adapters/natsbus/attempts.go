package natsbus

import (
	"context"
	"time"

	"github.com/nats-io/nats.go"
)

const (
	// callTimeout bounds a call to the server when the caller's context does
	// not: a request that is lost with its connection is never answered.
	callTimeout = 5 * time.Second

	// firstAttempt is how long a call waits for its first answer before it asks
	// again; each attempt waits twice as long as the one before, up to maxAttempt. A
	// request that comes to a stream while its leader is lost is lost too, and the
	// next leader is found within a second or two.
	firstAttempt = 500 * time.Millisecond
	maxAttempt   = 2 * time.Second

	// attemptPause is how long a call waits after nobody was there to answer.
	attemptPause = 50 * time.Millisecond
)

// ask calls the server until it is answered, for callTimeout, as long as there
// is a connection. do must be harmless when it is done twice.
func ask[T any](ctx context.Context, conn *nats.Conn, do func(ctx context.Context) (T, error)) (answer T, err error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	for wait := firstAttempt; ; wait = min(2*wait, maxAttempt) {
		if err := ctx.Err(); err != nil {
			return answer, err
		}
		if !conn.IsConnected() {
			return answer, nats.ErrDisconnected
		}
		attempt, done := context.WithTimeout(ctx, wait)
		answer, err = do(attempt)
		done()
		if err == nil || !unanswered(err) {
			return answer, err
		}
		select {
		case <-ctx.Done():
			return answer, err
		case <-time.After(attemptPause):
		}
	}
}

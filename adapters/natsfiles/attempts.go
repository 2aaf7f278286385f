package natsfiles

import (
	"context"
	"time"

	"github.com/nats-io/nats.go"
)

const (
	// callTimeout bounds a call to the server that nothing is lost with.
	callTimeout = 5 * time.Second

	// hurry is how long what was given up is cleared away when its caller has to
	// end. What is left then, Each removes.
	hurry = time.Second

	// firstAttempt is how long a call waits for its first answer before it asks
	// again; each attempt waits twice as long as the one before, up to maxAttempt.
	firstAttempt = 500 * time.Millisecond
	maxAttempt   = 2 * time.Second

	// attemptPause is how long a call waits after nobody was there to answer.
	attemptPause = 50 * time.Millisecond
)

// ask calls the server until it is answered, for callTimeout, as long as there
// is a connection. do must be harmless when it is done twice.
func ask[T any](ctx context.Context, conn *nats.Conn, do func(ctx context.Context) (T, error)) (T, error) {
	if err := ctx.Err(); err != nil {
		var none T
		return none, err
	}
	if !conn.IsConnected() {
		var none T
		return none, nats.ErrDisconnected
	}
	return insist(ctx, conn, callTimeout, do)
}

// insist calls the server until it is answered, also while the connection is
// made anew.
func insist[T any](ctx context.Context, conn *nats.Conn, patience time.Duration, do func(ctx context.Context) (T, error)) (answer T, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for wait := firstAttempt; ; {
		if conn.IsConnected() {
			attempt, done := context.WithTimeout(ctx, wait)
			answer, err = do(attempt)
			done()
			wait = min(2*wait, maxAttempt)
		} else {
			// What is sent now would go out when the connection is back, behind
			// the back of whoever has given up meanwhile.
			err = nats.ErrDisconnected
		}
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

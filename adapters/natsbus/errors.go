package natsbus

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/batchport/batchport/domain"
)

// classify says whose fault err is. ctx is the caller's, not one with a
// deadline of this package: an answer that took too long is the server's
// fault, unless the caller gave up.
func classify(ctx context.Context, doing string, err error) error {
	if err == nil {
		return nil
	}
	if ended := ctx.Err(); ended != nil {
		return fmt.Errorf("%s: %w", doing, ended)
	}
	if errors.Is(err, nats.ErrMaxPayload) {
		return fmt.Errorf("%s: %w", doing, &domain.Error{Code: domain.CodeTooLarge, Err: err})
	}
	var refused jetstream.JetStreamError
	if errors.As(err, &refused) && refused.APIError() != nil && ourFault(refused.APIError().Code) {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return fmt.Errorf("%s: %w", doing, domain.Unavailable(err))
}

// ourFault reports whether a status of the server, which borrows those of
// HTTP, says that the same call will fail for ever, such as subjects that belong
// to somebody else's stream. What is not there (404) is made, and then there.
func ourFault(status int) bool { return status >= 400 && status < 500 && status != 404 }

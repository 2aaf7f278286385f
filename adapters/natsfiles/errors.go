package natsfiles

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/batchport/batchport/domain"
)

// Numbers of JetStream's errors, from errors.json of nats-server.
const (
	accountLimit  jetstream.ErrorCode = 10002
	tooFewPeers   jetstream.ErrorCode = 10005
	notAvailable  jetstream.ErrorCode = 10008
	notLeader     jetstream.ErrorCode = 10009
	serverLimit   jetstream.ErrorCode = 10023
	diskLimit     jetstream.ErrorCode = 10047
	wrongSequence jetstream.ErrorCode = 10071
	notClustered  jetstream.ErrorCode = 10074
	notEnabled    jetstream.ErrorCode = 10076 // also what the client makes of no answer at all
	notStored     jetstream.ErrorCode = 10077
	sequenceBusy  jetstream.ErrorCode = 10164
)

var errAbandoned = errors.New("the attempt was given up and removed meanwhile")

// errForeign says that the bucket is that of another [Config.Owner].
var errForeign = errors.New("the bucket is another one's, as the metadata of its stream say")

// codeOf returns the number of the server's refusal, or 0.
func codeOf(err error) jetstream.ErrorCode {
	var refused jetstream.JetStreamError
	if errors.As(err, &refused) && refused.APIError() != nil {
		return refused.APIError().ErrorCode
	}
	return 0
}

// failed says what could not be done and whose fault it is. Names are checked
// before the server is asked, so whatever it refuses, it is at fault, or whoever
// runs it; but not when the caller's own ctx has ended.
func failed(ctx context.Context, doing string, err error) error {
	if ended := ctx.Err(); ended != nil {
		return fmt.Errorf("%s: %w", doing, ended)
	}
	var classified *domain.Error
	if errors.As(err, &classified) {
		return fmt.Errorf("%s: %w", doing, err)
	}
	switch code := codeOf(err); {
	case code == accountLimit || code == serverLimit || code == diskLimit || code == notStored:
		err = fmt.Errorf("there is no room in the bucket, the NATS account or on its servers: %w", err)
	case code == tooFewPeers || code == notClustered:
		err = fmt.Errorf("there are fewer NATS servers with room than there are to be replicas: %w", err)
	case errors.Is(err, nats.ErrMaxPayload):
		err = fmt.Errorf("the server takes smaller messages than when the file was begun: %w", err)
	}
	return fmt.Errorf("%s: %w", doing, domain.Unavailable(err))
}

// unanswered reports whether nobody took the request, as happens while a
// cluster elects a leader or has yet to hear of a new stream.
func unanswered(err error) bool {
	switch code := codeOf(err); {
	case code == notAvailable || code == notLeader || code == notEnabled || code == sequenceBusy:
		return true
	case code != 0:
		return false
	}
	var network net.Error // as when the connection breaks while the request is sent; a deadline is one, too
	if errors.As(err, &network) {
		return true
	}
	for _, one := range []error{
		nats.ErrTimeout, nats.ErrNoResponders, jetstream.ErrNoStreamResponse,
		nats.ErrDisconnected, nats.ErrReconnectBufExceeded, nats.ErrConnectionReconnecting,
	} {
		if errors.Is(err, one) {
			return true
		}
	}
	return false
}

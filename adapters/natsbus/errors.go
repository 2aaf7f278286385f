package natsbus

import (
	"context"
	"errors"
	"fmt"
	"net"

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
	if errors.As(err, &refused) && refused.APIError() != nil {
		err = explain(err, refused.APIError().ErrorCode)
		if ourFault(refused.APIError()) {
			return fmt.Errorf("%s: %w", doing, err)
		}
	}
	return fmt.Errorf("%s: %w", doing, domain.Unavailable(err))
}

// Numbers of JetStream's errors, from errors.json of nats-server.
const (
	accountLimit    jetstream.ErrorCode = 10002
	tooFewPeers     jetstream.ErrorCode = 10005
	notAvailable    jetstream.ErrorCode = 10008
	notLeader       jetstream.ErrorCode = 10009
	serverLimit     jetstream.ErrorCode = 10023
	memoryLimit     jetstream.ErrorCode = 10028
	accountDisabled jetstream.ErrorCode = 10039
	diskLimit       jetstream.ErrorCode = 10047
	badSettings     jetstream.ErrorCode = 10052
	overlap         jetstream.ErrorCode = 10065
	notClustered    jetstream.ErrorCode = 10074
	serverDisabled  jetstream.ErrorCode = 10076
	notStored       jetstream.ErrorCode = 10077
	streamOffline   jetstream.ErrorCode = 10118
)

// hints say what an operator does about errors of the server.
var hints = map[jetstream.ErrorCode]string{
	accountLimit:    "the limits of the NATS account are reached: raise them, or make room",
	tooFewPeers:     "the NATS cluster has fewer servers with room than there are to be replicas",
	serverLimit:     "the NATS servers have no room: raise the limits of JetStream, or make room",
	memoryLimit:     "the NATS servers have no memory left for JetStream: raise max_memory_store",
	accountDisabled: "JetStream is off for this NATS account: turn it on in the account's configuration",
	diskLimit:       "the NATS servers have no room: raise max_file_store, or make room on the disk",
	overlap:         "another stream of the NATS account takes these subjects: use another prefix, or another account",
	notClustered:    "the NATS server stands alone and can keep one replica: ask for one, or connect to a cluster",
	serverDisabled:  "JetStream is off on the NATS server: start it with -js, or with a jetstream block",
	notStored:       "the stream did not take the message",
	streamOffline:   "the servers that keep the stream are away: start them, and keep it on three",
}

func explain(err error, code jetstream.ErrorCode) error {
	if hint, ok := hints[code]; ok {
		return fmt.Errorf("%s: %w", hint, err)
	}
	return err
}

// ourFault reports whether the server's error, whose status is like those of
// HTTP, says that the same call will fail for ever, such as subjects that belong
// to somebody else's stream. What is not there (404) is made, and then there;
// limits and servers that are missing are put right by whoever runs them.
func ourFault(refusal *jetstream.APIError) bool {
	code := refusal.ErrorCode
	if code == accountLimit || code == tooFewPeers {
		return false
	}
	if code == notClustered || code == badSettings {
		return true
	}
	return refusal.Code >= 400 && refusal.Code < 500 && refusal.Code != 404
}

// unanswered reports whether nobody took the request, as happens while a
// cluster elects a leader or has yet to hear of a new stream.
func unanswered(err error) bool {
	var refused jetstream.JetStreamError
	if errors.As(err, &refused) && refused.APIError() != nil {
		code := refused.APIError().ErrorCode
		return code == notAvailable || code == notLeader
	}
	var network net.Error // as when the connection breaks while the request is sent; a deadline is one, too
	return errors.As(err, &network) || errors.Is(err, nats.ErrTimeout) ||
		errors.Is(err, nats.ErrNoResponders) || errors.Is(err, jetstream.ErrNoStreamResponse)
}

func hasCode(err error, code jetstream.ErrorCode) bool {
	var refused jetstream.JetStreamError
	return errors.As(err, &refused) && refused.APIError() != nil && refused.APIError().ErrorCode == code
}

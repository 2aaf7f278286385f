package natsfiles

import (
	"cmp"
	"context"
	"errors"
	"strconv"
	"sync/atomic"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// partHeader says which message of an attempt this is, from 0; so a writer
// whose answer was lost finds out whether its message was stored.
const partHeader = "Batchport-Part"

// bucket is the stream beneath the files.
type bucket struct {
	conn   *nats.Conn
	js     jetstream.JetStream
	names  names
	config Config
	handle atomic.Pointer[jetstream.Stream] // once the stream has had these settings
}

// open returns the stream, which is made, or given these settings, the first time.
func (b *bucket) open(ctx context.Context) (jetstream.Stream, error) {
	if handle := b.handle.Load(); handle != nil {
		return *handle, nil
	}
	return b.make(ctx)
}

// ensure makes the stream when somebody has deleted it.
func (b *bucket) ensure(ctx context.Context) error {
	if _, err := b.open(ctx); err != nil {
		return err
	}
	_, err := ask(ctx, b.conn, func(ctx context.Context) (jetstream.Stream, error) {
		return b.js.Stream(ctx, b.names.stream())
	})
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		_, err = b.make(ctx)
	}
	return err
}

// ownerKey is what of the stream's metadata says whose files they are.
const ownerKey = "batchport_owner"

// make makes the stream, or gives it these settings, unless it is another
// one's.
func (b *bucket) make(ctx context.Context) (jetstream.Stream, error) {
	stream, err := ask(ctx, b.conn, func(ctx context.Context) (jetstream.Stream, error) {
		former, err := b.js.Stream(ctx, b.names.stream())
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			made, err := b.js.CreateStream(ctx, b.settings(jetstream.StreamConfig{}))
			if codeOf(err) != jetstream.JSErrCodeStreamNameInUse {
				return made, err
			}
			former, err = b.js.Stream(ctx, b.names.stream()) // that another process was faster with
			if err != nil {
				return nil, err
			}
		} else if err != nil {
			return nil, err
		}
		config := former.CachedInfo().Config
		if owner := config.Metadata[ownerKey]; owner != "" && b.config.Owner != "" && owner != b.config.Owner {
			return nil, errForeign
		}
		return b.js.UpdateStream(ctx, b.settings(config))
	})
	if err == nil {
		b.handle.Store(&stream)
	}
	return stream, err
}

// settings are those of the stream, which has had others before. Messages are
// read from its leader alone (no AllowDirect): another replica may not know yet
// what was stored a moment ago.
func (b *bucket) settings(former jetstream.StreamConfig) jetstream.StreamConfig {
	limit := cmp.Or(b.config.MaxBytes, former.MaxBytes, -1) // -1 is what JetStream calls no limit
	metadata := map[string]string{}
	if owner := cmp.Or(b.config.Owner, former.Metadata[ownerKey]); owner != "" {
		metadata[ownerKey] = owner
	}
	return jetstream.StreamConfig{
		Name:        b.names.stream(),
		Description: "files of batchport",
		Subjects:    []string{b.names.chunks(">"), b.names.meta("")},
		Retention:   jetstream.LimitsPolicy,
		Discard:     jetstream.DiscardNew,
		MaxBytes:    limit,
		Storage:     jetstream.FileStorage,
		Replicas:    b.config.Replicas,
		AllowRollup: true,
		Metadata:    metadata,
	}
}

// last returns the last message of a subject, or nil when there is none.
func (b *bucket) last(ctx context.Context, subject string) (*jetstream.RawStreamMsg, error) {
	return b.read(ctx, func(ctx context.Context, stream jetstream.Stream) (*jetstream.RawStreamMsg, error) {
		return stream.GetLastMsgForSubject(ctx, subject)
	})
}

// next returns the first message of a subject from a place in the stream on,
// or nil when there is none.
func (b *bucket) next(ctx context.Context, place uint64, subject string) (*jetstream.RawStreamMsg, error) {
	return b.read(ctx, func(ctx context.Context, stream jetstream.Stream) (*jetstream.RawStreamMsg, error) {
		return stream.GetMsg(ctx, place, jetstream.WithGetMsgSubject(subject))
	})
}

func (b *bucket) read(ctx context.Context, get func(context.Context, jetstream.Stream) (*jetstream.RawStreamMsg, error)) (*jetstream.RawStreamMsg, error) {
	stream, err := b.open(ctx)
	if err != nil {
		return nil, err
	}
	msg, err := insist(ctx, b.conn, b.config.Patience, func(ctx context.Context) (*jetstream.RawStreamMsg, error) {
		return get(ctx, stream)
	})
	if errors.Is(err, jetstream.ErrMsgNotFound) || codeOf(err) == jetstream.JSErrCodeStreamNotFound {
		return nil, nil
	}
	return msg, err
}

// purge removes all messages of a subject. Where there is no stream there are none.
func (b *bucket) purge(ctx context.Context, subject string) error {
	stream, err := b.open(ctx)
	if err != nil {
		return err
	}
	_, err = ask(ctx, b.conn, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, stream.Purge(ctx, jetstream.WithPurgeSubject(subject))
	})
	if codeOf(err) == jetstream.JSErrCodeStreamNotFound {
		return nil
	}
	return err
}

// unmark sees to it that an attempt is not committed any more, and that
// whoever looks at its object afterwards sees whether it has been. A cluster judges a
// message before it takes its place behind what is on its way: a description may be
// taken while the mark is being removed, and show only a moment later. The second
// removal comes behind all such, so when it is done they show.
func (b *bucket) unmark(ctx context.Context, token string) error {
	if err := b.purge(ctx, b.names.begun(token)); err != nil {
		return err
	}
	return b.purge(ctx, b.names.begun(token))
}

// forget removes an attempt, unless it is committed, be it only now because
// its writer got no answer and asks again.
func (b *bucket) forget(ctx context.Context, token, object string) error {
	if err := b.unmark(ctx, token); err != nil {
		return err
	}
	info, err := b.describe(ctx, object)
	if err != nil {
		return err
	}
	if info != nil && info.NUID == token {
		return nil
	}
	return b.purge(ctx, b.names.chunks(token))
}

// subjects returns the subjects that match and have messages.
func (b *bucket) subjects(ctx context.Context, filter string) ([]string, error) {
	stream, err := b.open(ctx)
	if err != nil {
		return nil, err
	}
	info, err := ask(ctx, b.conn, func(ctx context.Context) (*jetstream.StreamInfo, error) {
		return stream.Info(ctx, jetstream.WithSubjectFilter(filter))
	})
	if codeOf(err) == jetstream.JSErrCodeStreamNotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	subjects := make([]string, 0, len(info.State.Subjects))
	for subject := range info.State.Subjects {
		subjects = append(subjects, subject)
	}
	return subjects, nil
}

// add stores a part of an attempt behind the one that is at place last, 0 for
// none, and returns its own place. However often it is sent, it is stored once.
func (b *bucket) add(ctx context.Context, subject string, part int, data []byte, last uint64) (uint64, error) {
	msg := nats.NewMsg(subject)
	msg.Data = data
	msg.Header.Set(partHeader, strconv.Itoa(part))
	return insist(ctx, b.conn, b.config.Patience, func(ctx context.Context) (uint64, error) {
		ack, err := b.js.PublishMsg(ctx, msg, jetstream.WithExpectStream(b.names.stream()),
			jetstream.WithExpectLastSequencePerSubject(last), jetstream.WithRetryAttempts(0))
		if codeOf(err) != wrongSequence {
			if err != nil {
				return 0, err
			}
			return ack.Sequence, nil
		}
		stored, readErr := b.last(ctx, subject)
		switch {
		case readErr != nil:
			return 0, readErr
		case stored != nil && stored.Header.Get(partHeader) == strconv.Itoa(part):
			return stored.Sequence, nil // it was stored before, and the answer lost
		default:
			return 0, errAbandoned
		}
	})
}

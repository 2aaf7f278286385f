package natsfiles

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

// writer is one attempt at a file.
type writer struct {
	ctx    context.Context // of Create, for those who cannot give one
	bucket *bucket
	tenant domain.TenantID
	id     string
	object string
	token  string
	mark   uint64 // place of the mark without which nothing can be committed

	chunk  []byte // what is yet to be sent
	digest hash.Hash
	size   uint64
	parts  int
	last   uint64 // place of the last chunk
	err    error  // why nothing more can be done, or nil
}

func newWriter(ctx context.Context, b *bucket, tenant domain.TenantID, id, object string) *writer {
	// A message has headers, and its subject counts as well.
	size := min(maxChunk, max(1024, int(b.conn.MaxPayload())-4096))
	return &writer{
		ctx: ctx, bucket: b, tenant: tenant, id: id, object: object, token: newToken(time.Now(), object),
		chunk: make([]byte, 0, size), digest: sha256.New(),
	}
}

func (w *writer) begin() (err error) {
	if err := w.bucket.ensure(w.ctx); err != nil {
		return err
	}
	w.mark, err = w.bucket.add(w.ctx, w.bucket.names.begun(w.token), 0, nil, 0)
	return err
}

// Write adds to the file. It waits for the server whenever a chunk is full.
// After an error the file is given up at once, so that a full bucket gets its
// room back.
func (w *writer) Write(p []byte) (int, error) {
	if w.err != nil {
		return 0, w.err
	}
	written := 0
	for len(p) > 0 {
		n := min(len(p), cap(w.chunk)-len(w.chunk))
		w.chunk = append(w.chunk, p[:n]...)
		p = p[n:]
		if len(w.chunk) == cap(w.chunk) {
			if err := w.flush(w.ctx); err != nil {
				return written, w.giveUp(w.ctx, "write", err)
			}
		}
		written += n
	}
	return written, nil
}

func (w *writer) flush(ctx context.Context) error {
	if len(w.chunk) == 0 {
		return nil
	}
	place, err := w.bucket.add(ctx, w.bucket.names.chunks(w.token), w.parts, w.chunk, w.last)
	if err != nil {
		return err
	}
	w.last = place
	w.parts++
	w.size += uint64(len(w.chunk))
	_, _ = w.digest.Write(w.chunk) // a hash takes everything
	w.chunk = w.chunk[:0]
	return nil
}

// Commit stores what is left and then the description, which makes the file.
// Where its answer is lost, it asks what became of it. When nobody answers that
// either, within [Config.Patience], the error is [domain.CodeUnavailable] and the
// file may have been stored all the same.
func (w *writer) Commit(ctx context.Context) (ports.FileInfo, error) {
	if w.err != nil {
		return ports.FileInfo{}, w.err
	}
	if err := ctx.Err(); err != nil {
		return ports.FileInfo{}, w.giveUp(ctx, "commit", err)
	}
	if err := w.flush(ctx); err != nil {
		return ports.FileInfo{}, w.giveUp(ctx, "commit", err)
	}
	former, err := w.bucket.describe(ctx, w.object)
	if err != nil {
		former = nil // its chunks are left to Each
	}
	info := w.describe(time.Now())
	if err := w.publish(ctx, info); err != nil {
		stored, known := w.stored(ctx)
		if !known {
			w.err = failed(ctx, "commit file "+w.id, err)
			return ports.FileInfo{}, w.err // what it is, Each finds out
		}
		if !stored {
			return ports.FileInfo{}, w.giveUp(ctx, "commit", err)
		}
	}
	w.err = fmt.Errorf("file %s is committed: %w", w.id, fs.ErrClosed)
	// The file is in place; Each removes what is left.
	after, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTimeout)
	defer cancel()
	_ = w.bucket.purge(after, w.bucket.names.begun(w.token))
	if former != nil && former.NUID != w.token {
		_ = w.bucket.forget(after, former.NUID, w.object)
	}
	return fileInfo(w.tenant, w.id, info), nil
}

func (w *writer) describe(now time.Time) *jetstream.ObjectInfo {
	return &jetstream.ObjectInfo{
		ObjectMeta: jetstream.ObjectMeta{Name: w.object, Opts: &jetstream.ObjectMetaOptions{ChunkSize: uint32(cap(w.chunk))}},
		Bucket:     w.bucket.names.bucket,
		NUID:       w.token,
		Size:       w.size,
		Chunks:     uint32(w.parts),
		Digest:     "SHA-256=" + base64.URLEncoding.EncodeToString(w.digest.Sum(nil)),
		ModTime:    now.UTC().Truncate(time.Microsecond),
	}
}

// publish replaces the description, if the mark of this attempt is still there.
func (w *writer) publish(ctx context.Context, info *jetstream.ObjectInfo) error {
	body, err := json.Marshal(info)
	if err != nil {
		return err
	}
	msg := nats.NewMsg(w.bucket.names.meta(w.object))
	msg.Data = body
	msg.Header.Set(jetstream.MsgRollup, jetstream.MsgRollupSubject)
	_, err = insist(ctx, w.bucket.conn, w.bucket.config.Patience, func(ctx context.Context) (*jetstream.PubAck, error) {
		return w.bucket.js.PublishMsg(ctx, msg, jetstream.WithExpectStream(w.bucket.names.stream()), jetstream.WithRetryAttempts(0),
			jetstream.WithExpectLastSequenceForSubject(w.mark, w.bucket.names.begun(w.token)))
	})
	if codeOf(err) == wrongSequence {
		return errAbandoned
	}
	return err
}

// stored reports whether the description was stored though publish failed,
// if that is known. Also when the server has said no, an attempt before may have
// been stored and its answer lost.
func (w *writer) stored(ctx context.Context) (stored, known bool) {
	ctx, cancel := afterwards(ctx)
	defer cancel()
	if err := w.bucket.unmark(ctx, w.token); err != nil {
		return false, false
	}
	info, err := w.bucket.describe(ctx, w.object)
	return info != nil && info.NUID == w.token, err == nil
}

// Abort gives the file up.
func (w *writer) Abort() error {
	if w.err != nil {
		return nil
	}
	w.err = fmt.Errorf("file %s is aborted: %w", w.id, fs.ErrClosed)
	ctx, cancel := afterwards(w.ctx)
	defer cancel()
	if err := w.discard(ctx); err != nil {
		return failed(ctx, "abort file "+w.id, err)
	}
	return nil
}

// giveUp removes what was stored. What cannot be removed now is later, by
// Each.
func (w *writer) giveUp(ctx context.Context, doing string, cause error) error {
	after, cancel := afterwards(ctx)
	defer cancel()
	_ = w.discard(after)
	w.err = failed(ctx, doing+" file "+w.id, cause)
	return w.err
}

// afterwards is for what is to be done also when ctx has ended; then it is done
// in a hurry, since whoever waits for it wants to end.
func afterwards(ctx context.Context) (context.Context, context.CancelFunc) {
	patience := callTimeout
	if ctx.Err() != nil {
		patience = hurry
	}
	return context.WithTimeout(context.WithoutCancel(ctx), patience)
}

// discard removes what was stored of an attempt that has no description.
func (w *writer) discard(ctx context.Context) error {
	return errors.Join(
		w.bucket.purge(ctx, w.bucket.names.begun(w.token)),
		w.bucket.purge(ctx, w.bucket.names.chunks(w.token)),
	)
}

package natsfiles

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

var _ ports.Files = (*Files)(nil)

// maxChunk is the size of a chunk, unless the server takes smaller messages
// only. It is what a writer or a reader in work holds in memory.
const maxChunk = 128 << 10

// Files keeps files in a bucket. All methods are safe for concurrent use, by
// several processes, too.
type Files struct {
	bucket *bucket
	cache  *cache
}

// New returns the files that are reached by the connection, which stays the
// caller's, must outlive them, and should reconnect for ever, without a buffer
// for what is sent meanwhile ([nats.ReconnectBufSize] of -1). It calls nobody. It fails with
// [domain.CodeInvalid] or [domain.CodeOutOfRange] for settings out of bounds.
func New(conn *nats.Conn, config Config) (*Files, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("files on NATS: %w", err)
	}
	js, err := jetstream.New(conn)
	if err != nil {
		return nil, fmt.Errorf("files on NATS: %w", err)
	}
	return &Files{
		bucket: &bucket{conn: conn, js: js, names: namesOf(config.Prefix), config: config},
		cache:  newCache(config.CacheDir, config.CacheBytes),
	}, nil
}

// Prepare makes the bucket, or gives it this process's settings. Other calls
// do so themselves; calling it before shows what is wrong with the servers or
// their configuration. A bucket of another [Config.Owner] gives
// [domain.CodeConflict] here, and [domain.CodeUnavailable] there.
func (f *Files) Prepare(ctx context.Context) error {
	_, err := f.bucket.make(ctx)
	switch {
	case errors.Is(err, errForeign):
		return fmt.Errorf("make the bucket of files: %w", &domain.Error{Code: domain.CodeConflict, Err: err})
	case err != nil:
		return failed(ctx, "make the bucket of files", err)
	}
	return nil
}

// Close lets go of what is kept for later readers. Files that are open stay so.
func (f *Files) Close() error { return f.cache.close() }

// Create begins a file. A tenant's name that is none gives
// [domain.CodeInvalid] or [domain.CodeRequired].
func (f *Files) Create(ctx context.Context, tenant domain.TenantID, id string) (ports.FileWriter, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if _, err := domain.ParseTenant(string(tenant)); err != nil {
		return nil, err
	}
	object, ok := objectName(tenant, id)
	if !ok {
		return nil, domain.Fail(domain.NewFailure(domain.CodeInvalid, "file", id))
	}
	w := newWriter(ctx, f.bucket, tenant, id, object)
	if err := w.begin(); err != nil {
		return nil, failed(ctx, "begin file "+id, err)
	}
	return w, nil
}

// Open opens a file for reading, when all of it is on this machine.
func (f *Files) Open(ctx context.Context, tenant domain.TenantID, id string) (ports.FileReader, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	missing := domain.Fail(domain.NewFailure(domain.CodeNotFound, "file", id))
	object, ok := objectName(tenant, id)
	if !ok {
		return nil, missing
	}
	if !f.bucket.conn.IsConnected() {
		return nil, failed(ctx, "open file "+id, nats.ErrDisconnected)
	}
	var damaged *damage
	for {
		info, err := f.bucket.describe(ctx, object)
		if err != nil {
			return nil, failed(ctx, "open file "+id, err)
		}
		if info == nil {
			return nil, missing
		}
		if damaged != nil && damaged.token == info.NUID { // nobody replaced it while it was read
			return nil, failed(ctx, "open file "+id, damaged)
		}
		entry, err := f.cache.get(ctx, info.Digest, int64(info.Size), func(dst *os.File) error {
			return f.bucket.download(ctx, info, dst)
		})
		if errors.As(err, &damaged) {
			continue
		}
		if err != nil {
			return nil, failed(ctx, "open file "+id, err)
		}
		return newReader(f.cache, entry, fileInfo(tenant, id, info)), nil
	}
}

// Remove removes a file: its description first, with which it is gone.
func (f *Files) Remove(ctx context.Context, tenant domain.TenantID, id string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	object, ok := objectName(tenant, id)
	if !ok {
		return nil
	}
	if !f.bucket.conn.IsConnected() {
		return failed(ctx, "remove file "+id, nats.ErrDisconnected)
	}
	info, err := f.bucket.describe(ctx, object)
	var damaged *damage
	if err != nil && !errors.As(err, &damaged) {
		return failed(ctx, "remove file "+id, err)
	}
	if err == nil && info == nil {
		return nil
	}
	if err := f.bucket.purge(ctx, f.bucket.names.meta(object)); err != nil {
		return failed(ctx, "remove file "+id, err)
	}
	if info != nil {
		// What stays behind is an attempt without a description, for Each.
		_ = f.bucket.forget(ctx, info.NUID, object)
	}
	return nil
}

// describe returns the description of an object, or nil when there is none.
// One that cannot be read is damage.
func (b *bucket) describe(ctx context.Context, object string) (*jetstream.ObjectInfo, error) {
	msg, err := b.last(ctx, b.names.meta(object))
	if err != nil || msg == nil {
		return nil, err
	}
	var info jetstream.ObjectInfo
	if err := json.Unmarshal(msg.Data, &info); err != nil {
		return nil, &damage{what: "its description cannot be read"}
	}
	if info.Deleted { // as other clients of NATS leave it
		return nil, nil
	}
	if info.ModTime.IsZero() { // as other clients of NATS write it
		info.ModTime = msg.Time.UTC().Truncate(time.Microsecond)
	}
	return &info, nil
}

func fileInfo(tenant domain.TenantID, id string, info *jetstream.ObjectInfo) ports.FileInfo {
	return ports.FileInfo{Tenant: tenant, ID: id, Size: int64(info.Size), ModifiedAt: info.ModTime.UTC()}
}

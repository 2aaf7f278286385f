package natsfiles

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/batchport/batchport/ports"
)

// Each yields every file, and removes what was abandoned before the time. All
// descriptions are read before the first file is yielded, so that files can be
// removed meanwhile. Objects that this package would not have put into the bucket are
// passed over. It ends at the first error.
func (f *Files) Each(ctx context.Context, abandonedBefore time.Time) iter.Seq2[ports.FileInfo, error] {
	return func(yield func(ports.FileInfo, error) bool) {
		list, err := f.survey(ctx, abandonedBefore)
		if err != nil {
			if ctx.Err() == nil {
				err = failed(ctx, "list files", err)
			}
			yield(ports.FileInfo{}, err)
			return
		}
		for _, info := range list {
			if err := ctx.Err(); err != nil {
				yield(ports.FileInfo{}, err)
				return
			}
			if !yield(info, nil) {
				return
			}
		}
	}
}

// survey returns the files, and removes what was abandoned. Attempts are
// listed before files: one that is committed in between is then among the files.
func (f *Files) survey(ctx context.Context, abandonedBefore time.Time) ([]ports.FileInfo, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if !f.bucket.conn.IsConnected() {
		return nil, nats.ErrDisconnected
	}
	attempts, err := f.bucket.subjects(ctx, f.bucket.names.chunks(">"))
	if err != nil {
		return nil, err
	}
	objects, err := f.bucket.subjects(ctx, f.bucket.names.meta(""))
	if err != nil {
		return nil, err
	}
	var list []ports.FileInfo
	inUse := make(map[string]bool, len(objects)) // tokens of files, and names of files whose tokens cannot be read
	for _, subject := range objects {
		object, _ := f.bucket.names.objectAt(subject)
		tenant, id, ok := fileOf(object)
		if !ok {
			continue
		}
		info, err := f.bucket.describe(ctx, object)
		var damaged *damage
		if errors.As(err, &damaged) {
			inUse[object] = true
			continue
		}
		if err != nil {
			return nil, err
		}
		if info != nil { // else it was removed since
			inUse[info.NUID] = true
			list = append(list, fileInfo(tenant, id, info))
		}
	}
	return list, f.sweep(ctx, attempts, inUse, abandonedBefore)
}

// sweep removes the attempts that were begun before the time and are no file.
func (f *Files) sweep(ctx context.Context, attempts []string, inUse map[string]bool, before time.Time) error {
	for _, subject := range attempts {
		token := f.bucket.names.tokenOf(subject)
		begun, object, known := parseToken(token)
		switch {
		case !known || !begun.Before(before):
		case inUse[token]:
			if subject == f.bucket.names.begun(token) { // left by a writer that ended when it had committed
				if err := f.bucket.purge(ctx, subject); err != nil {
					return err
				}
			}
		case !inUse[object]:
			if err := f.bucket.forget(ctx, token, object); err != nil {
				return err
			}
		}
	}
	return nil
}

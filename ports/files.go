package ports

import (
	"context"
	"io"
	"iter"
	"time"

	"github.com/batchport/batchport/domain"
)

// FileInfo describes a stored file.
type FileInfo struct {
	Tenant     domain.TenantID
	ID         string    // 1 to 128 of a-z, A-Z, 0-9, '.', '_' and '-', not beginning with '.'
	Size       int64     // bytes
	ModifiedAt time.Time // when it was committed
}

// Files keeps files of tenants. Nobody ever sees a part of a file.
type Files interface {
	// Create begins a file. It exists once Commit returned nil, and replaces
	// what had its id. An id of another form than [FileInfo] says gives
	// [domain.CodeInvalid]. When the context ends, a Write that waits for
	// servers does not go on waiting, and fails with the context's error.
	Create(ctx context.Context, tenant domain.TenantID, id string) (FileWriter, error)

	// Open opens a file for reading, or gives [domain.CodeNotFound].
	Open(ctx context.Context, tenant domain.TenantID, id string) (FileReader, error)

	// Remove removes a file. One that is not there is no error.
	Remove(ctx context.Context, tenant domain.TenantID, id string) error

	// Each yields every file of every tenant, in no order. What was begun before
	// the time and never committed is removed on the way.
	Each(ctx context.Context, abandonedBefore time.Time) iter.Seq2[FileInfo, error]
}

// FileWriter receives the content of a file. It belongs to one goroutine.
type FileWriter interface {
	io.Writer

	// Commit puts the file in place so that it survives a crash, and returns
	// what was stored. After an error the file does not exist, or still has its
	// old content.
	Commit(ctx context.Context) (FileInfo, error)

	// Abort gives the file up. After Commit it does nothing.
	Abort() error
}

// FileReader reads a file from any place. It belongs to one goroutine, but
// for ReadAt, which several may call at once.
type FileReader interface {
	io.ReadSeekCloser
	io.ReaderAt
	Info() FileInfo
}

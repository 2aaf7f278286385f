package diskfiles

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

// handle is what a writer needs of an open file.
type handle interface {
	io.WriteCloser
	Sync() error
}

// writer writes a file under its temporary name.
type writer struct {
	files  *Files
	file   handle
	temp   string
	tenant domain.TenantID
	id     string
	err    error // why nothing more can be done, or nil
}

// Write adds to the file. After an error the file is given up at once, so
// that a full disk gets its room back.
func (w *writer) Write(p []byte) (int, error) {
	if w.err != nil {
		return 0, w.err
	}
	n, err := w.file.Write(p)
	if err != nil {
		return n, w.giveUp("write", err)
	}
	return n, nil
}

// Commit brings the content to the disk and then the name. After an error the
// file is given up.
func (w *writer) Commit(ctx context.Context) (ports.FileInfo, error) {
	if w.err != nil {
		return ports.FileInfo{}, w.err
	}
	if err := ctx.Err(); err != nil {
		return ports.FileInfo{}, w.giveUp("commit", err)
	}
	info, err := w.commit()
	if err != nil {
		return ports.FileInfo{}, w.giveUp("commit", err)
	}
	w.err = fmt.Errorf("file %s is committed: %w", w.id, os.ErrClosed)
	return info, nil
}

func (w *writer) commit() (ports.FileInfo, error) {
	root, now := w.files.root, time.Now()
	if err := root.Chtimes(w.temp, now, now); err != nil {
		return ports.FileInfo{}, err
	}
	if err := w.file.Sync(); err != nil {
		return ports.FileInfo{}, err
	}
	if err := w.file.Close(); err != nil {
		return ports.FileInfo{}, err
	}
	stat, err := root.Lstat(w.temp)
	if err != nil {
		return ports.FileInfo{}, err
	}
	if err := w.files.place(w.temp, w.tenant, w.id); err != nil {
		return ports.FileInfo{}, err
	}
	return describe(w.tenant, w.id, stat), nil
}

// Abort gives the file up.
func (w *writer) Abort() error {
	if w.err != nil {
		return nil
	}
	w.err = fmt.Errorf("file %s is aborted: %w", w.id, os.ErrClosed)
	_ = w.file.Close() // what was written does not matter any more
	if err := w.files.discard(w.temp); err != nil {
		return fmt.Errorf("abort file %s: %w", w.id, classify(err))
	}
	return nil
}

// giveUp removes the temporary file. What cannot be removed now is later, by
// Each.
func (w *writer) giveUp(doing string, cause error) error {
	_ = w.file.Close() // closed already, when it was the commit that failed
	_ = w.files.discard(w.temp)
	w.err = fmt.Errorf("%s file %s: %w", doing, w.id, classify(cause))
	return w.err
}

package natsfiles

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync/atomic"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

// reader reads the content that a file had when it was opened, also when it
// is replaced or removed meanwhile, and while no server answers.
type reader struct {
	cache   *cache
	entry   *entry
	section *io.SectionReader
	info    ports.FileInfo
	closed  atomic.Bool
}

func newReader(c *cache, e *entry, info ports.FileInfo) *reader {
	return &reader{cache: c, entry: e, section: io.NewSectionReader(e.file, 0, e.size), info: info}
}

func (r *reader) Read(p []byte) (int, error) {
	if r.closed.Load() {
		return 0, r.fault(fs.ErrClosed)
	}
	n, err := r.section.Read(p)
	return n, r.fault(err)
}

func (r *reader) ReadAt(p []byte, off int64) (int, error) {
	if r.closed.Load() {
		return 0, r.fault(fs.ErrClosed)
	}
	n, err := r.section.ReadAt(p, off)
	return n, r.fault(err)
}

// Seek does not touch the disk: its errors are the caller's.
func (r *reader) Seek(offset int64, whence int) (int64, error) {
	if r.closed.Load() {
		return 0, r.fault(fs.ErrClosed)
	}
	return r.section.Seek(offset, whence)
}

func (r *reader) Close() error {
	if !r.closed.Swap(true) {
		r.cache.release(r.entry)
	}
	return nil
}

func (r *reader) Info() ports.FileInfo { return r.info }

// fault says whose fault err is: but for a reader that is closed, the disk's.
func (r *reader) fault(err error) error {
	switch {
	case err == nil, errors.Is(err, io.EOF):
		return err
	case errors.Is(err, fs.ErrClosed):
		return fmt.Errorf("read file %s: %w", r.info.ID, err)
	}
	return fmt.Errorf("read file %s: %w", r.info.ID, domain.Unavailable(err))
}

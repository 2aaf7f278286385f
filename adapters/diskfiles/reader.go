package diskfiles

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/batchport/batchport/ports"
)

// reader reads the content that a file had when it was opened, also when it
// is replaced or removed meanwhile.
type reader struct {
	file *os.File
	info ports.FileInfo
}

func (r *reader) Read(p []byte) (int, error) {
	n, err := r.file.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = fmt.Errorf("read file %s: %w", r.info.ID, classify(err))
	}
	return n, err
}

func (r *reader) ReadAt(p []byte, off int64) (int, error) {
	n, err := r.file.ReadAt(p, off)
	if err != nil && !errors.Is(err, io.EOF) {
		err = fmt.Errorf("read file %s: %w", r.info.ID, classify(err))
	}
	return n, err
}

// Seek does not touch the disk: its errors are the caller's.
func (r *reader) Seek(offset int64, whence int) (int64, error) { return r.file.Seek(offset, whence) }

func (r *reader) Close() error { return r.file.Close() }

func (r *reader) Info() ports.FileInfo { return r.info }

package sheets

import (
	"context"
	"errors"
	"io"
	"sync"

	"github.com/batchport/batchport/ports"
)

// ErrTooManyOpen is why somebody who was to wait for no longer got no workbook.
var ErrTooManyOpen = errors.New("too many workbooks are being read")

// Limited returns a source that has at most n workbooks open at the same time,
// n at least 1: each may hold the texts that its cells share in memory.
// Opening waits for one to be closed until its context ends, whose error it
// then gives. It is safe for concurrent use when source is.
func Limited(source ports.WorkbookSource, n int) ports.WorkbookSource {
	return &limited{source: source, open: make(chan struct{}, n)}
}

type limited struct {
	source ports.WorkbookSource
	open   chan struct{} // has a token for each open workbook
}

// OpenWorkbook implements [ports.WorkbookSource].
func (l *limited) OpenWorkbook(ctx context.Context, file io.ReaderAt, size int64) (ports.WorkbookReader, error) {
	select {
	case l.open <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	leave := sync.OnceFunc(func() { <-l.open })
	book, err := l.source.OpenWorkbook(ctx, file, size)
	if err != nil {
		leave()
		return nil, err
	}
	return &counted{book, leave}, nil
}

// counted is an open workbook that counts.
type counted struct {
	ports.WorkbookReader
	leave func()
}

// Close implements [ports.WorkbookReader].
func (c *counted) Close() error {
	defer c.leave()
	return c.WorkbookReader.Close()
}

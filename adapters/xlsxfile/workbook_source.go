package xlsxfile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/batchport/batchport/ports"
)

var _ ports.WorkbookSource = WorkbookSource{}

// WorkbookSource reads workbooks in the xlsx format within limits. Its zero
// value has the default ones. It is safe for concurrent use.
type WorkbookSource struct {
	limits ReadLimits
}

// NewWorkbookSource returns a source that reads within these limits. It
// refuses negative limits and those that are over what their comments say.
func NewWorkbookSource(limits ReadLimits) (WorkbookSource, error) {
	if err := limits.complete().validate(); err != nil {
		return WorkbookSource{}, err
	}
	return WorkbookSource{limits}, nil
}

// OpenWorkbook reads all parts of a workbook but its rows. The failure of a
// file that is refused has the field "workbook", "rows", "columns", "row",
// "text", "strings", "styles" or "entries".
func (w WorkbookSource) OpenWorkbook(ctx context.Context, file io.ReaderAt, size int64) (ports.WorkbookReader, error) {
	limits := w.limits.complete()
	if size > limits.FileBytes {
		return nil, tooLarge("workbook", limits.FileBytes)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	source := &sourceFile{file: file, size: size}
	book, err := openBook(ctx, source, limits)
	if err != nil {
		return nil, source.blame(err)
	}
	return book, nil
}

func openBook(ctx context.Context, file *sourceFile, limits ReadLimits) (*workbookReader, error) {
	const enough = 1 << 10
	head := make([]byte, max(0, min(enough, file.size)))
	file.allowed = enough
	if n, err := file.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	} else if reason := sniff(head[:n]); reason != "" {
		return nil, notWorkbook(reason, nil)
	}
	c, err := openContainer(file, limits)
	if err != nil {
		return nil, err
	}
	name, err := c.workbookPart(ctx)
	if err != nil {
		return nil, err
	}
	says, err := c.readContents(ctx, name)
	if err != nil {
		return nil, err
	}
	b := &workbookReader{container: c, sheet: says.sheet, from1904: says.from1904}
	if b.dates, err = c.readStyles(ctx, says.styles); err != nil {
		return nil, err
	}
	if b.strings, err = c.readSharedStrings(ctx, says.strings); err != nil {
		return nil, err
	}
	b.opening = c.meter
	return b, nil
}

// workbookReader is a workbook being read.
type workbookReader struct {
	container *container
	sheet     string // the part of the first sheet
	dates     []bool // of each style, whether it shows dates
	strings   *sharedStrings
	from1904  bool
	opening   meter // what opening has cost
	closed    bool
}

// EachRow yields the rows of the sheet. Rows come out before the archive's
// checksum of the sheet is known: a file that is damaged may yield
// some rows and then an error.
func (b *workbookReader) EachRow(ctx context.Context) iter.Seq2[ports.Row, error] {
	return func(yield func(ports.Row, error) bool) {
		if err := b.eachRow(ctx, func(row ports.Row) bool { return yield(row, nil) }); err != nil {
			yield(ports.Row{}, b.container.file.blame(err))
		}
	}
}

// eachRow calls yield with the rows until it returns false.
func (b *workbookReader) eachRow(ctx context.Context, yield func(ports.Row) bool) error {
	if b.closed {
		return fmt.Errorf("read rows: %w", errClosed)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	b.container.meter, b.container.file.err = b.opening, nil
	s, err := b.container.scan(ctx, b.sheet)
	if err != nil {
		return err
	}
	rows := &sheetRows{book: b, scan: s}
	if err := rows.begin(); err != nil {
		return err
	}
	for rows.next() {
		if !yield(ports.Row{Number: rows.number, Cells: rows.cells}) {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return s.err
}

// Close lets go of the shared strings. Rows that are asked for afterwards are
// an error.
func (b *workbookReader) Close() error {
	b.closed = true
	b.strings, b.dates = nil, nil
	return nil
}

package xlsxfile

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/batchport/batchport/ports"
)

var errClosed = errors.New("the workbook is closed")

// workbookWriter is a workbook being written. After an error of the
// underlying writer it stays broken: what went out cannot be taken back.
type workbookWriter struct {
	archive *zip.Writer
	look    look
	name    string // of the first sheet, as it was asked for
	formats []ports.CellFormat
	letters []string
	titles  []string

	sheets int       // begun so far
	sheet  io.Writer // the open sheet's part
	row    int       // number of the last row in the open sheet; the header is row 1
	buf    []byte    // rows on their way to sheet
	err    error     // why nothing more can be written, or nil
	closed bool
}

// WriteRow adds a row. More cells than columns are an error and write nothing.
func (b *workbookWriter) WriteRow(cells []ports.Cell) error {
	switch {
	case b.closed:
		return errClosed
	case b.err != nil:
		return b.err
	case len(cells) > len(b.formats):
		return fmt.Errorf("write row: %d cells for %d columns", len(cells), len(b.formats))
	}
	if b.row == maxRows {
		if err := b.endSheet(); err != nil {
			return err
		}
		if err := b.beginSheet(); err != nil {
			return err
		}
	}
	var number [20]byte
	b.row++
	row := strconv.AppendInt(number[:0], int64(b.row), 10)
	b.openRow(row)
	for i := range cells {
		b.cell(i, row, &cells[i])
	}
	return b.closeRow()
}

// Close completes the workbook. Closing it again returns what the first Close
// returned.
func (b *workbookWriter) Close() error {
	if b.closed || b.err != nil {
		b.closed = true
		return b.err
	}
	b.closed = true
	if err := b.endSheet(); err != nil {
		return err
	}
	parts, err := closingParts(b.name, b.sheets)
	if err != nil {
		return b.broken(fmt.Errorf("make the parts of a workbook: %w", err))
	}
	for _, part := range parts {
		if err := b.writePart(part); err != nil {
			return err
		}
	}
	if err := b.archive.Close(); err != nil {
		return b.broken(fmt.Errorf("complete workbook: %w", err))
	}
	return nil
}

// beginSheet opens the next sheet's part and writes its head: the frozen pane,
// the widths, and the header row.
func (b *workbookWriter) beginSheet() error {
	b.sheets++
	part, err := b.archive.Create(sheetPart(b.sheets))
	if err != nil {
		return b.broken(fmt.Errorf("begin sheet: %w", err))
	}
	b.sheet, b.row = part, 1
	head := b.look.firstHead
	if b.sheets > 1 {
		head = b.look.nextHead
	}
	b.buf = append(b.buf, head...)
	row := []byte("1")
	b.openRow(row)
	for i, title := range b.titles {
		b.text(i, row, styleHeader, title)
	}
	return b.closeRow()
}

func (b *workbookWriter) endSheet() error {
	b.buf = append(b.buf, b.look.foot...)
	return b.flush()
}

func (b *workbookWriter) writePart(p part) error {
	w, err := b.archive.Create(p.name)
	if err == nil {
		_, err = io.WriteString(w, p.content)
	}
	if err != nil {
		return b.broken(fmt.Errorf("write %s: %w", p.name, err))
	}
	return nil
}

func (b *workbookWriter) openRow(row []byte) {
	b.buf = append(b.buf, `<row r="`...)
	b.buf = append(b.buf, row...)
	b.buf = append(b.buf, `">`...)
}

func (b *workbookWriter) closeRow() error {
	b.buf = append(b.buf, `</row>`...)
	if len(b.buf) < flushAt {
		return nil
	}
	return b.flush()
}

func (b *workbookWriter) flush() error {
	if _, err := b.sheet.Write(b.buf); err != nil {
		return b.broken(fmt.Errorf("write rows: %w", err))
	}
	b.buf = b.buf[:0]
	return nil
}

func (b *workbookWriter) broken(err error) error {
	b.err = err
	return err
}

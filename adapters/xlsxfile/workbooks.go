package xlsxfile

import (
	"archive/zip"
	"fmt"
	"io"

	"github.com/klauspost/compress/flate"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

var _ ports.Workbooks = Workbooks{}

// Excel's limits, from "Excel specifications and limits" in Microsoft's
// support pages.
const (
	maxColumns = 16_384
	maxRows    = 1_048_576 // of a sheet, its header included
)

// flushAt is how many bytes of rows are gathered before they go to the
// compressor.
const flushAt = 32 << 10

// Workbooks makes workbooks in the xlsx format. Its zero value is ready and
// safe for concurrent use.
type Workbooks struct{}

// NewWorkbook begins a workbook on w. The sheet's name is made to obey Excel's
// rules: at most 31 UTF-16 units, none of []:*?/\, no apostrophe at an end.
// No columns give [domain.CodeRequired], more than 16,384
// [domain.CodeTooMany]; an error of w is returned as it is, wrapped.
func (Workbooks) NewWorkbook(w io.Writer, sheet string, columns []ports.Column) (ports.WorkbookWriter, error) {
	switch n := len(columns); {
	case n == 0:
		return nil, domain.Fail(domain.NewFailure(domain.CodeRequired, "columns", ""))
	case n > maxColumns:
		return nil, domain.Fail(domain.NewFailure(domain.CodeTooMany, "columns", "",
			"max", fmt.Sprint(maxColumns), "found", fmt.Sprint(n)))
	}
	look, err := newLook(columns)
	if err != nil {
		return nil, fmt.Errorf("make the parts of a workbook: %w", err)
	}
	b := &workbookWriter{
		archive: newArchive(w),
		look:    look,
		name:    sheet,
		formats: make([]ports.CellFormat, len(columns)),
		letters: make([]string, len(columns)),
		titles:  make([]string, len(columns)),
	}
	for i, c := range columns {
		b.formats[i], b.letters[i], b.titles[i] = c.Format, columnLetters(i), c.Title
	}
	// The parts that do not depend on the number of sheets come first, in the
	// order in which Excel writes them: file(1) knows a workbook by it.
	for _, part := range look.fixed {
		if err := b.writePart(part); err != nil {
			return nil, err
		}
	}
	if err := b.beginSheet(); err != nil {
		return nil, err
	}
	return b, nil
}

// newArchive returns a zip writer that compresses with level 1: a third of the
// time of the default level for a file a quarter larger. All entries share one
// compressor, as only one is open at a time.
func newArchive(w io.Writer) *zip.Writer {
	archive := zip.NewWriter(w)
	var compressor *flate.Writer
	archive.RegisterCompressor(zip.Deflate, func(out io.Writer) (io.WriteCloser, error) {
		if compressor != nil {
			compressor.Reset(out)
			return compressor, nil
		}
		var err error
		compressor, err = flate.NewWriter(out, flate.BestSpeed)
		return compressor, err
	})
	return archive
}

// columnLetters names the column at index i, counting from 0: A, Z, AA, XFD.
func columnLetters(i int) string {
	var letters [3]byte
	at := len(letters)
	for i++; i > 0; i = (i - 1) / 26 {
		at--
		letters[at] = byte('A' + (i-1)%26)
	}
	return string(letters[at:])
}

package ports

import (
	"context"
	"io"
	"iter"
	"time"
)

// CellFormat says how a column shows its cells.
type CellFormat int

// The formats.
const (
	FormatText   CellFormat = iota // text, also when it looks like a number or a formula
	FormatID                       // a whole number without separators
	FormatAmount                   // a number with thousands separators and up to two decimals
	FormatDate                     // a day, as yyyy-mm-dd
)

// Column is a column of a sheet.
type Column struct {
	Title  string
	Format CellFormat
	Width  float64 // in characters; 0 means what suits the title
}

// Cell is a value in a sheet. The zero Cell is empty.
type Cell struct {
	Kind CellKind
	Text string    // of CellText; of CellNumber in decimal form, such as "-12.50"
	Int  int64     // of CellInteger
	Date time.Time // of CellDate: its year, month and day; from a reader also the time of day, in UTC
	Bool bool      // of CellBool
}

// CellKind tells which field of a [Cell] holds its value.
type CellKind int

// The kinds of cells.
const (
	CellEmpty CellKind = iota
	CellText
	CellInteger
	CellNumber
	CellDate
	CellBool
	CellError // what a formula came to, in Text, such as "#DIV/0!"
)

// Workbooks makes spreadsheets. Of the kinds of cells it takes all but CellBool
// and CellError, which only readers give: those are written as text.
type Workbooks interface {
	// NewWorkbook begins a workbook on w with one sheet of these columns, its
	// header row bold and frozen. Rows stream: memory does not grow with them.
	NewWorkbook(w io.Writer, sheet string, columns []Column) (WorkbookWriter, error)
}

// WorkbookWriter writes a workbook row by row. It belongs to one goroutine.
type WorkbookWriter interface {
	// WriteRow adds a row; cells are in the order of the columns, and
	// missing ones are empty. Characters that a workbook cannot hold are replaced
	// by U+FFFD. Rows beyond a sheet's limit go on in a further sheet with the
	// same header.
	WriteRow(cells []Cell) error

	// Close completes the workbook. It does not close the underlying writer.
	Close() error
}

// WorkbookSource reads spreadsheets that come from outside, which may be
// broken or made to do harm: whatever a file says of itself, reading it takes
// a bounded amount of memory and time, and never panics.
type WorkbookSource interface {
	// OpenWorkbook reads what a workbook of size bytes says of itself and
	// prepares to read the first of its sheets. What is no workbook gives
	// [domain.CodeNotWorkbook], whose failure says in the parameter reason
	// what it is instead, if that is known; one that is beyond a limit gives
	// [domain.CodeTooLarge] or [domain.CodeTooMany]. An error of file comes out
	// as it is. The file must not change and stay open until Close.
	OpenWorkbook(ctx context.Context, file io.ReaderAt, size int64) (WorkbookReader, error)
}

// WorkbookReader is an open workbook. It belongs to one goroutine.
type WorkbookReader interface {
	// EachRow yields the rows of the first sheet from the top, without those
	// that are not in the file or have nothing but empty cells. It may be
	// called again, and then begins at the top again. After an error, which is
	// one of those of OpenWorkbook, nothing more is yielded. Memory does not
	// grow with the rows.
	EachRow(ctx context.Context) iter.Seq2[Row, error]

	// Close lets go of what the reader holds, but not of the file.
	Close() error
}

// Row is a row of a sheet. Its cells are overwritten by the next row; their
// texts are not.
type Row struct {
	Number int    // as people see it, from 1
	Cells  []Cell // by column, from A; what is missing in between is empty. Numbers are CellNumber, with the text that the file has, which may have an exponent
}

package ports

import (
	"io"
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
	Date time.Time // of CellDate: its year, month and day
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
)

// Workbooks makes spreadsheets.
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

package xlsxfile

import (
	"errors"
	"unicode/utf8"

	"github.com/batchport/batchport/ports"
)

// sheetRows reads the rows of a sheet.
type sheetRows struct {
	book   *workbookReader
	scan   *scanner
	inside bool // the rows are not over

	number int // of the row that was read last
	count  int // of rows so far
	column int // of the cell that was read last, from 0; -1 before the first

	cells []ports.Cell
	texts []byte // of the row's cells, end to end: they become one string
	spans []span
}

// span is where the text of a cell is in a row's texts.
type span struct{ column, from, to int }

// begin goes on to the rows.
func (r *sheetRows) begin() error {
	s := r.scan
	if !s.root("worksheet") {
		return s.orParts("the document is no sheet")
	}
	for s.child() {
		if string(s.name) == "sheetData" {
			r.inside = true
			return nil
		}
		s.skip()
	}
	return s.finishAll()
}

// next goes on to the next row that has content; false means that there is
// none, or that the scan has failed.
func (r *sheetRows) next() bool {
	s := r.scan
	for r.inside {
		if !s.child() {
			r.inside = false
			// What comes after the rows may be broken too, and the archive's
			// checksum is behind it.
			_ = s.finishAll() // the scan keeps its error
			return false
		}
		if string(s.name) != "row" {
			s.skip()
			continue
		}
		if !r.row() {
			return false
		}
		if len(r.cells) > 0 {
			return true
		}
	}
	return false
}

// row reads the row that has just begun.
func (r *sheetRows) row() bool {
	s, limits := r.scan, &r.book.container.limits
	r.count++
	if r.count > limits.Rows {
		return r.refuse(tooMany("rows", limits.Rows))
	}
	number := r.number + 1
	if value, found := s.attr("r"); found {
		n, ok := wholeNumber(trimSpace(value))
		if !ok || n < number {
			return r.impossible("a row that is not behind the one before it")
		}
		number = n
	}
	if number > maxRows {
		return r.impossible("a row behind the last one")
	}
	r.number, r.column = number, -1
	r.cells, r.texts, r.spans = r.cells[:0], r.texts[:0], r.spans[:0]
	for s.child() {
		if len(s.name) != 1 || s.name[0] != 'c' {
			s.skip()
		} else if !r.cell() {
			return false
		}
	}
	return s.err == nil && r.giveTexts()
}

// giveTexts makes one string of all texts and gives each cell its part: one
// allocation a row, which lives as long as one of its texts does.
func (r *sheetRows) giveTexts() bool {
	if len(r.texts) == 0 {
		return true
	}
	if !utf8.Valid(r.texts) {
		return r.refuse(notWorkbook(reasonEncoding, nil))
	}
	all := string(r.texts)
	for _, at := range r.spans {
		if !utf8.RuneStart(all[at.from]) { // half a character here and half of it in the cell before
			return r.refuse(notWorkbook(reasonEncoding, nil))
		}
		r.cells[at.column].Text = all[at.from:at.to]
	}
	return true
}

// put sets the cell that is being read, which is not empty.
func (r *sheetRows) put(cell ports.Cell) bool {
	if limit := r.book.container.limits.Columns; r.column >= limit {
		return r.refuse(tooMany("columns", limit))
	}
	for len(r.cells) < r.column {
		r.cells = append(r.cells, ports.Cell{})
	}
	r.cells = append(r.cells, cell)
	r.book.container.meter.earn(0)
	return true
}

// putText is put for a cell whose text is what r.texts has from there on.
func (r *sheetRows) putText(kind ports.CellKind, from int) bool {
	if limit := r.book.container.limits.RowBytes; len(r.texts) > limit {
		return r.refuse(tooLarge("row", int64(limit)))
	}
	r.spans = append(r.spans, span{r.column, from, len(r.texts)})
	r.book.container.meter.earned += 2 * int64(len(r.texts)-from)
	return r.put(ports.Cell{Kind: kind})
}

func (r *sheetRows) refuse(err error) bool {
	r.scan.fail(err)
	return false
}

func (r *sheetRows) impossible(what string) bool {
	return r.refuse(notWorkbook(reasonReference, errors.New(what)))
}

// wholeNumber reads digits; false for anything else, and for what is far over
// any number of rows or strings.
func wholeNumber(digits []byte) (n int, ok bool) {
	const longest = 10
	if len(digits) == 0 || len(digits) > longest {
		return 0, false
	}
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, true
}

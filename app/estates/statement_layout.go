package estates

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/batchport/batchport/app/sheets"
	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/estate"
	"github.com/batchport/batchport/ports"
)

// The columns of a sheet of statement lines, by the names of their fields. In
// the sheet a column is called so, or by its label in any language.
const (
	estateColumn = "estate_id"
	itemColumn   = "item"
	amountColumn = "amount"
	noteColumn   = "note"
)

// The columns that a workbook of failed rows has behind the original ones, by
// their labels alone. A corrected workbook still has them. The reason is passed
// over.
const (
	codeColumn   = "code"
	reasonColumn = "reason"
)

func statementLabel(column string) string { return "statement." + column }

// statementLayout says where the columns of a sheet are, from 0; -1 for a
// column that there is not.
type statementLayout struct {
	Estate int `json:"estate"`
	Item   int `json:"item"`
	Amount int `json:"amount"`
	Note   int `json:"note"`
	Code   int `json:"code"` // of a workbook of failed rows
}

// readHeader finds the columns in the first row.
func (m importer) readHeader(ctx context.Context, book ports.WorkbookReader, form Form) (*statementLayout, error) {
	layout := &statementLayout{-1, -1, -1, -1, -1}
	columns := map[string]*int{estateColumn: &layout.Estate, itemColumn: &layout.Item, amountColumn: &layout.Amount, noteColumn: &layout.Note, codeColumn: &layout.Code}
	var wrong []domain.Failure
	var found []string
	for row, err := range book.EachRow(ctx) {
		if err != nil {
			return nil, ofField(form.names().url, err)
		}
		for i, cell := range row.Cells {
			title, _ := sheets.Text(cell)
			if title != "" {
				found = append(found, title)
			}
			place := columns[m.columnOf(title)]
			switch {
			case place == nil: // a column of the reader's own
			case *place >= 0:
				wrong = append(wrong, domain.NewFailure(domain.CodeDuplicate, m.columnOf(title), title,
					"row", strconv.Itoa(row.Number), "column", sheets.Letters(i)))
			default:
				*place = i
			}
		}
		break
	}
	for _, name := range []string{estateColumn, itemColumn, amountColumn} {
		if *columns[name] < 0 {
			wrong = append(wrong, domain.NewFailure(CodeMissingColumn, name, "", "found", strings.Join(found, ", ")))
		}
	}
	if len(wrong) > 0 {
		return nil, domain.Fail(domain.Together(wrong))
	}
	return layout, nil
}

// columnOf returns the column of a title, or "". That of the estate may also
// be called as it is in exports.
func (m importer) columnOf(title string) string {
	for _, column := range []string{estateColumn, itemColumn, amountColumn, noteColumn, codeColumn} {
		byName := column != codeColumn && sheets.Folded(title) == column
		if byName || sheets.Called(m.Labels, title, statementLabel(column)) {
			return column
		}
	}
	if sheets.Called(m.Labels, title, "estate.id") {
		return estateColumn
	}
	return ""
}

// read reads a row below the header. One that a workbook of failed rows says
// was replaced stays so: imported again with the corrected ones, it would undo
// the row that replaced it.
func (l *statementLayout) read(row ports.Row, month estate.Month) StatementRow {
	r := StatementRow{Row: row.Number}
	if code, _ := sheets.Text(l.cell(row, codeColumn)); code == string(estate.CodeSuperseded) {
		f := domain.NewFailure(estate.CodeSuperseded, "", code, "reason", "marked")
		return StatementRow{Row: row.Number, Faults: faultsOf([]domain.Failure{l.locate(f, codeColumn, row.Number)})}
	}
	var wrong []domain.Failure
	bad := func(code domain.Code, column, value string, pairs ...string) {
		wrong = append(wrong, l.locate(domain.NewFailure(code, column, value, pairs...), column, row.Number))
	}
	text := func(column string) string {
		s, ok := sheets.Text(l.cell(row, column))
		if !ok {
			bad(domain.CodeInvalid, column, s, "expected", "string")
			return ""
		}
		return s
	}
	s, ok := sheets.Text(l.cell(row, estateColumn))
	n, whole := wholeNumber(sheets.Folded(s))
	switch r.EstateID = n; {
	case s == "":
		bad(domain.CodeRequired, estateColumn, "")
	case !ok || !whole:
		bad(domain.CodeInvalid, estateColumn, s, "expected", "id")
	case n < 1 || n > estate.MaxID:
		bad(domain.CodeOutOfRange, estateColumn, s, "min", "1", "max", strconv.FormatInt(estate.MaxID, 10))
	}
	r.Item = text(itemColumn)
	s, ok = sheets.Text(l.cell(row, amountColumn))
	amount, read, tooLarge := amountOf(s)
	switch r.Amount = amount; {
	case s == "":
		bad(domain.CodeRequired, amountColumn, "")
	case ok && tooLarge:
		bad(domain.CodeOutOfRange, amountColumn, s, "min", (-estate.MaxMoney).String(), "max", estate.MaxMoney.String())
	case !ok || !read:
		bad(domain.CodeInvalid, amountColumn, s, "expected", "amount")
	}
	r.Note = text(noteColumn)
	unread := len(wrong) // it was said already what is wrong with these
	for _, f := range r.line(month).Faults() {
		if slices.ContainsFunc(wrong[:unread], func(w domain.Failure) bool { return w.Field == f.Field }) {
			continue
		}
		wrong = append(wrong, l.locate(f, f.Field, row.Number))
	}
	if len(wrong) > 0 {
		slices.SortStableFunc(wrong, func(a, b domain.Failure) int { return cmp.Compare(l.index(a.Field), l.index(b.Field)) })
		r.Amount, r.Note, r.Faults = 0, "", faultsOf(wrong)
	}
	// A text of a row is part of all its texts, which it must not keep in memory.
	r.Item, r.Note = strings.Clone(r.Item), strings.Clone(r.Note)
	return r
}

// cell returns the cell of a column; one that the row does not have is empty.
func (l *statementLayout) cell(row ports.Row, column string) ports.Cell {
	if i := l.index(column); i >= 0 && i < len(row.Cells) {
		return row.Cells[i]
	}
	return ports.Cell{}
}

func (l *statementLayout) index(column string) int {
	switch column {
	case estateColumn:
		return l.Estate
	case itemColumn:
		return l.Item
	case amountColumn:
		return l.Amount
	case codeColumn:
		return l.Code
	}
	return l.Note
}

// locate says where in the sheet the failure of a column is.
func (l *statementLayout) locate(f domain.Failure, column string, row int) domain.Failure {
	params := map[string]string{"row": strconv.Itoa(row), "column": sheets.Letters(l.index(column))}
	for name, value := range f.Params {
		params[name] = value
	}
	f.Field, f.Params = column, params
	return f
}

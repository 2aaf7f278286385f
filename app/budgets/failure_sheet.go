package budgets

import (
	"context"
	"io"
	"strings"

	"github.com/batchport/batchport/app/document"
	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/budget"
	"github.com/batchport/batchport/ports"
)

// FailureSheet is the rows of a job that were not stored, as a workbook that
// can be corrected and sent again.
type FailureSheet struct {
	budgets *Budgets
	job     *domain.BatchJob
	locale  string
}

// FailureSheet returns the failed rows of a job of the kind [Sync], in the
// given locale.
func (b *Budgets) FailureSheet(job *domain.BatchJob, locale string) *FailureSheet {
	return &FailureSheet{b, job, locale}
}

// Name is what a reader will call the file.
func (f *FailureSheet) Name() string {
	return f.label("file.failures") + "_" + string(f.job.ID()) + ".xlsx"
}

func (f *FailureSheet) label(key string) string { return f.budgets.deps.Labels.Label(f.locale, key) }

// Write writes the workbook to w: the columns of a sheet of rules, then the
// code and the reason of what is wrong, and where the row was. Fields that rules
// do not have are left out.
func (f *FailureSheet) Write(ctx context.Context, w io.Writer) error {
	columns := append(f.budgets.ruleColumns(f.locale),
		ports.Column{Title: f.label("budget_rule.error"), Width: 16},
		ports.Column{Title: f.label("budget_rule.reason"), Width: 60},
		ports.Column{Title: f.label("budget_rule.place"), Format: ports.FormatID, Width: 12})
	book, err := f.budgets.deps.Workbooks.NewWorkbook(w, f.label("sheet.failures"), columns)
	if err != nil {
		return err
	}
	written := 1 // the header
	for failed, err := range f.budgets.jobs.EachFailed(ctx, f.job) {
		if err != nil {
			return err
		}
		written++
		if err := book.WriteRow(f.cells(failed.Item, failed.Failure.Failure, written)); err != nil {
			return err
		}
	}
	return book.Close()
}

// cells are a row as it was sent, and what is wrong with it, by the cells that
// it has in this workbook, in the row of the number.
func (f *FailureSheet) cells(row Row, failure domain.Failure, number int) []ports.Cell {
	sent, _ := document.Parse(string(row.Sent)) // what cannot be read shows nothing
	var cells []ports.Cell
	for _, field := range sheetFields {
		cells = append(cells, cellOf(row, sent, field))
	}
	reasons := []string{f.message(failure, number)}
	for _, also := range failure.Also {
		reasons = append(reasons, f.message(also, number))
	}
	return append(cells, textCell(string(failure.Code)), textCell(strings.Join(reasons, "\n")),
		ports.Cell{Kind: ports.CellInteger, Int: int64(row.place())})
}

// ownLayout is where the columns of this workbook are.
var ownLayout = layout{0, 1, 2, 3, 4, 5, 6}

func (f *FailureSheet) message(failure domain.Failure, number int) string {
	return f.budgets.deps.Messages.Text(f.locale, ownLayout.locate(failure, number))
}

// cellOf is a field of a row as its cell has it.
func cellOf(row Row, sent document.Value, field string) ports.Cell {
	if broken, ok := row.Broken[field]; ok {
		return textCell(broken)
	}
	v := sent.Member(field)
	if field == budget.ConditionField && (v.Kind == document.Null || v.Kind == document.String && v.Text == "") {
		v = sent.Member(budget.OtherConditionField)
	}
	switch v.Kind {
	case document.Null:
		return ports.Cell{}
	case document.List, document.Object:
		return textCell(string(v.Append(nil)))
	case document.Bool, document.Number, document.String:
	}
	return textCell(v.Sent())
}

func textCell(s string) ports.Cell { return ports.Cell{Kind: ports.CellText, Text: s} }

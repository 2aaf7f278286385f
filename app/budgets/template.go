package budgets

import (
	"io"

	"github.com/batchport/batchport/ports"
)

// widths are those of the columns of sheetFields.
var widths = []float64{20, 10, 16, 60, 16, 16, 12}

// ruleColumns are the columns of a sheet of rules. All are text, so that a code
// such as 0010 stays what it is.
func (b *Budgets) ruleColumns(locale string) []ports.Column {
	columns := make([]ports.Column, len(sheetFields))
	for i, field := range sheetFields {
		columns[i] = ports.Column{Title: b.deps.Labels.Label(locale, ruleLabel(field)), Width: widths[i]}
	}
	return columns
}

// TemplateName is what a reader will call the template.
func (b *Budgets) TemplateName(locale string) string {
	return b.deps.Labels.Label(locale, "file.budget_template") + ".xlsx"
}

// WriteTemplate writes an empty workbook with the columns of a sheet of rules,
// in the locale.
func (b *Budgets) WriteTemplate(locale string, w io.Writer) error {
	book, err := b.deps.Workbooks.NewWorkbook(w, b.deps.Labels.Label(locale, "sheet.budget_rules"), b.ruleColumns(locale))
	if err != nil {
		return err
	}
	return book.Close()
}

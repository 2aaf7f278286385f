package estates

import (
	"io"

	"github.com/batchport/batchport/ports"
)

// StatementTemplateName is what a reader will call the template.
func (s *Estates) StatementTemplateName(locale string) string {
	return s.deps.Labels.Label(locale, "file.statement_template") + ".xlsx"
}

// WriteStatementTemplate writes an empty workbook with the columns of a
// statement import, in the locale.
func (s *Estates) WriteStatementTemplate(locale string, w io.Writer) error {
	label := func(key string) string { return s.deps.Labels.Label(locale, key) }
	book, err := s.deps.Workbooks.NewWorkbook(w, label("sheet.statement"), titled([]ports.Column{
		{Title: statementLabel(estateColumn), Format: ports.FormatID, Width: 14},
		{Title: statementLabel(itemColumn), Width: 30},
		{Title: statementLabel(amountColumn), Format: ports.FormatAmount, Width: 16},
		{Title: statementLabel(noteColumn), Width: 40},
	}, label))
	if err != nil {
		return err
	}
	return book.Close()
}

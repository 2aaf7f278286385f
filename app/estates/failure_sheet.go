package estates

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/batchport/batchport/app/sheets"
	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

// openPatience is how long somebody waits to read a workbook beside others.
const openPatience = 5 * time.Second

// FailureSheet is the failed items of a job as a workbook.
type FailureSheet struct {
	estates  *Estates
	job      *domain.BatchJob
	failures iter.Seq2[domain.ItemFailure, error]
	label    labeller
	message  func(domain.Failure) string
}

// FailureSheet returns the failed items of a job, in the given locale.
// failures yields them in the order of their indexes.
func (s *Estates) FailureSheet(job *domain.BatchJob, failures iter.Seq2[domain.ItemFailure, error], locale string) *FailureSheet {
	return &FailureSheet{
		estates: s, job: job, failures: failures,
		label:   func(key string) string { return s.deps.Labels.Label(locale, key) },
		message: func(f domain.Failure) string { return s.deps.Messages.Text(locale, f) },
	}
}

// Name is what a reader will call the file.
func (f *FailureSheet) Name() string {
	return f.label("file.failures") + "_" + string(f.job.ID()) + ".xlsx"
}

// Write writes the workbook to w. Of an import it has the original rows,
// with two more columns, code and reason, ready to be corrected and imported
// again; as long as the imported workbook is kept, and of any other job, it has
// a row for each failed item.
func (f *FailureSheet) Write(ctx context.Context, w io.Writer) error {
	if f.job.Kind() == ImportStatement {
		done, err := f.writeRows(ctx, w)
		if done || err != nil {
			return err
		}
	}
	return f.writeItems(w)
}

// writeRows writes the original rows. done is false when they are not to be
// had any more, and nothing was written.
func (f *FailureSheet) writeRows(ctx context.Context, w io.Writer) (done bool, err error) {
	var p StatementImport
	if err := json.Unmarshal(f.job.Payload(), &p); err != nil {
		return false, fmt.Errorf("decode the payload of job %s: %w", f.job.ID(), err)
	}
	if p.Columns == nil {
		return false, nil
	}
	m := f.estates.importer()
	// Whoever waits for an answer is told to come again rather than kept.
	waiting, cancel := context.WithTimeoutCause(ctx, openPatience, domain.Unavailable(sheets.ErrTooManyOpen))
	defer cancel()
	err = m.open(waiting, f.job.Tenant(), p, func(book ports.WorkbookReader) error {
		done = true
		return f.copyRows(ctx, m, book, w)
	})
	if !done && waiting.Err() != nil && ctx.Err() == nil {
		return false, context.Cause(waiting)
	}
	if !done && errors.Is(err, domain.CodeNotFound) {
		return false, nil
	}
	return done, err
}

// copyRows copies the failed rows of a workbook, which it reads beside the
// failures: both come in the order of the rows.
func (f *FailureSheet) copyRows(ctx context.Context, m importer, from ports.WorkbookReader, w io.Writer) error {
	width := 0
	for row, err := range from.EachRow(ctx) {
		if err != nil {
			return err
		}
		width = max(width, len(row.Cells))
	}
	next, stop := iter.Pull2(f.failures)
	defer stop()
	failure, err, more := next()
	var to ports.WorkbookWriter
	var kept []int // the columns that are copied
	written := 1   // rows of the copy, its header included
	for row, broken := range from.EachRow(ctx) {
		if err = errors.Join(err, broken); err != nil {
			return err
		}
		if to == nil {
			var columns []ports.Column
			kept, columns = f.header(m, row, width)
			if to, err = f.estates.deps.Workbooks.NewWorkbook(w, f.label("sheet.failures"), columns); err != nil {
				return err
			}
			continue
		}
		if !more {
			break
		}
		if failure.Key != fmt.Sprint(row.Number) {
			continue
		}
		cells := make([]ports.Cell, 0, len(kept)+2)
		for _, i := range kept {
			var cell ports.Cell
			if i < len(row.Cells) {
				cell = sheets.Copied(row.Cells[i])
			}
			cells = append(cells, cell)
		}
		if written++; err == nil {
			err = to.WriteRow(append(cells, f.verdict(moved(failure.Failure, written, kept))...))
		}
		if err != nil {
			return err
		}
		failure, err, more = next()
	}
	switch {
	case err != nil:
		return err
	case to == nil || more:
		return fmt.Errorf("the workbook of job %s does not have all its failed rows", f.job.ID())
	}
	return to.Close()
}

// moved says where the place of a failure is in the copy, whose reader has it
// before them.
func moved(f domain.Failure, row int, kept []int) domain.Failure {
	f.Params = maps.Clone(f.Params)
	if i := slices.IndexFunc(kept, func(i int) bool { return sheets.Letters(i) == f.Params["column"] }); i >= 0 {
		f.Params["row"], f.Params["column"] = strconv.Itoa(row), sheets.Letters(i)
	}
	f.Also = slices.Clone(f.Also)
	for i := range f.Also {
		f.Also[i] = moved(f.Also[i], row, kept)
	}
	return f
}

// header returns which columns of the original are copied, and all columns of
// the copy, width of which are the original's, some perhaps without a title:
// those of an earlier copy's verdict are left out.
func (f *FailureSheet) header(m importer, row ports.Row, width int) (kept []int, columns []ports.Column) {
	for i := range width {
		title := ""
		if i < len(row.Cells) {
			title, _ = sheets.Text(row.Cells[i])
		}
		if m.isVerdict(title) {
			continue
		}
		kept = append(kept, i)
		columns = append(columns, ports.Column{Title: title, Format: formatOf(m.columnOf(title))})
	}
	return kept, append(columns, f.verdictColumns()...)
}

// formatOf is how a column is shown. That of a column of the sender's own
// leaves each cell what it is.
func formatOf(column string) ports.CellFormat {
	switch column {
	case itemColumn, noteColumn:
		return ports.FormatText
	case amountColumn:
		return ports.FormatAmount
	}
	return ports.FormatID
}

// isVerdict reports whether a column is one that was added to failed rows.
func (m importer) isVerdict(title string) bool {
	return sheets.Called(m.Labels, title, statementLabel(codeColumn)) || sheets.Called(m.Labels, title, statementLabel(reasonColumn))
}

func (f *FailureSheet) verdictColumns() []ports.Column {
	return []ports.Column{
		{Title: f.label(statementLabel(codeColumn)), Width: 16},
		{Title: f.label(statementLabel(reasonColumn)), Width: 60},
	}
}

// verdict says what is wrong with an item: the code of the first thing, and
// everything in words.
func (f *FailureSheet) verdict(failure domain.Failure) []ports.Cell {
	reasons := []string{f.message(failure)}
	for _, also := range failure.Also {
		reasons = append(reasons, f.message(also))
	}
	return []ports.Cell{text(string(failure.Code)), text(strings.Join(reasons, "\n"))}
}

// writeItems writes a row for each failed item.
func (f *FailureSheet) writeItems(w io.Writer) error {
	columns := []ports.Column{
		{Title: f.label("failure.index"), Format: ports.FormatID},
		{Title: f.label("failure.key"), Width: 16},
		{Title: f.label("failure.field"), Width: 20},
		{Title: f.label("failure.value"), Width: 20},
	}
	book, err := f.estates.deps.Workbooks.NewWorkbook(w, f.label("sheet.failures"), append(columns, f.verdictColumns()...))
	if err != nil {
		return err
	}
	for item, err := range f.failures {
		if err != nil {
			return err
		}
		cells := []ports.Cell{integer(int64(item.Index)), text(item.Key), text(item.Failure.Field), text(item.Failure.Value)}
		if err := book.WriteRow(append(cells, f.verdict(item.Failure)...)); err != nil {
			return err
		}
	}
	return book.Close()
}

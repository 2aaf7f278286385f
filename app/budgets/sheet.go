package budgets

import (
	"cmp"
	"context"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/batchport/batchport/app/document"
	"github.com/batchport/batchport/app/sheets"
	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/budget"
	"github.com/batchport/batchport/ports"
)

// CodeMissingColumn is a sheet without a column that it must have.
const CodeMissingColumn domain.Code = "missing_column"

// sheetFields are the columns of a sheet of rules, by the names of their
// fields. In the sheet a column is called so, or by its label in any language.
var sheetFields = []string{
	budget.CodeField, budget.PriorityField, budget.BudgetField, budget.ConditionField,
	budget.BranchField, budget.EventField, budget.DeletedField,
}

// requiredFields are those that a sheet must have.
var requiredFields = sheetFields[:4]

func ruleLabel(field string) string { return "budget_rule." + field }

// layout says where the columns of a sheet are: for each of sheetFields the
// index of its column, from 0, or -1.
type layout []int

// prepare keeps the job's workbook and reads its header.
func (b *Budgets) prepare(ctx context.Context, job *domain.BatchJob, p SyncJob) (SyncJob, error) {
	if err := b.deps.Uploads.Keep(ctx, job.Tenant(), p.Upload, b.now().Add(b.cfg.KeepSources)); err != nil {
		return p, ofURL(err)
	}
	err := b.open(ctx, job.Tenant(), p.Upload, func(book ports.WorkbookReader) (err error) {
		p.Columns, err = b.readHeader(ctx, book)
		return err
	})
	return p, err
}

// open opens a workbook for use.
func (b *Budgets) open(ctx context.Context, tenant domain.TenantID, upload string, use func(ports.WorkbookReader) error) error {
	_, file, err := b.deps.Uploads.Open(ctx, tenant, upload)
	if err != nil {
		return ofURL(err)
	}
	defer func() { _ = file.Close() }() // it was only read
	book, err := b.deps.Sheets.OpenWorkbook(ctx, file, file.Info().Size)
	if err != nil {
		return ofURL(err)
	}
	defer func() { _ = book.Close() }() // it was only read
	return use(book)
}

// ofURL says of failures without a field that the workbook is to blame.
func ofURL(err error) error {
	if !domain.DataFault(err) {
		return err
	}
	f := domain.FailureOf(err)
	f.Field = cmp.Or(f.Field, urlField)
	return &domain.Error{Code: domain.CodeOf(err), Failures: []domain.Failure{f}, Err: err}
}

// readHeader finds the columns in the first row. Columns that it does not know
// are the sender's own.
func (b *Budgets) readHeader(ctx context.Context, book ports.WorkbookReader) (*layout, error) {
	l := layout(slices.Repeat([]int{-1}, len(sheetFields)))
	var wrong []domain.Failure
	var found []string
	for row, err := range book.EachRow(ctx) {
		if err != nil {
			return nil, ofURL(err)
		}
		for i, cell := range row.Cells {
			title, _ := sheets.Text(cell)
			if title == "" {
				continue
			}
			found = append(found, title)
			switch k := b.fieldOf(title); {
			case k < 0:
			case l[k] >= 0 && len(wrong) == maxWrong:
			case l[k] >= 0:
				wrong = append(wrong, domain.NewFailure(domain.CodeDuplicate, sheetFields[k], title, "sheet", ruleSheet,
					"row", strconv.Itoa(row.Number), "column", sheets.Letters(i)))
			default:
				l[k] = i
			}
		}
		break
	}
	for k, field := range requiredFields {
		if l[k] < 0 {
			wrong = append(wrong, domain.NewFailure(CodeMissingColumn, field, "", "sheet", ruleSheet, "found", strings.Join(found, ", ")))
		}
	}
	if len(wrong) > 0 {
		return nil, domain.Fail(domain.Together(wrong))
	}
	return &l, nil
}

// fieldOf returns which of sheetFields a title is of, or -1.
func (b *Budgets) fieldOf(title string) int {
	name := sheets.Folded(title)
	if name == budget.OtherConditionField {
		name = budget.ConditionField
	}
	return slices.IndexFunc(sheetFields, func(field string) bool {
		return name == field || sheets.Called(b.deps.Labels, title, ruleLabel(field))
	})
}

// dataRows yields the rows below the header that are not blank.
func dataRows(ctx context.Context, book ports.WorkbookReader) iter.Seq2[ports.Row, error] {
	return func(yield func(ports.Row, error) bool) {
		header := true
		for row, err := range book.EachRow(ctx) {
			switch {
			case err != nil:
				yield(ports.Row{}, ofURL(err))
				return
			case header:
				header = false
			case !sheets.Blank(row):
				if !yield(row, nil) {
					return
				}
			}
		}
	}
}

// read reads a row of the sheet as if it had been sent: its cells are texts,
// and those without one were not sent.
func (l layout) read(row ports.Row, index int) (Row, document.Value) {
	r := Row{Index: index, Sheet: row.Number}
	v := document.Value{Kind: document.Object}
	for k, field := range sheetFields {
		i := l[k]
		if i < 0 || i >= len(row.Cells) {
			continue
		}
		text, ok := sheets.Text(row.Cells[i])
		// A workbook of failed rows has as text what a formula came to.
		ok = ok && !slices.Contains(formulaErrors, text)
		text = asMeant(field, text)
		switch {
		case !ok:
			if r.Broken == nil {
				r.Broken = map[string]string{}
			}
			r.Broken[field] = text
		case text != "":
			v.Members = append(v.Members, document.Member{Name: field, Value: document.Value{Kind: document.String, Text: text}})
		}
	}
	r.Sent = v.Append(nil)
	return r, v
}

// asMeant is the text of a cell without what input methods make of digits and of
// a flag: full width, or small.
func asMeant(field, text string) string {
	switch field {
	case budget.PriorityField:
		return sheets.Narrow(text)
	case budget.DeletedField:
		if flag := strings.ToUpper(sheets.Narrow(text)); flag == "Y" || flag == "N" {
			return flag
		}
	}
	return text
}

// locate says where in the sheet the failure of a row is, so that its message
// names the column as the sheet does. What is wrong with the row as a whole stays.
func (l layout) locate(f domain.Failure, row int) domain.Failure {
	field, _, _ := strings.Cut(f.Field, ".")
	k := slices.Index(sheetFields, field)
	if f.Field == budget.OtherConditionField {
		k = slices.Index(sheetFields, budget.ConditionField)
	}
	if k < 0 || l[k] < 0 {
		return f
	}
	params := map[string]string{}
	maps.Copy(params, f.Params)
	params["sheet"], params["row"], params["column"] = ruleSheet, strconv.Itoa(row), sheets.Letters(l[k])
	f.Params = params
	return f
}

// ruleSheet tells messages which sheet's columns they are about.
const ruleSheet = "budget_rule"

// formulaErrors are what formulas come to that have no value (ECMA-376-1,
// 18.17.3), as every program shows them.
var formulaErrors = []string{"#NULL!", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!", "#N/A"}

package estates

import (
	"cmp"
	"context"
	"errors"
	"io"
	"iter"
	"net/url"
	urlpath "path" // path names fields here
	"slices"
	"strconv"

	"github.com/batchport/batchport/app/engine"
	"github.com/batchport/batchport/app/sheets"
	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/estate"
	"github.com/batchport/batchport/ports"
)

// CodeMissingColumn is a sheet without a column that it must have.
const CodeMissingColumn domain.Code = "missing_column"

// StatementImport is the payload of a job that imports a workbook of
// statement lines. Preparing it gets the workbook, if it is elsewhere, and
// reads its header.
type StatementImport struct {
	Month   estate.Month     `json:"month"`
	Source  Source           `json:"source"`
	Columns *statementLayout `json:"columns,omitempty"` // nil until it was prepared
	Form    Form             `json:"form,omitempty"`
}

// StatementRow is a row of the workbook. One with faults may lack what could
// not be read.
type StatementRow struct {
	Row      int          `json:"row"` // as people see it, from 1
	EstateID int64        `json:"estate,omitempty"`
	Item     string       `json:"item,omitempty"`
	Amount   estate.Money `json:"amount,omitempty"`
	Note     string       `json:"note,omitempty"`
	Faults   []fault      `json:"faults,omitempty"`
	Later    int          `json:"later,omitempty"` // the row that replaces this one; 0 when none does
}

// importer imports statement lines from workbooks.
type importer struct {
	Deps
	cfg Config
}

func (s *Estates) importer() importer { return importer{s.deps, s.cfg} }

func (m importer) kind() engine.Kind[StatementImport, StatementRow] {
	return engine.Kind[StatementImport, StatementRow]{
		Name:     ImportStatement,
		Resource: "estate_statements",
		Key:      func(row StatementRow) string { return strconv.Itoa(row.Row) },
		Prepare:  m.prepare,
		Select:   m.rows,
		Apply:    m.apply,
	}
}

// prepare gets the workbook and reads its header.
func (m importer) prepare(ctx context.Context, job *domain.BatchJob, p StatementImport) (StatementImport, error) {
	if p.Source.Upload == "" {
		fetched, err := m.Uploads.Write(ctx, job.Tenant(), job.User(), nameOf(p.Source.URL), func(w io.Writer) error {
			return m.Fetcher.Fetch(ctx, p.Source.URL, w)
		})
		if err != nil {
			return p, ofField(p.Form.names().url, err)
		}
		p.Source.Upload = fetched.ID
	}
	if err := m.Uploads.Keep(ctx, job.Tenant(), p.Source.Upload, m.cfg.Now().Add(m.cfg.KeepSources)); err != nil {
		return p, ofField(p.Form.names().url, err)
	}
	err := m.open(ctx, job.Tenant(), p, func(book ports.WorkbookReader) (err error) {
		p.Columns, err = m.readHeader(ctx, book, p.Form)
		return err
	})
	return p, err
}

// nameOf is what the document at a URL is called.
func nameOf(address string) string {
	if u, err := url.Parse(address); err == nil {
		return urlpath.Base(u.Path)
	}
	return ""
}

// ofField says of failures without a field which field is to blame.
func ofField(field string, err error) error {
	var classified *domain.Error
	if !domain.DataFault(err) {
		return err
	}
	if !errors.As(err, &classified) || len(classified.Failures) == 0 {
		return domain.Fail(domain.NewFailure(domain.CodeOf(err), field, ""))
	}
	named := *classified
	named.Failures = slices.Clone(named.Failures)
	for i := range named.Failures {
		named.Failures[i].Field = cmp.Or(named.Failures[i].Field, field)
	}
	return &named
}

// open opens the job's workbook for use.
func (m importer) open(ctx context.Context, tenant domain.TenantID, p StatementImport, use func(ports.WorkbookReader) error) error {
	_, file, err := m.Uploads.Open(ctx, tenant, p.Source.Upload)
	if err != nil {
		return ofField(p.Form.names().url, err)
	}
	defer func() { _ = file.Close() }() // it was only read
	book, err := m.Sheets.OpenWorkbook(ctx, file, file.Info().Size)
	if err != nil {
		return ofField(p.Form.names().url, err)
	}
	defer func() { _ = book.Close() }() // it was only read
	return use(book)
}

// rows yields the rows of the workbook in their order. It reads the workbook
// twice, as only its end tells which rows are replaced by later ones.
func (m importer) rows(ctx context.Context, job *domain.BatchJob, p StatementImport) iter.Seq2[StatementRow, error] {
	return func(yield func(StatementRow, error) bool) {
		err := m.open(ctx, job.Tenant(), p, func(book ports.WorkbookReader) error {
			var seen lineRows
			for row, err := range m.each(ctx, book, p) {
				if err != nil {
					return err
				}
				if row.EstateID > 0 && row.Item != "" {
					seen.add(row)
				}
			}
			later := seen.replaced()
			for row, err := range m.each(ctx, book, p) {
				if err != nil {
					return err
				}
				if n := later.of(row.Row); n > 0 {
					row = StatementRow{Row: row.Row, Item: row.Item, Faults: row.Faults, Later: n}
				}
				if !yield(row, nil) {
					return nil
				}
			}
			return nil
		})
		if err != nil {
			yield(StatementRow{}, err)
		}
	}
}

// each yields the rows below the header that are not blank.
func (m importer) each(ctx context.Context, book ports.WorkbookReader, p StatementImport) iter.Seq2[StatementRow, error] {
	return func(yield func(StatementRow, error) bool) {
		header := true
		for cells, err := range book.EachRow(ctx) {
			switch {
			case err != nil:
				yield(StatementRow{}, ofField(p.Form.names().url, err))
				return
			case header:
				header = false
			case !sheets.Blank(cells):
				if !yield(p.Columns.read(cells, p.Month), nil) {
					return
				}
			}
		}
	}
}

// apply stores the good lines.
func (m importer) apply(ctx context.Context, job *domain.BatchJob, p StatementImport, rows []StatementRow) ([]domain.Outcome, error) {
	outcomes, err := each(rows, p.faultsOf,
		func(row StatementRow) estate.StatementLine { return row.line(p.Month) },
		func(lines []estate.StatementLine) ([]domain.Outcome, error) {
			return m.Statements.UpsertStatementLines(ctx, job.Tenant(), lines)
		})
	if err != nil {
		return nil, err
	}
	for i, o := range outcomes {
		// The store knows the estate by its number; the reader by where it stands.
		if o.Fate == domain.Failed && o.Failure.Field == "" && rows[i].Faults == nil {
			outcomes[i] = domain.FailedWith(p.Columns.locate(*o.Failure, estateColumn, rows[i].Row))
		}
	}
	return outcomes, nil
}

func (r StatementRow) line(month estate.Month) estate.StatementLine {
	return estate.StatementLine{EstateID: r.EstateID, Month: month, Item: r.Item, Amount: r.Amount, Note: r.Note}
}

// faultsOf returns all that is wrong with a row. That a later row has the line
// already is worth knowing of a bad one too: corrected and imported again, it
// would replace that.
func (p StatementImport) faultsOf(row StatementRow) []domain.Failure {
	wrong := failuresOf(row.Faults)
	if row.Later > 0 {
		f := domain.NewFailure(estate.CodeSuperseded, "", row.Item, "later", strconv.Itoa(row.Later))
		wrong = append(wrong, p.Columns.locate(f, itemColumn, row.Row))
	}
	return wrong
}

// importingStatements returns the submitter of imports.
func (s *Estates) importingStatements(jobs *engine.Jobs[StatementImport, StatementRow]) submitter {
	return s.keepingUpload(submitting(jobs, documentMembers, rowOptions,
		func(_ context.Context, p *problems, _ domain.Principal, r Request, request *engine.Request[StatementImport, StatementRow]) error {
			request.All = true
			request.Payload = StatementImport{Source: readSource(p, r), Month: readMonth(p, r), Form: r.form}
			return nil
		}))
}

package estates

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"
	"time"

	"github.com/batchport/batchport/app/engine"
	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/estate"
	"github.com/batchport/batchport/ports"
)

// labeller names things in the language of a job.
type labeller func(key string) string

// exporter writes objects R, which a search P finds, into a workbook: one row
// an object, in the order of their identifiers.
type exporter[P, R any] struct {
	name      domain.Kind
	check     func(P) error
	label     string // of the sheet and of the file
	columns   []ports.Column
	row       func(labeller) func(R) []ports.Cell // what it returns may give the same slice again
	id        func(R) int64
	each      func(ctx context.Context, tenant domain.TenantID, search P) iter.Seq2[R, error]
	eachOf    func(ctx context.Context, tenant domain.TenantID, ids []int64) iter.Seq2[R, error]
	workbooks ports.Workbooks
	labels    ports.Labels
	zone      *time.Location
}

func (x exporter[P, R]) kind() engine.Export[P, int64] {
	return engine.Export[P, int64]{Name: x.name, Check: x.check, FileName: x.fileName, Write: x.write}
}

// fileName is such as "物件匯出_20261122.xlsx", with the day of submission.
func (x exporter[P, R]) fileName(job *domain.BatchJob, _ P) string {
	return x.labels.Label(job.Locale(), "file."+x.label) + "_" + job.SubmittedAt().In(x.zone).Format("20060102") + ".xlsx"
}

func (x exporter[P, R]) write(ctx context.Context, job *domain.BatchJob, search P, ids []int64, w io.Writer, record engine.Recorder[int64]) error {
	label := func(key string) string { return x.labels.Label(job.Locale(), key) }
	book, err := x.workbooks.NewWorkbook(w, label("sheet."+x.label), titled(x.columns, label))
	if err != nil {
		return fmt.Errorf("begin the workbook: %w", err)
	}
	row := x.row(label)
	write := func(r R) (int64, error) {
		if err := book.WriteRow(row(r)); err != nil {
			return 0, fmt.Errorf("write %s %d: %w", x.label, x.id(r), err)
		}
		return x.id(r), nil
	}
	if job.Selection().All {
		err = writeAll(x.each(ctx, job.Tenant(), search), write, record)
	} else {
		err = writeNamed(ids, x.eachOf(ctx, job.Tenant(), ids), write, record)
	}
	if err != nil {
		return err
	}
	if err := book.Close(); err != nil {
		return fmt.Errorf("complete the workbook: %w", err)
	}
	return nil
}

// titled returns the columns with their titles in words.
func titled(columns []ports.Column, label labeller) []ports.Column {
	columns = slices.Clone(columns)
	for i := range columns {
		columns[i].Title = label(columns[i].Title)
	}
	return columns
}

func writeAll[R any](objects iter.Seq2[R, error], write func(R) (int64, error), record engine.Recorder[int64]) error {
	n := 0
	for r, err := range objects {
		if err != nil {
			return err
		}
		id, err := write(r)
		if err != nil {
			return err
		}
		if err := record(n, id, domain.Outcome{Fate: domain.Exported}); err != nil {
			return err
		}
		n++
	}
	return nil
}

// writeNamed writes the objects, which come in the order of their identifiers,
// and records each where it was named.
func writeNamed[R any](ids []int64, objects iter.Seq2[R, error], write func(R) (int64, error), record engine.Recorder[int64]) error {
	rest := make([]int, len(ids)) // positions in ids, in the order of the identifiers there
	for i := range rest {
		rest[i] = i
	}
	slices.SortStableFunc(rest, func(a, b int) int { return cmp.Compare(ids[a], ids[b]) })
	// take records the outcome of the positions whose identifiers are at most id.
	take := func(id int64) error {
		for ; len(rest) > 0 && ids[rest[0]] <= id; rest = rest[1:] {
			i, o := rest[0], domain.Outcome{Fate: domain.Exported}
			if ids[i] < id {
				o = domain.FailedWith(domain.NewFailure(domain.CodeNotFound, "", strconv.FormatInt(ids[i], 10)))
			}
			if err := record(i, ids[i], o); err != nil {
				return err
			}
		}
		return nil
	}
	for r, err := range objects {
		if err != nil {
			return err
		}
		id, err := write(r)
		if err != nil {
			return err
		}
		if err := take(id); err != nil {
			return err
		}
	}
	return take(estate.MaxID + 1)
}

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

// exporter writes estates into a workbook, one row an estate, in the order of
// their identifiers.
type exporter struct {
	Deps
	zone *time.Location
}

func (x exporter) kind() engine.Export[Search, int64] {
	return engine.Export[Search, int64]{Name: Export, Check: Search.check, FileName: x.fileName, Write: x.write}
}

// fileName is such as "物件匯出_20261122.xlsx", with the day of submission.
func (x exporter) fileName(job *domain.BatchJob, _ Search) string {
	return x.Labels.Label(job.Locale(), "file.estates") + "_" + job.SubmittedAt().In(x.zone).Format("20060102") + ".xlsx"
}

func (x exporter) write(ctx context.Context, job *domain.BatchJob, search Search, ids []int64, w io.Writer, record engine.Recorder[int64]) error {
	label := func(key string) string { return x.Labels.Label(job.Locale(), key) }
	book, err := x.Workbooks.NewWorkbook(w, label("sheet.estates"), estateSheet(label))
	if err != nil {
		return fmt.Errorf("begin the workbook: %w", err)
	}
	row := rowWriter(label)
	write := func(e estate.Estate) error {
		if err := book.WriteRow(row(e)); err != nil {
			return fmt.Errorf("write estate %d: %w", e.ID, err)
		}
		return nil
	}
	if job.Selection().All {
		err = writeAll(x.Reader.EachEstate(ctx, job.Tenant(), search.Filter()), write, record)
	} else {
		err = writeNamed(ids, x.Reader.EachEstateOf(ctx, job.Tenant(), ids), write, record)
	}
	if err != nil {
		return err
	}
	if err := book.Close(); err != nil {
		return fmt.Errorf("complete the workbook: %w", err)
	}
	return nil
}

func writeAll(estates iter.Seq2[estate.Estate, error], write func(estate.Estate) error, record engine.Recorder[int64]) error {
	n := 0
	for e, err := range estates {
		if err != nil {
			return err
		}
		if err := write(e); err != nil {
			return err
		}
		if err := record(n, e.ID, domain.Outcome{Fate: domain.Exported}); err != nil {
			return err
		}
		n++
	}
	return nil
}

// writeNamed writes the estates, which come in the order of their identifiers,
// and records each where it was named.
func writeNamed(ids []int64, estates iter.Seq2[estate.Estate, error], write func(estate.Estate) error, record engine.Recorder[int64]) error {
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
	for e, err := range estates {
		if err != nil {
			return err
		}
		if err := write(e); err != nil {
			return err
		}
		if err := take(e.ID); err != nil {
			return err
		}
	}
	return take(estate.MaxID + 1)
}

// estateSheet returns the columns of the sheet.
func estateSheet(label func(string) string) []ports.Column {
	columns := []ports.Column{
		{Title: "estate.id", Format: ports.FormatID},
		{Title: "estate.community_id", Format: ports.FormatID},
		{Title: "estate.name", Width: 30},
		{Title: "estate.country", Format: ports.FormatID},
		{Title: "estate.district", Format: ports.FormatID},
		{Title: "estate.address", Width: 40},
		{Title: "estate.status"},
		{Title: "estate.rent", Format: ports.FormatAmount},
		{Title: "estate.area", Format: ports.FormatAmount},
		{Title: "estate.listed"},
		{Title: "estate.agent_id", Format: ports.FormatID},
		{Title: "estate.landlord_id", Format: ports.FormatID},
	}
	for i := range columns {
		columns[i].Title = label(columns[i].Title)
	}
	return columns
}

// rowWriter returns what makes the cells of an estate. Each call gives the
// same slice again.
func rowWriter(label func(string) string) func(estate.Estate) []ports.Cell {
	cells := make([]ports.Cell, 12)
	words := map[estate.Status]string{}
	for _, status := range estate.Statuses() {
		words[status] = label("estate.status." + string(status))
	}
	yesNo := map[bool]string{true: label("yes"), false: label("no")}
	return func(e estate.Estate) []ports.Cell {
		return append(cells[:0],
			integer(e.ID), idCell(e.CommunityID), text(e.Name), integer(e.Country), integer(e.District), text(e.Address),
			text(words[e.Status]), integer(e.Rent), ports.Cell{Kind: ports.CellNumber, Text: e.Area.String()},
			text(yesNo[e.Listed]), idCell(e.AgentID), idCell(e.LandlordID))
	}
}

func integer(n int64) ports.Cell { return ports.Cell{Kind: ports.CellInteger, Int: n} }

func text(s string) ports.Cell { return ports.Cell{Kind: ports.CellText, Text: s} }

// idCell is empty for the identifier of nothing.
func idCell(id int64) ports.Cell {
	if id == 0 {
		return ports.Cell{}
	}
	return integer(id)
}

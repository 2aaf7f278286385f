package portstest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

// WorkbookSource runs the contract of [ports.WorkbookSource]. Each subtest
// calls open for a source, and make for a maker of the workbooks that it reads.
func WorkbookSource(t *testing.T, open func(*testing.T) ports.WorkbookSource, make func(*testing.T) ports.Workbooks) {
	w := workbookSource{open, make}
	t.Run("a workbook of no rows has its header", w.headerAlone)
	t.Run("every kind of cell comes back", w.kinds)
	t.Run("text comes back as it is", w.text)
	t.Run("empty rows are left out and missing cells are empty", w.gaps)
	t.Run("only the first sheet is read", w.firstSheet)
	t.Run("texts stay while cells are overwritten", w.texts)
	t.Run("rows can be read again, also after stopping", w.again)
	t.Run("what is no workbook is refused", w.noWorkbook)
	t.Run("a damaged workbook is refused", w.damaged)
	t.Run("nothing comes after an error", w.afterError)
	t.Run("an error of the file comes out as it is", w.brokenFile)
	t.Run("a context that ends ends the reading", w.cancelled)
	t.Run("nothing can be read after Close", w.closed)
	t.Run("workbooks can be read side by side", w.sideBySide)
	t.Run("memory does not grow with the rows", w.memory)
}

type workbookSource struct {
	open func(*testing.T) ports.WorkbookSource
	make func(*testing.T) ports.Workbooks
}

func (w workbookSource) headerAlone(t *testing.T) {
	t.Parallel()
	rows := w.rows(t, w.workbook(t, threeColumns()))
	if len(rows) != 1 || rows[0].Number != 1 {
		t.Fatalf("rows = %+v, want the header alone", rows)
	}
	wantCells(t, rows[0].Cells, textCell("A"), textCell("B"), textCell("C"))
}

func (w workbookSource) kinds(t *testing.T) {
	t.Parallel()
	day := time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC)
	columns := []ports.Column{
		{Title: "id", Format: ports.FormatID},
		{Title: "rent", Format: ports.FormatAmount},
		{Title: "day", Format: ports.FormatDate},
		{Title: "text"},
	}
	rows := w.rows(t, w.workbook(t, columns,
		[]ports.Cell{integerCell(-1234567), decimalCell("-1234.50"), {Kind: ports.CellDate, Date: day}, textCell("2024-02-29")},
		[]ports.Cell{integerCell(0), decimalCell("0.1"), {Kind: ports.CellDate, Date: time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)}, integerCell(7)},
		[]ports.Cell{decimalCell("999999999999999"), integerCell(1), {Kind: ports.CellDate, Date: time.Date(1900, 3, 1, 0, 0, 0, 0, time.UTC)}, {Kind: ports.CellBool, Bool: true}},
	))
	if len(rows) != 4 {
		t.Fatalf("there are %d rows, want 4", len(rows))
	}
	wantCells(t, rows[1].Cells, decimalCell("-1234567"), decimalCell("-1234.50"), ports.Cell{Kind: ports.CellDate, Date: day}, textCell("2024-02-29"))
	wantCells(t, rows[2].Cells, decimalCell("0"), decimalCell("0.1"),
		ports.Cell{Kind: ports.CellDate, Date: time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)}, textCell("7"))
	wantCells(t, rows[3].Cells, decimalCell("999999999999999"), decimalCell("1"),
		ports.Cell{Kind: ports.CellDate, Date: time.Date(1900, 3, 1, 0, 0, 0, 0, time.UTC)}, textCell("TRUE"))
}

func (w workbookSource) text(t *testing.T) {
	t.Parallel()
	texts := []string{
		"=1+1", "00123", "1e5", "TRUE", " leading", "trailing ", "two\nlines", "\ttab\t", "cr\r\nlf", "  ", "\n",
		"<b>&amp;</b>", "]]>", `"'`, "_x000D_", "_x005F_", "__x0041__", "_xZZZZ_", "_x12", "𠮷野家 😀", "e\u0301", "\uFFFD",
		strings.Repeat("長", 32_767), strings.Repeat("😀", 16_383),
	}
	cells := make([][]ports.Cell, len(texts))
	for i, s := range texts {
		cells[i] = []ports.Cell{textCell(s), textCell("x")}
	}
	rows := w.rows(t, w.workbook(t, threeColumns(), cells...))
	if len(rows) != len(texts)+1 {
		t.Fatalf("there are %d rows, want %d", len(rows), len(texts)+1)
	}
	for i, want := range texts {
		wantCells(t, rows[i+1].Cells, textCell(want), textCell("x"))
	}
}

func (w workbookSource) gaps(t *testing.T) {
	t.Parallel()
	rows := w.rows(t, w.workbook(t, threeColumns(),
		nil, []ports.Cell{{}, textCell("b")}, []ports.Cell{{}, {}, {}}, []ports.Cell{textCell("a"), {}, textCell("c")}, nil))
	var numbers []int
	for _, row := range rows {
		numbers = append(numbers, row.Number)
	}
	if want := []int{1, 3, 5}; !slices.Equal(numbers, want) {
		t.Fatalf("the rows' numbers are %v, want %v", numbers, want)
	}
	wantCells(t, rows[1].Cells, ports.Cell{}, textCell("b"))
	wantCells(t, rows[2].Cells, textCell("a"), ports.Cell{}, textCell("c"))
}

func (w workbookSource) firstSheet(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("writes more rows than a sheet has")
	}
	const perSheet = 1 << 20
	var out bytes.Buffer
	book, err := w.make(t).NewWorkbook(&out, "s", threeColumns()[:1])
	if err != nil {
		t.Fatalf("NewWorkbook() = %v", err)
	}
	for range perSheet {
		if err := book.WriteRow([]ports.Cell{integerCell(1)}); err != nil {
			t.Fatalf("WriteRow() = %v", err)
		}
	}
	if err := book.Close(); err != nil {
		t.Fatalf("Close() = %v", err)
	}
	count, last := 0, 0
	for row, err := range w.reader(t, out.Bytes()).EachRow(t.Context()) {
		if err != nil {
			t.Fatalf("row %d: %v", count, err)
		}
		count, last = count+1, row.Number
	}
	if count != perSheet || last != perSheet {
		t.Errorf("there are %d rows and the last is number %d, want %d of both", count, last, perSheet)
	}
}

// texts keeps what rows give without copying their texts.
func (w workbookSource) texts(t *testing.T) {
	t.Parallel()
	var written [][]ports.Cell
	for i := range 3_000 {
		written = append(written, []ports.Cell{textCell(fmt.Sprint("text ", i)), integerCell(int64(i))})
	}
	var kept []string
	for row, err := range w.reader(t, w.workbook(t, threeColumns(), written...)).EachRow(t.Context()) {
		if err != nil {
			t.Fatalf("EachRow() = %v", err)
		}
		kept = append(kept, row.Cells[0].Text)
	}
	for i := range written {
		if got, want := kept[i+1], written[i][0].Text; got != want {
			t.Fatalf("the text of row %d is %q when all rows are read, want %q", i+1, got, want)
		}
	}
}

func (w workbookSource) again(t *testing.T) {
	t.Parallel()
	var written [][]ports.Cell
	for i := range 5_000 {
		written = append(written, []ports.Cell{textCell(fmt.Sprint("text ", i*7919))})
	}
	book := w.reader(t, w.workbook(t, threeColumns(), written...))
	for _, limit := range []int{1, 2_500, 5_001, 5_001} {
		seen := 0
		for row, err := range book.EachRow(t.Context()) {
			if err != nil {
				t.Fatalf("EachRow() = %v", err)
			}
			if seen++; row.Number != seen {
				t.Fatalf("row %d has number %d", seen, row.Number)
			}
			if seen == limit {
				break
			}
		}
		if seen != limit {
			t.Errorf("EachRow yields %d rows, want %d", seen, limit)
		}
	}
}

func (w workbookSource) noWorkbook(t *testing.T) {
	t.Parallel()
	for name, content := range map[string]string{
		"nothing": "", "a text": "id,name\n1,a\n", "zeros": strings.Repeat("\x00", 4_096), "the start of an archive": "PK\x03\x04" + strings.Repeat("x", 100),
	} {
		_, err := w.open(t).OpenWorkbook(t.Context(), strings.NewReader(content), int64(len(content)))
		if !errors.Is(err, domain.CodeNotWorkbook) || domain.FailureOf(err).Params["reason"] == "" {
			t.Errorf("OpenWorkbook of %s = %v, want %s with a reason", name, err, domain.CodeNotWorkbook)
		}
	}
}

func (w workbookSource) damaged(t *testing.T) {
	t.Parallel()
	content := w.workbook(t, threeColumns(), []ports.Cell{textCell("a")}, []ports.Cell{integerCell(1)})
	check := func(how string, at int, damaged []byte) {
		t.Helper()
		book, err := w.open(t).OpenWorkbook(t.Context(), bytes.NewReader(damaged), int64(len(damaged)))
		if err == nil {
			for _, e := range book.EachRow(t.Context()) {
				err = e
			}
			if e := book.Close(); e != nil {
				t.Errorf("Close() = %v", e)
			}
		}
		switch domain.CodeOf(err) {
		case "", domain.CodeNotWorkbook, domain.CodeTooLarge, domain.CodeTooMany:
		default:
			t.Errorf("a workbook %s %d gives %v, want a refusal", how, at, err)
		}
		if err == nil && how == "cut at" {
			t.Errorf("a workbook cut at %d is read as if nothing were", at)
		}
	}
	for at := 0; at < len(content); at += 11 {
		check("cut at", at, content[:at])
		changed := slices.Clone(content)
		changed[at] ^= 0x55
		check("changed at", at, changed)
	}
}

func (w workbookSource) afterError(t *testing.T) {
	t.Parallel()
	content := w.long(t)
	file := &failingFile{ReaderAt: bytes.NewReader(content), err: errors.New("gone")}
	book, err := w.open(t).OpenWorkbook(t.Context(), file, int64(len(content)))
	if err != nil {
		t.Fatalf("OpenWorkbook() = %v", err)
	}
	rows, failures := 0, 0
	for row, err := range book.EachRow(t.Context()) {
		switch {
		case failures > 0:
			t.Errorf("after an error EachRow yields %+v, %v", row, err)
		case err != nil:
			failures++
		default:
			rows++
			file.fails(true)
		}
	}
	if rows == 0 || failures != 1 {
		t.Errorf("EachRow yields %d rows and %d errors, want some rows and one error", rows, failures)
	}
	if err := book.Close(); err != nil {
		t.Errorf("Close() = %v", err)
	}
}

func (w workbookSource) brokenFile(t *testing.T) {
	t.Parallel()
	gone := errors.New("gone")
	content := w.long(t)
	file := &failingFile{ReaderAt: bytes.NewReader(content), err: gone}
	file.fails(true)
	if _, err := w.open(t).OpenWorkbook(t.Context(), file, int64(len(content))); !errors.Is(err, gone) || domain.CodeOf(err) != domain.CodeInternal {
		t.Errorf("OpenWorkbook of a file that fails = %v, want its error, unclassified", err)
	}
	file.fails(false)
	book, err := w.open(t).OpenWorkbook(t.Context(), file, int64(len(content)))
	if err != nil {
		t.Fatalf("OpenWorkbook() = %v", err)
	}
	file.fails(true)
	for _, e := range book.EachRow(t.Context()) {
		err = e
	}
	if !errors.Is(err, gone) || domain.CodeOf(err) != domain.CodeInternal {
		t.Errorf("EachRow of a file that fails = %v, want its error, unclassified", err)
	}
	file.fails(false)
	for row, err := range book.EachRow(t.Context()) {
		if err != nil {
			t.Fatalf("EachRow of a file that works again = %+v, %v", row, err)
		}
	}
	if err := book.Close(); err != nil {
		t.Errorf("Close() = %v", err)
	}
}

func (w workbookSource) cancelled(t *testing.T) {
	t.Parallel()
	content := w.long(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	book, err := w.open(t).OpenWorkbook(ctx, bytes.NewReader(content), int64(len(content)))
	if err != nil {
		t.Fatalf("OpenWorkbook() = %v", err)
	}
	var last error
	for row, err := range book.EachRow(ctx) {
		if row.Number == 1 {
			cancel()
		}
		last = err
	}
	if !errors.Is(last, context.Canceled) {
		t.Errorf("EachRow with a context that ends yields %v last, want %v", last, context.Canceled)
	}
	if _, err := w.open(t).OpenWorkbook(ctx, bytes.NewReader(content), int64(len(content))); !errors.Is(err, context.Canceled) {
		t.Errorf("OpenWorkbook with a context that has ended = %v, want %v", err, context.Canceled)
	}
	next, stop := iter.Pull2(book.EachRow(t.Context()))
	defer stop()
	if row, err, more := next(); !more || err != nil {
		t.Errorf("EachRow with another context yields %+v, %v; want a row", row, err)
	}
}

func (w workbookSource) closed(t *testing.T) {
	t.Parallel()
	book := w.reader(t, w.workbook(t, threeColumns()))
	if err := book.Close(); err != nil {
		t.Fatalf("Close() = %v", err)
	}
	next, stop := iter.Pull2(book.EachRow(t.Context()))
	defer stop()
	if row, err, more := next(); !more || err == nil {
		t.Errorf("EachRow after Close yields %+v, %v; want an error", row, err)
	}
}

func (w workbookSource) sideBySide(t *testing.T) {
	t.Parallel()
	source := w.open(t)
	var all sync.WaitGroup
	for i := range 4 {
		content := w.workbook(t, threeColumns(), slices.Repeat([][]ports.Cell{{integerCell(int64(i)), textCell(fmt.Sprint("book ", i))}}, 500)...)
		all.Go(func() {
			book, err := source.OpenWorkbook(t.Context(), bytes.NewReader(content), int64(len(content)))
			if err != nil {
				t.Errorf("OpenWorkbook() = %v", err)
				return
			}
			for row, err := range book.EachRow(t.Context()) {
				if err != nil {
					t.Errorf("EachRow() = %v", err)
					return
				}
				if want := fmt.Sprint("book ", i); row.Number > 1 && row.Cells[1].Text != want {
					t.Errorf("a cell of workbook %d = %q, want %q", i, row.Cells[1].Text, want)
				}
			}
		})
	}
	all.Wait()
}

// memory runs alone: it looks at the heap of the whole process.
func (w workbookSource) memory(t *testing.T) {
	const rows = 100_000
	var out bytes.Buffer
	book, err := w.make(t).NewWorkbook(&out, "s", threeColumns())
	if err != nil {
		t.Fatalf("NewWorkbook() = %v", err)
	}
	for i := range rows {
		if err := book.WriteRow([]ports.Cell{textCell(fmt.Sprint("never the same ", i*7919)), integerCell(int64(i))}); err != nil {
			t.Fatalf("WriteRow(%d) = %v", i, err)
		}
	}
	if err := book.Close(); err != nil {
		t.Fatalf("Close() = %v", err)
	}
	var before uint64
	heap := func() uint64 {
		runtime.GC()
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		return stats.HeapAlloc
	}
	for row, err := range w.reader(t, out.Bytes()).EachRow(t.Context()) {
		if err != nil {
			t.Fatalf("EachRow() = %v", err)
		}
		switch row.Number {
		case 1_000:
			before = heap()
		case rows:
			const allowed = 2 << 20 // 20 bytes a row: less than any way to keep them
			if after := heap(); after > before+allowed {
				t.Errorf("the heap grew from %d to %d bytes over %d rows, want at most %d more", before, after, rows, allowed)
			}
		}
	}
}

// workbook makes a workbook of these rows.
func (w workbookSource) workbook(t *testing.T, columns []ports.Column, rows ...[]ports.Cell) []byte {
	t.Helper()
	var out bytes.Buffer
	book, err := w.make(t).NewWorkbook(&out, "s", columns)
	if err != nil {
		t.Fatalf("NewWorkbook() = %v", err)
	}
	for i, row := range rows {
		if err := book.WriteRow(row); err != nil {
			t.Fatalf("WriteRow(row %d) = %v", i, err)
		}
	}
	if err := book.Close(); err != nil {
		t.Fatalf("Close() = %v", err)
	}
	return out.Bytes()
}

// long makes a workbook that no reader has in its buffers at once.
func (w workbookSource) long(t *testing.T) []byte {
	t.Helper()
	random := uint64(1)
	rows := make([][]ports.Cell, 30_000)
	for i := range rows {
		random = random*6_364_136_223_846_793_005 + 1_442_695_040_888_963_407
		rows[i] = []ports.Cell{textCell(fmt.Sprintf("%016x", random)), integerCell(int64(i))}
	}
	return w.workbook(t, threeColumns(), rows...)
}

// reader opens a workbook, and closes it when the test ends.
func (w workbookSource) reader(t *testing.T, content []byte) ports.WorkbookReader {
	t.Helper()
	book, err := w.open(t).OpenWorkbook(t.Context(), bytes.NewReader(content), int64(len(content)))
	if err != nil {
		t.Fatalf("OpenWorkbook() = %v", err)
	}
	t.Cleanup(func() {
		if err := book.Close(); err != nil {
			t.Errorf("Close() = %v", err)
		}
	})
	return book
}

// rows reads a workbook, and copies its rows.
func (w workbookSource) rows(t *testing.T, content []byte) []ports.Row {
	t.Helper()
	var all []ports.Row
	for row, err := range w.reader(t, content).EachRow(t.Context()) {
		if err != nil {
			t.Fatalf("EachRow() = %v", err)
		}
		all = append(all, ports.Row{Number: row.Number, Cells: slices.Clone(row.Cells)})
	}
	return all
}

// wantCells compares cells, of which those at the end may be left out when
// they are empty.
func wantCells(t *testing.T, got []ports.Cell, want ...ports.Cell) {
	t.Helper()
	for i := range max(len(got), len(want)) {
		var g, c ports.Cell
		if i < len(got) {
			g = got[i]
		}
		if i < len(want) {
			c = want[i]
		}
		same := g.Kind == c.Kind && g.Text == c.Text && g.Bool == c.Bool && g.Date.Equal(c.Date)
		if !same {
			t.Errorf("cell %d = %.80q of kind %d (%v), want %.80q of kind %d (%v)", i, g.Text, g.Kind, g.Date, c.Text, c.Kind, c.Date)
		}
	}
}

// failingFile is a file that can be made to fail.
type failingFile struct {
	io.ReaderAt
	err    error
	broken bool
}

func (f *failingFile) fails(broken bool) { f.broken = broken }

func (f *failingFile) ReadAt(p []byte, at int64) (int, error) {
	if f.broken {
		return 0, f.err
	}
	return f.ReaderAt.ReadAt(p, at)
}

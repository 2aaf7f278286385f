package portstest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/batchport/batchport/ports"
)

// Sheet is a sheet of a workbook as a reader sees it: each cell as the text
// that is on show. Missing cells at the end of a row, and empty rows at the end
// of the sheet, may be left out.
type Sheet struct {
	Name string
	Rows [][]string
}

// Workbooks runs the contract of [ports.Workbooks]. Each subtest calls open
// for a maker of workbooks, and read for the sheets of one that it made.
func Workbooks(t *testing.T, open func(*testing.T) ports.Workbooks, read func(*testing.T, []byte) []Sheet) {
	w := workbooks{open, read}
	t.Run("a workbook without rows has its header", w.headerAlone)
	t.Run("every kind of cell is shown in its column's format", w.formats)
	t.Run("missing cells and rows are empty", w.gaps)
	t.Run("text reads back as it is", w.text)
	t.Run("characters that a workbook cannot hold are replaced", w.unholdable)
	t.Run("awkward sheet names are accepted", w.sheetNames)
	t.Run("an error of the underlying writer comes out", w.brokenWriter)
	t.Run("nothing can be written after Close", w.closed)
	t.Run("workbooks can be made side by side", w.sideBySide)
	t.Run("memory does not grow with the rows", w.memory)
}

type workbooks struct {
	open func(*testing.T) ports.Workbooks
	read func(*testing.T, []byte) []Sheet
}

func (w workbooks) headerAlone(t *testing.T) {
	t.Parallel()
	columns := []ports.Column{{Title: "物件編號", Format: ports.FormatID}, {Title: "=名稱"}}
	sheets := w.make(t, "物件", columns)
	if len(sheets) != 1 || sheets[0].Name != "物件" {
		t.Fatalf("workbook has the sheets %+v, want one named 物件", sheets)
	}
	wantRows(t, sheets[0].Rows, [][]string{{"物件編號", "=名稱"}})
}

func (w workbooks) formats(t *testing.T) {
	t.Parallel()
	columns := []ports.Column{
		{Title: "id", Format: ports.FormatID},
		{Title: "name", Format: ports.FormatText},
		{Title: "rent", Format: ports.FormatAmount},
		{Title: "day", Format: ports.FormatDate},
	}
	day := time.Date(2024, 2, 29, 23, 59, 0, 0, time.FixedZone("", 8*3600))
	sheets := w.make(t, "s", columns,
		[]ports.Cell{integerCell(1234567), textCell("幸福社區"), decimalCell("-1234.56"), {Kind: ports.CellDate, Date: day}},
		[]ports.Cell{integerCell(-1), integerCell(1234567), integerCell(1234567), {}},
		[]ports.Cell{{}, decimalCell("12.50"), decimalCell("0"), {}},
	)
	wantRows(t, sheets[0].Rows, [][]string{
		{"id", "name", "rent", "day"},
		{"1234567", "幸福社區", "-1,234.56", "2024-02-29"},
		{"-1", "1234567", "1,234,567"},
		{"", "12.50", "0"},
	})
}

func (w workbooks) gaps(t *testing.T) {
	t.Parallel()
	sheets := w.make(t, "s", threeColumns(),
		[]ports.Cell{textCell("a")}, nil, []ports.Cell{{}, {}, textCell("c")}, []ports.Cell{textCell(""), textCell("b")})
	wantRows(t, sheets[0].Rows, [][]string{{"A", "B", "C"}, {"a"}, {}, {"", "", "c"}, {"", "b"}})
}

func (w workbooks) text(t *testing.T) {
	t.Parallel()
	texts := []string{
		"=1+1", "+886 2 1234", "-5", "@SUM(A1)", "=HYPERLINK(\"http://example.com\")", "'quoted", "00123", "1e5", "TRUE",
		" leading", "trailing ", "two\nlines", "\ttab\t", "cr\r\nlf", "  ", "\n",
		"<b>&amp;</b>", "]]>", `"'`, "_x000D_", "_x005F_", "__x0041__", "_xZZZZ_", "_x12", "𠮷野家 😀", "e\u0301", "\u202eabc", "\uFFFD",
		strings.Repeat("長", 32_767), strings.Repeat("😀", 16_383),
	}
	rows := make([][]ports.Cell, len(texts))
	for i, s := range texts {
		rows[i] = []ports.Cell{textCell(s), textCell("x")}
	}
	sheets := w.make(t, "s", threeColumns(), rows...)
	for i, want := range texts {
		if got := cellOf(sheets[0], i+1, 0); got != want {
			t.Errorf("text %.40q reads back as %.40q", want, got)
		}
	}
}

func (w workbooks) unholdable(t *testing.T) {
	t.Parallel()
	cases := map[string]string{
		"nul\x00":         "nul\uFFFD",
		"\x1bescape":      "\uFFFDescape",
		"broken\xff\xc3":  "broken\uFFFD\uFFFD",
		"\uFFFEnon\uFFFF": "\uFFFDnon\uFFFD",
		"\xed\xa0\x80":    "\uFFFD\uFFFD\uFFFD", // a lone surrogate
	}
	for in, want := range cases {
		sheets := w.make(t, "s", []ports.Column{{Title: in}}, []ports.Cell{textCell(in)})
		for row := range 2 {
			if got := cellOf(sheets[0], row, 0); got != want {
				t.Errorf("text %q reads back as %q in row %d, want %q", in, got, row, want)
			}
		}
	}
}

func (w workbooks) sheetNames(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", "a/b\\c:d*e?f[g]", "'quoted'", strings.Repeat("物件", 40), strings.Repeat("😀", 40), "History", "\x00", "\xff"} {
		sheets := w.make(t, name, threeColumns(), []ports.Cell{textCell("a")})
		if len(sheets) != 1 || sheets[0].Name == "" || cellOf(sheets[0], 1, 0) != "a" {
			t.Errorf("a workbook with a sheet %q reads back as %+v", name, sheets)
		}
	}
}

func (w workbooks) brokenWriter(t *testing.T) {
	t.Parallel()
	broken := errors.New("no more room")
	for _, room := range []int{0, 10, 2_000, 100_000} {
		book, err := w.open(t).NewWorkbook(&fullAfter{room: room, err: broken}, "s", threeColumns())
		for i := 0; err == nil && i < 100_000; i++ {
			err = book.WriteRow([]ports.Cell{integerCell(int64(i) * 7919), textCell(fmt.Sprint("text ", i*i)), integerCell(int64(-i))})
		}
		if err == nil {
			err = book.Close()
		}
		if !errors.Is(err, broken) {
			t.Errorf("a writer that fails after %d bytes gave %v, want its error", room, err)
		}
		if book != nil {
			if err := book.Close(); err == nil {
				t.Errorf("Close after an error = nil with a writer that fails after %d bytes", room)
			}
		}
	}
}

func (w workbooks) closed(t *testing.T) {
	t.Parallel()
	book, err := w.open(t).NewWorkbook(io.Discard, "s", threeColumns())
	if err != nil {
		t.Fatalf("NewWorkbook() = %v", err)
	}
	if err := book.Close(); err != nil {
		t.Fatalf("Close() = %v", err)
	}
	if err := book.WriteRow([]ports.Cell{textCell("late")}); err == nil {
		t.Error("WriteRow after Close = nil, want an error")
	}
}

func (w workbooks) sideBySide(t *testing.T) {
	t.Parallel()
	maker := w.open(t)
	var all sync.WaitGroup
	made := make([]bytes.Buffer, 4)
	for i := range made {
		all.Go(func() {
			book, err := maker.NewWorkbook(&made[i], "s", threeColumns())
			if err != nil {
				t.Errorf("NewWorkbook() = %v", err)
				return
			}
			for n := range 500 {
				if err := book.WriteRow([]ports.Cell{integerCell(int64(n)), textCell(fmt.Sprint("book ", i))}); err != nil {
					t.Errorf("WriteRow(%d) = %v", n, err)
				}
			}
			if err := book.Close(); err != nil {
				t.Errorf("Close() = %v", err)
			}
		})
	}
	all.Wait()
	for i := range made {
		sheets := w.read(t, made[i].Bytes())
		if got, want := cellOf(sheets[0], 500, 1), fmt.Sprint("book ", i); got != want {
			t.Errorf("last row of workbook %d = %q, want %q", i, got, want)
		}
	}
}

// memory runs alone: it looks at the heap of the whole process.
func (w workbooks) memory(t *testing.T) {
	book, err := w.open(t).NewWorkbook(io.Discard, "s", threeColumns())
	if err != nil {
		t.Fatalf("NewWorkbook() = %v", err)
	}
	write := func(rows int) (heap uint64) {
		for i := range rows {
			if err := book.WriteRow([]ports.Cell{textCell(fmt.Sprint("never the same ", i*7919)), integerCell(int64(i))}); err != nil {
				t.Fatalf("WriteRow(%d) = %v", i, err)
			}
		}
		runtime.GC()
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		return stats.HeapAlloc
	}
	before := write(1_000)
	after := write(100_000)
	const allowed = 2 << 20 // 20 bytes a row: less than any way to keep them
	if after > before+allowed {
		t.Errorf("the heap grew from %d to %d bytes over 100,000 rows, want at most %d more", before, after, allowed)
	}
	if err := book.Close(); err != nil {
		t.Errorf("Close() = %v", err)
	}
}

// make writes a workbook of these rows and reads it.
func (w workbooks) make(t *testing.T, sheet string, columns []ports.Column, rows ...[]ports.Cell) []Sheet {
	t.Helper()
	var out bytes.Buffer
	book, err := w.open(t).NewWorkbook(&out, sheet, columns)
	if err != nil {
		t.Fatalf("NewWorkbook(%q) = %v", sheet, err)
	}
	for i, row := range rows {
		if err := book.WriteRow(row); err != nil {
			t.Fatalf("WriteRow(row %d) = %v", i, err)
		}
	}
	if err := book.Close(); err != nil {
		t.Fatalf("Close() = %v", err)
	}
	sheets := w.read(t, out.Bytes())
	if len(sheets) == 0 {
		t.Fatalf("the workbook of sheet %q has no sheet", sheet)
	}
	return sheets
}

// fullAfter is a writer that takes room bytes and then fails.
type fullAfter struct {
	room int
	err  error
}

func (f *fullAfter) Write(p []byte) (int, error) {
	if f.room -= len(p); f.room < 0 {
		return 0, f.err
	}
	return len(p), nil
}

func threeColumns() []ports.Column { return []ports.Column{{Title: "A"}, {Title: "B"}, {Title: "C"}} }

func textCell(s string) ports.Cell    { return ports.Cell{Kind: ports.CellText, Text: s} }
func integerCell(n int64) ports.Cell  { return ports.Cell{Kind: ports.CellInteger, Int: n} }
func decimalCell(s string) ports.Cell { return ports.Cell{Kind: ports.CellNumber, Text: s} }

// cellOf returns what is in a cell, or "" for one that was left out.
func cellOf(s Sheet, row, column int) string {
	if row >= len(s.Rows) || column >= len(s.Rows[row]) {
		return ""
	}
	return s.Rows[row][column]
}

func wantRows(t *testing.T, got, want [][]string) {
	t.Helper()
	rows, columns := max(len(got), len(want)), 0
	for _, row := range append(append([][]string{}, got...), want...) {
		columns = max(columns, len(row))
	}
	for r := range rows {
		for c := range columns {
			g, w := cellOf(Sheet{Rows: got}, r, c), cellOf(Sheet{Rows: want}, r, c)
			if g != w {
				t.Errorf("cell in row %d, column %d = %q, want %q", r, c, g, w)
			}
		}
	}
}

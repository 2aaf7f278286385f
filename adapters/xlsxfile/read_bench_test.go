package xlsxfile_test

import (
	"archive/zip"
	"bufio"
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/tealeg/xlsx/v3"

	"github.com/batchport/batchport/adapters/xlsxfile"
	"github.com/batchport/batchport/ports"
)

// writeBook writes a workbook of so many rows as this package writes it.
func writeBook(t testing.TB, w io.Writer, n int) {
	t.Helper()
	rows := benchCells()
	book, err := (xlsxfile.Workbooks{}).NewWorkbook(w, "物件", benchColumns)
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		if err := book.WriteRow(rows[i%len(rows)]); err != nil {
			t.Fatal(err)
		}
	}
	if err := book.Close(); err != nil {
		t.Fatal(err)
	}
}

// writeSharedBook writes the same cells as Excel does, with shared strings;
// every fourth row of texts is like another one.
func writeSharedBook(t testing.TB, w io.Writer, n int) {
	t.Helper()
	archive := zip.NewWriter(w)
	names, parts := handMade{styles: dateStyles, strings: " "}.parts()
	for _, name := range names {
		if name != "xl/worksheets/sheet1.xml" && name != "xl/sharedStrings.xml" {
			part, err := archive.Create(name)
			if err == nil {
				_, err = io.WriteString(part, parts[name])
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	part, err := archive.Create("xl/worksheets/sheet1.xml")
	if err != nil {
		t.Fatal(err)
	}
	out := bufio.NewWriterSize(part, 1<<16)
	fmt.Fprintf(out, `%s<worksheet %s %s><dimension ref="A1:L%d"/><sheetData>`, xmlHead, mainNS, relNS, n)
	shared := map[string]int{}
	var inOrder []string
	cells := make([]ports.Cell, len(benchColumns))
	for i := range n {
		benchRow(cells, i-i/4)
		fmt.Fprintf(out, `<row r="%d" spans="1:12" x14ac:dyDescent="0.25">`, i+1)
		for c, cell := range cells {
			place := string(rune('A'+c)) + strconv.Itoa(i+1)
			switch cell.Kind {
			case ports.CellText:
				index, known := shared[cell.Text]
				if !known {
					index = len(inOrder)
					shared[cell.Text] = index
					inOrder = append(inOrder, cell.Text)
				}
				fmt.Fprintf(out, `<c r="%s" s="3" t="s"><v>%d</v></c>`, place, index)
			case ports.CellInteger:
				fmt.Fprintf(out, `<c r="%s"><v>%d</v></c>`, place, cell.Int)
			case ports.CellNumber:
				fmt.Fprintf(out, `<c r="%s" s="3"><v>%s</v></c>`, place, cell.Text)
			case ports.CellDate:
				fmt.Fprintf(out, `<c r="%s" s="1"><v>%d</v></c>`, place, cell.Date.Unix()/86_400+25_569)
			case ports.CellEmpty, ports.CellBool, ports.CellError:
			}
		}
		out.WriteString("</row>")
	}
	out.WriteString("</sheetData></worksheet>")
	if err := out.Flush(); err != nil {
		t.Fatal(err)
	}
	if part, err = archive.Create("xl/sharedStrings.xml"); err != nil {
		t.Fatal(err)
	}
	out.Reset(part)
	fmt.Fprintf(out, `%s<sst %s count="%d" uniqueCount="%d">`, xmlHead, mainNS, n*6, len(inOrder))
	for _, text := range inOrder {
		out.WriteString("<si><t>")
		if err := xml.EscapeText(out, []byte(text)); err != nil {
			t.Fatal(err)
		}
		out.WriteString("</t></si>")
	}
	out.WriteString("</sst>")
	if err := out.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
}

func BenchmarkRead(b *testing.B) { benchmarkRead(b, writeBook, benchRows+1) }

func BenchmarkReadShared(b *testing.B) { benchmarkRead(b, writeSharedBook, benchRows) }

func benchmarkRead(b *testing.B, write func(testing.TB, io.Writer, int), want int) {
	var out bytes.Buffer
	write(b, &out, benchRows)
	b.ReportAllocs()
	for b.Loop() {
		book, err := (xlsxfile.WorkbookSource{}).OpenWorkbook(b.Context(), bytes.NewReader(out.Bytes()), int64(out.Len()))
		if err != nil {
			b.Fatal(err)
		}
		rows := 0
		for row, err := range book.EachRow(b.Context()) {
			if err != nil || len(row.Cells) != len(benchColumns) {
				b.Fatal(row, err)
			}
			rows++
		}
		if err := book.Close(); err != nil || rows != want {
			b.Fatalf("%d rows, %v; want %d", rows, err, want)
		}
	}
	b.ReportMetric(float64(benchRows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

// BenchmarkReadTealeg reads the rows of BenchmarkRead with tealeg.
func BenchmarkReadTealeg(b *testing.B) {
	var out bytes.Buffer
	writeBook(b, &out, benchRows)
	b.ReportAllocs()
	for b.Loop() {
		file, err := xlsx.OpenBinary(out.Bytes())
		if err != nil {
			b.Fatal(err)
		}
		cells := 0
		if err := file.Sheets[0].ForEachRow(func(row *xlsx.Row) error {
			return row.ForEachCell(func(cell *xlsx.Cell) error {
				if cell.Value != "" {
					cells++
				}
				return nil
			})
		}); err != nil || cells != (benchRows+1)*len(benchColumns) {
			b.Fatal(cells, err)
		}
	}
	b.ReportMetric(float64(benchRows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

// TestMemory writes and reads 200,000 and a million rows in processes of their
// own: neither needs more for more rows, but for the strings that
// cells share.
func TestMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("writes and reads more than two million rows")
	}
	const many, more, mega = benchRows, 1_000_000, 1 << 20
	dir := t.TempDir()
	file := func(name string, n int, write func(testing.TB, io.Writer, int)) string {
		to := must(os.Create(filepath.Join(dir, name)))(t)
		write(t, to, n)
		if err := to.Close(); err != nil {
			t.Fatal(err)
		}
		return to.Name()
	}
	measure := func(task, what string, rows int, limit int64) int64 {
		t.Helper()
		start := time.Now()
		got := inChild(t, task, what)
		t.Logf("%s %s: %v of processor time, %v, %d MiB resident", task, filepath.Base(what), got.cpu, time.Since(start), got.Peak/mega)
		if got.Rows != rows || got.Refusal != "" {
			t.Errorf("%s %s gives %d rows and %q, want %d", task, what, got.Rows, got.Refusal, rows)
		}
		if got.Peak > limit {
			t.Errorf("%s %s takes %d MiB, want at most %d", task, what, got.Peak/mega, limit/mega)
		}
		return got.Peak
	}
	written := measure("write", strconv.Itoa(many), many, 48*mega)
	measure("write", strconv.Itoa(more), more, written+8*mega)
	read := measure("read", file("many.xlsx", many, writeBook), many+1, 64*mega)
	measure("read", file("more.xlsx", more, writeBook), more+1, read+8*mega)
	measure("read", file("shared.xlsx", many, writeSharedBook), many, 96*mega)
}

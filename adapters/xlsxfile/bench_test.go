package xlsxfile_test

import (
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/tealeg/xlsx/v3"

	"github.com/batchport/batchport/adapters/xlsxfile"
	"github.com/batchport/batchport/ports"
)

const benchRows = 200_000

// benchColumns are twelve columns like those of an estate.
var benchColumns = []ports.Column{
	{Title: "物件編號", Format: ports.FormatID},
	{Title: "社區編號", Format: ports.FormatID},
	{Title: "名稱"},
	{Title: "縣市", Format: ports.FormatID},
	{Title: "區域", Format: ports.FormatID},
	{Title: "地址"},
	{Title: "狀態"},
	{Title: "租金", Format: ports.FormatAmount},
	{Title: "坪數", Format: ports.FormatAmount},
	{Title: "刊登"},
	{Title: "簽約日", Format: ports.FormatDate},
	{Title: "備註"},
}

// benchCells are rows to be written in turn: enough of them that the
// compressor has forgotten a row when it comes again.
func benchCells() [][]ports.Cell {
	rows := make([][]ports.Cell, 4_096)
	for i := range rows {
		rows[i] = make([]ports.Cell, len(benchColumns))
		benchRow(rows[i], i)
	}
	return rows
}

// benchRow fills cells with the row numbered i.
func benchRow(cells []ports.Cell, i int) {
	cells[0] = integer(int64(100_000 + i))
	cells[1] = integer(int64(i % 977))
	cells[2] = text(fmt.Sprintf("幸福社區 %d 棟 %d 樓", i%31, i%17))
	cells[3] = integer(int64(i % 22))
	cells[4] = integer(int64(i % 368))
	cells[5] = text(fmt.Sprintf("臺北市大安區和平東路二段 %d 巷 %d 號", i%300, i))
	cells[6] = text([]string{"空置", "出租中", "維修中", "已下架"}[i%4])
	cells[7] = integer(int64(8_000 + i%50_000))
	cells[8] = decimal(fmt.Sprintf("%d.%02d", 10+i%60, i%100))
	cells[9] = text([]string{"是", "否"}[i%2])
	cells[10] = date(time.Unix(1_500_000_000+int64(i%3000)*86_400, 0).UTC())
	cells[11] = text(fmt.Sprintf("note %x & <remarks>", i*2_654_435_761))
}

func BenchmarkWrite(b *testing.B) {
	b.ReportAllocs()
	rows := benchCells()
	for b.Loop() {
		book, err := (xlsxfile.Workbooks{}).NewWorkbook(io.Discard, "物件", benchColumns)
		if err != nil {
			b.Fatal(err)
		}
		for i := range benchRows {
			if err := book.WriteRow(rows[i%len(rows)]); err != nil {
				b.Fatal(err)
			}
		}
		if err := book.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(benchRows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

// BenchmarkWriteTealeg writes the same rows with tealeg's own writer.
func BenchmarkWriteTealeg(b *testing.B) {
	b.ReportAllocs()
	rows := benchCells()
	for b.Loop() {
		file := xlsx.NewFile()
		sheet, err := file.AddSheet("物件")
		if err != nil {
			b.Fatal(err)
		}
		for i := range benchRows {
			row := sheet.AddRow()
			for _, c := range rows[i%len(rows)] {
				addTealeg(row.AddCell(), c)
			}
		}
		if err := file.Write(io.Discard); err != nil {
			b.Fatal(err)
		}
		sheet.Close()
	}
	b.ReportMetric(float64(benchRows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

func addTealeg(to *xlsx.Cell, c ports.Cell) {
	switch c.Kind {
	case ports.CellText:
		to.SetString(c.Text)
	case ports.CellInteger:
		to.SetInt64(c.Int)
	case ports.CellNumber:
		to.SetNumeric(c.Text)
	case ports.CellDate:
		to.SetDate(c.Date)
	case ports.CellBool:
		to.SetBool(c.Bool)
	case ports.CellEmpty, ports.CellError:
	}
}

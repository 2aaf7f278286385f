package xlsxfile_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tealeg/xlsx/v3"
	"github.com/xuri/excelize/v2"

	"github.com/batchport/batchport/adapters/xlsxfile"
	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
	"github.com/batchport/batchport/ports/portstest"
)

func TestWorkbooks(t *testing.T) {
	portstest.Workbooks(t, func(*testing.T) ports.Workbooks { return xlsxfile.Workbooks{} }, readExcelize)
}

var sampleColumns = []ports.Column{
	{Title: "物件編號", Format: ports.FormatID, Width: 12.5},
	{Title: "名稱"},
	{Title: "租金", Format: ports.FormatAmount},
	{Title: "日期", Format: ports.FormatDate},
}

func sampleRows() [][]ports.Cell {
	day := time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC)
	return [][]ports.Cell{
		{integer(9_007_199), text("=1+1"), decimal("12500.5"), date(day)},
		{integer(2), text("幸福社區 A棟"), integer(12_000), date(day.AddDate(0, 0, 1))},
		{{}, text("only a name")},
	}
}

// TestReaders has two readers that know nothing of the writer look at the
// values, types, formats, styles, widths and the frozen header.
func TestReaders(t *testing.T) {
	t.Parallel()
	content := workbook(t, "物件", sampleColumns, sampleRows()...)

	t.Run("tealeg", func(t *testing.T) {
		t.Parallel()
		file, err := xlsx.OpenBinary(content)
		if err != nil {
			t.Fatalf("OpenBinary() = %v", err)
		}
		sheet := file.Sheets[0]
		if got := sheet.MaxRow; got != 4 {
			t.Fatalf("MaxRow = %d, want 4", got)
		}
		for _, c := range []struct {
			row, column int
			value       string
			shown       string // tealeg knows no thousands separators
			kind        xlsx.CellType
			format      string
			bold        bool
		}{
			{0, 0, "物件編號", "物件編號", xlsx.CellTypeInline, "@", true},
			{0, 3, "日期", "日期", xlsx.CellTypeInline, "@", true},
			{1, 0, "9007199", "9007199", xlsx.CellTypeNumeric, "0", false},
			{1, 1, "=1+1", "=1+1", xlsx.CellTypeInline, "@", false},
			{1, 2, "12500.5", "12500.50", xlsx.CellTypeNumeric, "#,##0.00", false},
			{1, 3, "46053", "2026-01-31", xlsx.CellTypeNumeric, "yyyy-mm-dd", false},
			{2, 1, "幸福社區 A棟", "幸福社區 A棟", xlsx.CellTypeInline, "@", false},
			{2, 2, "12000", "12000", xlsx.CellTypeNumeric, "#,##0", false},
			{3, 0, "", "", xlsx.CellTypeString, "", false},
		} {
			cell, err := sheet.Cell(c.row, c.column)
			if err != nil {
				t.Fatalf("Cell(%d, %d) = %v", c.row, c.column, err)
			}
			shown, err := cell.FormattedValue()
			if err != nil || cell.Value != c.value || shown != c.shown || cell.Type() != c.kind || cell.NumFmt != c.format ||
				cell.GetStyle().Font.Bold != c.bold || cell.Formula() != "" {
				t.Errorf("Cell(%d, %d) = %q shown as %q, type %d, format %q, bold %t, formula %q, %v; want %+v",
					c.row, c.column, cell.Value, shown, cell.Type(), cell.NumFmt, cell.GetStyle().Font.Bold, cell.Formula(), err, c)
			}
		}
		if day, err := must(sheet.Cell(2, 3))(t).GetTime(false); err != nil || day.Format(time.DateOnly) != "2026-02-01" {
			t.Errorf("GetTime() = %v, %v; want 2026-02-01", day, err)
		}
		if len(sheet.SheetViews) == 0 || sheet.SheetViews[0].Pane == nil ||
			sheet.SheetViews[0].Pane.YSplit != 1 || sheet.SheetViews[0].Pane.State != "frozen" {
			t.Errorf("SheetViews = %+v, want one row frozen", sheet.SheetViews)
		}
		if got := sheet.Col(0).Width; got == nil || *got != 12.5 {
			t.Errorf("width of the first column = %v, want 12.5", got)
		}
	})

	t.Run("excelize", func(t *testing.T) {
		t.Parallel()
		file := openExcelize(t, content)
		if got := file.GetSheetList(); !slices.Equal(got, []string{"物件"}) {
			t.Fatalf("GetSheetList() = %q, want 物件", got)
		}
		for at, want := range map[string]excelize.CellType{
			"A1": excelize.CellTypeInlineString, "A2": excelize.CellTypeUnset, "B2": excelize.CellTypeInlineString,
			"C2": excelize.CellTypeUnset, "D2": excelize.CellTypeUnset,
		} { // numbers carry no type
			if got, err := file.GetCellType("物件", at); err != nil || got != want {
				t.Errorf("GetCellType(%s) = %v, %v; want %v", at, got, err, want)
			}
		}
		if f, err := file.GetCellFormula("物件", "B2"); err != nil || f != "" {
			t.Errorf("GetCellFormula(B2) = %q, %v; want none", f, err)
		}
		for at, want := range map[string]bool{"A1": true, "D1": true, "A2": false, "B2": false} {
			style, err := file.GetStyle(must(file.GetCellStyle("物件", at))(t))
			if err != nil || (style.Font != nil && style.Font.Bold) != want {
				t.Errorf("style of %s = %+v, %v; want bold %t", at, style, err, want)
			}
		}
		panes, err := file.GetPanes("物件")
		if err != nil || !panes.Freeze || panes.YSplit != 1 || panes.XSplit != 0 || panes.TopLeftCell != "A2" {
			t.Errorf("GetPanes() = %+v, %v; want the first row frozen", panes, err)
		}
		for column, want := range map[string]float64{"A": 12.5, "B": 8, "C": 12, "D": 12} {
			if got, err := file.GetColWidth("物件", column); err != nil || got != want {
				t.Errorf("GetColWidth(%s) = %v, %v; want %v", column, got, err, want)
			}
		}
	})
}

func TestTextOverTheLimitIsCut(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ in, want string }{
		{strings.Repeat("長", 32_768), strings.Repeat("長", 32_766) + "…"},
		{strings.Repeat("a", 40_000), strings.Repeat("a", 32_766) + "…"},
		{strings.Repeat("😀", 16_384), strings.Repeat("😀", 16_383) + "…"},
		{"a" + strings.Repeat("😀", 16_384), "a" + strings.Repeat("😀", 16_382) + "…"}, // never half a pair
	} {
		got := readExcelize(t, workbook(t, "s", sampleColumns[1:2], []ports.Cell{text(c.in)}))[0].Rows[1][0]
		if got != c.want {
			t.Errorf("text of %d runes reads back as %d runes ending %q, want %d ending %q", len([]rune(c.in)),
				len([]rune(got)), last(got), len([]rune(c.want)), last(c.want))
		}
	}
}

// TestNumbersThatExcelWouldChange become text: in numbers Excel shows 15 digits.
func TestNumbersThatExcelWouldChange(t *testing.T) {
	t.Parallel()
	const numeric, inline = xlsx.CellTypeNumeric, xlsx.CellTypeInline
	for _, c := range []struct {
		cell ports.Cell
		want string
		kind xlsx.CellType
	}{
		{integer(999_999_999_999_999), "999999999999999", numeric},
		{integer(-999_999_999_999_999), "-999999999999999", numeric},
		{integer(1_000_000_000_000_000), "1000000000000000", inline},
		{integer(9_007_199_254_740_993), "9007199254740993", inline},
		{integer(-9_223_372_036_854_775_808), "-9223372036854775808", inline},
		{decimal("0.5"), "0.5", numeric},
		{decimal("-0.10"), "-0.10", numeric},
		{decimal("1234567890123.45"), "1234567890123.45", numeric},
		{decimal("12345678901234.50"), "12345678901234.50", numeric},
		{decimal("12345678901234.56"), "12345678901234.56", inline},
		{decimal("007"), "007", inline},
		{decimal("1e5"), "1e5", inline},
		{decimal("NaN"), "NaN", inline},
		{decimal("1."), "1.", inline},
		{decimal(".5"), ".5", inline},
		{decimal("-"), "-", inline},
		{decimal("1</v>"), "1</v>", inline},
	} {
		file, err := xlsx.OpenBinary(workbook(t, "s", []ports.Column{{Title: "n", Format: ports.FormatAmount}}, []ports.Cell{c.cell}))
		if err != nil {
			t.Fatalf("OpenBinary() = %v", err)
		}
		if got := must(file.Sheets[0].Cell(1, 0))(t); got.Value != c.want || got.Type() != c.kind {
			t.Errorf("cell %+v reads back as %q of type %d, want %q of type %d", c.cell, got.Value, got.Type(), c.want, c.kind)
		}
	}
}

func TestDates(t *testing.T) {
	t.Parallel()
	day := func(year int, month time.Month, day int) time.Time {
		return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
	}
	for _, c := range []struct {
		date time.Time
		want string // as stored
	}{
		{day(1900, 2, 28), "1900-02-28"},
		{day(1900, 3, 1), "61"},
		{day(1970, 1, 1), "25569"},
		{day(2024, 2, 29), "45351"},
		{day(9999, 12, 31), "2958465"},
		{day(10000, 1, 1), "10000-01-01"},
		{time.Date(2024, 2, 29, 0, 30, 0, 0, time.FixedZone("Taipei", 8*3600)), "45351"},
	} {
		file := openExcelize(t, workbook(t, "s", []ports.Column{{Title: "d", Format: ports.FormatDate}}, []ports.Cell{date(c.date)}))
		got, err := file.GetCellValue("s", "A2", excelize.Options{RawCellValue: true})
		if err != nil || got != c.want {
			t.Errorf("date %v is stored as %q, %v; want %q", c.date, got, err, c.want)
		}
	}
}

// TestWhiteSpaceIsMarked looks at the XML: Excel drops white space at the ends
// of a text that is not marked, and the readers in these tests do not.
func TestWhiteSpaceIsMarked(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]bool{
		"plain": false, "in the middle": false, " before": true, "after ": true, "\ttab": true, "cr\r": true, "two\nlines": true,
	} {
		sheet := readPart(t, workbook(t, "s", sampleColumns[1:2], []ports.Cell{text(in)}), "xl/worksheets/sheet1.xml")
		if got := bytes.Contains(sheet, []byte(`<t xml:space="preserve">`)); got != want {
			t.Errorf("text %q is marked: %t, want %t", in, got, want)
		}
	}
}

func TestNumberFormats(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		format ports.CellFormat
		cell   ports.Cell
		want   string // as shown
	}{
		{ports.FormatAmount, decimal("1234.00"), "1,234"},
		{ports.FormatAmount, decimal("1234.5"), "1,234.50"},
		{ports.FormatAmount, integer(-1234), "-1,234"},
		{ports.FormatID, integer(1234567), "1234567"},
		{ports.FormatID, decimal("1.5"), "1.5"}, // not rounded away
		{ports.FormatDate, integer(45351), "45351"},
		{ports.FormatText, decimal("1.50"), "1.50"},
		{ports.FormatText, date(time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC)), "2024-02-29"},
	} {
		sheets := readExcelize(t, workbook(t, "s", []ports.Column{{Title: "n", Format: c.format}}, []ports.Cell{c.cell}))
		if got := sheets[0].Rows[1][0]; got != c.want {
			t.Errorf("cell %+v in format %d is shown as %q, want %q", c.cell, c.format, got, c.want)
		}
	}
}

func TestSheetNames(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"物件":                           "物件",
		"":                             "Sheet",
		"a/b\\c:d*e?f[g]":              "a_b_c_d_e_f_g_",
		"'quoted'":                     "quoted",
		strings.Repeat("物", 32):        strings.Repeat("物", 31),
		strings.Repeat("😀", 16):        strings.Repeat("😀", 15),
		strings.Repeat("a", 30) + "'b": strings.Repeat("a", 30),
		"history":                      "historySheet",
		"a\x00b":                       "a b",
		"<&>":                          "<&>",
	} {
		if got := readExcelize(t, workbook(t, in, sampleColumns))[0].Name; got != want {
			t.Errorf("sheet %q is named %q, want %q", in, got, want)
		}
	}
}

func TestNewWorkbookRefusesColumns(t *testing.T) {
	t.Parallel()
	for count, want := range map[int]domain.Code{0: domain.CodeRequired, 16_385: domain.CodeTooMany} {
		if _, err := (xlsxfile.Workbooks{}).NewWorkbook(new(bytes.Buffer), "s", make([]ports.Column, count)); !errors.Is(err, want) {
			t.Errorf("NewWorkbook with %d columns = %v, want %s", count, err, want)
		}
	}
}

func TestColumnsBeyondZ(t *testing.T) {
	t.Parallel()
	columns := make([]ports.Column, 703)
	row := make([]ports.Cell, len(columns))
	for i := range row {
		columns[i].Title, row[i] = "c", integer(int64(i))
	}
	file := openExcelize(t, workbook(t, "s", columns, row))
	for at, want := range map[string]string{"A2": "0", "Z2": "25", "AA2": "26", "AZ2": "51", "ZZ2": "701", "AAA2": "702"} {
		if got, err := file.GetCellValue("s", at); err != nil || got != want {
			t.Errorf("GetCellValue(%s) = %q, %v; want %q", at, got, err, want)
		}
	}
}

func TestRowWiderThanTheColumns(t *testing.T) {
	t.Parallel()
	book, err := (xlsxfile.Workbooks{}).NewWorkbook(new(bytes.Buffer), "s", sampleColumns[:1])
	if err != nil {
		t.Fatalf("NewWorkbook() = %v", err)
	}
	if err := book.WriteRow(make([]ports.Cell, 2)); err == nil {
		t.Error("WriteRow with 2 cells for 1 column = nil, want an error")
	}
}

// TestSameBytes shows that a workbook depends on nothing but its content.
func TestSameBytes(t *testing.T) {
	t.Parallel()
	first, second := workbook(t, "s", sampleColumns, sampleRows()...), workbook(t, "s", sampleColumns, sampleRows()...)
	if !bytes.Equal(first, second) {
		t.Error("two workbooks of the same rows differ")
	}
}

func workbook(t *testing.T, sheet string, columns []ports.Column, rows ...[]ports.Cell) []byte {
	t.Helper()
	var out bytes.Buffer
	book, err := (xlsxfile.Workbooks{}).NewWorkbook(&out, sheet, columns)
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
	return out.Bytes()
}

func openExcelize(t *testing.T, content []byte) *excelize.File {
	t.Helper()
	file, err := excelize.OpenReader(bytes.NewReader(content))
	if err != nil {
		t.Fatalf("OpenReader() = %v", err)
	}
	t.Cleanup(func() { _ = file.Close() })
	return file
}

func readExcelize(t *testing.T, content []byte) []portstest.Sheet {
	t.Helper()
	file := openExcelize(t, content)
	var sheets []portstest.Sheet
	for _, name := range file.GetSheetList() {
		sheets = append(sheets, portstest.Sheet{Name: name, Rows: must(file.GetRows(name))(t)})
	}
	return sheets
}

// must returns a function that gives v, or ends the test with err.
func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func last(s string) string { r := []rune(s); return string(r[len(r)-1:]) }

func text(s string) ports.Cell    { return ports.Cell{Kind: ports.CellText, Text: s} }
func integer(n int64) ports.Cell  { return ports.Cell{Kind: ports.CellInteger, Int: n} }
func decimal(s string) ports.Cell { return ports.Cell{Kind: ports.CellNumber, Text: s} }
func date(t time.Time) ports.Cell { return ports.Cell{Kind: ports.CellDate, Date: t} }

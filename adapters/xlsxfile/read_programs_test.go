package xlsxfile_test

import (
	"bytes"
	"context"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tealeg/xlsx/v3"
	"github.com/xuri/excelize/v2"
)

var update = flag.Bool("update", false, "write the workbooks of other programs to testdata anew")

// sampleCells are what every program writes: two rows of all kinds of cells, an
// awkward one, and one of formulas.
var sampleCells = []readRow{
	{1, []string{`"物件編號"`, `"名稱"`, `"租金"`, `"簽約日"`, `"時間"`, `"啟用"`}},
	{2, []string{"1", `"幸福社區 A棟"`, "12500.5", "2024-02-29T00:00:00", "2024-02-29T18:30:00", "true"}},
	{3, []string{"2", `" both ends "`, "-0.25", "1999-12-31T00:00:00", "2000-01-01T00:00:01", "false"}},
	{4, []string{"", `"two\nlines"`, `"<&>\"'"`}},
	{6, []string{"2", `"ab"`, "#DIV/0!", "", "", "true"}},
}

// programs are what wrote the workbooks in testdata: each has a way to write
// it again to a file.
var programs = []struct {
	file  string
	rows  []readRow
	write func(t *testing.T, to string)
}{
	{"libreoffice.xlsx", sampleCells, writeLibreOffice},
	{"sheetjs.xlsx", sampleCells, func(t *testing.T, to string) { writeSheetJS(t, to) }},
	{"sheetjs-shared.xlsx", sampleCells, func(t *testing.T, to string) { writeSheetJS(t, to, "sst") }},
	{"openpyxl.xlsx", sampleCells[:4], writeOpenpyxl},
}

// TestReadPrograms reads what other programs wrote.
func TestReadPrograms(t *testing.T) {
	t.Parallel()
	for _, p := range programs {
		content, err := os.ReadFile(filepath.Join("testdata", "programs", p.file))
		if err != nil {
			t.Fatal(err)
		}
		wantRead(t, p.file, content, p.rows)
	}
}

// TestReadProgramsAnew has the programs write their workbooks again, in the
// versions that are installed or pinned here.
func TestReadProgramsAnew(t *testing.T) {
	t.Parallel()
	if os.Getenv("BATCHPORT_TEST_REQUIRE") != "1" && !*update {
		t.Skip("BATCHPORT_TEST_REQUIRE is not 1: the workbooks in testdata are read, and not written again")
	}
	for _, p := range programs {
		t.Run(p.file, func(t *testing.T) {
			t.Parallel()
			to := filepath.Join(t.TempDir(), p.file)
			p.write(t, to)
			content, err := os.ReadFile(to)
			if err != nil {
				t.Fatal(err)
			}
			wantRead(t, p.file, content, p.rows)
			if *update {
				if err := os.WriteFile(filepath.Join("testdata", "programs", p.file), content, 0o600); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// wantRead reads a workbook and compares its cells, with tealeg's too.
func wantRead(t *testing.T, name string, content []byte, want []readRow) {
	t.Helper()
	got := mustRead(t, content)
	if !slices.EqualFunc(got, want, equalRows) {
		t.Errorf("%s reads as\n%v, want\n%v", name, got, want)
	}
	file, err := xlsx.OpenBinary(content)
	if err != nil {
		t.Fatalf("tealeg cannot open %s: %v", name, err)
	}
	if other := tealegRows(t, file.Sheets[0]); !slices.EqualFunc(withoutSpace(got), withoutSpace(other), equalRows) {
		t.Errorf("%s reads as\n%v, and tealeg reads\n%v", name, got, other)
	}
}

// withoutSpace returns rows whose texts have no white space at their ends, which
// tealeg takes away from some kinds of texts and not from others.
func withoutSpace(rows []readRow) []readRow {
	trimmed := make([]readRow, len(rows))
	for i, row := range rows {
		trimmed[i].number = row.number
		for _, cell := range row.cells {
			if text, err := strconv.Unquote(cell); err == nil {
				cell = strconv.Quote(strings.Trim(text, " \t\r\n"))
			}
			if cell == `""` {
				cell = ""
			}
			trimmed[i].cells = append(trimmed[i].cells, cell)
		}
	}
	return trimmed
}

// tealegRows are the rows of a sheet as tealeg has them, written like ours.
func tealegRows(t testing.TB, sheet *xlsx.Sheet) []readRow {
	t.Helper()
	var rows []readRow
	err := sheet.ForEachRow(func(row *xlsx.Row) error {
		read := readRow{number: row.GetCoordinate() + 1}
		err := row.ForEachCell(func(cell *xlsx.Cell) error {
			column, _ := cell.GetCoordinates()
			if text := tealegCell(t, cell); text != "" {
				for len(read.cells) < column {
					read.cells = append(read.cells, "")
				}
				read.cells = append(read.cells, text)
			}
			return nil
		}, xlsx.SkipEmptyCells)
		if len(read.cells) > 0 {
			rows = append(rows, read)
		}
		return err
	}, xlsx.SkipEmptyRows)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func tealegCell(t testing.TB, cell *xlsx.Cell) string {
	t.Helper()
	switch cell.Type() {
	case xlsx.CellTypeString, xlsx.CellTypeInline, xlsx.CellTypeStringFormula:
		text := cell.Value
		for _, run := range cell.RichText {
			text += run.Text
		}
		if text == "" {
			return ""
		}
		return strconv.Quote(text)
	case xlsx.CellTypeBool:
		return strconv.FormatBool(cell.Value == "1")
	case xlsx.CellTypeNumeric:
		if !cell.IsTime() || cell.Value == "" {
			return cell.Value
		}
		at, err := cell.GetTime(false)
		if err != nil {
			t.Fatal(err)
		}
		return at.Round(time.Millisecond).Format("2006-01-02T15:04:05.999999999") // it has all of a number's noise
	case xlsx.CellTypeError, xlsx.CellTypeDate:
	}
	return cell.Value
}

func writeLibreOffice(t *testing.T, to string) {
	soffice := program(t, "soffice")
	dir := t.TempDir()
	run(t, dir, soffice, "-env:UserInstallation=file://"+filepath.ToSlash(filepath.Join(dir, "profile")),
		"--headless", "--norestore", "--convert-to", "xlsx", "--outdir", filepath.Dir(to), absolute(t, "testdata/programs/libreoffice.fods"))
}

func writeSheetJS(t *testing.T, to string, options ...string) {
	node, npm := program(t, "node"), program(t, "npm")
	dir := t.TempDir()
	run(t, dir, npm, "install", "--prefix", dir, "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error", "xlsx@0.18.5")
	script, err := os.ReadFile("testdata/programs/sheetjs.js")
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "sheetjs.js"), script, 0o600) // node looks for modules beside it
	}
	if err != nil {
		t.Fatal(err)
	}
	run(t, dir, node, append([]string{filepath.Join(dir, "sheetjs.js"), to}, options...)...)
}

func writeOpenpyxl(t *testing.T, to string) {
	python := program(t, "python3")
	dir := t.TempDir()
	run(t, dir, python, "-m", "venv", filepath.Join(dir, "venv"))
	python = filepath.Join(dir, "venv", "bin", "python")
	run(t, dir, python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "openpyxl==3.1.5")
	run(t, dir, python, absolute(t, "testdata/programs/openpyxl_book.py"), to)
	wantOpenpyxl(t, python)
}

func absolute(t *testing.T, path string) string {
	t.Helper()
	return must(filepath.Abs(path))(t)
}

// program finds a program that the test needs.
func program(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("BATCHPORT_TEST_REQUIRE=1, and %s is not installed", name)
	}
	return path
}

// run runs a program in dir, which is its home too.
func run(t *testing.T, dir, name string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, name, args...)
	command.Dir = dir
	command.Env = append(command.Environ(), "HOME="+dir)
	command.WaitDelay = 5 * time.Second
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%v = %v\n%s", command, err, out)
	}
}

// TestReadGoPrograms reads what excelize and tealeg write here.
func TestReadGoPrograms(t *testing.T) {
	t.Parallel()
	day := time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC)
	at := time.Date(2024, 2, 29, 18, 30, 0, 0, time.UTC)
	want := []readRow{
		{1, []string{`"名稱"`, "12500.5", "2024-02-29T00:00:00", "2024-02-29T18:30:00", "true"}},
		{3, []string{"", `" both "`, `"two\nlines"`, "", "false"}},
	}

	book := excelize.NewFile()
	defer book.Close()
	date := must(book.NewStyle(&excelize.Style{NumFmt: 14}))(t)
	format := "[$-404]e/m/d h:mm;@"
	moment := must(book.NewStyle(&excelize.Style{CustomNumFmt: &format}))(t)
	for place, value := range map[string]any{
		"A1": "名稱", "B1": 12500.5, "C1": day, "D1": at, "E1": true, "B3": " both ", "C3": "two\nlines", "E3": false,
	} {
		if err := book.SetCellValue("Sheet1", place, value); err != nil {
			t.Fatal(err)
		}
	}
	for place, style := range map[string]int{"C1": date, "D1": moment} {
		if err := book.SetCellStyle("Sheet1", place, place, style); err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	if err := book.Write(&out); err != nil {
		t.Fatal(err)
	}
	if got := mustRead(t, out.Bytes()); !slices.EqualFunc(got, want, equalRows) {
		t.Errorf("a workbook of excelize reads as\n%v, want\n%v", got, want)
	}

	file := xlsx.NewFile()
	sheet := must(file.AddSheet("s"))(t)
	row := sheet.AddRow()
	row.AddCell().SetString("名稱")
	row.AddCell().SetFloat(12500.5)
	row.AddCell().SetDate(day)
	row.AddCell().SetDateTime(at)
	row.AddCell().SetBool(true)
	sheet.AddRow()
	row = sheet.AddRow()
	row.AddCell()
	row.AddCell().SetString(" both ")
	row.AddCell().SetRichText([]xlsx.RichTextRun{{Text: "two\n"}, {Text: "lines"}})
	row.AddCell()
	row.AddCell().SetBool(false)
	out.Reset()
	if err := file.Write(&out); err != nil {
		t.Fatal(err)
	}
	wantRead(t, "a workbook of tealeg", out.Bytes(), want)
}

// TestReadLikeness reads workbooks written by hand in the ways of programs that
// cannot be run here.
func TestReadLikeness(t *testing.T) {
	t.Parallel()
	want := []readRow{
		{1, []string{`"物件"`, `"備註"`}},
		{2, []string{"1", `"東京 A"`, "2024-02-29T00:00:00"}},
	}
	for name, book := range map[string]handMade{
		"Excel": {
			sheet: xmlHead + `<worksheet ` + mainNS + ` ` + relNS + ` xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006" mc:Ignorable="x14ac xr xr2 xr3" xmlns:x14ac="http://schemas.microsoft.com/office/spreadsheetml/2009/9/ac" xr:uid="{00000000-0001-0000-0000-000000000000}" xmlns:xr="http://schemas.microsoft.com/office/spreadsheetml/2014/revision">` +
				`<dimension ref="A1:C2"/><sheetViews><sheetView tabSelected="1" workbookViewId="0"><selection activeCell="C2" sqref="C2"/></sheetView></sheetViews><sheetFormatPr defaultRowHeight="15.75" x14ac:dyDescent="0.25"/><sheetData>` +
				`<row r="1" spans="1:3" x14ac:dyDescent="0.25"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c></row>` +
				`<row r="2" spans="1:3" x14ac:dyDescent="0.25"><c r="A2"><v>1</v></c><c r="B2" t="s"><v>2</v></c><c r="C2" s="1"><v>45351</v></c></row></sheetData>` +
				`<phoneticPr fontId="1" type="noConversion"/><pageMargins left="0.7" right="0.7" top="0.75" bottom="0.75" header="0.3" footer="0.3"/></worksheet>`,
			strings: `<si><t>物件</t><phoneticPr fontId="1" type="noConversion"/></si><si><t>備註</t></si>` +
				`<si><r><rPr><sz val="12"/><rFont val="新細明體"/></rPr><t xml:space="preserve">東京 </t></r><r><rPr><b/></rPr><t>A</t></r><rPh sb="0" eb="2"><t>トウキョウ</t></rPh></si>`,
			styles: `<cellXfs count="2"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"><alignment vertical="center"/></xf><xf numFmtId="14" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/></cellXfs>`,
		},
		"WPS": {
			sheet: `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>` + "\n" + `<worksheet ` + mainNS + ` ` + relNS + ` xmlns:etc="http://www.wps.cn/officeDocument/2017/etCustomData"><sheetPr/><dimension ref="A1:C2"/><sheetData>` +
				`<row r="1" spans="1:3"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c></row><row r="2" ht="14" customHeight="1" spans="1:3"><c r="A2"><v>1</v></c><c r="B2" t="s"><v>2</v></c><c r="C2" s="1"><v>45351</v></c></row><row r="3"><c r="A3" s="1"/></row></sheetData><headerFooter/></worksheet>`,
			strings: `<si><t>物件</t></si><si><t>備註</t></si><si><t>東京 A</t></si>`,
			styles:  `<numFmts count="2"><numFmt numFmtId="176" formatCode="yyyy/m/d;@"/><numFmt numFmtId="44" formatCode="_ &quot;￥&quot;* #,##0.00_ ;_ &quot;￥&quot;* \-#,##0.00_ ;_ &quot;￥&quot;* &quot;-&quot;??_ ;_ @_ "/></numFmts><cellXfs count="2"><xf numFmtId="0"/><xf numFmtId="176"/></cellXfs>`,
		},
		"Google Sheets": {
			sheet: `<?xml version="1.0" encoding="UTF-8" standalone="yes"?><worksheet ` + mainNS + ` ` + relNS + ` xmlns:mx="http://schemas.microsoft.com/office/mac/excel/2008/main" xmlns:mv="urn:schemas-microsoft-com:mac:vml"><sheetPr><outlinePr summaryBelow="0" summaryRight="0"/></sheetPr><sheetFormatPr customHeight="1" defaultColWidth="12.63" defaultRowHeight="15.75"/><sheetData>` +
				`<row r="1"><c r="A1" s="1" t="s"><v>0</v></c><c r="B1" s="1" t="s"><v>1</v></c></row><row r="2"><c r="A2" s="1"><v>1.0</v></c><c r="B2" s="1" t="s"><v>2</v></c><c r="C2" s="2"><v>45351.0</v></c></row></sheetData><drawing r:id="rId1"/></worksheet>`,
			strings: `<si><t>物件</t></si><si><t>備註</t></si><si><t>東京 A</t></si>`,
			styles:  `<numFmts count="1"><numFmt numFmtId="164" formatCode="yyyy-mm-dd"/></numFmts><cellXfs count="3"><xf/><xf numFmtId="0"/><xf numFmtId="164"/></cellXfs>`,
		},
		"a report server, with prefixes and inline strings": {
			sheet: `<?xml version="1.0" encoding="utf-8"?><x:worksheet xmlns:x="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><x:sheetData>` +
				`<x:row><x:c t="inlineStr"><x:is><x:t>物件</x:t></x:is></x:c><x:c t="str"><x:v>備註</x:v></x:c></x:row>` +
				`<x:row><x:c><x:v>1</x:v></x:c><x:c t="inlineStr"><x:is><x:r><x:t>東京 </x:t></x:r><x:r><x:t>A</x:t></x:r></x:is></x:c><x:c t="d"><x:v>2024-02-29</x:v></x:c></x:row></x:sheetData></x:worksheet>`,
		},
	} {
		wanted := want
		if name == "Google Sheets" {
			wanted = []readRow{want[0], {2, []string{"1.0", `"東京 A"`, "2024-02-29T00:00:00"}}}
		}
		if got := mustRead(t, book.zip(t)); !slices.EqualFunc(got, wanted, equalRows) {
			t.Errorf("a workbook as of %s reads as\n%v, want\n%v", name, got, wanted)
		}
	}
}

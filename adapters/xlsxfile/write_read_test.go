package xlsxfile_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tealeg/xlsx/v3"
	"github.com/xuri/excelize/v2"

	"github.com/batchport/batchport/ports"
)

// writtenCells are cells of every kind in columns of every format, and how
// they are read back.
var writtenCells = []struct {
	cells [4]ports.Cell // in columns of text, numbers, amounts and dates
	want  []string
}{
	{
		[4]ports.Cell{text("幸福社區 A棟"), integer(9_007_199), decimal("12500.5"), date(time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC))},
		[]string{`"幸福社區 A棟"`, "9007199", "12500.5", "2024-02-29T00:00:00"},
	},
	{
		[4]ports.Cell{integer(7), integer(-999_999_999_999_999), decimal("-0.25"), date(time.Date(1900, 3, 1, 0, 0, 0, 0, time.UTC))},
		[]string{`"7"`, "-999999999999999", "-0.25", "1900-03-01T00:00:00"},
	},
	{
		[4]ports.Cell{decimal("1.50"), integer(1_000_000_000_000_000), decimal("12345678901234.56"), date(time.Date(1900, 2, 28, 0, 0, 0, 0, time.UTC))},
		[]string{`"1.50"`, `"1000000000000000"`, `"12345678901234.56"`, `"1900-02-28"`},
	},
	{
		[4]ports.Cell{
			{Kind: ports.CellBool, Bool: true},
			{Kind: ports.CellBool},
			{Kind: ports.CellError, Text: "#DIV/0!"},
			{Kind: ports.CellError, Text: "#N/A"},
		},
		[]string{`"TRUE"`, `"FALSE"`, `"#DIV/0!"`, `"#N/A"`},
	},
	{[4]ports.Cell{{}, text("in a column of numbers"), {}, text("soon")}, []string{"", `"in a column of numbers"`, "", `"soon"`}},
	{[4]ports.Cell{text("=1+1"), text("<&>\"'\r\n\t"), text("_x000D_"), text("😀𠮷")}, []string{`"=1+1"`, `"<&>\"'\r\n\t"`, `"_x000D_"`, `"😀𠮷"`}},
	{[4]ports.Cell{text("TRUE"), text("#N/A"), text("1E5"), text("2024-02-29")}, []string{`"TRUE"`, `"#N/A"`, `"1E5"`, `"2024-02-29"`}},
}

// written is a workbook of writtenCells, and what it should read as.
func written(t *testing.T) (content []byte, want []readRow) {
	t.Helper()
	columns := []ports.Column{
		{Title: "text"}, {Title: "id", Format: ports.FormatID}, {Title: "amount", Format: ports.FormatAmount}, {Title: "day", Format: ports.FormatDate},
	}
	want = []readRow{{1, []string{`"text"`, `"id"`, `"amount"`, `"day"`}}}
	var rows [][]ports.Cell
	for i, row := range writtenCells {
		rows = append(rows, row.cells[:])
		want = append(want, readRow{i + 2, row.want})
	}
	return workbook(t, "s", columns, rows...), want
}

// TestWrittenReadsBack has each reader read what was written.
func TestWrittenReadsBack(t *testing.T) {
	t.Parallel()
	content, want := written(t)
	if got := mustRead(t, content); !slices.EqualFunc(got, want, equalRows) {
		t.Errorf("it reads back as\n%v, want\n%v", got, want)
	}
	file, err := xlsx.OpenBinary(content)
	if err != nil {
		t.Fatalf("OpenBinary() = %v", err)
	}
	theirs := tealegRows(t, file.Sheets[0])
	for i := range theirs { // it has no escapes
		for k, cell := range theirs[i].cells {
			theirs[i].cells[k] = strings.ReplaceAll(cell, "_x005F_", "_")
		}
	}
	if got := withoutSpace(theirs); !slices.EqualFunc(got, withoutSpace(want), equalRows) {
		t.Errorf("tealeg reads\n%v, want\n%v", got, want)
	}
	book := openExcelize(t, content)
	rows := must(book.GetRows("s", excelize.Options{RawCellValue: true}))(t)
	for i, row := range want {
		for column := range row.cells {
			place := must(excelize.CoordinatesToCellName(column+1, i+1))(t)
			kind, err := book.GetCellType("s", place)
			if isText := strings.HasPrefix(row.cells[column], `"`); err != nil || isText != (kind == excelize.CellTypeInlineString) {
				t.Errorf("excelize has the type %v in %s, %v; want %s", kind, place, err, row.cells[column])
			}
			if got := excelizeCell(rows[i][column], row.cells[column]); got != row.cells[column] {
				t.Errorf("excelize reads %s in %s, want %s", got, place, row.cells[column])
			}
		}
	}
}

// excelizeCell writes what excelize has in a cell in the form of want.
func excelizeCell(value, want string) string {
	switch {
	case strings.HasPrefix(want, `"`):
		quoted, _ := json.Marshal(value)
		return strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(string(quoted))
	case strings.Contains(want, "T"):
		return map[string]string{"45351": "2024-02-29T00:00:00", "61": "1900-03-01T00:00:00"}[value]
	}
	return value
}

// wantOpenpyxl has openpyxl read what was written.
func wantOpenpyxl(t *testing.T, python string) {
	t.Helper()
	content, rows := written(t)
	book := filepath.Join(t.TempDir(), "written.xlsx")
	if err := os.WriteFile(book, content, 0o600); err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), python, absolute(t, "testdata/programs/openpyxl_read.py"), book)
	var faults bytes.Buffer
	command.Stderr = &faults
	out, err := command.Output()
	if err != nil {
		t.Fatalf("%v = %v\n%s", command, err, faults.Bytes())
	}
	var got, want [][]any
	out = bytes.ReplaceAll(out, []byte("_x005F_"), []byte("_")) // it has no escapes either
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		var cells []any
		for _, cell := range row.cells {
			var value any
			if strings.Contains(cell, "T00:") {
				value = cell
			} else if err := json.Unmarshal([]byte(cellJSON(cell)), &value); err != nil {
				t.Fatal(err)
			}
			cells = append(cells, value)
		}
		want = append(want, cells)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("openpyxl reads other cells (-want +got):\n%s", diff)
	}
}

// cellJSON returns the JSON of a cell.
func cellJSON(cell string) string {
	if cell == "" {
		return "null"
	}
	return cell
}

// TestDefaultStyleIsNamed looks at the XML: readers that miss the name of the
// default style warn, and take another one.
func TestDefaultStyleIsNamed(t *testing.T) {
	t.Parallel()
	content, _ := written(t)
	styles := readPart(t, content, "xl/styles.xml")
	if !bytes.Contains(styles, []byte(`</cellXfs><cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>`)) {
		t.Errorf("the styles do not name the default one: %s", styles)
	}
}

package xlsxfile_test

import (
	"archive/zip"
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/batchport/batchport/adapters/xlsxfile"
	"github.com/batchport/batchport/ports"
)

// TestRowsBeyondASheetGoOn writes two rows more than a sheet holds.
func TestRowsBeyondASheetGoOn(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("writes more than a million rows")
	}
	const perSheet, rows = 1_048_575, 1_048_575 + 2
	var out bytes.Buffer
	book, err := (xlsxfile.Workbooks{}).NewWorkbook(&out, strings.Repeat("x", 31), []ports.Column{{Title: "n", Format: ports.FormatID}})
	if err != nil {
		t.Fatalf("NewWorkbook() = %v", err)
	}
	for i := range rows {
		if err := book.WriteRow([]ports.Cell{integer(int64(i))}); err != nil {
			t.Fatalf("WriteRow(%d) = %v", i, err)
		}
	}
	if err := book.Close(); err != nil {
		t.Fatalf("Close() = %v", err)
	}
	for name, want := range map[string]int{"xl/worksheets/sheet1.xml": perSheet + 1, "xl/worksheets/sheet2.xml": rows - perSheet + 1} {
		got, tail := countRows(t, out.Bytes(), name)
		if got != want || !strings.HasSuffix(tail, "</worksheet>") {
			t.Errorf("%s has %d rows and ends %q, want %d rows", name, got, tail, want)
		}
	}
	file := openExcelize(t, out.Bytes())
	want := []string{strings.Repeat("x", 31), strings.Repeat("x", 27) + " (2)"}
	if got := file.GetSheetList(); !slices.Equal(got, want) {
		t.Fatalf("GetSheetList() = %q, want %q", got, want)
	}
	wantRows := [][]string{{"n"}, {"1048575"}, {"1048576"}}
	if got, err := file.GetRows(want[1]); err != nil || !slices.EqualFunc(got, wantRows, slices.Equal) {
		t.Errorf("rows of the second sheet = %q, %v; want %q", got, err, wantRows)
	}
	style, err := file.GetStyle(must(file.GetCellStyle(want[1], "A1"))(t))
	if err != nil || style.Font == nil || !style.Font.Bold {
		t.Errorf("header of the second sheet has the style %+v, %v; want bold", style, err)
	}
	if panes, err := file.GetPanes(want[1]); err != nil || !panes.Freeze {
		t.Errorf("panes of the second sheet = %+v, %v; want the header frozen", panes, err)
	}
	// Sheets that are selected together are edited together.
	if head := string(readPart(t, out.Bytes(), "xl/worksheets/sheet2.xml")); strings.Contains(head, `tabSelected="true"`) {
		t.Error("the second sheet is selected as well as the first")
	}
}

// countRows returns how many rows a part has, and its last bytes.
func countRows(t *testing.T, archive []byte, name string) (rows int, tail string) {
	t.Helper()
	content := readPart(t, archive, name)
	return bytes.Count(content, []byte("<row ")), string(content[max(0, len(content)-20):])
}

func readPart(t *testing.T, archive []byte, name string) []byte {
	t.Helper()
	content, err := io.ReadAll(openPart(t, archive, name))
	if err != nil {
		t.Fatalf("read %s: %v", name, err)
	}
	return content
}

func openPart(t *testing.T, archive []byte, name string) io.Reader {
	t.Helper()
	files, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		t.Fatalf("open the archive: %v", err)
	}
	part, err := files.Open(name)
	if err != nil {
		t.Fatalf("open %s: %v", name, err)
	}
	t.Cleanup(func() { _ = part.Close() })
	return part
}

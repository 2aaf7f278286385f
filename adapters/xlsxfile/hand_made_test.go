package xlsxfile_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/batchport/batchport/adapters/xlsxfile"
	"github.com/batchport/batchport/ports"
)

// Beginnings of parts.
const (
	xmlHead  = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>` + "\r\n"
	mainNS   = `xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"`
	relNS    = `xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"`
	relTypes = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/"
	relsNS   = `xmlns="http://schemas.openxmlformats.org/package/2006/relationships"`
)

// handMade is a workbook whose parts are written by hand. Empty parts are
// those of a workbook of one sheet; one of "-" is left out.
type handMade struct {
	rows     string // what is in <sheetData>; sheet replaces it
	sheet    string
	strings  string // the elements of the shared strings
	styles   string // the elements of <styleSheet>
	workbook string
	rels     string            // of the workbook
	root     string            // the relations of the archive
	others   map[string]string // further parts, by name
}

// parts returns the parts in their order.
func (h handMade) parts() (names []string, parts map[string]string) {
	parts = map[string]string{}
	add := func(name, content, otherwise string) {
		if content == "" {
			content = otherwise
		}
		if content != "-" {
			names = append(names, name)
			parts[name] = content
		}
	}
	add("[Content_Types].xml", "", xmlHead+`<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="xml" ContentType="application/xml"/><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/></Types>`)
	add("_rels/.rels", h.root, relations(`Id="rId1" Type="`+relTypes+`officeDocument" Target="xl/workbook.xml"`))
	add("xl/workbook.xml", h.workbook, xmlHead+`<workbook `+mainNS+` `+relNS+`><sheets><sheet name="s" sheetId="1" r:id="rId1"/></sheets></workbook>`)
	add("xl/_rels/workbook.xml.rels", h.rels, relations(
		`Id="rId1" Type="`+relTypes+`worksheet" Target="worksheets/sheet1.xml"`,
		`Id="rId2" Type="`+relTypes+`styles" Target="styles.xml"`,
		`Id="rId3" Type="`+relTypes+`sharedStrings" Target="sharedStrings.xml"`))
	add("xl/worksheets/sheet1.xml", h.sheet, xmlHead+`<worksheet `+mainNS+`><sheetData>`+h.rows+`</sheetData></worksheet>`)
	if h.styles != "" {
		add("xl/styles.xml", xmlHead+`<styleSheet `+mainNS+`>`+h.styles+`</styleSheet>`, "")
	}
	if h.strings != "" {
		add("xl/sharedStrings.xml", xmlHead+`<sst `+mainNS+`>`+h.strings+`</sst>`, "")
	}
	for name, content := range h.others {
		add(name, content, "")
	}
	return names, parts
}

func relations(all ...string) string {
	return xmlHead + `<Relationships ` + relsNS + `><Relationship ` + strings.Join(all, `/><Relationship `) + `/></Relationships>`
}

// zip makes the workbook's file.
func (h handMade) zip(t testing.TB) []byte {
	t.Helper()
	names, parts := h.parts()
	return zipOf(t, names, parts)
}

func zipOf(t testing.TB, names []string, parts map[string]string) []byte {
	t.Helper()
	var out bytes.Buffer
	archive := zip.NewWriter(&out)
	for _, name := range names {
		w, err := archive.Create(name)
		if err == nil {
			_, err = io.WriteString(w, parts[name])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// readRow is a row that was read: its cells as shown writes them.
type readRow struct {
	number int
	cells  []string
}

// readAll reads all rows of a workbook, or as many as there are before an error.
func readAll(t testing.TB, source xlsxfile.WorkbookSource, content []byte) ([]readRow, error) {
	t.Helper()
	book, err := source.OpenWorkbook(t.Context(), bytes.NewReader(content), int64(len(content)))
	if err != nil {
		return nil, err
	}
	defer book.Close()
	var rows []readRow
	for row, err := range book.EachRow(t.Context()) {
		if err != nil {
			return rows, err
		}
		read := readRow{number: row.Number}
		for _, c := range row.Cells {
			read.cells = append(read.cells, shown(c))
		}
		rows = append(rows, read)
	}
	return rows, nil
}

// mustRead is readAll for a workbook that has to be readable.
func mustRead(t testing.TB, content []byte) []readRow {
	t.Helper()
	rows, err := readAll(t, xlsxfile.WorkbookSource{}, content)
	if err != nil {
		t.Fatalf("the workbook gave %v", err)
	}
	return rows
}

// shown writes a cell with its kind: texts in quotes, numbers bare, dates as
// ISO 8601, true, false, errors as they are; nothing for an empty cell.
func shown(c ports.Cell) string {
	switch c.Kind {
	case ports.CellEmpty:
		return ""
	case ports.CellText:
		return strconv.Quote(c.Text)
	case ports.CellInteger:
		return "integer " + strconv.FormatInt(c.Int, 10)
	case ports.CellNumber, ports.CellError:
		return c.Text
	case ports.CellDate:
		if c.Date.Location() != time.UTC {
			return fmt.Sprintf("%v, which is not in UTC", c.Date)
		}
		return c.Date.Format("2006-01-02T15:04:05.999999999")
	case ports.CellBool:
		return strconv.FormatBool(c.Bool)
	}
	return fmt.Sprintf("%+v", c)
}

func itoa(n int) string { return strconv.Itoa(n) }

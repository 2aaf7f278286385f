package xlsxfile_test

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/batchport/batchport/adapters/xlsxfile"
	"github.com/batchport/batchport/domain"
)

const oneRow = `<row r="1"><c r="A1" t="inlineStr"><is><t>here</t></is></c></row>`

func sheetWith(rows string) string {
	return xmlHead + `<worksheet ` + mainNS + `><sheetData>` + rows + `</sheetData></worksheet>`
}

func sheetsOf(sheets ...string) string {
	return xmlHead + `<workbook ` + mainNS + ` ` + relNS + `><sheets><sheet ` + strings.Join(sheets, `/><sheet `) + `/></sheets></workbook>`
}

// TestReadFindsTheFirstSheet has the row in one place and another one
// everywhere else.
func TestReadFindsTheFirstSheet(t *testing.T) {
	t.Parallel()
	const wrong = `<row r="1"><c r="A1" t="inlineStr"><is><t>wrong</t></is></c></row>`
	for name, book := range map[string]handMade{
		"as usual": {rows: oneRow},
		"the first of the workbook, not of the relations": {
			rows: wrong, others: map[string]string{"xl/worksheets/sheet2.xml": sheetWith(oneRow)},
			workbook: sheetsOf(`name="b" sheetId="2" r:id="rId2"`, `name="a" sheetId="1" r:id="rId1"`),
			rels: relations(`Id="rId1" Type="`+relTypes+`worksheet" Target="worksheets/sheet1.xml"`,
				`Id="rId2" Type="`+relTypes+`worksheet" Target="worksheets/sheet2.xml"`),
		},
		"a hidden one": {
			rows: oneRow, others: map[string]string{"xl/worksheets/sheet2.xml": sheetWith(wrong)},
			workbook: sheetsOf(`name="a" sheetId="1" state="veryHidden" r:id="rId1"`, `name="b" sheetId="2" r:id="rId2"`),
			rels: relations(`Id="rId1" Type="`+relTypes+`worksheet" Target="worksheets/sheet1.xml"`,
				`Id="rId2" Type="`+relTypes+`worksheet" Target="worksheets/sheet2.xml"`),
		},
		"behind a chart": {
			rows: oneRow, others: map[string]string{"xl/chartsheets/sheet1.xml": `<chartsheet/>`},
			workbook: sheetsOf(`name="c" sheetId="1" r:id="rId9"`, `name="a" sheetId="2" r:id="rId1"`),
			rels: relations(`Id="rId9" Type="`+relTypes+`chartsheet" Target="chartsheets/sheet1.xml"`,
				`Id="rId1" Type="`+relTypes+`worksheet" Target="worksheets/sheet1.xml"`),
		},
		"behind one that is elsewhere": {
			rows:     oneRow,
			workbook: sheetsOf(`name="c" sheetId="1" r:id="rId9"`, `name="a" sheetId="2" r:id="rId1"`),
			rels: relations(`Id="rId9" Type="`+relTypes+`worksheet" TargetMode="External" Target="worksheets/sheet1.xml"`,
				`Id="rId1" Type="`+relTypes+`worksheet" Target="worksheets/sheet1.xml"`),
		},
		"an absolute target": {
			rows: oneRow, rels: relations(`Id="rId1" Type="` + relTypes + `worksheet" Target="/xl/worksheets/sheet1.xml"`),
		},
		"a target that goes round": {
			rows: oneRow, rels: relations(`Id="rId1" Type="` + relTypes + `worksheet" Target="../xl/./worksheets/sheet1.xml"`),
		},
		"a target of another case": {
			rows: oneRow, rels: relations(`Id="rId1" Type="` + relTypes + `worksheet" Target="Worksheets/Sheet1.XML"`),
		},
		"a target with escapes": {
			sheet: "-", others: map[string]string{"xl/worksheets/sheet 1.xml": sheetWith(oneRow)},
			rels: relations(`Id="rId1" Type="` + relTypes + `worksheet" Target="worksheets/sheet%201.xml"`),
		},
		"no relations of the archive": {rows: oneRow, root: "-"},
		"a workbook elsewhere": {
			root:     relations(`Id="a" Type="` + relTypes + `officeDocument" Target="book/main.xml"`),
			workbook: "-", rels: "-", sheet: "-",
			others: map[string]string{
				"book/main.xml":            sheetsOf(`name="a" sheetId="1" r:id="x"`),
				"book/_rels/main.xml.rels": relations(`Id="x" Type="` + relTypes + `worksheet" Target="one.xml"`),
				"book/one.xml":             sheetWith(oneRow),
			},
		},
		"prefixes": {
			workbook: `<x:workbook xmlns:x="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:q="` + strings.TrimSuffix(relTypes, "/") +
				`"><x:sheets><x:sheet name="s" sheetId="1" q:id="rId1"/></x:sheets></x:workbook>`,
			sheet: `<x:worksheet xmlns:x="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><x:dimension ref="A1:XFD1048576"/><x:sheetData>` +
				`<x:row r="1"><x:c r="A1" t="inlineStr"><x:is><x:t>here</x:t></x:is></x:c></x:row></x:sheetData></x:worksheet>`,
		},
		"the strict format": {
			root: relations(`Id="a" Type="http://purl.oclc.org/ooxml/officeDocument/relationships/officeDocument" Target="xl/workbook.xml"`),
			workbook: `<workbook xmlns="http://purl.oclc.org/ooxml/spreadsheetml/main" xmlns:r="http://purl.oclc.org/ooxml/officeDocument/relationships" conformance="strict">` +
				`<sheets><sheet name="s" sheetId="1" r:id="rId1"/></sheets></workbook>`,
			rels:  relations(`Id="rId1" Type="http://purl.oclc.org/ooxml/officeDocument/relationships/worksheet" Target="worksheets/sheet1.xml"`),
			sheet: `<worksheet xmlns="http://purl.oclc.org/ooxml/spreadsheetml/main"><sheetData>` + oneRow + `</sheetData></worksheet>`,
		},
		"byte order marks": {
			sheet:    "\uFEFF" + sheetWith(oneRow),
			workbook: "\uFEFF" + sheetsOf(`name="s" sheetId="1" r:id="rId1"`),
		},
		"what stands around the rows": {
			sheet: `<?xml version='1.0' encoding='utf-8'?><!-- <row/> --><worksheet ` + mainNS + `><sheetPr><tabColor rgb="1"/></sheetPr><dimension ref="A1"/><cols><col min="1" max="1"/></cols>` +
				`<sheetData>` + oneRow + `</sheetData><mergeCells><mergeCell ref="A1:B2"/></mergeCells><extLst><ext><sheetData><row r="2"><c r="A2"><v>2</v></c></row></sheetData></ext></extLst></worksheet>` + "\n<!-- end -->\n",
		},
		"unknown elements among the rows": {
			rows: `<row r="1"><x/><c r="A1" t="inlineStr"><is><t>here</t></is></c><extLst><c r="Z1"/></extLst></row><custom><row r="2"><c r="A2"><v>2</v></c></row></custom>`,
		},
		"a dimension that is far off": {
			sheet: xmlHead + `<worksheet ` + mainNS + `><dimension ref="A1:XFD1048576"/><sheetData>` + oneRow + `</sheetData></worksheet>`,
		},
		"a count of shared strings that is far off": {
			rows:   oneRow,
			others: map[string]string{"xl/sharedStrings.xml": `<sst ` + mainNS + ` count="500000000" uniqueCount="-7"><si><t>x</t></si></sst>`},
		},
	} {
		want := []readRow{{1, []string{`"here"`}}}
		got, err := readAll(t, xlsxfile.WorkbookSource{}, book.zip(t))
		if err != nil || !slices.EqualFunc(got, want, equalRows) {
			t.Errorf("%s: rows = %v, %v; want %v", name, got, err, want)
		}
	}
}

// TestReadNamesOfWindows reads an archive whose names have backslashes.
func TestReadNamesOfWindows(t *testing.T) {
	t.Parallel()
	names, parts := handMade{rows: oneRow}.parts()
	for i, name := range names {
		names[i] = strings.ReplaceAll(name, "/", `\`)
		parts[names[i]] = parts[name]
	}
	if got := mustRead(t, zipOf(t, names, parts)); len(got) != 1 {
		t.Errorf("rows = %v, want one", got)
	}
}

// TestReadLongTexts reads texts around the size of the reader's buffer, so
// that everything falls on its end at some time.
func TestReadLongTexts(t *testing.T) {
	t.Parallel()
	const piece = "長い&amp;\r\n_x0041_<!-- c --><![CDATA[<]]>&#x1F600;"
	const want = "長い&\nA<😀"
	for _, pad := range []int{0, 65_240, 65_280, 65_320, 65_360, 65_400} { // the buffer ends somewhere there
		for shift := range 40 {
			rows := `<row r="1"><!--` + strings.Repeat("x", pad+shift) + `--><c r="A1" t="str"><v>` + strings.Repeat(piece, 3) + `</v></c></row>`
			got := mustRead(t, handMade{rows: rows}.zip(t))
			if len(got) != 1 || got[0].cells[0] != `"`+strings.ReplaceAll(strings.Repeat(want, 3), "\n", `\n`)+`"` {
				t.Fatalf("behind %d bytes rows = %v", pad+shift, got)
			}
		}
	}
	long := strings.Repeat("長", 32_767)
	got := mustRead(t, handMade{rows: `<row r="1"><c r="A1" t="str"><v>` + strings.Repeat("&#38263;", 32_767) + `</v></c></row>`}.zip(t))
	if got[0].cells[0] != `"`+long+`"` {
		t.Errorf("a text of 32,767 references reads as %d bytes, want %d", len(got[0].cells[0])-2, len(long))
	}
}

// TestReadFileFails has every read of the file fail in turn: the error comes
// out as it is, and never as a fault of the workbook.
func TestReadFileFails(t *testing.T) {
	t.Parallel()
	var rows strings.Builder
	for i := range 2_000 {
		rows.WriteString(`<row><c><v>` + itoa(i*7919) + `</v></c></row>`)
	}
	content := handMade{rows: rows.String(), strings: `<si><t>x</t></si>`, styles: dateStyles}.zip(t)
	gone := errors.New("the disk is gone")
	seen := map[string]bool{}
	for from := int64(0); from < int64(len(content)); from += 1_597 {
		// What is behind from can be read once more, so that the failure comes late too.
		for reads := range 40 {
			file := &fadingFile{content: content, reads: reads, from: from, err: gone}
			book, err := (xlsxfile.WorkbookSource{}).OpenWorkbook(t.Context(), file, int64(len(content)))
			where := "OpenWorkbook"
			if err == nil {
				where = "EachRow"
				for _, e := range book.EachRow(t.Context()) {
					err = e
				}
			}
			if file.failed && (!errors.Is(err, gone) || domain.CodeOf(err) != domain.CodeInternal) {
				t.Fatalf("%s with a file that fails from %d on = %v, want its error", where, from, err)
			}
			if !file.failed && err != nil {
				t.Fatalf("%s with a file that did not fail = %v", where, err)
			}
			seen[where] = seen[where] || file.failed
		}
	}
	if !seen["OpenWorkbook"] || !seen["EachRow"] {
		t.Errorf("the file failed in %v, want both", seen)
	}
}

// fadingFile is a file of which what is behind from can be read only so often.
type fadingFile struct {
	content []byte
	reads   int
	from    int64
	err     error
	failed  bool
}

func (f *fadingFile) ReadAt(p []byte, at int64) (int, error) {
	if at+int64(len(p)) > f.from {
		if f.reads--; f.reads < 0 {
			f.failed = true
			return 0, f.err
		}
	}
	n := copy(p, f.content[min(at, int64(len(f.content))):])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

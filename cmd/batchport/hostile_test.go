package main

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// memoryBound is what the process may take, whatever it is sent.
const memoryBound = 256

// TestHostileWorkbooksStayWithinMemory sends small workbooks that say one long
// text very often, to the real binary: what comes of a file must be bounded
// too, not only the reading of it.
func TestHostileWorkbooksStayWithinMemory(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("reads the peak of memory from /proc")
	}
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	s := startServing(t, t.TempDir(), "--demo")
	wide := make([]string, 60)
	for i := range wide {
		wide[i] = strings.Repeat("寬", 40_000) // one text, in every cell
	}
	for name, file := range map[string][]byte{
		"wide rows":     sharedSheet(t, 270, "", wide...),
		"long notes":    sharedSheet(t, 20_000, strings.Repeat("長", 1_000)),
		"escaped notes": sharedSheet(t, 20_000, strings.Repeat("&lt;", 3_000)),
	} {
		url := s.upload(t, s.key, "a.xlsx", file)
		code := s.submit(t, s.key, fmt.Sprintf(`{"job_name":"estate_import_monthly_statement","publicUrl":%q,"date":"202611"}`, url))
		got := s.await(t, s.key, code)
		peak := peakMiB(t, s.cmd.Process.Pid)
		t.Logf("%s: %d KiB, ended with %d, peak %.0f MiB", name, len(file)>>10, got.Code, peak)
		if peak > memoryBound {
			t.Errorf("%s: the process took %.0f MiB for a file of %d KiB, want at most %d", name, peak, len(file)>>10, memoryBound)
		}
	}
}

// sharedSheet is a workbook of n statement lines whose note, and cells beyond
// it, are shared strings.
func sharedSheet(t *testing.T, n int, note string, more ...string) []byte {
	t.Helper()
	var shared, sheet strings.Builder
	shared.WriteString(`<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><si><t>` + note + `</t></si>`)
	if len(more) > 0 {
		shared.WriteString(`<si><t>` + more[0] + `</t></si>`)
	}
	shared.WriteString(`</sst>`)
	sheet.WriteString(`<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData><row>`)
	for _, title := range []string{"estate_id", "item", "amount", "note"} {
		fmt.Fprintf(&sheet, `<c t="inlineStr"><is><t>%s</t></is></c>`, title)
	}
	sheet.WriteString(`</row>`)
	for i := range n {
		fmt.Fprintf(&sheet, `<row><c><v>%d</v></c><c t="inlineStr"><is><t>%d</t></is></c><c><v>1</v></c><c t="s"><v>0</v></c>`, firstEstate+i%100, i)
		for range more {
			sheet.WriteString(`<c t="s"><v>1</v></c>`)
		}
		sheet.WriteString(`</row>`)
	}
	sheet.WriteString(`</sheetData></worksheet>`)
	const head = `<?xml version="1.0" encoding="UTF-8"?>`
	const types, relations = "http://schemas.openxmlformats.org/package/2006", "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
	var file bytes.Buffer
	archive := zip.NewWriter(&file)
	var err error
	for _, part := range [][2]string{
		{"[Content_Types].xml", `<Types xmlns="` + types + `/content-types"/>`},
		{"_rels/.rels", `<Relationships xmlns="` + types + `/relationships"><Relationship Id="r1" Type="` + relations + `/officeDocument" Target="xl/workbook.xml"/></Relationships>`},
		{"xl/workbook.xml", `<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="` + relations + `"><sheets><sheet name="s" sheetId="1" r:id="r1"/></sheets></workbook>`},
		{"xl/_rels/workbook.xml.rels", `<Relationships xmlns="` + types + `/relationships"><Relationship Id="r1" Type="` + relations + `/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="r2" Type="` + relations + `/sharedStrings" Target="sharedStrings.xml"/></Relationships>`},
		{"xl/sharedStrings.xml", shared.String()},
		{"xl/worksheets/sheet1.xml", sheet.String()},
	} {
		w, failed := archive.Create(part[0])
		if failed == nil {
			_, failed = w.Write([]byte(head + part[1]))
		}
		err = errors.Join(err, failed)
	}
	if err := errors.Join(err, archive.Close()); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

package xlsxfile_test

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// deflated is a part that is compressed already.
type deflated struct {
	data     []byte
	declared uint64 // bytes that it says it has
}

// repeated compresses head, unit so many times, and tail, without ever having
// it all: a unit compresses to the same bytes each time.
func repeated(t *testing.T, head, unit string, times int, tail string) deflated {
	t.Helper()
	const enough = 64 << 10 // the window has only units in it
	part := deflated{declared: uint64(len(head)) + uint64(len(unit))*uint64(times) + uint64(len(tail))}
	for len(unit) < enough && times%2 == 0 {
		unit, times = unit+unit, times/2
	}
	var out bytes.Buffer
	w, err := flate.NewWriter(&out, flate.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	write := func(s string) []byte {
		out.Reset()
		if _, err := io.WriteString(w, s); err != nil {
			t.Fatal(err)
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		return bytes.Clone(out.Bytes())
	}
	part.data = append(write(head), write(unit)...)
	write(unit)
	again := write(unit)
	for range times - 1 {
		part.data = append(part.data, again...)
	}
	part.data = append(part.data, write(tail)...)
	out.Reset()
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	part.data = append(part.data, out.Bytes()...)
	return part
}

// withPart makes a workbook in which one part is replaced by a compressed one.
func withPart(t *testing.T, book handMade, name string, part deflated) []byte {
	t.Helper()
	names, parts := book.parts()
	var out bytes.Buffer
	archive := zip.NewWriter(&out)
	add := func(header *zip.FileHeader, content []byte) {
		w, err := archive.CreateRaw(header)
		if err == nil {
			_, err = w.Write(content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	add(&zip.FileHeader{
		Name: name, Method: zip.Deflate, CompressedSize64: uint64(len(part.data)), UncompressedSize64: part.declared,
	}, part.data)
	for _, other := range names {
		if other != name {
			w, err := archive.Create(other)
			if err == nil {
				_, err = io.WriteString(w, parts[other])
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// overlapping makes an archive whose directory has the last entry many times,
// under other names.
func overlapping(t *testing.T, content []byte, times int) []byte {
	t.Helper()
	end := bytes.LastIndex(content, []byte("PK\x05\x06"))
	from := int(binary.LittleEndian.Uint32(content[end+16:]))
	directory := content[from:end]
	last := bytes.Clone(directory[bytes.LastIndex(directory, []byte("PK\x01\x02")):])
	nameLen := int(binary.LittleEndian.Uint16(last[28:]))
	made := bytes.Clone(content[:end])
	for i := range times {
		copy(last[46:46+nameLen], fmt.Sprintf("%0*d", nameLen, i))
		made = append(made, last...)
	}
	tail := bytes.Clone(content[end:])
	count := binary.LittleEndian.Uint16(tail[10:]) + uint16(times)
	binary.LittleEndian.PutUint16(tail[8:], count)
	binary.LittleEndian.PutUint16(tail[10:], count)
	binary.LittleEndian.PutUint32(tail[12:], uint32(len(made)-from))
	return append(made, tail...)
}

// noise is text that does not compress well.
func noise(n int) string {
	random := rand.New(rand.NewPCG(1, 2))
	text := make([]byte, n)
	for i := range text {
		text[i] = 'a' + byte(random.IntN(26))
	}
	return string(text)
}

// fair is a piece repeated over 128 KiB, and a comment that makes the whole
// compress as well as rows of equal cells do, and not better.
func fair(piece string) string {
	return strings.Repeat(piece, 128<<10/len(piece)) + "<!--" + noise(1_000) + "-->"
}

// TestReadHostile reads workbooks that are made to do harm. Each is refused
// within two seconds of processor time and 256 MiB, the process and all.
func TestReadHostile(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts processes, and measures them")
	}
	const sheet, sst = "xl/worksheets/sheet1.xml", "xl/sharedStrings.xml"
	const open, end = "<worksheet><sheetData>", "</sheetData></worksheet>"
	const mega = 1 << 20
	good := handMade{rows: oneRow}
	inSheet := func(head, unit string, times int, tail string) []byte {
		return withPart(t, good, sheet, repeated(t, open+head, unit, times, tail+end))
	}
	blanks := repeated(t, open, strings.Repeat(" ", mega), 10*1024, end)
	lying := func(size uint64) []byte { return withPart(t, good, sheet, deflated{blanks.data, size}) }
	laughs := `<!DOCTYPE x [<!ENTITY a0 "ha">`
	for i := range 30 {
		laughs += fmt.Sprintf(`<!ENTITY a%d "&a%d;&a%d;">`, i+1, i, i)
	}
	laughs += "]>"
	long := handMade{rows: `<row>` + strings.Repeat(`<c t="s"><v>0</v></c>`, 60) + `</row>`, strings: `<si><t>` + noise(131_072) + `</t></si>`}
	amplified := withPart(t, long, sheet, repeated(t, open, fair(long.rows), 100, end))
	var entries bytes.Buffer
	archive := zip.NewWriter(&entries)
	for i := range 200_000 {
		if _, err := archive.Create(itoa(i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	honest := workbook(t, "s", sampleColumns, sampleRows()...)
	dir := t.TempDir()

	for name, c := range map[string]struct {
		content []byte
		want    string
	}{
		"10 GB of blanks, as declared":            {lying(blanks.declared), "not_a_workbook bomb"},
		"10 GB of blanks, declared as little":     {lying(1_000), "not_a_workbook zip"},
		"10 GB of blanks, declared as 31 MB":      {lying(31 * mega), "not_a_workbook zip"},
		"10 GB of blanks, declared as terabytes":  {lying(1 << 60), "not_a_workbook bomb"},
		"10 GB of blanks in the strings":          {withPart(t, good, sst, blanks), "not_a_workbook bomb"},
		"10 GB of blanks in the relations":        {withPart(t, good, "_rels/.rels", blanks), "not_a_workbook bomb"},
		"1 GB of comments of a fair ratio":        {inSheet("", "<!--"+noise(8_000)+strings.Repeat(" ", mega)+"-->", 1_000, ""), "not_a_workbook bomb"},
		"3 GB of text of a fair ratio":            {inSheet("", "<row><c><v>"+noise(1_000)+strings.Repeat(" ", 100_000)+"</v></c></row>", 30_000, ""), "too_large workbook 2147483648"},
		"10 million empty rows":                   {inSheet("", "<row/>", 10_000_000, ""), "too_many rows 1048576"},
		"a million columns":                       {inSheet("<row>", "<c/>", 1_000_000, "</row>"), "too_many columns 16384"},
		"a million columns with values":           {inSheet("<row>", "<c><v>1</v></c>", 1_000_000, "</row>"), "too_many columns 16384"},
		"a billion empty cells":                   {inSheet("", "<row>"+strings.Repeat("<c/>", 16_384)+"<!--"+noise(1_000)+"--></row>", 60_000, ""), "too_large workbook 2147483648"},
		"100 million empty cells":                 {inSheet("", "<row>"+strings.Repeat("<c/>", 16_384)+"<!--"+noise(1_000)+"--></row>", 6_000, ""), "not_a_workbook bomb"},
		"100 million empty cells with places":     {inSheet("", fair(`<x r="A1" s="12"/>`), 5_000, ""), "not_a_workbook bomb"},
		"100 million comments":                    {inSheet("", strings.Repeat("<!---->", 10_000)+fair("<!---->"), 5_000, ""), "not_a_workbook bomb"},
		"100 million instructions":                {inSheet("", strings.Repeat("<??>", 10_000)+fair("<??>"), 5_000, ""), "not_a_workbook bomb"},
		"100 million references":                  {inSheet("<row><c><v>", strings.Repeat("&#0000000009;", 10), 40_000_000, "</v></c></row>"), "not_a_workbook bomb"},
		"tags of many attributes":                 {inSheet("", fair("<x"+attributes(64)+"/>"), 5_000, ""), "not_a_workbook bomb"},
		"cells of many empty runs":                {inSheet("<row><c t=\"inlineStr\"><is>", fair("<r><t/></r>"), 10_000, "</is></c></row>"), "not_a_workbook bomb"},
		"a text of 100 MB":                        {inSheet("<row><c><v>", noise(4_096), 25_000, "</v></c></row>"), "too_large text 131072"},
		"a text of 100 MB in CDATA":               {inSheet("<row><c><v><![CDATA[", noise(4_096), 25_000, "]]></v></c></row>"), "too_large text 131072"},
		"an attribute of 100 MB":                  {inSheet("<row r=\"", noise(4_096), 25_000, "\"/>"), "not_a_workbook bomb"},
		"a name of 100 MB":                        {inSheet("<", noise(4_096), 25_000, "/>"), "not_a_workbook bomb"},
		"a million elements deep":                 {inSheet("", "<x>", 1_000_000, ""), "not_a_workbook bomb"},
		"column and row behind the last":          {handMade{rows: `<row r="1048577"><c r="XFD1048577"><v>1</v></c></row>`}.zip(t), "not_a_workbook reference"},
		"a row of 2^64":                           {handMade{rows: `<row r="18446744073709551616"/>`}.zip(t), "not_a_workbook reference"},
		"a billion laughs in the sheet":           {handMade{sheet: laughs + `<worksheet><sheetData><row><c t="str"><v>&a30;</v></c></row></sheetData></worksheet>`}.zip(t), "not_a_workbook bomb"},
		"a billion laughs in the strings":         {handMade{rows: oneRow, others: map[string]string{sst: laughs + `<sst><si><t>&a30;</t></si></sst>`}}.zip(t), "not_a_workbook bomb"},
		"a billion laughs in the workbook":        {handMade{workbook: laughs + `<workbook>&a30;</workbook>`}.zip(t), "not_a_workbook bomb"},
		"a count of 500,000,000 strings, and one": {handMade{rows: `<row><c t="s"><v>499999999</v></c></row>`, others: map[string]string{sst: `<sst count="500000000" uniqueCount="500000000"><si><t>x</t></si></sst>`}}.zip(t), "not_a_workbook reference"},
		"5 million strings":                       {withPart(t, good, sst, repeated(t, "<sst>", fair("<si/>"), 200, "</sst>")), "too_many strings 4194304"},
		"200 MB of strings":                       {withPart(t, good, sst, repeated(t, "<sst>", "<si><t>"+noise(1_000)+strings.Repeat("x", 100_000)+"</t></si>", 2_000, "</sst>")), "too_large strings 100663296"},
		"200 MB of short strings":                 {withPart(t, good, sst, repeated(t, "<sst>", fair("<si><t>"+strings.Repeat("x", 50)+"</t></si>"), 2_000, "</sst>")), "too_large strings 100663296"},
		"a long text that a million cells share":  {amplified, "too_large workbook 2147483648"},
		"a million styles":                        {withPart(t, good, "xl/styles.xml", repeated(t, "<styleSheet><cellXfs>", fair(`<xf numFmtId="14"/>`), 200, "</cellXfs></styleSheet>")), "too_many styles 65536"},
		"a million relations":                     {withPart(t, good, "xl/_rels/workbook.xml.rels", repeated(t, "<Relationships>", fair(`<Relationship Type="x/worksheet" Target="y"/>`), 1_000, "</Relationships>")), "too_many entries 4096"},
		"entries that overlap":                    {overlapping(t, withPart(t, good, "z", repeated(t, "", strings.Repeat("x", mega), 100, "")), 2_000), "not_a_workbook bomb"},
		"200,000 entries":                         {entries.Bytes(), "too_many entries 4096"},
		"an archive as the sheet":                 {handMade{sheet: string(honest)}.zip(t), "not_a_workbook xml"},
		"a workbook cut off in the middle":        {honest[:len(honest)/2], "not_a_workbook zip"},
		"deflate that has nothing in it":          {withPart(t, good, sheet, deflated{bytes.Repeat([]byte("\x00\x00\x00\xff\xff"), 20*mega), 1_000}), "not_a_workbook bomb"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(dir, strings.Map(func(r rune) rune {
				if r < '0' || r > 'z' {
					return '-'
				}
				return r
			}, name)+".xlsx")
			if err := os.WriteFile(file, c.content, 0o600); err != nil {
				t.Fatal(err)
			}
			got := inChild(t, "read", file)
			t.Logf("%d bytes: %s in %v and %d MiB", len(c.content), got.Refusal, got.cpu, got.Peak>>20)
			if got.Refusal != c.want {
				t.Errorf("refused with %q after %d rows, want %q", got.Refusal, got.Rows, c.want)
			}
			if got.cpu > 2*time.Second {
				t.Errorf("it took %v of processor time, want at most 2s", got.cpu)
			}
			if got.Peak > 256<<20 {
				t.Errorf("it took %d MiB, want at most 256", got.Peak>>20)
			}
		})
	}
}

package xlsxfile_test

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"hash/crc32"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/batchport/batchport/adapters/xlsxfile"
	"github.com/batchport/batchport/domain"
)

// refusal is what a file is refused with: a code, and the reason or the field.
func refusal(err error) string {
	f := domain.FailureOf(err)
	if f.Code == domain.CodeNotWorkbook {
		return string(f.Code) + " " + f.Params["reason"]
	}
	return string(f.Code) + " " + f.Field + " " + f.Params["max"]
}

// TestReadTellsWhatAFileIs opens files of other formats.
func TestReadTellsWhatAFileIs(t *testing.T) {
	t.Parallel()
	archive := func(parts map[string]string) string {
		return string(zipOf(t, slices.Sorted(maps.Keys(parts)), parts))
	}
	good := string(handMade{rows: oneRow}.zip(t))
	for name, c := range map[string]struct{ content, want string }{
		"nothing":                 {"", "empty"},
		"old Excel, or encrypted": {"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1" + strings.Repeat("\x00", 512), "xls"},
		"Excel 95":                {"\x09\x08\x10\x00\x00\x05", "xls"},
		"Excel 2":                 {"\x09\x00\x04\x00\x02\x00\x10\x00", "xls"},
		"HTML":                    {"\uFEFF\r\n<!DOCTYPE html>\n<html><table><tr><td>1", "html"},
		"HTML of a server":        {`<?xml version="1.0"?><!DOCTYPE x><html xmlns="http://www.w3.org/1999/xhtml">`, "html"},
		"a bare table":            {"<TABLE border=1><tr><td>1</td></tr></TABLE>", "html"},
		"XML of Excel 2003":       {`<?xml version="1.0"?><?mso-application progid="Excel.Sheet"?><Workbook/>`, "text"},
		"CSV":                     {"id,name\r\n1,幸福社區\r\n", "text"},
		"CSV in Big5":             {"\xBD\x73\xB8\xB9,\xA6\x57\xBA\xD9\r\n", "text"},
		"CSV in UTF-16":           {"\xFF\xFEi\x00d\x00", "text"},
		"PDF":                     {"%PDF-1.7\n", "zip"},
		"an image":                {"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "zip"},
		"an empty archive":        {archive(nil), "parts"},
		"an archive of pictures":  {archive(map[string]string{"a.png": "x"}), "parts"},
		"a binary workbook": {archive(map[string]string{
			"_rels/.rels":     relations(`Id="a" Type="` + relTypes + `officeDocument" Target="xl/workbook.bin"`),
			"xl/workbook.bin": "\x83\x01\x00",
		}), "xlsb"},
		"a binary workbook without relations": {archive(map[string]string{"xl/workbook.bin": "\x83\x01\x00"}), "xlsb"},
		"OpenDocument": {archive(map[string]string{
			"mimetype": "application/vnd.oasis.opendocument.spreadsheet", "content.xml": "<x/>",
		}), "ods"},
		"OpenDocument without a type": {archive(map[string]string{"content.xml": "<x/>", "META-INF/manifest.xml": "<x/>"}), "ods"},
		"a letter": {archive(map[string]string{
			"_rels/.rels":       relations(`Id="a" Type="` + relTypes + `officeDocument" Target="word/document.xml"`),
			"word/document.xml": `<w:document xmlns:w="w"><w:body/></w:document>`,
		}), "parts"},
		"a workbook behind something": {"MZ" + good, "zip"},
		"a workbook cut off":          {good[:len(good)-30], "zip"},
		"the start of a workbook":     {good[:100], "zip"},
	} {
		rows, err := readAll(t, xlsxfile.WorkbookSource{}, []byte(c.content))
		if want := "not_a_workbook " + c.want; !errors.Is(err, domain.CodeNotWorkbook) || refusal(err) != want {
			t.Errorf("%s: %v, %v, want %s", name, rows, err, want)
		}
	}
}

// TestReadRefuses has one fault in a workbook that is good otherwise.
func TestReadRefuses(t *testing.T) {
	t.Parallel()
	const v = `<v>1</v>`
	row := func(cells string) handMade { return handMade{rows: `<row r="1">` + cells + `</row>`} }
	sheet := func(s string) handMade { return handMade{sheet: s} }
	const xml, parts, bomb, reference, encoding = "not_a_workbook xml", "not_a_workbook parts", "not_a_workbook bomb",
		"not_a_workbook reference", "not_a_workbook encoding"
	for name, c := range map[string]struct {
		book handMade
		want string
	}{
		"column XFE":                     {row(`<c r="XFE1">` + v + `</c>`), reference},
		"column AAAA":                    {row(`<c r="AAAA1">` + v + `</c>`), reference},
		"column of overflow":             {row(`<c r="` + strings.Repeat("Z", 20) + `1">` + v + `</c>`), reference},
		"row beyond the last":            {handMade{rows: `<row r="1048577"/>`}, reference},
		"row beyond the last, by count":  {handMade{rows: `<row r="1048576"/><row/>`}, reference},
		"row of overflow":                {handMade{rows: `<row r="18446744073709551617"/>`}, reference},
		"row 0":                          {handMade{rows: `<row r="0"/>`}, reference},
		"negative row":                   {handMade{rows: `<row r="-1"/>`}, reference},
		"row without a number":           {handMade{rows: `<row r=""/>`}, reference},
		"rows out of order":              {handMade{rows: `<row r="2"/><row r="1"/>`}, reference},
		"a row twice":                    {handMade{rows: `<row r="2"/><row r="2"/>`}, reference},
		"cells out of order":             {row(`<c r="B1"/><c r="A1"/>`), reference},
		"a cell twice":                   {row(`<c r="B1"/><c r="B1"/>`), reference},
		"a cell of another row":          {row(`<c r="A2">` + v + `</c>`), reference},
		"a cell without a row":           {row(`<c r="A">` + v + `</c>`), reference},
		"a cell without a column":        {row(`<c r="1">` + v + `</c>`), reference},
		"a cell that is a range":         {row(`<c r="A1:B1">` + v + `</c>`), reference},
		"a cell of XFD1048577":           {row(`<c r="XFD1048577">` + v + `</c>`), reference},
		"a shared string beyond":         {handMade{rows: `<row><c t="s"><v>1</v></c></row>`, strings: `<si><t>x</t></si>`}, reference},
		"a negative shared string":       {handMade{rows: `<row><c t="s"><v>-1</v></c></row>`, strings: `<si><t>x</t></si>`}, reference},
		"a shared string of overflow":    {handMade{rows: `<row><c t="s"><v>4294967296</v></c></row>`, strings: `<si><t>x</t></si>`}, reference},
		"a shared string without any":    {row(`<c t="s"><v>0</v></c>`), reference},
		"cells beyond the last, counted": {row(strings.Repeat(`<c/>`, 16_385)), "too_many columns 16384"},
		"a type that does not exist":     {row(`<c t="z">` + v + `</c>`), xml},
		"a style that is no number":      {row(`<c s="x">` + v + `</c>`), xml},
		"an unclosed row":                {sheet(`<worksheet><sheetData><row><c>` + v), xml},
		"crossed elements":               {row(`<c><v>1</c></v>`), xml},
		"an end too many":                {sheet(`<worksheet><sheetData/></worksheet></worksheet>`), xml},
		"two documents":                  {sheet(`<worksheet><sheetData/></worksheet><worksheet/>`), xml},
		"text behind the document":       {sheet(`<worksheet><sheetData/></worksheet>x`), xml},
		"text before the document":       {sheet(`x<worksheet><sheetData/></worksheet>`), xml},
		"an empty sheet part":            {handMade{sheet: " "}, xml},
		"an attribute without quotes":    {row(`<c r=A1/>`), xml},
		"an attribute without a value":   {row(`<c r/>`), xml},
		"an attribute twice":             {row(`<c r="A1" r="A1"/>`), xml},
		"attributes without a space":     {row(`<c r="A1"s="1"/>`), xml},
		"a tag in an attribute":          {row(`<c r="A1" x="<"/>`), xml},
		"a tag without a name":           {row(`<>`), xml},
		"an unknown entity":              {row(`<c t="str"><v>&nbsp;</v></c>`), xml},
		"a bare ampersand":               {row(`<c t="str"><v>a & b</v></c>`), xml},
		"a reference to NUL":             {row(`<c t="str"><v>&#0;</v></c>`), xml},
		"a reference to half a pair":     {row(`<c t="str"><v>&#xD83D;</v></c>`), xml},
		"a reference beyond Unicode":     {row(`<c t="str"><v>&#x110000;</v></c>`), xml},
		"a control character":            {row("<c t=\"str\"><v>\x00</v></c>"), xml},
		"an endless comment":             {row(`<!-- `), xml},
		"an endless CDATA section":       {row(`<c t="str"><v><![CDATA[ </v></c>`), xml},
		"an endless instruction":         {row(`<?x `), xml},
		"broken UTF-8":                   {row("<c t=\"str\"><v>\xff</v></c>"), encoding},
		"broken UTF-8 in two cells":      {row("<c t=\"str\"><v>\xe4\xb8</v></c><c t=\"str\"><v>\xad</v></c>"), encoding},
		"broken UTF-8 in strings":        {handMade{rows: oneRow, strings: "<si><t>\xe4\xb8</t></si>"}, encoding},
		"UTF-16":                         {sheet("\xFF\xFE<\x00w\x00"), encoding},
		"UTF-16 without a mark":          {sheet("\x00<\x00w\x00o"), encoding},
		"Latin-1":                        {sheet(`<?xml version="1.0" encoding='ISO-8859-1'?><worksheet/>`), encoding},
		"another document as the sheet":  {sheet(`<chartsheet/>`), parts},
		"another document as workbook":   {handMade{workbook: `<w:document xmlns:w="w"/>`}, parts},
		"no sheet":                       {handMade{workbook: sheetsOf(`name="s" sheetId="1" r:id="rId7"`)}, parts},
		"a sheet that is missing":        {handMade{sheet: "-"}, parts},
		"a sheet outside of the archive": {handMade{rows: oneRow, rels: relations(`Id="rId1" Type="` + relTypes + `worksheet" Target="../../xl/worksheets/sheet1.xml"`)}, parts},
		"a sheet of the disk":            {handMade{rows: oneRow, rels: relations(`Id="rId1" Type="` + relTypes + `worksheet" Target="file:///etc/passwd"`)}, parts},
		"a document type":                {sheet(`<!DOCTYPE worksheet [<!ENTITY a "b">]><worksheet>&a;</worksheet>`), bomb},
		"a document type in strings":     {handMade{rows: oneRow, others: map[string]string{"xl/sharedStrings.xml": `<!DOCTYPE sst SYSTEM "file:///etc/passwd"><sst/>`}}, bomb},
		"deep elements":                  {row(strings.Repeat(`<x>`, 70)), bomb},
		"a long tag":                     {row(`<x a="` + strings.Repeat("x", 70_000) + `"/>`), bomb},
		"many attributes":                {row(`<x` + attributes(300) + `/>`), bomb},
		"a text over 128 KiB":            {row(`<c t="str"><v>` + strings.Repeat("x", 131_073) + `</v></c>`), "too_large text 131072"},
		"a text of runs over 128 KiB": {
			row(`<c t="inlineStr"><is>` + strings.Repeat(`<r><t>`+strings.Repeat("x", 1024)+`</t></r>`, 129) + `</is></c>`), "too_large text 131072",
		},
		"a shared text over 128 KiB": {
			handMade{rows: oneRow, strings: `<si><t><![CDATA[` + strings.Repeat("x", 131_073) + `]]></t></si>`}, "too_large text 131072",
		},
	} {
		rows, err := readAll(t, xlsxfile.WorkbookSource{}, c.book.zip(t))
		if got := refusal(err); err == nil || got != c.want {
			t.Errorf("%s: %d rows, %v; want %s", name, len(rows), err, c.want)
		}
	}
}

func attributes(n int) string {
	var all strings.Builder
	for i := range n {
		all.WriteString(` a` + itoa(i) + `=""`)
	}
	return all.String()
}

// TestReadLimits sets each limit where a workbook just passes, and one lower.
func TestReadLimits(t *testing.T) {
	t.Parallel()
	book := handMade{
		rows:    `<row><c t="s"><v>0</v></c></row><row><c t="s"><v>1</v></c><c/><c t="str"><v>12345</v></c><c/></row><row/>`,
		strings: `<si><t>x</t></si><si><t>yy</t></si>`, styles: dateStyles,
	}
	content := book.zip(t)
	names, parts := book.parts()
	var size int64
	for _, name := range names {
		if name != "[Content_Types].xml" {
			size += int64(len(parts[name]))
		}
	}
	for name, c := range map[string]struct {
		passes, fails xlsxfile.ReadLimits
		want          string
	}{
		"file": {
			xlsxfile.ReadLimits{FileBytes: int64(len(content))},
			xlsxfile.ReadLimits{FileBytes: int64(len(content)) - 1},
			"too_large workbook " + itoa(len(content)-1),
		},
		"entries":       {xlsxfile.ReadLimits{Entries: len(names)}, xlsxfile.ReadLimits{Entries: len(names) - 1}, "too_many entries " + itoa(len(names)-1)},
		"inflated":      {xlsxfile.ReadLimits{InflatedBytes: size + 3}, xlsxfile.ReadLimits{InflatedBytes: size + 2}, "too_large workbook " + itoa(int(size+2))},
		"idle":          {xlsxfile.ReadLimits{IdleBytes: 1 << 16}, xlsxfile.ReadLimits{IdleBytes: 1}, "not_a_workbook bomb"},
		"rows":          {xlsxfile.ReadLimits{Rows: 3}, xlsxfile.ReadLimits{Rows: 2}, "too_many rows 2"},
		"columns":       {xlsxfile.ReadLimits{Columns: 3}, xlsxfile.ReadLimits{Columns: 2}, "too_many columns 2"},
		"strings":       {xlsxfile.ReadLimits{Strings: 2}, xlsxfile.ReadLimits{Strings: 1}, "too_many strings 1"},
		"string bytes":  {xlsxfile.ReadLimits{StringBytes: 5}, xlsxfile.ReadLimits{StringBytes: 4}, "too_large strings 4"},
		"a text":        {xlsxfile.ReadLimits{TextBytes: 5}, xlsxfile.ReadLimits{TextBytes: 4}, "too_large text 4"},
		"texts of rows": {xlsxfile.ReadLimits{RowBytes: 7}, xlsxfile.ReadLimits{RowBytes: 6}, "too_large row 6"},
		"styles":        {xlsxfile.ReadLimits{Styles: 4}, xlsxfile.ReadLimits{Styles: 3}, "too_many styles 3"},
		"depth":         {xlsxfile.ReadLimits{Depth: 5}, xlsxfile.ReadLimits{Depth: 4}, "not_a_workbook bomb"},
	} {
		for want, limits := range map[string]xlsxfile.ReadLimits{"": c.passes, c.want: c.fails} {
			source, err := xlsxfile.NewWorkbookSource(limits)
			if err != nil {
				t.Fatalf("NewWorkbookSource(%+v) = %v", limits, err)
			}
			rows, err := readAll(t, source, content)
			if want == "" && (err != nil || len(rows) != 2) || want != "" && refusal(err) != want {
				t.Errorf("%s: %+v gives %v, %v; want %q", name, limits, rows, err, want)
			}
		}
	}
}

func TestReadLimitsAreChecked(t *testing.T) {
	t.Parallel()
	for _, limits := range []xlsxfile.ReadLimits{
		{FileBytes: -1}, {Rows: 1_048_577}, {Columns: 16_385}, {StringBytes: 2<<30 + 1}, {TextBytes: 17 << 20}, {Depth: -1}, {Ratio: -1},
	} {
		if _, err := xlsxfile.NewWorkbookSource(limits); err == nil {
			t.Errorf("NewWorkbookSource(%+v) = nil, want an error", limits)
		}
	}
}

// TestReadRefusesArchives has faults in the archive itself.
func TestReadRefusesArchives(t *testing.T) {
	t.Parallel()
	names, parts := handMade{rows: oneRow}.parts()
	type entry struct {
		header  zip.FileHeader
		content []byte
	}
	archive := func(change func(*entry)) []byte {
		var out bytes.Buffer
		w := zip.NewWriter(&out)
		for _, name := range names {
			content := []byte(parts[name])
			e := entry{zip.FileHeader{
				Name: name, Method: zip.Store, CRC32: crc32.ChecksumIEEE(content),
				UncompressedSize64: uint64(len(content)), CompressedSize64: uint64(len(content)),
			}, content}
			change(&e)
			to, err := w.CreateRaw(&e.header)
			if err == nil {
				_, err = to.Write(e.content)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return out.Bytes()
	}
	isSheet := func(e *entry) bool { return strings.HasPrefix(e.header.Name, "xl/worksheets/") }
	for name, c := range map[string]struct {
		change func(*entry)
		want   string
	}{
		"nothing":          {func(*entry) {}, ""},
		"a wrong checksum": {func(e *entry) { e.header.CRC32++ }, "not_a_workbook zip"},
		"another size": {func(e *entry) {
			if isSheet(e) {
				e.header.UncompressedSize64 += 5
			}
		}, "not_a_workbook zip"},
		"a smaller size": {func(e *entry) {
			if isSheet(e) {
				e.header.UncompressedSize64 -= 5
			}
		}, "not_a_workbook zip"},
		"a size of 64 bits": {func(e *entry) {
			if isSheet(e) {
				e.header.UncompressedSize64 = 1<<64 - 2
			}
		}, "not_a_workbook zip"},
		"a size of terabytes": {func(e *entry) {
			if isSheet(e) {
				e.header.UncompressedSize64 = 1 << 42
			}
		}, "not_a_workbook bomb"},
		"a compressed size of 64 bits": {func(e *entry) {
			if isSheet(e) {
				e.header.CompressedSize64 = 1<<64 - 2
			}
		}, "not_a_workbook zip"},
		"a compressed size that goes into the next": {func(e *entry) {
			if e.header.Name == "xl/workbook.xml" {
				e.header.CompressedSize64 += 10
			}
		}, "not_a_workbook bomb"},
		"encryption":        {func(e *entry) { e.header.Flags |= 1 }, "not_a_workbook zip"},
		"an unknown method": {func(e *entry) { e.header.Method = 99 }, "not_a_workbook zip"},
		"deflate that is none": {func(e *entry) {
			if isSheet(e) {
				e.header.Method = zip.Deflate
			}
		}, "not_a_workbook zip"},
		"one name twice": {func(e *entry) {
			if isSheet(e) {
				e.header.Name = "XL/workbook.XML"
			}
		}, "not_a_workbook zip"},
	} {
		_, err := readAll(t, xlsxfile.WorkbookSource{}, archive(c.change))
		if got := refusal(err); c.want == "" && err != nil || c.want != "" && got != c.want {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// TestReadDamage flips a bit of every byte of a workbook, and cuts it everywhere:
// what comes out is the rows or a refusal, and nothing else.
func TestReadDamage(t *testing.T) {
	t.Parallel()
	content := handMade{rows: oneRow + `<row r="2"><c r="A2" t="s"><v>0</v></c></row>`, strings: `<si><t>shared</t></si>`, styles: dateStyles}.zip(t)
	want := mustRead(t, content)
	check := func(damaged []byte, how string, at int) {
		t.Helper()
		rows, err := readAll(t, xlsxfile.WorkbookSource{}, damaged)
		switch code := domain.CodeOf(err); {
		case err == nil && slices.EqualFunc(rows, want, equalRows):
		case code == domain.CodeNotWorkbook, code == domain.CodeTooLarge, code == domain.CodeTooMany:
			if code == domain.CodeNotWorkbook && domain.FailureOf(err).Params["reason"] == "" {
				t.Errorf("a workbook with %s %d = %v, without a reason", how, at, err)
			}
		default:
			t.Errorf("a workbook with %s %d = %v, %v; want the same rows or a refusal", how, at, rows, err)
		}
	}
	for at := range content {
		damaged := slices.Clone(content)
		damaged[at] ^= 1 << (at % 8)
		check(damaged, "a bit flipped at", at)
	}
	for cut := range content {
		check(content[:cut], "its end at", cut)
	}
}

// TestReadContext has the context end before and while rows are read.
func TestReadContext(t *testing.T) {
	t.Parallel()
	content := workbook(t, "s", sampleColumns, sampleRows()...)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	book, err := (xlsxfile.WorkbookSource{}).OpenWorkbook(ctx, bytes.NewReader(content), int64(len(content)))
	if err != nil {
		t.Fatalf("OpenWorkbook() = %v", err)
	}
	seen := 0
	for _, err = range book.EachRow(ctx) {
		if seen++; seen == 1 {
			cancel()
		}
	}
	if seen != 2 || !errors.Is(err, context.Canceled) {
		t.Errorf("EachRow cancelled at the first row yields %d times and ends with %v, want the error next", seen, err)
	}
	if _, err := (xlsxfile.WorkbookSource{}).OpenWorkbook(ctx, bytes.NewReader(content), int64(len(content))); !errors.Is(err, context.Canceled) {
		t.Errorf("OpenWorkbook with a context that is over = %v, want %v", err, context.Canceled)
	}
}

package xlsxfile_test

import (
	"slices"
	"strings"
	"testing"
)

// dateStyles are styles of which number 1 shows a date and number 2 a time.
const dateStyles = `<numFmts count="2"><numFmt numFmtId="164" formatCode="yyyy\-mm\-dd;@"/><numFmt numFmtId="165" formatCode="[h]:mm"/></numFmts>` +
	`<cellXfs count="4"><xf numFmtId="0"/><xf numFmtId="164"/><xf numFmtId="165"/><xf numFmtId="4"/></cellXfs>`

// TestReadCells reads one cell in every form that a file may have it in.
func TestReadCells(t *testing.T) {
	t.Parallel()
	const shared = `<si><t>first</t></si><si/><si><t xml:space="preserve"> kept </t></si><si><t> trimmed
</t></si><si><r><rPr><b/></rPr><t>two </t></r><r><t>runs</t></r></si>` +
		`<si><t>東京都</t><rPh sb="0" eb="3"><t>トウキョウト</t></rPh><phoneticPr fontId="1"/></si>`
	for name, c := range map[string]struct{ cell, want string }{
		"shared string":                    {`<c r="A1" t="s"><v>0</v></c>`, `"first"`},
		"shared string, empty":             {`<c r="A1" t="s"><v>1</v></c>`, ""},
		"shared string, preserved":         {`<c r="A1" t="s"><v>2</v></c>`, `" kept "`},
		"shared string, trimmed":           {`<c r="A1" t="s"><v>3</v></c>`, `"trimmed"`},
		"shared string of runs":            {`<c r="A1" t="s"><v> 4 </v></c>`, `"two runs"`},
		"shared string, pronounced":        {`<c r="A1" t="s"><v>5</v></c>`, `"東京都"`},
		"shared string without a number":   {`<c r="A1" t="s"><v></v></c>`, ""},
		"inline string":                    {`<c r="A1" t="inlineStr"><is><t>in</t></is></c>`, `"in"`},
		"inline string of runs":            {`<c r="A1" t="inlineStr"><is><r><t>a</t></r><r><t xml:space="preserve"> b </t></r></is></c>`, `"a b "`},
		"inline string, pronounced":        {`<c r="A1" t="inlineStr"><is><t>課</t><rPh sb="0" eb="1"><t>カ</t></rPh></is></c>`, `"課"`},
		"inline string, empty":             {`<c r="A1" t="inlineStr"><is><t></t></is></c>`, ""},
		"inline string, nothing":           {`<c r="A1" t="inlineStr"/>`, ""},
		"inline string, blank, preserved":  {`<c r="A1" t="inlineStr"><is><t xml:space="preserve"> </t></is></c>`, `" "`},
		"inline string, prefixed":          {`<x:c r="A1" t="inlineStr"><x:is><x:t>p</x:t></x:is></x:c>`, `"p"`},
		"text of a formula":                {`<c r="A1" t="str"><f>A2&amp;"x"</f><v>a &lt;b&gt; &#x4e2d;&#25991;</v></c>`, `"a <b> 中文"`},
		"formula without a result":         {`<c r="A1"><f>A2</f></c>`, ""},
		"number":                           {`<c r="A1"><v>-12.50</v></c>`, "-12.50"},
		"number, typed":                    {`<c r="A1" t="n"><v>1E-3</v></c>`, "1E-3"},
		"number with blanks":               {"<c r=\"A1\"><v>\n 7 </v></c>", "7"},
		"number of a formula":              {`<c r="A1"><f>1+1</f><v>2</v></c>`, "2"},
		"number that is none":              {`<c r="A1"><v>1,5</v></c>`, `"1,5"`},
		"number that is not finite":        {`<c r="A1"><v>INF</v></c>`, `"INF"`},
		"true":                             {`<c r="A1" t="b"><v>1</v></c>`, "true"},
		"false":                            {`<c r="A1" t="b"><v>0</v></c>`, "false"},
		"error":                            {`<c r="A1" t="e"><f>1/0</f><v>#DIV/0!</v></c>`, "#DIV/0!"},
		"day":                              {`<c r="A1" s="1"><v>45351</v></c>`, "2024-02-29T00:00:00"},
		"day and time":                     {`<c r="A1" s="1"><v>45351.75</v></c>`, "2024-02-29T18:00:00"},
		"time to the millisecond":          {`<c r="A1" s="1"><v>45351.123456789</v></c>`, "2024-02-29T02:57:46.667"},
		"time that rounds up to a day":     {`<c r="A1" s="1"><v>45351.999999999</v></c>`, "2024-03-01T00:00:00"},
		"time alone":                       {`<c r="A1" s="2"><v>0.5</v></c>`, "1899-12-31T12:00:00"},
		"day with an exponent":             {`<c r="A1" s="1"><v>4.5351E4</v></c>`, "2024-02-29T00:00:00"},
		"first day":                        {`<c r="A1" s="1"><v>1</v></c>`, "1900-01-01T00:00:00"},
		"28 February 1900":                 {`<c r="A1" s="1"><v>59</v></c>`, "1900-02-28T00:00:00"},
		"29 February 1900, which was not":  {`<c r="A1" s="1"><v>60</v></c>`, "1900-02-28T00:00:00"},
		"1 March 1900":                     {`<c r="A1" s="1"><v>61</v></c>`, "1900-03-01T00:00:00"},
		"last day":                         {`<c r="A1" s="1"><v>2958465</v></c>`, "9999-12-31T00:00:00"},
		"day after the last":               {`<c r="A1" s="1"><v>2958466</v></c>`, "2958466"},
		"day before the first":             {`<c r="A1" s="1"><v>-1</v></c>`, "-1"},
		"amount, not a day":                {`<c r="A1" s="3"><v>45351</v></c>`, "45351"},
		"style that is not there":          {`<c r="A1" s="99"><v>45351</v></c>`, "45351"},
		"text in a day's style":            {`<c r="A1" s="1" t="inlineStr"><is><t>soon</t></is></c>`, `"soon"`},
		"ISO day":                          {`<c r="A1" t="d"><v>2024-02-29</v></c>`, "2024-02-29T00:00:00"},
		"ISO time":                         {`<c r="A1" t="d"><v>2024-02-29T18:30:05.25Z</v></c>`, "2024-02-29T18:30:05.25"},
		"ISO time elsewhere":               {`<c r="A1" t="d"><v>2024-02-29T18:30:05+08:00</v></c>`, "2024-02-29T18:30:05"},
		"ISO time alone":                   {`<c r="A1" t="d"><v>18:30</v></c>`, "1899-12-31T18:30:00"},
		"ISO nonsense":                     {`<c r="A1" t="d"><v>2024-02-30</v></c>`, `"2024-02-30"`},
		"references":                       {`<c r="A1" t="str"><v>&lt;&gt;&amp;&quot;&apos;&#65;&#x1F600;</v></c>`, `"<>&\"'A😀"`},
		"reference that is not one":        {`<c r="A1" t="str"><v>&amp;lt;</v></c>`, `"&lt;"`},
		"line ends":                        {"<c r=\"A1\" t=\"str\"><v>a\r\nb\rc\nd&#13;e</v></c>", `"a\nb\nc\nd\re"`},
		"CDATA":                            {`<c r="A1" t="str"><v>a<![CDATA[<b>&amp;]] >]]>c</v></c>`, `"a<b>&amp;]] >c"`},
		"comments and instructions":        {`<c r="A1" t="str"><!-- > --><v>a<!-- <v> -->b<?c d?>c</v></c>`, `"abc"`},
		"escapes":                          {`<c r="A1" t="str"><v>a_x000D_b_x000a_c_x005F_x000D__xZZZZ_</v></c>`, `"a\rb\nc_x000D__xZZZZ_"`},
		"escapes of a pair":                {`<c r="A1" t="str"><v>_xD83D__xDE00__xD83D_x</v></c>`, "\"😀\uFFFDx\""},
		"escape made of a reference":       {`<c r="A1" t="str"><v>&#95;x0041_</v></c>`, `"A"`},
		"no escapes":                       {`<c r="A1" t="str"><v>a_b_x1_</v></c>`, `"a_b_x1_"`},
		"self-closing":                     {`<c r="A1" s="1"/>`, ""},
		"value that is self-closing":       {`<c r="A1"><v/></c>`, ""},
		"quotes of the other kind":         {`<c  r='A1'	t = 'str' ><v >q</v ></c >`, `"q"`},
		"a tag's sign in an attribute":     {`<c r="A1" t="str" cm="a>b"><v>q</v></c>`, `"q"`},
		"attributes with prefixes":         {`<c r="A1" x:r="B1" x:t="b" t="str"><v>q</v></c>`, `"q"`},
		"letters that are small":           {`<c r="a1" t="str"><v>q</v></c>`, `"q"`},
		"what later versions add":          {`<c r="A1"><v>1</v><extLst><ext uri="u"><x:c><x:v>2</x:v></x:c></ext></extLst></c>`, "1"},
		"a formula with its own kind of v": {`<c r="A1"><f t="shared" ref="A1:A2" si="0">v</f><v>3</v></c>`, "3"},
	} {
		book := handMade{rows: `<row r="1">` + c.cell + `<c r="XFD1" t="b"><v>1</v></c></row>`, strings: shared, styles: dateStyles}
		rows := mustRead(t, book.zip(t))
		if len(rows) != 1 || len(rows[0].cells) != 16_384 || rows[0].cells[16_383] != "true" {
			t.Errorf("%s: there are %d rows, want one of 16384 cells", name, len(rows))
			continue
		}
		if got := rows[0].cells[0]; got != c.want {
			t.Errorf("%s: %s reads as %s, want %s", name, c.cell, got, c.want)
		}
	}
}

// TestReadManySharedStrings reads more of them than are kept in one block.
func TestReadManySharedStrings(t *testing.T) {
	t.Parallel()
	const count = 70_000
	var rows, shared strings.Builder
	text := func(i int) string { return itoa(i*7919) + strings.Repeat("長", i%40) }
	for i := range count {
		shared.WriteString("<si><t>" + text(i) + "</t></si>")
		rows.WriteString(`<row><c t="s"><v>` + itoa(count-1-i) + `</v></c></row>`)
	}
	got := mustRead(t, handMade{rows: rows.String(), strings: shared.String()}.zip(t))
	if len(got) != count {
		t.Fatalf("there are %d rows, want %d", len(got), count)
	}
	for i, row := range got {
		if want := `"` + text(count-1-i) + `"`; row.cells[0] != want {
			t.Fatalf("row %d = %s, want %s", i+1, row.cells[0], want)
		}
	}
}

// TestReadRows reads rows and cells with gaps, and without saying where they are.
func TestReadRows(t *testing.T) {
	t.Parallel()
	const v = `<v>1</v>`
	for name, c := range map[string]struct {
		rows string
		want []readRow
	}{
		"none": {"", nil},
		"gaps": {
			`<row r="3"><c r="B3">` + v + `</c><c r="D3">` + v + `</c></row><row r="1048576"><c r="A1048576">` + v + `</c></row>`,
			[]readRow{{3, []string{"", "1", "", "1"}}, {1_048_576, []string{"1"}}},
		},
		"without places": {
			`<row><c>` + v + `</c><c/><c>` + v + `</c></row><row/><row><c>` + v + `</c></row>`,
			[]readRow{{1, []string{"1", "", "1"}}, {3, []string{"1"}}},
		},
		"some places": {
			`<row r="5"><c>` + v + `</c><c r="C5">` + v + `</c><c>` + v + `</c></row><row><c r="B6">` + v + `</c></row>`,
			[]readRow{{5, []string{"1", "", "1", "1"}}, {6, []string{"", "1"}}},
		},
		"empty rows and cells at the end": {
			`<row r="1" spans="1:5"/><row r="2"><c r="A2" s="1"/></row><row r="3"><c r="A3">` + v + `</c><c r="B3"/><c r="C3" t="s"/></row><row r="9"></row>`,
			[]readRow{{3, []string{"1"}}},
		},
	} {
		if got := mustRead(t, handMade{rows: c.rows}.zip(t)); !slices.EqualFunc(got, c.want, equalRows) {
			t.Errorf("%s: rows = %v, want %v", name, got, c.want)
		}
	}
}

func equalRows(a, b readRow) bool { return a.number == b.number && slices.Equal(a.cells, b.cells) }

// TestReadDateFormats tells formats that show dates from those that do not.
func TestReadDateFormats(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]bool{
		"General": false, "general": false, "0": false, "0.00E+00": false, "##0.0e-0": false, "#,##0.00": false, "@": false, "0%": false, "# ?/?": false,
		`_(* #,##0.00_);_(* \(#,##0.00\);_(* "-"??_);_(@_)`: false, `"day"0`: false, `0\d`: false, `0_d`: false, `0*h`: false, "[Red]0": false,
		"[Color 5]0": false, "[>=100]0": false, "[$-404]0": false, "[$¥-411]#,##0": false, `[$USD-409]0.00`: false, "[DBNum1][$-404]G/通用格式": false,
		`0;"y"`: false, "0;yyyy": false, `"unclosed yyyy`: false, "[unclosed": false, "": false, "[]0": false, "[Magenta]0": false, `0.0" m²"`: false,
		"yyyy-mm-dd": true, "YYYY/M/D": true, `yyyy"年"m"月"d"日"`: true, "m/d/yy h:mm": true, "[$-409]h:mm AM/PM": true, "[$-F800]dddd, mmmm dd, yyyy": true,
		"[$-404]e/m/d": true, `[$-411]ggge"年"m"月"d"日"`: true, "[h]:mm:ss": true, "[mm]:ss": true, "[SS]": true, "mm:ss.0": true, "aaaa": true,
		`上午/下午h"時"`: true, "dd/mm/yyyy;@": true, "[Blue]d": true, `\-d`: true, "mmm-yy;0": true, "yyyy;": true,
	} {
		code = strings.NewReplacer("&", "&amp;", `"`, "&quot;", ">", "&gt;").Replace(code)
		book := handMade{
			rows:   `<row r="1"><c r="A1" s="1"><v>45351</v></c></row>`,
			styles: `<numFmts><numFmt numFmtId="200" formatCode="` + code + `"/></numFmts><cellXfs><xf/><xf numFmtId="200"/></cellXfs>`,
		}
		if got := mustRead(t, book.zip(t))[0].cells[0]; (got == "2024-02-29T00:00:00") != want {
			t.Errorf("a number in the format %s reads as %s; a date: %t", code, got, want)
		}
	}
}

func TestReadBuiltinDateFormats(t *testing.T) {
	t.Parallel()
	dates := "14 15 16 17 18 19 20 21 22 27 28 29 30 31 32 33 34 35 36 45 46 47 50 51 52 53 54 55 56 57 58"
	for id := range 170 {
		number := itoa(id)
		book := handMade{
			rows:   `<row r="1"><c r="A1" s="0"><v>45351</v></c></row>`,
			styles: `<cellXfs><xf numFmtId="` + number + `"/></cellXfs>`,
		}
		want := slices.Contains(strings.Fields(dates), number)
		if got := mustRead(t, book.zip(t))[0].cells[0]; (got == "2024-02-29T00:00:00") != want {
			t.Errorf("a number in the built-in format %s reads as %s; a date: %t", number, got, want)
		}
	}
	own := handMade{
		rows:   `<row r="1"><c r="A1" s="0"><v>45351</v></c></row>`,
		styles: `<numFmts><numFmt numFmtId="14" formatCode="0"/></numFmts><cellXfs><xf numFmtId="14"/></cellXfs>`,
	}
	if got := mustRead(t, own.zip(t))[0].cells[0]; got != "45351" {
		t.Errorf("a number in a built-in format that the file makes its own reads as %s, want 45351", got)
	}
}

func TestReadDatesFrom1904(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		"0": "1904-01-01T00:00:00", "1": "1904-01-02T00:00:00", "43889.25": "2024-02-29T06:00:00", "2957003": "9999-12-31T00:00:00", "2957004": "2957004",
	} {
		for _, yes := range []string{"1", "true"} {
			book := handMade{
				rows: `<row r="1"><c r="A1" s="1"><v>` + value + `</v></c></row>`, styles: dateStyles,
				workbook: `<workbook ` + mainNS + ` ` + relNS + `><workbookPr date1904="` + yes + `"/><sheets><sheet name="s" sheetId="1" r:id="rId1"/></sheets></workbook>`,
			}
			if got := mustRead(t, book.zip(t))[0].cells[0]; got != want {
				t.Errorf("%s days since 1904 read as %s, want %s", value, got, want)
			}
		}
	}
}

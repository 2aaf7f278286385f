package xlsxfile_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tealeg/xlsx/v3"

	"github.com/batchport/batchport/adapters/xlsxfile"
	"github.com/batchport/batchport/domain"
)

// fuzzSeeds have every feature once.
var fuzzSeeds = func() (seeds []struct{ rows, shared, styles string }) {
	const shared = `<si><t>first</t></si><si><r><t>a </t></r><r><rPr><b/></rPr><t>b</t></r><rPh sb="0" eb="1"><t>x</t></rPh></si><si><t xml:space="preserve"> s </t></si>`
	add := func(rows, shared, styles string) {
		seeds = append(seeds, struct{ rows, shared, styles string }{rows, shared, styles})
	}
	for _, rows := range []string{
		"",
		`<row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c><c r="D1" t="s"><v>2</v></c></row>`,
		`<row r="2"><c r="A2"><v>1.5</v></c><c r="B2" s="1"><v>45351.25</v></c><c r="C2" s="2"><v>0.5</v></c><c r="ZZ2" t="b"><v>1</v></c></row>`,
		`<row r="1"><c r="A1" t="inlineStr"><is><t>in</t></is></c><c r="B1" t="inlineStr"><is><r><t>r</t></r><r><t> s</t></r></is></c></row>`,
		`<row r="1"><c r="A1" t="str"><f>B1&amp;""</f><v>x &lt;&#38;&#x4e2d;</v></c><c r="B1" t="e"><v>#N/A</v></c></row><row r="1048576"/>`,
		`<row r="3"/><row r="4"><c r="A4"/><c r="B4" s="1"/><c r="C4"><f>1</f></c></row>`,
		"<row r=\"1\"><!-- c --><c r='A1' t='str'><v><![CDATA[<x>]]>\r\ny</v></c><?p i?></row>",
		`<x:row r="1"><x:c r="A1" t="str"><x:v>p</x:v></x:c></x:row>`,
		`<row><c><v>1</v></c><c t="s"><v>0</v></c></row>`,
		`<row r="1"><c r="A1" t="d"><v>2024-02-29T18:30:00</v></c><c r="B1" t="n"><v>1E-3</v></c><c r="C1"><v> 7 </v></c></row>`,
		`<row r="1"><c r="A1" t="str"><v>_x000D__xD83D__xDE00_</v></c></row>`,
		`</sheetData><mergeCells><mergeCell ref="A1:B1"/></mergeCells><sheetData>`,
	} {
		add(rows, shared, dateStyles)
	}
	const day = `<row r="1"><c r="A1" s="0"><v>45351</v></c></row>`
	add(day, "", `<numFmts count="1"><numFmt numFmtId="170" formatCode="[$-404]e/m/d;@"/></numFmts><cellXfs count="1"><xf numFmtId="170"/></cellXfs>`)
	add(day, `<si/><si><t/></si>`, `<cellXfs count="1"><xf numFmtId="14"/></cellXfs>`)
	return seeds
}()

// FuzzReader reads small workbooks of which the rows, the shared strings and
// the styles are anything at all. Nothing may panic or take long; what is
// accepted here and by tealeg has the same cells.
func FuzzReader(f *testing.F) {
	for i, seed := range fuzzSeeds {
		f.Add(seed.rows, seed.shared, seed.styles, uint64(0))
		f.Add(seed.rows, seed.shared, seed.styles, uint64(i+1))
	}
	f.Fuzz(func(t *testing.T, rows, shared, styles string, edits uint64) {
		readAnything(t, rows, shared, styles, edits)
	})
}

func readAnything(t *testing.T, rows, shared, styles string, edits uint64) (compared bool) {
	t.Helper()
	if edits != 0 {
		random := rand.New(rand.NewPCG(edits, edits))
		rows, shared, styles = edited(random, rows), edited(random, shared), edited(random, styles)
	}
	const enough = 8 << 10
	if len(rows)+len(shared)+len(styles) > enough {
		t.Skip("too long for a small workbook")
	}
	content := handMade{rows: rows, strings: shared + " ", styles: styles + " "}.zip(t)
	start := time.Now()
	ours, err := readAll(t, xlsxfile.WorkbookSource{}, content)
	if took := time.Since(start); took > 10*time.Second { // of a machine that may have other work
		t.Errorf("it took %v", took)
	}
	switch domain.CodeOf(err) {
	case "", domain.CodeNotWorkbook, domain.CodeTooLarge, domain.CodeTooMany:
	default:
		t.Fatalf("an error that is no refusal: %v", err)
	}
	if err != nil || !comparable(rows, shared, styles) {
		return false
	}
	theirs, ok := readTealeg(t, content)
	if !ok {
		return false
	}
	compare(t, ours, theirs)
	return true
}

// pieces are what edited puts into a part, besides what is in it already.
var pieces = []string{
	`<c r="E1"><v>5</v></c>`, `<c r="F1" t="s"><v>0</v></c>`, `<row r="9">`, `</row>`, `</c>`, `<v>`, `</v>`, `<t>`, `</t>`, `<is>`, `</is>`, `<r>`, `</r>`, `<si>`, `</si>`,
	`<f>1</f>`, `<x/>`, `<x y="z">`, `</x>`, "<!-- <v> -->", "<![CDATA[ & ]]>", `<?p i?>`, "&amp;", "&#13;", "\r\n", " ", "0", "1", "-1", "1e3", "45351.5", "日本", "_x0041_",
	`<rPh sb="0" eb="1"><t>y</t></rPh>`, `<t xml:space="preserve"> z </t>`, `<c r="G1" t="b"><v>0</v></c>`, `<c r="H1" t="e"><v>#REF!</v></c>`, `<c r="I1" t="str"><v>s</v></c>`,
	`<c r="J1" t="inlineStr"><is><t>k</t></is></c>`, `<numFmt numFmtId="164" formatCode="d&quot;h&quot;"/>`, `<xf numFmtId="22"/>`, `<xf numFmtId="46"/>`,
}

var piece = regexp.MustCompile(`<[^>]*>|[^<]+`)

// edited moves, drops and doubles pieces of a part, and puts others in: most
// of what it makes is still XML, unlike what comes of changed bytes.
func edited(random *rand.Rand, part string) string {
	all := piece.FindAllString(part, -1)
	for range random.IntN(4) {
		at := random.IntN(len(all) + 1)
		other := pieces[random.IntN(len(pieces))]
		switch random.IntN(5) {
		case 0:
			all = slices.Insert(all, at, other)
		case 1:
			if at < len(all) {
				all = slices.Delete(all, at, at+1)
			}
		case 2: // an element of its own once more, or a few
			if end := min(len(all), at+1+random.IntN(6)); at < end {
				all = slices.Insert(all, end, slices.Clone(all[at:end])...)
			}
		case 3:
			if at < len(all) && !strings.HasPrefix(all[at], "<") {
				all[at] = other
			}
		case 4: // another value of an attribute
			if at < len(all) {
				all[at] = value.ReplaceAllStringFunc(all[at], func(old string) string {
					if random.IntN(2) == 0 {
						return old
					}
					return `="` + values[random.IntN(len(values))] + `"`
				})
			}
		}
	}
	return strings.Join(all, "")
}

var (
	value  = regexp.MustCompile(`="[^"<]*"`)
	values = []string{"", "0", "1", "2", "s", "n", "str", "b", "e", "d", "inlineStr", "A1", "C1", "AA2", "XFD3", "14", "22", "165", "preserve", "yyyy", "0.0", "h:mm"}
)

// notTheirs are the things that tealeg reads in another way, or that end it.
var notTheirs = regexp.MustCompile(`spans|mergeCell|dimension|<cols|[cC]ount|<sheetData|_x|:[rst]\s*=|<[\w:.-]*row(\s+[a-qs-zA-Z]\w*\s*=\s*("[^"]*"|'[^']*'))*\s*/?>`)

// comparable reports whether tealeg can be asked too. It takes counts on
// trust, passes over cells that do not say where they are, and of two texts in one place
// takes the last.
func comparable(rows, shared, styles string) bool {
	switch {
	case notTheirs.MatchString(rows) || notTheirs.MatchString(shared):
		return false
	case strings.Count(rows, "c") > 0 && len(anyCell.FindAllString(rows, -1)) != len(placedCell.FindAllString(rows, -1)):
		return false
	case manyTexts(rows) || manyTexts(shared):
		return false
	}
	for _, count := range counts.FindAllStringSubmatch(styles, -1) {
		if n, err := strconv.Atoi(count[1]); err != nil || n > 1_000 {
			return false
		}
	}
	return true
}

// manyTexts reports whether there are two texts in one place.
func manyTexts(part string) bool {
	for _, cell := range anyCell.Split(part, -1) {
		if strings.Count(cell, "is>") > 2 {
			return true
		}
	}
	for _, rich := range richText.FindAllStringSubmatch(part, -1) {
		for _, run := range richRun.FindAllStringSubmatch(rich[1], -1) {
			if len(textTag.FindAllString(run[1], -1)) > 1 {
				return true
			}
		}
		bare := richRun.ReplaceAllString(rich[1], "|")
		if texts := len(textTag.FindAllString(bare, -1)); texts > 1 || texts == 1 && strings.Contains(bare, "|") {
			return true
		}
	}
	return false
}

var (
	anyCell    = regexp.MustCompile(`<([\w.-]+:)?c[\s/>]`)
	placedCell = regexp.MustCompile(`<([\w.-]+:)?c\s[^>]*\br\s*=`)
	richText   = regexp.MustCompile(`(?s)<(?:\w+:)?(?:si|is)\b[^>]*[^/]?>(.*?)</(?:\w+:)?(?:si|is)\s*>`)
	richRun    = regexp.MustCompile(`(?s)<(?:\w+:)?(?:r|rPh)(?:\s[^>]*)?>(.*?)</(?:\w+:)?(?:r|rPh)\s*>`)
	textTag    = regexp.MustCompile(`<(?:\w+:)?t[\s/>]`)
	counts     = regexp.MustCompile(`[cC]ount\s*=\s*["']([^"']*)["']`)
)

// TestReadAnything is some of what FuzzReader may come to.
func TestReadAnything(t *testing.T) {
	t.Parallel()
	rounds, compared := uint64(300), 0
	if testing.Short() {
		rounds = 30
	}
	for edits := range rounds {
		for _, seed := range fuzzSeeds {
			if readAnything(t, seed.rows, seed.shared, seed.styles, edits) {
				compared++
			}
			if t.Failed() {
				t.Fatalf("this was with %q, %q, %q and the edits %d", seed.rows, seed.shared, seed.styles, edits)
			}
		}
	}
	if compared < int(rounds) {
		t.Errorf("only %d workbooks were comparable", compared)
	}
}

// readTealeg reads with tealeg, which panics on much that it cannot read.
func readTealeg(t *testing.T, content []byte) (cells map[string]theirCell, ok bool) {
	t.Helper()
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	file, err := xlsx.OpenBinary(content)
	if err != nil || len(file.Sheets) == 0 {
		return nil, false
	}
	cells = map[string]theirCell{}
	err = file.Sheets[0].ForEachRow(func(row *xlsx.Row) error {
		return row.ForEachCell(func(cell *xlsx.Cell) error {
			column, _ := cell.GetCoordinates()
			their := theirCell{text: cell.Value, kind: cell.Type()}
			for _, run := range cell.RichText {
				their.text += run.Text
			}
			if their.text = strings.Trim(their.text, " \t\r\n"); their.text == "" {
				return nil
			}
			if at, err := cell.GetTime(false); err == nil && cell.Type() == xlsx.CellTypeNumeric {
				their.at = at
			}
			cells[fmt.Sprint(row.GetCoordinate()+1, " ", column)] = their
			return nil
		}, xlsx.SkipEmptyCells)
	}, xlsx.SkipEmptyRows)
	return cells, err == nil
}

// theirCell is a cell as tealeg has it.
type theirCell struct {
	text string
	kind xlsx.CellType
	at   time.Time // what it would be as a date
}

func compare(t *testing.T, ours []readRow, theirs map[string]theirCell) {
	t.Helper()
	for _, row := range ours {
		for column, cell := range row.cells {
			place := fmt.Sprint(row.number, " ", column)
			their, found := theirs[place]
			delete(theirs, place)
			text, err := strconv.Unquote(cell)
			isText := err == nil
			if !isText {
				text = cell
			}
			if text = strings.Trim(text, " \t\r\n"); text == "" && !found {
				continue
			}
			switch {
			case text == their.text:
				// a number is a text to us where it is none
			case their.kind == xlsx.CellTypeBool && (text == "true" && their.text == "1" || text == "false" && their.text == "0"):
			case their.kind == xlsx.CellTypeDate && !isText:
			case their.kind == xlsx.CellTypeNumeric && sameTime(text, their):
			default:
				t.Errorf("row and column %s: %s, and tealeg has %+v", place, cell, their)
			}
		}
	}
	for place, their := range theirs {
		t.Errorf("row and column %s: nothing, and tealeg has %+v", place, their)
	}
}

// sameTime compares a date with what tealeg makes of the number. It has days
// before March 1900 of its own.
func sameTime(text string, their theirCell) bool {
	at, err := time.Parse("2006-01-02T15:04:05.999999999", text)
	if err != nil {
		return false
	}
	if serial, err := strconv.ParseFloat(their.text, 64); err == nil && serial < 62 {
		return true
	}
	return math.Abs(float64(at.Sub(their.at))) <= float64(time.Millisecond)
}

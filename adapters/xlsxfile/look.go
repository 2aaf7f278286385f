package xlsxfile

import (
	"encoding/xml"
	"fmt"
	"strings"

	"github.com/tealeg/xlsx/v3"
	"golang.org/x/text/width"

	"github.com/batchport/batchport/ports"
)

// style is a way to show a cell.
type style int

// The styles, in the order in which newLook makes them.
const (
	styleHeader style = iota
	styleText
	styleID
	styleWholeAmount
	styleAmount
	styleDate
	styleGeneral
	styles
)

// numberFormats are the format codes of the styles.
var numberFormats = [styles]string{
	styleHeader:      "@",
	styleText:        "@",
	styleID:          "0",
	styleWholeAmount: "#,##0",
	styleAmount:      "#,##0.00",
	styleDate:        "yyyy-mm-dd",
	styleGeneral:     "general",
}

// part is one file in the archive.
type part struct{ name, content string }

func sheetPart(number int) string { return fmt.Sprintf("xl/worksheets/sheet%d.xml", number) }

// look is what a workbook has besides its rows.
type look struct {
	fixed     []part         // the parts that are the same for any number of sheets
	styles    [styles]string // what a cell names its style by
	firstHead string         // of the first sheet, up to its first row
	nextHead  string         // of any further sheet; it is not the one on show
	foot      string         // of every sheet, after its last row
}

// newLook has tealeg make a workbook of two sheets with one cell of every
// style, and takes it apart.
func newLook(columns []ports.Column) (look, error) {
	file := xlsx.NewFile()
	for _, name := range []string{"first", "next"} {
		sheet, err := file.AddSheet(name)
		if err != nil {
			return look{}, err
		}
		sheet.SheetViews = []xlsx.SheetView{{Pane: &xlsx.Pane{
			YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft", State: "frozen",
		}}}
		for i, c := range columns {
			sheet.SetColWidth(i+1, i+1, columnWidth(c))
		}
		addSamples(sheet.AddRow())
	}
	parts, err := file.MakeStreamParts()
	if err != nil {
		return look{}, err
	}
	l := look{}
	for _, name := range []string{
		"_rels/.rels", "docProps/app.xml", "docProps/core.xml",
		"xl/theme/theme1.xml", "xl/styles.xml", "xl/sharedStrings.xml",
	} {
		l.fixed = append(l.fixed, part{name, parts[name]})
	}
	for i := range l.fixed {
		if l.fixed[i].name == "xl/styles.xml" {
			l.fixed[i].content = withNormalStyle(l.fixed[i].content)
		}
	}
	var sample string
	if l.firstHead, sample, l.foot, err = cutSheet(parts[sheetPart(1)]); err != nil {
		return look{}, err
	}
	if l.nextHead, _, _, err = cutSheet(parts[sheetPart(2)]); err != nil {
		return look{}, err
	}
	l.styles, err = styleNames(sample)
	return l, err
}

// withNormalStyle names the default style, which tealeg makes and does not
// name: readers warn of its absence, and use a default of their own.
func withNormalStyle(styles string) string {
	const after, name = "</cellXfs>", `<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles>`
	if strings.Contains(styles, "<cellStyles") {
		return styles
	}
	return strings.Replace(styles, after, after+name, 1)
}

// addSamples adds a cell of every style to the row.
func addSamples(row *xlsx.Row) {
	for s := range styles {
		cell := row.AddCell()
		cell.SetInt(0) // a text would go to the shared strings
		cell.NumFmt = numberFormats[s]
		if s == styleHeader {
			bold := xlsx.NewStyle()
			bold.Font = *xlsx.NewFont(11, "Arial") // the size and name of tealeg's font of every other cell
			bold.Font.Bold = true
			bold.ApplyFont = true
			cell.SetStyle(bold)
		}
	}
}

// cutSheet splits a sheet's part around its rows.
func cutSheet(content string) (head, rows, foot string, err error) {
	const open, closing = "<sheetData>", "</sheetData>"
	head, rest, found := strings.Cut(content, open)
	rows, foot, closed := strings.Cut(rest, closing)
	if !found || !closed {
		return "", "", "", fmt.Errorf("the sheet has no %s", open)
	}
	// The dimension is that of the sample, and some readers believe it.
	before, after, found := strings.Cut(head, "<dimension ")
	if _, behind, ok := strings.Cut(after, "</dimension>"); found && ok {
		head = before + behind
	}
	return head + open, rows, closing + foot, nil
}

// styleNames reads from the row of samples how a cell names its style.
func styleNames(row string) (names [styles]string, err error) {
	var sample struct {
		Cells []struct {
			Style string `xml:"s,attr"`
		} `xml:"c"`
	}
	if err := xml.Unmarshal([]byte(row), &sample); err != nil {
		return names, fmt.Errorf("read the styles: %w", err)
	}
	if len(sample.Cells) != len(names) {
		return names, fmt.Errorf("read the styles: got %d, want %d", len(sample.Cells), len(names))
	}
	for i, c := range sample.Cells {
		if names[i] = c.Style; names[i] == "" {
			names[i] = "0"
		}
	}
	return names, nil
}

// closingParts returns the parts that name the sheets.
func closingParts(name string, sheets int) ([]part, error) {
	file := xlsx.NewFile()
	for n := range sheets {
		suffix := ""
		if n > 0 {
			suffix = fmt.Sprintf(" (%d)", n+1)
		}
		if _, err := file.AddSheet(sheetName(name, suffix)); err != nil {
			return nil, err
		}
	}
	parts, err := file.MakeStreamParts()
	if err != nil {
		return nil, err
	}
	var closing []part
	for _, name := range []string{"xl/workbook.xml", "xl/_rels/workbook.xml.rels", "[Content_Types].xml"} {
		closing = append(closing, part{name, parts[name]})
	}
	return closing, nil
}

// columnWidth returns the width that was asked for, within Excel's limit of
// 255, or one that suits the title and the format.
func columnWidth(c ports.Column) float64 {
	const margin, narrowest, widest, limit = 2, 8, 60, 255
	if c.Width > 0 {
		return min(c.Width, limit)
	}
	fit := float64(margin)
	for _, r := range c.Title {
		fit++
		if kind := width.LookupRune(r).Kind(); kind == width.EastAsianWide || kind == width.EastAsianFullwidth {
			fit++
		}
	}
	if c.Format == ports.FormatDate || c.Format == ports.FormatAmount {
		fit = max(fit, 12) // 2026-01-31 and 1,234,567.00, not ####
	}
	return min(max(fit, narrowest), widest)
}

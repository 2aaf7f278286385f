package xlsxfile

import (
	"strconv"
	"strings"
	"time"

	"github.com/batchport/batchport/ports"
)

// maxDigits is how many significant digits of a number Excel keeps on show.
const maxDigits = 15

const maxInteger = 999_999_999_999_999 // the largest whole number of maxDigits

// cell appends the cell of the column at index i.
func (b *workbookWriter) cell(i int, row []byte, c *ports.Cell) {
	format := b.formats[i]
	switch c.Kind {
	case ports.CellEmpty:
	case ports.CellText, ports.CellError:
		b.text(i, row, styleText, c.Text)
	case ports.CellBool:
		b.text(i, row, styleText, strings.ToUpper(strconv.FormatBool(c.Bool)))
	case ports.CellInteger:
		if format == ports.FormatText || c.Int > maxInteger || c.Int < -maxInteger {
			b.text(i, row, styleText, strconv.FormatInt(c.Int, 10))
			return
		}
		b.openValue(i, row, numberStyle(format, true))
		b.buf = strconv.AppendInt(b.buf, c.Int, 10)
		b.closeValue()
	case ports.CellNumber:
		whole, ok := plainNumber(c.Text)
		if format == ports.FormatText || !ok {
			b.text(i, row, styleText, c.Text)
			return
		}
		b.openValue(i, row, numberStyle(format, whole))
		b.buf = append(b.buf, c.Text...)
		b.closeValue()
	case ports.CellDate:
		serial, ok := dateSerial(c.Date)
		if format == ports.FormatText || !ok {
			b.text(i, row, styleText, c.Date.Format(time.DateOnly))
			return
		}
		b.openValue(i, row, styleDate)
		b.buf = strconv.AppendInt(b.buf, serial, 10)
		b.closeValue()
	}
}

// text appends a text cell, or nothing for "".
func (b *workbookWriter) text(i int, row []byte, s style, value string) {
	if value == "" {
		return
	}
	b.openCell(i, row, s)
	b.buf = append(b.buf, ` t="inlineStr"><is><t`...)
	if needsPreserve(value) {
		b.buf = append(b.buf, ` xml:space="preserve"`...)
	}
	b.buf = append(b.buf, '>')
	b.buf = appendText(b.buf, limitText(value))
	b.buf = append(b.buf, `</t></is></c>`...)
}

func (b *workbookWriter) openCell(i int, row []byte, s style) {
	b.buf = append(b.buf, `<c r="`...)
	b.buf = append(b.buf, b.letters[i]...)
	b.buf = append(b.buf, row...)
	b.buf = append(b.buf, `" s="`...)
	b.buf = append(b.buf, b.look.styles[s]...)
	b.buf = append(b.buf, '"')
}

func (b *workbookWriter) openValue(i int, row []byte, s style) {
	b.openCell(i, row, s)
	b.buf = append(b.buf, `><v>`...)
}

func (b *workbookWriter) closeValue() { b.buf = append(b.buf, `</v></c>`...) }

// numberStyle returns the style of a number in a column of the format. Whole
// amounts have a style of their own, since "#,##0.##" would show a bare
// decimal point behind them.
func numberStyle(format ports.CellFormat, whole bool) style {
	switch {
	case format == ports.FormatAmount && whole:
		return styleWholeAmount
	case format == ports.FormatAmount:
		return styleAmount
	case format == ports.FormatID && whole:
		return styleID
	}
	return styleGeneral
}

// plainNumber reports whether s is a decimal number that a workbook holds
// without loss, such as "-12.50", and whether its decimals are all zero.
// Leading zeros, signs other than '-' and exponents are not plain.
func plainNumber(s string) (whole, ok bool) {
	integer, decimals, point := strings.Cut(strings.TrimPrefix(s, "-"), ".")
	if integer == "" || !allDigits(integer) || integer[0] == '0' && len(integer) > 1 {
		return false, false
	}
	if point && (decimals == "" || !allDigits(decimals)) {
		return false, false
	}
	decimals = strings.TrimRight(decimals, "0")
	if len(integer)+len(decimals) > maxDigits {
		return false, false
	}
	return decimals == "", true
}

func allDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// dateSerial returns the number by which a workbook knows the day of t, in
// the 1900 system, or false when programs do not agree on one.
func dateSerial(t time.Time) (int64, bool) {
	year, month, day := t.Date()
	// Day 61 is 1900-03-01: the day 60 that Excel calls 29 February is where
	// the count of days since 1899-12-30 becomes true.
	const first, last = 61, 2_958_465
	serial := time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Unix()/86_400 + 25_569
	return serial, serial >= first && serial <= last
}

package sheets

import (
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/batchport/batchport/ports"
)

// Text returns what a cell says, without white space and invisible characters
// around it. ok is false for the error of a formula.
func Text(c ports.Cell) (s string, ok bool) {
	switch c.Kind {
	case ports.CellText:
		return strings.TrimFunc(c.Text, Unseen), true
	case ports.CellNumber:
		return PlainNumber(c.Text), true
	case ports.CellInteger:
		return strconv.FormatInt(c.Int, 10), true
	case ports.CellDate:
		return dateText(c.Date), true
	case ports.CellBool:
		return strings.ToUpper(strconv.FormatBool(c.Bool)), true
	case ports.CellError:
		return c.Text, false
	case ports.CellEmpty:
	}
	return "", true
}

// Blank reports whether a row has nothing but white space.
func Blank(row ports.Row) bool {
	for _, c := range row.Cells {
		if s, ok := Text(c); s != "" || !ok {
			return false
		}
	}
	return true
}

// Unseen reports whether a character shows nothing: white space, and what steers
// the display of others, such as U+200B and the byte order mark.
func Unseen(r rune) bool { return unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) }

// dateText writes a day, a time of day, or both, as a sheet shows them. A time
// by itself is one of the day 0.
func dateText(t time.Time) string {
	clock := "15:04"
	if t.Second() != 0 {
		clock = time.TimeOnly
	}
	switch {
	case t.Year() < 1900:
		return t.Format(clock)
	case t.Equal(t.Truncate(24 * time.Hour)):
		return t.Format(time.DateOnly)
	}
	return t.Format(time.DateOnly + " " + clock)
}

// Folded is a title without what people do not see or mean: the case and the
// width of letters, white space and line breaks, invisible characters.
func Folded(title string) string {
	return strings.ToLower(strings.Map(func(r rune) rune {
		if Unseen(r) {
			return -1
		}
		return r
	}, Narrow(title)))
}

// Narrow writes digits, signs, points and commas of the full width, as East
// Asian input methods make them, as plain ones.
func Narrow(s string) string {
	if strings.IndexFunc(s, func(r rune) bool { return r >= '！' && r <= '～' }) < 0 {
		return s
	}
	return strings.Map(func(r rune) rune {
		if r >= '！' && r <= '～' {
			return r - '！' + '!'
		}
		return r
	}, s)
}

// PlainNumber writes a number of a sheet without an exponent. Digits alone stay
// as they are: an identifier may have more of them than a spreadsheet shows.
// Others get the 15 significant digits that it shows: 12.100000000000001 is
// 12.1.
func PlainNumber(s string) string {
	if s != "" && strings.Trim(strings.TrimPrefix(s, "-"), "0123456789") == "" {
		return s
	}
	n, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsInf(n, 0) || math.IsNaN(n) {
		return s
	}
	if n, err = strconv.ParseFloat(strconv.FormatFloat(n, 'g', 15, 64), 64); err != nil || math.Abs(n) >= 1e21 {
		return s
	}
	return strconv.FormatFloat(n, 'f', -1, 64)
}

// Letters names the column at index i, from 0: A, Z, AA. A column that
// there is not has none.
func Letters(i int) (letters string) {
	for i++; i > 0; i = (i - 1) / 26 {
		letters = string(rune('A'+(i-1)%26)) + letters
	}
	return letters
}

// Copied is a cell of the original as it goes into the copy, which has
// numbers without exponents and days without a time.
func Copied(c ports.Cell) ports.Cell {
	switch {
	case c.Kind == ports.CellNumber:
		c.Text = PlainNumber(c.Text)
	case c.Kind == ports.CellDate && (c.Date.Year() < 1900 || !c.Date.Equal(c.Date.Truncate(24*time.Hour))):
		return ports.Cell{Kind: ports.CellText, Text: dateText(c.Date)}
	}
	return c
}

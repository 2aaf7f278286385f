package estates

import (
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/batchport/batchport/domain/estate"
	"github.com/batchport/batchport/ports"
)

// textOf returns what a cell says, without white space and invisible characters
// around it. ok is false for the error of a formula.
func textOf(c ports.Cell) (s string, ok bool) {
	switch c.Kind {
	case ports.CellText:
		return strings.TrimFunc(c.Text, unseen), true
	case ports.CellNumber:
		return plainNumber(c.Text), true
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

// unseen reports whether a character shows nothing: white space, and what steers
// the display of others, such as U+200B and the byte order mark.
func unseen(r rune) bool { return unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) }

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

// folded is a title without what people do not see or mean: the case and the
// width of letters, white space and line breaks, invisible characters.
func folded(title string) string {
	return strings.ToLower(strings.Map(func(r rune) rune {
		if unseen(r) {
			return -1
		}
		return r
	}, narrow(title)))
}

// amountOf reads an amount in the ways in which accountants write it: with a
// minus sign of any kind, in parentheses, or behind a triangle when it is
// negative. tooLarge is true for one that is an amount but for its size.
func amountOf(s string) (m estate.Money, ok, tooLarge bool) {
	s = narrow(strings.Map(func(r rune) rune {
		switch {
		case r == '\u2212' || r == '△' || r == '▲':
			return '-'
		case unseen(r):
			return -1
		}
		return r
	}, s))
	if inner, open := strings.CutPrefix(s, "("); open {
		if inner, closed := strings.CutSuffix(inner, ")"); closed && inner != "" && strings.Trim(inner[:1], "0123456789") == "" {
			s = "-" + inner
		}
	}
	if m, ok = estate.ParseMoney(s); ok {
		return m, true, false
	}
	// With its first digits alone it would be one.
	whole, decimals, _ := strings.Cut(strings.ReplaceAll(strings.TrimLeft(s, "+-"), ",", ""), ".")
	return 0, false, len(whole) > 13 && len(strings.TrimRight(decimals, "0")) <= 2 && strings.Trim(whole+decimals, "0123456789") == ""
}

// plainNumber writes a number of a sheet without an exponent. Digits alone stay
// as they are: an identifier may have more of them than a spreadsheet shows.
// Others get the 15 significant digits that it shows: 12.100000000000001 is
// 12.1.
func plainNumber(s string) string {
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

// wholeNumber reads digits. A number that no int64 holds gives the nearest.
func wholeNumber(s string) (n int64, ok bool) {
	digits := strings.TrimPrefix(s, "-")
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return 0, false
	}
	n, _ = strconv.ParseInt(s, 10, 64) // all digits, so it can only be out of range
	return n, true
}

// narrow writes digits, signs, points and commas of the full width, as East
// Asian input methods make them, as plain ones.
func narrow(s string) string {
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

// blankRow reports whether a row has nothing but white space.
func blankRow(row ports.Row) bool {
	for _, c := range row.Cells {
		if s, ok := textOf(c); s != "" || !ok {
			return false
		}
	}
	return true
}

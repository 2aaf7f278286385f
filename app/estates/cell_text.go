package estates

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/batchport/batchport/ports"
)

// textOf returns what a cell says, without white space around it. ok is false
// for the error of a formula.
func textOf(c ports.Cell) (s string, ok bool) {
	switch c.Kind {
	case ports.CellText:
		return strings.TrimSpace(c.Text), true
	case ports.CellNumber:
		return plainNumber(c.Text), true
	case ports.CellInteger:
		return strconv.FormatInt(c.Int, 10), true
	case ports.CellDate:
		return c.Date.Format(time.DateOnly), true
	case ports.CellBool:
		return strings.ToUpper(strconv.FormatBool(c.Bool)), true
	case ports.CellError:
		return c.Text, false
	case ports.CellEmpty:
	}
	return "", true
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

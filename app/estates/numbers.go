package estates

import (
	"strconv"
	"strings"

	"github.com/batchport/batchport/app/sheets"
	"github.com/batchport/batchport/domain/estate"
)

// amountOf reads an amount in the ways in which accountants write it: with a
// minus sign of any kind, in parentheses, or behind a triangle when it is
// negative. tooLarge is true for one that is an amount but for its size.
func amountOf(s string) (m estate.Money, ok, tooLarge bool) {
	s = sheets.Narrow(strings.Map(func(r rune) rune {
		switch {
		case r == '\u2212' || r == '△' || r == '▲':
			return '-'
		case sheets.Unseen(r):
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

// wholeNumber reads digits. A number that no int64 holds gives the nearest.
func wholeNumber(s string) (n int64, ok bool) {
	digits := strings.TrimPrefix(s, "-")
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return 0, false
	}
	n, _ = strconv.ParseInt(s, 10, 64) // all digits, so it can only be out of range
	return n, true
}

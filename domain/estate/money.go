package estate

import (
	"fmt"
	"strconv"
	"strings"
)

// Money is an amount of money in hundredths of a TWD. It may be negative.
type Money int64

// MaxMoney is the largest amount, and -MaxMoney the smallest:
// 9,999,999,999,999.99, the 15 digits that a spreadsheet keeps.
const MaxMoney Money = 999_999_999_999_999

// ParseMoney reads an amount as people write it: digits with up to two
// decimals after a point, perhaps a sign in front, perhaps commas between
// thousands, such as "-1,250.5". Decimals beyond the second must be zeros. ok
// is false for any other form and beyond [MaxMoney].
func ParseMoney(s string) (m Money, ok bool) {
	unsigned, negative := strings.CutPrefix(s, "-")
	if !negative {
		unsigned = strings.TrimPrefix(s, "+")
	}
	whole, decimals, point := strings.Cut(unsigned, ".")
	if whole, ok = withoutCommas(whole); !ok || point && !digits(decimals) {
		return 0, false
	}
	if decimals = strings.TrimRight(decimals, "0"); len(decimals) > 2 {
		return 0, false
	}
	hundredths, err := strconv.ParseInt(whole+(decimals + "00")[:2], 10, 64)
	if err != nil || Money(hundredths) > MaxMoney {
		return 0, false
	}
	if negative {
		hundredths = -hundredths
	}
	return Money(hundredths), true
}

// String renders the amount with two decimals, such as "-1250.50".
func (m Money) String() string {
	sign, n := "", uint64(m) // of the least int64 there is no negative
	if m < 0 {
		sign, n = "-", -n
	}
	return fmt.Sprintf("%s%d.%02d", sign, n/100, n%100)
}

// withoutCommas takes the commas between thousands out of digits. ok is false
// when they stand elsewhere, and for anything but digits.
func withoutCommas(s string) (plain string, ok bool) {
	groups := strings.Split(s, ",")
	for i, g := range groups {
		if !digits(g) || len(groups) > 1 && (len(g) > 3 || i > 0 && len(g) != 3) {
			return "", false
		}
	}
	return strings.Join(groups, ""), true
}

package estate

import (
	"strconv"
	"strings"
)

// Area is a floor area in hundredths of a ping (3.3058 m²).
type Area int64

// MaxArea is the largest area: 9,999,999,999.99 ping.
const MaxArea Area = 999_999_999_999

// ParseArea reads an area in ping: digits, with up to two decimals after a
// point, such as "35.5" or "35.50". ok is false for any other form and above
// [MaxArea].
func ParseArea(s string) (a Area, ok bool) {
	whole, decimals, point := strings.Cut(s, ".")
	if !digits(whole) || point && !digits(decimals) || len(decimals) > 2 {
		return 0, false
	}
	hundredths, err := strconv.ParseInt(whole+(decimals + "00")[:2], 10, 64)
	if err != nil || Area(hundredths) > MaxArea {
		return 0, false
	}
	return Area(hundredths), true
}

// String renders the area in ping with two decimals, such as "35.50".
func (a Area) String() string { return Money(a).String() }

func digits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

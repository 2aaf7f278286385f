package estate

import "time"

// Month is a month of the calendar as YYYYmm, such as "202611", from 190001 to
// 999912. Months compare as strings. The zero Month is none.
type Month string

const monthForm = "200601"

// ParseMonth reads a month. ok is false for any other form and for months
// that do not exist.
func ParseMonth(s string) (m Month, ok bool) {
	t, err := time.Parse(monthForm, s)
	if err != nil || t.Format(monthForm) != s || t.Year() < 1900 {
		return "", false
	}
	return Month(s), true
}

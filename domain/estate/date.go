package estate

import "time"

// Date is a day without a time or a zone, as YYYY-MM-DD, from 1900-01-01 to
// 9999-12-31: the days that a spreadsheet knows. Dates compare as strings. The
// zero Date is no day.
type Date string

const firstDate, lastDate = Date("1900-01-01"), Date("9999-12-31")

// ParseDate reads a day of the calendar written as YYYY-MM-DD. ok is false
// for any other form and for days that do not exist.
func ParseDate(s string) (d Date, ok bool) {
	if t, err := time.Parse(time.DateOnly, s); err != nil || t.Format(time.DateOnly) != s {
		return "", false
	}
	return Date(s), true
}

// Time returns midnight UTC of the day, and the zero time for no day.
func (d Date) Time() time.Time {
	t, err := time.Parse(time.DateOnly, string(d))
	if err != nil {
		return time.Time{}
	}
	return t
}

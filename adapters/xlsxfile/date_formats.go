package xlsxfile

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// builtinDateFormat reports whether the number format that files do not spell
// out shows dates or times (ISO/IEC 29500-1, 18.8.30): 27 to 36 and 50 to 58
// are those of China, Japan, Korea and Taiwan.
func builtinDateFormat(id int) bool {
	switch {
	case id >= 14 && id <= 22, id >= 27 && id <= 36, id >= 45 && id <= 47, id >= 50 && id <= 58:
		return true
	}
	return false
}

// dateFormat reports whether a format code shows a date or a time: whether
// its first section, which is that of positive numbers, has a letter that
// stands for a part of one.
func dateFormat(code string) bool {
	for i := 0; i < len(code); i++ {
		switch c := code[i] | 0x20; { // as a small letter
		case code[i] == ';':
			return false
		case code[i] == '"':
			end := strings.IndexByte(code[i+1:], '"')
			if end < 0 {
				return false
			}
			i += 1 + end
		case code[i] == '\\', code[i] == '_', code[i] == '*':
			i++ // what follows is itself, as wide as itself, or repeated
		case code[i] == '[':
			end := strings.IndexByte(code[i:], ']')
			if end < 0 {
				return false
			}
			if elapsed(code[i+1 : i+end]) {
				return true
			}
			i += end // a colour, a condition, a currency or a language
		case c == 'g' && len(code)-i >= len("general") && strings.EqualFold(code[i:i+len("general")], "general"):
			i += len("general") - 1
		case c == 'y', c == 'm', c == 'd', c == 'h', c == 's':
			return true
		case c == 'e': // a year of an era, but not an exponent
			if i+1 == len(code) || code[i+1] != '+' && code[i+1] != '-' {
				return true
			}
		case c == 'a' && len(code)-i >= 3 && strings.EqualFold(code[i:i+3], "aaa"):
			return true // a day of the week in Chinese and Japanese
		}
	}
	return false
}

// elapsed reports whether what stands in brackets is hours, minutes or seconds
// that may be more than make a day.
func elapsed(s string) bool {
	if s == "" {
		return false
	}
	c := s[0] | 0x20
	return (c == 'h' || c == 'm' || c == 's') && strings.Trim(s, string([]byte{c, c &^ 0x20})) == ""
}

// Days since 1899-12-30, which is what the count of days since 1900 comes to
// from 1900-03-01 on.
const (
	day1970   = 25_569
	day1904   = 1_462
	dayMarch  = 61 // 1900-03-01
	lastDay   = 2_958_465
	dayMillis = 86_400_000
)

// serialTime returns the time that a number in a cell stands for, in whole
// milliseconds, which is as fine as Excel shows it; false when it stands for
// none. A time without a day comes out on 1899-12-31, the day before the
// first; in the system of 1904 the first day is 1904-01-01, and is number 0.
func serialTime(serial float64, from1904 bool) (time.Time, bool) {
	if !(serial >= 0 && serial < lastDay+1) {
		return time.Time{}, false
	}
	days := math.Floor(serial)
	millis := int64(math.Round((serial - days) * dayMillis))
	day := int64(days)
	switch {
	case from1904:
		day += day1904
	case day < dayMarch-1:
		// Excel has a 29 February 1900, so that its days before it are one
		// further from 1899-12-30. The day itself comes out as the 28th.
		day++
	}
	if day > lastDay {
		return time.Time{}, false
	}
	return time.UnixMilli((day-day1970)*dayMillis + millis).UTC(), true
}

// cellTime is serialTime for the text of a number.
func cellTime(number []byte, from1904 bool) (time.Time, bool) {
	if len(number) > 0 && len(number) <= 7 { // most dates are whole
		days, plain := 0, true
		for _, c := range number {
			plain = plain && c >= '0' && c <= '9'
			days = days*10 + int(c-'0')
		}
		if plain {
			return serialTime(float64(days), from1904)
		}
	}
	serial, err := strconv.ParseFloat(string(number), 64)
	if err != nil {
		return time.Time{}, false
	}
	return serialTime(serial, from1904)
}

// isoLayouts are the forms of a cell of the type "d". What a zone there says
// is not heeded: a workbook's times are those on the clock.
var isoLayouts = []string{
	"2006-01-02T15:04:05", "2006-01-02", "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01", "15:04:05", "15:04",
}

// isoTime reads a date or a time as ISO 8601 has it.
func isoTime(text string) (time.Time, bool) {
	if i := strings.IndexByte(text, 'T'); i >= 0 || strings.IndexByte(text, ':') >= 0 {
		if zone := strings.LastIndexAny(text, "Z+-"); zone > i {
			text = text[:zone]
		}
	}
	for _, layout := range isoLayouts {
		t, err := time.Parse(layout, text)
		if err != nil {
			continue
		}
		if strings.HasPrefix(layout, "15") {
			t = t.AddDate(1899, 11, 30) // from 0000-01-01
		}
		return t, true
	}
	return time.Time{}, false
}

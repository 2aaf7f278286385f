package xlsxfile

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// maxText is Excel's limit for the text of a cell, in UTF-16 units.
const maxText = 32_767

const ellipsis = '…'

// plain tells the ASCII characters that stand for themselves in a cell's text.
var plain = func() (table [utf8.RuneSelf]bool) {
	for c := range table {
		table[c] = c >= ' ' && !strings.ContainsRune("&<>_", rune(c)) || c == '\t' || c == '\n'
	}
	return table
}()

// appendText appends s as the content of an XML element of the type ST_Xstring
// (ISO/IEC 29500-1, 22.9.2.19), so that it reads back as it is, except for
// characters that XML does not allow: they become U+FFFD.
func appendText(dst []byte, s string) []byte {
	from := 0 // s[from:i] stands for itself and is not yet appended
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if plain[c] || c == '_' && !escapeLike(s[i:]) {
				i++
				continue
			}
			dst = append(append(dst, s[from:i]...), asciiEscape(c)...)
			i++
			from = i
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 || r == '\uFFFE' || r == '\uFFFF' {
			dst = append(append(dst, s[from:i]...), "\uFFFD"...)
			from = i + size
		}
		i += size
	}
	return append(dst, s[from:]...)
}

// asciiEscape returns what stands for an ASCII character that is not plain.
func asciiEscape(c byte) string {
	switch c {
	case '&':
		return "&amp;"
	case '<':
		return "&lt;"
	case '>':
		return "&gt;"
	case '\r':
		return "&#13;" // a bare one would be read as a line feed
	case '_':
		return "_x005F_"
	}
	return "\uFFFD"
}

// escapeLike reports whether s begins like "_x000D_", which a reader of
// ST_Xstring takes for the character of that number.
func escapeLike(s string) bool {
	if len(s) < 7 || s[1] != 'x' || s[6] != '_' {
		return false
	}
	for _, c := range []byte(s[2:6]) {
		// Some readers take any letter for a digit.
		if letter := c | 0x20; (c < '0' || c > '9') && (letter < 'a' || letter > 'z') {
			return false
		}
	}
	return true
}

// needsPreserve reports whether a reader may drop white space of s unless it
// is told not to.
func needsPreserve(s string) bool {
	return isSpace(s[0]) || isSpace(s[len(s)-1]) || strings.IndexByte(s, '\n') >= 0
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// limitText returns s, shortened to what a cell holds; a shortened one ends
// with an ellipsis.
func limitText(s string) string {
	if len(s) <= maxText { // a byte never makes more than one unit
		return s
	}
	return limitUnits(s, maxText, string(ellipsis))
}

// limitUnits returns s if it has at most limit UTF-16 units, else as much of
// it as leaves room for tail, and tail.
func limitUnits(s string, limit int, tail string) string {
	room := limit - units(tail)
	count, cut := 0, 0
	for i, r := range s {
		if count <= room {
			cut = i
		}
		if count += utf16.RuneLen(r); count > limit {
			return s[:cut] + tail
		}
	}
	return s
}

func units(s string) (n int) {
	for _, r := range s {
		n += utf16.RuneLen(r)
	}
	return n
}

// sheetName makes a name that Excel accepts for a sheet out of name and a
// suffix that keeps the sheets of a workbook apart.
func sheetName(name, suffix string) string {
	const maxUnits = 31
	name = strings.Map(func(r rune) rune {
		switch {
		case strings.ContainsRune(`[]:*?/\`, r):
			return '_'
		case r < ' ', r == 0x7F, r == utf8.RuneError, r == '\uFFFE', r == '\uFFFF':
			return ' '
		}
		return r
	}, name)
	const atEnds = " '" // an apostrophe at an end is refused; a blank is only confusing
	name = strings.Trim(name, atEnds)
	name = strings.TrimRight(limitUnits(name, maxUnits-units(suffix), ""), atEnds)
	// "History" is Excel's own in every language and case.
	if name == "" || suffix == "" && strings.EqualFold(name, "history") {
		name += "Sheet"
	}
	return name + suffix
}

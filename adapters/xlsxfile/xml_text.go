package xlsxfile

import (
	"bytes"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// text appends the character data of the element that has just begun to dst,
// and goes on to the element's end. Elements within it are passed over. The
// result is nil after a failure.
func (s *scanner) text(dst []byte) []byte {
	if s.short {
		s.next()
		return dst
	}
	start, depth := len(dst), len(s.marks)
	for {
		i := bytes.IndexByte(s.buf[s.pos:s.end], '<')
		if i < 0 {
			// References may take eight bytes for a character that has one.
			if s.end-s.pos > 8*s.maxText {
				return s.tooLong()
			}
			if !s.more() {
				s.broken("the document is not complete")
				return nil
			}
			continue
		}
		if dst = s.cook(dst, s.buf[s.pos:s.pos+i]); dst == nil {
			return nil
		}
		if len(dst)-start > s.maxText {
			return s.tooLong()
		}
		s.pos += i
		if s.end-s.pos < 2 && !s.need(2) {
			return nil
		}
		switch s.buf[s.pos+1] {
		case '/':
			if s.closeTag() == failed {
				return nil
			}
			if len(s.marks) < depth {
				return dst
			}
		case '!':
			if !s.declaration(&dst) {
				return nil
			}
			if len(dst)-start > s.maxText {
				return s.tooLong()
			}
		case '?':
			if !s.skipPast("?>") {
				return nil
			}
		default:
			if s.openTag() == failed || !s.skip() {
				return nil
			}
		}
	}
}

// xString is text for an element of the type ST_Xstring (ISO/IEC 29500-1,
// 22.9.2.19). White space at the ends counts only where the element says
// xml:space="preserve", which is how Excel takes it; with keep it always does.
func (s *scanner) xString(dst []byte, keep bool) []byte {
	if space, found := s.attr("xml:space"); found && string(space) == "preserve" {
		keep = true
	}
	start := len(dst)
	s.underscores = false
	if dst = s.text(dst); dst == nil {
		return nil
	}
	if !keep {
		trimmed := trimSpace(dst[start:])
		dst = append(dst[:start], trimmed...)
	}
	if s.underscores {
		dst = append(dst[:start], unescape(dst[start:])...)
	}
	return dst
}

func (s *scanner) tooLong() []byte {
	s.fail(tooLarge("text", int64(s.maxText)))
	return nil
}

// cdata appends what is left of a CDATA section.
func (s *scanner) cdata(dst *[]byte) bool {
	const end = "]]>"
	for {
		if i := bytes.Index(s.buf[s.pos:s.end], []byte(end)); i >= 0 {
			*dst = s.plain(*dst, s.buf[s.pos:s.pos+i])
			s.pos += i + len(end)
			return *dst != nil
		}
		if s.end-s.pos > s.maxText+len(end) {
			s.tooLong()
			return false
		}
		if !s.more() {
			s.broken("the document is not complete")
			return false
		}
	}
}

// ordinary tells the bytes of character data that stand for themselves.
var ordinary = func() (table [256]bool) {
	for c := range table {
		table[c] = c >= ' ' && c != '&' && c != '_' || c == '\t' || c == '\n'
	}
	return table
}()

// cook appends character data, with its references resolved and its lines
// ended as XML says. It returns nil for what XML does not allow.
func (s *scanner) cook(dst, raw []byte) []byte {
	return s.cookData(dst, raw, true)
}

// plain is cook for a CDATA section, which has no references.
func (s *scanner) plain(dst, raw []byte) []byte {
	return s.cookData(dst, raw, false)
}

func (s *scanner) cookData(dst, raw []byte, references bool) []byte {
	if dst == nil {
		dst = []byte{}
	}
	from := 0 // raw[from:i] stands for itself and is not yet appended
	for i := 0; i < len(raw); i++ {
		if ordinary[raw[i]] {
			continue
		}
		switch c := raw[i]; {
		case c == '_':
			s.underscores = true
		case c == '\r':
			dst = append(append(dst, raw[from:i]...), '\n')
			if i+1 < len(raw) && raw[i+1] == '\n' {
				i++
			}
			from = i + 1
		case c == '&' && references:
			dst = append(dst, raw[from:i]...)
			r, n := reference(raw[i:])
			if n == 0 {
				s.broken("a reference to nothing that is known")
				return nil
			}
			dst = utf8.AppendRune(dst, r)
			s.meter.work += referenceWork
			s.underscores = s.underscores || r == '_'
			i += n - 1
			from = i + 1
		case c == '&':
		default:
			s.broken("a character that XML does not allow")
			return nil
		}
	}
	return append(dst, raw[from:]...)
}

// reference returns the character that the reference at the start of b stands
// for and how long it is, or 0 if it is none.
func reference(b []byte) (r rune, n int) {
	const longest = 16 // enough for any number with some zeros before it
	end := bytes.IndexByte(b[:min(len(b), longest)], ';')
	if end < 0 {
		return 0, 0
	}
	switch name := string(b[1:end]); name {
	case "lt":
		return '<', end + 1
	case "gt":
		return '>', end + 1
	case "amp":
		return '&', end + 1
	case "quot":
		return '"', end + 1
	case "apos":
		return '\'', end + 1
	default:
		if len(name) < 2 || name[0] != '#' {
			return 0, 0
		}
		digits, base := name[1:], 10
		if digits[0] == 'x' {
			digits, base = digits[1:], 16
		}
		code, err := strconv.ParseUint(digits, base, 32)
		if err != nil || !allowed(rune(code)) {
			return 0, 0
		}
		return rune(code), end + 1
	}
}

// allowed reports whether XML has the character.
func allowed(r rune) bool {
	switch {
	case r < ' ':
		return r == '\t' || r == '\n' || r == '\r'
	case r <= utf8.MaxRune:
		return r != 0xFFFE && r != 0xFFFF && utf8.ValidRune(r)
	}
	return false
}

// attrText returns the value of an attribute with its references resolved, or
// "" when there is none.
func (s *scanner) attrText(name string) string {
	value, _ := s.attr(name)
	cooked := s.cook(nil, value)
	if !utf8.Valid(cooked) {
		s.fail(notWorkbook(reasonEncoding, nil))
		return ""
	}
	return string(cooked)
}

// unescape resolves escapes such as "_x000D_" in b, in place.
func unescape(b []byte) []byte {
	out := b[:0]
	for i := 0; i < len(b); {
		unit, ok := escape(b[i:])
		if !ok {
			out = append(out, b[i])
			i++
			continue
		}
		i += escapeLen
		r := rune(unit)
		if utf16.IsSurrogate(r) {
			second, _ := escape(b[i:])
			if r = utf16.DecodeRune(r, rune(second)); r != utf8.RuneError {
				i += escapeLen
			}
		}
		out = utf8.AppendRune(out, r) // never longer than the escape
	}
	return out
}

const escapeLen = len("_x000D_")

// escape returns the number of the escape at the start of b.
func escape(b []byte) (unit uint16, ok bool) {
	if len(b) < escapeLen || b[0] != '_' || b[1] != 'x' || b[6] != '_' {
		return 0, false
	}
	for _, c := range b[2:6] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		unit = unit<<4 | uint16(c)
	}
	return unit, true
}

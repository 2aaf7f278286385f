package document

import (
	"errors"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/batchport/batchport/domain"
)

// str reads a string. Without escapes it is a part of the text.
func (p *parser) str() (string, error) {
	p.at++ // the quote
	start := p.at
	var decoded strings.Builder
	for {
		switch c := p.peek(); {
		case c == '"':
			p.at++
			if decoded.Len() == 0 {
				return p.text[start : p.at-1], nil
			}
			decoded.WriteString(p.text[start : p.at-1])
			return decoded.String(), nil
		case c < ' ': // a control character, or the end
			return "", p.malformed(reasonSyntax)
		case c == '\\':
			decoded.WriteString(p.text[start:p.at])
			r, err := p.escape()
			if err != nil {
				return "", err
			}
			decoded.WriteRune(r)
			start = p.at
		default:
			p.at++
		}
	}
}

// escape reads an escape sequence: a backslash and what follows.
func (p *parser) escape() (rune, error) {
	p.at++
	c := p.peek()
	if c == 'u' {
		return p.unicode()
	}
	const letters, meanings = `"\/bfnrt`, "\"\\/\b\f\n\r\t"
	i := strings.IndexByte(letters, c)
	if i < 0 || c == 0 {
		return 0, p.malformed(reasonSyntax)
	}
	p.at++
	return rune(meanings[i]), nil
}

// unicode reads uXXXX, twice for a pair of surrogates.
func (p *parser) unicode() (rune, error) {
	r, err := p.hex4()
	switch {
	case err != nil:
		return 0, err
	case r == 0:
		return 0, p.malformed(reasonNUL)
	case !utf16.IsSurrogate(r):
		return r, nil
	case !strings.HasPrefix(p.text[p.at:], `\u`):
		return 0, p.malformed(reasonSurrogate)
	}
	p.at++
	low, err := p.hex4()
	if err != nil {
		return 0, err
	}
	if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
		return 0, p.malformed(reasonSurrogate)
	}
	return r, nil
}

// hex4 reads the letter u and four hexadecimal digits.
func (p *parser) hex4() (rune, error) {
	if len(p.text)-p.at < 5 {
		return 0, p.malformed(reasonSyntax)
	}
	r := rune(0)
	for i := 1; i < 5; i++ {
		digit := strings.IndexByte("0123456789abcdef", p.text[p.at+i]|0x20)
		if digit < 0 || p.text[p.at+i] < '0' {
			return 0, p.malformed(reasonSyntax)
		}
		r = r<<4 | rune(digit)
	}
	p.at += 5
	return r, nil
}

// longestPlain is how many digits a number without an exponent may have and be
// finite for sure.
const longestPlain = 300

// number reads a number and keeps it as it is written.
func (p *parser) number() (Value, error) {
	start := p.at
	p.take('-')
	if !p.take('0') && !p.digits() {
		return Value{}, p.malformed(reasonSyntax)
	}
	if p.take('.') && !p.digits() {
		return Value{}, p.malformed(reasonSyntax)
	}
	exponent := p.take('e') || p.take('E')
	if exponent {
		_ = p.take('+') || p.take('-')
		if !p.digits() {
			return Value{}, p.malformed(reasonSyntax)
		}
	}
	literal := p.text[start:p.at]
	if exponent || len(literal) > longestPlain {
		if _, err := strconv.ParseFloat(literal, 64); errors.Is(err, strconv.ErrRange) {
			p.at = start
			return Value{}, p.malformed(reasonNumber)
		}
	}
	return Value{Kind: Number, Text: literal}, nil
}

// digits goes past one or more digits, and reports whether there was one.
func (p *parser) digits() bool {
	start := p.at
	for isDigit(p.peek()) {
		p.at++
	}
	return p.at > start
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func (p *parser) malformed(reason string) error {
	return domain.Fail(domain.NewFailure(domain.CodeMalformed, p.field(), "",
		"reason", reason, "offset", strconv.Itoa(p.at)))
}

// Bounds of [parser.field], in bytes: keys come from outside and may be huge.
const (
	longestStep  = 64
	longestField = 200
)

// field writes the path like "data[3].editUserId", shortened.
func (p *parser) field() string {
	var b strings.Builder
	for _, s := range p.path {
		if s.list {
			b.WriteString("[" + strconv.Itoa(s.index) + "]")
			continue
		}
		if b.Len() > 0 && s.key != "" {
			b.WriteByte('.')
		}
		b.WriteString(shorten(s.key, longestStep))
	}
	return shorten(b.String(), longestField)
}

// shorten cuts s to most bytes, between two characters.
func shorten(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most]
}

// fewKeys is up to how many keys comparing each with each is quicker than a
// map.
const fewKeys = 8

// keySet finds a key that an object has twice.
type keySet map[string]struct{}

// add reports whether key is new beside the keys of members, which were added
// before.
func (s *keySet) add(key string, members []Member) bool {
	if len(members) < fewKeys {
		for _, m := range members {
			if m.Name == key {
				return false
			}
		}
		return true
	}
	if *s == nil {
		*s = make(keySet, 2*fewKeys)
		for _, m := range members {
			(*s)[m.Name] = struct{}{}
		}
	}
	if _, taken := (*s)[key]; taken {
		return false
	}
	(*s)[key] = struct{}{}
	return true
}

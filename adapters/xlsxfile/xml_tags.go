package xlsxfile

import "bytes"

// Limits of one tag that no program comes near to.
const (
	maxTag        = 64 << 10 // bytes
	maxAttributes = 64
)

// openTag reads the beginning of an element.
func (s *scanner) openTag() event {
	for {
		tag := s.buf[s.pos:s.end]
		n, ok := s.parseTag(tag)
		switch {
		case !ok:
			if s.err == nil {
				s.broken("a tag is not well-formed")
			}
			return failed
		case n > maxTag || n == 0 && len(tag) > maxTag:
			return s.bomb("a tag is too long")
		case n > 0:
			s.pos += n
			// Each attribute is compared with those before it.
			s.meter.work += int64(tagWork + 2*len(s.attrs)*len(s.attrs))
			return opened
		case !s.more():
			return s.broken("the document is not complete")
		}
	}
}

// parseTag reads the tag at the start of b and returns how long it is: 0 when
// b ends within it.
func (s *scanner) parseTag(b []byte) (n int, ok bool) {
	i, local := 1, 0
	for i < len(b) && nameByte[b[i]] {
		if b[i] == ':' {
			local = i
		}
		i++
	}
	if i == len(b) {
		return 0, true
	}
	full := b[1:i]
	if len(full) == 0 {
		return 0, false
	}
	s.attrs = s.attrs[:0]
	for {
		from := i
		for i < len(b) && isSpace(b[i]) {
			i++
		}
		if i == len(b) {
			return 0, true
		}
		switch b[i] {
		case '>':
			s.short = false
			return i + 1, s.push(full, local)
		case '/':
			if i+1 == len(b) {
				return 0, true
			}
			if b[i+1] != '>' {
				return 0, false
			}
			ok := s.push(full, local)
			s.short = true
			return i + 2, ok
		}
		if i == from {
			return 0, false // no space before the attribute
		}
		start := i
		for i < len(b) && nameByte[b[i]] {
			i++
		}
		name := b[start:i]
		for i < len(b) && isSpace(b[i]) {
			i++
		}
		if i == len(b) {
			return 0, true
		}
		if len(name) == 0 || b[i] != '=' {
			return 0, false
		}
		for i++; i < len(b) && isSpace(b[i]); i++ {
		}
		if i == len(b) {
			return 0, true
		}
		quote := b[i]
		if quote != '"' && quote != '\'' {
			return 0, false
		}
		i++
		start = i
		for i < len(b) && b[i] != quote {
			if b[i] == '<' {
				return 0, false
			}
			i++
		}
		if i == len(b) {
			return 0, true
		}
		if !s.addAttr(name, b[start:i]) {
			return 0, false
		}
		i++
	}
}

// addAttr reports whether the tag may have this attribute too.
func (s *scanner) addAttr(name, value []byte) bool {
	if len(s.attrs) == maxAttributes {
		s.bomb("a tag has too many attributes")
		return false
	}
	for i := range s.attrs {
		before := s.attrs[i].name
		if len(before) == len(name) && before[0] == name[0] && bytes.Equal(before, name) {
			return false
		}
	}
	s.attrs = append(s.attrs, attr{name, value})
	return true
}

// nameByte tells the bytes that a name may have, roughly: what cannot be part
// of one is what ends it.
var nameByte = func() (table [256]bool) {
	for c := range table {
		table[c] = c > ' ' && bytes.IndexByte([]byte(`<>/='"&?!`), byte(c)) < 0 && c != 0x7F
	}
	return table
}()

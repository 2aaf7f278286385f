package xlsxfile

import (
	"bytes"
	"strings"
)

// prologue reads what a document says of its encoding, and refuses any but
// UTF-8: that is what every program writes, and what is checked here is
// checked in it.
func (s *scanner) prologue() error {
	const longest = 256 // of an XML declaration, by far
	if !s.need(1) || !s.need(min(longest, s.end)) {
		return s.err
	}
	head := s.buf[s.pos:s.end]
	if hasAny(head, "\xFE\xFF", "\xFF\xFE", "\x00", "<\x00") {
		s.fail(notWorkbook(reasonEncoding, nil)) // UTF-16 or UTF-32
		return s.err
	}
	const byteOrderMark = "\uFEFF"
	if bytes.HasPrefix(head, []byte(byteOrderMark)) {
		s.pos += len(byteOrderMark)
		head = head[len(byteOrderMark):]
	}
	if !bytes.HasPrefix(head, []byte("<?xml")) {
		return nil
	}
	declaration, _, _ := bytes.Cut(head[:min(longest, len(head))], []byte("?>"))
	_, encoding, found := bytes.Cut(declaration, []byte("encoding"))
	if !found {
		return nil
	}
	name := strings.Trim(string(encoding), " \t\r\n='\"")
	if end := strings.IndexAny(name, "'\" \t\r\n"); end >= 0 {
		name = name[:end]
	}
	switch strings.ToLower(name) {
	case "utf-8", "utf8", "us-ascii", "ascii":
		return nil
	}
	s.fail(notWorkbook(reasonEncoding, nil))
	return s.err
}

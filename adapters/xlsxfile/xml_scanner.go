package xlsxfile

import (
	"bytes"
	"errors"
	"io"
)

// event is what a scanner comes upon.
type event int

const (
	failed event = iota // the scanner's err says why
	ended               // the document is complete
	opened              // an element begins: its name and attributes
	closed              // an element ends
)

// attr is an attribute as it is in the file: value may have references.
type attr struct{ name, value []byte }

// scanner reads XML element by element, in a buffer that does not grow with
// the document. It checks that elements are closed in turn and that tags are
// well-formed. It knows no document types: the entities of one are the classic
// way to make a small document endless. Names lose their prefixes, since the
// parts of a workbook have one meaning for a name wherever it stands.
type scanner struct {
	in       io.Reader
	buf      []byte // buf[pos:end] is read from in and not yet looked at
	pos, end int
	complete bool // in has no more
	err      error

	maxDepth int
	maxText  int // bytes of a text
	meter    *meter

	name   []byte // of the element that began or ended last; valid until the next call
	attrs  []attr // of the element that began last; valid until the next call
	short  bool   // the element that began last is <like/> this
	rooted bool   // the outermost element has begun

	names []byte // the names of the open elements, with their prefixes, end to end
	marks []mark

	underscores bool // cook came upon one: the text may have escapes
}

// mark is where the name of an open element is: with its prefix from full on,
// without it from local on.
type mark struct{ full, local int }

const bufferSize = 64 << 10

func newScanner(in io.Reader, buf []byte, limits ReadLimits, meter *meter) *scanner {
	return &scanner{in: in, buf: buf, maxDepth: limits.Depth, maxText: limits.TextBytes, meter: meter}
}

// next goes on to the next beginning or end of an element.
func (s *scanner) next() event {
	if s.err != nil {
		return failed
	}
	if s.short {
		s.short = false
		s.pop()
		return closed
	}
	for {
		if s.pos == s.end || s.buf[s.pos] != '<' {
			i := bytes.IndexByte(s.buf[s.pos:s.end], '<')
			skipped := s.buf[s.pos:s.end]
			if i >= 0 {
				skipped = skipped[:i]
			}
			if len(s.marks) == 0 && len(trimSpace(skipped)) > 0 {
				return s.broken("text outside of the document")
			}
			s.pos += len(skipped)
			if i < 0 {
				if !s.more() {
					return s.finish()
				}
				continue
			}
		}
		if s.end-s.pos < 2 && !s.need(2) {
			return failed
		}
		switch s.buf[s.pos+1] {
		case '/':
			return s.closeTag()
		case '!':
			if !s.declaration(nil) {
				return failed
			}
		case '?':
			if !s.skipPast("?>") {
				return failed
			}
		default:
			return s.openTag()
		}
	}
}

// skip goes on to the end of the element that has just begun.
func (s *scanner) skip() bool {
	for depth := len(s.marks) - 1; len(s.marks) > depth; {
		if s.next() == failed {
			return false
		}
	}
	return true
}

// finish tells what the end of the input means.
func (s *scanner) finish() event {
	switch {
	case s.err != nil:
		return failed
	case len(s.marks) > 0 || !s.rooted:
		return s.broken("the document is not complete")
	}
	return ended
}

// closeTag reads the end of an element.
func (s *scanner) closeTag() event {
	if len(s.marks) == 0 {
		return s.broken("an end without a beginning")
	}
	want := s.names[s.marks[len(s.marks)-1].full:]
	n := len(want) + 2
	if s.end-s.pos <= n && !s.need(n+1) {
		return failed
	}
	if !bytes.Equal(s.buf[s.pos+2:s.pos+n], want) {
		return s.broken("an end of another element")
	}
	s.pos += n
	for s.buf[s.pos] != '>' {
		if !isSpace(s.buf[s.pos]) {
			return s.broken("an end of another element")
		}
		s.pos++
		if !s.need(1) {
			return failed
		}
	}
	s.pos++
	s.pop()
	return closed
}

// push opens an element of this name, of which the first local bytes are not
// part of what it is known by.
func (s *scanner) push(full []byte, local int) bool {
	if len(s.marks) == 0 && s.rooted {
		return false // a second outermost element
	}
	if len(s.marks) == s.maxDepth {
		s.bomb("elements are too deep")
		return false
	}
	s.rooted = true
	s.marks = append(s.marks, mark{len(s.names), len(s.names) + local})
	s.names = append(s.names, full...)
	s.name = full[local:]
	return true
}

// pop closes the innermost element.
func (s *scanner) pop() {
	last := s.marks[len(s.marks)-1]
	s.name = s.names[last.local:]
	s.names, s.marks = s.names[:last.full], s.marks[:len(s.marks)-1]
}

// declaration passes over a comment or a CDATA section; what is in the latter
// goes to dst, unless that is nil.
func (s *scanner) declaration(dst *[]byte) bool {
	s.meter.work += tagWork
	const comment, cdata = "<!--", "<![CDATA["
	for {
		b := s.buf[s.pos:s.end]
		switch {
		case bytes.HasPrefix(b, []byte(comment)):
			s.pos += len(comment)
			return s.skipPast("-->")
		case bytes.HasPrefix(b, []byte(cdata)) && len(s.marks) > 0:
			s.pos += len(cdata)
			if dst == nil {
				return s.skipPast("]]>")
			}
			return s.cdata(dst)
		case len(b) >= len(cdata) || !s.more():
			if s.err == nil {
				s.bomb("a document type, or nothing that is known")
			}
			return false
		}
	}
}

// skipPast goes on behind the next end.
func (s *scanner) skipPast(end string) bool {
	s.meter.work += tagWork
	for {
		if i := bytes.Index(s.buf[s.pos:s.end], []byte(end)); i >= 0 {
			s.pos += i + len(end)
			return true
		}
		s.pos = max(s.pos, s.end-len(end)+1)
		if !s.more() {
			s.broken("the document is not complete")
			return false
		}
	}
}

// need makes sure that n bytes are in the buffer.
func (s *scanner) need(n int) bool {
	for s.end-s.pos < n {
		if !s.more() {
			s.broken("the document is not complete")
			return false
		}
	}
	return true
}

// more reads on, keeping what is not yet looked at. It reports whether there
// is more than there was.
func (s *scanner) more() bool {
	if s.err != nil || s.complete {
		return false
	}
	kept := s.end - s.pos
	if kept == len(s.buf) {
		s.buf = append(s.buf, make([]byte, len(s.buf))...)
	}
	copy(s.buf, s.buf[s.pos:s.end])
	s.pos, s.end = 0, kept
	for s.end < len(s.buf) {
		n, err := s.in.Read(s.buf[s.end:])
		s.end += n
		if errors.Is(err, io.EOF) {
			s.complete = true
			break
		}
		if err != nil {
			s.err = err
			return false
		}
	}
	return s.end > kept
}

// broken ends the scan, unless it has ended already, because of a fault in the
// document.
func (s *scanner) broken(what string) event {
	return s.fail(notWorkbook(reasonXML, errors.New(what)))
}

// bomb ends the scan because of a document that is made to do harm.
func (s *scanner) bomb(what string) event {
	return s.fail(notWorkbook(reasonBomb, errors.New(what)))
}

func (s *scanner) fail(err error) event {
	if s.err == nil {
		s.err = err
	}
	return failed
}

// root goes on to the outermost element and reports whether it has this name.
func (s *scanner) root(name string) bool {
	return s.next() == opened && string(s.name) == name
}

// child goes on to the next element within the one that is open, and reports
// whether there is one. Its caller goes on to the end of each child.
func (s *scanner) child() bool { return s.next() == opened }

// finishAll goes on to the end of the document.
func (s *scanner) finishAll() error {
	for {
		switch s.next() {
		case failed:
			return s.err
		case ended:
			return nil
		case opened, closed:
		}
	}
}

// attr returns the value of the attribute of the element that began last, as
// it is in the file.
func (s *scanner) attr(name string) (value []byte, found bool) {
	for i := range s.attrs {
		if string(s.attrs[i].name) == name {
			return s.attrs[i].value, true
		}
	}
	return nil, false
}

func trimSpace(b []byte) []byte {
	for len(b) > 0 && isSpace(b[0]) {
		b = b[1:]
	}
	for len(b) > 0 && isSpace(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	return b
}

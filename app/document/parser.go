package document

import (
	"strings"
	"unicode/utf8"

	"github.com/batchport/batchport/domain"
)

// maxDepth is how deep lists and objects may be nested.
const maxDepth = 16

// Why a document is malformed: the parameter "reason" of its failure.
const (
	reasonDepth     = "depth"     // nested deeper than maxDepth
	reasonEmpty     = "empty"     // nothing there
	reasonNUL       = "nul"       // a NUL character, plain or escaped
	reasonNumber    = "number"    // a number that is not finite
	reasonSurrogate = "surrogate" // half of a surrogate pair
	reasonSyntax    = "syntax"    // not JSON
	reasonTrailing  = "trailing"  // something behind the document
	reasonUTF8      = "utf8"      // not UTF-8
)

// Parse reads one JSON document (RFC 8259) and refuses what programs are
// known to read differently. [domain.CodeMalformed], with the parameters
// reason and offset (in bytes), is text that is empty, not UTF-8, not JSON,
// nested deeper than 16, followed by something, or that holds a NUL character,
// half of a surrogate pair or a number beyond what a float64 holds;
// [domain.CodeDuplicate] is a key that an object has twice. The failure's field
// is the path of the value at fault, such as "data[3].editUserId", of at most
// 200 bytes. A byte order mark is refused like any other character outside of
// the document: the standard forbids senders to add one.
//
// It takes time linear in the length of text. The strings of the value share
// the memory of text: what outlives the rest is better cloned.
func Parse(text string) (Value, error) {
	p := &parser{text: text}
	if at := invalidUTF8(text); at >= 0 {
		p.at = at
		return Value{}, p.malformed(reasonUTF8)
	}
	if at := strings.IndexByte(text, 0); at >= 0 {
		p.at = at
		return Value{}, p.malformed(reasonNUL)
	}
	if p.space(); p.at == len(text) {
		return Value{}, p.malformed(reasonEmpty)
	}
	v, err := p.value()
	if err != nil {
		return Value{}, err
	}
	if p.space(); p.at < len(text) {
		return Value{}, p.malformed(reasonTrailing)
	}
	return v, nil
}

// invalidUTF8 returns where text stops being UTF-8, or -1.
func invalidUTF8(text string) int {
	if utf8.ValidString(text) {
		return -1
	}
	for at, r := range text {
		if r == utf8.RuneError {
			if _, size := utf8.DecodeRuneInString(text[at:]); size == 1 {
				return at
			}
		}
	}
	return -1
}

// parser reads UTF-8 text without NUL characters from at on. path leads to the
// value that is being read.
type parser struct {
	text string
	at   int
	path []step
}

// step is a key of an object or, when list is set, an index of a list.
type step struct {
	key   string
	index int
	list  bool
}

// value reads one value and leaves at behind it.
func (p *parser) value() (Value, error) {
	switch c := p.peek(); {
	case c == '{':
		return p.object()
	case c == '[':
		return p.list()
	case c == '"':
		text, err := p.str()
		return Value{Kind: String, Text: text}, err
	case c == '-' || isDigit(c):
		return p.number()
	}
	for _, w := range words {
		if strings.HasPrefix(p.text[p.at:], w.text) {
			p.at += len(w.text)
			return w.value, nil
		}
	}
	return Value{}, p.malformed(reasonSyntax)
}

var words = []struct {
	text  string
	value Value
}{
	{"true", Value{Kind: Bool, Bool: true}},
	{"false", Value{Kind: Bool}},
	{"null", Value{Kind: Null}},
}

func (p *parser) object() (Value, error) {
	if err := p.enter(step{}); err != nil {
		return Value{}, err
	}
	defer p.leave()
	if p.space(); p.take('}') {
		return Value{Kind: Object}, nil
	}
	var members []Member
	var seen keySet
	for {
		key, err := p.key()
		if err != nil {
			return Value{}, err
		}
		p.path[len(p.path)-1].key = key
		if !seen.add(key, members) {
			return Value{}, domain.Fail(domain.NewFailure(domain.CodeDuplicate, p.field(), ""))
		}
		v, err := p.value()
		if err != nil {
			return Value{}, err
		}
		members = append(members, Member{Name: key, Value: v})
		if more, err := p.more('}'); err != nil || !more {
			return Value{Kind: Object, Members: members}, err
		}
	}
}

func (p *parser) list() (Value, error) {
	if err := p.enter(step{list: true}); err != nil {
		return Value{}, err
	}
	defer p.leave()
	if p.space(); p.take(']') {
		return Value{Kind: List}, nil
	}
	var items []Value
	for {
		v, err := p.value()
		if err != nil {
			return Value{}, err
		}
		items = append(items, v)
		if more, err := p.more(']'); err != nil || !more {
			return Value{Kind: List, List: items}, err
		}
		p.path[len(p.path)-1].index++
	}
}

// enter goes past an opening bracket.
func (p *parser) enter(s step) error {
	if len(p.path) == maxDepth {
		return p.malformed(reasonDepth)
	}
	p.at++
	p.path = append(p.path, s)
	return nil
}

func (p *parser) leave() { p.path = p.path[:len(p.path)-1] }

// key reads a key, and the colon behind it.
func (p *parser) key() (string, error) {
	if p.peek() != '"' {
		return "", p.malformed(reasonSyntax)
	}
	p.path[len(p.path)-1].key = "" // what is wrong with a key is no fault of the one before it
	key, err := p.str()
	if err != nil {
		return "", err
	}
	if p.space(); !p.take(':') {
		return "", p.malformed(reasonSyntax)
	}
	p.space()
	return key, nil
}

// more goes past what stands behind an element: a comma, which it reports, or
// the closing bracket.
func (p *parser) more(closing byte) (bool, error) {
	p.space()
	switch {
	case p.take(','):
		p.space()
		return true, nil
	case p.take(closing):
		return false, nil
	}
	return false, p.malformed(reasonSyntax)
}

// peek returns the byte at at, or 0 at the end, which the text itself does not hold.
func (p *parser) peek() byte {
	if p.at < len(p.text) {
		return p.text[p.at]
	}
	return 0
}

func (p *parser) take(c byte) bool {
	if p.peek() != c {
		return false
	}
	p.at++
	return true
}

func (p *parser) space() {
	for p.at < len(p.text) {
		switch p.text[p.at] {
		case ' ', '\t', '\n', '\r':
			p.at++
		default:
			return
		}
	}
}

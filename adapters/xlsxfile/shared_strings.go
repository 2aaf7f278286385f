package xlsxfile

import (
	"context"
	"encoding/binary"
	"unicode/utf8"
)

// sharedStrings are the texts that cells share, end to end in a few large
// blocks: a Go string each would take two to three times the memory.
type sharedStrings struct {
	blocks    [][]byte   // of blockSize each but the last; each text after its length
	starts    [][]uint32 // where each text is: block times blockSize, and the place in it
	blockSize int
	count     int
	bytes     int64
}

const startsPerBlock = 64 << 10

func newSharedStrings(limits ReadLimits) *sharedStrings {
	size := 1 << 20
	for size < limits.TextBytes+binary.MaxVarintLen64 {
		size <<= 1
	}
	return &sharedStrings{blockSize: size}
}

// add appends a text. It is kept as it is.
func (t *sharedStrings) add(text []byte) {
	var length [binary.MaxVarintLen64]byte
	prefix := length[:binary.PutUvarint(length[:], uint64(len(text)))]
	need, last := len(prefix)+len(text), len(t.blocks)-1
	if last < 0 || len(t.blocks[last])+need > t.blockSize {
		var block []byte // the first one grows, since most workbooks are small
		if last >= 0 {
			block = make([]byte, 0, t.blockSize)
		}
		t.blocks = append(t.blocks, block)
		last++
	}
	if t.count%startsPerBlock == 0 {
		var starts []uint32
		if t.count > 0 {
			starts = make([]uint32, 0, startsPerBlock)
		}
		t.starts = append(t.starts, starts)
	}
	start := uint32(last*t.blockSize + len(t.blocks[last]))
	t.starts[len(t.starts)-1] = append(t.starts[len(t.starts)-1], start)
	t.blocks[last] = append(append(t.blocks[last], prefix...), text...)
	t.count++
	t.bytes += int64(need)
}

// at returns the text numbered i, from 0; false when there is none. It must
// not be changed.
func (t *sharedStrings) at(i int) ([]byte, bool) {
	if i < 0 || i >= t.count {
		return nil, false
	}
	start := int(t.starts[i/startsPerBlock][i%startsPerBlock])
	b := t.blocks[start/t.blockSize][start%t.blockSize:]
	length, n := binary.Uvarint(b)
	return b[n : n+int(length)], true
}

// readSharedStrings reads the part of the shared strings. What it declares as
// their count is not looked at.
func (c *container) readSharedStrings(ctx context.Context, name string) (*sharedStrings, error) {
	texts := newSharedStrings(c.limits)
	if name == "" || !c.has(name) {
		return texts, nil
	}
	s, err := c.scan(ctx, name)
	if err != nil {
		return nil, err
	}
	if !s.root("sst") {
		return nil, s.orParts("the document has no shared strings")
	}
	var text []byte
	for s.child() {
		if string(s.name) != "si" {
			s.skip()
			continue
		}
		if text = s.richText(text[:0]); text == nil {
			break
		}
		if !utf8.Valid(text) {
			return nil, notWorkbook(reasonEncoding, nil)
		}
		texts.add(text)
		switch {
		case texts.count > c.limits.Strings:
			return nil, tooMany("strings", c.limits.Strings)
		case texts.bytes > c.limits.StringBytes:
			return nil, tooLarge("strings", c.limits.StringBytes)
		}
		if len(text) > 0 {
			c.meter.earn(len(text))
		}
	}
	return texts, s.finishAll()
}

// richText appends the text of the element that has just begun, which is of
// the type CT_Rst (ISO/IEC 29500-1, 18.4.8): one text, or runs of text in
// different fonts. How its characters are pronounced, which Japanese files have
// beside them, is no part of it. The result is nil after a failure.
func (s *scanner) richText(dst []byte) []byte {
	if dst == nil {
		dst = []byte{}
	}
	start := len(dst)
	for s.child() {
		switch string(s.name) {
		case "t": // there is only one, or else the last one counts, as everywhere
			dst = s.xString(dst[:start], false)
		case "r":
			run := len(dst)
			for dst != nil && s.child() {
				if string(s.name) == "t" {
					dst = s.xString(dst[:run], true) // between runs, a blank is one between words
				} else {
					s.skip()
				}
			}
		default:
			s.skip()
		}
		if dst == nil || s.err != nil {
			return nil
		}
		if len(dst)-start > s.maxText {
			return s.tooLong()
		}
	}
	if s.err != nil {
		return nil
	}
	return dst
}

package domain

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
)

// Chunk is a run of consecutive items of a job that are worked on and
// committed together.
type Chunk struct {
	First int    // index of the first item in the job
	Len   int    // number of items, at least 1
	Items []byte // the items as a JSON array of Len elements
}

// NewChunk encodes items, of which the first has the index first in its job.
// No items, or one that JSON cannot hold, give [CodeInvalid].
func NewChunk[I any](first int, items []I) (Chunk, error) {
	if len(items) == 0 {
		return Chunk{}, Fail(NewFailure(CodeInvalid, "items", ""))
	}
	var b ChunkBuilder
	for i := range items {
		if err := b.Add(items[i]); err != nil {
			return Chunk{}, err
		}
	}
	return b.Chunk(first), nil
}

// ChunkBuilder makes a chunk item by item, so that its size is known on the
// way. The zero value is an empty one; it must not be copied.
type ChunkBuilder struct {
	n       int
	items   bytes.Buffer
	encoder *json.Encoder // into items
}

// Add encodes an item as the next one. One that JSON cannot hold gives
// [CodeInvalid]; then the builder is of no more use.
func (b *ChunkBuilder) Add(item any) error {
	if b.n == 0 {
		b.items.WriteByte('[')
	} else {
		b.items.WriteByte(',')
	}
	if b.encoder == nil {
		b.encoder = json.NewEncoder(&b.items)
		b.encoder.SetEscapeHTML(false) // it would write one character as six
	}
	if err := b.encoder.Encode(item); err != nil {
		return &Error{Code: CodeInvalid, Err: fmt.Errorf("encode items: %w", err)}
	}
	b.items.Truncate(b.items.Len() - 1) // the newline that an encoder adds
	b.n++
	return nil
}

// Len returns how many items there are.
func (b *ChunkBuilder) Len() int { return b.n }

// Size returns how many bytes they take.
func (b *ChunkBuilder) Size() int { return b.items.Len() }

// Chunk returns the items, at least one, as a chunk that begins at the index
// first, and empties the builder.
func (b *ChunkBuilder) Chunk(first int) Chunk {
	b.items.WriteByte(']')
	c := Chunk{First: first, Len: b.n, Items: bytes.Clone(b.items.Bytes())}
	b.n = 0
	b.items.Reset()
	return c
}

// splitAtOnce is the most items that a chunk is split into at once.
const splitAtOnce = 64

// Split divides a chunk, in order: one of up to 64 items into chunks of one
// item, a larger one of n items into about √n chunks of about √n items. So the
// parts are few enough to be tried quickly one by one, and 4,000 items are two
// splits from a single one. A chunk of one item gives itself.
func (c Chunk) Split() ([]Chunk, error) {
	var items []json.RawMessage
	if err := json.Unmarshal(c.Items, &items); err != nil {
		return nil, fmt.Errorf("decode the items of chunk %d: %w", c.First, err)
	}
	size := 1
	if len(items) > splitAtOnce {
		size = int(math.Sqrt(float64(len(items))))
	}
	first, parts := c.First, make([]Chunk, 0, len(items)/size+1)
	for part := range slices.Chunk(items, size) {
		chunk, err := NewChunk(first, part)
		if err != nil {
			return nil, err
		}
		parts, first = append(parts, chunk), first+len(part)
	}
	return parts, nil
}

package domain

import (
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
	encoded, err := json.Marshal(items)
	if err != nil {
		return Chunk{}, &Error{Code: CodeInvalid, Err: fmt.Errorf("encode items: %w", err)}
	}
	return Chunk{First: first, Len: len(items), Items: encoded}, nil
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

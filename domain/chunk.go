package domain

import (
	"encoding/json"
	"fmt"
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

// Singles splits the chunk into chunks of one item each, in order.
func (c Chunk) Singles() ([]Chunk, error) {
	var items []json.RawMessage
	if err := json.Unmarshal(c.Items, &items); err != nil {
		return nil, fmt.Errorf("decode the items of chunk %d: %w", c.First, err)
	}
	singles := make([]Chunk, len(items))
	for i, item := range items {
		singles[i] = Chunk{First: c.First + i, Len: 1, Items: append(append([]byte{'['}, item...), ']')}
	}
	return singles, nil
}

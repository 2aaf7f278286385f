package client

import (
	"context"
	"encoding/json"
	"iter"
	"net/url"
	"slices"
	"strconv"
)

// Failure says why an item failed, or what is doubtful about it.
type Failure struct {
	Index   int       `json:"index"` // position in the job, from 0
	Key     string    `json:"key"`   // what the item is
	Field   string    `json:"field"`
	Code    string    `json:"code"`
	Value   string    `json:"value"`
	Message string    `json:"message"` // in the reader's language
	Also    []Failure `json:"also"`    // what else is wrong; without an index and a key

	Text json.RawMessage `json:"-"` // as it was sent
}

// UnmarshalJSON keeps the text, too.
func (f *Failure) UnmarshalJSON(text []byte) error {
	type fields Failure
	if err := json.Unmarshal(text, (*fields)(f)); err != nil {
		return err
	}
	f.Text = slices.Clone(text)
	return nil
}

// FailureGroup is how many items of a job failed with a code.
type FailureGroup struct {
	Code  string  `json:"code"`
	Items int     `json:"items"`
	First Failure `json:"first"` // in the order of the items

	Text json.RawMessage `json:"-"` // as it was sent
}

// UnmarshalJSON keeps the text, too.
func (g *FailureGroup) UnmarshalJSON(text []byte) error {
	type fields FailureGroup
	if err := json.Unmarshal(text, (*fields)(g)); err != nil {
		return err
	}
	g.Text = slices.Clone(text)
	return nil
}

// FailureGroups counts the failed items by their codes, the most first.
func (c *Client) FailureGroups(ctx context.Context, code string) ([]FailureGroup, error) {
	var answer struct {
		Groups []FailureGroup `json:"groups"`
	}
	_, err := c.get(ctx, jobPath(code)+"/failure-groups", nil, &answer)
	return answer.Groups, err
}

// Failures lists the failed items in the order of their indexes; with a class,
// those with that code alone.
func (c *Client) Failures(ctx context.Context, code, class string) iter.Seq2[Failure, error] {
	query := url.Values{}
	if class != "" {
		query.Set("failure_code", class)
	}
	return c.items(ctx, jobPath(code)+"/failures", query)
}

// Warnings lists what is doubtful about items that were done all the same.
func (c *Client) Warnings(ctx context.Context, code string) iter.Seq2[Failure, error] {
	return c.items(ctx, jobPath(code)+"/warnings", url.Values{})
}

func (c *Client) items(ctx context.Context, path string, query url.Values) iter.Seq2[Failure, error] {
	return func(yield func(Failure, error) bool) {
		for {
			var page struct {
				Failures, Warnings []Failure
				Next               *int
			}
			if _, err := c.get(ctx, path, query, &page); err != nil {
				yield(Failure{}, err)
				return
			}
			for _, item := range append(page.Failures, page.Warnings...) {
				if !yield(item, nil) {
					return
				}
			}
			if page.Next == nil {
				return
			}
			query.Set("after", strconv.Itoa(*page.Next))
		}
	}
}

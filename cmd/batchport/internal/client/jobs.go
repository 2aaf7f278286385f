package client

import (
	"context"
	"encoding/json"
	"iter"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// Job is how far a job is, as the server tells it.
type Job struct {
	Code        string     `json:"code"`
	Kind        string     `json:"kind"`
	State       string     `json:"state"`
	Result      string     `json:"result"` // "" until it has ended
	User        string     `json:"user"`
	Process     int        `json:"process"` // whole percent
	Total       int        `json:"total"`   // 0 until it was planned
	Outcomes    Outcomes   `json:"outcomes"`
	Rate        float64    `json:"rate"`        // items a second, 0 when unknown
	ETASeconds  *float64   `json:"eta_seconds"` // nil when unknown
	SubmittedAt time.Time  `json:"submitted_at"`
	StartedAt   *time.Time `json:"started_at"`
	EndedAt     *time.Time `json:"ended_at"`
	Message     string     `json:"message"`
	File        *File      `json:"file"`

	ValidateOnly bool       `json:"validate_only"`
	AllOrNothing bool       `json:"all_or_nothing"`
	FailLimit    *FailLimit `json:"fail_limit"`
	RetryOf      string     `json:"retry_of"`

	Text json.RawMessage `json:"-"` // as it was sent

	retryAfter time.Duration // when to ask again, 0 when the server does not say
}

// The results of a job.
const (
	Succeeded       = "succeeded"
	PartiallyFailed = "partially_failed"
	Failed          = "failed"
	Cancelled       = "cancelled"
)

// Outcomes are how many items came to which end.
type Outcomes struct {
	Created, Updated, Unchanged, Deleted, Exported, Failed, Skipped, Cancelled int
}

// Done returns how many items have come to an end.
func (o Outcomes) Done() int {
	return o.Created + o.Updated + o.Unchanged + o.Deleted + o.Exported + o.Failed + o.Skipped + o.Cancelled
}

// FailLimit is how many items may fail before a job is stopped: their number,
// or their share in percent. 0 is no limit.
type FailLimit struct {
	Items   int `json:"items,omitempty"`
	Percent int `json:"percent,omitempty"`
}

// File is what a job made.
type File struct {
	Name string `json:"name"`
	Size int64  `json:"size"` // in bytes
	URL  string `json:"url"`  // works without a key for some time
}

// UnmarshalJSON keeps the text, too, so that it can be shown whole.
func (j *Job) UnmarshalJSON(text []byte) error {
	type fields Job
	if err := json.Unmarshal(text, (*fields)(j)); err != nil {
		return err
	}
	j.Text = slices.Clone(text)
	return nil
}

// Ended reports whether the job goes on no more.
func (j *Job) Ended() bool {
	switch j.State {
	case "completed", "cancelled", "failed":
		return true
	}
	return false
}

// Submit sends a job of the kind that the slug names. Sent again with the same
// idempotency key, it is the same job.
func (c *Client) Submit(ctx context.Context, slug string, body []byte, idempotencyKey string) (*Job, error) {
	job := &Job{}
	return job, c.post(ctx, "/v1/jobs/"+url.PathEscape(slug), body, idempotencyKey, job)
}

// Job asks how far a job is.
func (c *Client) Job(ctx context.Context, code string) (*Job, error) {
	job := &Job{}
	header, err := c.get(ctx, jobPath(code), nil, job)
	job.retryAfter = retryAfter(header)
	return job, err
}

// Cancel asks that a job be stopped.
func (c *Client) Cancel(ctx context.Context, code string) (*Job, error) {
	job := &Job{}
	return job, c.post(ctx, jobPath(code)+"/cancel", nil, "", job)
}

// Retry submits a job over the failed items of another. upload is the URL of a
// corrected workbook, "" for none.
func (c *Client) Retry(ctx context.Context, code, upload, idempotencyKey string) (*Job, error) {
	body := []byte("{}")
	if upload != "" {
		var err error
		if body, err = json.Marshal(map[string]string{"url": upload}); err != nil {
			return nil, err
		}
	}
	job := &Job{}
	return job, c.post(ctx, jobPath(code)+"/retry", body, idempotencyKey, job)
}

// jobsPage is how many jobs the server is asked for at once.
const jobsPage = 200

// Jobs lists the jobs that the query finds, the newest first, page by page and
// up to that many.
func (c *Client) Jobs(ctx context.Context, query url.Values, limit int) iter.Seq2[*Job, error] {
	return func(yield func(*Job, error) bool) {
		for limit > 0 {
			var page struct {
				Jobs []*Job  `json:"jobs"`
				Next *string `json:"next"`
			}
			query.Set("limit", strconv.Itoa(min(limit, jobsPage)))
			if _, err := c.get(ctx, "/v1/jobs", query, &page); err != nil {
				yield(nil, err)
				return
			}
			for _, job := range page.Jobs {
				if !yield(job, nil) {
					return
				}
			}
			if limit -= len(page.Jobs); page.Next == nil || len(page.Jobs) == 0 {
				return
			}
			query.Set("cursor", *page.Next)
		}
	}
}

func jobPath(code string) string { return "/v1/jobs/" + url.PathEscape(code) }

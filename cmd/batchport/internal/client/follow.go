package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"time"
)

const (
	// pollPause is how long a job is not asked about, where the server does not
	// say and sends no events.
	pollPause = time.Second

	longestPollPause = 30 * time.Second
)

// errNoStream is that the server, or who stands in front of it, sends no
// events.
var errNoStream = errors.New("the server sends no events")

// Follow calls show with what is new about a job, from what is there now on
// until it has ended, and returns how it ended. Events tell; where none come
// through, it asks again and again. A connection that breaks is made anew for
// as long as the client's patience lasts, counted from the last sign.
func (c *Client) Follow(ctx context.Context, code string, show func(*Job)) (*Job, error) {
	f := &following{client: c, code: code, show: show, waits: c.waits()}
	first, err := c.Job(ctx, code) // tells whether there is such a job, which a stream that is not there would not
	if err != nil {
		return nil, err
	}
	if f.last = first; first.Ended() {
		show(first)
	}
	for !f.last.Ended() {
		err := f.stream(ctx)
		switch {
		case ctx.Err() != nil:
			return f.last, ctx.Err()
		case errors.Is(err, errNoStream):
			err := f.poll(ctx)
			return f.last, err
		case err == nil: // the server has closed the stream, as when it stops
			err = &brokenError{io.ErrUnexpectedEOF}
			fallthrough
		default:
			if f.last.Ended() {
				return f.last, nil
			}
			if !f.waits.again(ctx, err) {
				return f.last, err
			}
		}
	}
	return f.last, nil
}

// following is one job that is followed.
type following struct {
	client  *Client
	code    string
	show    func(*Job)
	waits   *waits
	last    *Job
	eventID string // of the last event
}

// saw takes in what is new.
func (f *following) saw(job *Job) {
	f.waits.anew()
	f.last = job
	f.show(job)
}

// ask asks once.
func (f *following) ask(ctx context.Context) error {
	job, err := f.client.Job(ctx, f.code)
	if err == nil {
		f.saw(job)
	}
	return err
}

// poll asks until the job has ended.
func (f *following) poll(ctx context.Context) error {
	f.show(f.last)
	for !f.last.Ended() {
		pause := pollPause
		if f.last.retryAfter > 0 {
			pause = min(f.last.retryAfter, longestPollPause)
		}
		if !sleep(ctx, pause) {
			return ctx.Err()
		}
		if err := f.ask(ctx); err != nil {
			return err
		}
	}
	return nil
}

// stream reads events until the stream closes.
func (f *following) stream(ctx context.Context) error {
	header := http.Header{"Accept": {"text/event-stream"}}
	if f.eventID != "" {
		header.Set("Last-Event-ID", f.eventID)
	}
	response, err := f.client.send(ctx, call{method: http.MethodGet, path: jobPath(f.code) + "/events", header: header})
	var problem *Problem
	switch {
	case errors.As(err, &problem) && noStream(problem):
		return errNoStream
	case err != nil:
		return err
	}
	defer func() { _ = response.Body.Close() }() // only read from
	if response.StatusCode == http.StatusNoContent {
		return f.ask(ctx) // it ended, and this is not the first to be told so
	}
	if kind, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type")); kind != "text/event-stream" {
		return errNoStream
	}
	for e, err := range events(response.Body) {
		switch {
		case errors.Is(err, errSilent): // something in between holds back what is not the end
			return errNoStream
		case err != nil:
			return &brokenError{err}
		}
		f.waits.anew()
		if e.id != "" {
			f.eventID = e.id
		}
		if e.name != "progress" && e.name != "ended" {
			continue // a sign of life, or of a later version
		}
		job := &Job{}
		if err := json.Unmarshal([]byte(e.data), job); err != nil {
			return fmt.Errorf("the server sends an event that is no job: %w", err)
		}
		if f.saw(job); job.Ended() {
			return nil
		}
	}
	return nil
}

// noStream reports whether there are no events to be had, though the job is
// there: it was asked for before.
func noStream(p *Problem) bool {
	switch p.Status {
	case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotAcceptable, http.StatusNotImplemented:
		return true
	}
	return false
}

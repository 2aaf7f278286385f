// Package client calls the HTTP API of a batchport server, on behalf of
// somebody who waits for the answer.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

const (
	// answerTime is how long a server may take before it begins to answer.
	answerTime = 2 * time.Minute

	// silence is how long a server may say nothing in mid-answer. A stream of
	// events says something every 15 seconds.
	silence = 45 * time.Second

	// longestAnswer is above what any answer but a file has.
	longestAnswer = 64 << 20
)

// Config says whom a [Client] calls, and how.
type Config struct {
	// Server is the URL that the paths of the API are added to. Required.
	Server string

	// Key is the API key. Required.
	Key string

	// Locale is the language of messages and files. Zero means that the server
	// chooses.
	Locale string

	// Patience is how long a server that went away, or that is busy, is asked
	// again. Zero means that it is not.
	Patience time.Duration

	// Waiting is told why the client waits, and for how long. Zero means that
	// nobody is.
	Waiting func(why error, pause time.Duration)
}

// Client calls one server. It is safe for concurrent use.
type Client struct {
	config    Config
	http      *http.Client
	contacted atomic.Bool // the server has answered something
}

// New returns a client. It connects to nobody yet.
func New(config Config) *Client {
	config.Server = strings.TrimRight(config.Server, "/")
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, ResponseHeaderTimeout: answerTime, ForceAttemptHTTP2: true}
	return &Client{config: config, http: &http.Client{
		Transport: transport,
		// The API redirects nobody. A proxy that does would get a POST as a GET,
		// and perhaps the key at another host.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// call is one request, which may be sent more than once.
type call struct {
	method string
	path   string // what comes behind the server's URL, or an absolute URL, which is called without the key
	header http.Header
	body   func() (io.ReadCloser, int64, error) // nil: none
}

// get asks for a document, and returns what came with it.
func (c *Client) get(ctx context.Context, path string, query url.Values, answer any) (http.Header, error) {
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	return c.exchange(ctx, call{method: http.MethodGet, path: path}, answer)
}

// post sends a document, the same as often as it takes: an idempotency key
// makes it count once.
func (c *Client) post(ctx context.Context, path string, body []byte, idempotencyKey string, answer any) error {
	header := http.Header{"Content-Type": {"application/json"}}
	if idempotencyKey != "" {
		header.Set("Idempotency-Key", idempotencyKey)
	}
	request := call{method: http.MethodPost, path: path, header: header}
	if body != nil {
		request.body = func() (io.ReadCloser, int64, error) {
			return io.NopCloser(bytes.NewReader(body)), int64(len(body)), nil
		}
	}
	_, err := c.exchange(ctx, request, answer)
	return err
}

// exchange makes a call until it is answered, decodes the answer, and returns
// its header.
func (c *Client) exchange(ctx context.Context, request call, answer any) (header http.Header, err error) {
	err = c.patiently(ctx, func() error {
		response, err := c.send(ctx, request)
		if err != nil {
			return err
		}
		header = response.Header
		defer func() { _ = response.Body.Close() }() // only read from
		text, err := io.ReadAll(io.LimitReader(response.Body, longestAnswer))
		if err != nil {
			return &brokenError{err}
		}
		if err := json.Unmarshal(text, answer); err != nil {
			return fmt.Errorf("%s does not answer as batchport does: is --server right? (%w)", c.config.Server, err)
		}
		return nil
	})
	return header, err
}

// send makes a call once. Every answer but a success is a [*Problem]; without
// an answer it fails with [*UnreachableError] or, when the connection broke
// once the server had answered before, with an error that is worth trying again.
func (c *Client) send(ctx context.Context, request call) (*http.Response, error) {
	target := request.path
	if !strings.Contains(target, "://") {
		target = c.config.Server + target
	}
	ctx, cancel := context.WithCancelCause(ctx)
	r, err := http.NewRequestWithContext(ctx, request.method, target, nil)
	if err != nil {
		cancel(nil)
		return nil, err
	}
	if request.body != nil {
		if r.Body, r.ContentLength, err = request.body(); err != nil {
			cancel(nil)
			return nil, err
		}
	}
	for name, values := range request.header {
		r.Header[name] = values
	}
	r.Header.Set("User-Agent", "batchport-cli")
	if target != request.path {
		r.Header.Set("Authorization", "Bearer "+c.config.Key)
	}
	if c.config.Locale != "" {
		r.Header.Set("Locale", c.config.Locale)
	}
	response, err := c.http.Do(r)
	if err != nil {
		err = c.unanswered(ctx, err)
		cancel(nil)
		return nil, err
	}
	response.Body = watched(ctx, response.Body, cancel)
	c.contacted.Store(true)
	if response.StatusCode < 200 || response.StatusCode > 299 {
		defer func() { _ = response.Body.Close() }() // only read from
		return nil, problemOf(response)
	}
	return response, nil
}

// unanswered says why a call got no answer.
func (c *Client) unanswered(ctx context.Context, err error) error {
	var wrapped *url.Error // names a URL that is shown anyhow, or that is a signed link
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	switch {
	case ctx.Err() != nil:
		return err
	case c.contacted.Load() || !neverSent(err):
		return &brokenError{err}
	}
	return &UnreachableError{Server: c.config.Server, Err: err}
}

// watched is a body that breaks off when nothing comes for too long.
func watched(ctx context.Context, body io.ReadCloser, cancel context.CancelCauseFunc) io.ReadCloser {
	return &watchedBody{
		ReadCloser: body, cancel: cancel, timer: time.AfterFunc(silence, func() { cancel(errSilent) }),
		why: func() error { return context.Cause(ctx) },
	}
}

var errSilent = errors.New("the server has gone silent")

type watchedBody struct {
	io.ReadCloser
	cancel context.CancelCauseFunc
	timer  *time.Timer
	why    func() error // the context was cancelled
}

// Read implements [io.Reader].
func (b *watchedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if n > 0 {
		b.timer.Reset(silence)
	}
	if err != nil && errors.Is(b.why(), errSilent) {
		err = errSilent
	}
	return n, err
}

// Close implements [io.Closer].
func (b *watchedBody) Close() error {
	b.timer.Stop()
	b.cancel(nil)
	return b.ReadCloser.Close()
}

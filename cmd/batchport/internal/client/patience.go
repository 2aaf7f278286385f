package client

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

const (
	shortestPause = 250 * time.Millisecond
	longestPause  = 10 * time.Second
)

// patiently tries until it succeeds, fails for good, or has failed for longer
// than anybody waits.
func (c *Client) patiently(ctx context.Context, try func() error) error {
	waits := c.waits()
	for {
		err := try()
		if err == nil || !waits.again(ctx, err) {
			return err
		}
	}
}

// waits are the pauses between tries, of which each is longer than the one
// before, in the time that a client's patience lasts.
type waits struct {
	client *Client
	until  time.Time
	pause  time.Duration
}

func (c *Client) waits() *waits {
	w := &waits{client: c}
	w.anew()
	return w
}

// anew begins again, since something came.
func (w *waits) anew() {
	w.until, w.pause = time.Now().Add(w.client.config.Patience), shortestPause
}

// again waits before another try, and reports whether there is to be one after
// that err.
func (w *waits) again(ctx context.Context, err error) bool {
	var problem *Problem
	var broken *brokenError
	pause := w.pause/2 + rand.N(w.pause) // so that those who lost one server do not come back as one
	switch {
	case errors.As(err, &problem) && problem.busy():
		pause = max(pause, problem.RetryAfter)
	case !errors.As(err, &broken):
		return false
	}
	if time.Now().Add(pause).After(w.until) {
		return false
	}
	w.pause = min(2*w.pause, longestPause)
	if waiting := w.client.config.Waiting; waiting != nil {
		waiting(err, pause)
	}
	return sleep(ctx, pause)
}

// sleep reports whether it was let sleep to the end.
func sleep(ctx context.Context, pause time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(pause):
		return true
	}
}

package httpapi_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/batchport/batchport/adapters/httpapi"
	"github.com/batchport/batchport/domain"
)

// taker takes an answer in a bubble, where time stands still unless all wait.
type taker struct {
	mu       sync.Mutex
	header   http.Header
	text     strings.Builder
	flushed  int // bytes that have left the server
	deadline time.Time
	stuck    bool // takes nothing any more
}

func (c *taker) Header() http.Header { return c.header }
func (c *taker) WriteHeader(int)     {}

func (c *taker) Write(p []byte) (int, error) {
	c.mu.Lock()
	stuck, deadline := c.stuck, c.deadline
	c.mu.Unlock()
	if stuck {
		time.Sleep(time.Until(deadline))
		return 0, os.ErrDeadlineExceeded
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.text.Write(p)
}

func (c *taker) FlushError() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.flushed = c.text.Len()
	return nil
}

func (c *taker) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deadline = t
	return nil
}

// got is what has come, and is forgotten.
func (c *taker) got() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	got := c.text.String()[:c.flushed]
	c.text.Reset()
	c.flushed = 0
	return got
}

func (c *taker) getStuck() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stuck = true
}

// follow lets a client follow a job, until ended is closed.
func (w *world) follow(code, key string) (c *taker, ended chan struct{}) {
	c, ended = &taker{header: http.Header{}}, make(chan struct{})
	r := httptest.NewRequestWithContext(w.t.Context(), http.MethodGet, eventsOf(code), nil)
	r.Header.Set("X-API-Key", key)
	go func() {
		defer close(ended)
		w.handler.ServeHTTP(c, r)
	}()
	synctest.Wait()
	return c, ended
}

func over(ended chan struct{}) bool {
	synctest.Wait()
	select {
	case <-ended:
		return true
	default:
		return false
	}
}

// A stream of which nothing is to be told says every 15 s that it lives.
func TestASilentStreamLives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newUnservedWorld(t, settings{})
		code := w.gateJobWaiting()
		c, ended := w.follow(code, w.admin)
		if got := c.got(); !strings.HasPrefix(got, "retry: 2000\n\nid: ") || strings.Count(got, "event: progress\n") != 1 {
			t.Errorf("the stream begins with %q, want one event", got)
		}
		for range 3 {
			time.Sleep(15*time.Second - time.Millisecond)
			if got := c.got(); got != "" {
				t.Errorf("after less than 15 s came %q, want nothing", got)
			}
			time.Sleep(time.Millisecond)
			synctest.Wait()
			if got := c.got(); got != ":\n\n" {
				t.Errorf("after 15 s came %q, want a comment", got)
			}
		}
		if over(ended) {
			t.Error("the stream has ended")
		}
		w.stopJob(t, code, ended)
	})
}

// stopJob cancels what is followed, so that streams end.
func (w *world) stopJob(t *testing.T, code string, ended ...chan struct{}) {
	t.Helper()
	if _, err := w.engine.Cancel(t.Context(), who("acme"), domain.JobID(code)); err != nil {
		t.Fatal(err)
	}
	for _, e := range ended {
		if !over(e) {
			t.Error("the stream goes on after the end of its job")
		}
	}
}

// A key that is revoked ends what is followed with it within seconds, and no
// other; a store that does not know for a while ends nothing.
func TestARevokedKeyEndsItsStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w *world
		var asking atomic.Pointer[error] // what comes of asking, if not what the store says
		w = newUnservedWorld(t, settings{authenticate: func(r *http.Request) (domain.Principal, error) {
			if err := asking.Load(); err != nil {
				return domain.Principal{}, *err
			}
			return httpapi.APIKeys(w.keys)(r)
		}})
		code, second := w.gateJobWaiting(), w.key("acme", "gate")
		_, mine := w.follow(code, second)
		_, other := w.follow(code, w.admin)
		away := error(domain.Unavailable(errors.New("no route")))
		asking.Store(&away)
		time.Sleep(7 * time.Second)
		if over(mine) || over(other) {
			t.Error("a stream has ended since nobody could say whether its key holds")
		}
		asking.Store(nil)
		if err := w.keys.Revoke(t.Context(), second); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		if !over(mine) || over(other) {
			t.Errorf("5 s after its key was revoked the stream is over: %v, and that of another: %v; want its own alone", over(mine), over(other))
		}
		w.stopJob(t, code, other)
	})
}

// A client that takes nothing is let go after ten seconds, and keeps nobody
// else waiting.
func TestAStuckClientIsLetGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newUnservedWorld(t, settings{})
		code := w.gateJobWaiting()
		stuck, gone := w.follow(code, w.admin)
		well, ended := w.follow(code, w.admin)
		stuck.getStuck()
		well.got()
		w.stopJob(t, code, ended)
		if got := well.got(); !strings.Contains(got, "event: ended\n") {
			t.Errorf("the other client got %q, want the end at once", got)
		}
		time.Sleep(10*time.Second - time.Millisecond)
		if over(gone) {
			t.Error("the stuck client was let go before its time")
		}
		time.Sleep(time.Millisecond)
		if !over(gone) {
			t.Error("the stuck client is not let go after 10 s")
		}
	})
}

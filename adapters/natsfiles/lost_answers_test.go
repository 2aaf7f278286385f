package natsfiles_test

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"sync"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/batchport/batchport/adapters/natsbus/natstest"
	"github.com/batchport/batchport/adapters/natsfiles"
)

// TestLostAnswers cuts the connection at each message of an attempt: before it
// is sent, or when it was and the answer is on its way.
func TestLostAnswers(t *testing.T) {
	t.Parallel()
	for _, where := range []string{"Batchport-Part: 0\r\n", "Batchport-Part: 1\r\n", "Batchport-Part: 2\r\n", "Nats-Rollup: sub\r\n", "STREAM.PURGE."} {
		for _, sent := range []bool{true, false} {
			t.Run(fmt.Sprintf("%q sent %v", where, sent), func(t *testing.T) {
				t.Parallel()
				cluster := natstest.Start(t, 1, nil)
				cut := &cutter{at: []byte(where), sent: sent}
				files := open(t, cluster.Connect(t, nats.SetCustomDialer(cut), nats.ReconnectBufSize(-1)), natsfiles.Config{})
				old, want := content(1, 300<<10), content(2, 300<<10)
				if err := write(t, files, "f", old); err != nil {
					t.Fatalf("writing = %v", err)
				}
				cut.arm()
				if err := write(t, files, "f", want); err != nil {
					t.Errorf("writing = %v", err)
				}
				if cut.armed() {
					t.Errorf("the connection was not cut")
				}
				natstest.Eventually(t, "the connection is back", func() bool { return files.Prepare(t.Context()) == nil })
				wantContent(t, files, "f", want)
				sweep(t, files)
				if got := messages(t, cluster.Connect(t)); got != 4 {
					t.Errorf("messages after Each = %d, want 3 chunks and a description", got)
				}
			})
		}
	}
}

// cutter dials connections that break, once, at some text that is sent.
type cutter struct {
	at   []byte
	sent bool // break when it was sent, else before

	mu    sync.Mutex
	ready bool
}

func (c *cutter) arm() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ready = true
}

func (c *cutter) armed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ready
}

func (c *cutter) due(sent []byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	due := c.ready && bytes.Contains(sent, c.at)
	c.ready = c.ready && !due
	return due
}

func (c *cutter) Dial(network, address string) (net.Conn, error) {
	conn, err := net.Dial(network, address)
	return &cutConn{conn, c}, err
}

type cutConn struct {
	net.Conn
	cutter *cutter
}

func (c *cutConn) Write(b []byte) (int, error) {
	if !c.cutter.due(b) {
		return c.Conn.Write(b)
	}
	if c.cutter.sent {
		if n, err := c.Conn.Write(b); err != nil {
			return n, err
		}
		// What comes back is not read any more.
		return len(b), errors.Join(c.Close(), net.ErrClosed)
	}
	return 0, errors.Join(c.Close(), net.ErrClosed)
}

package httpapi_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/batchport/batchport/adapters/httpapi"
	"github.com/batchport/batchport/adapters/memory"
	"github.com/batchport/batchport/app/uploads"
	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

// dial connects to the world's server, for requests that no good client sends.
func (w *world) dial() *client {
	w.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(w.server.URL, "http://"))
	w.must(err)
	w.must(conn.SetDeadline(time.Now().Add(10 * time.Second)))
	w.t.Cleanup(func() { _ = conn.Close() })
	return &client{w, conn, bufio.NewReader(conn)}
}

// client speaks HTTP by hand.
type client struct {
	w    *world
	conn net.Conn
	in   *bufio.Reader
}

// begin sends the head of an upload as the admin of acme. headers are whole lines.
func (c *client) begin(headers ...string) {
	c.w.t.Helper()
	c.send("POST /v1/files HTTP/1.1\r\nHost: jobs.example.com\r\nX-API-Key: " + c.w.admin +
		"\r\nContent-Type: " + formType + "\r\n" + strings.Join(headers, "\r\n") + "\r\n\r\n")
}

func (c *client) send(text string) {
	c.w.t.Helper()
	_, err := io.WriteString(c.conn, text)
	c.w.must(err)
}

// chunk writes text as a chunk of a body whose length nobody knows.
func chunk(text string) string { return fmt.Sprintf("%x\r\n%s\r\n", len(text), text) }

// answer reads an answer whole; the status 100 is one of its own.
func (c *client) answer() reply {
	c.w.t.Helper()
	response, err := http.ReadResponse(c.in, nil)
	c.w.must(err)
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	c.w.must(err)
	if response.Close {
		response.Header.Set("Connection", "close") // which ReadResponse has taken out
	}
	return reply{response.StatusCode, response.Header, string(text)}
}

// TestUploadExpecting100 sends nothing before it is told to, as curl does with
// large files.
func TestUploadExpecting100(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{uploads: uploads.Config{MaxSize: 1000}})
	form := filePart("x", "content") + endOfForm
	c := w.dial()
	c.begin("Expect: 100-continue", fmt.Sprint("Content-Length: ", len(form)))
	if got := c.answer(); got.status != http.StatusContinue {
		t.Fatalf("POST that expects 100 = %d %s, want 100", got.status, got.body)
	}
	c.send(form)
	if got := c.answer(); got.status != http.StatusCreated {
		t.Errorf("POST that was told to go on = %d %s, want 201", got.status, got.body)
	}

	c = w.dial()
	c.begin("Expect: 100-continue", "Content-Length: 1000000")
	if got := c.answer(); got.status != http.StatusRequestEntityTooLarge || got.header.Get("Connection") != "close" {
		t.Errorf("POST of too much that expects 100 = %d %v, want 413 at once and the end of the connection", got.status, got.header)
	}
}

// TestUploadIsRefusedAtOnce sends no byte of what would be too much, or of a
// body from nobody: an answer that waited for it would not come.
func TestUploadIsRefusedAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	c := w.dial()
	c.begin("Content-Length: 100000000")
	if got := c.answer(); got.status != http.StatusRequestEntityTooLarge || got.header.Get("Connection") != "close" {
		t.Errorf("POST that promises 100 MB = %d %v, want 413 and the end of the connection", got.status, got.header)
	}
	w.admin = "bp_x_y"
	c = w.dial()
	c.begin("Content-Length: 1000")
	if got := c.answer(); got.status != http.StatusUnauthorized || got.header.Get("Connection") != "close" {
		t.Errorf("POST with a wrong key = %d %v, want 401 and the end of the connection", got.status, got.header)
	}
}

// TestUploadInChunks sends a file whose length is not known beforehand, a
// piece of it in each chunk, and then another request on the connection.
func TestUploadInChunks(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	c := w.dial()
	for range 2 {
		c.begin("Transfer-Encoding: chunked")
		for _, piece := range strings.SplitAfter(filePart("x", "ab\r\n--cd")+endOfForm, "-") {
			c.send(chunk(piece))
		}
		c.send("0\r\n\r\n")
		if got := c.answer(); got.status != http.StatusCreated || fields(t, got.body)["size"] != 8.0 {
			t.Errorf("POST in chunks = %d %s, want 201 and 8 bytes", got.status, got.body)
		}
	}
}

// TestUploadStopsHalfWay goes away in the middle of a file.
func TestUploadStopsHalfWay(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{config: httpapi.Config{MaxInWork: 100_000}})
	large := strings.Repeat("x", 60_000)
	for range 5 { // together far more than the budget
		c := w.dial()
		c.begin("Content-Length: 90000")
		c.send(filePart("x", large))
		w.must(c.conn.Close())
	}
	deadlineUntil(t, "room for another upload", func() bool {
		return w.upload(filePart("x", large)+endOfForm).status == http.StatusCreated
	})
	if n := w.stored(); n != 1 {
		t.Errorf("%d files are stored, want the whole one alone", n)
	}
}

// TestSlowUpload sends the beginning of a file and no more.
func TestSlowUpload(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{config: httpapi.Config{UploadTime: 50 * time.Millisecond}})
	c := w.dial()
	c.begin("Content-Length: 90000")
	c.send(filePart("x", "x"))
	got := c.answer()
	if got.status != http.StatusBadRequest || fields(t, got.body)["code"] != "malformed" || got.header.Get("Connection") != "close" {
		t.Errorf("POST of a body that never ends = %d %v %s, want 400 and the end of the connection", got.status, got.header, got.body)
	}
	if n := w.stored(); n != 0 {
		t.Errorf("%d files are stored, want none", n)
	}
}

// TestUploadMayTakeLongerThanOtherRequests has a server whose own limits are
// far shorter than the time for uploads.
func TestUploadMayTakeLongerThanOtherRequests(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	const short = 100 * time.Millisecond
	strict := httptest.NewUnstartedServer(w.server.Config.Handler)
	strict.Config.ReadTimeout, strict.Config.WriteTimeout = short, short
	strict.Start()
	t.Cleanup(strict.Close)
	w.server = strict
	c := w.dial()
	form := filePart("x", "x") + endOfForm
	begun := time.Now()
	c.begin("Expect: 100-continue", fmt.Sprint("Content-Length: ", len(form)))
	if got := c.answer(); got.status != http.StatusContinue {
		t.Fatalf("POST that expects 100 = %d, want 100", got.status)
	}
	<-time.After(time.Until(begun.Add(2 * short))) // the slowness is the point
	c.send(form)
	if got := c.answer(); got.status != http.StatusCreated {
		t.Errorf("POST that took twice as long as the server's limits = %d %s, want 201", got.status, got.body)
	}
}

// countedFiles counts the bytes that are written to files.
type countedFiles struct {
	ports.Files
	written atomic.Int64
}

func (f *countedFiles) Create(ctx context.Context, tenant domain.TenantID, id string) (ports.FileWriter, error) {
	w, err := f.Files.Create(ctx, tenant, id)
	return countedWriter{w, &f.written}, err
}

type countedWriter struct {
	ports.FileWriter
	written *atomic.Int64
}

func (w countedWriter) Write(p []byte) (int, error) {
	n, err := w.FileWriter.Write(p)
	w.written.Add(int64(n))
	return n, err
}

// TestUploadsShareABudget holds two uploads half-sent, and sends others beside them.
func TestUploadsShareABudget(t *testing.T) {
	t.Parallel()
	files := &countedFiles{Files: memory.NewFiles()}
	w := newWorld(t, settings{config: httpapi.Config{MaxInWork: 100_000}, files: files})
	large := strings.Repeat("x", 40_000)
	form := filePart("x", large) + endOfForm
	var held []*client
	for range 2 {
		c := w.dial()
		c.begin("Transfer-Encoding: chunked")
		c.send(chunk(form[:len(form)-len(endOfForm)]))
		held = append(held, c)
	}
	// What looks for the end of the form holds a few bytes back.
	deadlineUntil(t, "two uploads of which 40,000 bytes each have come", func() bool { return files.written.Load() > 79_000 })
	if got := w.upload(form); got.status != http.StatusServiceUnavailable || got.header.Get("Retry-After") != "5" {
		t.Errorf("POST of a third upload beside two = %d %v, want 503 and when to come again", got.status, got.header)
	}
	if got := w.post(`{"job_name":"estate_batch_open_rent","estatesIds":[1],"pad":"` + large + `"}`); got.status != http.StatusServiceUnavailable {
		t.Errorf("POST of a job beside two large uploads = %d %s, want 503", got.status, got.body)
	}
	if got := w.upload(filePart("x", "x") + endOfForm); got.status != http.StatusCreated {
		t.Errorf("POST of a small file beside two large ones = %d %s, want 201", got.status, got.body)
	}
	for _, c := range held {
		c.send(chunk(endOfForm) + "0\r\n\r\n")
		if got := c.answer(); got.status != http.StatusCreated {
			t.Errorf("POST of the upload that was held = %d %s, want 201", got.status, got.body)
		}
	}
	if got := w.upload(form); got.status != http.StatusCreated {
		t.Errorf("POST afterwards = %d %s, want 201", got.status, got.body)
	}
}

// TestTheFirstUploadsWin begins more large uploads at once than there is room
// for: the last is refused at once, and the others end well.
func TestTheFirstUploadsWin(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{config: httpapi.Config{MaxInWork: 100_000}})
	large := strings.Repeat("x", 40_000)
	form := filePart("x", large) + endOfForm
	var held []*client
	for range 2 {
		c := w.dial()
		c.begin("Expect: 100-continue", fmt.Sprint("Content-Length: ", len(form)))
		if got := c.answer(); got.status != http.StatusContinue {
			t.Fatalf("POST that expects 100 = %d %s, want 100", got.status, got.body)
		}
		held = append(held, c)
	}
	last := w.dial()
	last.begin(fmt.Sprint("Content-Length: ", len(form)))
	if got := last.answer(); got.status != http.StatusServiceUnavailable || got.header.Get("Retry-After") != "5" {
		t.Errorf("POST of a third large upload = %d %v, want 503 at once", got.status, got.header)
	}
	if got := w.post(`{"job_name":"estate_batch_open_rent","estatesIds":[1],"pad":"` + large + `"}`); got.status != http.StatusOK {
		t.Errorf("POST of a job beside uploads of which nothing has come = %d %s, want 200", got.status, got.body)
	}
	for _, c := range held {
		c.send(form)
	}
	for _, c := range held {
		if got := c.answer(); got.status != http.StatusCreated {
			t.Errorf("POST of the first uploads = %d %s, want 201", got.status, got.body)
		}
	}
}

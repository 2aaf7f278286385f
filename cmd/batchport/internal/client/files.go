package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Upload sends a file of this machine and returns the URL by which jobs name
// it.
func (c *Client) Upload(ctx context.Context, file string) (string, error) {
	var head bytes.Buffer
	form := multipart.NewWriter(&head)
	if _, err := form.CreateFormFile("file", filepath.Base(file)); err != nil {
		return "", err
	}
	tail := strings.NewReader("\r\n--" + form.Boundary() + "--\r\n")
	request := call{
		method: http.MethodPost, path: "/v1/files", header: http.Header{"Content-Type": {form.FormDataContentType()}},
		body: func() (io.ReadCloser, int64, error) {
			content, size, err := openFile(file)
			if err != nil {
				return nil, 0, err
			}
			_, err = tail.Seek(0, io.SeekStart)
			body := io.MultiReader(bytes.NewReader(head.Bytes()), content, tail)
			return struct {
				io.Reader
				io.Closer
			}{body, content}, int64(head.Len()) + size + tail.Size(), err
		},
	}
	var answer struct{ URL string }
	_, err := c.exchange(ctx, request, &answer)
	return answer.URL, err
}

// openFile opens what can be uploaded, and returns its size.
func openFile(name string) (*os.File, int64, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, 0, err
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is no file", name)
	}
	if err != nil {
		return nil, 0, errors.Join(err, file.Close())
	}
	return file, info.Size(), nil
}

// Download is what is to be saved where.
type Download struct {
	// URL is what to get: a path of the API, or a link that needs no key.
	URL string

	// Target is the file that it becomes, once all of it is here.
	Target string

	// Part is the file that it is until then. With a Size it stays when the
	// download breaks off, and the next goes on behind what it has.
	Part string

	// Size is how long the file is, which then never changes. Zero means that
	// nobody knows.
	Size int64

	// Progress is told how many bytes are here. Zero means that nobody is.
	Progress func(bytes int64)
}

// Save gets a file whole or not at all.
func (c *Client) Save(ctx context.Context, d Download) error {
	part, err := os.OpenFile(d.Part, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return err
	}
	err = c.fetch(ctx, d, part)
	if err == nil {
		err = part.Sync()
	}
	if err = errors.Join(err, part.Close()); err == nil {
		return os.Rename(d.Part, d.Target)
	}
	if d.Size == 0 {
		err = errors.Join(err, os.Remove(d.Part))
	}
	return err
}

// fetch gets what part does not have yet.
func (c *Client) fetch(ctx context.Context, d Download, part *os.File) error {
	waits := c.waits()
	for {
		had, err := part.Seek(0, io.SeekEnd)
		if err != nil {
			return err
		}
		if d.Size > 0 && had == d.Size {
			return nil
		}
		if d.Size == 0 || had > d.Size { // what is there may be of another time
			had = 0
		}
		err = c.fetchFrom(ctx, d, part, had)
		now, failed := part.Seek(0, io.SeekCurrent)
		switch {
		case err == nil && d.Size > 0 && now != d.Size:
			err = &brokenError{io.ErrUnexpectedEOF}
		case err == nil:
			return failed
		}
		if d.Size > 0 && now > had {
			waits.anew()
		}
		if !waits.again(ctx, err) {
			return err
		}
	}
}

// fetchFrom gets what comes from that offset on, or all when the server cannot
// do that, and leaves part behind what it got.
func (c *Client) fetchFrom(ctx context.Context, d Download, part *os.File, offset int64) error {
	header := http.Header{}
	if offset > 0 {
		header.Set("Range", fmt.Sprintf("bytes=%d-", offset))
	}
	response, err := c.send(ctx, call{method: http.MethodGet, path: d.URL, header: header})
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }() // only read from
	if response.StatusCode != http.StatusPartialContent || !continues(response.Header.Get("Content-Range"), offset, d.Size) {
		if response.StatusCode == http.StatusPartialContent {
			return errors.New("the server sends another part of the file than was asked for")
		}
		offset = 0
	}
	if err := part.Truncate(offset); err != nil {
		return err
	}
	if _, err := part.Seek(offset, io.SeekStart); err != nil {
		return err
	}
	w := &counted{w: part, n: offset, progress: d.Progress}
	if _, err := io.Copy(w, response.Body); err != nil && w.failed == nil {
		return &brokenError{err}
	}
	return w.failed
}

// continues reports whether a range is the rest of a file of that size.
func continues(contentRange string, offset, size int64) bool {
	return contentRange == "bytes "+strconv.FormatInt(offset, 10)+"-"+strconv.FormatInt(size-1, 10)+"/"+strconv.FormatInt(size, 10)
}

// counted tells how much was written, and remembers that it could not be.
type counted struct {
	w        io.Writer
	n        int64
	progress func(int64)
	failed   error
}

// Write implements [io.Writer].
func (c *counted) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	if c.n += int64(n); c.progress != nil {
		c.progress(c.n)
	}
	if err != nil {
		c.failed = err
	}
	return n, err
}

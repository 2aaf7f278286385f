package httpapi

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strconv"

	"github.com/batchport/batchport/domain"
)

const (
	// fileField is the field of a form that holds the file.
	fileField = "file"
	// formOverhead is how many bytes a form may have beside its file.
	formOverhead = 64 << 10
	// maxParts is how many fields a form may have.
	maxParts = 100
)

// Why a form is malformed, beside what is said of any body.
const (
	reasonForm     = "multipart" // not a form that can hold files
	reasonBoundary = "boundary"  // Content-Type names none, or another than the body has
	reasonEmpty    = "empty"
	reasonSyntax   = "syntax"
)

// form reads a form (RFC 7578) that holds a file, as it arrives. As a reader
// it is the content of the file, which ends when the whole form has, so that
// nobody takes a file for whole before that.
type form struct {
	parts   *multipart.Reader
	body    *meteredBody
	file    *multipart.Part
	count   int    // of parts so far
	ended   bool   // whether all of it was read
	patient func() // ends the time limit on the body
}

// openForm begins to read the body of r, within the limits of size, time and
// memory. The caller calls patient at the end.
//
// What comes is taken from memory. What is said to come is also a promise, of
// which there is as much: else many large uploads at once would all run out of
// memory half-way, and again whenever they are sent again. As one that is slow
// does not hold memory that it does not use yet, other requests go on beside it.
func (a *api) openForm(w http.ResponseWriter, r *http.Request, memory, promise *lease) (*form, error) {
	most := a.deps.Uploads.MaxSize()
	body := &meteredBody{lease: memory, tooLarge: tooLarge(most)}
	if r.ContentLength > most+formOverhead {
		return nil, body.tooLarge
	}
	if err := promise.take(max(0, r.ContentLength)); err != nil { // -1 when nothing was said
		return nil, err
	}
	body.body = http.MaxBytesReader(w, r.Body, most+formOverhead)
	r.Body = body
	parts, err := r.MultipartReader()
	switch {
	case errors.Is(err, http.ErrMissingBoundary):
		return nil, malformed(reasonBoundary, err)
	case err != nil:
		return nil, malformed(reasonForm, err)
	}
	return &form{parts: parts, body: body, patient: limitTime(w, a.cfg.UploadTime)}, nil
}

// begin goes on to the file, and returns what its sender calls it.
func (f *form) begin() (name string, err error) {
	for {
		part, field, err := f.next()
		switch {
		case err != nil:
			return "", err
		case part == nil:
			return "", domain.Fail(domain.NewFailure(domain.CodeRequired, fileField, ""))
		case field["name"] != fileField:
			continue
		}
		name, named := field["filename"]
		if !named {
			return "", domain.Fail(domain.NewFailure(domain.CodeInvalid, fileField, "", "expected", "file"))
		}
		f.file = part
		return name, nil
	}
}

// Read reads the file, and behind it the rest of the form.
func (f *form) Read(p []byte) (int, error) {
	if f.ended {
		return 0, io.EOF
	}
	n, err := f.file.Read(p)
	switch {
	case err == nil:
		return n, nil
	case !errors.Is(err, io.EOF):
		return n, f.fault(err)
	case n > 0:
		return n, nil // the end comes again
	}
	for {
		part, field, err := f.next()
		switch {
		case err != nil:
			return 0, err
		case part == nil:
			f.ended = true
			f.patient()
			return 0, io.EOF
		case field["name"] == fileField:
			return 0, domain.Fail(domain.NewFailure(domain.CodeDuplicate, fileField, ""))
		}
	}
}

// next passes over the rest of the part in hand, and returns the next one and
// the parameters of its field, or nil at the end of the form.
func (f *form) next() (*multipart.Part, map[string]string, error) {
	part, err := f.parts.NextPart()
	if err == io.EOF { //nolint:errorlint // a form that broke off wraps it
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, f.fault(err)
	}
	if f.count++; f.count > maxParts {
		return nil, nil, domain.Fail(domain.NewFailure(domain.CodeTooMany, "", "", "max", strconv.Itoa(maxParts)))
	}
	_, params, err := mime.ParseMediaType(part.Header.Get("Content-Disposition"))
	if err != nil {
		return nil, nil, malformed(reasonSyntax, fmt.Errorf("read the head of a field: %w", err))
	}
	return part, params, nil
}

// fault says why the form cannot be read on.
func (f *form) fault(err error) error {
	switch {
	case f.body.fault != nil:
		return f.body.fault
	case f.body.read == 0:
		return malformed(reasonEmpty, err)
	case errors.Is(err, io.EOF) && f.count == 0:
		return malformed(reasonBoundary, err)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return malformed(reasonIncomplete, err)
	}
	return malformed(reasonSyntax, err)
}

// meteredBody is a body whose bytes are taken from the budget as they come. It
// remembers why it could not be read, whatever its reader makes of that.
type meteredBody struct {
	body     io.ReadCloser
	lease    *lease
	tooLarge error // what to say of a body over its limit
	read     int64
	fault    error
}

// Read reads on, until the first fault.
func (b *meteredBody) Read(p []byte) (int, error) {
	if b.fault != nil {
		return 0, b.fault
	}
	n, err := b.body.Read(p)
	b.read += int64(n)
	var tooMuch *http.MaxBytesError
	switch over := b.lease.take(int64(n)); {
	case over != nil:
		b.fault = over
	case err == nil, errors.Is(err, io.EOF):
		return n, err
	case errors.As(err, &tooMuch):
		b.fault = b.tooLarge
	default:
		b.fault = malformed(reasonIncomplete, fmt.Errorf("read the body: %w", err))
	}
	return 0, b.fault
}

// Close closes the body.
func (b *meteredBody) Close() error { return b.body.Close() }

package httpapi

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/batchport/batchport/app/document"
	"github.com/batchport/batchport/domain"
)

const (
	// textCost is what a byte of a body costs of the budget: it is held in a
	// buffer that doubles as it grows.
	textCost = 2
	// valueCost is what a value of a parsed body costs of the budget, in bytes.
	valueCost = 88
)

// reasonIncomplete is why a body that the client broke off is malformed: the
// parameter "reason" of its failure. The other reasons are the parser's.
const reasonIncomplete = "incomplete"

// readText reads the body of r as text, within the limits of size, time and
// memory. Too large gives [domain.CodeTooLarge], a client that is gone or too
// slow [domain.CodeMalformed].
func (a *api) readText(w http.ResponseWriter, r *http.Request, l *lease) (text string, err error) {
	defer func() {
		if err != nil {
			// Else the server would wait for the rest of the body before it answers.
			w.Header().Set("Connection", "close")
		}
	}()
	if r.ContentLength > a.cfg.MaxBody {
		return "", tooLarge(a.cfg.MaxBody)
	}
	defer limitTime(w, a.cfg.BodyTime)()
	body := http.MaxBytesReader(w, r.Body, a.cfg.MaxBody)
	var read strings.Builder
	buffer := make([]byte, 32<<10)
	for {
		n, err := body.Read(buffer)
		if over := l.take(int64(n) * textCost); over != nil {
			return "", over
		}
		read.Write(buffer[:n])
		var tooMuch *http.MaxBytesError
		switch {
		case errors.Is(err, io.EOF):
			return read.String(), nil
		case errors.As(err, &tooMuch):
			return "", tooLarge(a.cfg.MaxBody)
		case err != nil:
			return "", malformed(reasonIncomplete, fmt.Errorf("read the body: %w", err))
		}
	}
}

// limitTime gives the client that long to send the body, and as long as any
// request to take the answer. The returned function ends the first: it holds
// for the body alone, and left in place it would end the request's context
// while the handler works.
func limitTime(w http.ResponseWriter, d time.Duration) (end func()) {
	control := http.NewResponseController(w)
	now := time.Now()
	_ = control.SetWriteDeadline(now.Add(d + requestTime)) // what cannot do that has no deadline
	if control.SetReadDeadline(now.Add(d)) != nil {
		return func() {}
	}
	return func() { _ = control.SetReadDeadline(time.Time{}) }
}

// readDocument reads the body of r as JSON. Of the budget it takes the text, so
// many times what it can be at most as values, which is once unless something
// of their size is made of them, and so many copies of the text.
func (a *api) readDocument(w http.ResponseWriter, r *http.Request, l *lease, values, copies int64) (document.Value, error) {
	text, err := a.readText(w, r, l)
	if err != nil {
		return document.Value{}, err
	}
	if err := takeValues(l, text, values); err != nil {
		return document.Value{}, err
	}
	if err := l.take(copies * int64(len(text))); err != nil {
		return document.Value{}, err
	}
	return document.Parse(text)
}

// takeValues adds what parsing text can take at most, so many times.
func takeValues(l *lease, text string, times int64) error {
	values := int64(1)
	for _, opener := range []string{",", "[", "{"} {
		values += int64(strings.Count(text, opener))
	}
	return l.take(values * valueCost * times)
}

// malformed returns that the body cannot be read, for a reason that the
// catalogue has words for.
func malformed(reason string, cause error) error {
	return &domain.Error{
		Code:     domain.CodeMalformed,
		Failures: []domain.Failure{domain.NewFailure(domain.CodeMalformed, "", "", "reason", reason)},
		Err:      cause,
	}
}

func tooLarge(limit int64) error {
	return domain.Fail(domain.NewFailure(domain.CodeTooLarge, "", "", "max", strconv.FormatInt(limit, 10)))
}

package httpapi

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"

	"github.com/batchport/batchport/domain"
)

// Codes that only this interface has a status for.
const (
	// codeLinkExpired is a link to a file that does not hold any more, or was
	// changed, and no key beside it.
	codeLinkExpired domain.Code = "link_expired"
	// codeMethodNotAllowed is a route that exists, but not for this method.
	codeMethodNotAllowed domain.Code = "method_not_allowed"
)

// retryAfter is how long a client is asked to wait when the service is busy or
// its store does not answer, in seconds.
const retryAfter = "5"

// envelope is how the estate batch interface refuses.
type envelope struct {
	Success bool    `json:"success" enum:"false" doc:"Always the boolean false."`
	Code    int     `json:"code" doc:"The HTTP status."`
	Message string  `json:"message" doc:"What is wrong, in the caller's language."`
	Errors  []fault `json:"errors,omitzero" nullable:"false" doc:"All that is wrong with the request; empty when the message says everything. Not sent with 404 and 405."`
}

// problem is how everything else refuses: RFC 9457, with a code.
type problem struct {
	Title  string      `json:"title" doc:"The HTTP status in words."`
	Status int         `json:"status" doc:"The HTTP status."`
	Code   domain.Code `json:"code" doc:"The class of the problem, for programs."`
	Detail string      `json:"detail" doc:"What is wrong, in the caller's language."`
	Errors []fault     `json:"errors,omitempty" nullable:"false" doc:"All that is wrong with the request."`
}

// fault is one thing that is wrong with a request.
type fault struct {
	Field   string      `json:"field" doc:"Path of the value at fault; empty when none is to blame."`
	Code    domain.Code `json:"code" doc:"The class of the fault, for programs."`
	Message string      `json:"message" doc:"What is wrong, in the caller's language."`
}

// refusal is an error as it leaves: safe to show. It is what Huma writes when a
// handler returns it.
type refusal struct {
	status  int
	headers http.Header
	body    any
}

// Error returns the status in words.
func (f *refusal) Error() string { return http.StatusText(f.status) }

// GetStatus returns the HTTP status.
func (f *refusal) GetStatus() int { return f.status }

// GetHeaders returns what goes into the header.
func (f *refusal) GetHeaders() http.Header { return f.headers }

// ContentType says what the body is.
func (f *refusal) ContentType(string) string {
	if _, ok := f.body.(problem); ok {
		return "application/problem+json"
	}
	return "application/json"
}

// MarshalJSON writes the body.
func (f *refusal) MarshalJSON() ([]byte, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(f.body)
	return text.Bytes(), err
}

// write answers where Huma does not.
func (f *refusal) write(w http.ResponseWriter) {
	text, _ := f.MarshalJSON() // of strings and numbers, which cannot fail
	for name, values := range f.headers {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Type", f.ContentType(""))
	w.WriteHeader(f.status)
	_, _ = w.Write(text) // a client that is gone is no news
}

// refuse is the one way out for errors: it logs what only operators may see
// and renders what a client may.
func (a *api) refuse(r *http.Request, err error) *refusal {
	f := a.render(r, err)
	level := slog.LevelDebug
	switch {
	case r.Context().Err() != nil: // the client is gone, and with it what was done for it
	case f.status == http.StatusServiceUnavailable:
		level = slog.LevelWarn
	case f.status >= http.StatusInternalServerError:
		level = slog.LevelError
	}
	// What is the request's fault is told by its code alone: the rest of it names
	// what the client has sent.
	why := slog.Any("code", domain.CodeOf(err))
	if level > slog.LevelDebug {
		why = slog.Any("error", err)
	}
	a.cfg.Logger.LogAttrs(r.Context(), level, "refused", slog.String("method", methodOf(r)), slog.String("route", r.Pattern), slog.Int("status", f.status), why)
	return f
}

// render chooses status, headers and body for err.
func (a *api) render(r *http.Request, err error) *refusal {
	code := domain.CodeOf(err)
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		code = domain.CodeUnavailable
	}
	f := &refusal{status: statusOf(code), headers: http.Header{}}
	var failures []domain.Failure
	if f.status < http.StatusInternalServerError {
		failures = failuresOf(err)
	} else if code != domain.CodeUnavailable {
		code = domain.CodeInternal
	}
	switch f.status {
	case http.StatusUnauthorized:
		f.headers.Set("WWW-Authenticate", `Bearer realm="batchport"`)
	case http.StatusTooManyRequests:
		f.headers.Set("Retry-After", cmp.Or(domain.FailureOf(err).Params["retry_after"], retryAfter))
	case http.StatusServiceUnavailable:
		f.headers.Set("Retry-After", retryAfter)
	}
	faults, locale := []fault{}, a.locale(r)
	for _, failure := range failures {
		faults = append(faults, fault{Field: failure.Field, Code: failure.Code, Message: a.deps.Messages.Text(locale, failure)})
	}
	addQuota(f.headers, err)
	if message := a.messageOf(f.status, code, locale, faults); r.URL.Path == syncPath {
		f.body = a.refusedSync(f.status, message, locale, failures, err)
	} else {
		f.body = bodyOf(r, f.status, code, message, faults)
	}
	return f
}

// messageOf says in one sentence why a request is refused.
func (a *api) messageOf(status int, code domain.Code, locale string, faults []fault) string {
	if i := slices.IndexFunc(faults, func(f fault) bool { return f.Code == code }); i >= 0 && code != domain.CodeInvalid {
		return faults[i].Message
	}
	if len(faults) > 0 {
		return faults[0].Message
	}
	if message := a.deps.Messages.Text(locale, domain.Failure{Code: code}); message != string(code) {
		return message
	}
	return http.StatusText(status) // no words for it in the catalogue
}

// bodyOf writes a refusal in the shape of the interface that was called.
func bodyOf(r *http.Request, status int, code domain.Code, message string, faults []fault) any {
	if !strings.HasPrefix(r.URL.Path, "/api2/") {
		return problem{Title: http.StatusText(status), Status: status, Code: code, Detail: message, Errors: faults}
	}
	if status == http.StatusNotFound || status == http.StatusMethodNotAllowed {
		faults = nil // there is no request whose parts could be at fault
	}
	return envelope{Code: status, Message: message, Errors: faults}
}

// failuresOf returns the failures of the outermost classified error.
func failuresOf(err error) []domain.Failure {
	var classified *domain.Error
	if !errors.As(err, &classified) {
		return nil
	}
	var failures []domain.Failure
	for _, f := range classified.Failures {
		// One that says no more than the error's own code is no news.
		if f.Field != "" || len(f.Params) > 0 || f.Code != classified.Code {
			failures = append(failures, f)
		}
	}
	return failures
}

// statusOf returns the HTTP status for a class of errors. Codes that a host's
// kinds bring along are faults of the request.
func statusOf(code domain.Code) int {
	switch code {
	case domain.CodeUnauthorized:
		return http.StatusUnauthorized
	case domain.CodeForbidden, codeLinkExpired:
		return http.StatusForbidden
	case domain.CodeNotFound:
		return http.StatusNotFound
	case codeMethodNotAllowed:
		return http.StatusMethodNotAllowed
	case domain.CodeConflict, domain.CodeNothingFailed:
		return http.StatusConflict
	case domain.CodeNotKept:
		return http.StatusGone
	case domain.CodeTooLarge, domain.CodeTooMany:
		return http.StatusRequestEntityTooLarge
	case domain.CodeMismatch:
		return http.StatusUnprocessableEntity
	case domain.CodeRateLimited, domain.CodeTooManyJobs:
		return http.StatusTooManyRequests
	case domain.CodeUnavailable:
		return http.StatusServiceUnavailable
	case domain.CodeInternal, domain.CodeClaimLost:
		return http.StatusInternalServerError
	default:
		return http.StatusBadRequest
	}
}

package httpapi

import (
	"errors"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/batchport/batchport/domain"
)

// guarded answers for handlers that panic, and logs what was called: the
// route and not the path, since paths and queries name people and hold
// signatures.
func (a *api) guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		answer := &watched{ResponseWriter: w}
		answer.Header().Set("X-Content-Type-Options", "nosniff")
		defer func() {
			if cause := recover(); cause != nil {
				a.survive(answer, r, cause)
			}
			a.cfg.Logger.DebugContext(r.Context(), "answered", "method", methodOf(r), "route", r.Pattern,
				"status", answer.status, "took", time.Since(began))
		}()
		next.ServeHTTP(answer, r)
	})
}

// survive answers in place of a handler that panicked. When its answer has
// begun, all that is left is to break it off, so that nobody takes it for whole.
func (a *api) survive(w *watched, r *http.Request, cause any) {
	err, _ := cause.(error)
	switch {
	case errors.Is(err, http.ErrAbortHandler):
		panic(http.ErrAbortHandler)
	case w.status != 0 && r.Context().Err() != nil:
		panic(http.ErrAbortHandler) // Huma panics when a client goes before it has its answer
	}
	a.cfg.Logger.ErrorContext(r.Context(), "a handler panicked", "method", methodOf(r), "route", r.Pattern,
		"panic", domain.PanicError(cause), "stack", string(debug.Stack()))
	if w.status != 0 {
		panic(http.ErrAbortHandler)
	}
	a.render(r, &domain.Error{Code: domain.CodeInternal}).write(w)
}

// methodOf is the request's method, if it is one: clients may send any word.
func methodOf(r *http.Request) string {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return r.Method
	}
	return "other"
}

// routed answers for the mux where it has no handler, which it would do in
// plain text.
func (a *api) routed() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handler, pattern := a.mux.Handler(r)
		if pattern != "" {
			a.mux.ServeHTTP(w, r)
			return
		}
		verdict := &mute{header: http.Header{}}
		handler.ServeHTTP(verdict, r)
		err := error(domain.CodeNotFound)
		if verdict.status == http.StatusMethodNotAllowed {
			w.Header()["Allow"] = verdict.header["Allow"]
			err = codeMethodNotAllowed
		}
		a.refuse(r, err).write(w)
	})
}

// watched remembers whether and how an answer began.
type watched struct {
	http.ResponseWriter
	status int
}

// WriteHeader begins the answer.
func (w *watched) WriteHeader(status int) {
	if w.status == 0 && status >= http.StatusOK {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write begins the answer if that was not done.
func (w *watched) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *watched) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// mute swallows an answer but for its head.
type mute struct {
	header http.Header
	status int
}

// Header returns the header.
func (m *mute) Header() http.Header { return m.header }

// WriteHeader keeps the status.
func (m *mute) WriteHeader(status int) { m.status = status }

// Write swallows the body.
func (m *mute) Write(p []byte) (int, error) { return len(p), nil }

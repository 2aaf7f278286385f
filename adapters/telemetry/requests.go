package telemetry

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// Requests counts and traces the requests to next. A request is part of the
// trace that its header traceparent names. Requests are told apart by the
// pattern of the [http.ServeMux] that next serves them with, and never by their
// paths, which name people and hold signatures; those of the untraced paths,
// such as what supervisors ask, have no span.
func (t *Telemetry) Requests(next http.Handler, untraced ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		span := trace.SpanFromContext(context.Background()) // one that does nothing
		if !slices.Contains(untraced, r.URL.Path) {
			ctx := propagation.TraceContext{}.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
			ctx, span = t.tracer.Start(ctx, methodOf(r), trace.WithSpanKind(trace.SpanKindServer))
			r = r.WithContext(ctx)
		}
		answer := &answer{ResponseWriter: w}
		defer func() { // also when the answer is broken off by a panic
			t.counts.requests.WithLabelValues(operationOf(r), answer.class()).Observe(time.Since(began).Seconds())
			describe(span, r, answer.status)
			span.End()
		}()
		next.ServeHTTP(answer, r)
	})
}

// describe tells the span which operation was called, and how it was answered.
func describe(span trace.Span, r *http.Request, status int) {
	if !span.IsRecording() {
		return
	}
	span.SetAttributes(attribute.String("http.request.method", methodOf(r)))
	if r.Pattern != "" {
		span.SetName(r.Pattern)
		span.SetAttributes(attribute.String("http.route", r.Pattern))
	}
	if status != 0 {
		span.SetAttributes(attribute.Int("http.response.status_code", status))
	}
	if status == 0 || status >= http.StatusInternalServerError {
		span.SetStatus(codes.Error, "")
	}
}

// operationOf is the pattern that the request was served with.
func operationOf(r *http.Request) string {
	if r.Pattern == "" {
		return "none"
	}
	return r.Pattern
}

// methodOf is the request's method, if it is one: clients may send any word.
func methodOf(r *http.Request) string {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return r.Method
	}
	return "_OTHER"
}

// answer remembers the status.
type answer struct {
	http.ResponseWriter
	status int
}

// class is the class of the status, such as "2xx", or "none" for an answer that
// never began.
func (a *answer) class() string {
	if a.status == 0 {
		return "none"
	}
	return strconv.Itoa(a.status/100) + "xx"
}

// WriteHeader begins the answer.
func (a *answer) WriteHeader(status int) {
	if a.status == 0 && status >= http.StatusOK {
		a.status = status
	}
	a.ResponseWriter.WriteHeader(status)
}

// Write begins the answer if that was not done.
func (a *answer) Write(p []byte) (int, error) {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	return a.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach the connection.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

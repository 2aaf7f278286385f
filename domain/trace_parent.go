package domain

import "regexp"

// TraceParent says to which trace something belongs, and which step of it was
// its cause: a traceparent of version 00 of W3C Trace Context,
// https://www.w3.org/TR/trace-context/#traceparent-header, or "" for none. It
// names no person and no thing.
type TraceParent string

var traceParentForm = regexp.MustCompile(`^00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}$`)

const (
	noTrace = "00000000000000000000000000000000"
	noStep  = "0000000000000000"
)

// TraceID returns the trace's identifier, 32 hexadecimal digits, or "" for
// none and for what is malformed.
func (t TraceParent) TraceID() string {
	parts := traceParentForm.FindStringSubmatch(string(t))
	if parts == nil || parts[1] == noTrace || parts[2] == noStep {
		return ""
	}
	return parts[1]
}

// WellFormed reports whether it names a trace and a step of it.
func (t TraceParent) WellFormed() bool { return t.TraceID() != "" }

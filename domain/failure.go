package domain

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"
)

// Code classifies a failure. It is itself an error, so a caller writes
// errors.Is(err, domain.CodeConflict) and never reads message text.
type Code string

// The codes of the engine, of requests, and of the kinds that come with
// batchport. A host's kind may fail items with codes of its own, in the same
// form: lower-case words joined by underscores.
const (
	// CodeClaimLost is work that another worker has taken over, or that was
	// cancelled; whoever gets it has written nothing. It never leaves the engine.
	CodeClaimLost Code = "claim_lost"
	// CodeConflict is a state that does not allow the call.
	CodeConflict Code = "conflict"
	// CodeDuplicate is one thing given twice, with different content.
	CodeDuplicate Code = "duplicate"
	// CodeFailLimit is a job that was stopped because as many of its items
	// failed as its submitter allowed; the parameters failed and total say how many.
	CodeFailLimit Code = "fail_limit_reached"
	// CodeForbidden is a permission that the principal does not hold.
	CodeForbidden Code = "forbidden"
	// CodeInternal is a fault that nobody foresaw; the log says more.
	CodeInternal Code = "internal"
	// CodeInvalid is a value of the wrong type or form.
	CodeInvalid Code = "invalid"
	// CodeMalformed is a document that cannot be read at all.
	CodeMalformed Code = "malformed"
	// CodeMismatch is an idempotency key that came again with another request.
	CodeMismatch Code = "idempotency_mismatch"
	// CodeNotFound is something that does not exist, or belongs to another tenant.
	CodeNotFound Code = "not_found"
	// CodeNotKept is something that was there, and has been removed after the
	// time for which it is kept.
	CodeNotKept Code = "not_kept"
	// CodeNotWorkbook is a file that should be a workbook and cannot be read as
	// one.
	CodeNotWorkbook Code = "not_a_workbook"
	// CodeNothingFailed is a job of which no item failed, so that there is none to
	// try again.
	CodeNothingFailed Code = "nothing_failed"
	// CodeOutOfRange is a number or a date outside its limits.
	CodeOutOfRange Code = "out_of_range"
	// CodeRateLimited is a caller that must wait; the parameter retry_after says
	// how many seconds.
	CodeRateLimited Code = "rate_limited"
	// CodeRejected is an item that the database refused.
	CodeRejected Code = "rejected"
	// CodeRequired is a field that is missing or empty.
	CodeRequired Code = "required"
	// CodeTooLarge is a body or a file over its limit in bytes.
	CodeTooLarge Code = "too_large"
	// CodeTooLong is a text over its limit.
	CodeTooLong Code = "too_long"
	// CodeTooMany is more items than one request or selection may have.
	CodeTooMany Code = "too_many"
	// CodeTooManyJobs is a tenant that has as many open jobs as it may; the
	// parameter max says how many. Room comes when one of them ends.
	CodeTooManyJobs Code = "too_many_jobs"
	// CodeTotalMismatch is a selection whose size is not the one that the
	// caller saw.
	CodeTotalMismatch Code = "total_mismatch"
	// CodeUnauthorized is a missing or unknown credential.
	CodeUnauthorized Code = "unauthorized"
	// CodeUnavailable is a store, a bus or a disk that does not answer, is
	// full or is busy. Trying again later may work; it never counts against an item.
	CodeUnavailable Code = "unavailable"
	// CodeUnknownField is a field or search option that is not known.
	CodeUnknownField Code = "unknown_field"
	// CodeUnreachable is a document elsewhere that cannot be had.
	CodeUnreachable Code = "unreachable"
)

// Error returns the code's own text.
func (c Code) Error() string { return string(c) }

// Failure says what is wrong with one item or one field, without words: the
// message is rendered late, from the code and the parameters, in the reader's
// language.
type Failure struct {
	Code   Code
	Field  string            // path of the value at fault, such as "searchOptions.rent_min"; "" when none is to blame
	Value  string            // the rejected value as it was sent, shortened to 200 characters; "" when there is none
	Params map[string]string // what the message mentions, by name; nil when it mentions nothing
	Also   []Failure         // what else is wrong with the same item, in order; nil when nothing
}

// Together returns one failure for an item with which all of failures are
// wrong: the first, which has the others beside it. There must be one.
func Together(failures []Failure) Failure {
	first := failures[0]
	if len(failures) > 1 {
		first.Also = failures[1:len(failures):len(failures)]
	}
	return first
}

// clone returns a failure that shares nothing with this one.
func (f Failure) clone() Failure {
	f.Params = maps.Clone(f.Params)
	f.Also = slices.Clone(f.Also)
	for i, also := range f.Also {
		f.Also[i] = also.clone()
	}
	return f
}

// maxFailureValue bounds [Failure.Value], so that hostile input is not
// stored and echoed at full length.
const maxFailureValue = 200

// NewFailure returns a failure of field. It shortens value, and what the
// message mentions, to 200 characters. pairs are the names and values of the message's parameters, in turn; an odd
// number of them panics.
func NewFailure(code Code, field, value string, pairs ...string) Failure {
	f := Failure{Code: code, Field: field, Value: shorten(value)}
	if len(pairs) > 0 {
		f.Params = make(map[string]string, len(pairs)/2)
		for i := 0; i < len(pairs); i += 2 {
			f.Params[pairs[i]] = shorten(pairs[i+1])
		}
	}
	return f
}

// String renders the failure for logs: field, code and parameters, in a
// stable order.
func (f Failure) String() string {
	var b strings.Builder
	if f.Field != "" {
		b.WriteString(f.Field + ": ")
	}
	b.WriteString(string(f.Code))
	names := make([]string, 0, len(f.Params))
	for name := range f.Params {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		fmt.Fprintf(&b, " %s=%q", name, f.Params[name])
	}
	return b.String()
}

func shorten(value string) string {
	if len(value) <= maxFailureValue {
		return value
	}
	runes := 0
	for i := range value {
		if runes == maxFailureValue {
			return value[:i]
		}
		runes++
	}
	return value
}

// Error is a classified failure of a call as a whole. Its Failures may be
// shown to whoever called; Err is the cause, for logs only.
type Error struct {
	Code     Code
	Failures []Failure // what is wrong, all of it; empty when the code says everything
	Err      error     // the cause, or nil
}

// Fail returns an error of f's code that carries f alone.
func Fail(f Failure) *Error { return &Error{Code: f.Code, Failures: []Failure{f}} }

// FailAll returns an error of code that carries all failures, or nil when
// there are none.
func FailAll(code Code, failures []Failure) error {
	if len(failures) == 0 {
		return nil
	}
	return &Error{Code: code, Failures: failures}
}

// Unavailable returns cause classified as [CodeUnavailable].
func Unavailable(cause error) *Error { return &Error{Code: CodeUnavailable, Err: cause} }

// Error renders code, failures and cause, for logs.
func (e *Error) Error() string {
	parts := make([]string, 0, len(e.Failures)+2)
	if len(e.Failures) == 0 || e.Failures[0].Code != e.Code {
		parts = append(parts, string(e.Code))
	}
	for _, f := range e.Failures {
		parts = append(parts, f.String())
	}
	if e.Err != nil {
		parts = append(parts, e.Err.Error())
	}
	return strings.Join(parts, ": ")
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is reports whether target is the error's code.
func (e *Error) Is(target error) bool { return target == error(e.Code) }

// CodeOf returns the code of the outermost [Error] or [Code] in err's chain,
// "" for nil, and [CodeInternal] when there is none.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	var classified *Error
	if errors.As(err, &classified) {
		return classified.Code
	}
	var code Code
	if errors.As(err, &code) {
		return code
	}
	return CodeInternal
}

// FailureOf returns what err says of the one thing that was tried: its first
// failure, or a bare one of its code.
func FailureOf(err error) Failure {
	var classified *Error
	if errors.As(err, &classified) && len(classified.Failures) > 0 {
		return classified.Failures[0]
	}
	return Failure{Code: CodeOf(err)}
}

// DataFault reports whether err says that the data is at fault, so that the
// same call without the bad item may succeed. It is false for nil, for faults
// of the store, for superseded work, for context errors, and for errors that
// nobody classified.
func DataFault(err error) bool {
	switch CodeOf(err) {
	case "", CodeInternal, CodeUnavailable, CodeClaimLost, CodeForbidden, CodeUnauthorized:
		return false
	default:
		return true
	}
}

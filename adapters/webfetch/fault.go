package webfetch

import (
	"errors"
	"net/url"
	"strconv"
	"strings"

	"github.com/batchport/batchport/domain"
)

// fault is why a document cannot be had: the parameter reason of the failure,
// and the cause, which must not hold the URL's query.
type fault struct {
	reason string
	status int // of the answer, for the reason "status"
	err    error
}

func (f *fault) Error() string {
	if f.err == nil {
		return f.reason
	}
	return f.reason + ": " + f.err.Error()
}

func (f *fault) Unwrap() error { return f.err }

// writeError is an error of the caller's writer.
type writeError struct{ err error }

func (e *writeError) Error() string { return "write: " + e.err.Error() }

func (e *writeError) Unwrap() error { return e.err }

var errTooLarge = errors.New("more than the limit")

// classify turns what stopped the fetch of a URL into the port's errors.
func (f *Fetcher) classify(raw string, err error) error {
	shown := withoutSecrets(raw)
	if errors.Is(err, errTooLarge) {
		return domain.Fail(domain.NewFailure(domain.CodeTooLarge, "", shown, "max", strconv.FormatInt(f.maxBytes, 10)))
	}
	var why *fault
	if !errors.As(err, &why) {
		why = &fault{reason: "broken", err: err}
	}
	params := []string{"reason", why.reason}
	if why.status != 0 {
		params = append(params, "status", strconv.Itoa(why.status))
	}
	failed := domain.Fail(domain.NewFailure(domain.CodeUnreachable, "", shown, params...))
	if why.err != nil {
		// The text alone: timers of the network match context.DeadlineExceeded,
		// which here means that the caller's context ended.
		failed.Err = errors.New(why.err.Error())
	}
	return failed
}

// withoutSecrets returns a URL without user, password, query and fragment,
// which may hold a signature. It makes do with what is no URL.
func withoutSecrets(raw string) string {
	if u, err := url.Parse(raw); err == nil && u.Opaque == "" {
		u.User, u.RawQuery, u.ForceQuery, u.Fragment, u.RawFragment = nil, "", false, "", ""
		return u.String()
	}
	begin := 0
	if slashes := strings.Index(raw, "//"); slashes >= 0 {
		begin = slashes + len("//")
	}
	at, end := strings.LastIndexByte(raw, '@'), strings.IndexAny(raw, "?#")
	switch {
	case end < 0:
		end = len(raw)
	case at > end:
		// Of a password that holds a '?', or of a query that holds an '@'.
		return raw[:min(begin, end)]
	}
	if at >= begin {
		return raw[:begin] + raw[at+1:end]
	}
	return raw[:end]
}

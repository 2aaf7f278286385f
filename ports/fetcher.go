package ports

import (
	"context"
	"io"
)

// Fetcher gets documents from elsewhere that a client names, who must not get
// it to reach what only this machine can. Every implementation passes
// [github.com/batchport/batchport/ports/portstest.Fetcher].
type Fetcher interface {
	// Fetch writes what is at the URL to w, as it arrives. Only https URLs
	// without user and password are fetched, and only from public addresses:
	// of every address that is connected to, after redirects too, so that a
	// name cannot lead to a private one. At most 3 redirects are followed, and
	// a server learns nothing of the one before. Hosts that the configuration allows
	// may have private addresses.
	//
	// What cannot be had gives [domain.CodeUnreachable], whose failure says why
	// in the parameter reason: "url" (not one that is fetched), "address" (not a
	// public one, after a redirect too), "dns", "connect", "tls", "redirects" (too
	// many, or to a URL that is not fetched), "status" (not 200; then the parameter
	// status has the number), "time", or "broken" (the answer broke off, or is
	// none). More than the limit gives [domain.CodeTooLarge] with the parameter
	// max, in bytes; w gets no more than that. The value of either failure is
	// the URL that was given, without user, password, query and fragment, and no text of
	// the error has them.
	//
	// An error of w, and that of a context that ended, come out as they are; no
	// other error matches [context.Canceled] or [context.DeadlineExceeded]. What
	// was written to w before an error is worth nothing.
	Fetch(ctx context.Context, url string, w io.Writer) error
}

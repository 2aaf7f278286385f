package ports

import (
	"context"
	"io"
)

// Fetcher gets documents from elsewhere that a client names, who must not get
// it to reach what only this machine can.
type Fetcher interface {
	// Fetch writes what is at the URL to w, as it arrives. Only https URLs
	// without user and password are fetched, and only from public addresses:
	// of every address that is connected to, after redirects too, so that a
	// name cannot lead to a private one. What cannot be had gives
	// [domain.CodeUnreachable], whose failure says why in the parameter reason: "url",
	// "address" (not a public one), "dns", "connect", "tls", "redirects"
	// (too many, or to what is not fetched), "status" (then the parameter
	// status has the number), "time", or "broken" (the answer broke off). More
	// than the limit gives [domain.CodeTooLarge] with the parameter max, in
	// bytes. The value of either failure is the URL, without its query. An error of w, and that of a
	// context that ended, come out as they are. What was written to w before an
	// error is worth nothing.
	Fetch(ctx context.Context, url string, w io.Writer) error
}

package webfetch

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"
	"unicode"

	"github.com/batchport/batchport/ports"
)

var _ ports.Fetcher = (*Fetcher)(nil)

const (
	maxRedirects   = 3
	maxHeaderBytes = 64 << 10
	copyBytes      = 32 << 10
)

// Fetcher gets documents over https. No connection outlives its fetch.
type Fetcher struct {
	maxBytes int64
	timeout  time.Duration
	allowed  map[string]bool // by endpoint
	tls      *tls.Config
	resolver *net.Resolver // nil means the system's
	public   func(netip.Addr) bool
}

// New returns a fetcher with the settings. It fails with
// [domain.CodeInvalid] or [domain.CodeOutOfRange], naming the field.
func New(config Config) (*Fetcher, error) {
	config, allowed, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	return &Fetcher{
		maxBytes: config.MaxBytes, timeout: config.Timeout, allowed: allowed, public: public,
		tls: &tls.Config{RootCAs: config.RootCAs, NextProtos: []string{"http/1.1"}, MinVersion: tls.VersionTLS12},
	}, nil
}

// Fetch writes the document to w. The URL's host is in ASCII ("xn--…" for
// other letters). Content that is sent compressed, though it was not asked for so,
// is not inflated. An answer of no said length, which a server ends by hanging
// up, counts as whole. The request is made over HTTP/1.1.
func (f *Fetcher) Fetch(ctx context.Context, url string, w io.Writer) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	timed, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	err := f.fetch(timed, url, w)
	if err == nil {
		return nil
	}
	var written *writeError
	if errors.As(err, &written) {
		return written.err
	}
	// The network's own timers may ring a moment before the context's.
	if deadline, _ := timed.Deadline(); !time.Now().Before(deadline) {
		<-timed.Done()
	}
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case timed.Err() != nil:
		err = &fault{reason: "time", err: err}
	}
	return f.classify(url, err)
}

func (f *Fetcher) fetch(ctx context.Context, raw string, w io.Writer) error {
	u, err := url.Parse(raw)
	if err != nil || !fetchable(u) {
		return &fault{reason: "url"} // the parser's error would repeat the query
	}
	answer, err := follow(ctx, f.transport(ctx), u)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }() // it was only read
	switch {
	case answer.StatusCode != http.StatusOK:
		return &fault{reason: "status", status: answer.StatusCode}
	case answer.ContentLength > f.maxBytes:
		return errTooLarge
	}
	if err := f.copy(w, answer.Body); err != nil {
		return err
	}
	// A server that notices how the connection is being closed may still end
	// its answer in good form, in the middle of the document.
	return ctx.Err()
}

// transport returns one for a single fetch: what it dials ends with ctx. One
// for all would have to let connections outlive the request that they are for.
func (f *Fetcher) transport(ctx context.Context) *http.Transport {
	// HTTP/2 gains nothing for one document, and has more for a hostile server
	// to play with.
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Transport{
		// Proxy is nil: a proxy of the environment would connect in our stead.
		DialTLSContext: func(_ context.Context, network, address string) (net.Conn, error) {
			return f.dial(ctx, network, address) // the context that is given is cut off from the request's
		},
		DialContext:            refuse,
		Protocols:              protocols,
		DisableKeepAlives:      true,
		DisableCompression:     true,
		MaxResponseHeaderBytes: maxHeaderBytes,
	}
}

// follow asks for u, and for what it is redirected to. It does so itself
// because http.Client would tell each host the URL of the one before.
func follow(ctx context.Context, transport *http.Transport, u *url.URL) (*http.Response, error) {
	for redirects := 0; ; redirects++ {
		answer, err := ask(ctx, transport, u)
		if err != nil {
			return nil, err
		}
		location := answer.Header.Get("Location")
		if !redirected(answer.StatusCode) || location == "" {
			return answer, nil
		}
		_ = answer.Body.Close() // what it says does not matter
		if redirects == maxRedirects {
			return nil, &fault{reason: "redirects", err: errors.New("too many")}
		}
		if u, err = u.Parse(location); err != nil || !fetchable(u) {
			return nil, &fault{reason: "redirects", err: errors.New("to what is not fetched")}
		}
	}
}

func ask(ctx context.Context, transport *http.Transport, u *url.URL) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "", nil)
	if err != nil {
		return nil, err
	}
	request.URL, request.Host = u, u.Host
	request.Header.Set("Accept-Encoding", "identity")
	request.Header.Set("User-Agent", "batchport")
	return transport.RoundTrip(request)
}

// copy writes a body of up to the limit to w, and nothing beyond it.
func (f *Fetcher) copy(w io.Writer, body io.Reader) error {
	buffer := make([]byte, copyBytes)
	for left := f.maxBytes; ; {
		n, err := body.Read(buffer)
		if int64(n) > left {
			return errTooLarge
		}
		left -= int64(n)
		if n > 0 {
			if err := write(w, buffer[:n]); err != nil {
				return &writeError{err}
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}

func write(w io.Writer, p []byte) error {
	n, err := w.Write(p)
	if err == nil && n < len(p) {
		return io.ErrShortWrite
	}
	return err
}

// fetchable reports whether a URL has the form of those that are fetched.
// Where it leads is judged when it is connected to. A host in other letters than
// ASCII is refused: net/http converts it in two ways, and so connects to one
// host and asks it for another, or with HTTP/2 connects for ever (Go 1.26).
func fetchable(u *url.URL) bool {
	return u.Scheme == "https" && u.User == nil && u.Opaque == "" &&
		u.Hostname() != "" && isASCII(u.Host) && (u.Port() == "" || validPort(u.Port()))
}

func isASCII(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r > unicode.MaxASCII })
}

func redirected(status int) bool {
	switch status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther,
		http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	default:
		return false
	}
}

// refuse is how connections without TLS are made.
func refuse(context.Context, string, string) (net.Conn, error) {
	return nil, &fault{reason: "url", err: errors.New("not https")}
}

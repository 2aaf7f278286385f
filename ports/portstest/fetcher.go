package portstest

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

// FetcherSettings is what an adapter's fetcher has to be told for
// [Fetcher], whose servers are on 127.0.0.1 and have certificates of their own.
type FetcherSettings struct {
	AllowedHosts []string       // "127.0.0.1:41234": may be fetched from, though not public
	RootCAs      *x509.CertPool // may have signed a server's certificate
	MaxBytes     int64          // of one document
	Timeout      time.Duration  // of a whole fetch
}

const (
	fetchMax = 1 << 20

	// fetchPatience is the limit of fetches that end before it, and fetchShort
	// of those that do not.
	fetchPatience = 30 * time.Second
	fetchShort    = 300 * time.Millisecond

	fetchSecret = "c0ffee"
)

// Fetcher runs the contract of [ports.Fetcher]. Each subtest calls open with
// the settings that it needs.
func Fetcher(t *testing.T, open func(*testing.T, FetcherSettings) ports.Fetcher) {
	authority := newAuthority(t)
	for _, http2 := range []bool{false, true} {
		for name, test := range map[string]func(*fetchFixture){
			"the content comes out":                       fetchContent,
			"content comes out as it arrives":             fetchStreams,
			"many fetch at once":                          fetchAtOnce,
			"three redirects are followed":                fetchRedirects,
			"redirects to what is not fetched":            fetchBadRedirects,
			"redirects to private addresses":              fetchPrivateRedirects,
			"a server learns nothing of the one before":   fetchTellsNothing,
			"a status other than 200":                     fetchStatus,
			"a document of the limit, and one beyond it":  fetchLimit,
			"content that is compressed stays in bounds":  fetchCompressed,
			"an answer that is slow":                      fetchSlow,
			"an answer that breaks off":                   fetchBroken,
			"errors of the writer come out":               fetchWriterFails,
			"a context that ends":                         fetchContext,
			"certificates that do not hold":               fetchCertificates,
			"a port of an allowed host that was not said": fetchOtherPort,
		} {
			protocol := map[bool]string{false: " over HTTP/1.1", true: " over HTTP/2"}[http2]
			t.Run(name+protocol, func(t *testing.T) {
				t.Parallel()
				test(&fetchFixture{T: t, open: open, authority: authority, http2: http2})
			})
		}
	}
	for name, test := range map[string]func(*fetchFixture){
		"URLs that are not fetched":      fetchBadURLs,
		"private addresses":              fetchPrivate,
		"names that cannot be":           fetchNoName,
		"nobody listens":                 fetchNobody,
		"a server that is none of HTTPS": fetchNotHTTPS,
		"answers that are none":          fetchNonsense,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(&fetchFixture{T: t, open: open, authority: authority})
		})
	}
}

func fetchContent(f *fetchFixture) {
	random := make([]byte, fetchMax/2+7)
	for i := range random {
		random[i] = byte(rand.Uint32())
	}
	for name, content := range map[string][]byte{"empty": {}, "one byte": {0}, "text": []byte("鍵\r\n"), "large": random} {
		server := f.serve(func(w http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodGet || r.URL.RawQuery != "a=1&b=%20" {
				f.Errorf("server got %s %s, want GET with the query a=1&b=%%20", r.Method, r.URL)
			}
			_, _ = w.Write(content)
		})
		if got, err := f.fetch(server, server.URL+"/document?a=1&b=%20#part"); err != nil || !bytes.Equal(got, content) {
			f.Errorf("Fetch(%s) = %d bytes, %v; want the %d that were served", name, len(got), err, len(content))
		}
	}
}

func fetchStreams(f *fetchFixture) {
	arrived := make(chan struct{})
	server := f.serve(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "first")
		_ = http.NewResponseController(w).Flush()
		select {
		case <-arrived:
			_, _ = io.WriteString(w, "second")
		case <-r.Context().Done():
		}
	})
	var got bytes.Buffer
	err := f.fetcher(server).Fetch(f.Context(), server.URL, writerFunc(func(p []byte) (int, error) {
		if got.Len() < len("first") && got.Len()+len(p) >= len("first") {
			close(arrived)
		}
		return got.Write(p)
	}))
	if err != nil || got.String() != "firstsecond" {
		f.Errorf("Fetch() = %q, %v; want %q", got.String(), err, "firstsecond")
	}
}

func fetchAtOnce(f *fetchFixture) {
	server := f.serve(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, strings.Repeat(r.URL.Path, 10_000))
	})
	fetcher := f.fetcher(server)
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			path, got := fmt.Sprintf("/%d", i), new(bytes.Buffer)
			if err := fetcher.Fetch(f.Context(), server.URL+path, got); err != nil || got.String() != strings.Repeat(path, 10_000) {
				f.Errorf("Fetch(%s) = %d bytes, %v; want its own", path, got.Len(), err)
			}
		})
	}
	all.Wait()
}

func fetchRedirects(f *fetchFixture) {
	var asked atomic.Int64
	server := f.serve(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		left, _ := strconv.Atoi(r.URL.Path[len("/301/"):])
		status, _ := strconv.Atoi(r.URL.Path[1:4])
		if left == 0 {
			_, _ = io.WriteString(w, "here")
			return
		}
		w.Header().Set("Location", fmt.Sprintf("/%d/%d", status, left-1))
		w.WriteHeader(status)
	})
	for _, status := range []int{301, 302, 303, 307, 308} {
		for redirects := range 4 {
			got, err := f.fetch(server, fmt.Sprintf("%s/%d/%d", server.URL, status, redirects))
			if err != nil || string(got) != "here" {
				f.Errorf("Fetch(%d redirects of %d) = %q, %v; want %q", redirects, status, got, err, "here")
			}
		}
	}
	for _, redirects := range []int{4, 1_000_000} {
		asked.Store(0)
		f.unreachable(f.fetcher(server), fmt.Sprintf("%s/302/%d", server.URL, redirects), "redirects")
		if got := asked.Load(); got != 4 {
			f.Errorf("requests of a fetch with %d redirects = %d, want 4", redirects, got)
		}
	}
}

func fetchBadRedirects(f *fetchFixture) {
	private := listenTCP(f.T)
	var location string
	server := f.serve(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", location)
		w.WriteHeader(http.StatusFound)
	})
	for _, location = range []string{
		"http://" + private.Addr().String() + "/", "file:///etc/passwd", "ftp://" + private.Addr().String() + "/f",
		"data:text/plain,hello", "https://user:pa55@" + server.Listener.Addr().String() + "/", "https:///nowhere", "https://[::1/", "https:opaque",
	} {
		f.unreachable(f.fetcher(server), server.URL+"/", "redirects")
	}
	wantNoVisit(f.T, private)
}

func fetchPrivateRedirects(f *fetchFixture) {
	private := listenTCP(f.T)
	port := strconv.Itoa(private.Addr().(*net.TCPAddr).Port)
	var location string
	server := f.serve(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/again" {
			w.Header().Set("Location", location)
		} else {
			w.Header().Set("Location", "/again")
		}
		w.WriteHeader(http.StatusTemporaryRedirect)
	})
	for _, location = range []string{
		"https://127.0.0.1:" + port + "/", "//127.0.0.1:" + port, "https://[::ffff:127.0.0.1]:" + port + "/", "https://localhost:" + port + "/",
	} {
		if f.unreachable(f.fetcher(server), server.URL+"/", "address"); f.Failed() {
			break // the next would be connected to as well, at length
		}
	}
	wantNoVisit(f.T, private)
}

func fetchTellsNothing(f *fetchFixture) {
	second := f.serve(func(_ http.ResponseWriter, r *http.Request) {
		for _, name := range []string{"Referer", "Cookie", "Authorization"} {
			if got := r.Header.Get(name); got != "" {
				f.Errorf("%s of a request = %q, want none", name, got)
			}
		}
	})
	first := f.serve(func(w http.ResponseWriter, _ *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "session", Value: "1", Path: "/"})
		w.Header().Set("Location", second.URL)
		w.WriteHeader(http.StatusFound)
	})
	fetcher := f.fetcher(first, second)
	for range 2 {
		if err := fetcher.Fetch(f.Context(), first.URL+"/?signature="+fetchSecret, io.Discard); err != nil {
			f.Errorf("Fetch() = %v, want nil", err)
		}
	}
}

func fetchStatus(f *fetchFixture) {
	for _, status := range []int{201, 204, 206, 300, 302, 304, 400, 401, 403, 404, 407, 410, 429, 500, 503} {
		server := f.serve(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, "an error page")
		})
		failed := f.unreachable(f.fetcher(server), server.URL+"/f", "status")
		if got := failed.Params["status"]; got != strconv.Itoa(status) {
			f.Errorf("status of the failure = %q, want %d", got, status)
		}
	}
}

func fetchLimit(f *fetchFixture) {
	for _, said := range []bool{true, false} {
		for _, size := range []int{fetchMax, fetchMax + 1, 64 * fetchMax} {
			server := f.serve(func(w http.ResponseWriter, r *http.Request) {
				if said {
					w.Header().Set("Content-Length", strconv.Itoa(size))
				}
				_ = http.NewResponseController(w).Flush() // with the length, or without
				zeros := make([]byte, 32<<10)
				for left := size; left > 0 && r.Context().Err() == nil; left -= len(zeros) {
					_, _ = w.Write(zeros[:min(left, len(zeros))])
				}
			})
			name := fmt.Sprintf("%d bytes, length said %t", size, said)
			got, err := f.fetch(server, server.URL+"/f?"+fetchSecret)
			switch {
			case size == fetchMax:
				if err != nil || len(got) != size {
					f.Errorf("Fetch(%s) = %d bytes, %v; want all", name, len(got), err)
				}
			case !errors.Is(err, domain.CodeTooLarge) || len(got) > fetchMax:
				f.Errorf("Fetch(%s) = %d bytes, %v; want at most %d and %s", name, len(got), err, fetchMax, domain.CodeTooLarge)
			default:
				failed := domain.FailureOf(err)
				if failed.Params["max"] != strconv.Itoa(fetchMax) || failed.Value != server.URL+"/f" {
					f.Errorf("Fetch(%s) = %v of %q, want max %d of %s", name, failed, failed.Value, fetchMax, server.URL+"/f")
				}
			}
		}
	}
}

// fetchCompressed serves what would be 8 times the limit. A fetcher may
// inflate it or not.
func fetchCompressed(f *fetchFixture) {
	var bomb bytes.Buffer
	zip := gzip.NewWriter(&bomb)
	for range 8 {
		_, _ = zip.Write(make([]byte, fetchMax))
	}
	_ = zip.Close()
	server := f.serve(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(bomb.Bytes())
	})
	got, err := f.fetch(server, server.URL)
	if len(got) > fetchMax || err != nil && !errors.Is(err, domain.CodeTooLarge) || err == nil && !bytes.Equal(got, bomb.Bytes()) {
		f.Errorf("Fetch() = %d bytes, %v; want the %d that were served, or %s", len(got), err, bomb.Len(), domain.CodeTooLarge)
	}
}

func fetchSlow(f *fetchFixture) {
	for name, handler := range map[string]http.HandlerFunc{
		"no answer": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"no body": func(w http.ResponseWriter, r *http.Request) {
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		},
		"no end": func(w http.ResponseWriter, r *http.Request) {
			drip := time.NewTicker(5 * time.Millisecond)
			defer drip.Stop()
			for r.Context().Err() == nil {
				_, _ = w.Write([]byte{0})
				_ = http.NewResponseController(w).Flush()
				<-drip.C
			}
		},
		"redirects": func(w http.ResponseWriter, r *http.Request) {
			select { // each within the limit, all together not
			case <-time.After(fetchShort / 2):
			case <-r.Context().Done():
			}
			w.Header().Set("Location", "/again")
			w.WriteHeader(http.StatusFound)
		},
	} {
		left := make(chan struct{}, 8)
		server := f.serve(func(w http.ResponseWriter, r *http.Request) {
			handler(w, r)
			left <- struct{}{}
		})
		settings := f.settings(server)
		settings.Timeout = fetchShort
		began := time.Now()
		f.unreachable(f.open(f.T, settings), server.URL+"/f", "time")
		if took := time.Since(began); took > fetchPatience/3 {
			f.Errorf("Fetch(%s) took %v, want %v", name, took, fetchShort)
		}
		select {
		case <-left:
		case <-time.After(fetchPatience):
			f.Errorf("the server of %s still answers, want the connection closed", name)
		}
	}
}

func fetchBroken(f *fetchFixture) {
	for name, begin := range map[string]func(http.ResponseWriter){
		"before the answer": func(http.ResponseWriter) {},
		"before the length": func(w http.ResponseWriter) { w.Header().Set("Content-Length", "1000") },
		"in a chunk":        func(http.ResponseWriter) {},
	} {
		server := f.serve(func(w http.ResponseWriter, _ *http.Request) {
			if begin(w); name != "before the answer" {
				_, _ = io.WriteString(w, "a part")
				_ = http.NewResponseController(w).Flush()
			}
			panic(http.ErrAbortHandler)
		})
		f.unreachable(f.fetcher(server), server.URL+"/f", "broken")
	}
}

func fetchWriterFails(f *fetchFixture) {
	server := f.serve(func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			_, _ = w.Write(make([]byte, 1000))
		}
	})
	full := errors.New("disk full")
	for _, room := range []int{0, 1, 5000} {
		left := room
		err := f.fetcher(server).Fetch(f.Context(), server.URL, writerFunc(func(p []byte) (int, error) {
			if left -= len(p); left < 0 {
				return 0, full
			}
			return len(p), nil
		}))
		if !errors.Is(err, full) || errors.Is(err, domain.CodeUnreachable) {
			f.Errorf("Fetch(writer with room for %d) = %v, want its error", room, err)
		}
	}
	err := f.fetcher(server).Fetch(f.Context(), server.URL, writerFunc(func(p []byte) (int, error) { return len(p) - 1, nil }))
	if !errors.Is(err, io.ErrShortWrite) {
		f.Errorf("Fetch(writer that leaves a byte out) = %v, want %v", err, io.ErrShortWrite)
	}
}

func fetchContext(f *fetchFixture) {
	var asked atomic.Int64
	began := make(chan struct{}, 8)
	server := f.serve(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		began <- struct{}{}
		if r.URL.Path == "/body" {
			_, _ = io.WriteString(w, "a part")
			_ = http.NewResponseController(w).Flush()
		}
		<-r.Context().Done()
	})
	fetcher := f.fetcher(server)
	cancelled, cancel := context.WithCancel(f.Context())
	cancel()
	if err := fetcher.Fetch(cancelled, server.URL, io.Discard); !errors.Is(err, context.Canceled) || asked.Load() != 0 {
		f.Errorf("Fetch(cancelled) = %v after %d requests, want %v before any", err, asked.Load(), context.Canceled)
	}
	waiting, cancel := context.WithCancel(f.Context())
	go func() {
		<-began
		cancel()
	}()
	wantContextError(f, fetcher.Fetch(waiting, server.URL+"/", io.Discard), context.Canceled)
	reading, cancel := context.WithCancel(f.Context())
	wantContextError(f, fetcher.Fetch(reading, server.URL+"/body", writerFunc(func(p []byte) (int, error) {
		cancel()
		return len(p), nil
	})), context.Canceled)
	short, cancel := context.WithTimeout(f.Context(), fetchShort)
	defer cancel()
	wantContextError(f, fetcher.Fetch(short, server.URL+"/body", io.Discard), context.DeadlineExceeded)
}

func wantContextError(f *fetchFixture, err, want error) {
	f.Helper()
	if !errors.Is(err, want) || errors.Is(err, domain.CodeUnreachable) {
		f.Errorf("Fetch(context that ends) = %v, want %v", err, want)
	}
}

func fetchCertificates(f *fetchFixture) {
	own, other := f.authority, newAuthority(f.T)
	for name, certificate := range map[string]tls.Certificate{
		"another address":   own.issue(f.T, func(c *x509.Certificate) { c.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 2)} }),
		"a name":            own.issue(f.T, func(c *x509.Certificate) { c.IPAddresses, c.DNSNames = nil, []string{"localhost"} }),
		"expired":           own.issue(f.T, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }),
		"not yet valid":     own.issue(f.T, func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Minute) }),
		"for clients":       own.issue(f.T, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }),
		"unknown authority": other.issue(f.T, nil),
	} {
		var asked atomic.Int64
		server := serveHTTPS(f.T, certificate, f.http2, func(http.ResponseWriter, *http.Request) { asked.Add(1) })
		f.unreachable(f.fetcher(server), server.URL+"/f", "tls")
		if asked.Load() != 0 {
			f.Errorf("Fetch(certificate: %s) asked the server, want no request", name)
		}
	}
}

func fetchOtherPort(f *fetchFixture) {
	private := listenTCP(f.T)
	server := f.serve(func(http.ResponseWriter, *http.Request) {})
	f.unreachable(f.fetcher(server), "https://"+private.Addr().String()+"/f", "address")
	wantNoVisit(f.T, private)
}

func fetchBadURLs(f *fetchFixture) {
	private := listenTCP(f.T)
	at := private.Addr().String()
	fetcher := f.fetcher()
	for _, url := range []string{
		"http://" + at + "/f", "ftp://" + at + "/f", "file:///etc/passwd", "https:///f", "//" + at + "/f", "/f", "data:,f", "https:f",
		"HTTP://" + at + "/f", "gopher://" + at + "/f", "unix:///run/s", "https://:443/f", "https://127.0.0.1:0/f", "https://127.0.0.1:65536/f",
	} {
		f.unreachable(fetcher, url, "url")
	}
	for _, url := range []string{
		"", " ", "https://", "https://[::1/?c0ffee", "https://%zz/?c0ffee", "https://user:c0ffee@" + at + "/", "https://c0ffee@" + at + "/", "https://@" + at + "/",
		"https://user:c0ffee@" + at + "\\@files.example/", "https://files.example\\@" + at + "/", "https://us er:c0ffee@" + at + "/",
		"https://user:x?c0ffee@" + at + "/", "https://user:c0ffee@" + at + "/%zz", "https://" + at + ":443/?c0ffee@", "https://a\x00b/?c0ffee", "https://a b/?c0ffee",
		"https:\\\\user:c0ffee@" + at + "/", "http://user:c0ffee@" + at + "/?c0ffee#c0ffee", "mailto:c0ffee@files.example", "https://%31%32%37.0.0.1/?c0ffee",
	} {
		err := fetcher.Fetch(f.Context(), url, io.Discard)
		failed := domain.FailureOf(err)
		if failed.Code != domain.CodeUnreachable || failed.Params["reason"] != "url" {
			f.Errorf("Fetch(%q) = %v, want %s with reason url", url, err, domain.CodeUnreachable)
		}
		if strings.Contains(failed.Value+err.Error(), fetchSecret) {
			f.Errorf("Fetch(%q) = %v of %q, want neither password nor query", url, err, failed.Value)
		}
	}
	wantNoVisit(f.T, private)
}

func fetchPrivate(f *fetchFixture) {
	private := listenTCP(f.T)
	port := ":" + strconv.Itoa(private.Addr().(*net.TCPAddr).Port)
	fetcher := f.fetcher()
	for _, host := range []string{
		"127.0.0.1", "127.255.255.254", "0.0.0.0", "10.0.0.1", "100.64.0.1", "169.254.169.254", "172.16.0.1", "192.168.0.1", "198.18.0.1",
		"224.0.0.1", "255.255.255.255", "[::]", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[64:ff9b::127.0.0.1]", "[2002:7f00:1::]",
		"[fe80::1]", "[fc00::1]", "[fec0::1]", "[ff02::1]", "localhost",
	} {
		if f.unreachable(fetcher, "https://"+host+port+"/f", "address"); f.Failed() {
			break // the next would be connected to as well, at length
		}
	}
	// What is a name to one resolver is an address to another.
	for _, host := range []string{
		"2130706433", "017700000001", "0x7f000001", "0x7f.1", "0X7F.0.0.1", "0177.0.0.1", "127.1", "127.0.1", "127.0.0.1.", "127.0.0.01", "127.1.",
		"１２７.0.0.1", "127。0。0。1", "１２７．１", "①②⑦.0.0.1", "%EF%BC%91%EF%BC%92%EF%BC%97.0.0.1", "[fe80::1%25lo]", "[::1%25lo]", "127.0.0.1%25lo",
	} {
		err := fetcher.Fetch(f.Context(), "https://"+host+port+"/f", io.Discard)
		failed := domain.FailureOf(err)
		switch reason := failed.Params["reason"]; {
		case failed.Code != domain.CodeUnreachable, reason != "address" && reason != "url" && reason != "dns":
			f.Errorf("Fetch(%s) = %v, want %s with reason address, url or dns", host, err, domain.CodeUnreachable)
		}
	}
	wantNoVisit(f.T, private)
}

func fetchNoName(f *fetchFixture) {
	// RFC 1035 ends a label at 63 letters, so nobody need be asked.
	f.unreachable(f.fetcher(), "https://"+strings.Repeat("a", 64)+".example/f", "dns")
}

func fetchNobody(f *fetchFixture) {
	listener := listenTCP(f.T)
	settings := f.settings()
	settings.AllowedHosts = []string{listener.Addr().String()}
	_ = listener.Close()
	f.unreachable(f.open(f.T, settings), "https://"+listener.Addr().String()+"/f", "connect")
}

func fetchNotHTTPS(f *fetchFixture) {
	request := func(conn *net.TCPConn) { _, _ = conn.Read(make([]byte, 4096)) }
	for want, serve := range map[string]func(*net.TCPConn){
		"tls": func(conn *net.TCPConn) {
			request(conn)
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		},
		"tls ": request, // hangs up
		"time": func(conn *net.TCPConn) { _, _ = io.Copy(io.Discard, conn) },
	} {
		settings := f.settings()
		address := serveTCP(f.T, serve)
		settings.AllowedHosts = []string{address}
		if want == "time" {
			settings.Timeout = fetchShort
		}
		f.unreachable(f.open(f.T, settings), "https://"+address+"/f", strings.TrimSpace(want))
	}
}

func fetchNonsense(f *fetchFixture) {
	for name, serve := range map[string]func(*net.TCPConn, *tls.Conn){
		"no HTTP": func(_ *net.TCPConn, conn *tls.Conn) { _, _ = io.WriteString(conn, "220 mail.example ESMTP\r\n") },
		"nothing": func(*net.TCPConn, *tls.Conn) {},
		"two lengths": func(_ *net.TCPConn, conn *tls.Conn) {
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab")
		},
		"headers without end": func(_ *net.TCPConn, conn *tls.Conn) {
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\n")
			for i := 0; ; i++ {
				if _, err := fmt.Fprintf(conn, "X-%d: %s\r\n", i, strings.Repeat("x", 1000)); err != nil {
					return
				}
			}
		},
		"a reset": func(tcp *net.TCPConn, conn *tls.Conn) {
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\na part")
			_ = tcp.SetLinger(0)
		},
	} {
		f.Run(name, func(t *testing.T) {
			f := &fetchFixture{T: t, open: f.open, authority: f.authority}
			settings := f.settings()
			address := serveRaw(t, f.authority.issue(t, nil), func(tcp *net.TCPConn, conn *tls.Conn) {
				_, _ = conn.Read(make([]byte, 4096))
				serve(tcp, conn)
			})
			settings.AllowedHosts = []string{address}
			f.unreachable(f.open(t, settings), "https://"+address+"/f", "broken")
		})
	}
}

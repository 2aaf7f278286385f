package webfetch_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"

	"github.com/batchport/batchport/adapters/webfetch"
	"github.com/batchport/batchport/domain"
)

// TestRequest looks at what a server is told.
func TestRequest(t *testing.T) {
	t.Parallel()
	port, roots := serve(t, true, func(_ http.ResponseWriter, r *http.Request) {
		want := http.Header{"Accept-Encoding": {"identity"}, "User-Agent": {"batchport"}, "Connection": {"close"}}
		for name, values := range r.Header {
			if got := want.Get(name); len(values) != 1 || values[0] != got {
				t.Errorf("header %s = %q, want %q", name, values, got)
			}
		}
		if r.Proto != "HTTP/1.1" || len(r.Header) != len(want) {
			t.Errorf("request of %s with %d headers, want HTTP/1.1 with %d", r.Proto, len(r.Header), len(want))
		}
	})
	fetcher := open(t, webfetch.Config{RootCAs: roots, AllowedHosts: []string{"127.0.0.1:" + port}})
	if err := fetcher.Fetch(t.Context(), "https://127.0.0.1:"+port+"/", io.Discard); err != nil {
		t.Errorf("Fetch() = %v, want nil", err)
	}
}

// TestOtherProtocols has servers that speak an old TLS alone, or no HTTP/1.1.
func TestOtherProtocols(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]*tls.Config{
		"TLS 1.1": {MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11},
		"h3":      {NextProtos: []string{"h3"}, MinVersion: tls.VersionTLS12},
	} {
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			t.Errorf("the server of %s was asked", name)
		}))
		server.TLS = config
		server.Config.ErrorLog = log.New(io.Discard, "", 0) // what goes wrong is wanted
		server.StartTLS()
		t.Cleanup(server.Close)
		address, roots := server.Listener.Addr().String(), x509.NewCertPool()
		roots.AddCert(server.Certificate())
		fetcher := open(t, webfetch.Config{RootCAs: roots, AllowedHosts: []string{address}})
		wantReason(t, name+" alone", fetcher.Fetch(t.Context(), "https://"+address+"/", io.Discard), "tls")
	}
}

// TestLengthIsEnough has a server that says a length over the limit and
// then nothing more.
func TestLengthIsEnough(t *testing.T) {
	t.Parallel()
	port, roots := serve(t, false, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(64<<20+1))
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	fetcher := open(t, webfetch.Config{RootCAs: roots, AllowedHosts: []string{"127.0.0.1:" + port}})
	err := fetcher.Fetch(t.Context(), "https://127.0.0.1:"+port+"/", io.Discard)
	if !errors.Is(err, domain.CodeTooLarge) || domain.FailureOf(err).Params["max"] != "67108864" {
		t.Errorf("Fetch(length over the default limit) = %v, want %s with max 67108864", err, domain.CodeTooLarge)
	}
}

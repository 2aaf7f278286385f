package portstest

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

// fetchFixture is one test of the suite.
type fetchFixture struct {
	*testing.T
	open      func(*testing.T, FetcherSettings) ports.Fetcher
	authority *authority
	http2     bool // whether servers speak HTTP/2 as well
}

func (f *fetchFixture) serve(handler http.HandlerFunc) *httptest.Server {
	f.Helper()
	return serveHTTPS(f.T, f.authority.issue(f.T, nil), f.http2, handler)
}

// settings allow the servers, and nothing else that is not public.
func (f *fetchFixture) settings(allowed ...*httptest.Server) FetcherSettings {
	s := FetcherSettings{RootCAs: f.authority.roots, MaxBytes: fetchMax, Timeout: fetchPatience}
	for _, server := range allowed {
		s.AllowedHosts = append(s.AllowedHosts, server.Listener.Addr().String())
	}
	return s
}

func (f *fetchFixture) fetcher(allowed ...*httptest.Server) ports.Fetcher {
	f.Helper()
	return f.open(f.T, f.settings(allowed...))
}

func (f *fetchFixture) fetch(server *httptest.Server, url string) ([]byte, error) {
	f.Helper()
	var got bytes.Buffer
	err := f.fetcher(server).Fetch(f.Context(), url, &got)
	return got.Bytes(), err
}

// unreachable fetches the URL with a query, and wants it unreachable for the
// reason and no word of the query.
func (f *fetchFixture) unreachable(fetcher ports.Fetcher, url, reason string) domain.Failure {
	f.Helper()
	err := fetcher.Fetch(f.Context(), url+"?signature="+fetchSecret+"#"+fetchSecret, io.Discard)
	failed := domain.FailureOf(err)
	switch {
	case failed.Code != domain.CodeUnreachable || failed.Params["reason"] != reason:
		f.Errorf("Fetch(%s) = %v, want %s with reason %s", url, err, domain.CodeUnreachable, reason)
	case strings.Contains(err.Error(), fetchSecret) || !strings.EqualFold(failed.Value, url):
		f.Errorf("Fetch(%s?…) = %v of %q, want the URL without its query", url, err, failed.Value)
	case errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled):
		f.Errorf("Fetch(%s) = %v matches the error of a context, want only those of the caller's to do so", url, err)
	}
	return failed
}

type writerFunc func([]byte) (int, error)

func (w writerFunc) Write(p []byte) (int, error) { return w(p) }

// authority signs the certificates of the suite's servers.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	roots       *x509.CertPool // holds the authority alone
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{key: newSigningKey(t), roots: x509.NewCertPool()}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "the suite's authority"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, a.key.Public(), a.key)
	if err != nil {
		t.Fatalf("sign authority: %v", err)
	}
	if a.certificate, err = x509.ParseCertificate(der); err != nil {
		t.Fatalf("parse authority: %v", err)
	}
	a.roots.AddCert(a.certificate)
	return a
}

// issue signs a certificate for 127.0.0.1; change, if any, makes it another.
func (a *authority) issue(t *testing.T, change func(*x509.Certificate)) tls.Certificate {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "a server of the suite"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	if change != nil {
		change(template)
	}
	key := newSigningKey(t)
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, key.Public(), a.key)
	if err != nil {
		t.Fatalf("sign certificate: %v", err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func newSigningKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatalf("make key: %v", err)
	}
	return key
}

// serveHTTPS serves over HTTP/1.1, and over HTTP/2 when it is to, at the
// address that the server's Listener has.
func serveHTTPS(t *testing.T, certificate tls.Certificate, http2 bool, handler http.HandlerFunc) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.EnableHTTP2 = http2
	server.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // what goes wrong is wanted
	server.StartTLS()
	t.Cleanup(server.Close)
	return server
}

// serveRaw calls serve with each connection once its handshake is done, and
// returns the address. The connection is closed afterwards.
func serveRaw(t *testing.T, certificate tls.Certificate, serve func(*net.TCPConn, *tls.Conn)) string {
	t.Helper()
	config := &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	return serveTCP(t, func(conn *net.TCPConn) {
		secure := tls.Server(conn, config)
		if secure.HandshakeContext(t.Context()) == nil {
			serve(conn, secure)
		}
	})
}

// serveTCP calls serve with each connection and returns the address.
func serveTCP(t *testing.T, serve func(*net.TCPConn)) string {
	t.Helper()
	listener := listenTCP(t)
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := listener.AcceptTCP()
			if err != nil {
				return
			}
			serving.Go(func() {
				defer func() { _ = conn.Close() }() // the suite looks at the client's end
				serve(conn)
			})
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		serving.Wait()
	})
	return listener.Addr().String()
}

func listenTCP(t *testing.T) *net.TCPListener {
	t.Helper()
	listener, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatalf("listen: %v", err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	return listener
}

// wantNoVisit fails the test when anybody has connected to the listener,
// from which nobody has accepted. Connections queue in their order, so the
// first must be the one that is made here.
func wantNoVisit(t *testing.T, listener *net.TCPListener) {
	t.Helper()
	own, err := net.DialTCP("tcp4", nil, listener.Addr().(*net.TCPAddr))
	if err != nil {
		t.Fatalf("connect: %v", err)
	}
	defer func() { _ = own.Close() }()
	first, err := listener.AcceptTCP()
	if err != nil {
		t.Fatalf("accept: %v", err)
	}
	defer func() { _ = first.Close() }()
	if got, want := first.RemoteAddr().String(), own.LocalAddr().String(); got != want {
		t.Errorf("%s was connected to from %s, want no connection", listener.Addr(), got)
	}
}

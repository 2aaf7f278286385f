package webfetch_test

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/batchport/batchport/adapters/webfetch"
	"github.com/batchport/batchport/domain"
)

// TestNames fetches from names. The server is on 127.0.0.1, with a
// certificate for example.com.
func TestNames(t *testing.T) {
	t.Parallel()
	port, roots := serve(t, true, func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Host) })
	dns := newNames(t, map[string][][]string{
		"example.com.":         {{"127.0.0.1"}},
		"other.example.":       {{"127.0.0.1"}},
		"xn--fsqu00a.example.": {{"127.0.0.1"}},
		"mixed.example.":       {{"10.0.0.1", "::1", "127.0.0.1", "fd00::1"}},
		"none.example.":        {{}},
		"localhost.":           {{"127.0.0.1"}},
	})
	for _, tt := range []struct{ host, allowed, reason string }{
		{"example.com", "example.com", ""},
		{"Example.COM", "exAMple.com", ""},
		{"example.com.", "example.com", "address"}, // it would be another name
		{"example.com", "example.com.evil.example", "address"},
		{"example.com", "com", "address"},
		{"example.com", "127.0.0.1", "address"},
		{"127.0.0.1", "example.com", "address"},
		{"example.com", "other.example", "address"},
		{"other.example", "other.example", "tls"},
		{"xn--fsqu00a.example", "example.com", "address"},
		{"例子.example", "xn--fsqu00a.example", "url"},
		{"ｅｘａｍｐｌｅ．ｃｏｍ", "example.com", "url"},
		{"Ü.example", "example.com", "url"},
		{"%C3%BC.example", "example.com", "url"},
		{"mixed.example", "example.com", "address"},
		{"none.example", "none.example", "dns"},
		{"unknown.example", "unknown.example", "dns"},
		{"localhost.", "localhost", "address"},
		{"LOCALHOST", "example.com", "address"},
	} {
		fetcher := openNamed(t, dns, webfetch.Config{RootCAs: roots, AllowedHosts: []string{tt.allowed + ":" + port}})
		var got bytes.Buffer
		err := fetcher.Fetch(t.Context(), "https://"+tt.host+":"+port+"/", &got)
		name := "https://" + tt.host + ", allowed " + tt.allowed
		if tt.reason != "" {
			wantReason(t, name, err, tt.reason)
		} else if err != nil || !strings.EqualFold(got.String(), "example.com:"+port) {
			t.Errorf("Fetch(%s) = %q, %v; want the host that was asked for, example.com", name, got.String(), err)
		}
	}
}

// TestAllowedHostMeansPort443 allows a host without a port.
func TestAllowedHostMeansPort443(t *testing.T) {
	t.Parallel()
	port, roots := serve(t, false, func(http.ResponseWriter, *http.Request) { t.Error("the server was asked") })
	fetcher := open(t, webfetch.Config{RootCAs: roots, AllowedHosts: []string{"127.0.0.1"}})
	wantReason(t, "another port", fetcher.Fetch(t.Context(), "https://127.0.0.1:"+port+"/", io.Discard), "address")
}

// TestRebinding has a name whose answer changes from a public address to
// another one, between two hops.
func TestRebinding(t *testing.T) {
	t.Parallel()
	port, roots := serve(t, false, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://example.com:"+r.Host[strings.LastIndexByte(r.Host, ':')+1:]+"/again", http.StatusFound)
	})
	for name, later := range map[string][]string{"private": {"127.0.0.2"}, "link-local": {"169.254.169.254"}, "IPv6": {"::1"}} {
		dns := newNames(t, map[string][][]string{"example.com.": {{"127.0.0.1"}, later}})
		fetcher := openNamed(t, dns, webfetch.Config{RootCAs: roots})
		fetcher.Judge(func(addr netip.Addr) bool { return addr == netip.AddrFrom4([4]byte{127, 0, 0, 1}) })
		wantReason(t, name, fetcher.Fetch(t.Context(), "https://example.com:"+port+"/", io.Discard), "address")
	}
}

// TestMixedAnswers has a name with public and other addresses: only the
// public one is connected to.
func TestMixedAnswers(t *testing.T) {
	t.Parallel()
	port, roots := serve(t, false, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "here") })
	dns := newNames(t, map[string][][]string{"example.com.": {{"127.0.0.2", "::1", "10.0.0.1", "127.0.0.1"}}})
	fetcher := openNamed(t, dns, webfetch.Config{RootCAs: roots})
	fetcher.Judge(func(addr netip.Addr) bool { return addr == netip.AddrFrom4([4]byte{127, 0, 0, 1}) })
	var got bytes.Buffer
	if err := fetcher.Fetch(t.Context(), "https://example.com:"+port+"/", &got); err != nil || got.String() != "here" {
		t.Errorf("Fetch(mixed answers) = %q, %v; want %q", got.String(), err, "here")
	}
}

// TestSilentNames asks a DNS server that never answers.
func TestSilentNames(t *testing.T) {
	t.Parallel()
	silent, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = silent.Close() })
	fetcher := open(t, webfetch.Config{Timeout: 200 * time.Millisecond})
	fetcher.ResolveWith(resolverAt(silent.LocalAddr().String()))
	wantReason(t, "silent DNS", fetcher.Fetch(t.Context(), "https://example.com/", io.Discard), "time")
}

// TestProxyOfTheEnvironment fetches from a name: net/http never uses a
// proxy for 127.0.0.1 and localhost.
func TestProxyOfTheEnvironment(t *testing.T) {
	t.Parallel()
	if proxy, err := http.ProxyFromEnvironment(httptest.NewRequest(http.MethodGet, "https://example.com/", nil)); err != nil || proxy == nil {
		t.Fatalf("proxy of the environment = %v, %v; want that of TestMain", proxy, err)
	}
	port, roots := serve(t, true, func(http.ResponseWriter, *http.Request) {})
	dns := newNames(t, map[string][][]string{"example.com.": {{"127.0.0.1"}}})
	fetcher := openNamed(t, dns, webfetch.Config{RootCAs: roots, AllowedHosts: []string{"example.com:" + port}})
	if err := fetcher.Fetch(t.Context(), "https://example.com:"+port+"/", io.Discard); err != nil {
		t.Errorf("Fetch() = %v, want nil", err)
	}
	if got := proxied.Load(); got != 0 {
		t.Errorf("connections to the proxy = %d, want none", got)
	}
}

func wantReason(t *testing.T, what string, err error, reason string) {
	t.Helper()
	failed := domain.FailureOf(err)
	if failed.Code != domain.CodeUnreachable || failed.Params["reason"] != reason {
		t.Errorf("Fetch(%s) = %v, want %s with reason %s", what, err, domain.CodeUnreachable, reason)
	}
}

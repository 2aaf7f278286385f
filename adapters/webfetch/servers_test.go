package webfetch_test

import (
	"context"
	"crypto/x509"
	"encoding/binary"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/batchport/batchport/adapters/webfetch"
)

// proxied counts the connections to the proxy that the environment of all
// tests names.
var proxied atomic.Int64

// TestMain sets the proxy before anything reads the environment, which
// net/http does once.
func TestMain(m *testing.M) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			proxied.Add(1)
			_ = conn.Close()
		}
	}()
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"} {
		if err := os.Setenv(name, "http://"+listener.Addr().String()); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

// names is a DNS server on 127.0.0.1.
type names struct {
	mu      sync.Mutex
	answers map[string][][]string // by name: what is answered in turn, the last one for ever
	asked   map[string]int

	resolver *net.Resolver // asks it
}

// newNames serves the answers: for each name the addresses of the first
// answer, of the second, and so on.
func newNames(t *testing.T, answers map[string][][]string) *names {
	t.Helper()
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listen: %v", err)
	}
	n := &names{answers: answers, asked: map[string]int{}}
	var serving sync.WaitGroup
	serving.Go(func() {
		query := make([]byte, 1500)
		for {
			size, from, err := conn.ReadFrom(query)
			if err != nil {
				return
			}
			_, _ = conn.WriteTo(n.answer(query[:size]), from)
		}
	})
	t.Cleanup(func() {
		_ = conn.Close()
		serving.Wait()
	})
	n.resolver = resolverAt(conn.LocalAddr().String())
	return n
}

// resolverAt asks the DNS server at an address.
func resolverAt(address string) *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp4", address)
	}}
}

// answer answers one query for addresses, in the form of RFC 1035, section 4.
func (n *names) answer(query []byte) []byte {
	const header, a, aaaa = 12, 1, 28
	name, end := "", header
	for query[end] != 0 {
		length := int(query[end])
		name += string(query[end+1:end+1+length]) + "."
		end += 1 + length
	}
	kind := binary.BigEndian.Uint16(query[end+1:])
	question := query[header : end+5]
	var records []byte
	found := 0
	for _, address := range n.next(strings.ToLower(name), kind == a) {
		addr := netip.MustParseAddr(address)
		if addr.Is4() != (kind == a) || addr.Is6() != (kind == aaaa) {
			continue
		}
		found++
		records = append(records, 0xc0, header)                // the name of the question
		records = binary.BigEndian.AppendUint16(records, kind) // type
		records = append(records, 0, 1, 0, 0, 0, 0)            // class IN, to be kept for 0 seconds
		records = binary.BigEndian.AppendUint16(records, uint16(addr.BitLen()/8))
		records = append(records, addr.AsSlice()...)
	}
	reply := append([]byte{query[0], query[1], 0x81, 0x80, 0, 1, 0, byte(found), 0, 0, 0, 0}, question...)
	if _, known := n.answers[strings.ToLower(name)]; !known {
		reply[3] |= 3 // no such name
	}
	return append(reply, records...)
}

// next returns the addresses of a name whose turn it is. Both families are
// asked for at once; the question for IPv4 makes the turn.
func (n *names) next(name string, turn bool) []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	answers := n.answers[name]
	if len(answers) == 0 {
		return nil
	}
	at := min(n.asked[name], len(answers)-1)
	if turn {
		n.asked[name]++
	}
	return answers[at]
}

// serve starts an HTTPS server on 127.0.0.1 whose certificate is for
// example.com. It returns its port and what to trust.
func serve(t *testing.T, http2 bool, handler http.HandlerFunc) (port string, roots *x509.CertPool) {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.EnableHTTP2 = http2
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // what goes wrong is wanted
	server.StartTLS()
	t.Cleanup(server.Close)
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	roots = x509.NewCertPool()
	roots.AddCert(server.Certificate())
	return port, roots
}

// openNamed opens a fetcher that asks n for names.
func openNamed(t *testing.T, n *names, config webfetch.Config) *webfetch.Fetcher {
	t.Helper()
	fetcher := open(t, config)
	fetcher.ResolveWith(n.resolver)
	return fetcher
}

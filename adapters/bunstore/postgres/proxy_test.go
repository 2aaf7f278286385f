package postgres_test

import (
	"context"
	"io"
	"net"
	"net/url"
	"sync"
	"testing"
)

// proxy stands between clients and a server, and can break the connections
// that there are as a network does that forgets them: neither side is told.
type proxy struct {
	listener net.Listener
	network  string
	server   string

	mu    sync.Mutex
	conns []net.Conn // of both sides
	still []chan struct{}
}

// newProxy returns a proxy, and the address of the database by way of it.
func newProxy(t *testing.T, address string) (*proxy, string) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	query, p := u.Query(), &proxy{network: "tcp", server: u.Host}
	if folder := query.Get("host"); folder != "" {
		port := query.Get("port")
		if port == "" {
			port = "5432"
		}
		p.network, p.server = "unix", folder+"/.s.PGSQL."+port
	}
	var listen net.ListenConfig
	if p.listener, err = listen.Listen(t.Context(), "tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	query.Del("host")
	query.Del("port")
	query.Set("sslmode", "disable")
	u.Host, u.RawQuery = p.listener.Addr().String(), query.Encode()
	var done sync.WaitGroup
	done.Go(func() { p.serve(&done) })
	t.Cleanup(func() {
		_ = p.listener.Close()
		p.forget()
		p.mu.Lock()
		for _, conn := range p.conns {
			_ = conn.Close()
		}
		p.mu.Unlock()
		done.Wait()
	})
	return p, u.String()
}

func (p *proxy) serve(done *sync.WaitGroup) {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		var dialer net.Dialer
		server, err := dialer.DialContext(context.Background(), p.network, p.server)
		if err != nil {
			_ = client.Close()
			continue
		}
		forgotten := make(chan struct{})
		p.mu.Lock()
		p.conns, p.still = append(p.conns, client, server), append(p.still, forgotten)
		p.mu.Unlock()
		done.Go(func() { pass(server, client, forgotten) })
		done.Go(func() { pass(client, server, forgotten) })
	}
}

// pass copies until one side closes, or the connection is forgotten: then what
// comes is swallowed, and its end is not passed on.
func pass(to, from net.Conn, forgotten <-chan struct{}) {
	_, _ = io.Copy(writer(func(b []byte) (int, error) {
		select {
		case <-forgotten:
			return len(b), nil
		default:
			return to.Write(b)
		}
	}), from)
	select {
	case <-forgotten:
	default:
		_ = to.Close()
	}
}

type writer func([]byte) (int, error)

func (w writer) Write(b []byte) (int, error) { return w(b) }

// forget breaks the connections that there are.
func (p *proxy) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, forgotten := range p.still {
		close(forgotten)
	}
	p.still = nil
}

package webfetch

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"syscall"
)

var errNotPublic = errors.New("not a public address")

// dial connects to an address as net/http writes it, host and port, and
// shakes hands. Its errors are faults.
func (f *Fetcher) dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, &fault{reason: "url", err: err}
	}
	if _, err := netip.ParseAddr(host); err != nil && endsInNumber(host) {
		return nil, &fault{reason: "address", err: errNotPublic}
	}
	// Nothing is kept open, so there is nothing to keep alive.
	dialer := net.Dialer{Resolver: f.resolver, KeepAlive: -1}
	if !f.allowed[endpoint(host, port)] {
		dialer.Control = f.control
	}
	raw, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, dialFault(err)
	}
	config := f.tls.Clone()
	config.ServerName = host
	conn := tls.Client(raw, config)
	if err := conn.HandshakeContext(ctx); err != nil {
		_ = raw.Close() // nothing was written to it
		return nil, &fault{reason: "tls", err: err}
	}
	return conn, nil
}

// control is called with each address, as it is about to be connected to.
// Earlier it would not do: a name may be looked up twice, with two answers.
func (f *Fetcher) control(_, address string, _ syscall.RawConn) error {
	if at, err := netip.ParseAddrPort(address); err != nil || !f.public(at.Addr()) {
		return errNotPublic
	}
	return nil
}

func dialFault(err error) error {
	var dns *net.DNSError
	switch {
	case errors.Is(err, errNotPublic):
		return &fault{reason: "address", err: err}
	case errors.As(err, &dns):
		return &fault{reason: "dns", err: err}
	default:
		return &fault{reason: "connect", err: err}
	}
}

package webfetch

import (
	"net"
	"net/netip"
)

// Public is public.
var Public = public

// ResolveWith makes the fetcher ask r for names.
func (f *Fetcher) ResolveWith(r *net.Resolver) { f.resolver = r }

// Judge replaces what is taken for a public address.
func (f *Fetcher) Judge(public func(netip.Addr) bool) { f.public = public }

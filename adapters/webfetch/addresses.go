package webfetch

import (
	"net/netip"
	"strings"
)

// special are the addresses that do not lead to one host of the public
// internet: what the registries of IANA (RFC 6890, kept at
// https://www.iana.org/assignments/iana-ipv4-special-registry and
// https://www.iana.org/assignments/iana-ipv6-special-registry) do not call
// globally reachable, multicast, and what wraps an IPv4 address. Where the
// registries make an exception inside of a block (192.0.0.9, 2001:1::1), no
// documents are to be had there.
var special = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),       // this network, RFC 791; 0.0.0.0 connects to this machine
	netip.MustParsePrefix("10.0.0.0/8"),      // private, RFC 1918
	netip.MustParsePrefix("100.64.0.0/10"),   // shared by carriers, RFC 6598
	netip.MustParsePrefix("127.0.0.0/8"),     // loopback, RFC 1122
	netip.MustParsePrefix("169.254.0.0/16"),  // link-local, RFC 3927; metadata services of clouds
	netip.MustParsePrefix("172.16.0.0/12"),   // private, RFC 1918
	netip.MustParsePrefix("192.0.0.0/24"),    // protocol assignments, RFC 6890
	netip.MustParsePrefix("192.0.2.0/24"),    // documentation, RFC 5737
	netip.MustParsePrefix("192.88.99.0/24"),  // 6to4 relays, RFC 7526
	netip.MustParsePrefix("192.168.0.0/16"),  // private, RFC 1918
	netip.MustParsePrefix("198.18.0.0/15"),   // benchmarks, RFC 2544
	netip.MustParsePrefix("198.51.100.0/24"), // documentation, RFC 5737
	netip.MustParsePrefix("203.0.113.0/24"),  // documentation, RFC 5737
	netip.MustParsePrefix("224.0.0.0/4"),     // multicast, RFC 5771
	netip.MustParsePrefix("240.0.0.0/4"),     // reserved, RFC 1112; broadcast, RFC 919

	netip.MustParsePrefix("2001::/23"),     // protocol assignments, RFC 2928: Teredo, benchmarks, ORCHID among them
	netip.MustParsePrefix("2001:db8::/32"), // documentation, RFC 3849
	netip.MustParsePrefix("2002::/16"),     // 6to4, RFC 3056: any IPv4 address, wrapped
	netip.MustParsePrefix("3fff::/20"),     // documentation, RFC 9637
}

var (
	// globalUnicast is all that IANA gives out of IPv6 for hosts (RFC 4291). What is
	// outside needs no entry in special: loopback, unique local, link-local, site-local,
	// multicast, mapped and compatible IPv4, discard-only, segment routing.
	globalUnicast = netip.MustParsePrefix("2000::/3")

	// translated is IPv4 as hosts without it see it, RFC 6052: on such a network
	// every name that has IPv4 only resolves to here.
	translated = netip.MustParsePrefix("64:ff9b::/96")
)

// public reports whether addr is of one host on the public internet.
func public(addr netip.Addr) bool {
	if !addr.IsValid() || addr.Zone() != "" {
		return false
	}
	if translated.Contains(addr) {
		wrapped := addr.As16()
		return public(netip.AddrFrom4([4]byte(wrapped[12:])))
	}
	if !addr.Is4() && !globalUnicast.Contains(addr) {
		return false
	}
	for _, prefix := range special {
		if prefix.Contains(addr) {
			return false
		}
	}
	return true
}

// endsInNumber reports whether a host's last label is a number, decimal,
// octal or hexadecimal, as in 127.1 or 0x7f000001. No such name exists, but some
// resolvers take it for an address (the rule is that of the WHATWG URL
// Standard, "ends in a number").
func endsInNumber(host string) bool {
	host = strings.TrimSuffix(host, ".")
	label := strings.ToLower(host[strings.LastIndexByte(host, '.')+1:])
	digits := "0123456789"
	if hexadecimal, found := strings.CutPrefix(label, "0x"); found {
		label, digits = hexadecimal, "0123456789abcdef"
		if label == "" {
			return true
		}
	}
	return label != "" && strings.Trim(label, digits) == ""
}

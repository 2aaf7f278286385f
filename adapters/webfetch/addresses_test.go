package webfetch_test

import (
	"net/netip"
	"testing"

	"github.com/batchport/batchport/adapters/webfetch"
)

// TestPublic has the first and the last address of each block, and those
// next to it.
func TestPublic(t *testing.T) {
	t.Parallel()
	for want, addresses := range map[bool][]string{
		true: {
			"1.0.0.0", "1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0",
			"169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0", "191.255.255.255", "192.0.1.0", "192.0.3.0", "192.88.98.255", "192.88.100.0",
			"192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0", "198.51.99.255", "198.51.101.0", "203.0.112.255", "203.0.114.0", "223.255.255.255",
			"2000::", "2001:200::", "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db9::", "2001:4860:4860::8888", "2003::", "2606:4700::1111",
			"3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "3fff:1000::", "64:ff9b::8.8.8.8", "64:ff9b::1.1.1.1",
		},
		false: {
			"0.0.0.0", "0.255.255.255", "10.0.0.0", "10.255.255.255", "100.64.0.0", "100.127.255.255", "127.0.0.0", "127.0.0.1", "127.255.255.255",
			"169.254.0.0", "169.254.169.254", "169.254.255.255", "172.16.0.0", "172.31.255.255", "192.0.0.0", "192.0.0.9", "192.0.0.170", "192.0.0.255",
			"192.0.2.0", "192.0.2.255", "192.88.99.0", "192.88.99.255", "192.168.0.0", "192.168.255.255", "198.18.0.0", "198.19.255.255",
			"198.51.100.0", "198.51.100.255", "203.0.113.0", "203.0.113.255", "224.0.0.0", "239.255.255.255", "240.0.0.0", "255.255.255.254", "255.255.255.255",
			"::", "::1", "::2", "::127.0.0.1", "::8.8.8.8", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::ffff:0:8.8.8.8",
			"64:ff9b::127.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b::169.254.169.254", "64:ff9b::", "64:ff9b:1::8.8.8.8", "64:ff9b:0:1::8.8.8.8",
			"100::", "100::ffff", "100:0:0:1::", "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "4000::", "5f00::1",
			"2001::", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:1::1", "2001:2::", "2001:10::", "2001:20::", "2001:30::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff",
			"2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "2002::", "2002:7f00:1::", "2002:808:808::1", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
			"3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", "fc00::1", "fd00::1", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
			"fe80::1", "febf::1", "fec0::1", "feff::1", "ff00::", "ff02::1", "ff0e::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
			"fe80::1%lo", "2606:4700::1111%eth0", "64:ff9b::8.8.8.8%eth0",
		},
	} {
		for _, address := range addresses {
			if got := webfetch.Public(netip.MustParseAddr(address)); got != want {
				t.Errorf("public(%s) = %t, want %t", address, got, want)
			}
		}
	}
	if webfetch.Public(netip.Addr{}) {
		t.Error("public(no address) = true, want false")
	}
}

// FuzzPublic holds public to what the standard library knows.
func FuzzPublic(f *testing.F) {
	f.Add([]byte{127, 0, 0, 1})
	f.Add(netip.MustParseAddr("64:ff9b::10.0.0.1").AsSlice())
	f.Fuzz(func(t *testing.T, raw []byte) {
		addr, ok := netip.AddrFromSlice(raw)
		if ok && webfetch.Public(addr) && (!addr.IsGlobalUnicast() || addr.IsPrivate() || addr.Is4In6() || webfetch.Public(addr.WithZone("z")) && addr.Is6()) {
			t.Errorf("public(%s) = true, want false", addr)
		}
	})
}

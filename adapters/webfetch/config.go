package webfetch

import (
	"crypto/x509"
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/batchport/batchport/domain"
)

const (
	defaultMaxBytes = 64 << 20
	defaultTimeout  = 60 * time.Second

	httpsPort = "443"
)

// Config holds the settings of [New]. The zero value works.
type Config struct {
	// MaxBytes is the most that one document may have. Zero means 64 MiB.
	MaxBytes int64

	// Timeout bounds a whole fetch, from the name to the last byte, redirects
	// included. Zero means 60 seconds.
	Timeout time.Duration

	// AllowedHosts may have addresses that are not public, such as
	// "files.example.internal", which means its port 443, "10.1.2.3:8443" or
	// "[fd00::1]:8443". Names are compared letter by letter, without regard to
	// case; one in other letters than a to z is given in its ASCII form
	// ("xn--…"). They too are fetched over https alone. Zero means none.
	AllowedHosts []string

	// RootCAs are the authorities that may have signed a server's certificate.
	// Zero means those of the system.
	RootCAs *x509.CertPool
}

// hostForm is a name as the resolver gets it. No wildcards, and no dot at
// the end: it would be another name.
var hostForm = regexp.MustCompile(`^[a-z0-9_]([a-z0-9._-]*[a-z0-9_])?$`)

// withDefaults returns the settings in force, and the allowed hosts as
// [endpoint] writes them. It fails with [domain.CodeInvalid] or
// [domain.CodeOutOfRange], naming the field.
func (c Config) withDefaults() (Config, map[string]bool, error) {
	if c.MaxBytes == 0 {
		c.MaxBytes = defaultMaxBytes
	}
	if c.Timeout == 0 {
		c.Timeout = defaultTimeout
	}
	switch {
	case c.MaxBytes < 0:
		return c, nil, domain.Fail(domain.NewFailure(domain.CodeOutOfRange, "max_bytes", strconv.FormatInt(c.MaxBytes, 10), "min", "1"))
	case c.Timeout < 0:
		return c, nil, domain.Fail(domain.NewFailure(domain.CodeOutOfRange, "timeout", c.Timeout.String(), "min", "1ns"))
	}
	allowed := make(map[string]bool, len(c.AllowedHosts))
	for _, written := range c.AllowedHosts {
		host, port, ok := splitAllowed(written)
		if !ok {
			return c, nil, domain.Fail(domain.NewFailure(domain.CodeInvalid, "allowed_hosts", written))
		}
		allowed[endpoint(host, port)] = true
	}
	return c, allowed, nil
}

// splitAllowed takes an entry of AllowedHosts apart.
func splitAllowed(written string) (host, port string, ok bool) {
	host, port, err := net.SplitHostPort(written)
	if err != nil {
		host, port = strings.TrimSuffix(strings.TrimPrefix(written, "["), "]"), httpsPort
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		return host, port, addr.Zone() == "" && validPort(port)
	}
	named := hostForm.MatchString(strings.ToLower(host)) && !endsInNumber(host)
	return host, port, named && validPort(port)
}

// endpoint writes a host and a port in the one form that is compared.
func endpoint(host, port string) string {
	if addr, err := netip.ParseAddr(host); err == nil {
		host = addr.String()
	}
	return net.JoinHostPort(strings.ToLower(host), port)
}

func validPort(port string) bool {
	number, err := strconv.ParseUint(port, 10, 16)
	return err == nil && number > 0
}

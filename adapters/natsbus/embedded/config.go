package embedded

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"strconv"

	"github.com/batchport/batchport/adapters/natsbus"
	"github.com/batchport/batchport/domain"
)

const defaultMaxConnections = 1024

// Config holds the settings of [Start].
type Config struct {
	// StoreDir is the folder in which the server keeps its files, in a folder
	// "jetstream" of their own. It is made when it is not there. No other
	// server may use it. Required.
	StoreDir string

	// Listen is the address for subscribers, such as "127.0.0.1:4222"; port 0
	// takes a free one. Zero means that the server listens nowhere.
	Listen string

	// TLS is how subscribers connect. Zero means without encryption, which is
	// for networks where nobody else listens.
	TLS *tls.Config

	// Authenticate says whose credentials these are: a tenant's, or nobody's.
	// A bare token comes as the password of user "". It is called from many
	// goroutines at once; ctx ends after two seconds. Required with Listen.
	Authenticate func(ctx context.Context, user, password string) (domain.TenantID, bool)

	// Revoked reports whether credentials that Authenticate let in have become
	// worthless since. It is asked about each connection every few seconds, and
	// those of which it is true are closed, within ten seconds. It should be
	// false while that cannot be found out: clients give up after being refused
	// twice. Zero means that a connection lives for as long as its client likes.
	Revoked func(ctx context.Context, user, password string) bool

	// Prefix is [natsbus.Config.Prefix] of those who use the server. Zero
	// means "batchport".
	Prefix string

	// MaxStoreBytes bounds the files. Zero means three quarters of what is
	// free on the disk at the start.
	MaxStoreBytes int64

	// MaxConnections bounds the connections. Zero means 1024.
	MaxConnections int

	// Log gets the server's warnings and errors, and what it says in general
	// at the debug level. Zero means that nothing is logged.
	Log *slog.Logger
}

// listening is a checked Config.
type listening struct {
	Config
	names natsbus.Names
	host  string
	port  int
}

func (c Config) check() (listening, error) {
	if c.MaxConnections == 0 {
		c.MaxConnections = defaultMaxConnections
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	checked := listening{Config: c}
	var err error
	if checked.names, err = natsbus.NamesOf(c.Prefix); err != nil {
		return checked, err
	}
	switch {
	case c.StoreDir == "":
		return checked, domain.Fail(domain.NewFailure(domain.CodeRequired, "store_dir", ""))
	case c.MaxStoreBytes < 0:
		return checked, domain.Fail(domain.NewFailure(domain.CodeOutOfRange, "max_store_bytes", fmt.Sprint(c.MaxStoreBytes), "min", "0"))
	case c.MaxConnections < 1:
		return checked, domain.Fail(domain.NewFailure(domain.CodeOutOfRange, "max_connections", fmt.Sprint(c.MaxConnections), "min", "1"))
	case c.Listen == "":
		return checked, nil
	case c.Authenticate == nil:
		return checked, domain.Fail(domain.NewFailure(domain.CodeRequired, "authenticate", ""))
	}
	host, port, err := net.SplitHostPort(c.Listen)
	if err == nil {
		checked.host = host
		checked.port, err = strconv.Atoi(port)
	}
	if err != nil || checked.port < 0 || checked.port > 65535 {
		return checked, domain.Fail(domain.NewFailure(domain.CodeInvalid, "listen", c.Listen, "form", "host:port"))
	}
	if checked.host == "" {
		checked.host = "0.0.0.0" // what ":4222" means everywhere else in Go
	}
	if checked.port == 0 {
		checked.port = -1 // in which the server's own options differ from net.Listen
	}
	return checked, nil
}

package embedded_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/batchport/batchport/adapters/natsbus/embedded"
	"github.com/batchport/batchport/domain"
)

// Credentials that are revoked lose their open connections; nobody else does.
func TestRevokedCredentialsLoseTheirConnections(t *testing.T) {
	t.Parallel()
	var revoked atomic.Bool
	h := startHost(t, embedded.Config{
		Listen: "127.0.0.1:0",
		Revoked: func(_ context.Context, user, password string) bool {
			return revoked.Load() && user == "acme" && password == "key of acme"
		},
	})
	gone := make(chan struct{}, 2)
	for range 2 {
		h.join(t, "acme", nats.NoReconnect(), nats.ClosedHandler(func(*nats.Conn) { gone <- struct{}{} }))
	}
	other := h.join(t, "beta", nats.NoReconnect())
	revoked.Store(true)
	late := time.After(10 * time.Second)
	for range 2 {
		select {
		case <-gone:
		case <-late:
			t.Fatal("a connection is open 10 s after its credentials were revoked")
		}
	}
	if fault := other.fault(t); fault != nil || !other.conn.IsConnected() {
		t.Errorf("another tenant's connection: connected = %t, %v; want it open", other.conn.IsConnected(), fault)
	}
	h.works(t)
}

func TestStartSaysAtOnceThatTheAddressIsInUse(t *testing.T) {
	t.Parallel()
	var listen net.ListenConfig
	taken, err := listen.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	began := time.Now()
	server, err := embedded.Start(embedded.Config{
		StoreDir: t.TempDir(), Listen: taken.Addr().String(),
		Authenticate: func(context.Context, string, string) (domain.TenantID, bool) { return "", false },
	})
	if err == nil {
		server.Close()
	}
	if !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), taken.Addr().String()) {
		t.Errorf("Start(an address in use) = %v, want %v with the address", err, syscall.EADDRINUSE)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("Start(an address in use) took %v, want it at once", took)
	}
}

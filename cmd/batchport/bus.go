package main

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/nats-io/nats.go"

	"github.com/batchport/batchport/adapters/natsbus"
	"github.com/batchport/batchport/adapters/natsbus/embedded"
	"github.com/batchport/batchport/domain"
)

// busConfig says by which NATS servers bells and events go.
type busConfig struct {
	listen   string // address for subscribers of the embedded server, "" for none
	servers  string // URLs of servers outside, with commas between; "" for the embedded one
	replicas uint32 // servers outside that keep each stream
}

// outside reports whether the servers are those of somebody else.
func (c busConfig) outside() bool { return c.servers != "" }

// openBus connects to the servers outside, or starts the embedded one.
func (n *node) openBus(context.Context) (err error) {
	if n.cfg.bus.outside() {
		n.conn, err = nats.Connect(n.cfg.bus.servers, nats.MaxReconnects(-1), nats.RetryOnFailedConnect(true))
	} else if err = n.startEmbedded(); err == nil {
		n.conn, err = n.nats.Connect()
	}
	if err != nil {
		return fmt.Errorf("connect to NATS: %w", err)
	}
	n.closers = append(n.closers, func() error { n.conn.Close(); return nil })
	return nil
}

func (n *node) startEmbedded() (err error) {
	n.nats, err = embedded.Start(embedded.Config{
		StoreDir: n.cfg.at.data, Listen: n.cfg.bus.listen, Authenticate: n.tenantOf, Revoked: n.isRevoked, Log: n.cfg.log,
	})
	var network *net.OpError
	if errors.As(err, &network) && network.Op == "listen" {
		return fmt.Errorf("--nats-listen %s: %w", n.cfg.bus.listen, err)
	}
	if err == nil {
		n.closers = append(n.closers, func() error { n.nats.Close(); return nil })
	}
	return err
}

// tenantOf lets a subscriber in who holds a key: as token, or as password of
// the user that its tenant is called. A user of another name expects the
// events of another tenant, and would wait for them in vain.
func (n *node) tenantOf(ctx context.Context, user, key string) (domain.TenantID, bool) {
	who, err := n.keys.Authenticate(ctx, key)
	return who.Tenant, err == nil && (user == "" || user == string(who.Tenant))
}

// isRevoked leaves subscribers connected while the store cannot be asked.
func (n *node) isRevoked(ctx context.Context, _, key string) bool {
	_, err := n.keys.Authenticate(ctx, key)
	return errors.Is(err, domain.CodeUnauthorized)
}

// bellAndEvents returns what the engine rings and tells with.
func (n *node) bellAndEvents(ctx context.Context) (*natsbus.Bell, *natsbus.EventStream, error) {
	cfg := natsbus.Config{Log: n.cfg.log, Replicas: int(n.cfg.bus.replicas)}
	bell, err := natsbus.NewBell(n.conn, cfg)
	if err != nil {
		return nil, nil, err
	}
	events, err := natsbus.NewEventStream(n.conn, cfg)
	if err != nil {
		return nil, nil, err
	}
	// Asking makes the stream, so that a subscriber finds it from the start. On
	// a machine that is too busy, or while the servers are away, the engine does
	// it later.
	if _, err := events.State(ctx); errors.Is(err, domain.CodeUnavailable) {
		n.cfg.log.Warn("the stream of events is not ready yet; events are kept until it is", "error", err)
	} else if err != nil {
		return nil, nil, err
	}
	return bell, events, nil
}

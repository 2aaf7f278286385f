package main

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/spf13/cobra"

	"github.com/batchport/batchport/adapters/natsbus"
	"github.com/batchport/batchport/adapters/natsbus/embedded"
	"github.com/batchport/batchport/domain"
)

// busConfig says by which NATS servers bells and events go.
type busConfig struct {
	listen   string // address for subscribers of the embedded server, "" for none
	servers  string // URLs of servers outside, with commas between; "" for the embedded one
	replicas uint32 // servers outside that keep each stream

	credentials, ca, certificate, key string   // files for servers outside
	consumers                         []string // to be made there for subscribers who may not
}

// addBusFlags gives a command the flags that say by which servers bells and
// events go. The URLs are not checked as they are set, as those of databases
// are not.
func addBusFlags(cmd *cobra.Command, bus *busConfig) {
	flags := cmd.Flags()
	cmd.Flags().Var(&checkedFlag{value: &bus.listen, form: "address", check: checkAddress}, "nats-listen", "address for NATS subscribers of the embedded server, such as 127.0.0.1:4222 (default: none)")
	addLinkFlags(cmd, bus, "", " (default: an embedded server)")
	flags.Var(&checkedList{values: &bus.consumers, form: "names", check: checkConsumer}, "nats-consumers", "consumers of events to make at --nats, TENANT_NAME with commas between, for subscribers who may not make their own")
	addCountFlag(cmd, &bus.replicas, "nats-replicas", 1, "servers", "servers of --nats that keep each stream: 1, 3 or 5")
}

// addLinkFlags gives a command the flags that say how servers outside are
// reached.
func addLinkFlags(cmd *cobra.Command, bus *busConfig, servers, otherwise string) {
	flags := cmd.Flags()
	flags.StringVar(&bus.servers, "nats", servers, "nats://USER@HOST:PORT, or tls://, with commas between the servers of one cluster; a password is better in the environment, as BATCHPORT_NATS, or in --nats-creds"+otherwise)
	flags.StringVar(&bus.credentials, "nats-creds", "", "file with the credentials of an NKey user (.creds) at --nats")
	flags.StringVar(&bus.ca, "nats-ca", "", "file with the certificates, in PEM, that those of --nats are checked against (default: those of the system)")
	flags.StringVar(&bus.certificate, "nats-cert", "", "file with this process's certificate for --nats, in PEM")
	flags.StringVar(&bus.key, "nats-key", "", "file with the key of --nats-cert, in PEM")
}

// outside reports whether the servers are those of somebody else.
func (c busConfig) outside() bool { return c.servers != "" }

// openBus connects to the servers outside, or starts the embedded one.
func (n *node) openBus(ctx context.Context) (err error) {
	if bus := n.cfg.bus; bus.outside() {
		n.conn, err = natsbus.Connect(ctx, natsbus.LinkConfig{
			URLs: []string{bus.servers}, Credentials: bus.credentials, CA: bus.ca, Certificate: bus.certificate, Key: bus.key, Log: n.cfg.log,
		})
		if err != nil {
			return fmt.Errorf("--nats: %w", err)
		}
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
	cfg := natsbus.Config{MaxAge: n.cfg.keep.events, Log: n.cfg.log, Replicas: int(n.cfg.bus.replicas), Consumers: n.cfg.bus.consumers}
	bell, err := natsbus.NewBell(n.conn, cfg)
	if err != nil {
		return nil, nil, err
	}
	events, err := natsbus.NewEventStream(n.conn, cfg)
	if err != nil {
		return nil, nil, err
	}
	// Asking makes the streams, so that a subscriber finds that of events from
	// the start. On a machine that is too busy, or while the servers are away, the
	// engine does it later.
	if err := bell.Prepare(ctx); errors.Is(err, domain.CodeUnavailable) {
		n.cfg.log.Warn("the bell is not ready yet; work is looked for until it is", "error", err)
	} else if err != nil {
		return nil, nil, err
	}
	if _, err := events.State(ctx); errors.Is(err, domain.CodeUnavailable) {
		n.cfg.log.Warn("the stream of events is not ready yet; events are kept until it is", "error", err)
	} else if err != nil {
		return nil, nil, err
	}
	return bell, events, nil
}

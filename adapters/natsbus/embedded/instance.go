package embedded

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

const (
	// maxMemoryStore bounds what JetStream keeps in memory: the bells, and
	// the state of consumers that ask not to be kept in files.
	maxMemoryStore = 32 << 20

	// maxPayload bounds a message, and what one subscriber makes the server
	// hold at once.
	maxPayload = 1 << 20

	// maxPending bounds what waits for a subscriber that does not read. It is
	// then disconnected, and loses nothing: its consumer is where it was.
	maxPending = 8 << 20
)

// instance is one run of the NATS server, from its start to its end.
type instance struct {
	config listening
	nats   *server.Server
	auth   *authenticator
	store  *store
	gate   *gate       // nil when the server does not listen
	failed atomic.Bool // a message could not be stored

	watching context.Context // ends when revoked credentials are no more looked for
	stop     context.CancelFunc
	done     sync.WaitGroup
}

// startInstance starts the server and returns when it is ready.
func startInstance(config listening, secret string) (*instance, error) {
	i := &instance{config: config, auth: newAuthenticator(config, secret)}
	i.watching, i.stop = context.WithCancel(context.Background())
	if err := i.start(); err != nil {
		i.close()
		return nil, err
	}
	return i, nil
}

func (i *instance) start() error {
	err := i.canListen()
	if err != nil {
		return err
	}
	if i.nats, err = server.NewServer(i.options()); err != nil {
		return err
	}
	i.auth.server = i.nats
	i.nats.SetLoggerV2(logger{i.config.Log, &i.failed}, false, false, false)
	i.nats.Start()
	if !i.nats.ReadyForConnections(startTimeout) {
		return fmt.Errorf("not ready to listen on %q", i.config.Listen)
	}
	i.store = &store{config: i.config, nats: i.nats}
	if err := i.store.open(); err != nil {
		return err
	}
	if err := repair(i); err != nil {
		return fmt.Errorf("repair %s: %w", i.store.dir(), err)
	}
	if i.config.Listen != "" {
		if i.gate, err = openGate(i); err != nil {
			return err
		}
	}
	i.auth.open()
	if i.config.Listen != "" && i.config.Revoked != nil {
		i.done.Go(func() { i.auth.guests.watch(i.watching, i.config, i.nats) })
	}
	return nil
}

// canListen tries the address, since the server itself only logs that it
// cannot listen, and leaves whoever started it waiting.
func (i *instance) canListen() error {
	if i.config.Listen == "" {
		return nil
	}
	address := net.JoinHostPort(i.config.host, strconv.Itoa(max(0, i.config.port)))
	var listen net.ListenConfig
	socket, err := listen.Listen(i.watching, "tcp", address)
	if err != nil {
		return err
	}
	return socket.Close()
}

// options leaves JetStream off: turning it on afterwards gives its error back,
// where the server itself would log it and end.
func (i *instance) options() *server.Options {
	return &server.Options{
		ServerName:                 "batchport",
		DontListen:                 i.config.Listen == "",
		Host:                       i.config.host,
		Port:                       i.config.port,
		TLS:                        i.config.TLS != nil,
		TLSConfig:                  i.config.TLS,
		TLSTimeout:                 authTimeout.Seconds(),
		AuthTimeout:                (2 * authTimeout).Seconds(),
		CustomClientAuthentication: i.auth,
		MaxConn:                    i.config.MaxConnections,
		MaxPayload:                 maxPayload,
		MaxPending:                 maxPending,
		StoreDir:                   i.config.StoreDir,
		NoSigs:                     true,
		NoLog:                      true,
		DisableJetStreamBanner:     true,
	}
}

// connect connects this process, for as long as the instance lives.
func (i *instance) connect(name string) (*nats.Conn, error) {
	return nats.Connect("", nats.InProcessServer(i.nats), nats.UserInfo(internalUser, i.auth.secret),
		nats.Name(name), nats.NoReconnect())
}

// ails returns why the instance must be started again, "" when it need not. A
// file that could once not be written to the server does not try again, also
// when the disk has room.
func (i *instance) ails() string {
	switch {
	case !i.store.here():
		return "has lost its files and begins anew"
	case i.failed.Load() && i.store.takes():
		return "could not write, and begins anew now that it can"
	}
	return ""
}

// close returns when the server has stopped and its files are closed.
func (i *instance) close() {
	i.stop()
	i.done.Wait()
	if i.gate != nil {
		i.gate.close()
	}
	if i.nats != nil {
		i.nats.Shutdown()
		i.nats.WaitForShutdown()
	}
}

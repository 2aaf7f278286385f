package natsbus

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/batchport/batchport/domain"
)

const (
	dialTimeout   = 2 * time.Second
	reconnectWait = 500 * time.Millisecond
	pingInterval  = 10 * time.Second // two pings without an answer, and the connection counts as lost
)

// LinkConfig says how [Connect] reaches a NATS server.
type LinkConfig struct {
	// URLs are the servers of one cluster, each as nats://HOST:PORT, tls://,
	// ws:// or wss://; an element may also hold several with commas between.
	// They may name a user and a password, as in nats://USER:PASSWORD@HOST, or a
	// token, as in nats://TOKEN@HOST. Required.
	URLs []string

	// Credentials is a file with a user's JWT and seed, as nsc makes them
	// (.creds). It is read at each connection, so it may be replaced. Zero
	// means none.
	Credentials string

	// CA is a file with the certificates, in PEM, that the servers' own are
	// checked against. With it, an unencrypted connection is refused. Zero
	// means those of the system.
	CA string

	// Certificate and Key are files with this client's certificate and key, in
	// PEM. Zero means none.
	Certificate, Key string

	// Name shows this client to those who look at the servers. Zero means
	// "batchport".
	Name string

	// Log gets that the connection was lost or came back, and what the server
	// does not permit. Zero means that nothing is logged.
	Log *slog.Logger
}

// Connect connects to NATS, and again whenever the connection is lost, for
// ever. The connection is the caller's to close.
//
// Where nobody answers, it returns a connection all the same, which comes to be
// when a server does: what is in SQL waits, and [Bell.Listen] looks for work
// without it. [Ready] says how it stands. But a server that answers and refuses, be it
// for a wrong password, a certificate or a missing JetStream, is a mistake that
// somebody must see: then Connect fails. ctx bounds the look at JetStream.
//
// It fails with [domain.CodeRequired] or [domain.CodeInvalid], naming the
// field, for settings that cannot be used. No error shows a password.
func Connect(ctx context.Context, config LinkConfig) (*nats.Conn, error) {
	options, err := config.options()
	if err != nil {
		return nil, fmt.Errorf("connect to NATS: %w", err)
	}
	if err := config.probe(options); err != nil {
		return nil, fmt.Errorf("connect to NATS: %w", err)
	}
	conn, err := nats.Connect(strings.Join(config.URLs, ","), append(append(options, config.watch()...), nats.RetryOnFailedConnect(true))...)
	if err != nil {
		return nil, fmt.Errorf("connect to NATS at %s: %w", redacted(config.URLs), err)
	}
	if !conn.IsConnected() {
		config.log().WarnContext(ctx, "NATS does not answer; trying again until it does", "servers", redacted(config.URLs))
		return conn, nil
	}
	if err := Ready(ctx, conn); errors.Is(err, domain.CodeUnavailable) && !isOff(err) {
		config.log().WarnContext(ctx, "JetStream does not answer yet", "cause", err)
	} else if err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// probe fails when a server answers and refuses. One after another they are
// asked, since the client itself asks all, in any order, and says what the last
// had to say. Settings that cannot be used fail here, too.
func (c LinkConfig) probe(options []nats.Option) error {
	for _, one := range split(c.URLs) {
		conn, err := nats.Connect(one, append(options, nats.NoReconnect())...)
		if err == nil {
			conn.Close()
			return nil
		}
		if err := refused(err); err != nil {
			return fmt.Errorf("%s: %w", hidden(one), err)
		}
	}
	return nil
}

// Ready returns nil when there is a connection and JetStream is on for its
// account, and otherwise [domain.CodeUnavailable] and why not.
func Ready(ctx context.Context, conn *nats.Conn) error {
	if !conn.IsConnected() {
		return fmt.Errorf("ask NATS: %w", domain.Unavailable(errors.Join(nats.ErrDisconnected, conn.LastError())))
	}
	stream, err := jetstream.New(conn)
	if err != nil {
		return err
	}
	_, err = ask(ctx, conn, stream.AccountInfo)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		err = fmt.Errorf("no answer: the cluster has no leader, or the user may not publish to $JS.API.INFO: %w", err)
	}
	return classify(ctx, "ask for JetStream at "+hidden(conn.ConnectedUrl()), err)
}

// isOff reports whether the server has said that there is no JetStream.
func isOff(err error) bool {
	return hasCode(err, accountDisabled) || hasCode(err, serverDisabled)
}

func (c LinkConfig) log() *slog.Logger {
	if c.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return c.Log
}

// options checks the settings. What is sent while there is no connection fails
// at once: what came late would be worse.
func (c LinkConfig) options() ([]nats.Option, error) {
	if err := checkURLs(c.URLs); err != nil {
		return nil, err
	}
	name := c.Name
	if name == "" {
		name = defaultPrefix
	}
	options := []nats.Option{
		nats.Name(name),
		nats.Timeout(dialTimeout),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(reconnectWait),
		nats.ReconnectJitter(reconnectWait, 2*reconnectWait),
		nats.ReconnectBufSize(-1),
		nats.PingInterval(pingInterval),
		nats.IgnoreAuthErrorAbort(), // credentials that were replaced meanwhile are for people to put right
	}
	if c.Credentials != "" {
		if err := checkCredentials(c.Credentials); err != nil {
			return nil, err
		}
		options = append(options, nats.UserCredentials(c.Credentials))
	}
	if c.CA != "" {
		if err := checkFile("ca", c.CA); err != nil {
			return nil, err
		}
		options = append(options, nats.RootCAs(c.CA))
	}
	switch {
	case (c.Certificate == "") != (c.Key == ""):
		return nil, domain.Fail(domain.NewFailure(domain.CodeRequired, "certificate and key", ""))
	case c.Certificate != "":
		for field, file := range map[string]string{"certificate": c.Certificate, "key": c.Key} {
			if err := checkFile(field, file); err != nil {
				return nil, err
			}
		}
		options = append(options, nats.ClientCert(c.Certificate, c.Key))
	}
	return options, nil
}

func checkCredentials(file string) error {
	if err := checkFile("credentials", file); err != nil {
		return err
	}
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if !strings.Contains(string(content), "BEGIN NATS USER JWT") || !strings.Contains(string(content), "NKEY SEED") {
		return &domain.Error{
			Code:     domain.CodeInvalid,
			Failures: []domain.Failure{domain.NewFailure(domain.CodeInvalid, "credentials", file)},
			Err:      errors.New("the file has no user JWT and seed"),
		}
	}
	return nil
}

// checkFile says which setting names a file that cannot be read.
func checkFile(field, name string) error {
	file, err := os.Open(name)
	if err != nil {
		return &domain.Error{
			Code:     domain.CodeInvalid,
			Failures: []domain.Failure{domain.NewFailure(domain.CodeInvalid, field, name)},
			Err:      err,
		}
	}
	return file.Close()
}

// refused returns what a server that answered has against this client, or nil
// when nobody answered.
func refused(err error) error {
	var unknown x509.UnknownAuthorityError
	var wrongName x509.HostnameError
	var invalid x509.CertificateInvalidError
	var network *net.OpError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, nats.ErrAuthorization), errors.Is(err, nats.ErrAuthExpired), errors.Is(err, nats.ErrAuthRevoked),
		errors.Is(err, nats.ErrAccountAuthExpired):
		return fmt.Errorf("the server does not accept the user, its password, token, credentials or certificate: %w", err)
	case errors.Is(err, nats.ErrSecureConnRequired), errors.Is(err, nats.ErrSecureConnWanted):
		return fmt.Errorf("one side wants TLS and the other does not: %w", err)
	case errors.As(err, &unknown):
		return fmt.Errorf("the server's certificate is of an authority that is not known here: %w", err)
	case errors.As(err, &wrongName), errors.As(err, &invalid):
		return fmt.Errorf("the server's certificate is not good for this address: %w", err)
	case errors.Is(err, nats.ErrTLS), errors.As(err, &network) && network.Op == "remote error": // what crypto/tls calls an alert
		return fmt.Errorf("the server does not accept this client's certificate: %w", err)
	}
	return nil
}

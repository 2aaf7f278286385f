package natsbus_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/batchport/batchport/adapters/natsbus"
	"github.com/batchport/batchport/adapters/natsbus/natstest"
	"github.com/batchport/batchport/domain"
)

const secret = "pa55word"

// connectTo connects, closes, and returns the error; what was logged or
// returned must not show the secret.
func connectTo(t *testing.T, config natsbus.LinkConfig) (log string, err error) {
	t.Helper()
	var buffer syncBuffer
	config.Log = slog.New(slog.NewTextHandler(&buffer, nil))
	conn, err := natsbus.Connect(t.Context(), config)
	if err == nil {
		// The connection says so in a goroutine of its own, and closed it would not.
		for end := time.Now().Add(10 * time.Second); !strings.Contains(buffer.String(), "connected to NATS") && time.Now().Before(end); {
			<-time.After(time.Millisecond)
		}
		conn.Close()
	}
	if all := buffer.String() + errorText(err); strings.Contains(all, secret) {
		t.Errorf("Connect shows the secret: %s", all)
	}
	return buffer.String(), err
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// syncBuffer is a buffer that several goroutines may write to.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func withUser(url, user string) string { return strings.Replace(url, "://", "://"+user+"@", 1) }

func TestConnectChecksItsSettings(t *testing.T) {
	t.Parallel()
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	some := []string{"nats://127.0.0.1:1"}
	for _, try := range []struct {
		config natsbus.LinkConfig
		field  string
	}{
		{natsbus.LinkConfig{}, "urls"},
		{natsbus.LinkConfig{URLs: []string{""}}, "urls"},
		{natsbus.LinkConfig{URLs: []string{"127.0.0.1:4222"}}, "urls"},
		{natsbus.LinkConfig{URLs: []string{"http://127.0.0.1:4222"}}, "urls"},
		{natsbus.LinkConfig{URLs: []string{"nats://"}}, "urls"},
		{natsbus.LinkConfig{URLs: []string{"nats://u:" + secret + "%zz@host"}}, "urls"},
		{natsbus.LinkConfig{URLs: []string{"nats://u:" + secret + ",more@host"}}, "urls"},
		{natsbus.LinkConfig{URLs: []string{"nats://a:4222,ws://u:" + secret + "@b"}}, "urls"},
		{natsbus.LinkConfig{URLs: some, Credentials: "nowhere"}, "credentials"},
		{natsbus.LinkConfig{URLs: some, Credentials: empty}, "credentials"},
		{natsbus.LinkConfig{URLs: some, CA: "nowhere"}, "ca"},
		{natsbus.LinkConfig{URLs: some, Certificate: empty}, "certificate and key"},
		{natsbus.LinkConfig{URLs: some, Certificate: empty, Key: "nowhere"}, "key"},
	} {
		if _, err := connectTo(t, try.config); domain.FailureOf(err).Field != try.field {
			t.Errorf("Connect(%+v) = %v, want a failure of %s", try.config, err, try.field)
		}
	}
	for _, bad := range []natsbus.LinkConfig{{URLs: some, CA: empty}, {URLs: some, Certificate: empty, Key: empty}} {
		if _, err := connectTo(t, bad); err == nil {
			t.Errorf("Connect(%+v) = nil, want an error", bad)
		}
	}
}

func TestConnectWithPasswordAndToken(t *testing.T) {
	t.Parallel()
	password := natstest.Start(t, 1, func(o *server.Options) { o.Username, o.Password = "u", secret })
	token := natstest.Start(t, 1, func(o *server.Options) { o.Authorization = secret })
	for _, try := range []struct {
		cluster *natstest.Cluster
		user    string
		good    bool
	}{
		{password, "u:" + secret, true},
		{password, "u:wrong", false},
		{password, secret, false},
		{token, secret, true},
		{token, "wrong", false},
	} {
		url := withUser(try.cluster.URLs()[0], try.user)
		log, err := connectTo(t, natsbus.LinkConfig{URLs: []string{"nats://127.0.0.1:1, " + url}})
		if try.good && (err != nil || !strings.Contains(log, "connected to NATS")) {
			t.Errorf("Connect as %q = %v, want a connection", try.user, err)
		}
		if !try.good && (!errors.Is(err, nats.ErrAuthorization) || !strings.Contains(err.Error(), "does not accept the user")) {
			t.Errorf("Connect as %q = %v, want %v", try.user, err, nats.ErrAuthorization)
		}
	}
}

func TestConnectWithCredentials(t *testing.T) {
	t.Parallel()
	operator, account, stranger := newKey(t, nkeys.CreateOperator), newKey(t, nkeys.CreateAccount), newKey(t, nkeys.CreateAccount)
	claims := jwt.NewAccountClaims(publicKey(t, account))
	claims.Limits.JetStreamLimits = jwt.JetStreamLimits{MemoryStorage: -1, DiskStorage: -1, Streams: -1, Consumer: -1}
	encoded, err := claims.Encode(operator)
	if err != nil {
		t.Fatal(err)
	}
	resolver := &server.MemAccResolver{}
	if err := resolver.Store(publicKey(t, account), encoded); err != nil {
		t.Fatal(err)
	}
	system := newKey(t, nkeys.CreateAccount)
	encodedSystem, err := jwt.NewAccountClaims(publicKey(t, system)).Encode(operator)
	if err != nil {
		t.Fatal(err)
	}
	if err := resolver.Store(publicKey(t, system), encodedSystem); err != nil {
		t.Fatal(err)
	}
	cluster := natstest.Start(t, 1, func(o *server.Options) {
		o.TrustedKeys, o.AccountResolver, o.SystemAccount = []string{publicKey(t, operator)}, resolver, publicKey(t, system)
	})
	for name, try := range map[string]struct {
		signer nkeys.KeyPair
		good   bool
	}{"of the account": {account, true}, "of a stranger": {stranger, false}} {
		_, err := connectTo(t, natsbus.LinkConfig{URLs: cluster.URLs(), Credentials: credentialsFile(t, try.signer)})
		if try.good && err != nil || !try.good && !errors.Is(err, nats.ErrAuthorization) {
			t.Errorf("Connect with credentials %s = %v, want good %v", name, err, try.good)
		}
	}
}

func newKey(t *testing.T, create func() (nkeys.KeyPair, error)) nkeys.KeyPair {
	t.Helper()
	key, err := create()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func publicKey(t *testing.T, key nkeys.KeyPair) string {
	t.Helper()
	public, err := key.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	return public
}

// credentialsFile is a .creds file of a new user whom the account's key signs.
func credentialsFile(t *testing.T, account nkeys.KeyPair) string {
	t.Helper()
	user := newKey(t, nkeys.CreateUser)
	token, err := jwt.NewUserClaims(publicKey(t, user)).Encode(account)
	if err != nil {
		t.Fatal(err)
	}
	seed, err := user.Seed()
	if err != nil {
		t.Fatal(err)
	}
	content, err := jwt.FormatUserConfig(token, seed)
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "user.creds")
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestConnectNeedsJetStream(t *testing.T) {
	t.Parallel()
	off := natstest.Start(t, 1, func(o *server.Options) { o.JetStream = false })
	accounts := natstest.Start(t, 1, func(o *server.Options) {
		account := server.NewAccount("APP")
		o.Accounts = []*server.Account{account}
		o.Users = []*server.User{{Username: "u", Password: secret, Account: account}}
	})
	for want, url := range map[string]string{
		"JetStream is off on the NATS server":    off.URLs()[0],
		"JetStream is off for this NATS account": withUser(accounts.URLs()[0], "u:"+secret),
	} {
		if _, err := connectTo(t, natsbus.LinkConfig{URLs: []string{url}}); !strings.Contains(errorText(err), want) {
			t.Errorf("Connect without JetStream = %v, want %q", err, want)
		}
	}
}

// TestConnectBeforeTheServer connects while nobody listens, and while nobody
// may come in any more; both are put right later.
func TestConnectBeforeTheServer(t *testing.T) {
	t.Parallel()
	var wrong bool
	cluster := natstest.Start(t, 1, func(o *server.Options) {
		o.Username, o.Password = "u", secret
		if wrong {
			o.Password = "another"
		}
	})
	cluster.Stop(0)
	var log syncBuffer
	conn, err := natsbus.Connect(t.Context(), natsbus.LinkConfig{
		URLs: []string{withUser(cluster.URLs()[0], "u:"+secret)}, Log: slog.New(slog.NewTextHandler(&log, nil)),
	})
	if err != nil {
		t.Fatalf("Connect without a server = %v, want a connection that comes to be", err)
	}
	defer conn.Close()
	ready := func() bool { return natsbus.Ready(t.Context(), conn) == nil }
	if err := natsbus.Ready(t.Context(), conn); !errors.Is(err, domain.CodeUnavailable) {
		t.Errorf("Ready without a server = %v, want %v", err, domain.CodeUnavailable)
	}
	cluster.Resume(t, 0)
	natstest.Eventually(t, "the connection is ready", ready)
	cluster.Stop(0)
	wrong = true
	cluster.Resume(t, 0)
	natstest.Eventually(t, "the refusals are logged", func() bool {
		return strings.Contains(strings.ToLower(log.String()), "authorization violation")
	})
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second) // by then the client has been refused more than twice
	defer cancel()
	<-ctx.Done()
	cluster.Stop(0)
	wrong = false
	cluster.Resume(t, 0)
	natstest.Eventually(t, "the connection is ready again", ready)
	if strings.Contains(log.String(), secret) {
		t.Errorf("the log shows the secret: %s", log.String())
	}
	t.Log(log.String())
}

// TestConnectLogsWhatIsNotPermitted has a user that may not ask JetStream.
func TestConnectLogsWhatIsNotPermitted(t *testing.T) {
	t.Parallel()
	cluster := natstest.Start(t, 1, func(o *server.Options) {
		o.Users = []*server.User{{Username: "u", Password: secret, Permissions: &server.Permissions{
			Publish: &server.SubjectPermission{Deny: []string{"$JS.API.INFO"}},
		}}}
	})
	log, err := connectTo(t, natsbus.LinkConfig{URLs: []string{withUser(cluster.URLs()[0], "u:"+secret)}})
	if err != nil || !strings.Contains(log, "may not publish to $JS.API.INFO") || !strings.Contains(log, "Permissions Violation for Publish") {
		t.Errorf("Connect without permissions = %v, want a connection and warnings\n%s", err, log)
	}
}

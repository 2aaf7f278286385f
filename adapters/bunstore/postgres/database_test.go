package postgres_test

import (
	"context"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/batchport/batchport/adapters/bunstore/postgres"
	"github.com/batchport/batchport/adapters/bunstore/postgres/postgrestest"
)

func open(t *testing.T, address string, cfg postgres.Config) *bun.DB {
	t.Helper()
	db, err := postgres.Open(t.Context(), address, cfg)
	if err != nil {
		t.Fatalf("Open() = %v, want no error", err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("Close() = %v, want no error", err)
		}
	})
	return db
}

func value(t *testing.T, db bun.IDB, query string, args ...any) (v string) {
	t.Helper()
	if err := db.QueryRowContext(t.Context(), query, args...).Scan(&v); err != nil {
		t.Fatalf("%s = %v, want a value", query, err)
	}
	return v
}

// with returns the address with another parameter.
func with(t *testing.T, address, name, value string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	query := u.Query()
	query.Set(name, value)
	u.RawQuery = query.Encode()
	return u.String()
}

func TestOpenSettings(t *testing.T) {
	t.Parallel()
	address := postgrestest.URL(t)
	for _, tt := range []struct {
		name             string
		db               *bun.DB
		statement, locks string
		conns            int
	}{
		{"zero config", open(t, address, postgres.Config{}), "50s", "20s", 20},
		{"a lease of 6s", open(t, address, postgres.Config{Lease: 6 * time.Second, MaxConns: 3}), "5s", "2s", 3},
		{"in the URL", open(t, with(t, address, "lock_timeout", "7s"), postgres.Config{}), "50s", "7s", 20},
	} {
		for setting, want := range map[string]string{
			"statement_timeout": tt.statement, "idle_in_transaction_session_timeout": tt.statement, "lock_timeout": tt.locks,
			"application_name": "batchport", "client_encoding": "UTF8", "jit": "off",
		} {
			if got := value(t, tt.db, "SHOW "+setting); got != want {
				t.Errorf("%s: %s = %s, want %s", tt.name, setting, got, want)
			}
		}
		if got := tt.db.Stats().MaxOpenConnections; got != tt.conns {
			t.Errorf("%s: up to %d connections, want %d", tt.name, got, tt.conns)
		}
	}
}

// The server is told how soon a client's machine that was lost is to be
// noticed, also where a socket has no such thing.
func TestOpenTellsOfLostMachines(t *testing.T) {
	t.Parallel()
	db := open(t, with(t, postgrestest.URL(t), "tcp_keepalives_count", "4"), postgres.Config{})
	for setting, want := range map[string]string{
		"tcp_keepalives_idle": "10", "tcp_keepalives_interval": "5", "tcp_keepalives_count": "4", "tcp_user_timeout": "25000",
	} {
		if got := value(t, db, "SELECT reset_val FROM pg_settings WHERE name = ?", setting); got != want {
			t.Errorf("%s = %s, want %s", setting, got, want)
		}
	}
}

// A backslash ends no literal, whatever the text.
func TestOpenKeepsTextsApart(t *testing.T) {
	t.Parallel()
	db := open(t, postgrestest.URL(t), postgres.Config{})
	for _, text := range []string{`\`, `\' OR true --`, `'; SELECT 1; --`, `?0 $1 ::int`, "物件 🏠", `E'\n'`} {
		if got := value(t, db, "SELECT ?", text); got != text {
			t.Errorf("SELECT %q = %q, want it as it was", text, got)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	address := postgrestest.URL(t)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, tt := range []struct {
		name, address, want string
		ctx                 context.Context
		cfg                 postgres.Config
	}{
		{name: "texts that end with a backslash", address: with(t, address, "standard_conforming_strings", "off"), want: `standard_conforming_strings "off"`},
		{name: "another encoding of the client", address: with(t, address, "client_encoding", "LATIN1"), want: `client_encoding "LATIN1"`},
		{name: "no such server", address: "postgres://postgres@localhost/batchport?host=/nowhere", want: "/nowhere"},
		{name: "no such database", address: strings.Replace(address, "/batchport?", "/nothing?", 1), want: "nothing"},
		{name: "no URL", address: "postgres://%zz", want: "postgres:"},
		{name: "an ended context", address: address, ctx: ended, want: context.Canceled.Error()},
		{name: "one connection", address: address, cfg: postgres.Config{MaxConns: 1}, want: "at least 2"},
		{name: "a short lease", address: address, cfg: postgres.Config{Lease: time.Millisecond}, want: "1s"},
	} {
		ctx := t.Context()
		if tt.ctx != nil {
			ctx = tt.ctx
		}
		if tt.name == "no such database" && tt.address == address {
			continue // the server is not one of ours
		}
		db, err := postgres.Open(ctx, tt.address, tt.cfg)
		if err == nil {
			t.Errorf("%s: Open() = no error, want one", tt.name)
			_ = db.Close()
		} else if !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: Open() = %v, want an error with %q", tt.name, err, tt.want)
		}
	}
}

// A password in the URL is in no error.
func TestOpenKeepsThePassword(t *testing.T) {
	t.Parallel()
	for _, address := range []string{
		"postgres://ann:hunter2@localhost/x?host=/nowhere", "postgres://ann:hunter2@%zz/x", "host=/nowhere password=hunter2 user=ann",
		"postgres://ann:hunter2@localhost:port/x",
	} {
		db, err := postgres.Open(t.Context(), address, postgres.Config{})
		if err == nil {
			_ = db.Close()
		}
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("Open() = %v, want an error without the password", err)
		}
	}
}

// An encoding that does not hold every text is refused.
func TestOpenRefusesAnotherEncoding(t *testing.T) {
	t.Parallel()
	address := postgrestest.URL(t)
	if !strings.Contains(address, "/batchport?") {
		t.Skip("skipped, since databases are made on a server of our own alone")
	}
	name := "latin_" + strings.ToLower(t.Name())
	postgrestest.Exec(t, address, "CREATE DATABASE "+name+" ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
	db, err := postgres.Open(t.Context(), strings.Replace(address, "/batchport?", "/"+name+"?", 1), postgres.Config{})
	if err == nil {
		_ = db.Close()
	}
	if err == nil || !strings.Contains(err.Error(), `server_encoding "LATIN1"`) {
		t.Errorf("Open(LATIN1) = %v, want an error that names the encoding", err)
	}
}

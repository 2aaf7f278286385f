// Package postgres opens a PostgreSQL database the way that batchport needs
// it. It is the only package that brings a driver for it, pgx.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
)

// Config holds what [Open] may be told. The zero value works.
type Config struct {
	// MaxConns bounds the connections that are open at once, at least 2. An
	// engine needs one for each worker, and another one for each plan or export
	// in work, which holds a snapshot. Zero means 20.
	MaxConns int

	// Lease is that of the engine. The timeouts of connections are fractions of
	// it, so that the server has let go of what a stopped process held before
	// another one takes over. Zero means the engine's default, a minute.
	Lease time.Duration
}

const (
	defaultMaxConns = 20
	defaultLease    = time.Minute

	// idleTime is how long a connection that nobody needs stays open.
	idleTime = time.Minute

	// connectTimeout bounds the time that it takes to connect, unless the URL
	// says otherwise.
	connectTimeout = 10 * time.Second
)

// Open opens the database that the URL or the key=value string names, in
// libpq's forms: https://www.postgresql.org/docs/current/libpq-connect.html.
// It connects once, and fails when it cannot, when the database's encoding is
// not UTF8, and unless standard_conforming_strings is on: Bun writes arguments
// into the text of statements, where a backslash would then end a literal. The
// same holds for every later connection.
//
// Statements, waits for a lock and pauses inside of a transaction end with an
// error before the lease does, unless the URL sets statement_timeout,
// lock_timeout or idle_in_transaction_session_timeout itself.
//
// A machine that was lost without a word, this one or the server's, is noticed
// by the other within half a minute, where its system allows: else a failover
// would leave connections that hang for a quarter of an hour, and locks of a
// [Presence] for two hours. The URL may set connect_timeout, tcp_user_timeout and
// tcp_keepalives_idle, _interval and _count; these four are the server's part.
func Open(ctx context.Context, url string, cfg Config) (*bun.DB, error) {
	if cfg.MaxConns == 0 {
		cfg.MaxConns = defaultMaxConns
	}
	if cfg.Lease == 0 {
		cfg.Lease = defaultLease
	}
	if cfg.MaxConns < 2 || cfg.Lease < time.Second {
		return nil, fmt.Errorf("postgres: %d connections and a lease of %v; at least 2 and 1s are needed", cfg.MaxConns, cfg.Lease)
	}
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("postgres: %w", err) // pgx leaves the password out
	}
	// Bun's statements have their arguments in their text and are seldom the
	// same twice: preparing each would take twice the time.
	config.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
	for name, value := range map[string]string{
		"application_name":                    "batchport",
		"client_encoding":                     "UTF8",
		"jit":                                 "off", // compiling costs more than these statements
		"lock_timeout":                        milliseconds(cfg.Lease / 3),
		"statement_timeout":                   milliseconds(cfg.Lease * 5 / 6),
		"idle_in_transaction_session_timeout": milliseconds(cfg.Lease * 5 / 6),
		"tcp_keepalives_idle":                 seconds(keepAlive.Idle),
		"tcp_keepalives_interval":             seconds(keepAlive.Interval),
		"tcp_keepalives_count":                strconv.Itoa(keepAlive.Count),
		"tcp_user_timeout":                    milliseconds(lostAfter),
	} {
		if _, set := config.RuntimeParams[name]; !set {
			config.RuntimeParams[name] = value
		}
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectTimeout
	}
	config.DialFunc = dialer(config.ConnectTimeout).DialContext
	pool := stdlib.OpenDB(*config, stdlib.OptionAfterConnect(check))
	pool.SetMaxOpenConns(cfg.MaxConns)
	pool.SetMaxIdleConns(cfg.MaxConns)
	pool.SetConnMaxIdleTime(idleTime)
	if err := pool.PingContext(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("postgres: %w", err), pool.Close())
	}
	return bun.NewDB(pool, pgdialect.New()), nil
}

func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

func seconds(d time.Duration) string { return strconv.Itoa(int(d.Seconds())) }

// check refuses a connection on which statements would mean something else.
// The server has told these settings while it was connected to.
func check(_ context.Context, conn *pgx.Conn) error {
	for _, want := range []struct{ setting, value, why string }{
		{"standard_conforming_strings", "on", "else a text can end its literal"},
		{"server_encoding", "UTF8", "else it cannot hold every text"},
		{"client_encoding", "UTF8", "texts are sent in it"},
	} {
		if got := conn.PgConn().ParameterStatus(want.setting); got != want.value {
			return fmt.Errorf("the database has %s %q, and %q is needed: %s", want.setting, got, want.value, want.why)
		}
	}
	return nil
}

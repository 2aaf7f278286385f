package postgres

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/uptrace/bun"
)

const (
	// presenceCheck is how often the server is asked whether the lock is there.
	presenceCheck = 5 * time.Second

	// presenceTimeout bounds a question to the server.
	presenceTimeout = 5 * time.Second

	// presenceRetry is the pause between attempts to take the lock.
	presenceRetry = 200 * time.Millisecond

	// presenceLock is named after the schema, since several may be in one
	// database.
	presenceLock = "hashtextextended(current_schema() || '.batchport.presence', 0)"

	// sessionName tells a session of the server from all others, before it too.
	sessionName = "pid || ' ' || extract(epoch FROM backend_start)"
)

// ErrOccupied says that another process is present that this one cannot be
// beside.
var ErrOccupied = errors.New("another process is at work on the database")

// Presence is that of this process at a database, for as long as it lives: a
// lock of a session that ends with its connection. It knows whether others are
// present, for processes that must be alone since they do not share a broker.
// It holds one connection. Behind a pooler that hands a session from client to
// client it means nothing.
type Presence struct {
	db    *bun.DB
	alone bool
	lost  chan struct{}
	stop  context.CancelFunc
	done  sync.WaitGroup
	conn  *sql.Conn

	// session is which of the server's sessions conn is, or was last: one that
	// the network has forgotten may go on there, and hold the lock.
	session string
}

// Attend makes this process present at the schema that db is on: alone, or
// with others that do not have to be alone. Who cannot be there now, is waited
// for until ctx ends, since the server may take a moment to notice the end of
// one that died; then it fails with [ErrOccupied].
func Attend(ctx context.Context, db *bun.DB, alone bool) (*Presence, error) {
	p := &Presence{db: db, alone: alone, lost: make(chan struct{})}
	for {
		err := p.take(ctx)
		if err == nil {
			break
		}
		if !errors.Is(err, ErrOccupied) {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, ErrOccupied
		case <-time.After(presenceRetry):
		}
	}
	watching, stop := context.WithCancel(context.WithoutCancel(ctx))
	p.stop = stop
	p.done.Go(func() { p.watch(watching) })
	return p, nil
}

// Lost is closed when the connection broke and somebody else came before it
// was made anew: then this process must not go on.
func (p *Presence) Lost() <-chan struct{} { return p.lost }

// Close ends the presence. It may be called once.
func (p *Presence) Close() error {
	p.stop()
	p.done.Wait()
	if p.conn == nil {
		return nil
	}
	return p.conn.Close()
}

// take takes the lock on a connection of its own.
func (p *Presence) take(ctx context.Context) error {
	conn, err := p.db.DB.Conn(ctx)
	if err != nil {
		return fmt.Errorf("postgres: %w", err)
	}
	call := "pg_try_advisory_lock_shared"
	if p.alone {
		call = "pg_try_advisory_lock"
	}
	var taken bool
	var session string
	err = conn.QueryRowContext(ctx, "SELECT "+call+"("+presenceLock+"), coalesce((SELECT "+sessionName+" FROM pg_stat_activity WHERE pid = pg_backend_pid()), '')").
		Scan(&taken, &session)
	if err == nil && taken {
		p.conn, p.session = conn, session
		return nil
	}
	if err == nil {
		err = ErrOccupied
	}
	return errors.Join(err, conn.Close())
}

// watch looks after the lock. A server that is away has let go of it, and of
// those of everybody else.
func (p *Presence) watch(ctx context.Context) {
	ticker := time.NewTicker(presenceCheck)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			p.release()
			return
		case <-ticker.C:
		}
		asking, cancel := context.WithTimeout(ctx, presenceTimeout)
		err := p.look(asking)
		cancel()
		if errors.Is(err, ErrOccupied) {
			close(p.lost)
			return
		}
	}
}

// look makes sure that the lock is there, or takes it anew.
func (p *Presence) look(ctx context.Context) error {
	if p.conn != nil {
		if err := p.conn.PingContext(ctx); err == nil || ctx.Err() != nil && !errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return nil
		}
		// A pool that took it for whole would keep the lock.
		_ = p.conn.Raw(func(any) error { return driver.ErrBadConn })
		_ = p.conn.Close()
		p.conn = nil
	}
	ended, err := p.endFormer(ctx)
	if err != nil {
		return err
	}
	for {
		err := p.take(ctx)
		if !ended || !errors.Is(err, ErrOccupied) {
			return err
		}
		select { // it takes the server a moment
		case <-ctx.Done():
			return err
		case <-time.After(presenceRetry):
		}
	}
}

// endFormer ends the session that had the lock before, and reports whether
// there was one: the server may not know that its connection is broken.
func (p *Presence) endFormer(ctx context.Context) (ended bool, err error) {
	err = p.db.DB.QueryRowContext(ctx,
		"SELECT coalesce(bool_or(pg_terminate_backend(pid)), false) FROM pg_stat_activity WHERE "+sessionName+" = $1", p.session).Scan(&ended)
	if err != nil {
		return false, fmt.Errorf("postgres: %w", err)
	}
	return ended, nil
}

// release gives the lock back before the connection goes to the pool.
func (p *Presence) release() {
	if p.conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), presenceTimeout)
	defer cancel()
	call := "pg_advisory_unlock_shared"
	if p.alone {
		call = "pg_advisory_unlock"
	}
	_, _ = p.conn.ExecContext(ctx, "SELECT "+call+"("+presenceLock+")") // if not now, with the connection
}

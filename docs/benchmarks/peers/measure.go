package peers

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// run is one contender on one empty schema.
type run struct {
	index int    // among the contenders
	name  string // of the connections of processes that work
	url   string
	db    *pgxpool.Pool
	items int
}

// newRun makes what the contender needs in the schema that the URL names. The
// run is to be closed.
func newRun(ctx context.Context, index int, schema string, items int) (*run, error) {
	db, err := openPool(ctx, schema, 2)
	if err != nil {
		return nil, err
	}
	r := &run{index: index, name: "peer " + rand.Text(), db: db, items: items}
	if r.url, err = named(schema, r.name); err == nil {
		err = errors.Join(contenders[index].prepare(ctx, db, schema), makeAccounts(ctx, db, items))
	}
	if err != nil {
		r.close()
		return nil, err
	}
	return r, nil
}

// named returns the URL with a name for its connections.
func named(schema, name string) (string, error) {
	u, err := url.Parse(schema)
	if err != nil {
		return "", err
	}
	query := u.Query()
	query.Set("application_name", name)
	u.RawQuery = query.Encode()
	return u.String(), nil
}

func (r *run) close() { r.db.Close() }

func (r *run) errand() errand { return errand{Contender: r.index, URL: r.url, Items: r.items} }

// speed is how fast a contender was.
type speed struct {
	seconds float64 // from asking for the accounts until all are done
	commits int     // of the whole database, by anybody
}

// measureSpeed has the contender close all accounts, and wants each closed
// once.
func (r *run) measureSpeed(ctx context.Context, small bool) (s speed, err error) {
	e := r.errand()
	e.Small = small
	c, err := startChild(ctx, e)
	if err != nil {
		return s, err
	}
	if err := c.await("ready"); err != nil {
		return s, err
	}
	before, err := r.commits(ctx)
	if err != nil {
		return s, err
	}
	began := time.Now()
	if err := errors.Join(c.begin(), c.await("done")); err != nil {
		return s, err
	}
	s.seconds = time.Since(began).Seconds()
	if err := c.cmd.Wait(); err != nil {
		return s, err
	}
	after, err := r.commits(ctx)
	s.commits = after - before
	return s, errors.Join(err, r.wantOnce(ctx))
}

// settle is how long the server may take to count what connections did that
// have been closed.
const settle = 300 * time.Millisecond

func (r *run) commits(ctx context.Context) (n int, err error) {
	time.Sleep(settle)
	err = r.db.QueryRow(ctx, `SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()`).Scan(&n)
	return n, err
}

// wantOnce wants every account closed once that can be.
func (r *run) wantOnce(ctx context.Context) error {
	t, err := tallyOf(ctx, r.db)
	if err == nil && (t.missing > 0 || t.repeated > 0) {
		err = fmt.Errorf("%d accounts are missing and %d were repeated, though nothing was killed", t.missing, t.repeated)
	}
	return err
}

// recovery is what became of the work when its process was killed half way and
// another one started at once.
type recovery struct {
	first float64 // seconds from the start of the other process to its first effect
	whole float64 // and until all is done
	tally
}

// measureRecovery kills the contender half way.
func (r *run) measureRecovery(ctx context.Context) (v recovery, err error) {
	if err := r.killHalfWay(ctx); err != nil {
		return v, err
	}
	before, err := effects(ctx, r.db)
	if err != nil {
		return v, err
	}
	if before < r.items/4 || before > r.items*95/100 {
		return v, fmt.Errorf("%d of %d accounts were closed when it was killed, which is not half way", before, r.items)
	}
	began := time.Now()
	e := r.errand()
	e.Resume = true
	c, err := startChild(ctx, e)
	if err != nil {
		return v, err
	}
	done := make(chan error, 1)
	go func() { done <- c.await("done") }()
	for n := before; n == before; {
		select {
		case err := <-done:
			return v, errors.Join(err, errors.New("it has ended without an effect"))
		case <-time.After(5 * time.Millisecond):
		}
		if n, err = effects(ctx, r.db); err != nil {
			return v, err
		}
	}
	v.first = time.Since(began).Seconds()
	if err := <-done; err != nil {
		return v, err
	}
	v.whole = time.Since(began).Seconds()
	if err := c.cmd.Wait(); err != nil {
		return v, err
	}
	v.tally, err = tallyOf(ctx, r.db)
	return v, err
}

// killHalfWay kills the process when half of the accounts are closed, and waits
// until the server has noticed.
func (r *run) killHalfWay(ctx context.Context) error {
	c, err := startChild(ctx, r.errand())
	if err != nil {
		return err
	}
	if err := errors.Join(c.await("ready"), c.begin()); err != nil {
		return err
	}
	for closed := 0; err == nil && closed < r.items*45/100; closed, err = effects(ctx, r.db) {
		time.Sleep(5 * time.Millisecond)
	}
	_ = c.cmd.Process.Kill()
	_ = c.cmd.Wait()
	if err != nil {
		return err
	}
	return untilNone(ctx, r.db, fmt.Sprintf(`SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE application_name = '%s')`, r.name))
}

package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/batchport/batchport/app/document"
	"github.com/batchport/batchport/app/estates"
	"github.com/batchport/batchport/domain"
)

// benchSize is how much work a measurement does.
type benchSize struct {
	rounds    int // of each measure
	items     int // of an edit and of an export
	smallJobs int // at once; half of each client's advertise, half withdraw
	single    int // one after another
	rules     int // in a sync
}

var (
	fullSize  = benchSize{rounds: 5, items: 100_000, smallJobs: 2_000, single: 200, rules: 10_000}
	quickSize = benchSize{rounds: 3, items: 20_000, smallJobs: 400, single: 50, rules: 5_000}
)

// smallClients submit small jobs at once, each for a tenant of its own: jobs of
// one tenant that edit estates run one after another.
const smallClients = 8

// measuring is one measurement of an installation.
type measuring struct {
	size   benchSize
	place  *benchPlace
	engine *benchEngine
	floors int // jobs that the floor has written
}

// measure makes every measure in turn and hands over what came of each.
func (m *measuring) measure(ctx context.Context, found func(benchResult)) error {
	for _, measure := range []func(context.Context) ([]benchResult, error){m.edit, m.smallJobs, m.latency, m.export, m.sync} {
		results, err := measure(ctx)
		if err != nil {
			return err
		}
		for _, r := range results {
			found(r)
		}
	}
	return nil
}

// prepare puts into both databases what jobs work on.
func (m *measuring) prepare(ctx context.Context) error {
	tenants := map[string]int{string(benchUser.Tenant): m.size.items}
	for i := range smallClients {
		tenants[string(smallUser(i).Tenant)] = 1
	}
	for tenant, n := range tenants {
		who := benchUser
		who.Tenant = domain.TenantID(tenant)
		if err := errors.Join(m.engine.allow(ctx, who), floor(m.place.engine.db).addEstates(ctx, tenant, n), m.place.bare().addEstates(ctx, tenant, n)); err != nil {
			return err
		}
	}
	return nil
}

// smallUser is the user of the ith client of small jobs.
func smallUser(i int) domain.Principal {
	who := benchUser
	who.Tenant = domain.TenantID(fmt.Sprintf("acme-%d", i))
	return who
}

// inTurn has the engine and the floor do the same work in turn, so that a
// machine that changes its speed changes both. Who begins changes too. It
// returns how many seconds each round took either.
func (m *measuring) inTurn(ctx context.Context, engine, floor func(ctx context.Context, round int) error) (engines, floors []float64, err error) {
	for round := range m.size.rounds {
		took, err := timed(ctx, round, round%2 == 1, engine, floor)
		if err != nil {
			return nil, nil, err
		}
		engines, floors = append(engines, took[0]), append(floors, took[1])
	}
	return engines, floors, nil
}

// timed does both, the second first if it is to be, and returns how many
// seconds each took.
func timed(ctx context.Context, round int, swapped bool, both ...func(context.Context, int) error) (took [2]float64, err error) {
	order := []int{0, 1}
	if swapped {
		slices.Reverse(order)
	}
	for _, i := range order {
		runtime.GC()
		began := time.Now()
		if err := both[i](ctx, round); err != nil {
			return took, err
		}
		took[i] = time.Since(began).Seconds()
	}
	return took, nil
}

// edit measures one job that edits all estates.
func (m *measuring) edit(ctx context.Context) ([]benchResult, error) {
	n := m.size.items
	engines, floors, err := m.inTurn(ctx, func(ctx context.Context, round int) error {
		job, err := m.engine.runJob(ctx, benchUser, estates.Request{}, requestForAll(listing(round%2 == 0), n), seldom)
		if err == nil && job.Report().Updated != n {
			err = fmt.Errorf("an edit of %d estates ended with %+v", n, job.Report())
		}
		return err
	}, func(ctx context.Context, round int) error {
		return m.place.bare().edit(ctx, string(benchUser.Tenant), n, round%2 == 0)
	})
	return []benchResult{rateOf("edit", "items/s", n, engines, floors,
		fmt.Sprintf("one job edits %s estates", thousands(n)), "UPDATEs of 1,000 rows, each in a transaction")}, err
}

// smallJobs measures jobs of one item that several clients submit at once.
func (m *measuring) smallJobs(ctx context.Context) ([]benchResult, error) {
	n := m.size.smallJobs
	engines, floors, err := m.inTurn(ctx, func(ctx context.Context, _ int) error {
		err := eachClient(n, func(client, i int) error {
			_, err := m.engine.submitJob(ctx, smallUser(client), estates.Request{}, requestForOne(listing(i%2 == 0), 1))
			return err
		})
		if err == nil {
			err = m.awaitAll(ctx)
		}
		return err
	}, func(ctx context.Context, round int) error {
		return eachClient(n, func(client, i int) error {
			return m.place.bare().job(ctx, string(smallUser(client).Tenant), fmt.Sprintf("small-%d-%d-%d", round, client, i), 1, i%2 == 0)
		})
	})
	return []benchResult{rateOf("small jobs", "jobs/s", n, engines, floors,
		fmt.Sprintf("%s jobs of one estate, submitted by %d clients at once", thousands(n), smallClients),
		"their rows by bare statements, three transactions a job")}, err
}

// eachClient has clients share n calls, each one its calls one after another.
func eachClient(n int, do func(client, i int) error) (err error) {
	ended := make(chan error, smallClients)
	for client := range smallClients {
		go func() {
			for i := range n / smallClients {
				if err := do(client, i); err != nil {
					ended <- err
					return
				}
			}
			ended <- nil
		}()
	}
	for range smallClients {
		err = errors.Join(err, <-ended)
	}
	return err
}

// awaitAll waits until all jobs have ended, and wants each to have done its work.
func (m *measuring) awaitAll(ctx context.Context) error {
	for {
		var open, idle int
		if err := m.place.engine.db.Read.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM batchport_jobs WHERE ended = 0),
			(SELECT count(*) FROM batchport_jobs WHERE ended = 1 AND updated + exported = 0)`).Scan(&open, &idle); err != nil {
			return err
		}
		switch {
		case idle > 0:
			return fmt.Errorf("%d jobs have ended without having done anything", idle)
		case open == 0:
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(seldom):
		}
	}
}

// latency measures jobs of one item, one after another, from the submission to
// the end as who submitted sees it.
func (m *measuring) latency(ctx context.Context) ([]benchResult, error) {
	var engines, floors []float64 // milliseconds of each job
	each := func(to *[]float64, do func(i int) error) error {
		for i := range m.size.single {
			began := time.Now()
			if err := do(i); err != nil {
				return err
			}
			*to = append(*to, float64(time.Since(began).Microseconds())/1000)
		}
		return nil
	}
	who := smallUser(0)
	_, _, err := m.inTurn(ctx, func(ctx context.Context, _ int) error {
		return each(&engines, func(i int) error {
			_, err := m.engine.runJob(ctx, who, estates.Request{}, requestForOne(listing(i%2 == 0), 1), often)
			return err
		})
	}, func(ctx context.Context, round int) error {
		return each(&floors, func(i int) error {
			return m.place.bare().job(ctx, string(who.Tenant), fmt.Sprintf("single-%d-%d", round, i), 1, i%2 == 0)
		})
	})
	if err != nil {
		return nil, err
	}
	const what, floor = "from submitting a job of one estate to seeing it ended", "its rows by bare statements, three transactions"
	return []benchResult{
		latencyOf("latency p50", 50, engines, floors, what, floor),
		latencyOf("latency p99", 99, engines, floors, what, floor),
	}, nil
}

// export measures one job that writes all estates into a workbook.
func (m *measuring) export(ctx context.Context) ([]benchResult, error) {
	n := m.size.items
	engines, floors, err := m.inTurn(ctx, func(ctx context.Context, _ int) error {
		job, err := m.engine.runJob(ctx, benchUser, estates.Request{}, requestForAll(estates.Export, n), seldom)
		if err != nil {
			return err
		}
		if job.Report().Exported != n || job.File() == nil {
			return fmt.Errorf("an export of %d estates ended with %+v", n, job.Report())
		}
		return m.engine.files.Remove(ctx, benchUser.Tenant, job.File().ID)
	}, func(ctx context.Context, _ int) error {
		return m.place.bare().export(ctx, string(benchUser.Tenant), filepath.Join(m.place.folder, "floor.xlsx"), n)
	})
	return []benchResult{rateOf("export", "rows/s", n, engines, floors,
		fmt.Sprintf("one job writes %s estates into a workbook", thousands(n)), "one query written into the same sheet")}, err
}

// sync measures one synchronous request of budget rules that are there
// already, of which one in a hundred is bad.
func (m *measuring) sync(ctx context.Context) ([]benchResult, error) {
	rows := benchRules(m.size.rules)
	good := slices.DeleteFunc(slices.Clone(rows), func(r benchRule) bool { return !r.valid() })
	var requests []string
	for round := range m.size.rounds + 1 {
		bodies, err := benchSyncs(rows, len(rows), fmt.Sprint("bench-", round))
		if err != nil {
			return nil, err
		}
		requests = append(requests, string(bodies[0]))
	}
	send := func(ctx context.Context, round int) error {
		body, err := document.Parse(requests[round])
		if err != nil {
			return err
		}
		synced, err := m.engine.budgets.Sync(ctx, benchUser, body)
		if err == nil && len(synced.Answer.Faulty) != len(rows)-len(good) {
			err = fmt.Errorf("a sync with %d bad rows was answered with %d", len(rows)-len(good), len(synced.Answer.Faulty))
		}
		return err
	}
	// The first time the rules are new, which would be another measure.
	if err := errors.Join(send(ctx, m.size.rounds), m.place.bare().rules(ctx, good)); err != nil {
		return nil, err
	}
	engines, floors, err := m.inTurn(ctx, send, func(ctx context.Context, _ int) error { return m.place.bare().rules(ctx, good) })
	return []benchResult{rateOf("budget sync", "rows/s", len(rows), engines, floors,
		fmt.Sprintf("one request syncs %s budget rules that are there, of which 1 %% are bad", thousands(len(rows))),
		"upserts of 500 good rows, in one transaction")}, err
}

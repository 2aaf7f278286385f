package main

import (
	"context"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/batchport/batchport/adapters/bunstore/postgres/postgrestest"
	"github.com/batchport/batchport/domain"
)

// freshPlace is a running server, and its database opened by another process:
// this one.
type freshPlace struct {
	at     location
	server *serving
	key    string
	db     *database
}

// onFreshPlaces runs a test at a server on each database.
func onFreshPlaces(t *testing.T, run func(t *testing.T, p freshPlace)) {
	t.Parallel()
	for _, store := range []faultStore{onSQLite, onPostgres} {
		t.Run(string(store), func(t *testing.T) {
			t.Parallel()
			p := freshPlace{at: location{data: t.TempDir()}}
			where := []string{"--data", p.at.data}
			if store == onPostgres {
				p.at.database = postgrestest.URL(t)
				where = append(where, "--database", p.at.database)
			}
			stdout, _ := call(t, exitOK, append([]string{"keys", "create", "--tenant", string(demoTenant), "--user", "1", "--all"}, where...)...)
			p.key = strings.TrimSpace(stdout)
			p.server = startServing(t, p.at.data, where[2:]...)
			var err error
			if p.db, err = p.at.open(t.Context()); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := p.db.Close(); err != nil {
					t.Error(err)
				}
			})
			run(t, p)
		})
	}
}

// What a poll is told holds at least what was committed, by any process, before
// it was sent.
func TestPollsAreNeverStale(t *testing.T) {
	onFreshPlaces(t, func(t *testing.T, p freshPlace) {
		const commits = 80
		job := openJob(t, p.db, commits)
		var committed atomic.Int64 // never ahead of what is committed
		ctx, stop := context.WithCancel(t.Context())
		var polls sync.WaitGroup
		defer polls.Wait()
		defer stop()
		poll := func(ctx context.Context, path string, least int) {
			var answer struct{ Process int }
			code, err := p.server.request(ctx, http.MethodGet, path, p.key, "", &answer)
			switch percent := 100 * least / commits; {
			case ctx.Err() != nil:
			case err != nil || code != http.StatusOK || answer.Process < min(percent, 99):
				t.Errorf("GET %s = %d %+v, %v; want %d percent or more", path, code, answer, err, percent)
			}
		}
		paths := []string{"/api2/getBatchStatus?batch_code=" + string(job.ID()), "/v1/jobs/" + string(job.ID())}
		for i := range 4 {
			polls.Go(func() {
				for ctx.Err() == nil && !t.Failed() {
					poll(ctx, paths[i%2], int(committed.Load()))
				}
			})
		}
		for n := 1; n <= commits; n++ {
			passOne(t, p.db, job.Ref(), n)
			committed.Store(int64(n))
			poll(t.Context(), paths[n%2], n)
		}
	})
}

// A key is worthless in the moment in which another process has revoked it,
// however often it was good before.
func TestARevokedKeyPollsNoMore(t *testing.T) {
	onFreshPlaces(t, func(t *testing.T, p freshPlace) {
		job := openJob(t, p.db, 10)
		paths := []string{"/api2/getBatchStatus?batch_code=" + string(job.ID()), "/v1/jobs/" + string(job.ID())}
		ask := func(want int) {
			t.Helper()
			for _, path := range paths {
				if code, err := p.server.request(t.Context(), http.MethodGet, path, p.key, "", &struct{}{}); err != nil || code != want {
					t.Errorf("GET %s = %d, %v; want %d", path, code, err, want)
				}
			}
		}
		for range 20 {
			ask(http.StatusOK)
		}
		args := []string{"keys", "revoke", "--data", p.at.data, p.key}
		if p.at.database != "" {
			args = []string{"keys", "revoke", "--data", p.at.data, "--database", p.at.database, p.key}
		}
		call(t, exitOK, args...)
		ask(http.StatusUnauthorized)
	})
}

// openJob stores a job of a kind that no server knows, and so leaves alone, as
// one of another process that is being worked on.
func openJob(t testing.TB, db *database, items int) *domain.BatchJob {
	t.Helper()
	job, err := domain.NewJob(domain.JobSpec{
		ID: domain.NewJobID(time.Now(), rand.Uint64()), Tenant: demoTenant, User: "1", Kind: "watched", Whole: true,
		Items: items, SubmittedAt: time.Now(),
	})
	if err == nil {
		err = job.Take(time.Now())
	}
	if err == nil {
		err = db.store.InTx(t.Context(), func(ctx context.Context) error { return db.store.AddJob(ctx, job) })
	}
	if err != nil {
		t.Fatal(err)
	}
	return job
}

// passOne commits that n items of the job have been passed, and returns the
// version that it has then.
func passOne(t testing.TB, db *database, ref domain.JobRef, n int) (version int64) {
	t.Helper()
	err := db.store.InTx(t.Context(), func(ctx context.Context) error {
		job, err := db.store.LockJob(ctx, ref)
		if err != nil {
			return err
		}
		job.Pass(n, job.Report().Total)
		version = job.Version()
		return db.store.SaveJob(ctx, job)
	})
	if err != nil {
		t.Fatal(err)
	}
	return version
}

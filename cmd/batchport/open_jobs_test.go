package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/batchport/batchport/adapters/bunstore"
	"github.com/batchport/batchport/adapters/bunstore/postgres"
	"github.com/batchport/batchport/adapters/bunstore/postgres/postgrestest"
	"github.com/batchport/batchport/adapters/bunstore/sqlite"
	"github.com/batchport/batchport/adapters/memory"
	"github.com/batchport/batchport/app/engine"
	"github.com/batchport/batchport/domain"
)

// TestOpenJobsAreCounted has four engines, each on connections of its own as
// processes have them, take in 50 jobs at once of a tenant that may have 17: so
// many are there afterwards, and so many were answered. What came with the
// idempotency key of one of them gives that one, however many there are.
func TestOpenJobsAreCounted(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(t *testing.T) func() (write, read *bun.DB){
		"sqlite": func(t *testing.T) func() (write, read *bun.DB) {
			path := filepath.Join(t.TempDir(), databaseName)
			return func() (write, read *bun.DB) {
				db, err := sqlite.Open(path)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = db.Close() })
				return db.Write, db.Read
			}
		},
		"postgres": func(t *testing.T) func() (write, read *bun.DB) {
			place := postgrestest.URL(t)
			return func() (write, read *bun.DB) {
				db, err := postgres.Open(t.Context(), place, postgres.Config{})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = db.Close() })
				return db, db
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			countOpenJobs(t, open(t))
		})
	}
}

func countOpenJobs(t *testing.T, connect func() (write, read *bun.DB)) {
	const limit, processes, submissions = 17, 4, 50
	who := domain.Principal{Tenant: "acme", User: "ann", Permissions: []domain.Permission{domain.All}}
	other := domain.Principal{Tenant: "other", User: "bob", Permissions: []domain.Permission{domain.All}}
	var all []*engine.Jobs[struct{}, int]
	var db *bun.DB
	for range processes {
		write, read := connect()
		store, err := bunstore.New(write, bunstore.Config{ReadDB: read})
		if err != nil {
			t.Fatal(err)
		}
		if err := store.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		e, err := engine.New(engine.Deps{Store: store, Bell: memory.NewBell(), Files: memory.NewFiles(), Events: memory.NewEventStream()},
			engine.Config{MaxOpenJobs: limit})
		if err != nil {
			t.Fatal(err)
		}
		jobs, err := engine.Register(e, engine.Kind[struct{}, int]{
			Name: "edit", Resource: []string{"", "r"}[len(all)%2],
			Apply: func(context.Context, *domain.BatchJob, struct{}, []int) ([]domain.Outcome, error) { return nil, nil },
		})
		if err != nil {
			t.Fatal(err)
		}
		all, db = append(all, jobs), read
	}
	submit := func(i int, who domain.Principal, key string) (domain.JobID, error) {
		job, err := all[i%processes].Submit(t.Context(), who, engine.Request[struct{}, int]{Items: []int{1, 2, 3}, IdempotencyKey: key})
		if err != nil {
			return "", err
		}
		return job.ID(), nil
	}
	named, err := submit(0, who, "first")
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	accepted, refused := 1, 0
	began := time.Now()
	var group sync.WaitGroup
	for i := range submissions {
		key := ""
		if i%2 == 1 {
			key = fmt.Sprint(i)
		}
		group.Go(func() {
			_, err := submit(i, who, key)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				accepted++
			case errors.Is(err, domain.CodeTooManyJobs):
				refused++
			default:
				t.Errorf("Submit() = %v, want a job or %v", err, domain.CodeTooManyJobs)
			}
		})
	}
	group.Go(func() {
		if _, err := submit(1, other, ""); err != nil {
			t.Errorf("Submit(another tenant) = %v, want a job", err)
		}
	})
	group.Wait()
	t.Logf("%d submissions at once took %v", submissions, time.Since(began).Round(time.Millisecond))
	var there int
	if err := db.NewRaw("SELECT count(*) FROM batchport_jobs WHERE tenant = 'acme'").Scan(t.Context(), &there); err != nil {
		t.Fatal(err)
	}
	if accepted != limit || refused != submissions+1-limit || there != limit {
		t.Errorf("%d jobs were accepted, %d refused and %d are there; want %d, %d and %d",
			accepted, refused, there, limit, submissions+1-limit, limit)
	}
	if again, err := submit(2, who, "first"); err != nil || again != named {
		t.Errorf("Submit(again) = %s, %v; want %s", again, err, named)
	}
}

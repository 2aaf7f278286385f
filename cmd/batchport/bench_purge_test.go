package main

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/batchport/batchport/adapters/bunstore"
	"github.com/batchport/batchport/adapters/memory"
	"github.com/batchport/batchport/app/engine"
	"github.com/batchport/batchport/domain"
)

// BenchmarkPurge measures how long the engine takes to remove what an old job
// of 1,000,000 items left, all of which failed, and what 20,000 old jobs of one
// item left; and beside it, on the same store, how long jobs of one item take
// from submission to end, one after the other: "quiet" before the purge and
// "beside" during it.
func BenchmarkPurge(b *testing.B) {
	for name, open := range map[string]func(testing.TB) (write, read *bun.DB){"sqlite": openSQLite, "postgres": openPostgres} {
		b.Run(name, func(b *testing.B) {
			var took, quiet, beside []float64
			for b.Loop() {
				b.StopTimer()
				write, read := open(b)
				store, err := bunstore.New(write, bunstore.Config{ReadDB: read})
				if err == nil {
					err = store.Migrate(b.Context())
				}
				if err != nil {
					b.Fatal(err)
				}
				old := addOldJobs(b, store, write, 1_000_000, 20_000)
				end := time.Now().Add(5 * time.Second)
				quiet = append(quiet, smallJobs(b, store, 0, func() bool { return time.Now().After(end) })...)
				b.StartTimer()
				began := time.Now()
				beside = append(beside, smallJobs(b, store, time.Hour, func() bool {
					_, err := store.FindJob(b.Context(), old)
					return errors.Is(err, domain.CodeNotFound)
				})...)
				took = append(took, time.Since(began).Seconds())
			}
			b.ReportMetric(median(took), "s/purge")
			for name, all := range map[string][]float64{"quiet": quiet, "beside": beside} {
				slices.Sort(all)
				b.ReportMetric(all[len(all)/2], name+"-p50-ms")
				b.ReportMetric(all[len(all)*99/100], name+"-p99-ms")
				b.ReportMetric(all[len(all)-1], name+"-max-ms")
			}
		})
	}
}

// smallJobs runs an engine that keeps ended jobs for so long, and returns how
// many milliseconds each job of one item takes, until done.
func smallJobs(b *testing.B, store *bunstore.Store, keep time.Duration, done func() bool) (took []float64) {
	b.Helper()
	e, err := engine.New(engine.Deps{Store: store, Bell: memory.NewBell()}, engine.Config{KeepJobs: keep})
	if err != nil {
		b.Fatal(err)
	}
	jobs, err := engine.Register(e, engine.Kind[struct{}, int]{
		Name: "edit", Resource: "r",
		Apply: func(context.Context, *domain.BatchJob, struct{}, []int) ([]domain.Outcome, error) {
			return []domain.Outcome{{Fate: domain.Updated}}, nil
		},
	})
	if err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()
	for !done() {
		began := time.Now()
		job, err := jobs.Submit(ctx, benchUser, engine.Request[struct{}, int]{Items: []int{1}})
		for err == nil && !job.State().Ended() {
			time.Sleep(time.Millisecond)
			job, err = e.Find(ctx, benchUser, job.ID())
		}
		if err != nil {
			b.Fatal(err)
		}
		took = append(took, float64(time.Since(began).Microseconds())/1000)
	}
	stop()
	if err := <-ended; err != nil {
		b.Fatal(err)
	}
	return took
}

// addOldJobs stores jobs that ended a day ago: small ones of one item, and then
// one of n items, all of which failed, which it returns.
func addOldJobs(b testing.TB, store *bunstore.Store, db *bun.DB, n, small int) domain.JobRef {
	b.Helper()
	at := time.Now().Add(-24 * time.Hour)
	var last domain.JobRef
	add := func(ctx context.Context, number, items int) error {
		job, err := domain.NewJob(domain.JobSpec{
			ID: domain.NewJobID(at, uint64(number)), Tenant: "acme", User: "1", Kind: "edit", Resource: "r", Payload: []byte(`{}`), Items: items, SubmittedAt: at,
		})
		if err != nil {
			return err
		}
		last = job.Ref()
		ended := at.Add(time.Duration(number) * time.Microsecond)
		if err := errors.Join(job.Start(at), job.Record(domain.Report{Failed: items}), job.Complete(ended)); err != nil {
			return err
		}
		return store.AddJob(ctx, job)
	}
	err := store.InTx(b.Context(), func(ctx context.Context) error {
		for i := range small {
			if err := add(ctx, i, 1); err != nil {
				return err
			}
		}
		tx := bunstore.Tx(ctx)
		_, err := tx.ExecContext(ctx, `INSERT INTO batchport_chunks (tenant, job_id, first, len, done) SELECT tenant, id, 0, 1, 1 FROM batchport_jobs`)
		if err == nil {
			_, err = tx.ExecContext(ctx, `INSERT INTO batchport_chunk_items (tenant, job_id, first, items) SELECT tenant, id, 0, '[1]' FROM batchport_jobs`)
		}
		if err == nil {
			_, err = tx.ExecContext(ctx, `INSERT INTO batchport_item_failures (tenant, job_id, position, code, detail)
				SELECT tenant, id, 0, 'invalid', '{"key":"1","code":"invalid","params":null}' FROM batchport_jobs`)
		}
		if err == nil {
			err = add(ctx, small, n)
		}
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	for _, statement := range []string{
		`INSERT INTO batchport_chunks (tenant, job_id, first, len, done) WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 2500 FROM n WHERE i + 2500 < ?)
			SELECT ?, ?, i, 2500, 1 FROM n`,
		`INSERT INTO batchport_chunk_items (tenant, job_id, first, items) WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 2500 FROM n WHERE i + 2500 < ?)
			SELECT ?, ?, i, replace(CAST(? AS TEXT), '0', CAST(i AS TEXT)) FROM n`,
		`INSERT INTO batchport_item_failures (tenant, job_id, position, code, detail) WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?)
			SELECT ?, ?, i, 'invalid', '{"key":"' || i || '","code":"invalid","field":"amount","value":"abc","params":{"expected":"amount","row":"' || i || '","column":"C"}}' FROM n`,
	} {
		args := []any{n, string(last.Tenant), string(last.ID), "[" + string(slices.Repeat([]byte("0,"), 2500)) + "0]"}
		if _, err := db.ExecContext(b.Context(), statement, args[:min(len(args), countMarks(statement))]...); err != nil {
			b.Fatal(strconv.Quote(statement), err)
		}
	}
	return last
}

// countMarks returns how many arguments the statement has.
func countMarks(statement string) (n int) {
	for _, r := range statement {
		if r == '?' {
			n++
		}
	}
	return n
}

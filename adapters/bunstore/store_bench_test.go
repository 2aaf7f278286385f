package bunstore_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/batchport/batchport/domain"
)

// BenchmarkChunk claims a chunk of 1,000 items and finishes it, which is what
// the store does for each in a job's life: two transactions, each on the disk.
func BenchmarkChunk(b *testing.B) {
	measureEach(b, func(b *testing.B, on engine) {
		for _, load := range []struct {
			name                    string
			endedJobs, done, queued int
		}{
			{"alone", 0, 0, 0},
			{"after 100k jobs and 1M chunks", 100_000, 1_000_000, 0},
			{"before 10k queued jobs", 0, 0, 10_000},
		} {
			b.Run(load.name, func(b *testing.B) {
				db := on.open(b, on.place(b))
				store := storeOn(b, db)
				seedEnded(b, db, load.endedJobs, load.done)
				sizes := make([]int, 1+b.N)
				for i := range sizes {
					sizes[i] = 1000
				}
				job := addPlanned(b, store, 1, sizes...)
				for i := range load.queued {
					addPlanned(b, store, uint64(i+2), 1)
				}
				b.ReportAllocs()
				b.ResetTimer()
				for range b.N {
					claim := mustClaim(b, store, false)
					if err := store.InTx(b.Context(), func(ctx context.Context) error {
						if err := store.FinishChunk(ctx, claim); err != nil {
							return err
						}
						job, err := store.LockJob(ctx, job.Ref())
						if err != nil {
							return err
						}
						if err := job.Record(domain.Report{Updated: claim.Chunk.Len}); err != nil {
							return err
						}
						return store.SaveJob(ctx, job)
					}); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	})
}

// BenchmarkAddChunks adds the chunks of a job of 100,000 items.
func BenchmarkAddChunks(b *testing.B) {
	measureEach(b, func(b *testing.B, on engine) {
		store := on.store(b)
		ids := make([]int64, 1000)
		for i := range ids {
			ids[i] = 5_000_000_000 + int64(i)
		}
		chunks := make([]domain.Chunk, 100)
		for i := range chunks {
			chunk, err := domain.NewChunk(i*len(ids), ids)
			if err != nil {
				b.Fatal(err)
			}
			chunks[i] = chunk
		}
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			ref := domain.JobRef{Tenant: "acme", ID: domain.JobID(fmt.Sprint(i))}
			if err := store.AddChunks(b.Context(), ref, chunks); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkClaimNothing answers a bell that rang for nothing.
func BenchmarkClaimNothing(b *testing.B) {
	measureEach(b, func(b *testing.B, on engine) {
		store := on.store(b)
		for b.Loop() {
			if _, _, err := store.Claim(b.Context(), claimAny, testNow); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// seedEnded fills the tables with what has ended.
func seedEnded(b *testing.B, db database, jobs, chunks int) {
	b.Helper()
	if jobs == 0 {
		return
	}
	const numbers = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) "
	for _, fill := range []struct {
		statement string
		rows      int
	}{
		{"INSERT INTO batchport_jobs (tenant, id, user_id, kind, resource, whole, locale, select_all, items, submitted_at, " +
			"state, total, created, updated, unchanged, deleted, exported, failed, skipped, cancelled, processed, cancel_requested, " +
			"epoch, suspect, strikes, sequence, started_at, ended_at, ended, needs_worker) " + numbers +
			"SELECT 'acme', 'old' || i, 'ann', 'estate_open', '', 0, '', 0, 1, 0, 'completed', 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, " +
			"0, 0, 0, 1, 0, 0, 1, 0 FROM n", jobs},
		{"INSERT INTO batchport_chunks (tenant, job_id, first, len, done) " + numbers +
			"SELECT 'acme', 'old' || (i % 100000), i, 1000, 1 FROM n", chunks},
	} {
		if _, err := db.Write.ExecContext(b.Context(), fill.statement, fill.rows); err != nil {
			b.Fatal(err)
		}
	}
}

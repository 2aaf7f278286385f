package bunstore_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/batchport/batchport/domain"
)

// Four purges, in as many processes, and two workers are at one database: each
// old job is removed once, all of the others is done once, and nobody meets an
// error.
func TestPurgesAndWorkersAtOnce(t *testing.T) {
	onEach(t, func(t *testing.T, on engine) {
		const purges, old, open = 4, 60, 40
		stores, db := on.stores(t, purges+1)
		before, early := testNow.Add(-time.Hour), testNow.Add(-2*time.Hour)
		for i := range uint64(old) {
			job := addPlanned(t, stores[0], i, 3, 40, 3)
			failures := make([]domain.ItemFailure, 46)
			for i := range failures {
				failures[i] = domain.ItemFailure{Index: i, Key: "k", Failure: domain.NewFailure(domain.CodeInvalid, "", "")}
			}
			if err := stores[0].InTx(t.Context(), func(ctx context.Context) error {
				if i%2 == 0 {
					job.FailWith(domain.NewFailure(domain.CodeInternal, "", ""), early)
				} else if err := errors.Join(job.Start(early), job.Record(domain.Report{Failed: 46}), job.Complete(early)); err != nil {
					return err
				}
				return errors.Join(stores[0].AddFailures(ctx, job.Ref(), failures), stores[0].SaveJob(ctx, job))
			}); err != nil {
				t.Fatal(err)
			}
		}
		for i := range uint64(open) {
			addPlanned(t, stores[0], old+i, 1, 1, 1)
		}
		var bare, removed, worked atomic.Int64
		atOnce(purges+2, func(i int) {
			if i >= purges {
				for {
					claim, found, err := stores[purges].Claim(t.Context(), claimAny, testNow)
					if err != nil || !found {
						if err != nil {
							t.Errorf("Claim() = %v, want no error", err)
						}
						return
					}
					if err := finish(t.Context(), stores[purges], claim); err != nil {
						t.Errorf("InTx(finish) = %v, want no error", err)
					}
					worked.Add(1)
				}
			}
			for calls := 0; bare.Load() < old && calls < 10_000; calls++ { // one that finds nothing may have found another at it
				purged, err := stores[i].PurgeItems(t.Context(), before, 50)
				n, failed := stores[i].PurgeJobs(t.Context(), before, 5)
				if err := errors.Join(err, failed); err != nil {
					t.Errorf("PurgeItems, PurgeJobs = %v, want no error", err)
					return
				}
				bare.Add(int64(purged.Jobs))
				removed.Add(int64(n))
			}
		})
		n, err := stores[0].PurgeJobs(t.Context(), before, old)
		if bare.Load() != old || err != nil || removed.Add(int64(n)) != old || worked.Load() != 3*open {
			t.Errorf("%d jobs were purged of items, %d removed, %v, and %d chunks done; want %d, %d and %d",
				bare.Load(), removed.Load(), err, worked.Load(), old, old, 3*open)
		}
		for query, want := range map[string]int{
			"SELECT count(*) FROM batchport_item_failures":              0,
			"SELECT count(*) FROM batchport_chunk_items":                3 * open,
			"SELECT count(*) FROM batchport_chunks WHERE done = 1":      3 * open,
			"SELECT count(*) FROM batchport_jobs":                       open,
			"SELECT count(*) FROM batchport_jobs WHERE total = updated": open,
		} {
			if got := number(t, db.Read, query); got != want {
				t.Errorf("%s = %d, want %d", query, got, want)
			}
		}
	})
}

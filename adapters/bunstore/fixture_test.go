package bunstore_test

import (
	"context"
	"testing"
	"time"

	"github.com/batchport/batchport/adapters/bunstore"
	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

const testKind domain.Kind = "estate_open"

var testNow = time.Date(2026, 11, 3, 21, 5, 6, 0, time.UTC)

// addPlanned stores a job of the tenant "acme" with chunks of these sizes.
func addPlanned(tb testing.TB, store *bunstore.Store, number uint64, sizes ...int) *domain.BatchJob {
	tb.Helper()
	items := 0
	var chunks []domain.Chunk
	for _, size := range sizes {
		chunk, err := domain.NewChunk(items, make([]int, size))
		if err != nil {
			tb.Fatal(err)
		}
		chunks = append(chunks, chunk)
		items += size
	}
	job, err := domain.NewJob(domain.JobSpec{
		ID: domain.NewJobID(testNow, number), Tenant: "acme", User: "ann", Kind: testKind, Items: items, SubmittedAt: testNow,
	})
	if err != nil {
		tb.Fatal(err)
	}
	if err := store.InTx(tb.Context(), func(ctx context.Context) error {
		if err := store.AddJob(ctx, job); err != nil {
			return err
		}
		return store.AddChunks(ctx, job.Ref(), chunks)
	}); err != nil {
		tb.Fatalf("InTx(add job %d) = %v, want no error", number, err)
	}
	return job
}

// mustClaim takes the next piece of work under an hour's lease.
func mustClaim(tb testing.TB, store *bunstore.Store, suspect bool) ports.Claim {
	tb.Helper()
	claim, found, err := store.Claim(tb.Context(), ports.ClaimRequest{
		Worker: "w", Kinds: []domain.Kind{testKind}, Lease: time.Hour, Suspect: suspect,
	}, testNow)
	if err != nil || !found {
		tb.Fatalf("Claim() = %t, %v; want a piece of work", found, err)
	}
	return claim
}

// eventually calls done until it reports true.
func eventually(tb testing.TB, what string, done func() bool) {
	tb.Helper()
	timeout := time.NewTimer(30 * time.Second)
	defer timeout.Stop()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-timeout.C:
			tb.Fatalf("waited in vain for %s", what)
		}
	}
}

// claimAny asks for any work.
var claimAny = ports.ClaimRequest{Worker: "w", Kinds: []domain.Kind{testKind}, Lease: time.Hour}

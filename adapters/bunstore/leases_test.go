package bunstore_test

import (
	"testing"
	"time"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

// Work that is given back without a delay is there whatever the clock does:
// no time is kept that a clock which steps back would have to reach again.
func TestReleaseWithoutDelayKeepsNoTime(t *testing.T) {
	onEach(t, func(t *testing.T, on engine) {
		store, db := on.storeAndDB(t)
		clock := "CAST(unixepoch('subsec') * 1000000 AS INTEGER)"
		if on.name == onPostgres.name {
			clock = "CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint)"
		}
		addPlanned(t, store, 1, 1)
		whole, err := domain.NewJob(domain.JobSpec{ID: domain.NewJobID(testNow, 2), Tenant: "acme", User: "ann", Kind: testKind, Whole: true, Items: 1})
		if err != nil {
			t.Fatal(err)
		}
		if err := store.AddJob(t.Context(), whole); err != nil {
			t.Fatalf("AddJob() = %v, want no error", err)
		}
		for delay, want := range map[time.Duration]int{0: 0, time.Microsecond: 2} {
			claims := []ports.Claim{mustClaim(t, store, false), mustClaim(t, store, false)}
			for _, claim := range claims {
				if err := store.Release(t.Context(), claim, delay); err != nil {
					t.Errorf("Release(%v) = %v, want no error", delay, err)
				}
			}
			got := number(t, db.Write, `SELECT (SELECT count(*) FROM batchport_jobs WHERE ready_at > 0) +
				(SELECT count(*) FROM batchport_chunks WHERE ready_at > 0)`)
			if got != want {
				t.Errorf("after Release(%v) there are %d pieces that wait for a time, want %d", delay, got, want)
			}
			eventually(t, "the delay", func() bool {
				return number(t, db.Write, "SELECT count(*) FROM batchport_chunks WHERE ready_at <= "+clock) == 1
			})
		}
	})
}

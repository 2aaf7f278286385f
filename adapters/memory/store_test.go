package memory_test

import (
	"testing"
	"time"

	"github.com/batchport/batchport/adapters/memory"
	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
	"github.com/batchport/batchport/ports/portstest"
)

func TestStore(t *testing.T) {
	t.Parallel()
	portstest.Store(t, func(*testing.T) ports.Store { return memory.NewStore(time.Now) })
}

func TestFreshReads(t *testing.T) {
	t.Parallel()
	portstest.FreshReads(t, func(*testing.T) (one, other portstest.FreshStore) {
		store := memory.NewStore(time.Now)
		return store, store
	})
}

func TestBacklog(t *testing.T) {
	t.Parallel()
	portstest.Backlog(t, func(*testing.T) portstest.BacklogStore { return memory.NewStore(time.Now) })
}

func TestAPIKeys(t *testing.T) {
	t.Parallel()
	portstest.APIKeys(t, func(*testing.T) interface {
		ports.APIKeys
		ports.Authority
	} {
		return memory.NewStore(time.Now)
	})
}

// Work that is given back without a delay is there whatever the clock does.
func TestReleaseOutlivesAClockThatStepsBack(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 3, 21, 5, 6, 0, time.UTC)
	store := memory.NewStore(func() time.Time { return now })
	job, err := domain.NewJob(domain.JobSpec{ID: domain.NewJobID(now, 1), Tenant: "acme", User: "ann", Kind: "estate_open", Whole: true, Items: 1})
	if err != nil {
		t.Fatal(err)
	}
	if err := store.AddJob(t.Context(), job); err != nil {
		t.Fatalf("AddJob() = %v, want no error", err)
	}
	request := ports.ClaimRequest{Worker: "w", Kinds: []domain.Kind{job.Kind()}, Lease: time.Hour}
	for _, step := range []time.Duration{0, -time.Hour} {
		now = now.Add(step)
		claim, found, err := store.Claim(t.Context(), request, now)
		if err != nil || !found {
			t.Fatalf("Claim(clock stepped by %v) = %t, %v; want the job", step, found, err)
		}
		if err := store.Release(t.Context(), claim, 0); err != nil {
			t.Fatalf("Release(0) = %v, want no error", err)
		}
	}
}

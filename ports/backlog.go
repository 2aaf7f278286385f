package ports

import (
	"context"
	"time"

	"github.com/batchport/batchport/domain"
)

// Backlog is what waits in a store, of all tenants together: for people who
// watch over an installation. Ages are by the store's clock, and never
// negative.
type Backlog struct {
	Jobs map[domain.JobState]OpenJobs // the jobs that have not ended, by state; no entry for none

	Ready      int           // pieces of work ([Claim]) that could be claimed right now, suspects or not
	ReadySince time.Duration // age of the oldest job of which there is one; 0 for none
	Suspect    int           // of the ready pieces, those to be run alone
	Held       int           // leases that are held

	Events      int           // events in the outbox that the stream does not have
	EventsSince time.Duration // age of the first that was added of them; 0 for none
}

// OpenJobs are jobs in one state.
type OpenJobs struct {
	Count  int
	Oldest time.Duration // since the first of them was submitted
}

// BacklogReader says what waits. It is no part of [Store]: hosts that nobody
// watches over can do without.
type BacklogReader interface {
	// Backlog counts what waits, as of the last commits; its parts may be of
	// moments that lie a little apart. What has ended costs nothing, however much
	// that is, and nobody waits for it.
	Backlog(ctx context.Context) (Backlog, error)
}

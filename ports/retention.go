package ports

import (
	"context"
	"time"

	"github.com/batchport/batchport/domain"
)

// Retention removes what jobs that have ended leave behind, a little with each
// call, so that whoever works on the store meanwhile waits for a moment at most.
// Callers go on until a call has found nothing. A call that fails, or of which
// nobody hears again, has removed a part or nothing, and the next one goes on from
// there. Any number of callers may be at it at once, in any number of processes:
// they share the work, and what one is at is left to it.
//
// A job is due when it has ended before the time that the call names, the one
// that ended first at the front. One that is open is never touched, and neither
// is one of whose events, those with its identifier as their subject, some are
// not published: who is told of a job finds it.
type Retention interface {
	// PurgeItems removes the items of jobs that are due, with their failures
	// and warnings: up to limit of these, and of one chunk at least. Before
	// anybody can miss one of them, the job says so ([domain.BatchJob.ItemsPurged]);
	// all else of it stays.
	PurgeItems(ctx context.Context, before time.Time, limit int) (Purged, error)

	// PurgeFiles makes up to limit jobs that are due forget the files that
	// they made, and returns those. To remove them is up to the caller.
	PurgeFiles(ctx context.Context, before time.Time, limit int) ([]JobFileRef, error)

	// PurgeJobs removes up to limit jobs that are due and whose items were
	// purged, and returns how many. A job that an idempotency key names stays
	// until the key is gone.
	PurgeJobs(ctx context.Context, before time.Time, limit int) (int, error)
}

// Purged is what one call has removed.
type Purged struct {
	Jobs  int // that nothing is left of but the job itself
	Items int // items, failures and warnings
}

// JobFileRef names a file that a job made.
type JobFileRef struct {
	Job  domain.JobRef
	File string // names it in the file store
}

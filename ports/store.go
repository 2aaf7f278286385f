package ports

import (
	"context"
	"iter"
	"time"

	"github.com/batchport/batchport/domain"
)

// Store is everything that the engine keeps. One value implements all of it,
// since its parts commit together.
//
// Every method may be called inside a transaction of the same store, whose
// context it is then given, and takes part in it; outside of one it is a
// transaction of its own. Inside, locks are always taken in this order: chunk,
// the kind's own rows sorted by key, job.
type Store interface {
	Transactions
	Jobs
	Chunks
	Failures
	Warnings
	Queue
	Leases
	Outbox
	IdempotencyKeys
	Retention
}

// Transactions runs functions inside a transaction that rides in the context.
type Transactions interface {
	// InTx runs fn in one transaction: all that fn does to the store with
	// the context it is given is committed when fn returns nil, and rolled
	// back when it returns an error, panics, or its context ends. InTx
	// returns fn's error as the store classifies it: one that says that the
	// data is at fault matches a data code ([domain.DataFault]), most often
	// [domain.CodeRejected]. After [domain.CodeUnavailable] the commit may have
	// happened. InTx inside InTx gives [domain.CodeInternal].
	//
	// fn may be run again, in a new transaction, when the store has rolled back
	// the one before because others stood in its way: it begins anew, and what
	// it leaves outside of the transaction is what its last run left.
	InTx(ctx context.Context, fn func(ctx context.Context) error) error

	// Savepoint runs fn inside the open transaction so that an error of fn,
	// which Savepoint returns classified like InTx's, undoes what fn did and
	// nothing before it. Outside of a transaction it gives [domain.CodeInternal].
	// Savepoints are not nested.
	Savepoint(ctx context.Context, fn func(ctx context.Context) error) error

	// Snapshot runs fn over one unchanging view of the store, for reading
	// alone. Transactions that others commit meanwhile are not seen. It
	// never blocks a writer, and fn may use InTx with the outer context.
	Snapshot(ctx context.Context, fn func(ctx context.Context) error) error
}

// Jobs keeps jobs.
type Jobs interface {
	// AddJob stores a new job, after all that were added before it in the
	// order of submission. An identifier that is taken gives [domain.CodeConflict].
	AddJob(ctx context.Context, job *domain.BatchJob) error

	// FindJob returns the job, or [domain.CodeNotFound], also when it is
	// another tenant's. It sees the last commit.
	FindJob(ctx context.Context, ref domain.JobRef) (*domain.BatchJob, error)

	// LockJob is FindJob, and nobody else changes the job until the
	// transaction ends. Outside of a transaction it gives [domain.CodeInternal].
	LockJob(ctx context.Context, ref domain.JobRef) (*domain.BatchJob, error)

	// SaveJob replaces the job, which the transaction has locked or added, but
	// for what it was submitted as, which never changes. A job that needs no
	// worker any more loses the lease on it.
	SaveJob(ctx context.Context, job *domain.BatchJob) error

	// SavePayload replaces the payload of the job, which the transaction has
	// locked or added, and nothing else.
	SavePayload(ctx context.Context, job *domain.BatchJob) error

	// ListJobs returns up to filter.Limit jobs of the tenant that the filter
	// lets through, the newest first, in the order of their identifiers.
	ListJobs(ctx context.Context, tenant domain.TenantID, filter JobFilter) ([]*domain.BatchJob, error)

	// CountOpenJobs returns how many jobs of the tenant have not ended, or
	// most when there are more. When they are close to most, whoever else counts
	// the jobs of the tenant waits until the transaction ends, so that nobody who
	// counts before adding takes room that another has taken. Outside of a transaction it gives [domain.CodeInternal].
	CountOpenJobs(ctx context.Context, tenant domain.TenantID, most int) (int, error)
}

// JobFilter says which jobs are wanted. A field that is zero wants all.
type JobFilter struct {
	Kinds           []domain.Kind      // any of them
	States          []domain.JobState  // any of them
	Results         []domain.JobResult // any of them
	User            domain.UserID      // who submitted it
	SubmittedFrom   time.Time
	SubmittedBefore time.Time
	Before          domain.JobID // jobs whose identifier comes before this one, for the next page
	Limit           int          // 0: none
}

// Chunks keeps the items of jobs.
type Chunks interface {
	// AddChunks stores chunks of a job, ready to be claimed once the job
	// runs. A chunk whose first index is taken gives [domain.CodeConflict]. No chunks: nothing is done.
	AddChunks(ctx context.Context, ref domain.JobRef, chunks []domain.Chunk) error

	// ClearChunks removes all chunks of a job, however far they are.
	ClearChunks(ctx context.Context, ref domain.JobRef) error

	// EachChunk yields the job's chunks in the order of their items. It reads in
	// pages: chunks added or removed meanwhile may be seen or not.
	EachChunk(ctx context.Context, ref domain.JobRef) iter.Seq2[domain.Chunk, error]

	// HoldChunk locks the claimed chunk until the transaction ends. A claim
	// that does not hold its chunk any more gives [domain.CodeClaimLost].
	HoldChunk(ctx context.Context, claim Claim) error

	// FinishChunk marks the claimed chunk as done, for good, and drops the
	// lease. A claim that does not hold its chunk any more gives
	// [domain.CodeClaimLost], and nothing is changed.
	FinishChunk(ctx context.Context, claim Claim) error
}

// Failures keeps why items failed.
type Failures interface {
	// AddFailures stores the failures of items of a job. An index that is
	// taken gives [domain.CodeConflict].
	AddFailures(ctx context.Context, ref domain.JobRef, failures []domain.ItemFailure) error

	// ListFailures returns up to limit failures in the order of their
	// indexes, beginning with the first index above after (-1: from the start).
	ListFailures(ctx context.Context, ref domain.JobRef, after, limit int) ([]domain.ItemFailure, error)

	// ListFailuresOf is ListFailures for those of one code alone.
	ListFailuresOf(ctx context.Context, ref domain.JobRef, code domain.Code, after, limit int) ([]domain.ItemFailure, error)

	// GroupFailures counts the failures of a job by their codes, the most
	// frequent first, and those that are as frequent in the order of the codes.
	GroupFailures(ctx context.Context, ref domain.JobRef) ([]domain.FailureGroup, error)

	// ClearFailures removes all failures of a job.
	ClearFailures(ctx context.Context, ref domain.JobRef) error
}

// Warnings keeps what is doubtful about items that were done all the same.
type Warnings interface {
	// AddWarnings stores the warnings about items of a job. An index that is
	// taken gives [domain.CodeConflict].
	AddWarnings(ctx context.Context, ref domain.JobRef, warnings []domain.ItemFailure) error

	// ListWarnings returns up to limit warnings in the order of their
	// indexes, beginning with the first index above after (-1: from the start).
	ListWarnings(ctx context.Context, ref domain.JobRef, after, limit int) ([]domain.ItemFailure, error)
}

// Claim is a piece of work that one worker holds under a lease: a chunk, or a
// job itself, to be planned or done whole.
type Claim struct {
	Job     *domain.BatchJob // as it stood when claimed
	Chunk   *domain.Chunk    // nil when the job itself is claimed
	Epoch   int64            // raised by every claim of this piece
	Suspect bool             // workers that held this piece were lost or panicked: to be run alone in its process
	Strikes int              // what is held against it: see Leases.Suspect
}

// ClaimRequest says which work a worker can take.
type ClaimRequest struct {
	Worker  string        // who asks, for people who look at the store
	Kinds   []domain.Kind // what this process knows to do; none: nothing is claimed
	Lease   time.Duration // how long the claim holds, by the store's clock, unless it is extended
	Suspect bool          // take suspects alone, else no suspects
	Chunks  bool          // take chunks alone, no job itself
}

// Queue hands out work.
type Queue interface {
	// Claim takes the next piece of work, or reports false when there is
	// none. Of any number of callers at once, one gets a given piece. The
	// choice: among the jobs of the asked kinds that may run, those of the tenant
	// that holds the fewest leases; of them the job submitted first; of it the job
	// itself, if it needs a worker, else its first ready chunk.
	//
	// A job may run when it has not ended, nobody asked to cancel it, and,
	// if it writes a resource, every job of its tenant on that resource that
	// was submitted before it has ended. A piece that was given back with a
	// delay is not taken before that is over.
	//
	// The claim raises the piece's epoch and takes the lease, in one
	// transaction. For a chunk it starts the job ([domain.BatchJob.Start]); a job itself
	// is taken ([domain.BatchJob.Take]). now is what they are told.
	Claim(ctx context.Context, request ClaimRequest, now time.Time) (Claim, bool, error)

	// Waiting returns the kinds of which something could be claimed right
	// now, suspects or not, each once for either.
	Waiting(ctx context.Context) ([]Waiting, error)

	// InFlight returns how many leases are held on the job and its chunks.
	InFlight(ctx context.Context, ref domain.JobRef) (int, error)

	// Stopped returns up to limit jobs that somebody asked to cancel, that
	// have not ended, and on which no lease is held.
	Stopped(ctx context.Context, limit int) ([]domain.JobRef, error)
}

// Waiting is a kind with work that nobody holds.
type Waiting struct {
	Kind    domain.Kind
	Suspect bool // the work is suspect
}

// Leases says what becomes of a claim. A method that changes a claim which
// does not hold its piece any more changes nothing.
type Leases interface {
	// Extend makes the lease end lease from now by the store's clock. It
	// gives [domain.CodeClaimLost] when the claim does not hold any more.
	Extend(ctx context.Context, claim Claim, lease time.Duration) error

	// Release gives the piece back, to be claimed again after delay. Nothing
	// is held against it.
	Release(ctx context.Context, claim Claim, delay time.Duration) error

	// Suspect gives the piece back because it may be at fault. A chunk of
	// several items is replaced by smaller ones ([domain.Chunk.Split]), all
	// suspect, without strikes. One that cannot be split, because it has one
	// item, its job does all or nothing, or its items cannot be read, becomes suspect, and gets a strike if it
	// was already. A job itself gets a strike, and is suspect from the second on:
	// planning and exporting take so long that one loss says little.
	Suspect(ctx context.Context, claim Claim) error

	// Expire does what Suspect does to every piece whose lease has run out,
	// or, with everything, to every piece that is held: when no other process
	// can be alive. It returns how many there were.
	Expire(ctx context.Context, everything bool) (int, error)
}

// Outbox keeps events until the stream has them, and for some days longer.
type Outbox interface {
	// AddEvents stores events, unpublished.
	AddEvents(ctx context.Context, events []domain.Event) error

	// UnpublishedEvents returns up to limit events that the stream does not
	// have, in the order in which they were added.
	UnpublishedEvents(ctx context.Context, limit int) ([]domain.Event, error)

	// MarkPublished remembers where the stream put each event: positions[i]
	// is that of events[i]. A place holds one event: any other that is marked at
	// one of these positions was lost by the stream since, and becomes
	// unpublished.
	MarkPublished(ctx context.Context, events []domain.Event, positions []StreamPosition) error

	// ReopenEvents asks for the state of the stream, and makes every event
	// unpublished that was marked before at a place which the stream does not
	// have: in another stream, or beyond its last. It returns how many. What is
	// marked meanwhile was published meanwhile, and stays. It may ask twice, and
	// fails when the answer is an error.
	ReopenEvents(ctx context.Context, ask func(ctx context.Context) (StreamState, error)) (int, error)

	// DropEvents removes events that the stream refuses for good.
	DropEvents(ctx context.Context, events []domain.Event) error

	// PurgeEvents removes up to limit published events that happened before
	// the time, the oldest first, and returns how many.
	PurgeEvents(ctx context.Context, before time.Time, limit int) (int, error)
}

// IdempotencyKey is a client's guard against doing one request twice.
type IdempotencyKey struct {
	Tenant      domain.TenantID
	Key         string
	Fingerprint string // of the request as parsed
	Job         domain.JobID
	At          time.Time
}

// IdempotencyKeys keeps the guards.
type IdempotencyKeys interface {
	// ReserveKey stores the key and returns its job, unless the key is there
	// and not older than since: then it returns the job that is stored. Another
	// fingerprint gives [domain.CodeMismatch]. Callers with one key at once
	// wait for each other's transaction.
	ReserveKey(ctx context.Context, key IdempotencyKey, since time.Time) (domain.JobID, error)

	// PurgeKeys removes up to limit keys from before the time, the oldest
	// first, and returns how many.
	PurgeKeys(ctx context.Context, before time.Time, limit int) (int, error)
}

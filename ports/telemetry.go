package ports

import (
	"context"
	"time"

	"github.com/batchport/batchport/domain"
)

// Telemetry is told what happens, for people who watch over a process: it
// counts, and draws traces. Its methods return at once and never fail, whatever
// happens behind them. They are told no item, no key and no text of anybody's.
type Telemetry interface {
	// Begin is told that work begins. It returns the context to do the work
	// with, which is ctx with the work's place in a trace, and a function to be
	// called once, with how the work ended.
	Begin(ctx context.Context, work Work) (context.Context, func(WorkEnd))

	// Trace returns where in a trace ctx is, "" when in none.
	Trace(ctx context.Context) domain.TraceParent

	// Changed is told what a transaction has made of a job, after the commit. A
	// commit whose answer was lost is not told of.
	Changed(change JobChange)

	// Count is told that something has happened n times; 0 says that it may, from
	// now on. What of is, the occurrence says; it is one of a few names, or "".
	Count(what Occurrence, of string, n int)
}

// WorkSort is a sort of work.
type WorkSort string

// The sorts of work.
const (
	WorkSubmit WorkSort = "submit" // a request is stored as a job
	WorkPlan   WorkSort = "plan"   // a job's selection is read and frozen
	WorkChunk  WorkSort = "chunk"  // some items are done
	WorkExport WorkSort = "export" // a whole job is done
)

// Work is something that takes time, is done to a job, and may fail.
type Work struct {
	Sort    WorkSort
	Tenant  domain.TenantID
	Kind    domain.Kind
	Job     domain.JobID       // "" before the job is stored
	Parent  domain.TraceParent // what it is a part of; "": what the context says
	First   int                // index of a chunk's first item
	Items   int                // how many items it is about; 0 when that is not known
	Attempt int64              // counts the attempts at this piece of work, from 1
	Suspect bool               // it runs alone
}

// WorkResult is how work ended.
type WorkResult string

// The results.
const (
	WorkDone        WorkResult = "done"        // what it did is committed; for [WorkSubmit], the job is stored
	WorkRefused     WorkResult = "refused"     // a request that is none, or that nobody may make
	WorkSuperseded  WorkResult = "superseded"  // another worker has taken it over
	WorkStopped     WorkResult = "stopped"     // the job was cancelled, or has failed, meanwhile
	WorkInterrupted WorkResult = "interrupted" // the process ends, or it made way for suspects: it is done later
	WorkUnavailable WorkResult = "unavailable" // the store or a disk did not do its part: it is done later
	WorkSuspect     WorkResult = "suspect"     // it failed in a way that nobody foresaw: it is tried again alone, in parts
	WorkGivenUp     WorkResult = "given_up"    // that happened too often: its items, or the job, have failed
	WorkHung        WorkResult = "hung"        // its kind does not heed its context: the process is to end
)

// WorkEnd says how work ended.
type WorkEnd struct {
	Result WorkResult
	Code   domain.Code  // of the error, "" for none
	Job    domain.JobID // that was stored, by [WorkSubmit]
}

// JobChange is what one transaction has made of a job.
type JobChange struct {
	Kind      domain.Kind
	Submitted bool            // the job is new
	Items     domain.Report   // how many items have come to which end; the total says nothing
	Ended     domain.JobState // how the job has ended, "" if it has not
	Took      time.Duration   // from the submission to the end, when it has ended
}

// Occurrence is something that happens and that people who watch want to know.
type Occurrence string

// The occurrences, and what of is for each.
const (
	LeasesExpired   Occurrence = "leases_expired"   // workers gave no sign, and lost their work; ""
	Panicked        Occurrence = "panicked"         // a kind's name
	DutyFailed      Occurrence = "duty_failed"      // a duty in the background, which is tried again: its name
	QuotaRefused    Occurrence = "quota_refused"    // a quota's name
	EventsPublished Occurrence = "events_published" // ""
	EventsRefused   Occurrence = "events_refused"   // by the stream, for good; ""
	EventsReopened  Occurrence = "events_reopened"  // the stream has lost them; ""
)

package domain

import "strconv"

// JobOptions are how a job treats its items. The zero value does each of them
// for itself, whatever becomes of the others.
type JobOptions struct {
	// ValidateOnly has the items tried and their outcomes kept, and takes back
	// whatever trying them did.
	ValidateOnly bool

	// AllOrNothing does all items in one transaction, of which nothing stays when
	// one of them fails: the others are then skipped.
	AllOrNothing bool

	// FailLimit stops the job when too many items have failed.
	FailLimit FailLimit
}

// MaxAllOrNothing is how many items a job may have that does all or nothing:
// they are one transaction, for which every other writer of SQLite waits.
const MaxAllOrNothing = 10_000

// FailLimit is how many items may fail before a job is stopped. It is reached
// when one of its numbers is; the zero value never is.
type FailLimit struct {
	Items   int // failed items; 0: their number does not matter
	Percent int // failed items in percent of all, 1 to 100; 0: their share does not matter
}

// Check refuses options that no job can have, with [CodeOutOfRange] for each
// number at fault and [CodeInvalid] for options that exclude each other.
func (o JobOptions) Check() error {
	var faults []Failure
	for _, limit := range []struct {
		field     string
		value     int
		least, of int
	}{{"fail_limit.items", o.FailLimit.Items, 0, MaxFailItems}, {"fail_limit.percent", o.FailLimit.Percent, 0, 100}} {
		if limit.value < limit.least || limit.value > limit.of {
			faults = append(faults, NewFailure(CodeOutOfRange, limit.field, strconv.Itoa(limit.value),
				"min", "1", "max", strconv.Itoa(limit.of)))
		}
	}
	if o.AllOrNothing && o.FailLimit != (FailLimit{}) {
		faults = append(faults, NewFailure(CodeDuplicate, "fail_limit", "", "reason", "both", "other", "all_or_nothing"))
	}
	return FailAll(CodeInvalid, faults)
}

// MaxFailItems is the greatest [FailLimit.Items], above what any job has.
const MaxFailItems = 1_000_000_000

// Of returns how many failed items reach the limit in a job of total items. It
// is 0 when there is no limit, and for a share while total is not known, 0.
func (l FailLimit) Of(total int) int {
	share := (l.Percent*total + 99) / 100
	switch {
	case l.Percent == 0:
		return l.Items
	case l.Items == 0:
		return share
	}
	return min(l.Items, share)
}

// reached reports whether so many items have failed that the job is to stop.
func (l FailLimit) reached(r Report) bool {
	most := l.Of(r.Total)
	return most > 0 && r.Failed >= most
}

// JobResult says in one word how a job ended.
type JobResult string

// The results.
const (
	JobSucceeded       JobResult = "succeeded"        // no item failed; also when there was none
	JobPartiallyFailed JobResult = "partially_failed" // some items failed and some did not
	JobNoneSucceeded   JobResult = "failed"           // items failed and none succeeded, or the job as such failed
	JobStopped         JobResult = "cancelled"        // it was stopped before every item was tried
)

// JobResults lists the results.
func JobResults() []JobResult {
	return []JobResult{JobSucceeded, JobPartiallyFailed, JobNoneSucceeded, JobStopped}
}

// JobStates lists the states in the order in which a job passes through them.
func JobStates() []JobState {
	return []JobState{JobQueued, JobPlanning, JobRunning, JobFinishing, JobCompleted, JobCancelled, JobFailed}
}

// Result returns how the job ended, "" when it has not.
func (j *BatchJob) Result() JobResult {
	switch r := j.s.Report; {
	case !j.s.State.Ended():
		return ""
	case j.s.State == JobCancelled:
		return JobStopped
	case j.s.State == JobFailed:
		return JobNoneSucceeded
	case r.Failed == 0:
		return JobSucceeded
	case r.Succeeded() > 0:
		return JobPartiallyFailed
	}
	return JobNoneSucceeded
}

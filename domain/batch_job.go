package domain

import (
	"fmt"
	"slices"
	"strconv"
	"time"
)

// Kind names what a job does, such as "estate_export". It is part of event
// subjects: letters, digits, '_' and '-' only.
type Kind string

// JobState is where a job is in its life.
type JobState string

// The states, in the order in which a job passes through them. The last
// three are ends.
const (
	JobQueued    JobState = "queued"    // accepted; nobody works on it yet
	JobPlanning  JobState = "planning"  // its selection is being read and frozen
	JobRunning   JobState = "running"   // its items are being worked on
	JobFinishing JobState = "finishing" // its file is being put in place
	JobCompleted JobState = "completed" // every item was tried; the report says how they ended
	JobCancelled JobState = "cancelled" // stopped by somebody before every item was tried
	JobFailed    JobState = "failed"    // the job as such could not be done; its Cause says why
)

// Ended reports whether the state is an end.
func (s JobState) Ended() bool {
	return s == JobCompleted || s == JobCancelled || s == JobFailed
}

// Selection says which items a job is about.
type Selection struct {
	All      bool // all that match the payload's filter, frozen when planned; else the items were named one by one
	Failed   bool // with All: not the payload's filter chooses them; they are those of [JobSpec.RetryOf] that failed
	Expected *int // how many the caller saw, with All; nil when the caller did not say
}

// JobFile is the file that a job made.
type JobFile struct {
	ID   string // names it in the file store
	Name string // for the reader, such as "物件.xlsx"
	Size int64  // bytes
}

// JobSpec is what a job is made of when it is submitted.
type JobSpec struct {
	ID          JobID
	Tenant      TenantID
	User        UserID
	Kind        Kind
	Resource    string // what the kind writes; jobs of one tenant on one resource run in turn; "" for kinds that only read
	Whole       bool   // one worker does the whole job, as exports are done; else chunks
	Payload     []byte // the kind's parameters, JSON
	Locale      string // language of the submitter, such as "zh_TW"; "" when unknown
	Selection   Selection
	Items       int // number of items named one by one; 0 with Selection.All
	SubmittedAt time.Time
	Trace       TraceParent // under what it was submitted; "" when nobody traces
	Options     JobOptions
	RetryOf     JobID // the job whose failed items it tries again, which may not be kept any more; "" for none
}

// BatchJob is one submitted request and its life. It hides its fields since
// only some moves are allowed; a store keeps it as a [JobSnapshot].
type BatchJob struct{ s JobSnapshot }

// JobSnapshot is a job as it is stored. Times are UTC in whole microseconds;
// a zero time has not come yet.
type JobSnapshot struct {
	JobSpec
	State           JobState
	Report          Report
	Processed       int      // items that the worker of a whole job has passed; only for progress
	Cause           *Failure // why the job failed, or was stopped by its own limit; or nil
	File            *JobFile // the file it made, or nil
	CancelRequested bool     // somebody asked to stop it
	Epoch           int64    // raised by each claim of the job itself, as its planner or exporter
	Suspect         bool     // workers that held the job itself were lost or panicked, more than once
	Strikes         int      // how often that happened
	Sequence        int64    // events so far
	StartedAt       time.Time
	EndedAt         time.Time
	ItemsPurged     bool // its items, and what was said of them, are not kept any more, or not all of them
}

// NewJob returns a queued job. A spec without id, tenant, user or kind, or
// with no items named and no selection, gives [CodeRequired]; options that
// no job can have are refused as [JobOptions.Check] says.
func NewJob(spec JobSpec) (*BatchJob, error) {
	for _, field := range []struct{ name, value string }{
		{"id", string(spec.ID)}, {"tenant", string(spec.Tenant)}, {"user", string(spec.User)}, {"kind", string(spec.Kind)},
	} {
		if field.value == "" {
			return nil, Fail(NewFailure(CodeRequired, field.name, ""))
		}
	}
	if spec.Items == 0 && !spec.Selection.All {
		return nil, Fail(NewFailure(CodeRequired, "items", ""))
	}
	if err := spec.Options.Check(); err != nil {
		return nil, err
	}
	spec.SubmittedAt = instant(spec.SubmittedAt)
	if !spec.Trace.WellFormed() {
		spec.Trace = "" // which is no reason to refuse the job
	}
	return &BatchJob{s: JobSnapshot{JobSpec: spec, State: JobQueued, Report: Report{Total: spec.Items}}}, nil
}

// LoadJob returns the job that a store kept. It checks that the snapshot is
// well-formed, and applies no rule that depends on today's limits.
func LoadJob(s JobSnapshot) (*BatchJob, error) {
	if s.ID == "" || s.Tenant == "" || s.Kind == "" {
		return nil, fmt.Errorf("job %q of tenant %q: incomplete snapshot", s.ID, s.Tenant)
	}
	if s.Report.Pending() < 0 {
		return nil, fmt.Errorf("job %s: %d of %d items ended", s.ID, s.Report.Ended(), s.Report.Total)
	}
	return &BatchJob{s: s}, nil
}

// Snapshot returns the job as it is stored.
func (j *BatchJob) Snapshot() JobSnapshot { return j.s }

// Clone returns a job that shares nothing with this one.
func (j *BatchJob) Clone() *BatchJob {
	s := j.s
	s.Payload = slices.Clone(s.Payload)
	if s.Selection.Expected != nil {
		expected := *s.Selection.Expected
		s.Selection.Expected = &expected
	}
	if s.Cause != nil {
		cause := s.Cause.clone()
		s.Cause = &cause
	}
	if s.File != nil {
		file := *s.File
		s.File = &file
	}
	return &BatchJob{s: s}
}

// JobRef names a job for a store: nobody reaches a job without its tenant.
type JobRef struct {
	Tenant TenantID
	ID     JobID
}

// Ref returns the job's name for a store.
func (j *BatchJob) Ref() JobRef { return JobRef{Tenant: j.s.Tenant, ID: j.s.ID} }

// ID returns the job's identifier.
func (j *BatchJob) ID() JobID { return j.s.ID }

// Tenant returns whose job it is.
func (j *BatchJob) Tenant() TenantID { return j.s.Tenant }

// User returns who submitted it.
func (j *BatchJob) User() UserID { return j.s.User }

// Kind returns what it does.
func (j *BatchJob) Kind() Kind { return j.s.Kind }

// Payload returns the kind's parameters as JSON; the caller must not change it.
func (j *BatchJob) Payload() []byte { return j.s.Payload }

// Prepare replaces the kind's parameters by what preparing the job made of
// them. The caller must not change payload any more.
func (j *BatchJob) Prepare(payload []byte) { j.s.Payload = payload }

// Locale returns the submitter's language, or "".
func (j *BatchJob) Locale() string { return j.s.Locale }

// Selection returns which items the job is about.
func (j *BatchJob) Selection() Selection { return j.s.Selection }

// State returns where it is in its life.
func (j *BatchJob) State() JobState { return j.s.State }

// Report returns its counts.
func (j *BatchJob) Report() Report { return j.s.Report }

// Cause returns why it failed, or was stopped by its own limit; or nil.
func (j *BatchJob) Cause() *Failure { return j.s.Cause }

// File returns the file it made, or nil.
func (j *BatchJob) File() *JobFile { return j.s.File }

// EndedAt returns when it ended, or zero.
func (j *BatchJob) EndedAt() time.Time { return j.s.EndedAt }

// ItemsPurged reports whether its items, and why they failed, have been kept
// for long enough and are not there any more. The report still counts them.
func (j *BatchJob) ItemsPurged() bool { return j.s.ItemsPurged }

// SubmittedAt returns when it was submitted.
func (j *BatchJob) SubmittedAt() time.Time { return j.s.SubmittedAt }

// Options returns how it treats its items.
func (j *BatchJob) Options() JobOptions { return j.s.Options }

// RetryOf returns the job whose failed items it tries again, or "".
func (j *BatchJob) RetryOf() JobID { return j.s.RetryOf }

// Trace returns under what it was submitted, or "".
func (j *BatchJob) Trace() TraceParent { return j.s.Trace }

// Whole reports whether one worker does the whole job.
func (j *BatchJob) Whole() bool { return j.s.Whole }

// Percent returns its progress as a whole percent: 100 once it has ended, and
// 0 to 99 before. It never falls from one stored state to the next.
func (j *BatchJob) Percent() int {
	switch {
	case j.s.State.Ended():
		return 100
	case j.s.Report.Total == 0:
		return 0
	}
	return min(99, 100*max(j.s.Processed, j.s.Report.Ended())/j.s.Report.Total)
}

// NeedsWorker reports whether somebody must hold the job itself: to plan it,
// or to do it whole.
func (j *BatchJob) NeedsWorker() bool {
	switch j.s.State {
	case JobQueued:
		return j.s.Whole || j.s.Selection.All
	case JobPlanning:
		return true
	case JobRunning, JobFinishing:
		return j.s.Whole
	case JobCompleted, JobCancelled, JobFailed:
	}
	return false
}

// Take makes a new worker the holder of the job itself, raises its epoch, and
// begins planning or the whole work. Whoever held it before is superseded. A
// job that needs no worker, or is being cancelled, gives [CodeConflict].
func (j *BatchJob) Take(now time.Time) error {
	if !j.NeedsWorker() || j.s.CancelRequested {
		return Fail(NewFailure(CodeConflict, "", string(j.s.State), "state", string(j.s.State)))
	}
	if j.s.Whole {
		j.s.State = JobRunning
	} else {
		j.s.State = JobPlanning
	}
	j.start(now)
	j.s.Epoch++
	return nil
}

// Start moves a queued job whose items are planned to running, when its first
// chunk is claimed. A running job stays as it is; any other state gives
// [CodeConflict].
func (j *BatchJob) Start(now time.Time) error {
	if j.s.State != JobRunning && j.s.State != JobQueued || j.NeedsWorker() {
		return Fail(NewFailure(CodeConflict, "", string(j.s.State), "state", string(j.s.State)))
	}
	j.s.State = JobRunning
	j.start(now)
	return nil
}

// HeldBy fails with [CodeClaimLost] unless the claim with this epoch still
// holds the job itself.
func (j *BatchJob) HeldBy(epoch int64) error {
	if j.s.Epoch != epoch || !j.NeedsWorker() || j.s.CancelRequested {
		return CodeClaimLost
	}
	return nil
}

// Planned freezes the selection at total items and moves the job from
// planning to running. When the caller saw another number, it gives
// [CodeTotalMismatch] and the job is to be failed with it.
func (j *BatchJob) Planned(total int) error {
	if j.s.State != JobPlanning {
		return CodeClaimLost
	}
	if err := j.verifyTotal(total); err != nil {
		return err
	}
	j.s.State, j.s.Report.Total = JobRunning, total
	return nil
}

// Pass notes that the worker of a whole job has passed n items of total, for
// progress. What an earlier worker passed is not taken back.
func (j *BatchJob) Pass(n, total int) {
	j.s.Processed = max(j.s.Processed, n)
	j.s.Report.Total = max(j.s.Report.Total, total)
}

// Finishing says that a whole job's items are done and its file is being put
// in place. A job in another state than running stays in it.
func (j *BatchJob) Finishing() {
	if j.s.State == JobRunning {
		j.s.State = JobFinishing
	}
}

// Record adds the outcomes of some items, each of which had none before. When
// so many have failed that the job's limit is reached, and items are left, it
// asks to stop the job, with [CodeFailLimit] as the cause. A job that is not
// running gives [CodeClaimLost]. More outcomes than pending items panic: some item
// would have two.
func (j *BatchJob) Record(done Report) error {
	if j.s.State != JobRunning && j.s.State != JobFinishing {
		return CodeClaimLost
	}
	j.s.Report = j.s.Report.add(done)
	if j.s.Report.Pending() < 0 {
		panic("domain: job " + string(j.s.ID) + " has more outcomes than items")
	}
	if r := j.s.Report; r.Pending() > 0 && !j.s.CancelRequested && j.s.Options.FailLimit.reached(r) {
		cause := NewFailure(CodeFailLimit, "", "", "failed", strconv.Itoa(r.Failed), "total", strconv.Itoa(r.Total))
		j.s.CancelRequested, j.s.Cause = true, &cause
	}
	return nil
}

// RecordWhole replaces the counts by those of a whole job's items. A number
// of items that is not the one the caller saw gives [CodeTotalMismatch].
func (j *BatchJob) RecordWhole(done Report) error {
	if err := j.verifyTotal(done.Total); err != nil {
		return err
	}
	j.s.Report = done
	return nil
}

// Attach gives the job the file it made.
func (j *BatchJob) Attach(f JobFile) { j.s.File = &f }

// Complete ends a job all of whose items have an outcome. Pending items give
// [CodeConflict].
func (j *BatchJob) Complete(now time.Time) error {
	if j.s.State != JobRunning && j.s.State != JobFinishing || j.s.Report.Pending() > 0 {
		return Fail(NewFailure(CodeConflict, "", "", "pending", strconv.Itoa(j.s.Report.Pending())))
	}
	j.end(JobCompleted, now)
	return nil
}

// RequestCancel asks to stop the job. Its items in work are finished, the
// rest are not begun. A job that has ended gives [CodeConflict].
func (j *BatchJob) RequestCancel() error {
	if j.s.State.Ended() {
		return Fail(NewFailure(CodeConflict, "", string(j.s.State), "state", string(j.s.State)))
	}
	j.s.CancelRequested = true
	return nil
}

// CancelRequested reports whether somebody asked to stop the job.
func (j *BatchJob) CancelRequested() bool { return j.s.CancelRequested }

// Cancel ends a job that was asked to stop and of which nothing is in work;
// its pending items are cancelled. A job that has ended stays as it is.
func (j *BatchJob) Cancel(now time.Time) {
	if j.s.State.Ended() {
		return
	}
	j.s.Report.Cancelled += j.s.Report.Pending()
	j.end(JobCancelled, now)
}

// FailWith ends a job that cannot be done as such; its pending items are
// skipped. A job that has ended stays as it is.
func (j *BatchJob) FailWith(cause Failure, now time.Time) {
	if j.s.State.Ended() {
		return
	}
	j.s.Cause = &cause
	j.s.Report.Skipped += j.s.Report.Pending()
	j.end(JobFailed, now)
}

// NextEvent returns the job's next event, named what, with the next sequence
// number, in the job's trace. Data is JSON.
func (j *BatchJob) NextEvent(what string, data []byte, now time.Time) Event {
	j.s.Sequence++
	return Event{
		ID:       fmt.Sprintf("%s-%d", j.s.ID, j.s.Sequence),
		Tenant:   j.s.Tenant,
		Topic:    "job." + string(j.s.Kind) + "." + what,
		Subject:  string(j.s.ID),
		Sequence: j.s.Sequence,
		Time:     instant(now),
		Trace:    j.s.Trace,
		Data:     data,
	}
}

func (j *BatchJob) start(now time.Time) {
	if j.s.StartedAt.IsZero() {
		j.s.StartedAt = instant(now)
	}
}

func (j *BatchJob) end(state JobState, now time.Time) {
	j.s.State, j.s.EndedAt = state, instant(now)
}

func (j *BatchJob) verifyTotal(total int) error {
	if want := j.s.Selection.Expected; want != nil && *want != total {
		return Fail(NewFailure(CodeTotalMismatch, "total", strconv.Itoa(*want),
			"expected", strconv.Itoa(*want), "found", strconv.Itoa(total)))
	}
	return nil
}

// instant is t as every store keeps it: UTC, whole microseconds.
func instant(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Microsecond)
}

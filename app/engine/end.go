package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/batchport/batchport/domain"
)

// saveEnded stores a job that has just ended, and the event that says so.
func (e *Engine) saveEnded(ctx context.Context, job *domain.BatchJob) error {
	if err := e.announce(ctx, job, string(job.State())); err != nil {
		return err
	}
	if err := e.announceMore(ctx, job); err != nil {
		return err
	}
	return e.store.SaveJob(ctx, job)
}

// announceMore adds the events that the job's kind has about its end.
func (e *Engine) announceMore(ctx context.Context, job *domain.BatchJob) error {
	k := e.kind(job.Kind()) // nil for a kind that only other processes know
	if e.events == nil || k == nil || k.announce == nil {
		return nil
	}
	events, err := k.announce(job)
	if err == nil {
		for i := range events {
			events[i].Trace = e.traceOf(ctx, job)
		}
		err = e.AddEvents(ctx, events...)
	}
	if err != nil && ctx.Err() == nil {
		// No item is to blame for it, so the work is given back rather than suspect.
		return domain.Unavailable(fmt.Errorf("announce the end of job %s: %w", job.ID(), err))
	}
	return err
}

// saveStopped ends a job that somebody asked to stop, unless something of it
// is still in work, and stores it.
func (e *Engine) saveStopped(ctx context.Context, job *domain.BatchJob) error {
	held, err := e.store.InFlight(ctx, job.Ref())
	if err != nil {
		return err
	}
	if held > 0 {
		return e.store.SaveJob(ctx, job)
	}
	job.Cancel(e.cfg.Now())
	return e.saveEnded(ctx, job)
}

// Cancel asks to stop a job of the caller's tenant. Items in work are
// finished; the rest end as cancelled, at once or when the last worker lets
// go. It fails with [domain.CodeNotFound], [domain.CodeForbidden] when who
// lacks the kind's permission, and [domain.CodeConflict] when the job has
// ended.
func (e *Engine) Cancel(ctx context.Context, who domain.Principal, id domain.JobID) (job *domain.BatchJob, err error) {
	err = e.changing(ctx, func(ctx context.Context, c *change) error {
		if job, err = e.store.LockJob(ctx, domain.JobRef{Tenant: who.Tenant, ID: id}); err != nil {
			return err
		}
		c.of(job)
		permission := domain.Permission(job.Kind()) // of a kind that another process runs
		if k := e.kind(job.Kind()); k != nil {
			permission = k.permission
		}
		if !who.May(permission) {
			return domain.Fail(domain.NewFailure(domain.CodeForbidden, "", "", "permission", string(permission)))
		}
		if err := job.RequestCancel(); err != nil {
			return err
		}
		return e.saveStopped(ctx, job)
	})
	if err != nil {
		return nil, fmt.Errorf("cancel job %s: %w", id, err)
	}
	e.tell()
	return job, nil
}

// endStopped ends the job if somebody asked to stop it and nothing of it is
// in work. It reports whether the job goes no further: it is being stopped, or
// was, or has failed.
func (e *Engine) endStopped(ctx context.Context, ref domain.JobRef) (stopped bool, err error) {
	err = e.changing(ctx, func(ctx context.Context, c *change) error {
		job, err := e.store.LockJob(ctx, ref)
		if err != nil {
			return err
		}
		stopped = job.CancelRequested() || job.State() == domain.JobFailed
		if job.State().Ended() || !job.CancelRequested() {
			return nil
		}
		c.of(job)
		return e.saveStopped(ctx, job)
	})
	e.tell()
	return stopped, err
}

// announce adds the job's next event to the outbox, for the transaction that
// makes it true.
func (e *Engine) announce(ctx context.Context, job *domain.BatchJob, what string) error {
	if e.events == nil {
		return nil
	}
	data, err := json.Marshal(eventDataOf(job))
	if err != nil {
		return fmt.Errorf("encode the event of job %s: %w", job.ID(), err)
	}
	event := job.NextEvent(what, data, e.cfg.Now())
	event.Trace = e.traceOf(ctx, job)
	return e.AddEvents(ctx, event)
}

// eventData is what a job's event says of it.
type eventData struct {
	Job          domain.JobID     `json:"job"`
	Kind         domain.Kind      `json:"kind"`
	User         domain.UserID    `json:"user"`
	State        domain.JobState  `json:"state"`
	Result       domain.JobResult `json:"result,omitempty"`
	ValidateOnly bool             `json:"validateOnly,omitempty"`
	RetryOf      domain.JobID     `json:"retryOf,omitempty"`
	Report       eventReport      `json:"report"`
	Failure      *eventFailure    `json:"failure,omitempty"`
	File         *eventFile       `json:"file,omitempty"`
	SubmittedAt  time.Time        `json:"submittedAt"`
	StartedAt    *time.Time       `json:"startedAt,omitempty"`
	EndedAt      *time.Time       `json:"endedAt,omitempty"`
}

type eventReport struct {
	Total     int `json:"total"`
	Created   int `json:"created"`
	Updated   int `json:"updated"`
	Unchanged int `json:"unchanged"`
	Deleted   int `json:"deleted"`
	Exported  int `json:"exported"`
	Failed    int `json:"failed"`
	Skipped   int `json:"skipped"`
	Cancelled int `json:"cancelled"`
}

type eventFailure struct {
	Code   domain.Code       `json:"code"`
	Field  string            `json:"field,omitempty"`
	Params map[string]string `json:"params,omitempty"`
}

type eventFile struct {
	Name string `json:"name"`
	Size int64  `json:"size"`
}

func eventDataOf(job *domain.BatchJob) eventData {
	s := job.Snapshot()
	data := eventData{
		Job: s.ID, Kind: s.Kind, User: s.User, State: s.State, SubmittedAt: s.SubmittedAt,
		Result: job.Result(), ValidateOnly: s.Options.ValidateOnly, RetryOf: s.RetryOf,
		Report:    eventReport(s.Report),
		StartedAt: optional(s.StartedAt), EndedAt: optional(s.EndedAt),
	}
	if s.Cause != nil {
		data.Failure = &eventFailure{Code: s.Cause.Code, Field: s.Cause.Field, Params: s.Cause.Params}
	}
	if s.File != nil {
		data.File = &eventFile{Name: s.File.Name, Size: s.File.Size}
	}
	return data
}

func optional(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

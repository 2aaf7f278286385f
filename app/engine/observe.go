package engine

import (
	"context"
	"log/slog"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

// unwatched is the telemetry of an engine that nobody watches over.
type unwatched struct{}

func (unwatched) Begin(ctx context.Context, _ ports.Work) (context.Context, func(ports.WorkEnd)) {
	return ctx, func(ports.WorkEnd) {}
}
func (unwatched) Trace(context.Context) domain.TraceParent  { return "" }
func (unwatched) Changed(ports.JobChange)                   {}
func (unwatched) Count(_ ports.Occurrence, _ string, _ int) {}

// change is what a transaction makes of a job. It changes one at most.
type change struct {
	job       *domain.BatchJob // nil for none
	before    domain.JobSnapshot
	submitted bool
}

// of notes the job that the transaction has locked and may change from now on.
func (c *change) of(job *domain.BatchJob) { c.job, c.before = job, job.Snapshot() }

// changing runs fn in one transaction and tells, once it is committed, what
// became of the job that fn notes: what was rolled back was nothing.
func (e *Engine) changing(ctx context.Context, fn func(ctx context.Context, c *change) error) error {
	var c change
	err := e.store.InTx(ctx, func(ctx context.Context) error {
		c = change{} // in case that the transaction is run again
		return fn(ctx, &c)
	})
	if err == nil && c.job != nil {
		e.follows.look(c.job.Ref())
		e.changed(c)
	}
	return err
}

func (e *Engine) changed(c change) {
	after := c.job.Snapshot()
	told := ports.JobChange{Kind: after.Kind, Submitted: c.submitted, Items: after.Report.Since(c.before.Report)}
	if after.State.Ended() && !c.before.State.Ended() {
		told.Ended, told.Took = after.State, max(0, after.EndedAt.Sub(after.SubmittedAt))
		attributes := []any{"state", after.State, "total", after.Report.Total}
		for _, fate := range domain.Fates() {
			if n := after.Report.Count(fate); n > 0 {
				attributes = append(attributes, string(fate), n)
			}
		}
		if after.Cause != nil {
			attributes = append(attributes, "code", after.Cause.Code)
		}
		e.logOf(c.job).Info("a job has ended", append(attributes, "took", told.Took)...)
	}
	e.telemetry.Changed(told)
}

// logOf returns the log for lines about the job.
func (e *Engine) logOf(job *domain.BatchJob) *slog.Logger {
	log := e.log.With("job", job.ID(), "kind", job.Kind(), "tenant", job.Tenant())
	if id := job.Trace().TraceID(); id != "" {
		log = log.With("trace_id", id)
	}
	return log
}

// faultOf is an error as the log says it: one that says that the data is at
// fault by its code alone, since its text may say what the data is.
func faultOf(err error) slog.Attr {
	if domain.DataFault(err) {
		return slog.Any("code", domain.CodeOf(err))
	}
	return slog.Any("error", err)
}

// traceOf returns where in the job's trace ctx is, or under what the job was
// submitted when ctx is in another trace, or in none: what the events of a job
// tell of is found in one trace, whoever makes it happen.
func (e *Engine) traceOf(ctx context.Context, job *domain.BatchJob) domain.TraceParent {
	here, jobs := e.telemetry.Trace(ctx), job.Trace()
	if jobs == "" || here.TraceID() == jobs.TraceID() {
		return here
	}
	return jobs
}

// workOf describes claimed work to those who watch.
func workOf(claim ports.Claim) ports.Work {
	job := claim.Job
	work := ports.Work{
		Sort: ports.WorkPlan, Tenant: job.Tenant(), Kind: job.Kind(), Job: job.ID(), Parent: job.Trace(),
		Items: job.Report().Total, Attempt: claim.Epoch, Suspect: claim.Suspect,
	}
	switch {
	case claim.Chunk != nil:
		work.Sort, work.First, work.Items = ports.WorkChunk, claim.Chunk.First, claim.Chunk.Len
	case job.Whole():
		work.Sort = ports.WorkExport
	}
	return work
}

package engine

import (
	"context"

	"github.com/batchport/batchport/adapters/memory"
	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

// counts are how often something happened to jobs and items of a kind.
type counts map[string]int

// add counts one change of a job.
func (c counts) add(change ports.JobChange) {
	count := func(what string, n int) {
		if n != 0 {
			c[string(change.Kind)+" "+what] += n
		}
	}
	if change.Submitted {
		count("submitted", 1)
	}
	if change.Ended != "" {
		count("ended "+string(change.Ended), 1)
	}
	for _, fate := range domain.Fates() {
		count("items "+string(fate), change.Items.Count(fate))
	}
}

// watcher is told what happens.
type watcher struct {
	unwatched
	counts counts
}

func (w watcher) Changed(change ports.JobChange) { w.counts.add(change) }

// reports are the jobs of a store at one moment.
type reports map[domain.JobID]domain.JobSnapshot

// reportsIn reads the jobs as they are in the transaction of ctx.
func reportsIn(ctx context.Context, store *memory.Store) reports {
	r := reports{}
	_ = store.EachJob(ctx, func(job *domain.BatchJob) error { // an ended context: nothing is committed either
		r[job.ID()] = job.Snapshot()
		return nil
	})
	return r
}

// heard notes what a transaction has made of the jobs, of whose commit somebody
// has heard.
func (w *world) heard(before, after reports) {
	for id, now := range after {
		was, there := before[id]
		change := ports.JobChange{Kind: now.Kind, Submitted: !there, Items: now.Report.Since(was.Report)}
		if now.State.Ended() && !was.State.Ended() {
			change.Ended = now.State
		}
		w.committed.add(change)
	}
}

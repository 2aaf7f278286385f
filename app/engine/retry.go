package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"

	"github.com/batchport/batchport/domain"
)

// RetryRequest is how failed items are to be tried again.
type RetryRequest struct {
	Locale         string // the caller's language, such as "zh_TW"; "" for that of the job
	IdempotencyKey string // as in [Request]
}

// Retry submits a job that tries again, as they were, those items of a job of
// the caller's tenant that failed; of a job that does all or nothing, all items.
// It has the payload and the options of that job, and names it ([domain.JobSpec.RetryOf]).
// It fails with [domain.CodeNotFound], with [domain.CodeForbidden] when who lacks
// the kind's permission, with [domain.CodeConflict] when the job has not ended, with
// [domain.CodeNothingFailed], with [domain.CodeNotKept] when its items are not kept
// any more, and as [Jobs.Submit] does.
//
// Only an export reads the items at once. For any other job the items are found
// when the new one is planned, and it fails with [domain.CodeNotKept] if they are
// not kept any more by then.
func (e *Engine) Retry(ctx context.Context, who domain.Principal, id domain.JobID, r RetryRequest) (*domain.BatchJob, error) {
	job, err := e.Find(ctx, who, id)
	if err != nil {
		return nil, err
	}
	k := e.kind(job.Kind())
	if k == nil {
		return nil, fmt.Errorf("retry job %s: its kind %s is not registered: %w", id, job.Kind(), domain.CodeInternal)
	}
	if err := k.allows(who); err != nil {
		return nil, err
	}
	if err := checkKey(r.IdempotencyKey); err != nil {
		return nil, err
	}
	items := job.Report().Failed
	if job.Options().AllOrNothing {
		items += job.Report().Skipped
	}
	switch {
	case !job.State().Ended():
		return nil, domain.Fail(domain.NewFailure(domain.CodeConflict, "", string(job.State()), "state", string(job.State())))
	case job.Report().Failed == 0:
		return nil, domain.CodeNothingFailed
	case job.ItemsPurged():
		return nil, domain.CodeNotKept
	}
	old := job.Snapshot()
	spec := domain.JobSpec{
		Tenant: who.Tenant, User: who.User, Kind: old.Kind, Resource: k.resource, Whole: k.whole(),
		Payload: old.Payload, Locale: r.Locale, Options: old.Options, RetryOf: id,
	}
	if spec.Locale == "" {
		spec.Locale = old.Locale
	}
	if !spec.Whole {
		spec.Selection = domain.Selection{All: true, Failed: true, Expected: &items}
		return e.submitAs(ctx, who, k, spec, nil, r.IdempotencyKey)
	}
	var chunks []domain.Chunk
	for chunk, err := range chunksOf(e.itemsToRetry(ctx, job.Ref()), k.limits(job.Options(), e.cfg.ChunkSize, items)) {
		if err != nil {
			return nil, fmt.Errorf("retry job %s: %w", id, err)
		}
		chunks, spec.Items = append(chunks, chunk), spec.Items+chunk.Len
	}
	return e.submitAs(ctx, who, k, spec, chunks, r.IdempotencyKey)
}

// itemsToRetry yields the items of a job that are to be tried again, in their
// order: those that failed, or all where one of them was enough for the others
// not to be done. Memory does not grow with their number. A job or items that are
// gone give [domain.CodeNotKept].
func (e *Engine) itemsToRetry(ctx context.Context, ref domain.JobRef) iter.Seq2[json.RawMessage, error] {
	return func(yield func(json.RawMessage, error) bool) {
		job, err := e.store.FindJob(ctx, ref)
		switch {
		case errors.Is(err, domain.CodeNotFound):
			yield(nil, domain.CodeNotKept)
		case err != nil:
			yield(nil, err)
		case job.Options().AllOrNothing:
			e.eachItem(ctx, ref)(yield)
		default:
			for failed, err := range e.eachFailed(ctx, ref) {
				if !yield(failed.item, err) || err != nil {
					return
				}
			}
		}
	}
}

// eachItem yields all items of a job, as they are kept.
func (e *Engine) eachItem(ctx context.Context, ref domain.JobRef) iter.Seq2[json.RawMessage, error] {
	return func(yield func(json.RawMessage, error) bool) {
		for chunk, err := range e.store.EachChunk(ctx, ref) {
			var items []json.RawMessage
			if err == nil {
				items, err = decodeItems[json.RawMessage](chunk)
			}
			if err != nil {
				yield(nil, err)
				return
			}
			for _, item := range items {
				if !yield(item, nil) {
					return
				}
			}
		}
		if err := e.itemsKept(ctx, ref); err != nil {
			yield(nil, err)
		}
	}
}

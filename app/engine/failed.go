package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"

	"github.com/batchport/batchport/domain"
)

// FailedItem is an item that failed, and why.
type FailedItem[I any] struct {
	Item    I
	Failure domain.ItemFailure
}

// failedPage is how many failures are read at once.
const failedPage = 1_000

// EachFailed yields the items of a job of this kind that failed, in the order
// of their indexes; of one that has not ended those that have failed so far, and
// of one whose items were purged [domain.CodeNotKept].
// Memory does not grow with their number.
func (j *Jobs[P, I]) EachFailed(ctx context.Context, job *domain.BatchJob) iter.Seq2[FailedItem[I], error] {
	return func(yield func(FailedItem[I], error) bool) {
		for failed, err := range j.engine.eachFailed(ctx, job.Ref()) {
			item := FailedItem[I]{Failure: failed.failure}
			if err == nil {
				err = withoutValue(json.Unmarshal(failed.item, &item.Item))
			}
			if err != nil {
				yield(FailedItem[I]{}, err)
				return
			}
			if !yield(item, nil) {
				return
			}
		}
	}
}

// failedItem is an item that failed, as it is kept, and why.
type failedItem struct {
	item    json.RawMessage
	failure domain.ItemFailure
}

// eachFailed yields what [Jobs.EachFailed] does, of a job of any kind. An error
// is the last that it yields.
func (e *Engine) eachFailed(ctx context.Context, ref domain.JobRef) iter.Seq2[failedItem, error] {
	return func(yield func(failedItem, error) bool) {
		next, stop := iter.Pull2(e.eachFailure(ctx, ref))
		defer stop()
		failure, err, more := next()
		for chunk, broken := range e.store.EachChunk(ctx, ref) {
			if err == nil {
				err = broken
			}
			if err != nil || !more {
				break
			}
			var items []json.RawMessage // decoded when one of them is wanted
			for more && err == nil && failure.Index < chunk.First+chunk.Len {
				if items == nil {
					if items, err = decodeItems[json.RawMessage](chunk); err != nil {
						break
					}
				}
				if !yield(failedItem{items[failure.Index-chunk.First], failure}, nil) {
					return
				}
				failure, err, more = next()
			}
		}
		if err == nil && more {
			if err = e.itemsKept(ctx, ref); err == nil {
				err = fmt.Errorf("items of job %s are missing", ref.ID)
			}
		}
		if err != nil {
			yield(failedItem{}, err)
		}
	}
}

// EachFailure yields the failures of a job of the caller's tenant in the order
// of their indexes. Memory does not grow with their number.
func (e *Engine) EachFailure(ctx context.Context, who domain.Principal, id domain.JobID) iter.Seq2[domain.ItemFailure, error] {
	return e.eachFailure(ctx, domain.JobRef{Tenant: who.Tenant, ID: id})
}

func (e *Engine) eachFailure(ctx context.Context, ref domain.JobRef) iter.Seq2[domain.ItemFailure, error] {
	return func(yield func(domain.ItemFailure, error) bool) {
		for after := -1; ; {
			page, err := whole(ctx, e, ref, func() ([]domain.ItemFailure, error) {
				return e.store.ListFailures(ctx, ref, after, failedPage)
			})
			if err != nil {
				yield(domain.ItemFailure{}, err)
				return
			}
			for _, f := range page {
				if !yield(f, nil) {
					return
				}
				after = f.Index
			}
			if len(page) < failedPage {
				return
			}
		}
	}
}

package engine

import (
	"context"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

// Find returns a job of the caller's tenant, or [domain.CodeNotFound].
func (e *Engine) Find(ctx context.Context, who domain.Principal, id domain.JobID) (*domain.BatchJob, error) {
	return e.store.FindJob(ctx, domain.JobRef{Tenant: who.Tenant, ID: id})
}

// List returns up to filter.Limit jobs of the caller's tenant that the filter
// lets through, the newest first.
func (e *Engine) List(ctx context.Context, who domain.Principal, filter ports.JobFilter) ([]*domain.BatchJob, error) {
	return e.store.ListJobs(ctx, who.Tenant, filter)
}

// Failures returns up to limit failed items of a job of the caller's tenant,
// in the order of their indexes, beginning above after (-1: from the start). It
// fails with [domain.CodeNotFound], and with [domain.CodeNotKept] when
// [Config.KeepFailures] is over.
func (e *Engine) Failures(ctx context.Context, who domain.Principal, id domain.JobID, after, limit int) ([]domain.ItemFailure, error) {
	ref := domain.JobRef{Tenant: who.Tenant, ID: id}
	return whole(ctx, e, ref, func() ([]domain.ItemFailure, error) { return e.store.ListFailures(ctx, ref, after, limit) })
}

// Warnings is [Engine.Failures] for the warnings about items that did not fail.
func (e *Engine) Warnings(ctx context.Context, who domain.Principal, id domain.JobID, after, limit int) ([]domain.ItemFailure, error) {
	ref := domain.JobRef{Tenant: who.Tenant, ID: id}
	return whole(ctx, e, ref, func() ([]domain.ItemFailure, error) { return e.store.ListWarnings(ctx, ref, after, limit) })
}

// FailuresOf is [Engine.Failures] for those of one code alone.
func (e *Engine) FailuresOf(ctx context.Context, who domain.Principal, id domain.JobID, code domain.Code, after, limit int) ([]domain.ItemFailure, error) {
	ref := domain.JobRef{Tenant: who.Tenant, ID: id}
	return whole(ctx, e, ref, func() ([]domain.ItemFailure, error) { return e.store.ListFailuresOf(ctx, ref, code, after, limit) })
}

// FailureGroups counts the failed items of a job of the caller's tenant by
// their codes, the most frequent first. It fails as [Engine.Failures] does.
func (e *Engine) FailureGroups(ctx context.Context, who domain.Principal, id domain.JobID) ([]domain.FailureGroup, error) {
	ref := domain.JobRef{Tenant: who.Tenant, ID: id}
	return whole(ctx, e, ref, func() ([]domain.FailureGroup, error) { return e.store.GroupFailures(ctx, ref) })
}

package engine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

// Request is what a job is asked to do.
type Request[P, I any] struct {
	Payload  P
	Items    []I    // the items, named one by one; or
	All      bool   // all items that the payload's filter matches, of which
	Expected *int   // the caller saw this many, if it says so
	Locale   string // the caller's language, such as "zh_TW"; "" when unknown

	// Options are how the items are treated. An export has none, and one that
	// does all or nothing has at most [domain.MaxAllOrNothing] items.
	Options domain.JobOptions

	// RetryOf is the job of the same kind whose failed items the request has
	// again, corrected; "" for none. [Engine.Retry] sends them as they were.
	RetryOf domain.JobID

	// IdempotencyKey makes the same request, sent again within the time that
	// [Config.KeepKeys] says, give the same job. "" means that every request is new.
	IdempotencyKey string
}

// maxIdempotencyKey is the longest idempotency key in bytes.
const maxIdempotencyKey = 255

// Submit stores a job and returns it, before any item is worked on. It fails
// with [domain.CodeForbidden] when who lacks the kind's permission, with the
// error of the kind's Check or Admit, as [domain.JobOptions.Check] says, with [domain.CodeTooMany], [domain.CodeRequired] or
// [domain.CodeInvalid] for a request that cannot be one, with [domain.CodeTooManyJobs]
// while the tenant has [Config.MaxOpenJobs] jobs that have not ended, and with
// [domain.CodeMismatch] when the idempotency key was used for another request; then nothing is
// stored. After [domain.CodeUnavailable] the job may be stored; sending the same
// request again with the same idempotency key finds out.
func (j *Jobs[P, I]) Submit(ctx context.Context, who domain.Principal, r Request[P, I]) (*domain.BatchJob, error) {
	e := j.engine
	if _, err := domain.ParseTenant(string(who.Tenant)); err != nil {
		return nil, err // part of event subjects
	}
	if _, err := domain.ParseUser(string(who.User)); err != nil {
		return nil, err
	}
	if err := j.Allowed(who); err != nil {
		return nil, err
	}
	if j.check != nil {
		if err := j.check(r.Payload); err != nil {
			return nil, err
		}
	}
	if err := j.checkItems(r); err != nil {
		return nil, err
	}
	payload, err := encodePayload(r.Payload)
	if err != nil {
		return nil, err
	}
	var chunks []domain.Chunk
	first, size := 0, j.kind.limits(r.Options, e.cfg.ChunkSize, len(r.Items)).items
	for part := range slices.Chunk(r.Items, size) {
		chunk, err := domain.NewChunk(first, part)
		if err != nil {
			return nil, err
		}
		chunks, first = append(chunks, chunk), first+len(part)
	}
	spec := domain.JobSpec{
		Tenant: who.Tenant, User: who.User, Kind: j.kind.name, Resource: j.kind.resource, Whole: j.kind.whole(),
		Payload: payload, Locale: r.Locale, Items: len(r.Items),
		Selection: domain.Selection{All: r.All, Expected: r.Expected}, Options: r.Options, RetryOf: r.RetryOf,
	}
	return e.submitAs(ctx, who, j.kind, spec, chunks, r.IdempotencyKey)
}

// submitAs stores the job that spec and its chunks make, for who.
func (e *Engine) submitAs(ctx context.Context, who domain.Principal, k *kind, spec domain.JobSpec, chunks []domain.Chunk, key string) (*domain.BatchJob, error) {
	ctx, ended := e.telemetry.Begin(ctx, ports.Work{Sort: ports.WorkSubmit, Tenant: spec.Tenant, Kind: spec.Kind, Items: spec.Items, Attempt: 1})
	spec.Trace = e.telemetry.Trace(ctx)
	job, err := e.submit(ctx, spec, chunks, key, func(ctx context.Context) error {
		if k.admit == nil {
			return nil
		}
		return k.admit(ctx, who)
	})
	ended(submitted(job, err))
	return job, err
}

// submitted says how a submission ended.
func submitted(job *domain.BatchJob, err error) ports.WorkEnd {
	end := ports.WorkEnd{Result: ports.WorkDone, Code: domain.CodeOf(err)}
	switch {
	case err == nil:
		end.Job = job.ID()
	case domain.DataFault(err) || end.Code == domain.CodeForbidden:
		end.Result = ports.WorkRefused
	default:
		end.Result = ports.WorkUnavailable
	}
	return end
}

// Allowed fails with [domain.CodeForbidden] unless who holds the kind's
// permission.
func (j *Jobs[P, I]) Allowed(who domain.Principal) error { return j.kind.allows(who) }

func (k *kind) allows(who domain.Principal) error {
	if !who.May(k.permission) {
		return domain.Fail(domain.NewFailure(domain.CodeForbidden, "", "", "permission", string(k.permission)))
	}
	return nil
}

func checkKey(key string) error {
	if len(key) > maxIdempotencyKey {
		return domain.Fail(domain.NewFailure(domain.CodeTooLong, "Idempotency-Key", key, "max", strconv.Itoa(maxIdempotencyKey)))
	}
	return nil
}

func (j *Jobs[P, I]) checkItems(r Request[P, I]) error {
	limit := j.engine.cfg.MaxNamed
	if r.Options.AllOrNothing {
		limit = min(limit, domain.MaxAllOrNothing)
	}
	if err := r.Options.Check(); err != nil {
		return err
	}
	switch {
	case r.Options != domain.JobOptions{} && j.kind.whole():
		return domain.Fail(domain.NewFailure(domain.CodeInvalid, "options", ""))
	case r.All && len(r.Items) > 0:
		return domain.Fail(domain.NewFailure(domain.CodeDuplicate, "items", "all"))
	case r.All && !j.kind.selects():
		return domain.Fail(domain.NewFailure(domain.CodeInvalid, "items", "all"))
	case !r.All && len(r.Items) == 0:
		return domain.Fail(domain.NewFailure(domain.CodeRequired, "items", ""))
	case len(r.Items) > limit:
		return domain.Fail(domain.NewFailure(domain.CodeTooMany, "items", "",
			"max", strconv.Itoa(limit), "found", strconv.Itoa(len(r.Items))))
	case r.Expected != nil && *r.Expected < 0:
		return domain.Fail(domain.NewFailure(domain.CodeOutOfRange, "total", strconv.Itoa(*r.Expected), "min", "0"))
	}
	return checkKey(r.IdempotencyKey)
}

// submit stores the job under an identifier that is free, and rings.
func (e *Engine) submit(ctx context.Context, spec domain.JobSpec, chunks []domain.Chunk, key string, admit func(context.Context) error) (job *domain.BatchJob, err error) {
	for range 3 {
		spec.SubmittedAt = e.cfg.Now()
		spec.ID = domain.NewJobID(spec.SubmittedAt, e.cfg.Random())
		job, err = e.store1(ctx, spec, chunks, key, admit)
		if !errors.Is(err, domain.CodeConflict) {
			break
		}
	}
	if err != nil {
		return nil, fmt.Errorf("submit %s: %w", spec.Kind, err)
	}
	e.tell()
	e.ring(ctx, spec.Kind)
	return job, nil
}

// store1 stores the job once; with an idempotency key that is taken it returns
// the job that took it.
func (e *Engine) store1(ctx context.Context, spec domain.JobSpec, chunks []domain.Chunk, key string, admit func(context.Context) error) (job *domain.BatchJob, err error) {
	err = e.changing(ctx, func(ctx context.Context, c *change) error {
		if key != "" {
			taken, err := e.store.ReserveKey(ctx, ports.IdempotencyKey{
				Tenant: spec.Tenant, Key: key, Fingerprint: fingerprint(spec, chunks), Job: spec.ID, At: spec.SubmittedAt,
			}, spec.SubmittedAt.Add(-e.cfg.KeepKeys))
			if err != nil {
				return err
			}
			if taken != spec.ID {
				job, err = e.store.FindJob(ctx, domain.JobRef{Tenant: spec.Tenant, ID: taken})
				return err
			}
		}
		if err := e.hasRoom(ctx, spec.Tenant); err != nil {
			return err
		}
		if err := admit(ctx); err != nil {
			return err
		}
		if job, err = domain.NewJob(spec); err != nil {
			return err
		}
		c.of(job)
		c.submitted = true
		if err := e.announce(ctx, job, "submitted"); err != nil {
			return err
		}
		if err := e.store.AddJob(ctx, job); err != nil {
			return err
		}
		return e.store.AddChunks(ctx, job.Ref(), chunks)
	})
	return job, err
}

// hasRoom fails with [domain.CodeTooManyJobs] when the tenant has as many open
// jobs as it may. Nobody else takes the room until the transaction ends.
func (e *Engine) hasRoom(ctx context.Context, tenant domain.TenantID) error {
	open, err := e.store.CountOpenJobs(ctx, tenant, e.cfg.MaxOpenJobs)
	if err == nil && open >= e.cfg.MaxOpenJobs {
		err = domain.Fail(domain.NewFailure(domain.CodeTooManyJobs, "", "", "max", strconv.Itoa(e.cfg.MaxOpenJobs)))
	}
	return err
}

// fingerprint tells requests apart by what was asked, not by how it was
// written or who asked when.
func fingerprint(spec domain.JobSpec, chunks []domain.Chunk) string {
	h := sha256.New()
	enc := json.NewEncoder(h)
	// A hash takes everything, so there are no errors. What most requests lack is
	// left out, so that keys of before there was such a thing hold.
	_ = enc.Encode([]any{spec.Kind, struct {
		All      bool
		Expected *int
	}{spec.Selection.All, spec.Selection.Expected}, json.RawMessage(spec.Payload)})
	if spec.Options != (domain.JobOptions{}) || spec.RetryOf != "" {
		_ = enc.Encode([]any{spec.Options, spec.RetryOf, spec.Selection.Failed})
	}
	for _, c := range chunks {
		_, _ = h.Write(c.Items)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// ring wakes a worker. A ring that gets lost only costs time: the sweeper
// rings again.
func (e *Engine) ring(ctx context.Context, name domain.Kind) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if err := e.bell.Ring(ctx, name); err != nil {
		e.log.Warn("cannot ring; the sweeper will", "kind", name, "error", err)
	}
}

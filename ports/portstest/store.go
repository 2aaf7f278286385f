package portstest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

// Store runs the contract of [ports.Store]. Each subtest calls open for an
// empty store, which cleans up through its t. Its parts may be run alone.
//
// The suite asks for nothing that a store with one transaction at a time
// could not do: no transaction waits for another one.
func Store(t *testing.T, open func(*testing.T) ports.Store) {
	t.Run("transactions", func(t *testing.T) { Transactions(t, open) })
	t.Run("jobs", func(t *testing.T) { Jobs(t, open) })
	t.Run("job lists", func(t *testing.T) { JobLists(t, open) })
	t.Run("chunks", func(t *testing.T) { Chunks(t, open) })
	t.Run("failures", func(t *testing.T) { Failures(t, open) })
	t.Run("warnings", func(t *testing.T) { Warnings(t, open) })
	t.Run("queue", func(t *testing.T) { Queue(t, open) })
	t.Run("leases", func(t *testing.T) { Leases(t, open) })
	t.Run("outbox", func(t *testing.T) { Outbox(t, open) })
	t.Run("idempotency keys", func(t *testing.T) { IdempotencyKeys(t, open) })
	t.Run("retention", func(t *testing.T) { Retention(t, open) })
}

const (
	// storePatience is how long the suites of the store wait for what must happen.
	storePatience = 30 * time.Second

	// fullBatch is the largest batch that the suites send at once.
	fullBatch = 10_000

	opening domain.Kind = "estate_open" // the kind of jobs that do not say
)

// storeNow is the time that the suites tell the store, in whole microseconds.
var storeNow = time.Date(2026, 11, 3, 21, 5, 6, 123_457_000, time.UTC)

// awkwardTexts are texts that stores get wrong.
func awkwardTexts() []string {
	return []string{
		"", " ", "物件 🏠 𠮷野家 ñ", `it's "quoted" \ and \' and \n`, "100%_", "line\nbreak\r\n\ttab",
		"? ?0 ?? :name $1 {p} {now} -- /* */ ;", strings.Repeat("長い🏠", 50_000),
	}
}

// storeFixture is an empty store with what the suites need to fill it.
type storeFixture struct {
	ports.Store
	t    *testing.T
	made int // jobs so far
}

func newStoreFixture(t *testing.T, open func(*testing.T) ports.Store) *storeFixture {
	t.Helper()
	return &storeFixture{Store: open(t), t: t}
}

// newJob returns a queued job of the tenant "acme" with four named items,
// unless edits say otherwise. It is not stored.
func (f *storeFixture) newJob(edits ...func(*domain.JobSpec)) *domain.BatchJob {
	f.t.Helper()
	f.made++
	spec := domain.JobSpec{
		ID:     domain.NewJobID(storeNow, uint64(f.made)),
		Tenant: "acme", User: "ann", Kind: opening, Payload: []byte(`{}`), Items: 4, SubmittedAt: storeNow,
	}
	for _, edit := range edits {
		edit(&spec)
	}
	job, err := domain.NewJob(spec)
	if err != nil {
		f.t.Fatalf("NewJob(%+v) = %v, want no error", spec, err)
	}
	return job
}

func ofTenant(tenant domain.TenantID) func(*domain.JobSpec) {
	return func(s *domain.JobSpec) { s.Tenant = tenant }
}

func ofKind(kind domain.Kind) func(*domain.JobSpec) {
	return func(s *domain.JobSpec) { s.Kind = kind }
}

func onResource(resource string) func(*domain.JobSpec) {
	return func(s *domain.JobSpec) { s.Resource = resource }
}

// toPlan makes a job that must be planned.
func toPlan(s *domain.JobSpec) { s.Selection.All, s.Items = true, 0 }

// allOrNothing makes a job that does all of its items or none.
func allOrNothing(s *domain.JobSpec) { s.Options.AllOrNothing = true }

// doneWhole makes a job that one worker does whole.
func doneWhole(s *domain.JobSpec) { s.Whole = true }

// addJob stores a new job.
func (f *storeFixture) addJob(edits ...func(*domain.JobSpec)) *domain.BatchJob {
	f.t.Helper()
	job := f.newJob(edits...)
	if err := f.AddJob(f.t.Context(), job); err != nil {
		f.t.Fatalf("AddJob(%s) = %v, want no error", job.ID(), err)
	}
	return job
}

// addPlanned stores a job whose items are named, in chunks of these sizes.
func (f *storeFixture) addPlanned(sizes []int, edits ...func(*domain.JobSpec)) *domain.BatchJob {
	f.t.Helper()
	items := 0
	for _, size := range sizes {
		items += size
	}
	job := f.addJob(append(edits, func(s *domain.JobSpec) { s.Items = items })...)
	f.addChunks(job, sizes...)
	return job
}

// addChunks stores consecutive chunks of these sizes. The item at index i is 1000+i.
func (f *storeFixture) addChunks(job *domain.BatchJob, sizes ...int) []domain.Chunk {
	f.t.Helper()
	chunks := make([]domain.Chunk, len(sizes))
	first := 0
	for i, size := range sizes {
		chunks[i] = numbersChunk(f.t, first, size)
		first += size
	}
	if err := f.AddChunks(f.t.Context(), job.Ref(), chunks); err != nil {
		f.t.Fatalf("AddChunks(%s, %d chunks) = %v, want no error", job.ID(), len(chunks), err)
	}
	return chunks
}

// numbersChunk returns a chunk whose item at index i of the job is 1000+i.
func numbersChunk(t *testing.T, first, size int) domain.Chunk {
	t.Helper()
	items := make([]int, size)
	for i := range items {
		items[i] = 1000 + first + i
	}
	chunk, err := domain.NewChunk(first, items)
	if err != nil {
		t.Fatalf("NewChunk(%d, %d items) = %v, want no error", first, size, err)
	}
	return chunk
}

// change locks the job, changes it and saves it.
func (f *storeFixture) change(ref domain.JobRef, edit func(job *domain.BatchJob) error) {
	f.t.Helper()
	if err := f.InTx(f.t.Context(), func(ctx context.Context) error {
		job, err := f.LockJob(ctx, ref)
		if err != nil {
			return err
		}
		if err := edit(job); err != nil {
			return err
		}
		return f.SaveJob(ctx, job)
	}); err != nil {
		f.t.Fatalf("InTx(lock, change, save %s) = %v, want no error", ref.ID, err)
	}
}

// requestCancel asks to stop the job.
func (f *storeFixture) requestCancel(ref domain.JobRef) {
	f.t.Helper()
	f.change(ref, (*domain.BatchJob).RequestCancel)
}

// end ends the job.
func (f *storeFixture) end(ref domain.JobRef) {
	f.t.Helper()
	f.change(ref, func(job *domain.BatchJob) error {
		job.FailWith(domain.NewFailure(domain.CodeInternal, "", ""), storeNow)
		return nil
	})
}

// wants is a request for work of these kinds under an hour's lease; no kinds
// means the kind opening.
func wants(kinds ...domain.Kind) ports.ClaimRequest {
	if len(kinds) == 0 {
		kinds = []domain.Kind{opening}
	}
	return ports.ClaimRequest{Worker: "worker", Kinds: kinds, Lease: time.Hour}
}

// wantsSuspects is wants for suspects alone.
func wantsSuspects(kinds ...domain.Kind) ports.ClaimRequest {
	request := wants(kinds...)
	request.Suspect = true
	return request
}

// wantsChunks is wants for chunks alone.
func wantsChunks(kinds ...domain.Kind) ports.ClaimRequest {
	request := wants(kinds...)
	request.Chunks = true
	return request
}

// claim takes the next piece of work, which must be there.
func (f *storeFixture) claim(request ports.ClaimRequest) ports.Claim {
	f.t.Helper()
	claim, found, err := f.Claim(f.t.Context(), request, storeNow)
	if err != nil || !found {
		f.t.Fatalf("Claim(%v, suspect %t) = %t, %v; want a piece of work", request.Kinds, request.Suspect, found, err)
	}
	return claim
}

// claimOf takes the next piece of work, which must be of the job: its chunk
// that begins at first, or the job itself when first is -1.
func (f *storeFixture) claimOf(request ports.ClaimRequest, job *domain.BatchJob, first int) ports.Claim {
	f.t.Helper()
	claim := f.claim(request)
	got := -1
	if claim.Chunk != nil {
		got = claim.Chunk.First
	}
	if claim.Job.Ref() != job.Ref() || got != first {
		f.t.Fatalf("Claim(%v, suspect %t) = job %s, item %d; want job %s, item %d",
			request.Kinds, request.Suspect, claim.Job.ID(), got, job.ID(), first)
	}
	return claim
}

// claimsNothing fails unless there is nothing to claim.
func (f *storeFixture) claimsNothing(request ports.ClaimRequest, why string) {
	f.t.Helper()
	claim, found, err := f.Claim(f.t.Context(), request, storeNow)
	if err != nil {
		f.t.Fatalf("Claim(%v) = %v, want no error", request.Kinds, err)
	}
	if found {
		f.t.Fatalf("Claim(%v, suspect %t) took work of job %s, want nothing: %s", request.Kinds, request.Suspect, claim.Job.ID(), why)
	}
}

// finish finishes the claimed chunk.
func (f *storeFixture) finish(claim ports.Claim) {
	f.t.Helper()
	if err := f.FinishChunk(f.t.Context(), claim); err != nil {
		f.t.Fatalf("FinishChunk(%d) = %v, want no error", claim.Chunk.First, err)
	}
}

// find reads the job, which must be there.
func (f *storeFixture) find(ref domain.JobRef) *domain.BatchJob {
	f.t.Helper()
	job, err := f.FindJob(f.t.Context(), ref)
	if err != nil {
		f.t.Fatalf("FindJob(%v) = %v, want no error", ref, err)
	}
	return job
}

// has reports whether the job is stored.
func (f *storeFixture) has(ref domain.JobRef) bool {
	f.t.Helper()
	_, err := f.FindJob(f.t.Context(), ref)
	if err != nil && !errors.Is(err, domain.CodeNotFound) {
		f.t.Fatalf("FindJob(%v) = %v, want a job or %v", ref, err, domain.CodeNotFound)
	}
	return err == nil
}

// chunks reads all chunks of the job.
func (f *storeFixture) chunks(ctx context.Context, ref domain.JobRef) []domain.Chunk {
	f.t.Helper()
	var chunks []domain.Chunk
	for chunk, err := range f.EachChunk(ctx, ref) {
		if err != nil {
			f.t.Fatalf("EachChunk(%v) = %v, want no error", ref, err)
		}
		chunks = append(chunks, chunk)
	}
	return chunks
}

// wantInFlight fails unless so many leases are held.
func (f *storeFixture) wantInFlight(ref domain.JobRef, want int) {
	f.t.Helper()
	if got, err := f.InFlight(f.t.Context(), ref); err != nil || got != want {
		f.t.Errorf("InFlight(%v) = %d, %v; want %d", ref, got, err, want)
	}
}

// wantCode fails unless err matches the code.
func wantCode(t *testing.T, call string, err error, code domain.Code) {
	t.Helper()
	if !errors.Is(err, code) {
		t.Errorf("%s = %v, want %v", call, err, code)
	}
}

// until calls done until it reports true.
func (f *storeFixture) until(what string, done func() bool) {
	f.t.Helper()
	timeout := time.NewTimer(storePatience)
	defer timeout.Stop()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-timeout.C:
			f.t.Fatalf("waited %v for %s", storePatience, what)
		}
	}
}

// atOnce runs n calls of run at once and waits for all.
func atOnce(n int, run func(i int)) {
	start, done := make(chan struct{}), make(chan struct{})
	for i := range n {
		go func() {
			defer func() { done <- struct{}{} }()
			<-start
			run(i)
		}()
	}
	close(start)
	for range n {
		<-done
	}
}

// named names a subtest for an awkward text.
func named(text string) string {
	if len(text) > 20 {
		return fmt.Sprintf("%.20q and so on", text)
	}
	return fmt.Sprintf("%q", text)
}

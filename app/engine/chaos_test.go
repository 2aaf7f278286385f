package engine

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

// verdict is what happens at a port call.
type verdict int

const (
	proceed    verdict = iota
	crash              // the process dies before the call
	refuse             // the call fails and does nothing
	loseAnswer         // the call is done, and its answer is lost
)

// errCrashed is what every port call of a dead process gives. It has no
// effect any more, so whatever the process still does is not seen by anyone.
var errCrashed = errors.New("the process is dead")

// process is one simulated process: an engine whose every port call goes
// through the schedule.
type process struct {
	world  *world
	engine *Engine
	dead   bool
	actors int  // actions in work
	alone  bool // one of them is a suspect
}

// actor is one action of a process, in its own goroutine. Only one goroutine
// of the whole simulation runs at a time.
type actor struct {
	process *process
	pause   chan bool    // the actor says that it waits; true: inside a transaction
	resume  chan verdict // and is told how to go on
	done    chan struct{}
	claim   *ports.Claim // the suspect it holds, if any
}

type actorKey struct{}

type insideKey struct{}

// at lets the schedule decide what happens at a port call.
func (p *process) at(ctx context.Context) (lost bool, err error) {
	a, scheduled := ctx.Value(actorKey{}).(*actor)
	if p.dead {
		return false, errCrashed
	}
	if !scheduled {
		return false, nil
	}
	inside, _ := ctx.Value(insideKey{}).(bool)
	a.pause <- inside
	switch <-a.resume {
	case proceed:
	case crash:
		p.die(a)
	case refuse:
		return false, domain.Unavailable(errors.New("refused by the schedule"))
	case loseAnswer:
		return true, nil
	}
	if p.dead {
		return false, errCrashed
	}
	return false, nil
}

// die kills the process, and notes whom the store may blame for it.
func (p *process) die(a *actor) {
	p.dead = true
	if a.claim != nil && p.alone {
		p.world.blame(*a.claim)
	}
}

// through does call as the schedule says.
func through(p *process, ctx context.Context, call func() error) error {
	lost, err := p.at(ctx)
	if err != nil {
		return err
	}
	if err := call(); err != nil {
		return err
	}
	if p.dead {
		return errCrashed
	}
	if lost {
		return domain.Unavailable(errors.New("answer lost by the schedule"))
	}
	return nil
}

func through1[A any](p *process, ctx context.Context, call func() (A, error)) (a A, err error) {
	err = through(p, ctx, func() error {
		var failed error
		a, failed = call()
		return failed
	})
	return a, err
}

// chaosStore is a store whose calls the schedule interrupts.
type chaosStore struct {
	*process
	store ports.Store
}

func (s chaosStore) InTx(ctx context.Context, fn func(context.Context) error) error {
	before := reports{}
	err := through(s.process, ctx, func() error {
		return s.store.InTx(ctx, func(ctx context.Context) error {
			before = reportsIn(ctx, s.world.store)
			if err := fn(context.WithValue(ctx, insideKey{}, true)); err != nil {
				return err
			}
			if s.dead {
				return errCrashed // killed inside: nothing is committed
			}
			return nil
		})
	})
	if err == nil {
		s.world.heard(before, reportsIn(context.Background(), s.world.store))
	}
	return err
}

func (s chaosStore) Savepoint(ctx context.Context, fn func(context.Context) error) error {
	return through(s.process, ctx, func() error { return s.store.Savepoint(ctx, fn) })
}

func (s chaosStore) Snapshot(ctx context.Context, fn func(context.Context) error) error {
	return through(s.process, ctx, func() error { return s.store.Snapshot(ctx, fn) })
}

func (s chaosStore) AddJob(ctx context.Context, job *domain.BatchJob) error {
	return through(s.process, ctx, func() error { return s.store.AddJob(ctx, job) })
}

func (s chaosStore) FindJob(ctx context.Context, ref domain.JobRef) (*domain.BatchJob, error) {
	return through1(s.process, ctx, func() (*domain.BatchJob, error) { return s.store.FindJob(ctx, ref) })
}

func (s chaosStore) ListJobs(ctx context.Context, tenant domain.TenantID, filter ports.JobFilter) ([]*domain.BatchJob, error) {
	return through1(s.process, ctx, func() ([]*domain.BatchJob, error) { return s.store.ListJobs(ctx, tenant, filter) })
}

func (s chaosStore) LockJob(ctx context.Context, ref domain.JobRef) (*domain.BatchJob, error) {
	return through1(s.process, ctx, func() (*domain.BatchJob, error) { return s.store.LockJob(ctx, ref) })
}

func (s chaosStore) SaveJob(ctx context.Context, job *domain.BatchJob) error {
	return through(s.process, ctx, func() error { return s.store.SaveJob(ctx, job) })
}

func (s chaosStore) SavePayload(ctx context.Context, job *domain.BatchJob) error {
	return through(s.process, ctx, func() error { return s.store.SavePayload(ctx, job) })
}

func (s chaosStore) AddChunks(ctx context.Context, ref domain.JobRef, chunks []domain.Chunk) error {
	return through(s.process, ctx, func() error { return s.store.AddChunks(ctx, ref, chunks) })
}

func (s chaosStore) ClearChunks(ctx context.Context, ref domain.JobRef) error {
	return through(s.process, ctx, func() error { return s.store.ClearChunks(ctx, ref) })
}

func (s chaosStore) EachChunk(ctx context.Context, ref domain.JobRef) iter.Seq2[domain.Chunk, error] {
	return s.store.EachChunk(ctx, ref)
}

func (s chaosStore) HoldChunk(ctx context.Context, claim ports.Claim) error {
	return through(s.process, ctx, func() error { return s.unfenced(s.store.HoldChunk(ctx, claim)) })
}

func (s chaosStore) FinishChunk(ctx context.Context, claim ports.Claim) error {
	return through(s.process, ctx, func() error { return s.unfenced(s.store.FinishChunk(ctx, claim)) })
}

// unfenced takes the fence out, for the mutant without one.
func (s chaosStore) unfenced(err error) error {
	if s.world.mutant == withoutFence && errors.Is(err, domain.CodeClaimLost) {
		return nil
	}
	return err
}

func (s chaosStore) AddWarnings(ctx context.Context, ref domain.JobRef, warnings []domain.ItemFailure) error {
	return through(s.process, ctx, func() error { return s.store.AddWarnings(ctx, ref, warnings) })
}

func (s chaosStore) ListWarnings(ctx context.Context, ref domain.JobRef, after, limit int) ([]domain.ItemFailure, error) {
	return s.store.ListWarnings(ctx, ref, after, limit)
}

func (s chaosStore) AddFailures(ctx context.Context, ref domain.JobRef, failures []domain.ItemFailure) error {
	return through(s.process, ctx, func() error { return s.store.AddFailures(ctx, ref, failures) })
}

func (s chaosStore) ListFailures(ctx context.Context, ref domain.JobRef, after, limit int) ([]domain.ItemFailure, error) {
	return through1(s.process, ctx, func() ([]domain.ItemFailure, error) { return s.store.ListFailures(ctx, ref, after, limit) })
}

func (s chaosStore) ListFailuresOf(ctx context.Context, ref domain.JobRef, code domain.Code, after, limit int) ([]domain.ItemFailure, error) {
	return through1(s.process, ctx, func() ([]domain.ItemFailure, error) { return s.store.ListFailuresOf(ctx, ref, code, after, limit) })
}

func (s chaosStore) GroupFailures(ctx context.Context, ref domain.JobRef) ([]domain.FailureGroup, error) {
	return through1(s.process, ctx, func() ([]domain.FailureGroup, error) { return s.store.GroupFailures(ctx, ref) })
}

func (s chaosStore) ClearFailures(ctx context.Context, ref domain.JobRef) error {
	return through(s.process, ctx, func() error { return s.store.ClearFailures(ctx, ref) })
}

func (s chaosStore) Claim(ctx context.Context, request ports.ClaimRequest, now time.Time) (claim ports.Claim, found bool, err error) {
	err = through(s.process, ctx, func() error {
		var failed error
		claim, found, failed = s.store.Claim(ctx, request, now)
		if a, ok := ctx.Value(actorKey{}).(*actor); ok && found {
			a.claim = &claim
		}
		return failed
	})
	if found && err != nil {
		// Taken, and nobody knows: only the lease will tell.
		s.world.blame(claim)
	}
	return claim, found && err == nil, err
}

func (s chaosStore) Waiting(ctx context.Context) ([]ports.Waiting, error) {
	return through1(s.process, ctx, func() ([]ports.Waiting, error) { return s.store.Waiting(ctx) })
}

func (s chaosStore) InFlight(ctx context.Context, ref domain.JobRef) (int, error) {
	return through1(s.process, ctx, func() (int, error) { return s.store.InFlight(ctx, ref) })
}

func (s chaosStore) Stopped(ctx context.Context, limit int) ([]domain.JobRef, error) {
	return through1(s.process, ctx, func() ([]domain.JobRef, error) { return s.store.Stopped(ctx, limit) })
}

func (s chaosStore) Extend(ctx context.Context, claim ports.Claim, lease time.Duration) error {
	return through(s.process, ctx, func() error { return s.store.Extend(ctx, claim, lease) })
}

func (s chaosStore) Release(ctx context.Context, claim ports.Claim, delay time.Duration) error {
	return through(s.process, ctx, func() error { return s.store.Release(ctx, claim, delay) })
}

func (s chaosStore) Suspect(ctx context.Context, claim ports.Claim) error {
	return through(s.process, ctx, func() error { return s.store.Suspect(ctx, claim) })
}

func (s chaosStore) Expire(ctx context.Context, everything bool) (int, error) {
	return through1(s.process, ctx, func() (int, error) { return s.store.Expire(ctx, everything) })
}

func (s chaosStore) AddEvents(ctx context.Context, events []domain.Event) error {
	return through(s.process, ctx, func() error {
		if s.world.mutant == withoutOutbox {
			// What somebody would write who does not know why there is an
			// outbox: publish at once, and commit afterwards.
			_, err := s.world.stream.Publish(ctx, events)
			return err
		}
		return s.store.AddEvents(ctx, events)
	})
}

func (s chaosStore) UnpublishedEvents(ctx context.Context, limit int) ([]domain.Event, error) {
	return through1(s.process, ctx, func() ([]domain.Event, error) { return s.store.UnpublishedEvents(ctx, limit) })
}

func (s chaosStore) MarkPublished(ctx context.Context, events []domain.Event, positions []ports.StreamPosition) error {
	return through(s.process, ctx, func() error { return s.store.MarkPublished(ctx, events, positions) })
}

func (s chaosStore) ReopenEvents(ctx context.Context, ask func(context.Context) (ports.StreamState, error)) (int, error) {
	return through1(s.process, ctx, func() (int, error) { return s.store.ReopenEvents(ctx, ask) })
}

func (s chaosStore) DropEvents(ctx context.Context, events []domain.Event) error {
	return through(s.process, ctx, func() error { return s.store.DropEvents(ctx, events) })
}

func (s chaosStore) PurgeEvents(ctx context.Context, before time.Time, limit int) (int, error) {
	return through1(s.process, ctx, func() (int, error) { return s.store.PurgeEvents(ctx, before, limit) })
}

func (s chaosStore) ReserveKey(ctx context.Context, key ports.IdempotencyKey, since time.Time) (domain.JobID, error) {
	return through1(s.process, ctx, func() (domain.JobID, error) { return s.store.ReserveKey(ctx, key, since) })
}

func (s chaosStore) PurgeKeys(ctx context.Context, before time.Time, limit int) (int, error) {
	return through1(s.process, ctx, func() (int, error) { return s.store.PurgeKeys(ctx, before, limit) })
}

func (s chaosStore) PurgeItems(ctx context.Context, before time.Time, limit int) (ports.Purged, error) {
	return through1(s.process, ctx, func() (ports.Purged, error) { return s.store.PurgeItems(ctx, before, limit) })
}

func (s chaosStore) PurgeFiles(ctx context.Context, before time.Time, limit int) ([]ports.JobFileRef, error) {
	return through1(s.process, ctx, func() ([]ports.JobFileRef, error) { return s.store.PurgeFiles(ctx, before, limit) })
}

func (s chaosStore) PurgeJobs(ctx context.Context, before time.Time, limit int) (int, error) {
	return through1(s.process, ctx, func() (int, error) { return s.store.PurgeJobs(ctx, before, limit) })
}

func (s chaosStore) CountOpenJobs(ctx context.Context, tenant domain.TenantID, most int) (int, error) {
	return through1(s.process, ctx, func() (int, error) { return s.store.CountOpenJobs(ctx, tenant, most) })
}

// chaosBell puts rings where the schedule can lose, repeat and reorder them.
type chaosBell struct{ *process }

func (b chaosBell) Ring(ctx context.Context, _ domain.Kind) error {
	return through(b.process, ctx, func() error {
		b.world.rings++
		return nil
	})
}

func (b chaosBell) Listen(context.Context, []domain.Kind, int, func(context.Context) error) error {
	return errors.New("the schedule delivers rings itself")
}

// chaosEvents publishes as the schedule says.
type chaosEvents struct {
	*process
	stream ports.EventStream
}

func (s chaosEvents) Publish(ctx context.Context, events []domain.Event) ([]ports.StreamPosition, error) {
	positions, err := through1(s.process, ctx, func() ([]ports.StreamPosition, error) { return s.stream.Publish(ctx, events) })
	if err != nil {
		return nil, err
	}
	return positions, nil
}

func (s chaosEvents) State(ctx context.Context) (ports.StreamState, error) {
	return through1(s.process, ctx, func() (ports.StreamState, error) { return s.stream.State(ctx) })
}

// chaosFiles keeps files as the schedule says.
type chaosFiles struct {
	*process
	files ports.Files
}

func (f chaosFiles) Create(ctx context.Context, tenant domain.TenantID, id string) (ports.FileWriter, error) {
	w, err := through1(f.process, ctx, func() (ports.FileWriter, error) { return f.files.Create(ctx, tenant, id) })
	return chaosWriter{f.process, w}, err
}

func (f chaosFiles) Open(ctx context.Context, tenant domain.TenantID, id string) (ports.FileReader, error) {
	return f.files.Open(ctx, tenant, id)
}

func (f chaosFiles) Remove(ctx context.Context, tenant domain.TenantID, id string) error {
	return through(f.process, ctx, func() error { return f.files.Remove(ctx, tenant, id) })
}

func (f chaosFiles) Each(ctx context.Context, before time.Time) iter.Seq2[ports.FileInfo, error] {
	return f.files.Each(ctx, before)
}

type chaosWriter struct {
	process *process
	ports.FileWriter
}

func (w chaosWriter) Commit(ctx context.Context) (ports.FileInfo, error) {
	return through1(w.process, ctx, func() (ports.FileInfo, error) { return w.FileWriter.Commit(ctx) })
}

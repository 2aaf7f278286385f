package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

// Deps is what an engine works with.
type Deps struct {
	Store     ports.Store
	Bell      ports.Bell
	Files     ports.Files       // where exports go; nil when no kind writes a file
	Events    ports.EventStream // where events go; nil when nobody listens, then none are kept either
	Authority ports.Authority   // asked again before a job starts; nil when a permission, once held, is not taken away
	Telemetry ports.Telemetry   // told what happens; nil when nobody watches
}

// Config is how an engine works. The zero value is good.
type Config struct {
	Name           string           // names this process to people who look at the store. Zero means "engine".
	Workers        int              // pieces of work done at once. Zero means 4.
	ChunkSize      int              // items committed together. Zero means 2,500.
	MaxNamed       int              // items that one job may name one by one. Zero means 100,000.
	MaxSelected    int              // items that a selection may have. Zero means 5,000,000.
	Lease          time.Duration    // how long a worker that gives no sign is waited for. Zero means one minute.
	SweepEvery     time.Duration    // pause between sweeps. Zero means two seconds.
	Grace          time.Duration    // how long work in hand may go on after Run was told to stop. Zero means five seconds.
	KeepEvents     time.Duration    // how long published events can be published again. Zero means 7 days.
	KeepKeys       time.Duration    // how long an idempotency key holds. Zero means 7 days.
	KeepJobs       time.Duration    // how long a job is kept after its end, and while a key names it. Zero means 90 days.
	KeepFailures   time.Duration    // how long the items of a job are kept after its end, with failures and warnings; no longer than KeepJobs. Zero means as long as it.
	KeepFiles      time.Duration    // how long the file that a job made is kept after its end; no longer than KeepJobs. Zero means 30 days, or as long as the job.
	MaxOpenJobs    int              // jobs of one tenant that have not ended. Zero means 1,000.
	SoleProcess    bool             // no other process works on this store, so what is held when Run begins is a dead process's
	Now            func() time.Time // Zero means time.Now.
	Random         func() uint64    // makes job identifiers. Zero means math/rand/v2.
	Logger         *slog.Logger     // Zero means silence.
	isolationTurns time.Duration
}

// withDefaults fills in what is zero.
func (c Config) withDefaults() Config {
	set(&c.Name, "engine")
	set(&c.Workers, 4)
	set(&c.ChunkSize, 2500)
	set(&c.MaxNamed, 100_000)
	set(&c.MaxSelected, 5_000_000)
	set(&c.Lease, time.Minute)
	set(&c.SweepEvery, 2*time.Second)
	set(&c.Grace, 5*time.Second)
	set(&c.KeepEvents, 7*24*time.Hour)
	set(&c.KeepKeys, 7*24*time.Hour)
	set(&c.KeepJobs, 90*24*time.Hour)
	set(&c.KeepFailures, c.KeepJobs)
	set(&c.KeepFiles, min(30*24*time.Hour, c.KeepJobs))
	set(&c.MaxOpenJobs, 1_000)
	set(&c.isolationTurns, 2*time.Second)
	if c.Now == nil {
		c.Now = time.Now //nolint:forbidigo // this is where the clock comes in
	}
	if c.Random == nil {
		c.Random = rand.Uint64
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

func set[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Engine takes jobs in and works them off. All methods are safe for
// concurrent use.
type Engine struct {
	store     ports.Store
	bell      ports.Bell
	files     ports.Files
	events    ports.EventStream
	authority ports.Authority
	telemetry ports.Telemetry
	cfg       Config
	log       *slog.Logger
	gate      *gate
	relayNow  chan struct{} // told that the outbox has something
	suspects  chan struct{} // told that something suspect waits

	longSlots chan struct{} // how many plans and exports may run at once
	follows   follows

	mu      sync.Mutex
	kinds   map[domain.Kind]*kind
	duties  []Purge
	running bool
	abort   context.CancelCauseFunc // ends Run
	madeWay map[domain.JobID]int    // how often a plan or an export was interrupted for suspects
}

// New returns an engine without kinds. It starts nothing. Missing
// dependencies and settings out of range are reported together.
func New(deps Deps, cfg Config) (*Engine, error) {
	var problems []error
	if deps.Store == nil {
		problems = append(problems, errors.New("engine: Deps.Store is missing"))
	}
	if deps.Bell == nil {
		problems = append(problems, errors.New("engine: Deps.Bell is missing"))
	}
	if cfg.Workers < 0 || cfg.ChunkSize < 0 || cfg.MaxNamed < 0 || cfg.MaxSelected < 0 ||
		cfg.Lease < 0 || cfg.SweepEvery < 0 || cfg.Grace < 0 || cfg.KeepEvents < 0 || cfg.KeepKeys < 0 ||
		cfg.KeepJobs < 0 || cfg.KeepFailures < 0 || cfg.KeepFiles < 0 || cfg.MaxOpenJobs < 0 {
		problems = append(problems, errors.New("engine: a setting of Config is negative"))
	}
	problems = append(problems, cfg.withDefaults().keepValid())
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	if deps.Telemetry == nil {
		deps.Telemetry = unwatched{}
	}
	return &Engine{
		store: deps.Store, bell: deps.Bell, files: deps.Files, events: deps.Events, authority: deps.Authority, telemetry: deps.Telemetry,
		cfg: cfg, log: cfg.Logger, gate: newGate(),
		relayNow: make(chan struct{}, 1), suspects: make(chan struct{}, 1),
		longSlots: make(chan struct{}, max(1, cfg.Workers-1)),
		kinds:     map[domain.Kind]*kind{}, madeWay: map[domain.JobID]int{},
	}, nil
}

// Run works jobs off until ctx ends: it listens to the bell, sweeps, and
// publishes events. It returns when all its goroutines have, which is at most
// [Config.Grace] and a moment after ctx ended; chunks that were not done by
// then are given back. It can be called once. It fails when the bell cannot
// be listened to, and when a kind does not heed its context: then a goroutine is
// left behind that holds what it holds, and the process is to be ended.
func (e *Engine) Run(ctx context.Context) error {
	ctx, abort := context.WithCancelCause(ctx)
	defer abort(nil)
	kinds, err := e.begin(abort)
	if err != nil {
		return err
	}
	if e.cfg.SoleProcess {
		lost, err := e.store.Expire(ctx, true)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("take over what the last process held: %w", err)
		}
		if lost > 0 {
			e.telemetry.Count(ports.LeasesExpired, "", lost)
			e.log.Warn("took over work that the last process held", "pieces", lost)
		}
	}
	var group sync.WaitGroup
	group.Go(func() { e.sweeping(ctx) })
	group.Go(func() { e.purging(ctx) })
	group.Go(func() { e.relaying(ctx) })
	group.Go(func() { e.isolating(ctx) })
	err = e.bell.Listen(ctx, kinds, e.cfg.Workers, e.workOff)
	abort(nil)
	group.Wait()
	if errors.Is(context.Cause(ctx), errHung) {
		return errHung
	}
	if err != nil {
		return fmt.Errorf("listen for work: %w", err)
	}
	return nil
}

// Relay is [Engine.Run] for a process that takes jobs in and leaves the work
// to others: it publishes events, and does nothing else, until ctx ends.
func (e *Engine) Relay(ctx context.Context) error {
	ctx, abort := context.WithCancelCause(ctx)
	defer abort(nil)
	if _, err := e.begin(abort); err != nil {
		return err
	}
	var group sync.WaitGroup
	group.Go(func() { e.relaying(ctx) })
	group.Go(func() { e.reopening(ctx) })
	group.Wait()
	return nil
}

// begin closes the registration and returns the kinds.
func (e *Engine) begin(abort context.CancelCauseFunc) ([]domain.Kind, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.running {
		return nil, errors.New("engine: Run or Relay was called before")
	}
	e.running, e.abort = true, abort
	for _, duty := range []string{dutyWork, dutySettle, dutySweep, dutyPurge, dutyPublish, dutyReopen, dutyLook, dutyIsolate} {
		e.telemetry.Count(ports.DutyFailed, duty, 0) // so that whoever counts them knows of the first
	}
	return e.names(), nil
}

// Kinds returns the kinds that are registered, in the order of their names.
func (e *Engine) Kinds() []domain.Kind { return e.kindNames() }

func (e *Engine) names() []domain.Kind { return slices.Sorted(maps.Keys(e.kinds)) }

// kindNames returns the kinds that are registered.
func (e *Engine) kindNames() []domain.Kind {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.names()
}

// kind returns a registered kind, or nil.
func (e *Engine) kind(name domain.Kind) *kind {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.kinds[name]
}

// InTx runs fn in one transaction of the engine's store, as
// [ports.Transactions] says, and then publishes the events that fn added.
func (e *Engine) InTx(ctx context.Context, fn func(ctx context.Context) error) error {
	defer e.tell()
	return e.store.InTx(ctx, fn)
}

// AddEvents stores events with the transaction open in ctx, to be told once it
// is committed, after those that were added before. When nobody listens
// ([Deps.Events]) it does nothing.
func (e *Engine) AddEvents(ctx context.Context, events ...domain.Event) error {
	if e.events == nil || len(events) == 0 {
		return nil
	}
	here := e.telemetry.Trace(ctx)
	for i := range events {
		if events[i].Trace == "" {
			events[i].Trace = here
		}
	}
	return e.store.AddEvents(ctx, events)
}

// nudge sends on c unless something is waiting there already.
func nudge(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

package engine

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"iter"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/batchport/batchport/adapters/memory"
	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

// TestMain makes the property test run some hundreds of schedules; task
// torture runs many more.
func TestMain(m *testing.M) {
	_ = flag.Set("rapid.checks", "300") // a flag on the command line comes later and wins
	flag.Parse()
	os.Exit(m.Run())
}

// TestRandomSchedules runs jobs over processes that crash between any two
// port calls, with calls that fail, answers and rings that get lost, are
// repeated or come late, leases that run out under workers who are alive, and
// a stream that forgets. Whatever happens: every item ends exactly once, effects
// never repeat, counts sum, progress never falls, jobs on one resource run in
// turn, every end is told, and what is counted is what was committed.
func TestRandomSchedules(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		choices := rapid.IntRange(0, 1<<30)
		err := runSchedule(func(n int) int { return choices.Draw(rt, "choice") % n }, none)
		if err != nil {
			rt.Fatal(err)
		}
	})
}

// TestSchedulesFindBugs takes one guard out of the engine at a time. Each time
// the schedules must notice.
func TestSchedulesFindBugs(t *testing.T) {
	for name, m := range map[string]mutant{"fence": withoutFence, "outbox": withoutOutbox, "sweeper": withoutSweeper} {
		t.Run("without the "+name, func(t *testing.T) {
			t.Parallel()
			const tries = 2000
			for seed := range uint64(tries) {
				random := rand.New(rand.NewPCG(seed, 1))
				if err := runSchedule(random.IntN, m); err != nil {
					t.Logf("schedule %d: %v", seed, err)
					return
				}
			}
			t.Errorf("%d schedules without the %s found nothing wrong, want a violated promise", tries, name)
		})
	}
}

// mutant is a guard that is taken out.
type mutant int

const (
	none mutant = iota
	withoutFence
	withoutOutbox
	withoutSweeper
)

const (
	processes = 3
	lease     = time.Minute
	steps     = 400
)

// world is everything that the simulated processes share, and what is known
// of it from outside.
type world struct {
	choose    func(n int) int
	mutant    mutant
	now       time.Time
	store     *memory.Store
	stream    *memory.EventStream
	files     *memory.Files
	rings     int
	ids       uint64
	processes []*process
	waiting   []*actor
	quiet     bool // no more faults
	over      bool // every call fails, so that all goroutines end

	jobs    []*tracked
	effects map[effect]int
	blamed  map[effect]int // how often the store may hold a loss against an item

	counted, committed counts // what was told to those who watch, and what was so
}

type effect struct {
	job  domain.JobID
	item int
}

// tracked is a job as its submitter sees it.
type tracked struct {
	ref     domain.JobRef
	kind    domain.Kind
	plan    schedulePlan
	percent int
	ended   bool
}

// schedulePlan is the payload of the test's kinds: how many items there are,
// and which of them do harm.
type schedulePlan struct {
	Items    int
	Harm     map[int]string
	Prepared bool
}

const (
	harmData  = "data"  // the database refuses the statement that holds it
	harmPanic = "panic" // the kind panics over it
	harmKill  = "kill"  // the process dies over it
	harmPlain = "plain" // the kind itself fails it
)

func runSchedule(choose func(int) int, m mutant) (err error) {
	w := &world{
		choose: choose, mutant: m, now: time.Date(2026, 11, 22, 2, 0, 0, 0, time.UTC),
		stream: memory.NewEventStream(), files: memory.NewFiles(),
		effects: map[effect]int{}, blamed: map[effect]int{}, counted: counts{}, committed: counts{},
	}
	w.store = memory.NewStore(func() time.Time { return w.now })
	defer func() {
		w.over = true
		w.killAll()
	}()
	defer func() {
		// An engine that loses count panics in the domain; with a guard
		// taken out that is one way to notice.
		if r := recover(); r != nil {
			if m == none {
				panic(r)
			}
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	for range processes {
		w.processes = append(w.processes, w.boot())
	}
	for range steps {
		w.step()
		if err := w.check(); err != nil {
			return err
		}
	}
	w.killAll()
	return w.settle()
}

// boot starts a process with an engine of its own.
func (w *world) boot() *process {
	p := &process{world: w}
	e, err := New(Deps{
		Store:  chaosStore{p, w.store},
		Bell:   chaosBell{p},
		Events: chaosEvents{p, w.stream},
		Files:  chaosFiles{p, w.files},

		Telemetry: watcher{counts: w.counted},
	}, Config{
		ChunkSize: 5, Lease: lease, SweepEvery: time.Nanosecond, Now: func() time.Time { return w.now },
		Random: func() uint64 { w.ids++; return w.ids },
	})
	if err != nil {
		panic(err)
	}
	p.engine = e
	if _, err := Register(e, Kind[schedulePlan, int]{
		Name: "edit", Resource: "things", Apply: p.apply,
		Prepare: func(_ context.Context, _ *domain.BatchJob, plan schedulePlan) (schedulePlan, error) {
			plan.Prepared = true
			return plan, nil
		},
		Select: func(_ context.Context, _ *domain.BatchJob, plan schedulePlan) iter.Seq2[int, error] {
			if !plan.Prepared {
				panic("a selection that was not prepared")
			}
			return plan.all()
		},
	}); err != nil {
		panic(err)
	}
	if _, err := RegisterExport(e, Export[schedulePlan, int]{
		Name: "look", Write: p.write,
		FileName: func(*domain.BatchJob, schedulePlan) string { return "things.txt" },
	}); err != nil {
		panic(err)
	}
	return p
}

func (s schedulePlan) all() iter.Seq2[int, error] {
	return func(yield func(int, error) bool) {
		for i := range s.Items {
			if !yield(i, nil) {
				return
			}
		}
	}
}

// apply is the test's kind: each item's effect is counted in the transaction.
func (p *process) apply(ctx context.Context, job *domain.BatchJob, plan schedulePlan, items []int) ([]domain.Outcome, error) {
	w, outcomes := p.world, make([]domain.Outcome, len(items))
	if job.Selection().All && !plan.Prepared {
		panic("a chunk of a selection that was not prepared")
	}
	for i, item := range items {
		if _, err := p.at(ctx); err != nil {
			return nil, err
		}
		key := effect{job.ID(), item}
		switch plan.Harm[item] {
		case harmData:
			return nil, domain.Fail(domain.NewFailure(domain.CodeRejected, "", fmt.Sprint(item)))
		case harmPanic:
			panic(fmt.Sprintf("item %d", item))
		case harmKill:
			if a, scheduled := ctx.Value(actorKey{}).(*actor); scheduled {
				p.die(a)
			}
			p.dead = true
			return nil, errCrashed
		case harmPlain:
			outcomes[i] = domain.FailedWith(domain.NewFailure(domain.CodeNotFound, "", fmt.Sprint(item)))
			continue
		}
		w.effects[key]++
		w.store.OnRollback(ctx, func() { w.effects[key]-- })
		outcomes[i] = domain.Outcome{Fate: domain.Updated}
	}
	return outcomes, nil
}

func (p *process) write(ctx context.Context, job *domain.BatchJob, plan schedulePlan, items []int, out io.Writer, record Recorder[int]) error {
	if job.Selection().All {
		for item := range plan.all() {
			items = append(items, item)
		}
	}
	for index, item := range items {
		if _, err := p.at(ctx); err != nil {
			return err
		}
		o := domain.Outcome{Fate: domain.Exported}
		switch plan.Harm[item] {
		case harmPanic, harmKill:
			panic(fmt.Sprintf("item %d", item))
		case harmData, harmPlain:
			o = domain.FailedWith(domain.NewFailure(domain.CodeNotFound, "", fmt.Sprint(item)))
		default:
			if _, err := fmt.Fprintf(out, "%d\n", item); err != nil {
				return err
			}
		}
		if err := record(index, item, o); err != nil {
			return err
		}
	}
	return nil
}

// step is one thing that the schedule chooses.
func (w *world) step() {
	p := w.processes[w.choose(len(w.processes))]
	switch w.choose(24) {
	case 0, 1:
		if len(w.jobs) < 6 {
			w.begin(p, false, w.submission())
		}
	case 2:
		if len(w.jobs) > 0 {
			ref := w.jobs[w.choose(len(w.jobs))].ref
			w.begin(p, false, func(ctx context.Context, e *Engine) {
				_, _ = e.Cancel(ctx, domain.Principal{Tenant: ref.Tenant, User: "u", Permissions: []domain.Permission{domain.All}}, ref.ID)
			})
		}
	case 3: // a ring is lost
		w.rings = max(0, w.rings-1)
	case 4: // a ring is repeated
		w.rings++
	case 5, 6, 7:
		if w.rings > 0 {
			w.rings--
			w.begin(p, false, work)
		}
	case 8:
		w.begin(p, false, func(ctx context.Context, e *Engine) { _ = e.relay(ctx) })
	case 9, 10:
		w.sweepOn(p)
	case 11, 12:
		w.begin(p, true, suspects)
	case 13:
		w.kill(p)
	case 14, 15:
		w.revive()
	case 16:
		w.pass(lease / 4)
	case 17:
		w.pass(2 * lease)
	case 18:
		if n := w.choose(4); n == 0 {
			w.stream.Reset()
		} else if n == 1 {
			w.stream.Truncate(uint64(w.choose(4)))
		}
	default:
		if len(w.waiting) > 0 {
			w.resume(w.choose(len(w.waiting)), w.drawVerdict())
		}
	}
}

func work(ctx context.Context, e *Engine) {
	var last domain.JobID
	for {
		if found, err := e.workOnce(ctx, &last); !found || err != nil {
			return
		}
	}
}

func suspects(ctx context.Context, e *Engine) {
	for {
		if found, err := e.runSuspect(ctx); !found || err != nil {
			return
		}
	}
}

// sweepOn runs the sweeper, unless it is taken out.
func (w *world) sweepOn(p *process) {
	if w.mutant != withoutSweeper {
		w.begin(p, false, func(ctx context.Context, e *Engine) { _ = e.sweep(ctx) })
	}
}

// drawVerdict is mostly that the call goes well.
func (w *world) drawVerdict() verdict {
	switch {
	case w.over:
		return crash
	case w.quiet:
		return proceed
	}
	switch w.choose(40) {
	case 0:
		return crash
	case 1:
		return refuse
	case 2:
		return loseAnswer
	default:
		return proceed
	}
}

// submission draws a job.
func (w *world) submission() func(context.Context, *Engine) {
	tenant := domain.TenantID([]string{"a", "b"}[w.choose(2)])
	plan := schedulePlan{Items: 1 + w.choose(12), Harm: map[int]string{}}
	for range w.choose(3) {
		harm := []string{harmData, harmPanic, harmKill, harmPlain}[w.choose(4)]
		plan.Harm[w.choose(plan.Items)] = harm
	}
	kind := domain.Kind([]string{"edit", "edit", "look"}[w.choose(3)])
	r := Request[schedulePlan, int]{Payload: plan}
	if r.All = w.choose(2) == 0; r.All {
		r.Expected = &plan.Items
	} else {
		for item := range plan.all() {
			r.Items = append(r.Items, item)
		}
	}
	if kind == "edit" {
		r.Options = []domain.JobOptions{
			{}, {}, {ValidateOnly: true}, {AllOrNothing: true}, {FailLimit: domain.FailLimit{Items: 1}},
		}[w.choose(5)]
	}
	who := domain.Principal{Tenant: tenant, User: "u", Permissions: []domain.Permission{domain.All}}
	return func(ctx context.Context, e *Engine) {
		// A submission whose answer is lost may have made a job: the
		// world finds those in the store.
		_, _ = (&Jobs[schedulePlan, int]{engine: e, kind: e.kind(kind)}).Submit(ctx, who, r)
	}
}

// begin starts an action on a process and runs it to its first pause. A
// suspect runs alone: the real gate is tested by itself.
func (w *world) begin(p *process, alone bool, action func(context.Context, *Engine)) {
	if p.dead || p.alone || alone && p.actors > 0 {
		return
	}
	a := &actor{process: p, pause: make(chan bool), resume: make(chan verdict), done: make(chan struct{})}
	p.actors++
	p.alone = alone
	ctx := context.WithValue(context.Background(), actorKey{}, a)
	go func() {
		defer close(a.done)
		action(ctx, p.engine)
	}()
	w.await(a)
}

// resume lets a waiting actor go on.
func (w *world) resume(i int, v verdict) {
	a := w.waiting[i]
	w.waiting = slices.Delete(w.waiting, i, i+1)
	a.resume <- v
	w.await(a)
}

// await runs an actor to its next pause. Inside a transaction nobody else can
// do anything, so there it is told at once how to go on.
func (w *world) await(a *actor) {
	for {
		select {
		case inside := <-a.pause:
			if !inside {
				w.waiting = append(w.waiting, a)
				return
			}
			a.resume <- w.drawVerdict()
		case <-a.done:
			a.process.actors--
			a.process.alone = false
			return
		}
	}
}

// kill ends a process between two port calls.
func (w *world) kill(p *process) {
	for i := len(w.waiting) - 1; i >= 0; i-- {
		if i < len(w.waiting) && w.waiting[i].process == p {
			w.resume(i, crash)
		}
	}
	p.dead = true
}

func (w *world) killAll() {
	for _, p := range w.processes {
		w.kill(p)
	}
}

// revive replaces the dead processes.
func (w *world) revive() {
	for i, p := range w.processes {
		if p.dead && p.actors == 0 {
			w.processes[i] = w.boot()
		}
	}
}

// pass lets time go by; the store may blame a suspect that a slow worker holds.
func (w *world) pass(d time.Duration) {
	w.now = w.now.Add(d)
	for _, a := range w.waiting {
		if a.process.alone && a.claim != nil {
			w.blame(*a.claim)
		}
	}
}

// blame notes that a suspect's worker was lost: the store may fail the item
// for it.
func (w *world) blame(claim ports.Claim) {
	item := wholeJob
	if claim.Chunk != nil {
		item = claim.Chunk.First
	}
	w.blamed[effect{claim.Job.ID(), item}]++
}

// wholeJob stands for the job itself where an item is meant.
const wholeJob = -1

// settle lets the world run without further faults, until nothing is left to
// do, and checks how everything ended.
func (w *world) settle() error {
	w.quiet = true
	for range 60 {
		w.revive()
		w.pass(2 * lease)
		for i := range w.processes {
			w.sweepOn(w.processes[i])
			w.finish()
			for w.rings > 0 {
				w.rings--
				w.begin(w.processes[i], false, work)
				w.finish()
			}
			w.begin(w.processes[i], true, suspects)
			w.finish()
			w.begin(w.processes[i], false, func(ctx context.Context, e *Engine) { _ = e.relay(ctx) })
			w.finish()
			w.revive()
		}
		if err := w.check(); err != nil {
			return err
		}
	}
	return w.checkEnds()
}

// finish runs all waiting actors to their end.
func (w *world) finish() {
	for len(w.waiting) > 0 {
		w.resume(0, proceed)
	}
}

// check holds after every step.
func (w *world) check() error {
	if err := w.discover(); err != nil {
		return err
	}
	turn := map[domain.TenantID]bool{}
	for _, j := range w.jobs {
		job, err := w.store.FindJob(context.Background(), j.ref)
		if err != nil {
			return err
		}
		ended, percent, report := job.State().Ended(), job.Percent(), job.Report()
		switch {
		case percent < j.percent:
			return fmt.Errorf("job %s: progress fell from %d to %d", job.ID(), j.percent, percent)
		case j.ended && !ended:
			return fmt.Errorf("job %s lives again as %s", job.ID(), job.State())
		case report.Pending() < 0:
			return fmt.Errorf("job %s: %d of %d items ended", job.ID(), report.Ended(), report.Total)
		case ended && report.Pending() != 0:
			return fmt.Errorf("job %s ended with %d items pending", job.ID(), report.Pending())
		}
		j.percent, j.ended = percent, ended
		done := 0
		for item := range j.plan.Items {
			n := w.effects[effect{job.ID(), item}]
			if n > 1 {
				return fmt.Errorf("job %s: item %d took effect %d times", job.ID(), item, n)
			}
			done += n
		}
		if j.kind == "edit" {
			want := report.Updated
			if job.Options().ValidateOnly {
				want = 0
			}
			if done != want || job.Options().AllOrNothing && done > 0 && done < j.plan.Items {
				return fmt.Errorf("job %s with %+v: %d effects, %d items updated", job.ID(), job.Options(), done, report.Updated)
			}
			if turn[j.ref.Tenant] && report.Ended() > 0 && job.State() != domain.JobCancelled {
				return fmt.Errorf("job %s ran before its turn", job.ID())
			}
			turn[j.ref.Tenant] = turn[j.ref.Tenant] || !ended
		}
	}
	if !maps.Equal(w.counted, w.committed) {
		return fmt.Errorf("counted is %v, and committed %v", w.counted, w.committed)
	}
	return w.checkTold()
}

// discover finds jobs in the store by their events: a submission whose answer
// was lost may have made one.
func (w *world) discover() error {
	return w.store.EachJob(context.Background(), func(job *domain.BatchJob) error {
		known := slices.ContainsFunc(w.jobs, func(j *tracked) bool { return j.ref == job.Ref() })
		if known {
			return nil
		}
		plan, err := decodePayload[schedulePlan](job)
		w.jobs = append(w.jobs, &tracked{ref: job.Ref(), kind: job.Kind(), plan: plan})
		return err
	})
}

// checkTold holds after every step: nothing is told that is not so.
func (w *world) checkTold() error {
	for _, event := range w.stream.Events() {
		job, err := w.store.FindJob(context.Background(), domain.JobRef{Tenant: event.Tenant, ID: domain.JobID(event.Subject)})
		if err != nil {
			return fmt.Errorf("event %s of a job that is not there: %w", event.ID, err)
		}
		if end := !strings.HasSuffix(event.Topic, ".submitted"); end && !strings.HasSuffix(event.Topic, "."+string(job.State())) {
			return fmt.Errorf("event %s says %s, the job is %s", event.ID, event.Topic, job.State())
		}
	}
	return nil
}

// checkEnds holds when nothing is left to do.
func (w *world) checkEnds() error {
	told := map[string]bool{}
	for _, event := range w.stream.Events() {
		told[event.ID] = true
	}
	for _, j := range w.jobs {
		job, err := w.store.FindJob(context.Background(), j.ref)
		if err != nil {
			return err
		}
		if !job.State().Ended() {
			return fmt.Errorf("job %s is %s for ever", job.ID(), job.State())
		}
		if n := job.Snapshot().Sequence; n != 2 {
			return fmt.Errorf("job %s had %d events, want 2", job.ID(), n)
		}
		for n := range job.Snapshot().Sequence {
			if id := fmt.Sprintf("%s-%d", job.ID(), n+1); !told[id] {
				return fmt.Errorf("event %s was never told", id)
			}
		}
		if err := w.checkFailures(job, j); err != nil {
			return err
		}
		if err := w.checkFile(job, j); err != nil {
			return err
		}
	}
	return nil
}

// checkFailures compares who failed with who should.
func (w *world) checkFailures(job *domain.BatchJob, j *tracked) error {
	failures, err := w.store.ListFailures(context.Background(), j.ref, -1, 1000)
	if err != nil {
		return err
	}
	if len(failures) != job.Report().Failed {
		return fmt.Errorf("job %s: %d failures for %d failed items", job.ID(), len(failures), job.Report().Failed)
	}
	failed := map[int]domain.Code{}
	for _, f := range failures {
		failed[f.Index] = f.Failure.Code
		guilty := j.plan.Harm[f.Index] != ""
		if blamed := w.blamed[effect{job.ID(), f.Index}]; !guilty && blamed < maxItemStrikes {
			return fmt.Errorf("job %s: innocent item %d failed: %s", job.ID(), f.Index, f.Failure)
		}
	}
	if job.State() == domain.JobFailed {
		guilty := slices.ContainsFunc([]string{harmPanic, harmKill}, func(h string) bool {
			for _, harm := range j.plan.Harm {
				if harm == h {
					return true
				}
			}
			return false
		})
		together := job.Options().AllOrNothing && w.blamed[effect{job.ID(), 0}] >= maxItemStrikes
		if job.Cause() == nil || !guilty && !together && w.blamed[effect{job.ID(), wholeJob}] < maxJobStrikes {
			return fmt.Errorf("job %s failed for nothing: %v", job.ID(), job.Cause())
		}
	}
	if job.State() != domain.JobCompleted {
		return nil
	}
	for item, harm := range j.plan.Harm {
		if failed[item] == "" {
			return fmt.Errorf("job %s: item %d with harm %q did not fail", job.ID(), item, harm)
		}
	}
	if job.Report().Total != j.plan.Items {
		return fmt.Errorf("job %s has %d items, want %d", job.ID(), job.Report().Total, j.plan.Items)
	}
	return nil
}

// checkFile compares an export's file with its report.
func (w *world) checkFile(job *domain.BatchJob, j *tracked) error {
	if j.kind != "look" || job.File() == nil {
		if job.Report().Exported > 0 && job.State() == domain.JobCompleted {
			return fmt.Errorf("job %s exported %d items into no file", job.ID(), job.Report().Exported)
		}
		return nil
	}
	r, err := w.files.Open(context.Background(), j.ref.Tenant, job.File().ID)
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	content, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if lines := bytes.Count(content, []byte("\n")); lines != job.Report().Exported {
		return fmt.Errorf("job %s: %d lines in the file, %d items exported", job.ID(), lines, job.Report().Exported)
	}
	return nil
}

package engine_test

import (
	"context"
	"errors"
	"io"
	"iter"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/batchport/batchport/adapters/memory"
	"github.com/batchport/batchport/app/engine"
	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

const day = 24 * time.Hour

// seldom is an engine whose sweeper does not fill the months that a test waits.
var seldom = engine.Config{SweepEvery: 30 * day}

// exporting is a kind that writes a small file.
func exporting(t *testing.T, e *engine.Engine) *engine.Jobs[plan, int] {
	t.Helper()
	jobs, err := engine.RegisterExport(e, engine.Export[plan, int]{
		Name:     "look",
		FileName: func(*domain.BatchJob, plan) string { return "a.txt" },
		Write: func(_ context.Context, _ *domain.BatchJob, _ plan, items []int, w io.Writer, record engine.Recorder[int]) error {
			_, err := io.WriteString(w, "content")
			for i := range items {
				err = errors.Join(err, record(i, items[i], domain.Outcome{Fate: domain.Exported}))
			}
			return err
		},
	})
	if err != nil {
		t.Fatalf("RegisterExport() = %v, want nil", err)
	}
	return jobs
}

// wantFailures fails unless asking for failures and warnings, in any way,
// gives the error, nil for none.
func wantFailures(t *testing.T, when string, e *engine.Engine, jobs *engine.Jobs[plan, int], job *domain.BatchJob, want error) {
	t.Helper()
	who := domain.Principal{Tenant: job.Tenant(), User: "1"}
	_, listed := e.Failures(t.Context(), who, job.ID(), -1, 10)
	_, warned := e.Warnings(t.Context(), who, job.ID(), -1, 10)
	for name, err := range map[string]error{
		"Failures": listed, "Warnings": warned,
		"EachFailure": last(e.EachFailure(t.Context(), who, job.ID())), "EachFailed": last(jobs.EachFailed(t.Context(), job)),
	} {
		if !errors.Is(err, want) {
			t.Errorf("%s: %s = %v, want %v", when, name, err, want)
		}
	}
}

// last returns the last error of a sequence.
func last[V any](all iter.Seq2[V, error]) (err error) {
	for _, err = range all {
	}
	return err
}

// fileIDs returns the identifiers of all files.
func (f *fixture) fileIDs(t *testing.T) (ids []string) {
	t.Helper()
	for info, err := range f.files.Each(t.Context(), time.Time{}) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, info.ID)
	}
	return ids
}

func TestWhatAJobLeavesIsKeptAsLongAsItIsSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture()
		cfg := seldom
		cfg.KeepJobs, cfg.KeepFailures, cfg.KeepFiles = 20*day, 10*day, 5*day
		e := f.engine(t, cfg)
		jobs := register(t, e, failing(func(i int) bool { return i%2 == 0 }))
		looks := exporting(t, e)
		defer start(t, e)()
		job := await(t, e, user("a"), submit(t, jobs, user("a"), engine.Request[plan, int]{Items: namedTens(6000)}).ID(), domain.JobCompleted)
		look := await(t, e, user("a"), submit(t, looks, user("a"), engine.Request[plan, int]{Items: []int{1}}).ID(), domain.JobCompleted)
		if until := e.FileKeptUntil(look); !until.Equal(look.EndedAt().Add(5 * day)) {
			t.Errorf("FileKeptUntil() = %v, want 5 days after %v", until, look.EndedAt())
		}
		at := func(after time.Duration) { time.Sleep(time.Until(job.EndedAt().Add(after))) }

		at(5*day - time.Minute)
		if look, err := e.Find(t.Context(), user("a"), look.ID()); err != nil || look.File() == nil || len(f.fileIDs(t)) != 1 {
			t.Errorf("before 5 days the job is %+v, %v, the files are %v; want a file", look, err, f.fileIDs(t))
		}
		at(5*day + 2*time.Hour)
		if look, err := e.Find(t.Context(), user("a"), look.ID()); err != nil || look.File() != nil || len(f.fileIDs(t)) != 0 {
			t.Errorf("after 5 days the job is %+v, %v, the files are %v; want no file", look, err, f.fileIDs(t))
		}
		at(10*day - time.Minute)
		wantFailures(t, "before 10 days", e, jobs, job, nil)
		at(10*day + 2*time.Hour)
		wantFailures(t, "after 10 days", e, jobs, job, domain.CodeNotKept)
		if got, err := e.Find(t.Context(), user("a"), job.ID()); err != nil || got.Report() != job.Report() || !got.ItemsPurged() {
			t.Errorf("after 10 days the job is %+v, %v; want its report", got, err)
		}
		at(20*day - time.Minute)
		if _, err := e.Find(t.Context(), user("a"), job.ID()); err != nil {
			t.Errorf("before 20 days Find() = %v, want the job", err)
		}
		at(20*day + 2*time.Hour)
		wantFailures(t, "after 20 days", e, jobs, job, domain.CodeNotFound)
		for _, gone := range []*domain.BatchJob{job, look} {
			if _, err := e.Find(t.Context(), user("a"), gone.ID()); !errors.Is(err, domain.CodeNotFound) {
				t.Errorf("after 20 days Find() = %v, want %v", err, domain.CodeNotFound)
			}
		}
	})
}

// By default a job is kept for 90 days with all of it, and its file for 30.
func TestWhatIsKeptByDefault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture()
		e := f.engine(t, seldom)
		jobs := exporting(t, e)
		defer start(t, e)()
		job := await(t, e, user("a"), submit(t, jobs, user("a"), engine.Request[plan, int]{Items: []int{1}}).ID(), domain.JobCompleted)
		for _, c := range []struct {
			days        int
			found, file bool
		}{{29, true, true}, {31, true, false}, {89, true, false}, {91, false, false}} {
			time.Sleep(time.Until(job.EndedAt().Add(time.Duration(c.days) * day)))
			got, err := e.Find(t.Context(), user("a"), job.ID())
			if err == nil != c.found || c.found && (got.File() != nil != c.file || got.ItemsPurged()) {
				t.Errorf("after %d days the job is %+v, %v; want it: %t, its file: %t", c.days, got, err, c.found, c.file)
			}
		}
	})
}

// A job that waits, or is asked for by its idempotency key, or of which nobody
// was told yet, is kept however old it is.
func TestWhatIsNeededIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture()
		cfg := seldom
		cfg.KeepJobs, cfg.KeepKeys = day, 50*day
		stream := &broken{EventStream: f.stream}
		f.deps.Events = stream
		e, elsewhere := f.engine(t, cfg), f.engine(t, cfg)
		jobs := register(t, e, engine.Kind[plan, int]{Name: "edit", Apply: f.counts.addAll})
		waiting := register(t, elsewhere, engine.Kind[plan, int]{Name: "other", Apply: f.counts.addAll}) // that no process runs
		defer start(t, e)()
		keyed := engine.Request[plan, int]{Items: inOrder(3), IdempotencyKey: "k"}
		named := await(t, e, user("a"), submit(t, jobs, user("a"), keyed).ID(), domain.JobCompleted)
		done := await(t, e, user("a"), submit(t, jobs, user("a"), engine.Request[plan, int]{Items: inOrder(3)}).ID(), domain.JobCompleted)
		time.Sleep(time.Second) // the relay gathers for a moment
		stream.down.Store(true)
		untold := await(t, e, user("a"), submit(t, jobs, user("a"), engine.Request[plan, int]{Items: inOrder(3)}).ID(), domain.JobCompleted)
		open := submit(t, waiting, user("a"), engine.Request[plan, int]{Items: inOrder(3)})

		time.Sleep(10 * day)
		for what, c := range map[string]struct {
			job   *domain.BatchJob
			found bool
		}{"named": {named, true}, "done": {done, false}, "untold": {untold, true}, "open": {open, true}} {
			if _, err := e.Find(t.Context(), user("a"), c.job.ID()); err == nil != c.found {
				t.Errorf("after 10 days the job that is %s: %v; want it there: %t", what, err, c.found)
			}
		}
		if again := submit(t, jobs, user("a"), keyed); again.ID() != named.ID() {
			t.Errorf("the same request gives job %s, want %s", again.ID(), named.ID())
		}
		wantFailures(t, "untold", e, jobs, untold, nil)
		stream.down.Store(false)
		await(t, e, user("a"), submit(t, jobs, user("a"), engine.Request[plan, int]{Items: inOrder(3)}).ID(), domain.JobCompleted)
		time.Sleep(60 * day)
		for _, job := range []*domain.BatchJob{named, untold} {
			if _, err := e.Find(t.Context(), user("a"), job.ID()); !errors.Is(err, domain.CodeNotFound) {
				t.Errorf("after 70 days Find() = %v, want %v", err, domain.CodeNotFound)
			}
		}
		if _, err := e.Find(t.Context(), user("a"), open.ID()); err != nil {
			t.Errorf("after 70 days Find(open) = %v, want the job", err)
		}
	})
}

// broken is a stream that takes nothing while it is down.
type broken struct {
	*memory.EventStream
	down atomic.Bool
}

func (b *broken) Publish(ctx context.Context, events []domain.Event) ([]ports.StreamPosition, error) {
	if b.down.Load() {
		return nil, domain.Unavailable(errors.New("down"))
	}
	return b.EventStream.Publish(ctx, events)
}

// dying is a store and a store of files that give up on the nth purge, as a
// process would that is killed there.
type dying struct {
	ports.Store
	ports.Files
	left *atomic.Int64
}

var errDead = errors.New("killed")

func (d dying) PurgeItems(ctx context.Context, before time.Time, limit int) (ports.Purged, error) {
	if d.left.Add(-1) < 0 {
		return ports.Purged{}, errDead
	}
	return d.Store.PurgeItems(ctx, before, limit)
}

func (d dying) Remove(ctx context.Context, tenant domain.TenantID, id string) error {
	if d.left.Add(-1) < 0 {
		return errDead
	}
	return d.Files.Remove(ctx, tenant, id)
}

// A purge that was killed anywhere is taken up by the next process, and no
// reader takes the half that is left for the whole.
func TestPurgesAreTakenUp(t *testing.T) {
	for kill := range 6 {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture()
			files, store := f.deps.Files, f.deps.Store
			left := new(atomic.Int64)
			left.Store(int64(kill))
			killed := dying{store, files, left}
			f.deps.Store, f.deps.Files = killed, killed
			cfg := seldom
			cfg.KeepJobs, cfg.ChunkSize = day, 500
			e := f.engine(t, cfg)
			jobs, looks := register(t, e, failing(func(int) bool { return true })), exporting(t, e)
			stop := start(t, e)
			job := await(t, e, user("a"), submit(t, jobs, user("a"), engine.Request[plan, int]{Items: namedTens(3000)}).ID(), domain.JobCompleted)
			await(t, e, user("a"), submit(t, looks, user("a"), engine.Request[plan, int]{Items: []int{1}}).ID(), domain.JobCompleted)
			time.Sleep(25*time.Hour + 30*time.Minute)
			stop()
			if kill < 4 {
				failures, err := e.Failures(t.Context(), user("a"), job.ID(), -1, 10_000)
				if err == nil && len(failures) != 3000 || err != nil && !errors.Is(err, domain.CodeNotKept) {
					t.Errorf("killed after %d: Failures() = %d, %v; want all or %v", kill, len(failures), err, domain.CodeNotKept)
				}
			}

			f.deps.Store, f.deps.Files = store, files
			next := f.engine(t, cfg)
			register(t, next, failing(func(int) bool { return true }))
			defer start(t, next)()
			time.Sleep(2 * day)
			if _, err := next.Find(t.Context(), user("a"), job.ID()); !errors.Is(err, domain.CodeNotFound) || len(f.fileIDs(t)) > 0 {
				t.Errorf("killed after %d: Find() = %v, the files are %v; want nothing left", kill, err, f.fileIDs(t))
			}
			for chunk := range store.EachChunk(t.Context(), job.Ref()) {
				if chunk.Len > 0 {
					t.Fatalf("killed after %d: a chunk is left, of %d items", kill, chunk.Len)
				}
			}
		})
	}
}

// Duties run in short steps that leave others most of the time, and one that
// fails keeps no other.
func TestDutiesLeaveRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture()
		e := f.engine(t, seldom)
		register(t, e, engine.Kind[plan, int]{Name: "edit", Apply: f.counts.addAll})
		var mu sync.Mutex
		var limits []int
		var began []time.Time
		rest := 20
		for _, duty := range []engine.Purge{
			{What: "nothing", Step: func(context.Context, int) (int, error) { return 0, errors.New("cannot") }},
			{What: "much", Step: func(_ context.Context, limit int) (int, error) {
				mu.Lock()
				defer mu.Unlock()
				began, limits = append(began, time.Now()), append(limits, limit)
				time.Sleep(60 * time.Millisecond)
				rest--
				return max(rest, 0), nil
			}},
		} {
			if err := e.AddPurge(duty); err != nil {
				t.Fatalf("AddPurge() = %v, want no error", err)
			}
		}
		stop := start(t, e)
		time.Sleep(30 * time.Minute)
		mu.Lock()
		if len(limits) != 20 || limits[0] != 1000 || limits[1] != 500 || limits[19] != 200 {
			t.Errorf("the limits of the steps were %v, want 20 that fall from 1000 to 200", limits)
		}
		for i, at := range began[1:] {
			if pause := at.Sub(began[i]) - 40*time.Millisecond; pause < 180*time.Millisecond {
				t.Errorf("pause after step %d = %v, want three times as long as it took", i, pause)
			}
		}
		rest = 3
		mu.Unlock()
		time.Sleep(time.Hour)
		mu.Lock()
		if len(limits) != 23 {
			t.Errorf("%d steps after an hour, want 3 more", len(limits)-20)
		}
		mu.Unlock()
		stop()
		if err := e.AddPurge(engine.Purge{What: "late", Step: func(context.Context, int) (int, error) { return 0, nil }}); err == nil {
			t.Errorf("AddPurge(after Run) = nil, want an error")
		}
	})
}

func TestSettingsOfRetention(t *testing.T) {
	t.Parallel()
	deps := engine.Deps{Store: memory.NewStore(time.Now), Bell: memory.NewBell()}
	for _, c := range []struct {
		cfg  engine.Config
		says string
	}{
		{engine.Config{KeepFailures: 91 * day}, "KeepFailures is 2184h0m0s, longer than KeepJobs, which is 2160h0m0s"},
		{engine.Config{KeepJobs: day, KeepFiles: day + 1}, "KeepFiles is 24h0m0.000000001s, longer than KeepJobs"},
		{engine.Config{KeepJobs: -1}, "negative"},
		{engine.Config{KeepFiles: -1}, "negative"},
		{engine.Config{KeepFailures: -1}, "negative"},
		{engine.Config{MaxOpenJobs: -1}, "negative"},
	} {
		if _, err := engine.New(deps, c.cfg); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("New(%+v) = %v, want %q", c.cfg, err, c.says)
		}
	}
	for _, cfg := range []engine.Config{{KeepJobs: time.Hour}, {KeepJobs: day, KeepFiles: day, KeepFailures: day}, {KeepKeys: 1000 * day}} {
		if _, err := engine.New(deps, cfg); err != nil {
			t.Errorf("New(%+v) = %v, want no error", cfg, err)
		}
	}
}

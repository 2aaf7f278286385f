package engine_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/batchport/batchport/app/engine"
	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

// tracer is telemetry that draws traces, and keeps what it is told.
type tracer struct {
	mu       sync.Mutex
	steps    int
	works    []ports.Work
	results  []ports.WorkResult // of all but submissions
	happened map[ports.Occurrence]int
}

func newTracer() *tracer { return &tracer{happened: map[ports.Occurrence]int{}} }

type traceKey struct{}

// Begin draws a step of the trace that the work or ctx is in, or of a new one.
func (r *tracer) Begin(ctx context.Context, work ports.Work) (context.Context, func(ports.WorkEnd)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.steps++
	trace := work.Parent.TraceID()
	if trace == "" {
		trace = r.Trace(ctx).TraceID()
	}
	if trace == "" {
		trace = fmt.Sprintf("%032x", r.steps)
	}
	r.works = append(r.works, work)
	ctx = context.WithValue(ctx, traceKey{}, domain.TraceParent(fmt.Sprintf("00-%s-%016x-01", trace, r.steps)))
	return ctx, func(end ports.WorkEnd) {
		r.mu.Lock()
		defer r.mu.Unlock()
		if work.Sort != ports.WorkSubmit {
			r.results = append(r.results, end.Result)
		}
	}
}

func (r *tracer) Trace(ctx context.Context) domain.TraceParent {
	here, _ := ctx.Value(traceKey{}).(domain.TraceParent)
	return here
}

func (*tracer) Changed(ports.JobChange) {}

func (r *tracer) Count(what ports.Occurrence, _ string, n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.happened[what] += n
}

// A job, all that is done to it, and its events are one trace, also when
// another request cancels it.
func TestAJobIsOneTrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, watch := newFixture(), newTracer()
		f.deps.Telemetry = watch
		e := f.engine(t, engine.Config{ChunkSize: 10})
		jobs := register(t, e, engine.Kind[plan, int]{Name: "edit", Apply: f.counts.addAll})
		job := submit(t, jobs, user("a"), engine.Request[plan, int]{Items: inOrder(30)})
		cancelled := submit(t, jobs, user("a"), engine.Request[plan, int]{Items: inOrder(5)})
		if !job.Trace().WellFormed() || job.Trace().TraceID() == cancelled.Trace().TraceID() {
			t.Fatalf("two jobs were submitted under %q and %q, want a trace each", job.Trace(), cancelled.Trace())
		}
		elsewhere, _ := watch.Begin(t.Context(), ports.Work{Sort: "request"})
		if _, err := e.Cancel(elsewhere, user("a"), cancelled.ID()); err != nil {
			t.Fatal(err)
		}
		stop := start(t, e)
		await(t, e, user("a"), job.ID(), domain.JobCompleted)
		time.Sleep(time.Second) // the relay gathers for a moment
		stop()
		chunks := 0
		for _, work := range watch.works {
			if work.Sort != ports.WorkChunk {
				continue
			}
			chunks++
			if work.Parent != job.Trace() || work.Job != job.ID() || work.Items != 10 || work.Attempt != 1 {
				t.Errorf("a chunk is told of as %+v, want it under %s", work, job.Trace())
			}
		}
		if chunks != 3 {
			t.Errorf("%d chunks were told of, want 3", chunks)
		}
		for _, event := range f.stream.Events() {
			submitted := job.Trace()
			if event.Subject == string(cancelled.ID()) {
				submitted = cancelled.Trace()
			}
			byChunk := strings.HasSuffix(event.Topic, ".completed")
			if event.Trace.TraceID() != submitted.TraceID() || (event.Trace == submitted) == byChunk {
				t.Errorf("the event %s of the job under %s is under %s", event.Topic, submitted, event.Trace)
			}
		}
		if got := watch.happened[ports.EventsPublished]; got != 4 {
			t.Errorf("%d published events were told of, want 4", got)
		}
	})
}

// What kinds do wrong is told of, and logged without what they say.
func TestFaultsAreToldWithoutTheirText(t *testing.T) {
	for name, test := range map[string]struct {
		do   func() ([]domain.Outcome, error)
		want []ports.WorkResult
		told ports.Occurrence
	}{
		"panic": {
			func() ([]domain.Outcome, error) { panic("hunter2") },
			[]ports.WorkResult{ports.WorkSuspect, ports.WorkSuspect, ports.WorkGivenUp},
			ports.Panicked,
		},
		"data": {
			func() ([]domain.Outcome, error) {
				return nil, domain.Fail(domain.NewFailure(domain.CodeRejected, "hunter2", "hunter2", "name", "hunter2"))
			},
			[]ports.WorkResult{ports.WorkDone},
			ports.EventsPublished,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f, watch := newFixture(), newTracer()
				f.deps.Telemetry = watch
				var log bytes.Buffer
				e := f.engine(t, engine.Config{Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
				jobs := register(t, e, engine.Kind[plan, int]{
					Name:  "edit",
					Key:   func(int) string { return "hunter2" },
					Apply: func(context.Context, *domain.BatchJob, plan, []int) ([]domain.Outcome, error) { return test.do() },
				})
				job := submit(t, jobs, user("a"), engine.Request[plan, int]{Items: []int{1}})
				stop := start(t, e)
				job = await(t, e, user("a"), job.ID(), domain.JobCompleted)
				time.Sleep(time.Second)
				stop()
				if job.Report().Failed != 1 {
					t.Errorf("report = %+v, want one failed", job.Report())
				}
				if strings.Contains(log.String(), "hunter2") {
					t.Errorf("the log says what the item says:\n%s", &log)
				}
				want := `msg="a job has ended" job=` + string(job.ID()) + " kind=edit tenant=a trace_id=" + job.Trace().TraceID()
				if !strings.Contains(log.String(), want) {
					t.Errorf("the log has no %q:\n%s", want, &log)
				}
				if !slices.Equal(watch.results, test.want) {
					t.Errorf("work ended as %q, want %q", watch.results, test.want)
				}
				if watch.happened[test.told] == 0 {
					t.Errorf("%s was not told of", test.told)
				}
			})
		})
	}
}

package telemetry

import (
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

// The bounds of histograms, in seconds.
var (
	workBounds    = []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 1800}
	jobBounds     = []float64{.1, .5, 1, 5, 15, 60, 300, 900, 3600, 6 * 3600, 24 * 3600}
	requestBounds = []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 120}
)

// counts are the metrics that go up as things happen. Their labels have few
// values: no tenant, no user, no job.
type counts struct {
	submitted *prometheus.CounterVec   // kind
	ended     *prometheus.CounterVec   // kind, result
	jobTime   *prometheus.HistogramVec // kind
	items     *prometheus.CounterVec   // kind, outcome

	work     *prometheus.CounterVec   // kind, work, result
	workTime *prometheus.HistogramVec // kind, work

	leasesExpired prometheus.Counter
	panics        *prometheus.CounterVec // kind
	duties        *prometheus.CounterVec // duty
	quotas        *prometheus.CounterVec // quota
	events        *prometheus.CounterVec // result

	requests *prometheus.HistogramVec // operation, status
}

func newCounts(registry *prometheus.Registry, version string) *counts {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
		registry.MustRegister(c)
		return c
	}
	histogram := func(name, help string, bounds []float64, labels ...string) *prometheus.HistogramVec {
		h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: bounds}, labels)
		registry.MustRegister(h)
		return h
	}
	build := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "batchport_build_info", Help: "1, for the version that runs."}, []string{"version", "goversion"})
	registry.MustRegister(build)
	build.WithLabelValues(version, runtime.Version()).Set(1)
	c := &counts{
		submitted: counter("batchport_jobs_submitted_total", "Jobs that were taken in.", "kind"),
		ended:     counter("batchport_jobs_ended_total", "Jobs that have ended, by how: completed, failed, cancelled.", "kind", "result"),
		jobTime:   histogram("batchport_job_duration_seconds", "From the submission of jobs to their end.", jobBounds, "kind"),
		items:     counter("batchport_items_total", "Items that have ended, by outcome, as committed.", "kind", "outcome"),
		work:      counter("batchport_work_total", "Pieces of work that ended, by how: the work is submit, plan, chunk or export.", "kind", "work", "result"),
		workTime:  histogram("batchport_work_duration_seconds", "How long pieces of work took that were done.", workBounds, "kind", "work"),
		panics:    counter("batchport_panics_total", "Panics of kinds.", "kind"),
		duties:    counter("batchport_duty_failures_total", "Duties in the background that could not be done, and are tried again.", "duty"),
		quotas:    counter("batchport_quota_refusals_total", "Requests that a quota has refused.", "quota"),
		events:    counter("batchport_events_total", "Events, by what became of them: published; refused by the stream, for good; lost by the stream, and to be published again.", "result"),
		requests:  histogram("batchport_http_request_duration_seconds", "Requests, by route and class of status.", requestBounds, "operation", "status"),
		leasesExpired: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "batchport_leases_expired_total", Help: "Pieces of work that were taken from workers that gave no sign.",
		}),
	}
	registry.MustRegister(c.leasesExpired)
	for _, result := range eventResults {
		c.events.WithLabelValues(result)
	}
	return c
}

// eventResults are the results of events by the occurrence that tells of them.
var eventResults = map[ports.Occurrence]string{
	ports.EventsPublished: "published", ports.EventsRefused: "refused", ports.EventsReopened: "lost",
}

// expect makes the series of a kind, at zero.
func (c *counts) expect(kind domain.Kind) {
	k := string(kind)
	c.submitted.WithLabelValues(k)
	c.panics.WithLabelValues(k)
	for _, end := range []domain.JobState{domain.JobCompleted, domain.JobFailed, domain.JobCancelled} {
		c.ended.WithLabelValues(k, string(end))
	}
	for _, fate := range domain.Fates() {
		c.items.WithLabelValues(k, string(fate))
	}
	for _, sort := range []ports.WorkSort{ports.WorkPlan, ports.WorkChunk, ports.WorkExport} {
		for _, result := range []ports.WorkResult{ports.WorkDone, ports.WorkSuperseded, ports.WorkUnavailable, ports.WorkSuspect, ports.WorkGivenUp} {
			c.work.WithLabelValues(k, string(sort), string(result))
		}
	}
}

func (c *counts) changed(change ports.JobChange) {
	k := string(change.Kind)
	if change.Submitted {
		c.submitted.WithLabelValues(k).Inc()
	}
	for _, fate := range domain.Fates() {
		if n := change.Items.Count(fate); n > 0 {
			c.items.WithLabelValues(k, string(fate)).Add(float64(n))
		}
	}
	if change.Ended != "" {
		c.ended.WithLabelValues(k, string(change.Ended)).Inc()
		c.jobTime.WithLabelValues(k).Observe(change.Took.Seconds())
	}
}

func (c *counts) workEnded(work ports.Work, end ports.WorkEnd, took time.Duration) {
	c.work.WithLabelValues(string(work.Kind), string(work.Sort), string(end.Result)).Inc()
	if end.Result == ports.WorkDone {
		c.workTime.WithLabelValues(string(work.Kind), string(work.Sort)).Observe(took.Seconds())
	}
}

func (c *counts) happened(what ports.Occurrence, of string, n int) {
	switch what {
	case ports.LeasesExpired:
		c.leasesExpired.Add(float64(n))
	case ports.Panicked:
		c.panics.WithLabelValues(of).Add(float64(n))
	case ports.DutyFailed:
		c.duties.WithLabelValues(of).Add(float64(n))
	case ports.QuotaRefused:
		c.quotas.WithLabelValues(of).Add(float64(n))
	case ports.EventsPublished, ports.EventsRefused, ports.EventsReopened:
		c.events.WithLabelValues(eventResults[what]).Add(float64(n))
	}
}

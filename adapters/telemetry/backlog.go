package telemetry

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

const (
	// backlogPatience is how long a scrape waits for the store.
	backlogPatience = 2 * time.Second

	// backlogLife is how long what the store has answered is shown, so that
	// it is asked as often as that however many scrape.
	backlogLife = 5 * time.Second
)

// backlog is what waits, asked for when metrics are read. Every process of an
// installation shows the same, since they share the store.
type backlog struct {
	reader ports.BacklogReader
	up, jobs, oldestJob, ready, readySince, suspect, held,
	events, eventsSince *prometheus.Desc

	mu    sync.Mutex // also held while the store is asked: the others wait for that answer
	asked time.Time
	last  ports.Backlog
	err   error
}

func newBacklog(reader ports.BacklogReader) *backlog {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("batchport_"+name, help, labels, nil)
	}
	return &backlog{
		reader:      reader,
		up:          desc("backlog_up", "1 when the store has answered what waits; with 0, nothing else is said of it."),
		jobs:        desc("jobs_open", "Jobs that have not ended, by state.", "state"),
		oldestJob:   desc("jobs_oldest_seconds", "Since the submission of the oldest job in the state; 0 for none.", "state"),
		ready:       desc("work_ready", "Pieces of work that could be claimed right now."),
		readySince:  desc("work_ready_oldest_seconds", "Since the submission of the oldest job of which a piece could be claimed; 0 for none."),
		suspect:     desc("work_suspect", "Of the ready pieces, those that are run alone, since workers were lost over them or panicked."),
		held:        desc("work_held", "Pieces of work that workers hold."),
		events:      desc("outbox_events", "Events that are not published."),
		eventsSince: desc("outbox_oldest_seconds", "Age of the event that is published next; 0 for none."),
	}
}

// Describe implements [prometheus.Collector].
func (b *backlog) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{b.up, b.jobs, b.oldestJob, b.ready, b.readySince, b.suspect, b.held, b.events, b.eventsSince} {
		out <- d
	}
}

// Collect implements [prometheus.Collector].
func (b *backlog) Collect(out chan<- prometheus.Metric) {
	say := func(d *prometheus.Desc, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	last, err := b.ask()
	if err != nil {
		say(b.up, 0)
		return
	}
	say(b.up, 1)
	for _, state := range []domain.JobState{domain.JobQueued, domain.JobPlanning, domain.JobRunning, domain.JobFinishing} {
		say(b.jobs, float64(last.Jobs[state].Count), string(state))
		say(b.oldestJob, last.Jobs[state].Oldest.Seconds(), string(state))
	}
	say(b.ready, float64(last.Ready))
	say(b.readySince, last.ReadySince.Seconds())
	say(b.suspect, float64(last.Suspect))
	say(b.held, float64(last.Held))
	say(b.events, float64(last.Events))
	say(b.eventsSince, last.EventsSince.Seconds())
}

// ask returns what the store says, or has said a moment ago.
func (b *backlog) ask() (ports.Backlog, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.asked.IsZero() && time.Since(b.asked) < backlogLife {
		return b.last, b.err
	}
	ctx, cancel := context.WithTimeout(context.Background(), backlogPatience)
	defer cancel()
	b.last, b.err = b.reader.Backlog(ctx)
	b.asked = time.Now()
	return b.last, b.err
}

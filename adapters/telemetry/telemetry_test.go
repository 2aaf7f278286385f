package telemetry_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/batchport/batchport/adapters/telemetry"
	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

// metrics reads what is exposed, by series.
func metrics(t *testing.T, of *telemetry.Telemetry) map[string]string {
	t.Helper()
	answer := httptest.NewRecorder()
	of.Metrics().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if answer.Code != http.StatusOK {
		t.Fatalf("GET /metrics = %d %s, want 200", answer.Code, answer.Body)
	}
	series := map[string]string{}
	for line := range strings.Lines(answer.Body.String()) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "} "); ok && !strings.HasPrefix(line, "#") {
			series[name+"}"] = value
		} else if name, value, ok := strings.Cut(strings.TrimSpace(line), " "); ok && !strings.HasPrefix(line, "#") {
			series[name] = value
		}
	}
	return series
}

// want fails unless the series have these values; "" means that there is none.
func want(t *testing.T, got, want map[string]string) {
	t.Helper()
	for series, value := range want {
		if got[series] != value {
			t.Errorf("%s = %q, want %q", series, got[series], value)
		}
	}
}

func TestCounts(t *testing.T) {
	t.Parallel()
	tel := telemetry.New(telemetry.Config{Version: "1.2.3", Kinds: []domain.Kind{"export"}})
	tel.Changed(ports.JobChange{Kind: "edit", Submitted: true})
	tel.Changed(ports.JobChange{Kind: "edit", Items: domain.Report{Total: 9, Updated: 4, Failed: 1}})
	tel.Changed(ports.JobChange{Kind: "edit", Items: domain.Report{Updated: 3, Cancelled: 1}, Ended: domain.JobCancelled, Took: 3 * time.Second})
	for _, result := range []ports.WorkResult{ports.WorkDone, ports.WorkSuperseded, ports.WorkDone} {
		_, ended := tel.Begin(t.Context(), ports.Work{Sort: ports.WorkChunk, Kind: "edit"})
		ended(ports.WorkEnd{Result: result})
	}
	for what, of := range map[ports.Occurrence]string{
		ports.LeasesExpired: "", ports.Panicked: "edit", ports.DutyFailed: "sweep", ports.QuotaRefused: "budget_sync",
		ports.EventsPublished: "", ports.EventsRefused: "", ports.EventsReopened: "",
	} {
		tel.Count(what, of, 2)
	}
	want(t, metrics(t, tel), map[string]string{
		`batchport_jobs_submitted_total{kind="edit"}`:                        "1",
		`batchport_jobs_submitted_total{kind="export"}`:                      "0",
		`batchport_jobs_ended_total{kind="edit",result="cancelled"}`:         "1",
		`batchport_jobs_ended_total{kind="export",result="failed"}`:          "0",
		`batchport_job_duration_seconds_sum{kind="edit"}`:                    "3",
		`batchport_items_total{kind="edit",outcome="updated"}`:               "7",
		`batchport_items_total{kind="edit",outcome="failed"}`:                "1",
		`batchport_items_total{kind="edit",outcome="cancelled"}`:             "1",
		`batchport_items_total{kind="export",outcome="exported"}`:            "0",
		`batchport_work_total{kind="edit",result="done",work="chunk"}`:       "2",
		`batchport_work_total{kind="edit",result="superseded",work="chunk"}`: "1",
		`batchport_work_duration_seconds_count{kind="edit",work="chunk"}`:    "2",
		`batchport_leases_expired_total`:                                     "2",
		`batchport_panics_total{kind="edit"}`:                                "2",
		`batchport_duty_failures_total{duty="sweep"}`:                        "2",
		`batchport_quota_refusals_total{quota="budget_sync"}`:                "2",
		`batchport_events_total{result="published"}`:                         "2",
		`batchport_events_total{result="refused"}`:                           "2",
		`batchport_events_total{result="lost"}`:                              "2",
		`batchport_backlog_up`:                                               "",
	})
}

// reader is a store that says what waits, or does not answer.
type reader struct {
	asked int
	err   error
	hang  bool
}

func (r *reader) Backlog(ctx context.Context) (ports.Backlog, error) {
	r.asked++
	if r.hang {
		<-ctx.Done()
		return ports.Backlog{}, ctx.Err()
	}
	return ports.Backlog{
		Jobs:  map[domain.JobState]ports.OpenJobs{domain.JobRunning: {Count: 2, Oldest: time.Minute}},
		Ready: 7, ReadySince: 2 * time.Minute, Suspect: 3, Held: 4, Events: 5, EventsSince: time.Second,
	}, r.err
}

func TestBacklog(t *testing.T) {
	t.Parallel()
	store := &reader{}
	tel := telemetry.New(telemetry.Config{Backlog: store})
	for range 3 {
		want(t, metrics(t, tel), map[string]string{
			`batchport_backlog_up`:                           "1",
			`batchport_jobs_open{state="queued"}`:            "0",
			`batchport_jobs_open{state="running"}`:           "2",
			`batchport_jobs_oldest_seconds{state="running"}`: "60",
			`batchport_work_ready`:                           "7",
			`batchport_work_ready_oldest_seconds`:            "120",
			`batchport_work_suspect`:                         "3",
			`batchport_work_held`:                            "4",
			`batchport_outbox_events`:                        "5",
			`batchport_outbox_oldest_seconds`:                "1",
		})
	}
	if store.asked != 1 {
		t.Errorf("three scrapes at once asked the store %d times, want once", store.asked)
	}
}

// A store that fails, or does not answer, is told of, and holds up no scrape for
// long.
func TestBacklogThatCannotBeHad(t *testing.T) {
	t.Parallel()
	for name, store := range map[string]*reader{"fails": {err: errors.New("no")}, "hangs": {hang: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tel := telemetry.New(telemetry.Config{Backlog: store})
			begin := time.Now()
			got := metrics(t, tel)
			if took := time.Since(begin); took > 5*time.Second {
				t.Errorf("GET /metrics took %v, want about two seconds at most", took)
			}
			want(t, got, map[string]string{`batchport_backlog_up`: "0", `batchport_work_ready`: "", `batchport_leases_expired_total`: "0"})
		})
	}
}

package domain_test

import (
	"testing"

	"github.com/batchport/batchport/domain"
)

func TestTraceParent(t *testing.T) {
	t.Parallel()
	const id = "4bf92f3577b34da6a3ce929d0e0e4736"
	for text, want := range map[domain.TraceParent]string{
		"":                                                        "",
		"00-" + id + "-00f067aa0ba902b7-01":                       id,
		"00-" + id + "-00f067aa0ba902b7-00":                       id,
		"01-" + id + "-00f067aa0ba902b7-01":                       "",
		"00-" + id + "-0000000000000000-01":                       "",
		"00-" + id + "-00F067AA0BA902B7-01":                       "",
		"00-" + id + "-00f067aa0ba902b7-01x":                      "",
		"00-" + id + "-00f067aa0ba902b7":                          "",
		"x00-" + id + "-00f067aa0ba902b7-01":                      "",
		"00-00000000000000000000000000000000-00f067aa0ba902b7-01": "",
	} {
		if got := text.TraceID(); got != want || text.WellFormed() != (want != "") {
			t.Errorf("TraceParent(%q).TraceID() = %q, WellFormed() = %t; want %q", text, got, text.WellFormed(), want)
		}
	}
}

// What a trace is said to be never keeps a job from being done.
func TestNewJobDropsAMalformedTrace(t *testing.T) {
	t.Parallel()
	const good domain.TraceParent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	for trace, want := range map[domain.TraceParent]domain.TraceParent{good: good, "": "", "nonsense": ""} {
		job := newJob(t, func(s *domain.JobSpec) { s.Trace = trace })
		if event := job.NextEvent("submitted", nil, now); job.Trace() != want || event.Trace != want {
			t.Errorf("a job submitted under %q has the trace %q, and its event %q; want %q", trace, job.Trace(), event.Trace, want)
		}
	}
}

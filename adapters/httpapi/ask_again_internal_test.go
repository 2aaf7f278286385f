package httpapi

import (
	"testing"
	"time"

	"github.com/batchport/batchport/domain"
)

func TestAskAgain(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC)
	ago := func(seconds int) time.Time { return now.Add(-time.Duration(seconds) * time.Second) }
	for name, tt := range map[string]struct {
		snapshot domain.JobSnapshot
		want     string
	}{
		"just submitted":   {domain.JobSnapshot{State: domain.JobQueued, JobSpec: domain.JobSpec{SubmittedAt: now}}, "1"},
		"queued for long":  {domain.JobSnapshot{State: domain.JobQueued, JobSpec: domain.JobSpec{SubmittedAt: ago(120)}}, "12"},
		"queued for hours": {domain.JobSnapshot{State: domain.JobQueued, JobSpec: domain.JobSpec{SubmittedAt: ago(7200)}}, "30"},
		"nearly done":      {domain.JobSnapshot{State: domain.JobRunning, StartedAt: ago(10), Report: domain.Report{Total: 100, Updated: 99}}, "1"},
		"half done":        {domain.JobSnapshot{State: domain.JobRunning, StartedAt: ago(10), Report: domain.Report{Total: 100, Updated: 50}}, "10"},
		"hardly begun":     {domain.JobSnapshot{State: domain.JobRunning, StartedAt: ago(10), Report: domain.Report{Total: 100, Updated: 1}}, "30"},
		"an export":        {domain.JobSnapshot{State: domain.JobRunning, StartedAt: ago(10), Report: domain.Report{Total: 100}, Processed: 40}, "15"},
		"a clock behind":   {domain.JobSnapshot{State: domain.JobQueued, JobSpec: domain.JobSpec{SubmittedAt: now.Add(time.Hour)}}, "1"},
		"completed":        {domain.JobSnapshot{State: domain.JobCompleted, StartedAt: ago(10), EndedAt: now, Report: domain.Report{Total: 1, Updated: 1}}, ""},
		"failed":           {domain.JobSnapshot{State: domain.JobFailed}, ""},
	} {
		tt.snapshot.ID, tt.snapshot.Tenant, tt.snapshot.Kind = "6552e15d743264.42384055", "acme", "edit"
		job, err := domain.LoadJob(tt.snapshot)
		if err != nil {
			t.Fatal(err)
		}
		if got := askAgain(job, now); got != tt.want {
			t.Errorf("askAgain(%s) = %q, want %q", name, got, tt.want)
		}
	}
}

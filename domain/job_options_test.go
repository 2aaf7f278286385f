package domain_test

import (
	"errors"
	"testing"
	"time"

	"github.com/batchport/batchport/domain"
)

func TestJobOptionsCheck(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		options domain.JobOptions
		faults  int
	}{
		"none":                 {domain.JobOptions{}, 0},
		"all that go together": {domain.JobOptions{ValidateOnly: true, FailLimit: domain.FailLimit{Items: 1, Percent: 100}}, 0},
		"tried together":       {domain.JobOptions{ValidateOnly: true, AllOrNothing: true}, 0},
		"below and above":      {domain.JobOptions{FailLimit: domain.FailLimit{Items: -1, Percent: 101}}, 2},
		"a limit of none":      {domain.JobOptions{AllOrNothing: true, FailLimit: domain.FailLimit{Percent: 1}}, 1},
	} {
		err := tt.options.Check()
		var classified *domain.Error
		if (tt.faults == 0) != (err == nil) || err != nil && (!errors.As(err, &classified) || len(classified.Failures) != tt.faults) {
			t.Errorf("Check(%s) = %v, want %d faults", name, err, tt.faults)
		}
	}
}

// The limit is looked at with every record, and asks once to stop the job.
func TestFailLimitAsksToStop(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		limit  domain.FailLimit
		record []domain.Report
		stop   bool
	}{
		"no limit":                    {domain.FailLimit{}, []domain.Report{{Failed: 9}}, false},
		"below the number":            {domain.FailLimit{Items: 4}, []domain.Report{{Failed: 3}}, false},
		"the number, in two steps":    {domain.FailLimit{Items: 4}, []domain.Report{{Failed: 3}, {Failed: 1}}, true},
		"below the share":             {domain.FailLimit{Percent: 40}, []domain.Report{{Failed: 3}}, false},
		"the share of all":            {domain.FailLimit{Percent: 30}, []domain.Report{{Failed: 3}}, true},
		"a share that rounds up":      {domain.FailLimit{Percent: 31}, []domain.Report{{Failed: 3}, {Failed: 1}}, true},
		"nothing is left to be saved": {domain.FailLimit{Items: 1}, []domain.Report{{Failed: 10}}, false},
	} {
		job, err := domain.NewJob(domain.JobSpec{
			ID: "j", Tenant: "a", User: "u", Kind: "k", Items: 10, Options: domain.JobOptions{FailLimit: tt.limit},
		})
		if err == nil {
			err = job.Start(time.Now())
		}
		for _, r := range tt.record {
			err = errors.Join(err, job.Record(r))
		}
		if err != nil {
			t.Fatal(err)
		}
		if job.CancelRequested() != tt.stop || (job.Cause() != nil) != tt.stop {
			t.Errorf("%s: asked to stop %t because of %v, want %t", name, job.CancelRequested(), job.Cause(), tt.stop)
		}
		if tt.stop && job.Cause().Code != domain.CodeFailLimit {
			t.Errorf("%s: stopped by %s, want %s", name, job.Cause().Code, domain.CodeFailLimit)
		}
	}
}

func TestJobResult(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		state  domain.JobState
		report domain.Report
		want   domain.JobResult
	}{
		"running":               {domain.JobRunning, domain.Report{Total: 2, Failed: 1}, ""},
		"nothing matched":       {domain.JobCompleted, domain.Report{}, domain.JobSucceeded},
		"all went through":      {domain.JobCompleted, domain.Report{Total: 2, Unchanged: 2}, domain.JobSucceeded},
		"some were skipped":     {domain.JobCompleted, domain.Report{Total: 2, Created: 1, Skipped: 1}, domain.JobSucceeded},
		"some failed":           {domain.JobCompleted, domain.Report{Total: 2, Created: 1, Failed: 1}, domain.JobPartiallyFailed},
		"all or nothing":        {domain.JobCompleted, domain.Report{Total: 2, Skipped: 1, Failed: 1}, domain.JobNoneSucceeded},
		"the job failed late":   {domain.JobFailed, domain.Report{Total: 2, Created: 1, Skipped: 1}, domain.JobNoneSucceeded},
		"stopped, some through": {domain.JobCancelled, domain.Report{Total: 2, Created: 1, Cancelled: 1}, domain.JobStopped},
	} {
		job, err := domain.LoadJob(domain.JobSnapshot{JobSpec: domain.JobSpec{ID: "j", Tenant: "a", Kind: "k"}, State: tt.state, Report: tt.report})
		if err != nil {
			t.Fatal(err)
		}
		if got := job.Result(); got != tt.want {
			t.Errorf("Result(%s) = %q, want %q", name, got, tt.want)
		}
	}
}

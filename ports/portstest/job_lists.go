package portstest

import (
	"slices"
	"testing"
	"time"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

// JobLists runs the contract of [ports.Jobs.ListJobs].
func JobLists(t *testing.T, open func(*testing.T) ports.Store) {
	t.Run("pages", func(t *testing.T) { jobListsPages(t, open) })
	t.Run("filters", func(t *testing.T) { jobListsFilters(t, open) })
}

func jobListsPages(t *testing.T, open func(*testing.T) ports.Store) {
	t.Parallel()
	f := newStoreFixture(t, open)
	var want []domain.JobID // the newest first
	for i := range 7 {
		job := f.addJob(func(s *domain.JobSpec) { s.ID = domain.NewJobID(storeNow.Add(time.Duration(i)*time.Second), 99) })
		want = append([]domain.JobID{job.ID()}, want...)
		f.addJob(ofTenant("other"))
	}
	var got []domain.JobID
	for page := (ports.JobFilter{Limit: 3}); ; {
		ids := f.listed("acme", page)
		if len(ids) == 0 {
			break
		}
		if len(ids) > 3 {
			t.Fatalf("ListJobs(limit 3) gives %d", len(ids))
		}
		got, page.Before = append(got, ids...), ids[len(ids)-1]
	}
	if !slices.Equal(got, want) {
		t.Errorf("ListJobs(page by page) = %v, want %v", got, want)
	}
	for _, limit := range []int{0, -1} {
		if ids := f.listed("acme", ports.JobFilter{Limit: limit}); len(ids) != 0 {
			t.Errorf("ListJobs(limit %d) = %v, want none", limit, ids)
		}
	}
	if ids := f.listed("nobody", ports.JobFilter{Limit: 9}); len(ids) != 0 {
		t.Errorf("ListJobs(of a tenant without jobs) = %v, want none", ids)
	}
}

func jobListsFilters(t *testing.T, open func(*testing.T) ports.Store) {
	t.Parallel()
	f := newStoreFixture(t, open)
	const (
		queued = iota
		partial
		good
		none
		failed
		stopped
		other
		count
	)
	jobs := make([]*domain.BatchJob, count)
	for i := range jobs {
		jobs[i] = f.newJob(func(s *domain.JobSpec) {
			s.ID, s.SubmittedAt = domain.NewJobID(storeNow.Add(time.Duration(i)*time.Hour), 1), storeNow.Add(time.Duration(i)*time.Hour)
			if i == other {
				s.Kind, s.User = "another", "bob"
			}
		})
		if err := f.AddJob(t.Context(), jobs[i]); err != nil {
			t.Fatalf("AddJob() = %v, want no error", err)
		}
	}
	for i, report := range map[int]domain.Report{
		partial: {Created: 3, Failed: 1}, good: {Unchanged: 3, Skipped: 1}, none: {Failed: 1, Skipped: 3},
	} {
		f.change(jobs[i].Ref(), func(job *domain.BatchJob) error {
			if err := job.Start(storeNow); err != nil {
				return err
			}
			if err := job.Record(report); err != nil {
				return err
			}
			return job.Complete(storeNow)
		})
	}
	f.change(jobs[failed].Ref(), func(job *domain.BatchJob) error {
		job.FailWith(domain.Failure{Code: domain.CodeInternal}, storeNow)
		return nil
	})
	f.change(jobs[stopped].Ref(), func(job *domain.BatchJob) error { job.Cancel(storeNow); return nil })

	hour := func(n int) time.Time { return storeNow.Add(time.Duration(n) * time.Hour) }
	for name, test := range map[string]struct {
		filter ports.JobFilter
		want   []int
	}{
		"kind":             {ports.JobFilter{Kinds: []domain.Kind{"another", "unknown"}}, []int{other}},
		"kinds":            {ports.JobFilter{Kinds: []domain.Kind{"another", opening}}, []int{other, stopped, failed, none, good, partial, queued}},
		"state":            {ports.JobFilter{States: []domain.JobState{domain.JobQueued}}, []int{other, queued}},
		"states":           {ports.JobFilter{States: []domain.JobState{domain.JobCompleted, domain.JobFailed}}, []int{failed, none, good, partial}},
		"succeeded":        {ports.JobFilter{Results: []domain.JobResult{domain.JobSucceeded}}, []int{good}},
		"partially failed": {ports.JobFilter{Results: []domain.JobResult{domain.JobPartiallyFailed}}, []int{partial}},
		"failed":           {ports.JobFilter{Results: []domain.JobResult{domain.JobNoneSucceeded}}, []int{failed, none}},
		"cancelled":        {ports.JobFilter{Results: []domain.JobResult{domain.JobStopped}}, []int{stopped}},
		"results":          {ports.JobFilter{Results: domain.JobResults()}, []int{stopped, failed, none, good, partial}},
		"unknown result":   {ports.JobFilter{Results: []domain.JobResult{"other"}}, nil},
		"user":             {ports.JobFilter{User: "bob"}, []int{other}},
		"from":             {ports.JobFilter{SubmittedFrom: hour(stopped)}, []int{other, stopped}},
		"before":           {ports.JobFilter{SubmittedBefore: hour(good)}, []int{partial, queued}},
		"all of them": {ports.JobFilter{
			Kinds: []domain.Kind{opening}, States: []domain.JobState{domain.JobCompleted}, Results: []domain.JobResult{domain.JobNoneSucceeded},
			User: "ann", SubmittedFrom: hour(queued), SubmittedBefore: hour(other), Before: jobs[other].ID(),
		}, []int{none}},
	} {
		test.filter.Limit = count
		var want []domain.JobID
		for _, i := range test.want {
			want = append(want, jobs[i].ID())
		}
		if got := f.listed("acme", test.filter); !slices.Equal(got, want) {
			t.Errorf("ListJobs(%s) = %v, want %v", name, got, want)
		}
	}
}

// listed returns what ListJobs lists, and checks each job against FindJob.
func (f *storeFixture) listed(tenant domain.TenantID, filter ports.JobFilter) (ids []domain.JobID) {
	f.t.Helper()
	jobs, err := f.ListJobs(f.t.Context(), tenant, filter)
	if err != nil {
		f.t.Fatalf("ListJobs(%+v) = %v, want no error", filter, err)
	}
	for _, job := range jobs {
		if stored := f.find(job.Ref()); stored.State() != job.State() || stored.Report() != job.Report() {
			f.t.Errorf("ListJobs() gives job %s %s, %+v; want %s, %+v", job.ID(), job.State(), job.Report(), stored.State(), stored.Report())
		}
		ids = append(ids, job.ID())
	}
	return ids
}

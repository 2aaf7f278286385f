package portstest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

// Retention runs the contract of [ports.Retention].
func Retention(t *testing.T, open func(*testing.T) ports.Store) {
	t.Run("items", func(t *testing.T) { purgeItems(t, open) })
	t.Run("files", func(t *testing.T) { purgeFiles(t, open) })
	t.Run("jobs", func(t *testing.T) { purgeJobs(t, open) })
	t.Run("what is due", func(t *testing.T) { purgeDue(t, open) })
	t.Run("transactions", func(t *testing.T) { purgeTransactions(t, open) })
	t.Run("race", func(t *testing.T) { purgeRace(t, open) })
}

// endsAt ends the job at a time, with a file when it has a name.
func (f *storeFixture) endsAt(job *domain.BatchJob, at time.Time, file string) {
	f.t.Helper()
	f.change(job.Ref(), func(job *domain.BatchJob) error {
		if file != "" {
			job.Attach(domain.JobFile{ID: file, Name: "物件.xlsx", Size: 7})
		}
		job.FailWith(domain.NewFailure(domain.CodeInternal, "", ""), at)
		return nil
	})
}

// addEnded stores a job that has ended at the time, with chunks of these
// sizes, of whose items each has failed that is odd, and each other has a
// warning.
func (f *storeFixture) addEnded(at time.Time, sizes []int, edits ...func(*domain.JobSpec)) *domain.BatchJob {
	f.t.Helper()
	job := f.addPlanned(sizes, edits...)
	var said [2][]domain.ItemFailure
	for i := range job.Report().Total {
		said[i%2] = append(said[i%2], domain.ItemFailure{Index: i, Key: fmt.Sprint(i), Failure: domain.NewFailure(domain.CodeInvalid, "", "")})
	}
	if err := errors.Join(f.AddWarnings(f.t.Context(), job.Ref(), said[0]), f.AddFailures(f.t.Context(), job.Ref(), said[1])); err != nil {
		f.t.Fatalf("AddWarnings, AddFailures = %v, want no error", err)
	}
	f.change(job.Ref(), func(job *domain.BatchJob) error {
		total := job.Report().Total
		return errors.Join(job.Start(at), job.Record(domain.Report{Updated: total - total/2, Failed: total / 2}), job.Complete(at))
	})
	return job
}

// left returns how many items, failures and warnings of the job there are.
func (f *storeFixture) left(job *domain.BatchJob) (items, failures, warnings int) {
	f.t.Helper()
	for _, chunk := range f.chunks(f.t.Context(), job.Ref()) {
		items += chunk.Len
	}
	failed, err := f.ListFailures(f.t.Context(), job.Ref(), -1, fullBatch)
	warned, wrong := f.ListWarnings(f.t.Context(), job.Ref(), -1, fullBatch)
	if err := errors.Join(err, wrong); err != nil {
		f.t.Fatalf("ListFailures, ListWarnings = %v, want no error", err)
	}
	return items, len(failed), len(warned)
}

// wantWhole fails unless nothing of the job was purged, of half of whose items
// each something is said.
func (f *storeFixture) wantWhole(what string, job *domain.BatchJob) {
	f.t.Helper()
	total := job.Report().Total
	items, failures, warnings := f.left(job)
	if items != total || failures != total/2 || warnings != total-total/2 || f.find(job.Ref()).ItemsPurged() {
		f.t.Errorf("%s: %d items, %d failures, %d warnings are left of %d, purged: %t; want all",
			what, items, failures, warnings, total, f.find(job.Ref()).ItemsPurged())
	}
}

// wantBare fails unless nothing is left of the job but itself.
func (f *storeFixture) wantBare(what string, job *domain.BatchJob) {
	f.t.Helper()
	items, failures, warnings := f.left(job)
	if items != 0 || failures != 0 || warnings != 0 || !f.find(job.Ref()).ItemsPurged() {
		f.t.Errorf("%s: %d items, %d failures, %d warnings are left, purged: %t; want none",
			what, items, failures, warnings, f.find(job.Ref()).ItemsPurged())
	}
}

// purgeAll calls PurgeItems until it finds nothing, and returns the sum.
func (f *storeFixture) purgeAll(before time.Time, limit int) (sum ports.Purged) {
	f.t.Helper()
	for {
		purged, err := f.PurgeItems(f.t.Context(), before, limit)
		if err != nil {
			f.t.Fatalf("PurgeItems(%v, %d) = %v, want no error", before, limit, err)
		}
		if purged == (ports.Purged{}) {
			return sum
		}
		sum.Jobs, sum.Items = sum.Jobs+purged.Jobs, sum.Items+purged.Items
	}
}

func (f *storeFixture) wantPurgedJobs(before time.Time, limit, want int) {
	f.t.Helper()
	if got, err := f.PurgeJobs(f.t.Context(), before, limit); err != nil || got != want {
		f.t.Errorf("PurgeJobs(%v, %d) = %d, %v; want %d", before, limit, got, err, want)
	}
}

func purgeItems(t *testing.T, open func(*testing.T) ports.Store) {
	t.Run("all of jobs that ended before the time", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		old, other := f.addEnded(storeNow.Add(-time.Microsecond), []int{3, 4}), f.addEnded(storeNow.Add(-time.Hour), []int{2}, ofTenant("other"))
		young := f.addEnded(storeNow, []int{3})
		before := f.find(old.Ref())
		if got := f.purgeAll(storeNow, 1000); got.Jobs != 2 || got.Items == 0 {
			t.Errorf("PurgeItems() = %+v, want 2 jobs and their items", got)
		}
		f.wantBare("ended a moment before", old)
		f.wantBare("another tenant's", other)
		f.wantWhole("ended then", young)
		want := before.Snapshot()
		want.ItemsPurged = true
		if got := f.find(old.Ref()).Snapshot(); !reflect.DeepEqual(got, want) {
			t.Errorf("the job is %+v, want it as it was, %+v", got, want)
		}
		if _, err := f.PurgeItems(t.Context(), storeNow.Add(-24*time.Hour), 10); err != nil {
			t.Errorf("PurgeItems(nothing due) = %v, want no error", err)
		}
	})

	t.Run("bit by bit, in order", func(t *testing.T) {
		t.Parallel()
		for _, limit := range []int{0, 1, 7, 20} {
			f := newStoreFixture(t, open)
			job := f.addEnded(storeNow.Add(-time.Hour), []int{5, 1, 20, 3, 1, 1, 9})
			rest := 40
			for calls := 0; ; calls++ {
				purged, err := f.PurgeItems(t.Context(), storeNow, limit)
				if err != nil || calls > 100 {
					t.Fatalf("PurgeItems(limit %d) = %v after %d calls, want an end", limit, err, calls)
				}
				if purged == (ports.Purged{}) {
					break
				}
				items, failures, warnings := f.left(job)
				if most := max(limit, 20); rest-items > most || purged.Items > 3*most {
					t.Errorf("PurgeItems(limit %d) removed %d items, %+v; want %d or a chunk at most", limit, rest-items, purged, limit)
				}
				if !f.find(job.Ref()).ItemsPurged() {
					t.Errorf("after PurgeItems(limit %d) the job does not say so", limit)
				}
				if failures+warnings > 0 {
					last, err := f.ListFailures(t.Context(), job.Ref(), 38, 1)
					if err != nil || len(last) != 1 {
						t.Errorf("with %d failures left the last is %v, %v; want it to go last", failures, last, err)
					}
				}
				if rest = items; purged.Jobs == 1 != (items+failures+warnings == 0) {
					t.Errorf("PurgeItems(limit %d) = %+v with %d, %d, %d left", limit, purged, items, failures, warnings)
				}
			}
			f.wantBare(fmt.Sprint("limit ", limit), job)
		}
	})

	t.Run("bit by bit, of a job that was planned in part", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		job := f.addJob(toPlan)
		f.addChunks(job, slices.Repeat([]int{5}, 20)...)
		f.endsAt(job, storeNow.Add(-time.Hour), "") // with a report of no items
		if got, err := f.PurgeItems(t.Context(), storeNow, 20); err != nil || got.Jobs != 0 || got.Items != 20 {
			t.Errorf("PurgeItems(limit 20) = %+v, %v; want 20 of 100 items", got, err)
		}
		f.purgeAll(storeNow, 20)
		f.wantBare("planned in part", job)
	})

	t.Run("several small jobs with one call, the first that ended first", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		var jobs []*domain.BatchJob
		for i := range 5 {
			jobs = append(jobs, f.addEnded(storeNow.Add(-time.Duration(i+1)*time.Hour), []int{1}))
		}
		if got, err := f.PurgeItems(t.Context(), storeNow, 2); err != nil || got.Jobs != 1 {
			t.Errorf("PurgeItems(limit 2) = %+v, %v; want 1 job", got, err)
		}
		f.wantBare("ended first", jobs[4])
		f.wantWhole("ended last", jobs[0])
		if got, err := f.PurgeItems(t.Context(), storeNow, 1000); err != nil || got.Jobs < 3 {
			t.Errorf("PurgeItems(limit 1000) = %+v, %v; want the rest of 5 jobs", got, err)
		}
	})

	t.Run("jobs without items, and failures without chunks", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		nothing, selecting, exported := f.addJob(), f.addJob(toPlan), f.addJob(doneWhole)
		failures := []domain.ItemFailure{{Index: 1 << 30, Key: "k", Failure: domain.NewFailure(domain.CodeInvalid, "", "")}}
		if err := f.AddFailures(t.Context(), exported.Ref(), failures); err != nil {
			t.Fatal(err)
		}
		for _, job := range []*domain.BatchJob{nothing, selecting, exported} {
			f.endsAt(job, storeNow.Add(-time.Hour), "")
		}
		if got := f.purgeAll(storeNow, 100); got.Jobs != 3 || got.Items != 1 {
			t.Errorf("PurgeItems() = %+v, want 3 jobs and 1 item", got)
		}
		f.wantBare("export", exported)
		f.wantPurgedJobs(storeNow, 10, 3)
	})
}

func purgeFiles(t *testing.T, open func(*testing.T) ports.Store) {
	t.Run("jobs forget them, the first that ended first", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		var want []ports.JobFileRef
		for i := range 4 { // the last ends at the time itself
			job := f.addJob(doneWhole, ofTenant([]domain.TenantID{"acme", "other"}[i%2]))
			id := fmt.Sprintf("file-%d", i)
			f.endsAt(job, storeNow.Add(time.Duration(i-3)*time.Hour), id)
			want = append(want, ports.JobFileRef{Job: job.Ref(), File: id})
		}
		f.endsAt(f.addJob(doneWhole), storeNow.Add(-time.Hour), "") // without a file
		for _, n := range []int{2, 1, 0} {
			got, err := f.PurgeFiles(t.Context(), storeNow, 2)
			if err != nil || !slices.Equal(got, want[:n]) {
				t.Fatalf("PurgeFiles(limit 2) = %v, %v; want %v", got, err, want[:n])
			}
			for _, file := range got {
				if job := f.find(file.Job); job.File() != nil || job.State() != domain.JobFailed || job.ItemsPurged() {
					t.Errorf("job %s has the file %v and is %s; want no file, and all else as it was", job.ID(), job.File(), job.State())
				}
			}
			want = want[n:]
		}
		if f.find(want[0].Job).File() == nil {
			t.Errorf("the job that ended then has no file, want it kept")
		}
	})
}

func purgeJobs(t *testing.T, open func(*testing.T) ports.Store) {
	t.Run("when their items are gone", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		first, second := f.addEnded(storeNow.Add(-2*time.Hour), []int{3}), f.addEnded(storeNow.Add(-time.Hour), []int{3})
		f.wantPurgedJobs(storeNow, 10, 0)
		f.purgeAll(storeNow, 1000)
		f.wantPurgedJobs(storeNow.Add(-2*time.Hour), 10, 0) // not the one that ended then
		f.wantPurgedJobs(storeNow, 1, 1)
		if f.has(first.Ref()) || !f.has(second.Ref()) {
			t.Errorf("the jobs are there: %t, %t; want the second alone", f.has(first.Ref()), f.has(second.Ref()))
		}
		f.wantPurgedJobs(storeNow, 10, 1)
		f.wantPurgedJobs(storeNow, 10, 0)
		if f.has(second.Ref()) {
			t.Errorf("the second job is there, want it gone")
		}
	})

	t.Run("not while a key names them", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		named, other := f.addEnded(storeNow.Add(-2*time.Hour), []int{1}), f.addEnded(storeNow.Add(-time.Hour), []int{1})
		f.wantReserved(reservation("k", named.ID(), storeNow), time.Time{}, named.ID())
		elsewhere := reservation("k", other.ID(), storeNow) // of another tenant, whose job it is not
		elsewhere.Tenant = "other"
		f.wantReserved(elsewhere, time.Time{}, other.ID())
		f.purgeAll(storeNow, 1000)
		f.wantBare("named by a key", named)
		f.wantPurgedJobs(storeNow, 1, 1)
		f.wantPurgedJobs(storeNow, 1, 0)
		if !f.has(named.Ref()) || f.has(other.Ref()) {
			t.Fatalf("the jobs are there: %t, %t; want the named one alone", f.has(named.Ref()), f.has(other.Ref()))
		}
		if n, err := f.PurgeKeys(t.Context(), storeNow.Add(time.Hour), 10); err != nil || n != 2 {
			t.Fatalf("PurgeKeys() = %d, %v; want 2", n, err)
		}
		f.wantPurgedJobs(storeNow, 1, 1)
	})
}

func purgeDue(t *testing.T, open func(*testing.T) ports.Store) {
	t.Run("never an open job", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		jobs := []*domain.BatchJob{f.addPlanned([]int{2, 2}), f.addJob(toPlan, ofKind("plan")), f.addJob(doneWhole, ofKind("whole"))}
		f.finish(f.claim(wants()))
		f.claim(wants("plan"))
		f.requestCancel(jobs[2].Ref())
		late := storeNow.Add(1000 * time.Hour)
		if got := f.purgeAll(late, 1000); got != (ports.Purged{}) {
			t.Errorf("PurgeItems(open jobs) = %+v, want nothing", got)
		}
		if got, err := f.PurgeFiles(t.Context(), late, 10); err != nil || len(got) > 0 {
			t.Errorf("PurgeFiles(open jobs) = %v, %v; want nothing", got, err)
		}
		f.wantPurgedJobs(late, 10, 0)
		if got := f.chunks(t.Context(), jobs[0].Ref()); len(got) != 2 || f.find(jobs[0].Ref()).ItemsPurged() {
			t.Errorf("%d chunks are left, want 2 of a job that says nothing", len(got))
		}
	})

	t.Run("not before its events are published", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		job, other := f.addEnded(storeNow.Add(-2*time.Hour), []int{2}), f.addEnded(storeNow.Add(-time.Hour), []int{2})
		f.endsAt(f.addJob(doneWhole), storeNow.Add(-time.Hour), "theirs")
		exported := f.addJob(doneWhole)
		f.endsAt(exported, storeNow.Add(-3*time.Hour), "file")
		untold := []domain.Event{
			{ID: "1", Tenant: "acme", Topic: "t", Subject: string(job.ID())},
			{ID: "2", Tenant: "acme", Topic: "t", Subject: string(exported.ID())},
			{ID: "3", Tenant: "other", Topic: "t", Subject: string(other.ID())}, // of another tenant, whose job it is not
		}
		f.addEvents(untold...)
		f.purgeAll(storeNow, 1)
		f.wantWhole("untold", job)
		f.wantBare("told", other)
		if got, err := f.PurgeFiles(t.Context(), storeNow, 10); err != nil || len(got) != 1 || got[0].File != "theirs" {
			t.Errorf("PurgeFiles(untold) = %v, %v; want the other alone", got, err)
		}
		f.markPublished(untold, positionsIn("s", 1, 3))
		f.purgeAll(storeNow, 1000)
		f.wantBare("told", job)
		if got, err := f.PurgeFiles(t.Context(), storeNow, 10); err != nil || len(got) != 1 || got[0].File != "file" {
			t.Errorf("PurgeFiles(told) = %v, %v; want the file", got, err)
		}
		if n, err := f.ReopenEvents(t.Context(), reaches(ports.StreamState{Stream: "new"})); err != nil || n != 3 {
			t.Fatalf("ReopenEvents() = %d, %v; want 3", n, err)
		}
		f.wantPurgedJobs(storeNow, 10, 2) // neither job nor exported
		f.markPublished(untold, positionsIn("new", 1, 3))
		f.wantPurgedJobs(storeNow, 10, 2)
	})
}

func purgeTransactions(t *testing.T, open func(*testing.T) ports.Store) {
	t.Run("rolled back", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		job := f.addEnded(storeNow.Add(-time.Hour), []int{2, 2})
		exported := f.addJob(doneWhole)
		f.endsAt(exported, storeNow.Add(-time.Hour), "file")
		if err := f.InTx(t.Context(), func(ctx context.Context) error {
			purged, err := f.PurgeItems(ctx, storeNow, 100)
			files, wrong := f.PurgeFiles(ctx, storeNow, 100)
			jobs, failed := f.PurgeJobs(ctx, storeNow, 100)
			if err := errors.Join(err, wrong, failed); err != nil || purged.Jobs != 2 || len(files) != 1 || jobs != 2 {
				t.Errorf("PurgeItems, PurgeFiles, PurgeJobs = %+v, %v, %d, %v; want 2 jobs and a file", purged, files, jobs, err)
			}
			return errStoreSuite
		}); !errors.Is(err, errStoreSuite) {
			t.Errorf("InTx(error) = %v, want %v", err, errStoreSuite)
		}
		f.wantWhole("after the rollback", job)
		if f.find(exported.Ref()).File() == nil {
			t.Errorf("after the rollback the file is gone, want it there")
		}
		f.purgeAll(storeNow, 100)
		f.wantPurgedJobs(storeNow, 100, 2)
	})

	t.Run("nothing with a context that has ended, nor in a snapshot", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		job := f.addEnded(storeNow.Add(-time.Hour), []int{2})
		calls := map[string]func(ctx context.Context) error{
			"PurgeItems": func(ctx context.Context) error { _, err := f.PurgeItems(ctx, storeNow, 10); return err },
			"PurgeJobs":  func(ctx context.Context) error { _, err := f.PurgeJobs(ctx, storeNow, 10); return err },
			"PurgeFiles": func(ctx context.Context) error { _, err := f.PurgeFiles(ctx, storeNow, 10); return err },
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		for name, call := range calls {
			if err := call(ended); !errors.Is(err, context.Canceled) {
				t.Errorf("%s(ended context) = %v, want %v", name, err, context.Canceled)
			}
		}
		if err := f.Snapshot(t.Context(), calls["PurgeItems"]); !errors.Is(err, domain.CodeInternal) {
			t.Errorf("PurgeItems(snapshot) = %v, want %v", err, domain.CodeInternal)
		}
		f.wantWhole("afterwards", job)
	})
}

func purgeRace(t *testing.T, open func(*testing.T) ports.Store) {
	t.Run("several at once remove everything once", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		const jobs, callers = 30, 6
		for i := range jobs {
			f.addEnded(storeNow.Add(-time.Duration(i+1)*time.Hour), []int{i%4 + 1, 3})
		}
		var mu sync.Mutex
		var sum ports.Purged
		removed := 0
		atOnce(callers, func(int) {
			purged := f.purgeAll(storeNow, 15)
			n, err := f.PurgeJobs(t.Context(), storeNow, jobs)
			mu.Lock()
			defer mu.Unlock()
			sum.Jobs, removed = sum.Jobs+purged.Jobs, removed+n
			if err != nil {
				t.Errorf("PurgeJobs() = %v, want no error", err)
			}
		})
		n, err := f.PurgeJobs(t.Context(), storeNow, jobs)
		if sum.Jobs != jobs || err != nil || removed+n != jobs {
			t.Errorf("%d jobs were purged of items, %d removed, and %d, %v; want %d of each once", sum.Jobs, removed, n, err, jobs)
		}
	})

	t.Run("beside jobs in work", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		old := f.addEnded(storeNow.Add(-time.Hour), []int{10, 10, 10})
		working := f.addPlanned([]int{1, 1, 1, 1, 1, 1, 1, 1})
		atOnce(2, func(i int) {
			if i == 0 {
				f.purgeAll(storeNow, 3)
				return
			}
			for range 8 {
				f.finish(f.claim(wants()))
			}
		})
		f.wantBare("old", old)
		if got := len(f.chunks(t.Context(), working.Ref())); got != 8 {
			t.Errorf("%d chunks are left of the job in work, want 8", got)
		}
	})
}

package estates_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/batchport/batchport/app/engine"
	"github.com/batchport/batchport/app/estates"
	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/estate"
)

func flat(id int64) estate.Estate { return estate.Estate{ID: id, Name: "flat", Status: estate.Vacant} }

func TestListingJobsOnNamedEstates(t *testing.T) {
	t.Parallel()
	f := newFixture(t, estates.Config{})
	closed, listed := flat(3), flat(4)
	closed.Status, listed.Listed = estate.Closed, true
	f.load(t, flat(1), flat(2), closed, listed)
	job := f.finish(t, `{"job_name":"estate_batch_open_rent","estatesIds":[4,"2",404,3,2,"1"],"total":"?","searchOptions":{"nonsense":1},"communityIds":{}}`)
	want := domain.Report{Total: 5, Updated: 2, Unchanged: 1, Failed: 2}
	if got := job.Report(); job.State() != domain.JobCompleted || got != want {
		t.Errorf("open: %s with %+v, want completed with %+v", job.State(), got, want)
	}
	if got, want := f.failures(t, job), []string{"2 404 not_found", "3 3 not_rentable status"}; !slices.Equal(got, want) {
		t.Errorf("failures of open = %q, want %q", got, want)
	}
	if got := f.listed(t); !slices.Equal(got, []int64{1, 2, 4}) {
		t.Errorf("listed after open = %v, want [1 2 4]", got)
	}
	job = f.finish(t, `{"job_name":"estate_batch_close_rent","estatesIds":[1,3]}`)
	if got, want := job.Report(), (domain.Report{Total: 2, Updated: 1, Unchanged: 1}); got != want {
		t.Errorf("close: %+v, want %+v", got, want)
	}
	if got := f.listed(t); !slices.Equal(got, []int64{2, 4}) {
		t.Errorf("listed after close = %v, want [2 4]", got)
	}
}

func TestListingJobsOnAll(t *testing.T) {
	t.Parallel()
	f := newFixture(t, estates.Config{})
	for i := range int64(5) {
		e := flat(i + 1)
		e.Country = i % 2
		f.load(t, e)
	}
	job := f.finish(t, `{"job_name":"estate_batch_open_rent","estatesIds":"all","total":"3","searchOptions":{"country":"0","page":9,"keyword":""}}`)
	if got, want := job.Report(), (domain.Report{Total: 3, Updated: 3}); job.State() != domain.JobCompleted || got != want {
		t.Errorf("open all of a country: %s with %+v, want completed with %+v", job.State(), got, want)
	}
	if got := f.listed(t); !slices.Equal(got, []int64{1, 3, 5}) {
		t.Errorf("listed = %v, want [1 3 5]", got)
	}
	job = f.finish(t, `{"job_name":"estate_batch_close_rent","estatesIds":"all","total":4,"searchOptions":[]}`)
	if cause := job.Cause(); job.State() != domain.JobFailed || cause == nil || cause.Code != domain.CodeTotalMismatch {
		t.Errorf("close all of another total: %s because of %v, want failed with total_mismatch", job.State(), cause)
	}
	if got := f.listed(t); len(got) != 3 {
		t.Errorf("listed after a failed verification = %v, want nothing changed", got)
	}
}

func TestExportNamed(t *testing.T) {
	t.Parallel()
	f := newFixture(t, estates.Config{Zone: time.FixedZone("CST", 8*60*60)})
	full := estate.Estate{
		ID: 9, Name: "河岸", Country: 1, District: 2, Address: "路", Status: estate.Rented, Rent: 20000, Area: 3550, Listed: true,
		AgentID: 7, LandlordID: 21,
	}
	f.load(t, full, flat(2), flat(5))
	job := f.finish(t, `{"job_name":"estate_export","estatesIds":[9,404,2,1]}`)
	if got, want := job.Report(), (domain.Report{Total: 4, Exported: 2, Failed: 2}); job.State() != domain.JobCompleted || got != want {
		t.Errorf("export: %s with %+v, want completed with %+v", job.State(), got, want)
	}
	if got, want := f.failures(t, job), []string{"1 404 not_found", "3 1 not_found"}; !slices.Equal(got, want) {
		t.Errorf("failures = %q, want %q", got, want)
	}
	if got, want := job.File().Name, "zh_TW:file.estates_20261122.xlsx"; got != want {
		t.Errorf("file name = %q, want %q", got, want)
	}
	titles := "zh_TW:estate." + strings.Join([]string{
		"id", "community_id", "name", "country", "district", "address", "status", "rent", "area", "listed", "agent_id", "landlord_id",
	}, "|zh_TW:estate.")
	want := "zh_TW:sheet.estates\n" + titles + "\n" +
		"2||flat|0|0||zh_TW:estate.status.vacant|0|0.00|zh_TW:no||\n" +
		"9||河岸|1|2|路|zh_TW:estate.status.rented|20000|35.50|zh_TW:yes|7|21\nend\n"
	if got := f.content(t, job); got != want {
		t.Errorf("file = %s\nwant %s", got, want)
	}
}

func TestExportAll(t *testing.T) {
	t.Parallel()
	f := newFixture(t, estates.Config{})
	f.load(t, flat(3), flat(1), flat(2))
	job := f.finish(t, `{"job_name":"estate_export","estatesIds":"all","total":2,"searchOptions":{"rent_max":0,"keyword":["FLAT"],"listed":"0"}}`)
	if job.State() != domain.JobFailed || job.Cause().Code != domain.CodeTotalMismatch || job.File() != nil {
		t.Errorf("export of another total: %s, file %v; want failed without a file", job.State(), job.File())
	}
	job = f.finish(t, `{"job_name":"estate_export","estatesIds":"all","total":3,"searchOptions":{}}`)
	if got, want := job.Report(), (domain.Report{Total: 3, Exported: 3}); got != want {
		t.Errorf("export: %+v, want %+v", got, want)
	}
	content := f.content(t, job)
	if strings.Count(content, "\n") != 6 || strings.Index(content, "\n1|") > strings.Index(content, "\n2|") {
		t.Errorf("file = %s\nwant 3 rows in the order of their identifiers", content)
	}
	if got, want := job.File().Name, "zh_TW:file.estates_20261121.xlsx"; got != want {
		t.Errorf("file name in UTC = %q, want %q", got, want)
	}
}

func TestSubmitNeedsThePermission(t *testing.T) {
	t.Parallel()
	f := newFixture(t, estates.Config{})
	f.who.Permissions = []domain.Permission{"estate_export"}
	if _, err := f.submit(t, `{"job_name":"estate_batch_open_rent","estatesIds":[1]}`); domain.CodeOf(err) != domain.CodeForbidden {
		t.Errorf("Submit without the permission = %v, want forbidden", err)
	}
	if _, err := f.submit(t, `{"job_name":"estate_export","estatesIds":[1]}`); err != nil {
		t.Errorf("Submit with the permission = %v, want it accepted", err)
	}
}

func TestSubmitTwiceWithAnIdempotencyKey(t *testing.T) {
	t.Parallel()
	f := newFixture(t, estates.Config{})
	send := func(body string) (*domain.BatchJob, error) {
		return f.estates.Submit(t.Context(), f.who, estates.Request{Body: valueOf(t, body), IdempotencyKey: "k"})
	}
	first, err := send(`{"job_name":"estate_export","estatesIds":[1,2]}`)
	if err != nil {
		t.Fatalf("Submit: %v", err)
	}
	again, err := send(`{"estatesIds":["1",1,2],"job_name":"estate_export","total":5}`)
	if err != nil || again.ID() != first.ID() {
		t.Errorf("Submit of the same request = %v, %v; want job %s", again, err, first.ID())
	}
	if _, err := send(`{"job_name":"estate_export","estatesIds":[1,3]}`); domain.CodeOf(err) != domain.CodeMismatch {
		t.Errorf("Submit of another request = %v, want idempotency_mismatch", err)
	}
}

func TestNewWantsEveryDependency(t *testing.T) {
	t.Parallel()
	_, err := estates.New(new(engine.Engine), estates.Deps{}, estates.Config{})
	for _, name := range []string{"Selector", "Reader", "Listings", "Workbooks", "Labels"} {
		if !strings.Contains(fmt.Sprint(err), name) {
			t.Errorf("New without dependencies = %v, want %s mentioned", err, name)
		}
	}
}

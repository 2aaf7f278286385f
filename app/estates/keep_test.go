package estates_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/batchport/batchport/app/estates"
)

const keepSources = 90 * 24 * time.Hour // longer than uploads live by themselves

// wantKept checks that an upload is kept as long as what jobs work with.
func (f fixture) wantKept(t *testing.T, what, id string) {
	t.Helper()
	upload, err := f.uploads.Find(t.Context(), f.who.Tenant, id)
	if want := submittedAt.Add(keepSources); err != nil || !upload.ExpiresAt.Equal(want) {
		t.Errorf("%s expires on %v, %v; want %v", what, upload.ExpiresAt, err, want)
	}
}

// TestAFetchedWorkbookIsKept checks that the failed rows of a workbook that
// was fetched can be had as long as those of one that was uploaded.
func TestAFetchedWorkbookIsKept(t *testing.T) {
	t.Parallel()
	f := newFixture(t, estates.Config{KeepSources: keepSources})
	const url = "https://example.com/november.xlsx"
	f.web[url] = sheet(t, []any{"estate_id", "item", "amount"}, []any{404, "fee", 1})
	job := f.importing(t, url)
	var p estates.StatementImport
	if err := json.Unmarshal(job.Payload(), &p); err != nil || p.Source.Upload == "" {
		t.Fatalf("the job's payload is %s, %v; want one that names the fetched workbook", job.Payload(), err)
	}
	f.wantKept(t, "the fetched workbook", p.Source.Upload)
}

// TestADocumentIsKeptUntilItsTurn submits jobs that nothing works on yet: a
// long queue must not cost them what they are about.
func TestADocumentIsKeptUntilItsTurn(t *testing.T) {
	t.Parallel()
	f, _ := newIdle(t, estates.Config{KeepSources: keepSources})
	for _, job := range []string{"estate_batch_upload_monthly_report", "estate_import_monthly_statement"} {
		url := f.upload(t, []byte("%PDF-1.7"))
		if _, err := f.submit(t, `{"job_name":"`+job+`","estatesIds":[1],"publicUrl":"`+url+`","date":"202611"}`); err != nil {
			t.Fatalf("Submit(%s): %v", job, err)
		}
		f.wantKept(t, "the document of "+job, strings.TrimPrefix(url, "up:"))
	}
}

// TestARefusedReportKeepsNothing checks that only a job prolongs the life of
// its document.
func TestARefusedReportKeepsNothing(t *testing.T) {
	t.Parallel()
	f, _ := newIdle(t, estates.Config{KeepSources: keepSources})
	url := f.upload(t, []byte("%PDF-1.7"))
	if _, err := f.submit(t, `{"job_name":"estate_batch_upload_monthly_report","estatesIds":[1],"publicUrl":"`+url+`","date":"soon"}`); err == nil {
		t.Error("Submit(a bad date) = nil, want a refusal")
	}
	upload, err := f.uploads.Find(t.Context(), f.who.Tenant, strings.TrimPrefix(url, "up:"))
	if want := submittedAt.Add(7 * 24 * time.Hour); err != nil || !upload.ExpiresAt.Equal(want) {
		t.Errorf("the upload expires on %v, %v; want %v as before", upload.ExpiresAt, err, want)
	}
}

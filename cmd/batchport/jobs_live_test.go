package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tealeg/xlsx/v3"
)

// A day at a terminal: a job is submitted, followed, looked at and done again.
func TestJobsAtATerminal(t *testing.T) {
	t.Parallel()
	s := startServing(t, t.TempDir(), "--demo")
	at := func(args ...string) said { t.Helper(); return tell(t, s.url, s.key, args...) }

	submitted := at("jobs", "submit", "estate-batch-open-rent", "--ids", "100001,100002,7", "--idempotency-key", "monday")
	code := strings.TrimSpace(submitted.out)
	submitted.check(t, "jobs submit", exitOK, "next: batchport jobs watch "+code+"\n")
	if again := at("jobs", "submit", "estate_batch_open_rent", "--ids", "100001,100002,7", "--idempotency-key", "monday"); again.out != submitted.out {
		t.Errorf("sent again, jobs submit printed %q, want %q", again.out, submitted.out)
	}
	watched := at("jobs", "watch", code)
	watched.check(t, "jobs watch", exitPartiallyFailed, "1 of 3 items failed", "next: batchport jobs failures "+code+" --xlsx failed.xlsx")
	if !strings.Contains(watched.out, "3 items, 2 updated, 1 failed") {
		t.Errorf("jobs watch printed\n%swant the report", watched.out)
	}
	shown := at("jobs", "show", code, "--json")
	var job struct{ Code, Result string }
	if err := json.Unmarshal([]byte(shown.out), &job); err != nil || job.Code != code || job.Result != "partially_failed" || shown.stderr != "" {
		t.Errorf("jobs show --json printed %q and %q: %v; want the job alone", shown.out, shown.stderr, err)
	}
	if list := at("jobs", "list", "--kind", "estate-batch-open-rent", "--result", "partially_failed", "--from", "1h", "--user", "1"); !strings.Contains(list.out, code) || strings.Count(list.out, "\n") != 2 {
		t.Errorf("jobs list printed\n%swant a header and the job", list.out)
	}
	if list := at("jobs", "list", "--from", "2100-01-01", "--from", "1h", "--user", "nobody", "--user", "1"); !strings.Contains(list.out, code) {
		t.Errorf("jobs list printed\n%swant what the last of repeated flags finds", list.out)
	}
	for _, filter := range []string{"--state=cancelled", "--kind=repair-export", "--result=failed,cancelled", "--user=nobody", "--user=1,2", "--from=2100-01-01", "--before=1h"} {
		if none := at("jobs", "list", filter); none.out != "" || !strings.Contains(none.stderr, "no such jobs") {
			t.Errorf("jobs list %s printed %q and %q, want that there are none", filter, none.out, none.stderr)
		}
	}

	failures := at("jobs", "failures", code)
	failures.check(t, "jobs failures", exitOK, "next: ")
	for _, want := range []string{"1      not_found  2: “7” does not exist.", "2      7    -      not_found  “7” does not exist."} {
		if !strings.Contains(failures.out, want) {
			t.Errorf("jobs failures printed\n%swant %q", failures.out, want)
		}
	}
	if list := at("jobs", "failures", code, "--json", "--locale", "zh_TW"); strings.Count(list.out, "\n") != 1 || !strings.Contains(list.out, "找不到") {
		t.Errorf("jobs failures --json printed %q, want the failure in the language of --locale", list.out)
	}
	at("jobs", "failures", code, "--code", "not_rentable").check(t, "jobs failures of another code", exitOK, "no item failed with the code not_rentable")
	if other := at("jobs", "failures", code, "--json", "--code", "not_rentable"); other.out != "" {
		t.Errorf("jobs failures of another code printed %q, want nothing", other.out)
	}
	book := filepath.Join(t.TempDir(), "failed.xlsx")
	at("jobs", "failures", code, "--xlsx", book).check(t, "jobs failures --xlsx", exitOK, "next: batchport jobs retry "+code+"\n")
	if _, err := xlsx.OpenFile(book); err != nil {
		t.Errorf("the workbook does not open: %v", err)
	}
	retried := at("jobs", "retry", code, "--watch")
	if retried.check(t, "jobs retry", exitError, "no item succeeded"); !strings.Contains(retried.out, "retry of   "+code) {
		t.Errorf("jobs retry printed\n%swant what it is a retry of", retried.out)
	}

	at("jobs", "cancel", code).check(t, "jobs cancel of a job that has ended", exitConflict)
	at("jobs", "show", "6b000000000000.00000000").check(t, "jobs show of none", exitNotFound)
	at("jobs", "download", code).check(t, "jobs download of none", exitNotFound)
	at("jobs", "submit", "estate-export", "--ids", "1", "--file", writeFile(t, "r.json", `{"colour":1}`)).check(t, "jobs submit", exitError, "colour")
	tell(t, s.url, "bp_wrong", "jobs", "list").check(t, "a wrong key", exitNotAllowed)
	s.stop(t)
}

// The server takes what flags can say, for each kind.
func TestEveryRequestIsTaken(t *testing.T) {
	t.Parallel()
	s := startServing(t, t.TempDir(), "--demo")
	book := filepath.Join(t.TempDir(), "book.xlsx")
	if err := os.WriteFile(book, statementSheet(t, 3, 3), 0o600); err != nil {
		t.Fatal(err)
	}
	const anywhere = " --filter keyword=a,b --filter country=1 --filter district=106,110 --total 9"
	for _, args := range []string{
		"estate-batch-open-rent --ids 100001 --validate-only --fail-limit 5,10%",
		"estate-batch-close-rent --ids 100001,100002 --all-or-nothing",
		"estate-batch-upload-monthly-report --ids 100001 --month 202611 --upload " + book,
		"estate-import-monthly-statement --month 202611 --validate-only --upload " + book,
		"estate-batch-edit-big-landlord --ids 100001 --user-id none",
		"estate-batch-edit-big-landlord --ids 100001 --user-id 2001 --capability show_estate=true,edit_repair=false",
		"estate-batch-edit-big-landlord --all --total 2000 --user-id 2001 --capability show_estate=true",
		"estate-batch-edit-agent --object contract --ids 5001,5002 --user-id 1002",
		"estate-batch-edit-agent --object estate --user-id 1002" + anywhere,
		"estate-export --filter community_id=1 --filter status=vacant,rented --filter listed=true,false --filter agent_id=1001 --filter landlord_id=2001 --filter rent_min=1 --filter rent_max=9" + anywhere,
		"community-export" + anywhere,
		"contract-export --filter estate_id=1 --filter agent_id=1 --filter state=active --filter ends_after=2026-01-01 --filter ends_before=2026-02-01" + anywhere,
		"repair-export --filter estate_id=1 --filter state=open --filter category=a,b --filter reported_after=2026-01-01 --filter reported_before=2026-02-01" + anywhere,
		"budget-rule-sync --file " + writeFile(t, "rules.json", `{"data":[{"code":"R1"}]}`) + " --validate-only",
	} {
		tell(t, s.url, s.key, append([]string{"jobs", "submit"}, strings.Split(args, " ")...)...).check(t, args, exitOK)
	}
	s.stop(t)
}

func TestDownloadAtATerminal(t *testing.T) {
	t.Parallel()
	s := startServing(t, t.TempDir(), "--demo")
	submitted := tell(t, s.url, s.key, "jobs", "submit", "estate-export", "--all", "--total", "2000", "--watch")
	code, _, _ := strings.Cut(submitted.out, "\n")
	submitted.check(t, "jobs submit --watch", exitOK, "next: batchport jobs download "+code)

	folder := t.TempDir()
	got := tell(t, s.url, s.key, "jobs", "download", code, "--output", folder)
	got.check(t, "jobs download", exitOK)
	file := strings.TrimSpace(got.out)
	book, err := xlsx.OpenFile(file)
	if err != nil || book.Sheets[0].MaxRow != 2001 || filepath.Dir(file) != folder {
		t.Errorf("%s: %v; want a workbook of 2,000 estates in %s", file, err, folder)
	}
	if left, err := os.ReadDir(folder); err != nil || len(left) != 1 {
		t.Errorf("the folder has %v, %v; want the workbook alone", left, err)
	}
	tell(t, s.url, s.key, "jobs", "download", code, "--output", folder).check(t, "jobs download again", exitError, "is there already", "--output")
	tell(t, s.url, s.key, "jobs", "download", code, "--output", file).check(t, "jobs download to that name", exitOK)
	content, err := os.ReadFile(file)
	if poured := tell(t, s.url, s.key, "jobs", "download", code, "--output", "-"); err != nil || poured.out != string(content) {
		t.Errorf("standard output has %d bytes, want the %d of the file: %v", len(poured.out), len(content), err)
	}
	s.stop(t)
}

// A name that a server gives leads nowhere else.
func TestPlaceFor(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	for name, want := range map[string]string{"a.xlsx": "a.xlsx", "../../a.xlsx": "a.xlsx", `..\a.xlsx`: "a.xlsx", "/etc/a": "a"} {
		if got, err := placeFor(name, folder); err != nil || got != filepath.Join(folder, want) {
			t.Errorf("placeFor(%q) = %q, %v; want %s in the folder", name, got, err, want)
		}
	}
}

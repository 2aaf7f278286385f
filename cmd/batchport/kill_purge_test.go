package main

import (
	"math/rand/v2"
	"net/http"
	"testing"
	"time"

	"github.com/batchport/batchport/domain"
)

// TestKillPurges kills the real binary with SIGKILL at random moments while it
// removes what an old job of 40,000 items and 800 small ones left. What can be
// read meanwhile is all or nothing, and in the end nothing is left.
func TestKillPurges(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	folder, err := openDataFolder(t.Context(), data)
	if err != nil {
		t.Fatal(err)
	}
	old := addOldJobs(t, folder.store, folder.db.Write, 40_000, 800)
	key := keyOfAcme(t, data)
	if err := folder.Close(); err != nil {
		t.Fatal(err)
	}
	const longest = 150 * time.Millisecond
	kills, midway := 0, 0
	for gone := false; !gone; {
		s := startServing(t, data, "--keep-jobs", "20h", "--keep-failures", "20h", "--keep-files", "20h", "--keep-keys", "1h")
		for end := time.Now().Add(time.Duration(rand.Int64N(int64(longest))) * time.Duration(1+kills/20)); time.Now().Before(end); {
			var page struct {
				Failures []struct{ Index int }
				Code     domain.Code
			}
			// The last page, which goes last.
			status, err := s.request(t.Context(), http.MethodGet, "/v1/jobs/"+string(old.ID)+"/failures?after=38999", key, "", &page)
			switch {
			case err != nil:
				t.Fatal(err)
			case status == http.StatusOK && len(page.Failures) == 1000, status == http.StatusGone && page.Code == domain.CodeNotKept, status == http.StatusNotFound:
			default:
				t.Errorf("GET failures = %d with %d of 1000, %s; want all, or that they are gone", status, len(page.Failures), page.Code)
			}
		}
		s.kill()
		kills++
		left := leftBehind(t, data)
		if left["batchport_item_failures"] > 0 && left["batchport_item_failures"] < 40_800 {
			midway++
		}
		gone = left["batchport_jobs"] == 0
		if gone && (left["batchport_item_failures"] > 0 || left["batchport_chunks"] > 0 || left["batchport_chunk_items"] > 0) {
			t.Errorf("all jobs are gone, and %v is left", left)
		}
		if kills > 500 {
			t.Fatalf("after %d kills there is still %v", kills, left)
		}
	}
	t.Logf("%d kills, %d of them in the middle", kills, midway)
	if midway == 0 {
		t.Errorf("no kill came in the middle of a purge, want some")
	}
}

// keyOfAcme returns a key of the tenant of old jobs.
func keyOfAcme(t *testing.T, data string) string {
	t.Helper()
	stdout, _ := call(t, exitOK, "keys", "create", "--data", data, "--tenant", "acme", "--user", "7", "--all")
	return stdout[:len(stdout)-1]
}

// leftBehind counts the rows of the tables of jobs.
func leftBehind(t *testing.T, data string) map[string]int {
	t.Helper()
	folder, err := openDataFolder(t.Context(), data)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = folder.Close() }()
	left := map[string]int{}
	for _, table := range []string{"batchport_jobs", "batchport_chunks", "batchport_chunk_items", "batchport_item_failures"} {
		var n int
		if err := folder.db.Read.QueryRowContext(t.Context(), "SELECT count(*) FROM "+table).Scan(&n); err != nil {
			t.Fatal(err)
		}
		left[table] = n
	}
	return left
}

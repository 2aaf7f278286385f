package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/batchport/batchport/adapters/bunstore/sqlite"
)

// TestServeRemovesWhatIsOld makes jobs that ended ten days ago, and starts the
// server again with other times to keep what they left.
func TestServeRemovesWhatIsOld(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	s := startServing(t, data, "--demo")
	key := s.key
	opened := s.submit(t, key, `{"job_name":"estate_batch_open_rent","estatesIds":[100001,7]}`)
	exported := s.submit(t, key, `{"job_name":"estate_export","estatesIds":[100001]}`)
	s.await(t, key, opened)
	file := s.await(t, key, exported).Data.URL
	s.until(t, "all events to be published", func() bool { return s.unpublished(t, data) == 0 })
	s.stop(t)
	tenDaysAgo(t, data)

	s = startServing(t, data, "--demo", "--keep-failures", "9d", "--keep-files", "36h", "--keep-jobs", "11d", "--cors-origins", "https://app.example.com")
	s.until(t, "the failures and the file to be gone", func() bool {
		return s.get(t, key, "/v1/jobs/"+opened+"/failures") == http.StatusGone &&
			s.get(t, key, "/v1/jobs/"+exported+"/failures") == http.StatusGone && len(files(t, data)) == 0
	})
	if got := s.await(t, key, exported); got.Code != 200 || got.Data.URL != "" {
		t.Errorf("the status of the export is %+v, want 200 without a url", got)
	}
	if _, path, _ := strings.Cut(file, "/files/"); s.get(t, key, "/files/"+path) != http.StatusNotFound {
		t.Errorf("GET %s is not 404", file)
	}
	s.stop(t)

	s = startServing(t, data, "--demo", "--keep-jobs", "9d", "--keep-keys", "1h")
	s.until(t, "the jobs to be gone", func() bool {
		return s.get(t, key, "/v1/jobs/"+opened) == http.StatusNotFound && s.get(t, key, "/v1/jobs/"+exported) == http.StatusNotFound
	})
	s.stop(t)
}

// tenDaysAgo makes all jobs ones that ended ten days ago.
func tenDaysAgo(t *testing.T, data string) {
	t.Helper()
	db, err := sqlite.Open(filepath.Join(data, databaseName))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if _, err := db.Write.ExecContext(t.Context(), "UPDATE batchport_jobs SET ended_at = ended_at - ?", (10 * day).Microseconds()); err != nil {
		t.Fatal(err)
	}
}

// unpublished returns how many events are not published.
func (s *serving) unpublished(t *testing.T, data string) (n int) {
	t.Helper()
	db, err := sqlite.Open(filepath.Join(data, databaseName))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if err := db.Read.QueryRowContext(t.Context(), "SELECT count(*) FROM batchport_outbox WHERE published = 0").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// files returns the names of the exported files, and of uploads.
func files(t *testing.T, data string) (names []string) {
	t.Helper()
	err := filepath.WalkDir(filepath.Join(data, "files", "files"), func(path string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			names = append(names, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// get returns the status of a GET.
func (s *serving) get(t *testing.T, key, path string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-API-Key", key)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	return response.StatusCode
}

// until calls done until it reports true.
func (s *serving) until(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !done(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited 20 s for %s", what)
		}
	}
}

// TestServeLetsPagesIn asks the binary as a browser does.
func TestServeLetsPagesIn(t *testing.T) {
	t.Parallel()
	s := startServing(t, t.TempDir(), "--cors-origins", "https://app.example.com", "--cors-origins", "http://localhost:3000")
	for origin, want := range map[string]string{
		"https://app.example.com": "https://app.example.com", "http://localhost:3000": "http://localhost:3000", "https://evil.example.com": "",
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+"/api2/getBatchStatus", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Origin", origin)
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if got := response.Header.Get("Access-Control-Allow-Origin"); response.StatusCode != http.StatusUnauthorized || got != want {
			t.Errorf("GET without a key from %s = %d that may be read by %q, want 401 and %q", origin, response.StatusCode, got, want)
		}
	}
	s.stop(t)
}

func TestTimesOfFlags(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"90d": "90d", "36h": "36h", "48h": "2d", "1h": "1h", "1h30m": "1h30m", "36500d": "36500d", "90m1s": "1h30m1s"} {
		var length time.Duration
		flag := checkedTime{&length}
		if err := flag.Set(text); err != nil || flag.String() != want {
			t.Errorf("Set(%q) = %v, String() = %q; want %q", text, err, flag.String(), want)
		}
		var again time.Duration
		if err := (&checkedTime{&again}).Set(flag.String()); err != nil || again != length {
			t.Errorf("Set(%q) = %v, %v; want %v", flag.String(), again, err, length)
		}
	}
}

package httpapi_test

import (
	"net/http"
	"net/url"
	"strconv"
	"testing"
	"time"

	"github.com/batchport/batchport/app/engine"
	"github.com/batchport/batchport/domain"
)

// TestWhatIsNotKeptAnyMore shows what a client sees of a job at each step of
// its removal: an answer that is true, never an empty list.
func TestWhatIsNotKeptAnyMore(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	w.estates(1, 100)
	w.run()
	code := w.submit(`{"job_name":"estate_batch_open_rent","estatesIds":[1,100]}`)
	ended := w.ended(code).body
	lists := []string{"/v1/jobs/" + code + "/failures", "/v1/jobs/" + code + "/warnings", "/v1/jobs/" + code + "/failures.xlsx"}
	want := func(when string, status int) {
		t.Helper()
		for _, path := range lists {
			got := w.call(http.MethodGet, path, "", "X-API-Key", w.admin, "locale", "en_US")
			if got.status != status {
				t.Errorf("%s: GET %s = %d %s, want %d", when, path, got.status, got.body, status)
			}
			if status == http.StatusGone && fields(t, got.body)["code"] != string(domain.CodeNotKept) {
				t.Errorf("%s: GET %s = %s, want the code %s", when, path, got.body, domain.CodeNotKept)
			}
		}
		for _, path := range lists {
			if got := w.call(http.MethodGet, path, "", "X-API-Key", w.foreign); got.status != http.StatusNotFound {
				t.Errorf("%s: GET %s of another tenant = %d, want 404", when, path, got.status)
			}
		}
	}
	later := time.Now().Add(time.Hour)
	want("at first", http.StatusOK)
	w.eventually("the events to be published", func() bool {
		purged, err := w.store.PurgeItems(t.Context(), later, 1)
		w.must(err)
		return purged.Items > 0
	})
	want("in the middle", http.StatusGone)
	for range 10 {
		_, err := w.store.PurgeItems(t.Context(), later, 1)
		w.must(err)
	}
	want("afterwards", http.StatusGone)
	if got := w.status(code).body; got != ended {
		t.Errorf("afterwards the status is %s, want it as before, %s", got, ended)
	}
	if n, err := w.store.PurgeJobs(t.Context(), later, 10); err != nil || n != 1 {
		t.Fatalf("PurgeJobs() = %d, %v; want 1", n, err)
	}
	want("at last", http.StatusNotFound)
	unknown := w.status("6552e15d743264.42384055")
	if got := w.status(code); got.status != http.StatusNotFound || got.body != unknown.body {
		t.Errorf("at last the status is %d %s, want that of a job that never was, %s", got.status, got.body, unknown.body)
	}
}

// eventually calls done until it reports true.
func (w *world) eventually(what string, done func() bool) {
	w.t.Helper()
	for timeout := time.After(10 * time.Second); !done(); {
		select {
		case <-timeout:
			w.t.Fatalf("waited 10 s for %s", what)
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// TestFilesThatAreNotKeptAnyMore has a link that promises no more than the
// file is kept, and then a job without one.
func TestFilesThatAreNotKeptAnyMore(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{engine: engine.Config{KeepFiles: time.Hour}})
	w.estates(1)
	w.run()
	code := w.submit(`{"job_name":"estate_export","estatesIds":[1]}`)
	w.ended(code)
	data, _ := fields(t, w.status(code).body)["data"].(map[string]any)
	link, _ := data["url"].(string)
	job := fields(t, w.call(http.MethodGet, "/v1/jobs/"+code, "", "X-API-Key", w.admin).body)
	file, _ := job["file"].(map[string]any)
	ended, err := time.Parse(time.RFC3339, job["ended_at"].(string))
	w.must(err)
	for _, link := range []string{link, file["url"].(string)} {
		u, err := url.Parse(link)
		w.must(err)
		expires, err := strconv.ParseInt(u.Query().Get("expires"), 10, 64)
		if want := ended.Add(time.Hour).Unix(); err != nil || expires != want {
			t.Errorf("the link %s works until %d, want until the file is removed, %d", link, expires, want)
		}
		if got := w.call(http.MethodGet, link, ""); got.status != http.StatusOK {
			t.Errorf("GET %s = %d, want 200", link, got.status)
		}
	}
	w.eventually("the events to be published", func() bool {
		files, err := w.store.PurgeFiles(t.Context(), time.Now().Add(time.Hour), 10)
		w.must(err)
		for _, f := range files {
			w.must(w.files.Remove(t.Context(), f.Job.Tenant, f.File))
		}
		return len(files) > 0
	})
	for _, headers := range [][]string{nil, {"X-API-Key", w.admin}} {
		if got := w.call(http.MethodGet, link, "", headers...); got.status != http.StatusNotFound {
			t.Errorf("GET %s with %q = %d, want 404", link, headers, got.status)
		}
	}
	data, _ = fields(t, w.status(code).body)["data"].(map[string]any)
	if _, there := data["url"]; there || data["process"] != 100.0 {
		t.Errorf("the status has %v, want 100 percent and no url", data)
	}
}

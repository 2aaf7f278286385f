package main

import (
	"strings"
	"testing"
	"time"
)

// A process that is told to stop while an export waits for the servers of its
// file gives the work back, rather than take it for hung and leave its lease.
func TestStopWhileFilesAreAway(t *testing.T) {
	t.Parallel()
	broker, data := startFaultBroker(t), t.TempDir()
	key := loadEstates(t, 40_000, "--data", data)
	s := startServing(t, data, "--nats", broker.url(), "--files", "nats")
	s.submit(t, key, `{"job_name":"estate_export","estatesIds":"all","total":40000,"searchOptions":[]}`)
	js, done := broker.js()
	defer done()
	for end := time.Now().Add(time.Minute); ; time.Sleep(2 * time.Millisecond) {
		bucket, err := js.Stream(t.Context(), "OBJ_BATCHPORT_FILES")
		if err == nil && bucket.CachedInfo().State.Msgs > 2 { // the mark, and the first chunks
			break
		}
		if time.Now().After(end) {
			t.Fatal("after a minute nothing of the export is stored")
		}
	}
	broker.stop()
	s.stop(t)
	if !strings.Contains(s.said, "work was interrupted and given back") || strings.Contains(s.said, "does not heed its context") {
		t.Errorf("the process said last:\n%s\nwant that the work was given back", s.said)
	}
}

package main

import (
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"testing"
)

// Processes are upgraded one after the other while jobs run: those of the
// version before work beside those of the next, and may also be started again
// on what it has migrated.
func TestUpgradeInTurn(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it builds the program anew")
	}
	files, err := filepath.Glob("../../adapters/bunstore/migrations/postgres/*.sql")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	last := filepath.Base(files[len(files)-1])[:4]
	next := buildWith(t, change{
		file: "adapters/bunstore/migrations/postgres/9000_next.fits_" + last + ".tx.up.sql",
		to:   "ALTER TABLE {p}jobs ADD COLUMN next TEXT;",
	})
	w := newFaultWorld(t, onPostgres)
	upgraded := func(r role) *serving {
		cmd := exec.Command(next, append([]string{"serve", "--data", w.at.data, "--listen", "127.0.0.1:0"}, w.flags(r)...)...)
		cmd.Env = command(t).Env
		return launch(t, cmd)
	}
	for i := range w.workers {
		code := w.submit(w.edit())
		w.pause()
		w.workers[i].stop(t)
		w.workers[i] = upgraded(roleWorker)
		w.await(code, faultItems)
	}
	code := w.submit(w.edit())
	w.front.kill()
	w.front = w.start(roleAPI) // the version before, once more
	w.await(code, faultItems)
	code = w.submit(w.edit())
	w.front.stop(t)
	w.front = upgraded(roleAPI)
	w.await(code, faultItems)
	if lost, repeated := w.touched(); lost > 0 || repeated > 0 {
		t.Errorf("%d edits lost, %d repeated", lost, repeated)
	}
	var health map[string]any
	if got, err := w.front.request(t.Context(), http.MethodGet, "/readyz", "", "", &health); err != nil || got != http.StatusOK {
		t.Errorf("GET /readyz = %d, %v; want 200", got, err)
	}
	var there int
	if err := w.db.db.Write.QueryRowContext(t.Context(), "SELECT count(next) FROM batchport_jobs").Scan(&there); err != nil {
		t.Error(fmt.Errorf("the next version has not migrated: %w", err))
	}
	w.awaitTold()
}

package bunstore_test

import (
	"strings"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/batchport/batchport/adapters/bunstore"
)

// What has ended costs a scrape nothing, however much that is, also before
// PostgreSQL has looked at its tables and when it has.
func TestBacklogReadsOpenWorkAlone(t *testing.T) {
	onEach(t, func(t *testing.T, on engine) {
		plain, db := on.storeAndDB(t)
		addPlanned(t, plain, 1, 1, 1)
		fillWithEnded(t, db.Write)
		for i := range 50 {
			addPlanned(t, plain, uint64(2+i), 1, 1)
		}
		log := new(statements)
		store, err := bunstore.New(db.Write.WithQueryHook(log), bunstore.Config{ReadDB: db.Read.WithQueryHook(log)})
		if err != nil {
			t.Fatal(err)
		}
		for _, look := range []string{"", "ANALYZE"} {
			if look != "" {
				run(t, db.Write, look)
			}
			log.ran = nil
			begin := time.Now()
			b, err := store.Backlog(t.Context())
			took := time.Since(begin)
			if err != nil || b.Ready != 102 || b.Events != 0 {
				t.Fatalf("Backlog() = %+v, %v; want 102 pieces of work and no event", b, err)
			}
			t.Logf("after %q it took %v", look, took)
			for _, statement := range log.ran {
				for _, step := range stepsOf(t, on, db.Read, statement) {
					if on.name == onSQLite.name && !goodStep(step) || strings.Contains(step, "Seq Scan on batchport_") {
						t.Errorf("after %q the plan has the step %q, in\n%s", look, step, statement)
					}
				}
			}
		}
	})
}

// stepsOf returns the steps of the statement's plan.
func stepsOf(t *testing.T, on engine, db *bun.DB, statement string) (steps []string) {
	t.Helper()
	if on.name == onSQLite.name {
		return planOf(t, db, statement)
	}
	if err := db.NewRaw("EXPLAIN "+strings.ReplaceAll(statement, "?", "??")).Scan(t.Context(), &steps); err != nil {
		t.Fatalf("EXPLAIN = %v, want a plan of %s", err, statement)
	}
	return steps
}

// fillWithEnded adds 20,000 jobs like the first one that have ended, half of
// them with chunks that nobody did, and an event of each that was published.
func fillWithEnded(t *testing.T, db *bun.DB) {
	t.Helper()
	const numbers = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) "
	const same = "tenant, user_id, kind, resource, whole, locale, select_all, items, submitted_at, total, created, updated, unchanged, " +
		"deleted, exported, failed, skipped, cancelled, processed, cancel_requested, epoch, suspect, strikes, sequence, started_at, ended_at, needs_worker"
	run(t, db, `INSERT INTO batchport_jobs (id, state, ended, `+same+`)
		`+numbers+`SELECT 'x' || i, 'cancelled', 1, `+same+` FROM batchport_jobs, n`)
	run(t, db, `INSERT INTO batchport_chunks (tenant, job_id, first, len, done)
		`+numbers+`SELECT 'acme', 'x' || i, 0, 1, i % 2 FROM n`)
	run(t, db, `INSERT INTO batchport_outbox (tenant, id, topic, subject, sequence, time, published, stream, position)
		`+numbers+`SELECT 'acme', 'x' || i, 't', 's', 1, 1, 1, 's', i FROM n`)
}

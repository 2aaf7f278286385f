package bunstore_test

import (
	"context"
	"errors"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/batchport/batchport/adapters/bunstore"
	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

// statements collects the SQL that runs.
type statements struct {
	mu  sync.Mutex
	ran []string
}

func (s *statements) BeforeQuery(ctx context.Context, event *bun.QueryEvent) context.Context {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !regexp.MustCompile(`^(BEGIN|COMMIT|ROLLBACK|EXPLAIN)|WHERE false$`).MatchString(event.Query) {
		s.ran = append(s.ran, event.Query)
	}
	return ctx
}

func (*statements) AfterQuery(context.Context, *bun.QueryEvent) {}

// What workers and the sweeper ask all day must touch open work alone,
// however much has ended: the plan of each statement names the partial
// indexes, or a primary key with all its columns.
func TestQueueReadsOpenWorkAlone(t *testing.T) {
	t.Parallel()
	db := openFile(t, filepath.Join(t.TempDir(), "batchport.db"))
	storeOn(t, parts(db))
	log := new(statements)
	store, err := bunstore.New(db.Write.WithQueryHook(log), bunstore.Config{ReadDB: db.Read.WithQueryHook(log)})
	if err != nil {
		t.Fatal(err)
	}

	job := addPlanned(t, store, 1, 2, 1, 3, 3)
	chunk := mustClaim(t, store, false)
	whole, err := domain.NewJob(domain.JobSpec{ID: domain.NewJobID(testNow, 2), Tenant: "acme", User: "ann", Kind: testKind, Whole: true, Items: 1})
	if err != nil {
		t.Fatal(err)
	}
	if err := store.AddJob(t.Context(), whole); err != nil {
		t.Fatal(err)
	}
	mustClaim(t, store, false)
	ended := addPlanned(t, store, 3, 1)
	exported := addPlanned(t, store, 4, 1)
	if err := store.InTx(t.Context(), func(ctx context.Context) error {
		ended.FailWith(domain.NewFailure(domain.CodeInternal, "", ""), testNow)
		exported.FailWith(domain.NewFailure(domain.CodeInternal, "", ""), testNow)
		exported.Attach(domain.JobFile{ID: "f"})
		return errors.Join(store.SaveJob(ctx, ended), store.SaveJob(ctx, exported))
	}); err != nil {
		t.Fatal(err)
	}
	late := testNow.Add(time.Hour)
	claimAgain := func(ctx context.Context) error { _, _, err := store.Claim(ctx, claimAny, testNow); return err }
	for _, call := range []func(ctx context.Context) error{
		func(ctx context.Context) error { _, err := store.Waiting(ctx); return err },
		func(ctx context.Context) error { _, err := store.Backlog(ctx); return err },
		func(ctx context.Context) error { _, err := store.InFlight(ctx, job.Ref()); return err },
		func(ctx context.Context) error { _, err := store.Stopped(ctx, 10); return err },
		func(ctx context.Context) error { return store.Extend(ctx, chunk, time.Hour) },
		func(ctx context.Context) error { return store.HoldChunk(ctx, chunk) },
		func(ctx context.Context) error { return store.FinishChunk(ctx, chunk) },
		func(ctx context.Context) error { return claimAndSuspect(ctx, store) },
		claimAgain, // the last chunk
		claimAgain, // the whole job
		func(ctx context.Context) error { _, err := store.Expire(ctx, false); return err },
		func(ctx context.Context) error { _, err := store.Expire(ctx, true); return err },
		func(ctx context.Context) error { _, err := store.UnpublishedEvents(ctx, 10); return err },
		func(ctx context.Context) error { return markOne(ctx, store) },
		func(ctx context.Context) error {
			n, err := store.ReopenEvents(ctx, func(context.Context) (ports.StreamState, error) {
				return ports.StreamState{Stream: "t", Last: 9}, nil
			})
			if n != 1 {
				t.Errorf("ReopenEvents(another stream) = %d, want 1", n)
			}
			return err
		},
		func(ctx context.Context) error {
			return store.DropEvents(ctx, []domain.Event{{ID: "e", Tenant: "acme"}})
		},
		func(ctx context.Context) error { _, err := store.PurgeEvents(ctx, testNow, 10); return err },
		func(ctx context.Context) error { _, err := store.PurgeKeys(ctx, testNow, 10); return err },
		func(ctx context.Context) error {
			return store.InTx(ctx, func(ctx context.Context) error { _, err := store.CountOpenJobs(ctx, "acme", 10); return err })
		},
		func(ctx context.Context) error {
			n, err := store.PurgeFiles(ctx, late, 10)
			return purgedSome(t, "PurgeFiles", len(n), err)
		},
		func(ctx context.Context) error {
			n, err := store.PurgeItems(ctx, late, 10)
			return purgedSome(t, "PurgeItems", n.Jobs, err)
		},
		func(ctx context.Context) error {
			n, err := store.PurgeJobs(ctx, late, 10)
			return purgedSome(t, "PurgeJobs", n, err)
		},
	} {
		if err := call(t.Context()); err != nil {
			t.Errorf("a call of the store = %v, want no error", err)
		}
	}
	log.mu.Lock()
	ran := log.ran
	log.mu.Unlock()
	if len(ran) < 20 {
		t.Fatalf("%d statements ran, want all of the queue's", len(ran))
	}
	for _, statement := range ran {
		for _, step := range planOf(t, db.Read, statement) {
			if !goodStep(step) {
				t.Errorf("plan has the step %q, want an index of open work, in\n%s", step, statement)
			}
		}
	}
}

func purgedSome(t *testing.T, call string, n int, err error) error {
	t.Helper()
	if n == 0 {
		t.Errorf("%s = %d, want something purged", call, n)
	}
	return err
}

// claimAndSuspect claims a chunk of several items, which is then split.
func claimAndSuspect(ctx context.Context, store ports.Store) error {
	request := claimAny
	request.Chunks = true
	claim, _, err := store.Claim(ctx, request, testNow)
	if err != nil {
		return err
	}
	return store.Suspect(ctx, claim)
}

func markOne(ctx context.Context, store ports.Outbox) error {
	events := []domain.Event{{ID: "e", Tenant: "acme"}}
	if err := store.AddEvents(ctx, events); err != nil {
		return err
	}
	return store.MarkPublished(ctx, events, []ports.StreamPosition{{Stream: "s", Sequence: 1}})
}

var (
	// An index of what is over too may be searched, and never read to its end.
	wholeIndex = regexp.MustCompile(`^SCAN .*INDEX batchport_(outbox_(position|age)|idempotency_keys_(age|job)|jobs_(bare|kept|files))\b`)
	goodIndex  = regexp.MustCompile(`USING (COVERING )?INDEX batchport_(jobs_(open|stopping|held)|chunks_(ready|held)|` +
		`outbox_(waiting|position|age|untold)|idempotency_keys_(age|job)|jobs_(bare|kept|files))\b`)
	rowValues = regexp.MustCompile(`^SCAN \d+-ROW VALUES CLAUSE$`)
	goodKey   = regexp.MustCompile(`\((id=\?|name=\?|tenant=\? AND job_id=\? AND (first|position)(=\?|>\?|>\? AND (first|position)<\?)|tenant=\? AND idempotency_key=\?|rowid=\?)\)$`)
)

// goodStep reports whether a step of a plan reads no more than open work.
func goodStep(step string) bool {
	if !strings.HasPrefix(step, "SCAN ") && !strings.HasPrefix(step, "SEARCH ") {
		return true // sorting, or the frame of a subquery
	}
	for _, small := range []string{"SCAN held", "SEARCH held", "SCAN lease", "SCAN piece", "SCAN mark", "SCAN refused", "SCAN line", "SCAN choice", "SCAN start", "SCAN CONSTANT ROW", "SCAN 1 CONSTANT ROW", "SCAN counted"} {
		if strings.HasPrefix(step, small) {
			return true // made from open work a step before
		}
	}
	if rowValues.MatchString(step) {
		return true // the statement's own
	}
	if wholeIndex.MatchString(step) {
		return false
	}
	return goodIndex.MatchString(step) || goodKey.MatchString(step)
}

// planOf returns the steps of the statement's plan.
func planOf(t *testing.T, db *bun.DB, statement string) (steps []string) {
	t.Helper()
	rows, err := db.DB.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+statement)
	if err != nil {
		t.Fatalf("EXPLAIN = %v, want a plan of %s", err, statement)
	}
	defer rows.Close()
	for rows.Next() {
		var id, parent, unused int
		var step string
		if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
			t.Fatal(err)
		}
		steps = append(steps, step)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return steps
}

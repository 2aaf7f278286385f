package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/batchport/batchport/adapters/bunstore/postgres/postgrestest"
	"github.com/batchport/batchport/domain"
)

const (
	faultItems = 20_000
	faultLease = 5 * time.Second

	// faultPatience bounds how long a job may take after a fault.
	faultPatience = 2 * time.Minute
)

// faultStore is what a world keeps everything in.
type faultStore string

const (
	onSQLite   faultStore = "SQLite"     // one process, with its own NATS server
	onPostgres faultStore = "PostgreSQL" // one that takes jobs in and two that work them off, with a NATS server outside
)

// faultWorld is an installation of batchport whose jobs touch every item once
// each, which the database counts by a trigger.
type faultWorld struct {
	t       *testing.T
	store   faultStore
	at      location
	broker  *faultBroker // nil on SQLite
	key     string
	random  *rand.Rand
	front   *serving   // takes jobs in
	workers []*serving // work them off; on SQLite the front itself
	usual   time.Duration
	jobs    int
	db      *database

	processes string // what those that serve call themselves at PostgreSQL
}

func newFaultWorld(t *testing.T, store faultStore) *faultWorld {
	t.Helper()
	w := &faultWorld{t: t, store: store, at: location{data: t.TempDir()}, random: seeded(5)}
	where := []string{"--data", w.at.data}
	if store == onPostgres {
		w.at.database = postgrestest.URL(t)
		where = append(where, "--database", w.at.database)
		w.broker = startFaultBroker(t)
		w.processes = fmt.Sprint("world-", os.Getpid(), "-", time.Now().UnixNano())
	}
	w.key = loadEstates(t, faultItems, where...)
	var err error
	if w.db, err = w.at.open(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.db.Close() })
	w.countTouches()
	w.startAll()
	began := time.Now()
	w.await(w.submit(w.edit()), faultItems)
	w.usual = time.Since(began)
	return w
}

func seeded(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 1)) }

// countTouches makes the database count how often each estate was edited.
func (w *faultWorld) countTouches() {
	w.t.Helper()
	statements := []string{
		`CREATE TABLE touches (id BIGINT PRIMARY KEY, n BIGINT NOT NULL)`,
		`CREATE TRIGGER touch AFTER UPDATE OF listed ON batchport_estates BEGIN
			INSERT INTO touches VALUES (NEW.id, 1) ON CONFLICT (id) DO UPDATE SET n = n + 1; END`,
	}
	if w.store == onPostgres {
		statements[1] = `CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			INSERT INTO touches VALUES (NEW.id, 1) ON CONFLICT (id) DO UPDATE SET n = touches.n + 1; RETURN NULL; END $$;
			CREATE TRIGGER touch AFTER UPDATE OF listed ON batchport_estates FOR EACH ROW EXECUTE FUNCTION touch()`
	}
	for _, statement := range statements {
		if _, err := w.db.db.Write.ExecContext(w.t.Context(), statement); err != nil {
			w.t.Fatal(err)
		}
	}
}

// flags are those of a process of the role, beside its data folder.
func (w *faultWorld) flags(r role) []string {
	if w.store == onSQLite {
		return []string{"--syncs-unlimited"}
	}
	return []string{"--syncs-unlimited", "--database", w.at.database + "&application_name=" + w.processes, "--nats", w.broker.url(), "--role", string(r), "--lease", faultLease.String()}
}

func (w *faultWorld) start(r role) *serving {
	w.t.Helper()
	return startServing(w.t, w.at.data, w.flags(r)...)
}

func (w *faultWorld) startAll() {
	w.t.Helper()
	if w.store == onSQLite {
		w.front = w.start(roleAll)
		w.workers = []*serving{w.front}
		return
	}
	w.front = w.start(roleAPI)
	w.workers = []*serving{w.start(roleWorker), w.start(roleWorker)}
}

// restart starts a process anew that has ended.
func (w *faultWorld) restart(i int) {
	w.t.Helper()
	if w.store == onSQLite {
		w.front = w.start(roleAll)
		w.workers[0] = w.front
		return
	}
	w.workers[i] = w.start(roleWorker)
}

// edit is the next job: each undoes the one before, so that all items change.
func (w *faultWorld) edit() string {
	name := []string{"estate_batch_open_rent", "estate_batch_close_rent"}[w.jobs%2]
	w.jobs++
	return fmt.Sprintf(`{"job_name":%q,"estatesIds":"all","total":%d,"searchOptions":{}}`, name, faultItems)
}

// submit sends a job until it is taken, as one and the same.
func (w *faultWorld) submit(body string) (code string) {
	w.t.Helper()
	key := fmt.Sprintf("%s-%d", w.t.Name(), w.random.Uint64())
	w.until("a job is taken in", func() error {
		answer, err := w.trySubmit(key, body)
		code = answer
		return err
	})
	return code
}

func (w *faultWorld) trySubmit(idempotencyKey, body string) (string, error) {
	ctx, cancel := context.WithTimeout(w.t.Context(), 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, w.front.url+"/api2/getBatchCode", strings.NewReader(body))
	if err != nil {
		return "", err
	}
	request.Header.Set("Authorization", "Bearer "+w.key)
	request.Header.Set("Idempotency-Key", idempotencyKey)
	var answer status
	if code, err := decodeAnswer(request, &answer); err != nil || code != http.StatusOK {
		return "", fmt.Errorf("POST getBatchCode = %d %s, %w", code, answer.Message, err)
	}
	return answer.Data.BatchCode, nil
}

// look asks how a job is.
func (w *faultWorld) look(code string) (answer status, err error) {
	ctx, cancel := context.WithTimeout(w.t.Context(), 10*time.Second)
	defer cancel()
	got, err := w.front.request(ctx, http.MethodGet, "/api2/getBatchStatus?batch_code="+code, w.key, "", &answer)
	if err == nil && got != http.StatusOK {
		err = fmt.Errorf("GET getBatchStatus = %d", got)
	}
	return answer, err
}

// await waits for the end of a job that updates n items, and fails unless its
// report says that it did.
func (w *faultWorld) await(code string, n int) {
	w.t.Helper()
	w.until("job "+code+" has ended", func() error {
		answer, err := w.look(code)
		if err == nil && !answer.Success {
			err = fmt.Errorf("it is at %d %%", answer.Process)
		}
		return err
	})
	job, err := w.db.store.FindJob(w.t.Context(), jobRef("acme", code))
	if err != nil {
		w.t.Fatal(err)
	}
	if want := (domain.Report{Total: n, Updated: n}); job.State() != domain.JobCompleted || job.Report() != want {
		w.t.Errorf("job %s is %s with %+v, want it completed with %+v", code, job.State(), job.Report(), want)
	}
}

func (w *faultWorld) until(what string, try func() error) {
	w.t.Helper()
	var err error
	for end := time.Now().Add(faultPatience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if err = try(); err == nil {
			return
		}
	}
	w.t.Fatalf("%v later it is not true that %s: %v", faultPatience, what, err)
}

// pause waits for a moment of a job at random.
func (w *faultWorld) pause() { time.Sleep(time.Duration(w.random.Float64() * float64(w.usual))) }

// touched counts the edits that are missing, and those that are too many.
func (w *faultWorld) touched() (lost, repeated int) {
	w.t.Helper()
	var there int
	err := w.db.db.Write.QueryRowContext(w.t.Context(), `SELECT count(*), coalesce(sum(CASE WHEN n < ? THEN ? - n ELSE 0 END), 0),
		coalesce(sum(CASE WHEN n > ? THEN n - ? ELSE 0 END), 0) FROM touches`, w.jobs, w.jobs, w.jobs, w.jobs).Scan(&there, &lost, &repeated)
	if err != nil {
		w.t.Fatal(err)
	}
	return lost + (faultItems-there)*w.jobs, repeated
}

// awaitTold waits until every event that was stored is told: until the stream
// has all that the outbox remembers.
func (w *faultWorld) awaitTold() {
	w.t.Helper()
	w.until("every event is told", func() error {
		var events, waiting int
		err := w.db.db.Write.QueryRowContext(w.t.Context(), `SELECT count(*), coalesce(sum(CASE WHEN published = 0 THEN 1 ELSE 0 END), 0) FROM batchport_outbox`).Scan(&events, &waiting)
		if err != nil || w.broker == nil {
			return cmp.Or(err, unless(waiting == 0, "%d wait", waiting))
		}
		told := w.broker.told(w.t.Context())
		return unless(waiting == 0 && told == events, "%d of %d are told, %d wait", told, events, waiting)
	})
}

func unless(good bool, format string, args ...any) error {
	if good {
		return nil
	}
	return fmt.Errorf(format, args...)
}

// decodeAnswer sends the request and decodes what comes.
func decodeAnswer(request *http.Request, answer any) (int, error) {
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	return response.StatusCode, errors.Join(json.NewDecoder(response.Body).Decode(answer), response.Body.Close())
}

package engine_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"testing"
	"time"

	"github.com/batchport/batchport/adapters/bunstore"
	"github.com/batchport/batchport/adapters/bunstore/postgres"
	"github.com/batchport/batchport/adapters/bunstore/postgres/postgrestest"
	"github.com/batchport/batchport/adapters/memory"
	"github.com/batchport/batchport/app/engine"
	"github.com/batchport/batchport/domain"
)

// What docs/embedding.md shows beside the example, at work.

// owingNothing is closeAccounts that finds its accounts.
func owingNothing() engine.Kind[CloseAccounts, int64] {
	kind := closeAccounts()
	selecting := engine.Kind[CloseAccounts, int64]{
		Select: func(ctx context.Context, _ *domain.BatchJob, _ CloseAccounts) iter.Seq2[int64, error] {
			return func(yield func(int64, error) bool) {
				rows, err := bunstore.Tx(ctx).QueryContext(ctx, `SELECT id FROM accounts WHERE owing = 0 ORDER BY id`)
				if err != nil {
					yield(0, err)
					return
				}
				defer rows.Close()
				for rows.Next() {
					var id int64
					if err := rows.Scan(&id); !yield(id, err) || err != nil {
						return
					}
				}
				if err := rows.Err(); err != nil {
					yield(0, err)
				}
			}
		},
	}
	kind.Select = selecting.Select
	return kind
}

// accounts is in a database that batchport knows nothing of. closed_by_job
// has one row for each item that a job has done:
//
//	CREATE TABLE closed_by_job (job TEXT, account INTEGER, PRIMARY KEY (job, account))
func closeOnce(ctx context.Context, tx *sql.Tx, job domain.JobID, p CloseAccounts, id int64) (domain.Outcome, error) {
	var done bool
	err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM closed_by_job WHERE job = ? AND account = ?)`, job, id).Scan(&done)
	if err != nil || done {
		return domain.Outcome{Fate: domain.Updated}, err
	}
	result, err := tx.ExecContext(ctx, `UPDATE accounts SET closed_for = ? WHERE id = ?`, p.Reason, id)
	if err != nil {
		return domain.Outcome{}, err
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return domain.FailedWith(domain.NewFailure(domain.CodeNotFound, "id", fmt.Sprint(id))), err
	}
	// A worker that was taken over and does the same item at the same time
	// fails here, and with it all that it did.
	_, err = tx.ExecContext(ctx, `INSERT INTO closed_by_job (job, account) VALUES (?, ?)`, job, id)
	return domain.Outcome{Fate: domain.Updated}, err
}

// ended submits a job of the kind and returns it when it has ended.
func ended(t *testing.T, store *bunstore.Store, kind engine.Kind[CloseAccounts, int64], r engine.Request[CloseAccounts, int64]) *domain.BatchJob {
	t.Helper()
	eng, err := engine.New(engine.Deps{Store: store, Bell: memory.NewBell()}, engine.Config{})
	check(err)
	accounts, err := engine.Register(eng, kind)
	check(err)
	defer start(t, eng)()
	who := domain.Principal{Tenant: "acme", User: "7", Permissions: []domain.Permission{"account_close"}}
	job, err := accounts.Submit(t.Context(), who, r)
	check(err)
	for limit := time.Now().Add(time.Minute); !job.State().Ended() && time.Now().Before(limit); {
		time.Sleep(time.Millisecond)
		job, err = eng.Find(t.Context(), who, job.ID())
		check(err)
	}
	return job
}

func TestAHostSelectsItsItems(t *testing.T) {
	t.Parallel()
	db := hostDatabase(t.Context(), t.TempDir())
	defer db.Close()
	store, err := bunstore.New(db.Write, bunstore.Config{ReadDB: db.Read})
	check(err)
	check(store.Migrate(t.Context()))
	job := ended(t, store, owingNothing(), engine.Request[CloseAccounts, int64]{Payload: CloseAccounts{Reason: "moved away"}, All: true, Expected: new(2)})
	if want := (domain.Report{Total: 2, Updated: 2}); job.State() != domain.JobCompleted || job.Report() != want {
		t.Errorf("job = %s %+v, want it completed with %+v", job.State(), job.Report(), want)
	}
}

func TestAHostOnPostgreSQL(t *testing.T) {
	t.Parallel()
	ctx, url := t.Context(), postgrestest.URL(t)
	db, err := postgres.Open(ctx, url, postgres.Config{}) // pgx under Bun
	check(err)
	defer db.Close()
	store, err := bunstore.New(db, bunstore.Config{}) // batchport's tables live in the first schema of the search_path
	check(err)
	check(store.Migrate(ctx))
	_, err = db.ExecContext(ctx, `CREATE TABLE accounts (id BIGINT PRIMARY KEY, owing INTEGER NOT NULL, closed_for TEXT);
		INSERT INTO accounts (id, owing) VALUES (1, 0), (2, 0), (3, 1)`)
	check(err)
	job := ended(t, store, owingNothing(), engine.Request[CloseAccounts, int64]{Payload: CloseAccounts{Reason: "moved away"}, All: true})
	if want := (domain.Report{Total: 2, Updated: 2}); job.State() != domain.JobCompleted || job.Report() != want {
		t.Errorf("job = %s %+v, want it completed with %+v", job.State(), job.Report(), want)
	}
}

// Apply runs again after its own commit, and nothing happens twice.
func TestAHostWithTablesElsewhere(t *testing.T) {
	t.Parallel()
	theirs, ours := hostDatabase(t.Context(), t.TempDir()), hostDatabase(t.Context(), t.TempDir())
	defer theirs.Close()
	defer ours.Close()
	_, err := theirs.Write.ExecContext(t.Context(), `CREATE TABLE closed_by_job (job TEXT, account INTEGER, PRIMARY KEY (job, account));
		CREATE TABLE closings (account INTEGER);
		CREATE TRIGGER closing AFTER UPDATE ON accounts BEGIN INSERT INTO closings VALUES (NEW.id); END`)
	check(err)
	store, err := bunstore.New(ours.Write, bunstore.Config{ReadDB: ours.Read})
	check(err)
	check(store.Migrate(t.Context()))
	crashed := false
	kind := engine.Kind[CloseAccounts, int64]{
		Name: "account_close",
		Apply: func(ctx context.Context, job *domain.BatchJob, p CloseAccounts, ids []int64) ([]domain.Outcome, error) {
			tx, err := theirs.Write.DB.BeginTx(ctx, nil)
			if err != nil {
				return nil, domain.Unavailable(err)
			}
			defer func() { _ = tx.Rollback() }() // after the commit it does nothing
			outcomes := make([]domain.Outcome, len(ids))
			for i, id := range ids {
				if outcomes[i], err = closeOnce(ctx, tx, job.ID(), p, id); err != nil {
					return nil, domain.Fail(domain.NewFailure(domain.CodeRejected, "", ""))
				}
			}
			if err := tx.Commit(); err != nil {
				return nil, domain.Unavailable(err)
			}
			if !crashed {
				crashed = true
				return nil, domain.Unavailable(errors.New("the power is cut between the two commits"))
			}
			return outcomes, nil
		},
	}
	job := ended(t, store, kind, engine.Request[CloseAccounts, int64]{Payload: CloseAccounts{Reason: "moved away"}, Items: []int64{1, 2, 4}})
	if want := (domain.Report{Total: 3, Updated: 2, Failed: 1}); job.Report() != want || !crashed {
		t.Errorf("report = %+v, want %+v", job.Report(), want)
	}
	var closings int
	check(theirs.Read.QueryRowContext(t.Context(), "SELECT count(*) FROM closings").Scan(&closings))
	if closings != 2 {
		t.Errorf("accounts were closed %d times, want each of 2 once", closings)
	}
}

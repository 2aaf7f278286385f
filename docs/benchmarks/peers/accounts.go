package peers

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// closeOne is the effect of one item: it counts how often it came, so that a
// repetition shows. Of one account in a hundred the database refuses it.
const closeOne = `UPDATE accounts SET closed = closed + 1 WHERE id = $1`

// closeMany is the same for many at once.
const closeMany = `UPDATE accounts SET closed = closed + 1 WHERE id = ANY($1)`

// isRefusal reports whether the database refused a statement because of the
// account.
func isRefusal(err error) bool {
	var refused *pgconn.PgError
	return errors.As(err, &refused) && refused.Code == "23514" // check_violation
}

// makeAccounts makes the tables: accounts with the ids 1 to n, and what a
// worker that has no other place for it notes of those that were refused.
func makeAccounts(ctx context.Context, db *pgxpool.Pool, n int) error {
	for _, statement := range []string{
		`CREATE TABLE accounts (id bigint PRIMARY KEY, owing boolean NOT NULL, closed int NOT NULL,
			CONSTRAINT settled CHECK (closed = 0 OR NOT owing)) WITH (fillfactor = 80)`,
		`CREATE TABLE refusals (account bigint NOT NULL, why text NOT NULL)`,
		fmt.Sprintf(`INSERT INTO accounts SELECT id, id %% 100 = 37, 0 FROM generate_series(1, %d) AS id`, n),
		`VACUUM ANALYZE accounts`,
		`CHECKPOINT`,
	} {
		if _, err := db.Exec(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	return nil
}

// tally is what became of the accounts.
type tally struct {
	closed   int // once or more often
	repeated int // how often an account was closed again
	missing  int // accounts that could be closed and are not
}

func tallyOf(ctx context.Context, db *pgxpool.Pool) (t tally, err error) {
	err = db.QueryRow(ctx, `SELECT count(*) FILTER (WHERE closed > 0), coalesce(sum(closed - 1) FILTER (WHERE closed > 1), 0),
		count(*) FILTER (WHERE closed = 0 AND NOT owing) FROM accounts`).Scan(&t.closed, &t.repeated, &t.missing)
	return t, err
}

// effects returns how many there have been.
func effects(ctx context.Context, db *pgxpool.Pool) (n int, err error) {
	err = db.QueryRow(ctx, `SELECT coalesce(sum(closed), 0) FROM accounts`).Scan(&n)
	return n, err
}

// noteRefusal keeps why an account was not closed.
func noteRefusal(ctx context.Context, db interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}, id int64, why error,
) error {
	_, err := db.Exec(ctx, `INSERT INTO refusals (account, why) VALUES ($1, $2)`, id, why.Error())
	return err
}

// inSavepoint runs do in a savepoint of the transaction, which is rolled back
// when it fails.
func inSavepoint(ctx context.Context, tx pgx.Tx, do func(tx pgx.Tx) error) error {
	return pgx.BeginFunc(ctx, tx, do)
}

package bunstore

import (
	"database/sql"
	"fmt"
	"strings"

	"github.com/uptrace/bun/dialect"
)

// sqlDialect is what differs between databases.
type sqlDialect struct {
	folder string // of its migrations
	clock  string // expression for the database's time in microseconds

	migrated string // query for whether there is a table of migrations
	begin    string // begins the transaction of the migrations
	alone    string // waits until no other process migrates; "" when begin has
	unfit    string // query for why statements would mean something else here, '' when they do not; "" when there is no such thing
	takeLock string // makes a transaction that began without the write lock take it; "" when there is none

	// keepsReads says that statements which come often are prepared once for
	// each connection.
	keepsReads bool

	// oneWriter says that while a transaction writes, no other does; else they
	// write side by side and lock rows.
	oneWriter bool
	lock      string // makes a SELECT lock the rows that it returns; "" with one writer
	free      string // the same, and pass over those that others have locked
	settle    string // runs before a commit: what was put off until then is checked; "" when the commit says it all

	fold, endFold string // around a text that is compared with ASCII letters in either case

	writing     sql.IsolationLevel // of a transaction that may write
	snapshot    sql.IsolationLevel // of a transaction that reads one view
	resultCodes bool               // errors carry SQLite's result code as Code() int
}

// dialectOf returns the settings for Bun's dialect of the name.
func dialectOf(name dialect.Name) (sqlDialect, error) {
	switch name {
	case dialect.SQLite:
		return sqliteDialect(), nil
	case dialect.PG:
		return postgresDialect(), nil
	case dialect.Invalid, dialect.MySQL, dialect.MSSQL, dialect.Oracle:
	}
	return sqlDialect{}, fmt.Errorf("bunstore: the dialect %s is not supported", name)
}

func sqliteDialect() sqlDialect {
	return sqlDialect{
		folder:   "sqlite",
		clock:    "CAST(unixepoch('subsec') * 1000000 AS INTEGER)",
		migrated: "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = '{p}migrations'",
		begin:    "BEGIN IMMEDIATE",
		// It changes no row, yet takes the lock before anything was read. A
		// transaction that reads first and writes later cannot wait for another
		// writer: SQLite fails it at once. With _txlock=immediate it costs
		// little and does nothing.
		takeLock: "UPDATE {p}settings SET value = value WHERE false",
		// SQLite's LIKE takes ASCII letters alone in either case, which is what
		// a search means: https://sqlite.org/lang_expr.html#like.
		fold: "(", endFold: ")",

		keepsReads:  true,
		oneWriter:   true,
		snapshot:    sql.LevelDefault,
		resultCodes: true,
	}
}

func postgresDialect() sqlDialect {
	return sqlDialect{
		folder: "postgres",
		// In a subquery, which is evaluated once: a bare clock_timestamp() would be
		// read again for each row, and no index can be searched by it.
		clock:    "(SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint))",
		migrated: "SELECT to_regclass('{p}migrations') IS NOT NULL",
		begin:    "BEGIN",
		// Migrations may take longer than the statements of every day. The name of
		// the lock holds the schema, since several may be in one database.
		alone: "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0; " +
			"SELECT pg_advisory_xact_lock(hashtextextended(current_schema() || '.{p}migrations', 0))",
		unfit: `SELECT CASE
			WHEN current_setting('standard_conforming_strings') <> 'on' THEN 'standard_conforming_strings is off: a text could end its literal'
			WHEN current_setting('server_encoding') <> 'UTF8' THEN 'its encoding is not UTF8'
			WHEN current_schema() IS NULL THEN 'no schema of its search_path exists'
			ELSE '' END`,
		lock:   "FOR NO KEY UPDATE",
		free:   "FOR NO KEY UPDATE SKIP LOCKED",
		settle: "SET CONSTRAINTS ALL IMMEDIATE",
		// In the locale "C" lower knows ASCII letters alone.
		fold: "lower((", endFold: `) COLLATE "C")`,

		// Each statement sees what was committed before it, so that one after a
		// lock sees what the lock has waited for; whatever the host's default is.
		writing:  sql.LevelReadCommitted,
		snapshot: sql.LevelRepeatableRead,
	}
}

// renderer renders what statements leave to the dialect: {p} begins the names
// of tables, {now} is the time, {lock} ends a SELECT of rows that this
// transaction alone may then write, {free} one of those that nobody else has
// locked, and {fold} and {/fold} stand around a text that is
// compared with ASCII letters in either case.
func (d sqlDialect) renderer(prefix string) *strings.Replacer {
	return strings.NewReplacer("{p}", prefix, "{now}", d.clock, "{lock}", d.lock, "{free}", d.free, "{fold}", d.fold, "{/fold}", d.endFold)
}

package bunstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/batchport/batchport/domain"
)

//go:embed migrations
var migrationFiles embed.FS

const (
	migrationSuffix = ".tx.up.sql"

	// rollbackTimeout bounds the clean-up after a context ended.
	rollbackTimeout = 5 * time.Second
)

// migration is one written step of the schema. A step that the version before
// can work beside, since it adds what that one does not miss or removes what it
// does not use, says in its name from which step on a version fits.
type migration struct {
	name string // such as "0001_engine", or "0009_traces.fits_0008"
	sql  string
}

// Migrate brings the tables to this version, all steps in one transaction:
// after an error the schema is as it was. Any number of processes may call it
// at once; they take turns. A database that a newer version has migrated gives
// an error and is left alone, unless each step that is not known here fits this
// version, so that processes can be upgraded one after the other.
//
// It does not use Bun's migrator, which marks a step outside of the
// transaction that runs it, and whose lock is a row that a crash leaves behind.
func (s *Store) Migrate(ctx context.Context) error {
	steps, err := migrationsIn(migrationFiles, path.Join("migrations", s.dialect.folder))
	if err != nil {
		return err
	}
	return s.migrate(ctx, steps)
}

// Migrated reports whether [Store.Migrate] has ever run on the database.
func (s *Store) Migrated(ctx context.Context) (there bool, err error) {
	err = s.db.QueryRowContext(ctx, s.tables.Replace(s.dialect.migrated)).Scan(&there)
	return there, s.classify(ctx, err)
}

// migrate runs those of the steps that have not run yet.
func (s *Store) migrate(ctx context.Context, steps []migration) (err error) {
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return s.classify(ctx, err)
	}
	defer conn.Close() //nolint:errcheck // it goes back to the pool
	// Not BeginTx: whether that takes the write lock at once is up to how the
	// host opened its database.
	if err := s.whileBusy(ctx, func() error {
		_, err := conn.ExecContext(ctx, s.dialect.begin)
		return err
	}); err != nil {
		return s.classify(ctx, err)
	}
	defer func() {
		if err != nil {
			giveUp(ctx, conn)
		}
	}()
	if err := s.fit(ctx, conn); err != nil {
		return err
	}
	if s.dialect.alone != "" {
		if _, err := conn.ExecContext(ctx, s.tables.Replace(s.dialect.alone)); err != nil {
			return s.classify(ctx, err)
		}
	}
	if err := s.apply(ctx, conn, steps); err != nil {
		return s.classify(ctx, err)
	}
	_, err = conn.ExecContext(ctx, "COMMIT")
	return s.classify(ctx, err)
}

// fit refuses a database on which statements would mean something else. The
// package that opens one asks on every connection; a host may have opened its
// own.
func (s *Store) fit(ctx context.Context, conn bun.Conn) error {
	if s.dialect.unfit == "" {
		return nil
	}
	var why string
	if err := conn.QueryRowContext(ctx, s.dialect.unfit).Scan(&why); err != nil {
		return s.classify(ctx, err)
	}
	if why != "" {
		return misuse("the database cannot be used: %s", why)
	}
	return nil
}

// apply runs the steps that are missing, in order, and notes each.
func (s *Store) apply(ctx context.Context, conn bun.Conn, steps []migration) error {
	if _, err := conn.ExecContext(ctx, s.tables.Replace(
		`CREATE TABLE IF NOT EXISTS {p}migrations (name TEXT PRIMARY KEY, applied_at BIGINT NOT NULL)`)); err != nil {
		return err
	}
	var applied []string
	if err := s.query(ctx, conn, func(rows *sql.Rows) error {
		var name string
		defer func() { applied = append(applied, name) }()
		return rows.Scan(&name)
	}, `SELECT name FROM {p}migrations`); err != nil {
		return err
	}
	for _, name := range applied {
		if !slices.ContainsFunc(steps, func(m migration) bool { return m.name == name }) && !fits(name, steps[len(steps)-1].name) {
			return &domain.Error{Code: domain.CodeConflict, Err: fmt.Errorf(
				"bunstore: the database has the migration %q, which this version does not know: a newer version has migrated it", name)}
		}
	}
	for _, m := range steps {
		if slices.Contains(applied, m.name) {
			continue
		}
		if _, err := conn.ExecContext(ctx, s.tables.Replace(m.sql)); err != nil {
			return fmt.Errorf("migration %s: %w", m.name, err)
		}
		if _, err := conn.ExecContext(ctx, s.tables.Replace(
			`INSERT INTO {p}migrations (name, applied_at) VALUES (?, {now})`), m.name); err != nil {
			return fmt.Errorf("note migration %s: %w", m.name, err)
		}
	}
	return nil
}

// fits reports whether a version whose last step is the one given may work on a
// database that a newer one has migrated by the step called name. That says so
// itself: "0009_traces.fits_0008" fits every version that has the step 0008.
func fits(name, last string) bool {
	_, oldest, found := strings.Cut(name, ".fits_")
	return found && oldest <= last[:min(len(last), len(oldest))]
}

// giveUp rolls back, also when ctx has ended. A connection that cannot is
// thrown away.
func giveUp(ctx context.Context, conn bun.Conn) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackTimeout)
	defer cancel()
	if _, err := conn.ExecContext(ctx, "ROLLBACK"); err != nil {
		_ = conn.Raw(func(any) error { return driver.ErrBadConn })
	}
}

// migrationsIn reads the steps in a folder, in the order of their names.
func migrationsIn(files fs.FS, folder string) ([]migration, error) {
	names, err := fs.Glob(files, path.Join(folder, "*"+migrationSuffix))
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return nil, errors.New("bunstore: no migrations in " + folder)
	}
	slices.Sort(names)
	steps := make([]migration, len(names))
	for i, name := range names {
		content, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		steps[i] = migration{name: strings.TrimSuffix(path.Base(name), migrationSuffix), sql: string(content)}
	}
	return steps, nil
}

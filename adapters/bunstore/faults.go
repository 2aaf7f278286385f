package bunstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/batchport/batchport/domain"
)

// fault says what an error of the driver is about.
type fault int

const (
	faultUnknown fault = iota
	faultData          // the database refused the data
	faultStore         // the database did not do its part; trying again may work
	faultSpoilt        // an earlier statement of the transaction has failed
)

// errSpoilt says that a transaction cannot go on since a statement failed
// and whoever ran it went on regardless. SQLite would let it: there a statement
// that fails is undone alone.
var errSpoilt = errors.New("bunstore: a statement of the transaction failed before, and the error was not returned")

// fail is classify for the store's own statements. After a fault of the store
// SQLite may have rolled back the transaction by itself, so that what
// follows would commit on its own: the transaction is broken off.
func (s *Store) fail(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	err = s.classify(ctx, err)
	if sc := s.scope(ctx); sc != nil && (isContextError(err) || domain.CodeOf(err) == domain.CodeUnavailable) {
		return sc.breakOff(err)
	}
	return err
}

// classify gives an error of the driver its code. What is classified already,
// errors of contexts, and what nobody knows pass through.
func (s *Store) classify(ctx context.Context, err error) error {
	if err == nil || classified(err) || isContextError(err) {
		return err
	}
	about, constraint := s.faultOf(err)
	switch {
	case about == faultSpoilt:
		return &domain.Error{Code: domain.CodeInternal, Err: fmt.Errorf("%w: %w", errSpoilt, err)}
	case about == faultData:
		rejected := domain.Fail(domain.NewFailure(domain.CodeRejected, "", "", "constraint", constraint))
		rejected.Err = err
		return rejected
	case ctx.Err() != nil && (about == faultStore || errors.Is(err, sql.ErrTxDone)):
		// The driver interrupts what runs, and database/sql rolls back, when the context ends.
		return ctx.Err()
	case about == faultStore:
		return domain.Unavailable(err)
	}
	return err
}

// faultOf tells what err is about, and for refused data what refused it.
func (s *Store) faultOf(err error) (about fault, constraint string) {
	var state interface {
		error
		SQLState() string
	}
	var coded interface {
		error
		Code() int
	}
	var network net.Error
	var unsent interface { // pgx: the connection was closed, or busy
		error
		SafeToRetry() bool
	}
	switch {
	case errors.As(err, &state):
		return postgresFault(state.SQLState())
	case s.dialect.resultCodes && errors.As(err, &coded):
		return sqliteFault(coded.Code())
	case errors.Is(err, driver.ErrBadConn), errors.Is(err, sql.ErrConnDone), errors.As(err, &network),
		errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.As(err, &unsent):
		return faultStore, ""
	}
	return faultUnknown, ""
}

// sqliteFault reads an extended result code: https://sqlite.org/rescode.html.
func sqliteFault(code int) (about fault, constraint string) {
	switch code {
	case 275:
		return faultData, constraintCheck
	case 787:
		return faultData, constraintForeignKey
	case 1299:
		return faultData, constraintNotNull
	case 1555, 2067, 2579: // PRIMARYKEY, UNIQUE, ROWID
		return faultData, constraintUnique
	case 1811:
		return faultData, constraintTrigger
	}
	switch code & 0xff {
	case 18, 19, 20: // TOOBIG, CONSTRAINT, MISMATCH
		return faultData, constraintValue
	case 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 26:
		// PERM, ABORT, BUSY, LOCKED, NOMEM, READONLY, INTERRUPT, IOERR, CORRUPT,
		// FULL, CANTOPEN, PROTOCOL, NOTADB
		return faultStore, ""
	}
	return faultUnknown, ""
}

// postgresFault reads an SQLSTATE:
// https://www.postgresql.org/docs/current/errcodes-appendix.html.
func postgresFault(state string) (about fault, constraint string) {
	switch state {
	case "23502":
		return faultData, constraintNotNull
	case "23503":
		return faultData, constraintForeignKey
	case "23505", "23P01": // unique_violation, exclusion_violation
		return faultData, constraintUnique
	case "23514":
		return faultData, constraintCheck
	case "P0001": // raise_exception, of a function
		return faultData, constraintTrigger
	case "25006", "25P03": // read_only_sql_transaction, as after a failover; idle_in_transaction_session_timeout
		return faultStore, ""
	case "25P02": // in_failed_sql_transaction
		return faultSpoilt, ""
	case "3D000": // invalid_catalog_name, of a connection
		return faultStore, ""
	}
	if len(state) < 2 {
		return faultUnknown, ""
	}
	switch state[:2] {
	case "22", "23": // data_exception, integrity_constraint_violation
		return faultData, constraintValue
	case "08", "28", "40", "53", "55", "57", "58", "XX": // connection, password, rollback, resources, state, intervention, system, internal
		return faultStore, ""
	}
	return faultUnknown, ""
}

// What can refuse data: the parameter "constraint" of a [domain.CodeRejected].
const (
	constraintCheck      = "check"
	constraintForeignKey = "foreign_key"
	constraintNotNull    = "not_null"
	constraintTrigger    = "trigger"
	constraintUnique     = "unique"
	constraintValue      = "value"
)

// taken turns the refusal of a key that is there already into
// [domain.CodeConflict] of the field; other errors stay.
func taken(err error, field, value string) error {
	var rejected *domain.Error
	if !errors.As(err, &rejected) || rejected.Code != domain.CodeRejected ||
		domain.FailureOf(rejected).Params["constraint"] != constraintUnique {
		return err
	}
	conflict := domain.Fail(domain.NewFailure(domain.CodeConflict, field, value))
	conflict.Err = rejected.Err
	return conflict
}

func classified(err error) bool {
	var full *domain.Error
	var code domain.Code
	return errors.As(err, &full) || errors.As(err, &code)
}

func isContextError(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

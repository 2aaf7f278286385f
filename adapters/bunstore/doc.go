// Package bunstore keeps everything that batchport keeps in an SQL database,
// through Bun. It takes an open [bun.DB], so its tables may live in the
// database of the service that embeds batchport, and it imports no driver:
// errors are told apart by the code that the driver's error carries. The
// package sqlite below it opens a file with the right settings.
//
// # SQLite
//
// There is one writer at a time. A transaction takes the write lock when it
// begins and holds it to its end, so inside of [Store.InTx] use the context
// that the function was given: a call with the outer context would wait for
// the very transaction it is made from, until that context ends. The clock of
// leases and delays is the database's, which is that of the machine, in
// milliseconds.
//
// # Columns
//
// Times are whole microseconds since 1970 in UTC, 0 for a time that has not
// come; flags are 0 and 1; JSON is text. So every dialect keeps the same.
package bunstore

// Package bunstore keeps everything that batchport keeps in an SQL database,
// through Bun. It takes an open [bun.DB], so its tables may live in the
// database of the service that embeds batchport, and it imports no driver:
// errors are told apart by the code that the driver's error carries. The
// packages sqlite and postgres below it open a database with the right settings.
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
// # PostgreSQL
//
// Transactions write side by side and lock rows, always in this order: chunk,
// the kind's own rows sorted by key, job. One against which the database breaks
// a deadlock is run again, so what is given to [Store.InTx] begins anew each
// time. A statement that fails spoils the transaction, unless it ran inside of
// [Store.Savepoint]: return its error. Texts are kept with COLLATE "C", so they
// compare as bytes in a database of any locale.
//
// # Columns
//
// Times are whole microseconds since 1970 in UTC, 0 for a time that has not
// come; flags are 0 and 1; JSON is text. So every dialect keeps the same.
package bunstore

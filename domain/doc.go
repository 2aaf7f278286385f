// Package domain holds the words of batchport and their rules: a job and its
// life, the items it is made of, what became of each, and who asked for it.
//
// It imports the standard library alone, does no I/O and reads no clock:
// callers pass the time in. Every value is safe for concurrent reading; only
// [BatchJob] changes after it was made, and it belongs to one goroutine.
package domain

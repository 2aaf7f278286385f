// Package estate holds the objects that the estate jobs work on: users,
// communities, estates, contracts and repairs, what a well-formed record of
// each is, which of them a search finds, when an estate may be advertised, and
// what edits, reports and statements make of it.
//
// It imports the standard library and the domain alone, does no I/O and reads
// no clock. Every value may be read from many goroutines at once.
package estate

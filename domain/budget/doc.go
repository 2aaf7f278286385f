// Package budget holds the rules that say which budget pays for a line of a
// document: what a well-formed rule is, which columns its condition looks at,
// and what is wrong with a row that should become one, be it so wrong that the
// row is not stored or only worth a warning.
//
// It imports the standard library and the domain alone, does no I/O and reads
// no clock. Every value may be read from many goroutines at once.
package budget

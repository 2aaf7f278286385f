// Package ports holds what batchport needs from outside, each need with its
// contract in its comment. The suites in [github.com/batchport/batchport/ports/portstest]
// prove an implementation.
//
// Unless a comment says otherwise: every method heeds its context, may be
// called from many goroutines at once, and fails with
// [github.com/batchport/batchport/domain.CodeUnavailable] when the technology
// behind it does not answer, is full or is busy, and with the context's own
// error when that ended. A nil error means that everything was done. Slices
// and pointers that go in or come out belong to whoever received them.
package ports

// Package peers does the same work with batchport, with River and with bare
// goroutines, on the same PostgreSQL: accounts are closed, one in a hundred of
// which the database refuses. It measures how fast each does it, and what
// becomes of it when the process is killed half way.
//
// It has a module of its own, so that nobody who uses batchport gets River.
package peers

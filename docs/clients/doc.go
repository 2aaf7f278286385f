// Package clients tests the clients of batchport that generators make from its
// description, in Go, TypeScript, Python and Java: each is generated, compiled
// as strictly as its language allows, and run against a live server.
//
// It is a module of its own, and the client in Go is another, so that nobody
// who uses batchport gets a generator along.
package clients

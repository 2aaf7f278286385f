// Package engine runs batch jobs: it takes them in, plans them, lets workers
// claim chunks of their items, applies a chunk's effects and records its
// outcomes in one transaction, isolates what cannot be done, and tells the
// world when a job ends. It knows no kind of job: kinds are registered, with
// [Register] when they change something item by item and with
// [RegisterExport] when they write one file.
//
// The store is the only truth. Bells and events may be lost, repeated or
// reordered; processes may die at any point; what is half done is rolled back
// or taken over, and nothing is done twice.
package engine

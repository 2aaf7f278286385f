package domain

import "time"

// Event is something that happened to a job, to be told to the world after
// the commit that made it true.
type Event struct {
	ID       string // stable: the same event published twice has the same id
	Tenant   TenantID
	Topic    string // what it is about, such as "job.estate_export.completed"; the end of its subject
	Subject  string // what it happened to: a job's id
	Sequence int64  // counts the events of one subject from 1
	Time     time.Time
	Trace    TraceParent // what it happened under; "" when nobody traces
	Data     []byte      // JSON
}

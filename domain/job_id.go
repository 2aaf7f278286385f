package domain

import (
	"fmt"
	"regexp"
	"time"
)

// JobID identifies a job to everyone outside: the batch code. It has the form
// ^[0-9a-f]{14}\.[0-9]{8}$ and sorts by the time of submission. It is no
// secret: access is by key.
type JobID string

var jobIDForm = regexp.MustCompile(`^[0-9a-f]{14}\.[0-9]{8}$`)

// NewJobID returns an identifier for a job submitted at now. Its first 13
// digits are the second and the microsecond, as PHP's uniqid writes them; the
// rest is taken from random, so two of one microsecond differ nine hundred
// and ninety-nine million times in a thousand million.
func NewJobID(now time.Time, random uint64) JobID {
	return JobID(fmt.Sprintf("%08x%05x%d.%08d",
		uint32(now.Unix()), now.Nanosecond()/1000, random%10, random/10%100_000_000))
}

// ParseJobID checks the form of an identifier. It fails with [CodeRequired]
// or [CodeInvalid].
func ParseJobID(s string) (JobID, error) {
	return parse[JobID](s, "batch_code", jobIDForm)
}

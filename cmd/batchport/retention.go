package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/batchport/batchport/adapters/httpapi"
)

// keeping is how long what is kept; zero means the default.
type keeping struct{ jobs, failures, files, uploads, keys, events time.Duration }

const day = 24 * time.Hour

// addKeepFlags gives a command the flags of retention.
func addKeepFlags(cmd *cobra.Command, k *keeping) {
	add := func(value *time.Duration, name string, initial time.Duration, help string) {
		*value = initial
		cmd.Flags().Var(&checkedTime{value}, name, help)
	}
	add(&k.jobs, "keep-jobs", 90*day, "how long jobs are kept after their end, and while an idempotency key names them; 90d are 90 days, 36h are 36 hours")
	add(&k.failures, "keep-failures", 0, "how long the items of a job are kept after its end, with failures and warnings (default: as long as the job)")
	add(&k.files, "keep-files", 0, "how long the file that a job made is kept after its end (default: 30d, or as long as the job)")
	add(&k.uploads, "keep-uploads", 7*day, "how long an upload is kept at least")
	add(&k.keys, "keep-keys", 7*day, "how long an idempotency key, or the bizId of a budget rule sync, gives the same answer")
	add(&k.events, "keep-events", 7*day, "how long events are kept for subscribers")
}

// check refuses what would be kept for longer than the job that it is of.
func (k keeping) check() error {
	for _, part := range []struct {
		name string
		time time.Duration
	}{{"failures", k.failures}, {"files", k.files}} {
		if part.time > k.jobs {
			return fmt.Errorf("--keep-%s is %s, longer than --keep-jobs, which is %s", part.name, inDays(part.time), inDays(k.jobs))
		}
	}
	return nil
}

// Times that a flag may say: a shorter one would remove what clients are just
// about to ask for.
const shortestKept, longestKept = time.Hour, 36_500 * day

// checkedTime is how long something is kept.
type checkedTime struct{ value *time.Duration }

func (c *checkedTime) String() string {
	if c.value == nil || *c.value == 0 { // as the help makes it, to compare
		return ""
	}
	return inDays(*c.value)
}

func (c *checkedTime) Type() string { return "time" }

// Set implements [pflag.Value].
func (c *checkedTime) Set(value string) error {
	var length time.Duration
	digits, inWholeDays := strings.CutSuffix(value, "d")
	if n, err := strconv.ParseUint(digits, 10, 16); inWholeDays && err == nil {
		length = time.Duration(n) * day
	} else if length, err = time.ParseDuration(value); err != nil {
		length = 0
	}
	if length < shortestKept || length > longestKept {
		return errors.New("want a time from 1h to 36500d, in days or hours, such as 90d or 36h")
	}
	*c.value = length
	return nil
}

// inDays writes a time as its flag takes it.
func inDays(t time.Duration) string {
	if t%day == 0 {
		return strconv.Itoa(int(t/day)) + "d"
	}
	return strings.NewReplacer("h0m0s", "h", "m0s", "m").Replace(t.String())
}

// checkOrigins refuses the origins of pages that stand in another's way.
func checkOrigins(origins []string) error {
	for _, origin := range origins {
		if origin == httpapi.AnyOrigin && len(origins) > 1 {
			return errors.New(`--cors-origins is "*" and others: want it alone`)
		}
	}
	return nil
}

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/batchport/batchport/cmd/batchport/internal/client"
)

// showJob prints what there is to know about a job.
func (s *session) showJob(job *client.Job) error {
	if s.remote.json {
		return s.document(job.Text)
	}
	table := tabwriter.NewWriter(s.out.w, 0, 0, 2, ' ', 0)
	row := func(label, format string, args ...any) {
		_, _ = fmt.Fprintf(table, "%s\t%s\n", label, fmt.Sprintf(format, args...)) // Flush tells of errors
	}
	row("job", "%s", job.Code)
	row("kind", "%s", job.Kind)
	row("state", "%s", s.out.in(colourOf(job), stateOf(job)))
	if job.Total > 0 || job.Ended() {
		row("report", "%s", itemsOf(job))
	}
	if left := speed(&client.Job{Rate: job.Rate, ETASeconds: job.ETASeconds}); !job.Ended() && len(left) > 0 {
		row("speed", "%s", strings.Join(left, ", "))
	}
	if treated := treatment(job); treated != "" {
		row("options", "%s", treated)
	}
	if job.RetryOf != "" {
		row("retry of", "%s", job.RetryOf)
	}
	row("submitted", "%s by %s", localTime(job.SubmittedAt), job.User)
	if job.StartedAt != nil {
		row("started", "%s", localTime(*job.StartedAt))
	}
	if job.EndedAt != nil {
		row("ended", "%s", ended(job))
	}
	if job.File != nil {
		row("file", "%s, %s", client.Harmless(job.File.Name), bytesOf(job.File.Size))
	}
	if job.Message != "" {
		row("message", "%s", job.Message)
	}
	return table.Flush()
}

// document prints a JSON document in a line.
func (s *session) document(text json.RawMessage) error {
	var line bytes.Buffer
	if err := json.Compact(&line, text); err != nil {
		return err
	}
	line.WriteByte('\n')
	_, err := s.out.w.Write(line.Bytes())
	return err
}

// writeLine prints a value as a JSON document in a line.
func writeLine(w io.Writer, value any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(value)
}

// ending returns the error that a job's end is to whoever waited for it, and
// which command says more.
func (s *session) ending(job *client.Job) error {
	say := func(exit int, format string, args ...any) error {
		err := &commandError{exit, fmt.Errorf(format, args...)}
		if job.Outcomes.Failed == 0 || s.remote.json || s.remote.quiet {
			return err
		}
		return &advice{err, s.invocation("jobs failures %s --xlsx failed.xlsx", job.Code)}
	}
	o := job.Outcomes
	switch job.Result {
	case client.Succeeded:
		s.nextOf(job)
		return nil
	case client.PartiallyFailed:
		return say(exitPartiallyFailed, "%s of %s items failed", thousands(o.Failed), thousands(job.Total))
	case client.Cancelled:
		return say(exitError, "the job was stopped, with %s items untried", thousands(o.Cancelled))
	}
	if job.Message != "" {
		return say(exitError, "the job failed: %s", job.Message)
	}
	return say(exitError, "no item succeeded: %s failed", thousands(o.Failed))
}

// advice is an error with a command that helps.
type advice struct {
	error
	next string
}

// Unwrap returns the error itself.
func (a *advice) Unwrap() error { return a.error }

// adviceOf returns the command that helps against an error, if one does.
func adviceOf(err error) string {
	var a *advice
	if errors.As(err, &a) {
		return a.next
	}
	return ""
}

func stateOf(job *client.Job) string {
	switch {
	case !job.Ended() && job.Process > 0:
		return fmt.Sprintf("%s %d %%", job.State, job.Process)
	case !job.Ended():
		return job.State
	}
	return strings.ReplaceAll(job.Result, "_", " ")
}

func colourOf(job *client.Job) string {
	switch job.Result {
	case client.Succeeded:
		return green
	case client.PartiallyFailed, client.Cancelled:
		return yellow
	case client.Failed:
		return red
	}
	return plainColour
}

// itemsOf counts the items, as a report does.
func itemsOf(job *client.Job) string {
	o := job.Outcomes
	return itemCounts{
		Total: job.Total, Created: o.Created, Updated: o.Updated, Unchanged: o.Unchanged, Deleted: o.Deleted,
		Exported: o.Exported, Failed: o.Failed, Skipped: o.Skipped, Cancelled: o.Cancelled,
	}.String()
}

// treatment says how a job treats its items, "" when in the usual way.
func treatment(job *client.Job) string {
	var said []string
	if job.ValidateOnly {
		said = append(said, "validate only: nothing is changed")
	}
	if job.AllOrNothing {
		said = append(said, "all or nothing")
	}
	if l := job.FailLimit; l != nil && l.Items > 0 {
		said = append(said, fmt.Sprintf("stops at %s failures", thousands(l.Items)))
	}
	if l := job.FailLimit; l != nil && l.Percent > 0 {
		said = append(said, fmt.Sprintf("stops at %d %% failures", l.Percent))
	}
	return strings.Join(said, ", ")
}

func ended(job *client.Job) string {
	said := localTime(*job.EndedAt)
	if job.StartedAt != nil {
		said += fmt.Sprintf(", after %.1f s", job.EndedAt.Sub(*job.StartedAt).Seconds())
	}
	return said
}

func localTime(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05") }

// bytesOf writes a size as people read it.
func bytesOf(n int64) string {
	units := []string{"bytes", "kB", "MB", "GB", "TB"}
	size, unit := float64(n), 0
	for size >= 999.5 && unit < len(units)-1 {
		size, unit = size/1000, unit+1
	}
	if unit == 0 || size >= 99.5 {
		return fmt.Sprintf("%.0f %s", size, units[unit])
	}
	return fmt.Sprintf("%.1f %s", size, units[unit])
}

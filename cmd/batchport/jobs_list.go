package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/batchport/batchport/cmd/batchport/internal/client"
	"github.com/batchport/batchport/domain"
)

func newJobsList(r *remote) *cobra.Command {
	query, limit := url.Values{}, uint32(0)
	cmd := r.command("list", "List the jobs, the newest first", `List the jobs of the tenant, the newest first. Of several kinds, states or results,
with commas between or in flags of their own, any will do. A time is a day or an instant
(2026-11-26, 2026-11-26T08:00:00+08:00), or how long ago it was (36h, 7d).`,
		"  batchport jobs list --result failed,partially_failed --from 7d", exactly(),
		func(ctx context.Context, s *session, _ []string) error { return s.listJobs(ctx, query, int(limit)) })
	flags := cmd.Flags()
	add := func(name, parameter, form, help string, values []string, read func(string) (string, error)) {
		flags.Var(&queryFlag{query, parameter, form, values != nil, read}, name, help)
		_ = cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)) // the flag is there
	}
	add("kind", "kind", "kinds", "only jobs of these kinds", jobKinds(), kindOf)
	add("state", "state", "states", "only jobs that are "+strings.Join(names(domain.JobStates()), ", "), names(domain.JobStates()), oneOf(domain.JobStates()))
	add("result", "result", "results", "only jobs that have ended "+strings.Join(names(domain.JobResults()), ", "), names(domain.JobResults()), oneOf(domain.JobResults()))
	add("user", "user", "user", "only jobs of this user", nil, asItIs)
	add("from", "submitted_from", "time", "only jobs submitted at this time or later", nil, instant)
	add("before", "submitted_before", "time", "only jobs submitted before this time", nil, instant)
	addCountFlag(cmd, &limit, "limit", 50, "jobs", "how many jobs to list at most")
	return cmd
}

func (s *session) listJobs(ctx context.Context, query url.Values, limit int) error {
	table := tabwriter.NewWriter(s.out.w, 0, 0, 2, ' ', 0)
	n, newest := 0, ""
	for job, err := range s.Jobs(ctx, query, limit) {
		if err != nil {
			return errors.Join(table.Flush(), err)
		}
		if n++; n == 1 {
			newest = job.Code
		}
		if s.remote.json {
			if err := s.document(job.Text); err != nil {
				return err
			}
			continue
		}
		if n == 1 {
			_, _ = fmt.Fprintln(table, "CODE\tKIND\t"+s.out.in(plainColour, "STATE")+"\tITEMS\tFAILED\tUSER\tSUBMITTED") // Flush tells of errors
		}
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", job.Code, job.Kind, s.out.in(colourOf(job), stateOf(job)),
			thousands(job.Total), failedOf(job), job.User, localTime(job.SubmittedAt))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	switch {
	case n > 0:
		s.next("jobs show %s", newest)
	case !s.remote.json && !s.remote.quiet:
		s.progress.line("there are no such jobs")
		s.next("jobs submit --help")
	}
	return nil
}

func failedOf(job *client.Job) string {
	if job.Outcomes.Failed == 0 {
		return "-"
	}
	return thousands(job.Outcomes.Failed)
}

// queryFlag is a flag that becomes a parameter of a query.
type queryFlag struct {
	query url.Values
	name  string
	form  string
	many  bool // it takes several values, with commas between; else the last counts
	read  func(string) (string, error)
}

func (f *queryFlag) String() string { return "" }
func (f *queryFlag) Type() string   { return f.form }

// Set implements [pflag.Value].
func (f *queryFlag) Set(value string) error {
	if !f.many {
		read, err := f.read(value)
		if err == nil {
			f.query.Set(f.name, read)
		}
		return err
	}
	for one := range strings.SplitSeq(value, ",") {
		read, err := f.read(strings.TrimSpace(one))
		if err != nil {
			return err
		}
		f.query.Add(f.name, read)
	}
	return nil
}

func asItIs(text string) (string, error) { return text, nil }

// kindOf takes a kind in either spelling, and those of other hosts as they are.
func kindOf(text string) (string, error) {
	for _, kind := range allKinds() {
		if slugOf(domain.Kind(text)) == slugOf(kind) {
			return string(kind), nil
		}
	}
	return text, nil
}

func oneOf[S ~string](allowed []S) func(string) (string, error) {
	return func(text string) (string, error) {
		for _, one := range allowed {
			if text == string(one) {
				return text, nil
			}
		}
		return "", fmt.Errorf("want %s", strings.Join(names(allowed), ", "))
	}
}

// instant reads a time, and returns it as the API takes it.
func instant(text string) (string, error) {
	return instantAt(text, time.Now())
}

func instantAt(text string, now time.Time) (string, error) {
	for _, form := range []string{time.RFC3339, "2006-01-02T15:04", time.DateTime, time.DateOnly} {
		if t, err := time.ParseInLocation(form, text, time.Local); err == nil {
			return t.UTC().Format(time.RFC3339), nil
		}
	}
	digits, inDays := strings.CutSuffix(text, "d")
	if n, err := strconv.ParseUint(digits, 10, 16); inDays && err == nil {
		return now.Add(-time.Duration(n) * day).UTC().Format(time.RFC3339), nil
	}
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return now.Add(-ago).UTC().Format(time.RFC3339), nil
	}
	return "", errors.New("want a time, such as 2026-11-26, 2026-11-26T08:00:00+08:00, 36h or 7d")
}

package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/batchport/batchport/app/budgets"
	"github.com/batchport/batchport/app/estates"
	"github.com/batchport/batchport/cmd/batchport/internal/client"
	"github.com/batchport/batchport/domain"
)

func newJobs(environ environment) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "jobs",
		Short: "Submit, follow and stop jobs of a server",
		Long: `Submit, follow and stop jobs of a server that runs, over its HTTP API.

A job is named by its code, which "jobs submit" prints and "jobs list" shows.`,
		Args: noCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	r := addRemoteFlags(cmd, environ)
	cmd.AddCommand(newJobsSubmit(r), newJobsList(r), newJobsShow(r), newJobsWatch(r), newJobsCancel(r), newJobsRetry(r),
		newJobsFailures(r), newJobsDownload(r))
	return cmd
}

func newJobsShow(r *remote) *cobra.Command {
	return r.command("show CODE", "Show how far a job is", "", "  batchport jobs show 6b039604552468.82648411", exactly("CODE"),
		func(ctx context.Context, s *session, args []string) error {
			job, err := s.Job(ctx, args[0])
			if err != nil {
				return err
			}
			if err := s.showJob(job); err != nil {
				return err
			}
			s.nextOf(job)
			return nil
		})
}

func newJobsCancel(r *remote) *cobra.Command {
	return r.command("cancel CODE", "Stop a job", `Stop a job. What was done stays done; what is just being worked on is finished;
the rest of the items is cancelled.`, "", exactly("CODE"),
		func(ctx context.Context, s *session, args []string) error {
			job, err := s.Cancel(ctx, args[0])
			if err != nil {
				return err
			}
			if err := s.showJob(job); err != nil {
				return err
			}
			s.nextOf(job)
			return nil
		})
}

// nextOf tells what can be done with a job now.
func (s *session) nextOf(job *client.Job) {
	switch {
	case !job.Ended():
		s.next("jobs watch %s", job.Code)
	case job.Outcomes.Failed > 0:
		s.next("jobs failures %s --xlsx failed.xlsx", job.Code)
	case job.File != nil:
		s.next("jobs download %s", job.Code)
	}
}

func allKinds() []domain.Kind { return append(estates.Kinds(), budgets.Sync) }

// jobKinds returns the kinds that can be submitted, by the names that they have
// in the path of the API.
func jobKinds() (slugs []string) {
	for _, kind := range allKinds() {
		slugs = append(slugs, slugOf(kind))
	}
	return slugs
}

// slugOf writes a kind with hyphens: estate-batch-edit-big-landlord for
// estate_batch_edit_bigLandlord.
func slugOf(kind domain.Kind) string {
	var slug strings.Builder
	for _, c := range string(kind) {
		switch {
		case c == '_':
			slug.WriteByte('-')
		case 'A' <= c && c <= 'Z':
			slug.WriteByte('-')
			slug.WriteRune(c + 'a' - 'A')
		default:
			slug.WriteRune(c)
		}
	}
	return slug.String()
}

// parseKind takes a kind in either spelling.
func parseKind(name string) (slug string, err error) {
	slug = slugOf(domain.Kind(name))
	if kinds := jobKinds(); !slices.Contains(kinds, slug) {
		return "", usage(fmt.Errorf("KIND %q: want one of %s", name, strings.Join(kinds, ", ")))
	}
	return slug, nil
}

package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/batchport/batchport/cmd/batchport/internal/client"
)

func newJobsWatch(r *remote) *cobra.Command {
	return r.command("watch CODE", "Follow a job to its end",
		`Follow a job until it has ended, and say how: on a terminal with a bar, elsewhere
with a line every ten percent. With --json each change is a line, and the last line
is the end. Ctrl-C stops the watching and leaves the job alone.

The exit code is that of the job: 0 when no item failed, 6 when some did, and 1 when
none succeeded, the job as such failed, or it was stopped.`,
		"  batchport jobs watch 6b039604552468.82648411", exactly("CODE"),
		func(ctx context.Context, s *session, args []string) error {
			return s.watch(ctx, args[0])
		})
}

// watch follows a job to its end, prints that, and returns the error that it
// is.
func (s *session) watch(ctx context.Context, code string) error {
	job, err := s.follow(ctx, code)
	if err != nil {
		return err
	}
	if !s.remote.json {
		if err := s.showJob(job); err != nil {
			return err
		}
	}
	return s.ending(job)
}

// follow shows how a job goes on, until it has ended.
func (s *session) follow(ctx context.Context, code string) (*client.Job, error) {
	shown := newProgress(s.progress)
	var failed error
	watching, stop := context.WithCancel(ctx)
	defer stop()
	job, err := s.Follow(watching, code, func(job *client.Job) {
		switch {
		case s.remote.json:
			if failed = s.document(job.Text); failed != nil {
				stop()
			}
		case !s.remote.quiet:
			shown.show(job)
		}
	})
	shown.end()
	switch {
	case failed != nil:
		return nil, failed
	case ctx.Err() != nil:
		return nil, fmt.Errorf("interrupted; the job goes on. To come back: %s", s.invocation("jobs watch %s", code))
	case err != nil && job != nil:
		return nil, &advice{fmt.Errorf("%w\n  the job goes on", err), s.invocation("jobs watch %s", code)}
	}
	return job, err
}

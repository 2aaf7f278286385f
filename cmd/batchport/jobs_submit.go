package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/batchport/batchport/cmd/batchport/internal/client"
)

func newJobsSubmit(r *remote) *cobra.Command {
	request, sending := &jobRequest{}, &submission{}
	cmd := r.command("submit KIND (--ids … | --filter … --total N | --file FILE)", "Submit a job and print its code",
		`Submit a job of a KIND, and print its code, alone on standard output. KIND is one of

  `+strings.Join(jobKinds(), "\n  ")+`

or the same as the API has it, as estate_batch_open_rent.

Which objects it is about is said by --ids or --ids-file, or by --filter and
--total: how many you expect the filter to find. A job that finds another number
changes nothing. Or the whole request comes from a --file, as docs/api.md has it;
flags beside it replace members of it.

The request is sent with an idempotency key of its own, so that it counts once
however often the connection breaks.`,
		`  batchport jobs submit estate-batch-open-rent --ids 100001,100002 --watch
  batchport jobs submit estate-export --filter district=106,110 --filter listed=true --total 40
  batchport jobs submit estate-batch-edit-agent --object contract --ids 5001 --user-id 1002
  batchport jobs submit estate-import-monthly-statement --month 202611 --upload november.xlsx --validate-only --watch`,
		exactly("KIND"), func(ctx context.Context, s *session, args []string) error {
			slug, err := parseKind(args[0])
			if err != nil {
				return err
			}
			body, err := request.body(ctx, s, slug)
			if err != nil {
				return err
			}
			return s.submit(ctx, sending, func(ctx context.Context, idempotencyKey string) (*client.Job, error) {
				return s.Submit(ctx, slug, body, idempotencyKey)
			})
		})
	cmd.ValidArgsFunction = completeFirst(jobKinds())
	request.addFlags(cmd)
	sending.addFlags(cmd)
	return cmd
}

func newJobsRetry(r *remote) *cobra.Command {
	sending, file := &submission{}, ""
	cmd := r.command("retry CODE", "Do the failed items of a job again", `Submit a job over the failed items of another that has ended, and print its code.
Of an import, the failed rows are taken from a corrected workbook: save them with
"batchport jobs failures CODE --xlsx FILE", correct them, and give that --file.`,
		"  batchport jobs retry 6b039604552468.82648411 --file corrected.xlsx --watch", exactly("CODE"),
		func(ctx context.Context, s *session, args []string) error {
			upload := ""
			if file != "" {
				var err error
				if upload, err = s.Upload(ctx, file); err != nil {
					return err
				}
			}
			return s.submit(ctx, sending, func(ctx context.Context, idempotencyKey string) (*client.Job, error) {
				return s.Retry(ctx, args[0], upload, idempotencyKey)
			})
		})
	cmd.Flags().StringVar(&file, "file", "", "corrected workbook")
	sending.addFlags(cmd)
	return cmd
}

// submission is how a job is sent, whatever it does.
type submission struct {
	idempotencyKey string
	watch          bool
}

func (w *submission) addFlags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&w.idempotencyKey, "idempotency-key", "", "name of the request, which makes it one job however often it is sent (default: a new one)")
	cmd.Flags().BoolVar(&w.watch, "watch", false, `follow the job to its end, as "jobs watch" does`)
}

// submit sends a job, tells its code, and follows it if that is wanted.
func (s *session) submit(ctx context.Context, how *submission, send func(ctx context.Context, idempotencyKey string) (*client.Job, error)) error {
	key := how.idempotencyKey
	if key == "" {
		key = rand.Text()
	}
	job, err := send(ctx, key)
	if err != nil {
		return doubtful(ctx, err, key)
	}
	if s.remote.json {
		err = s.document(job.Text)
	} else {
		_, err = fmt.Fprintln(s.out.w, job.Code)
	}
	switch {
	case err != nil:
		return err
	case how.watch:
		return s.watch(ctx, job.Code)
	}
	s.next("jobs watch %s", job.Code)
	return nil
}

// doubtful says what to do where nobody knows whether the server has taken the
// job in.
func doubtful(ctx context.Context, err error, key string) error {
	if !client.MayHaveArrived(err) && ctx.Err() == nil {
		return err
	}
	if ctx.Err() != nil {
		err = errors.New("interrupted")
	}
	return fmt.Errorf("%w\n  the job may have been submitted; the same command with --idempotency-key %s finds it, or submits it once", err, key)
}

// completeFirst completes the first argument.
func completeFirst(words []string) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return words, cobra.ShellCompDirectiveNoFileComp
	}
}

// readInput reads a file, or standard input where it is called "-".
func (s *session) readInput(name string) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(s.stdin)
	}
	return os.ReadFile(name)
}

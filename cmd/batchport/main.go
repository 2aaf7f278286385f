// Command batchport runs bulk operations for back offices: one binary that
// needs nothing else. `batchport demo` shows what it does.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// The exit codes.
const (
	exitOK              = 0
	exitError           = 1
	exitUsage           = 2
	exitNotFound        = 3
	exitNotAllowed      = 4
	exitConflict        = 5
	exitPartiallyFailed = 6
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr))
}

// run is the program: it does what args and environ say until it is done or
// ctx ends, and returns the exit code.
func run(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	root := newRoot(environ)
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	addCompletion(root)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	code := exitError
	if failed := (*commandError)(nil); errors.As(err, &failed) {
		code = failed.code
	}
	_, _ = fmt.Fprintln(stderr, "batchport:", err) // there is nowhere else to say it
	if next := adviceOf(err); next != "" {
		_, _ = fmt.Fprintln(stderr, "next:", next)
	}
	return code
}

// commandError is an error with the exit code that it ends the program with.
type commandError struct {
	code int
	err  error
}

func (e *commandError) Error() string { return e.err.Error() }
func (e *commandError) Unwrap() error { return e.err }

func usage(err error) error { return &commandError{exitUsage, err} }

func newRoot(environ []string) *cobra.Command {
	root := &cobra.Command{
		Use:   "batchport",
		Short: "Bulk operations for back offices",
		Long: `batchport runs bulk operations for back offices: one job names thousands of
items, every item gets exactly one outcome, and a crash loses nothing and
repeats nothing.

Begin with "batchport demo". Every flag can also be set in the environment, as
BATCHPORT_ and its name in capitals: BATCHPORT_DATA is --data.

"jobs", "budget" and "events" call a server that runs, the others work on a
database themselves.

Exit codes: 0 done (also after SIGTERM), 1 it did not work, 2 wrong usage, 3 there
is no such job, file or key, 4 not allowed (no key, a wrong one, or no permission),
5 the state of the job does not allow it, 6 some items failed and some succeeded,
or some lines were not loaded. A job that failed as such, that was stopped, or none
of whose items succeeded is 1.`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          noCommand,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.AddCommand(newServe(), newDemo(), newKeys(), newLoad(), newQuota(), newMigrate(), newBench(), newVersion(),
		newJobs(environ), newBudget(environ), newEvents(environ))
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usage(fmt.Errorf("%w; see %q", err, cmd.CommandPath()+" --help"))
	})
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error {
		return usageIf(applyEnvironment(root, cmd, environ))
	}
	return root
}

func usageIf(err error) error {
	if err != nil {
		return usage(err)
	}
	return nil
}

// noCommand refuses what follows a command that is only a group of others.
func noCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return usage(fmt.Errorf("unknown command %q; see %q", args[0], cmd.CommandPath()+" --help"))
}

// exactly refuses any other number of arguments than those that are named.
func exactly(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < len(names):
			return usage(fmt.Errorf("%s is missing; see %q", names[len(args)], cmd.CommandPath()+" --help"))
		case len(args) > len(names):
			return usage(fmt.Errorf("unexpected argument %q; see %q", args[len(names)], cmd.CommandPath()+" --help"))
		}
		return nil
	}
}

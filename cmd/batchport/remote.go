package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/batchport/batchport/adapters/catalog"
	"github.com/batchport/batchport/cmd/batchport/internal/client"
	"github.com/batchport/batchport/domain"
)

const defaultServer = "http://127.0.0.1:8080"

// remote is the server that a command calls, and how it tells what came back.
type remote struct {
	environ environment

	server, locale string
	key            keyFlags
	json, quiet    bool
	patience       time.Duration
}

// addRemoteFlags gives a command, and those below it, the flags that say which
// server to call.
func addRemoteFlags(cmd *cobra.Command, environ environment) *remote {
	r := &remote{environ: environ, server: defaultServer}
	flags := cmd.PersistentFlags()
	flags.Var(&checkedFlag{value: &r.server, form: "url", check: checkPublicURL}, "server", "where batchport serves")
	r.key.add(flags)
	flags.Var(&checkedFlag{value: &r.locale, form: "locale", check: checkLocale}, "locale", "language of messages and files: zh_TW, zh_CN, en_US or ja_JP (default: that of LC_ALL, LC_MESSAGES or LANG, else en_US)")
	flags.BoolVar(&r.json, "json", false, "print JSON for programs: one document, or one a line")
	flags.BoolVar(&r.quiet, "quiet", false, "print neither progress nor what to do next")
	flags.DurationVar(&r.patience, "patience", 2*time.Minute, "how long to try again when the server goes away or is busy")
	_ = cmd.RegisterFlagCompletionFunc("locale", cobra.FixedCompletions([]string{"zh_TW", "zh_CN", "en_US", "ja_JP"}, cobra.ShellCompDirectiveNoFileComp)) // it fails for a flag that is not there
	return r
}

// remoteCommand returns a command that calls a server.
func (r *remote) command(use, short, long, example string, args cobra.PositionalArgs, run func(ctx context.Context, s *session, args []string) error) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, Long: long, Example: example, Args: args, ValidArgsFunction: cobra.NoFileCompletions}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		s, err := r.open(cmd)
		if err != nil {
			return err
		}
		return remoteError(run(cmd.Context(), s, args))
	}
	return cmd
}

// session is one command's call of a server.
type session struct {
	*client.Client
	remote   *remote
	stdin    io.Reader
	out      *paper // results
	progress *paper // progress, hints and faults
}

func (r *remote) open(cmd *cobra.Command) (*session, error) {
	key, err := r.key.read()
	if err != nil {
		return nil, err
	}
	s := &session{
		remote: r, stdin: cmd.InOrStdin(),
		out: newPaper(cmd.OutOrStdout(), r.environ), progress: newPaper(cmd.ErrOrStderr(), r.environ),
	}
	s.Client = client.New(client.Config{
		Server: r.server, Key: key, Locale: r.readLocale(), Patience: r.patience,
		Waiting: func(why error, pause time.Duration) {
			if !r.quiet {
				s.progress.line("%v; trying again in %s", why, max(pause.Round(time.Second), time.Second))
			}
		},
	})
	return s, nil
}

// readLocale returns the reader's language, as programs at a terminal are told
// it.
func (r *remote) readLocale() string {
	set := cmp.Or(r.locale, r.environ.value("LC_ALL"), r.environ.value("LC_MESSAGES"), r.environ.value("LANG"))
	set, _, _ = strings.Cut(set, ".") // the encoding
	set, _, _ = strings.Cut(set, "@")
	return cmp.Or(catalog.Locale(set, "", ""), "en_US")
}

// next tells people which command is useful now. It has what this one was
// told about the server, but never the key.
func (s *session) next(format string, args ...any) {
	if s.remote.json || s.remote.quiet {
		return
	}
	s.progress.line("next: %s", s.invocation(format, args...))
}

func (s *session) invocation(format string, args ...any) string {
	command := "batchport " + fmt.Sprintf(format, args...)
	if s.remote.server != cmp.Or(s.remote.environ.value("BATCHPORT_SERVER"), defaultServer) {
		command += " --server " + s.remote.server
	}
	if s.remote.key.file != s.remote.environ.value("BATCHPORT_KEY_FILE") {
		command += " --key-file " + quoted(s.remote.key.file)
	}
	return command
}

var plainWord = regexp.MustCompile(`^[A-Za-z0-9_./:@%+,=-]+$`)

// quoted writes a word as a shell reads it.
func quoted(word string) string {
	if plainWord.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// remoteError gives an error of a call its exit code.
func remoteError(err error) error {
	var refused *client.Problem
	var known *commandError
	if err == nil || errors.As(err, &known) || !errors.As(err, &refused) {
		return err
	}
	switch refused.Status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return &commandError{exitNotAllowed, err}
	case http.StatusNotFound:
		return &commandError{exitNotFound, err}
	case http.StatusConflict:
		return &commandError{exitConflict, err}
	}
	return err
}

// environment is NAME=VALUE, as [os.Environ] has it.
type environment []string

func (e environment) value(name string) (value string) {
	for _, entry := range e { // the last one counts, as for exec
		if v, found := strings.CutPrefix(entry, name+"="); found {
			value = v
		}
	}
	return value
}

// inWords says what is wrong with what somebody wrote, as the server would.
func inWords(err error) error {
	var classified *domain.Error
	if !errors.As(err, &classified) {
		return err
	}
	return errors.New(catalog.NewMessages().Text("en_US", domain.FailureOf(err)))
}

package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/batchport/batchport/adapters/catalog"
	"github.com/batchport/batchport/app/budgets"
	"github.com/batchport/batchport/cmd/batchport/internal/client"
	"github.com/batchport/batchport/domain"
)

func newBudget(environ environment) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "budget",
		Short: "Sync budget rules with a server",
		Args:  noCommand,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newBudgetSync(addRemoteFlags(cmd, environ)))
	return cmd
}

func newBudgetSync(r *remote) *cobra.Command {
	sync := &budgetSync{}
	cmd := r.command("sync FILE", "Insert or replace the budget rules of a file",
		`Insert or replace the budget rules of a FILE, as a job that is followed to its end.
The name of the file says what it is: .ndjson has a rule as JSON on each line, .csv a
rule on each line and the names of the fields on the first, .xlsx is a workbook as
docs/budget-rules.md has it; "-" is standard input with JSON lines.

A bad line stops no other: it is reported with its number in the file. Beyond
100,000 rules or 16 MiB the file becomes several jobs, one after the other. Rules
that are sent again are replaced by the same, so a file that broke off is sent again
whole.`,
		`  batchport budget sync rules.csv
  batchport budget sync rules.xlsx --validate-only`, exactly("FILE"),
		func(ctx context.Context, s *session, args []string) error { return sync.run(ctx, s, args[0]) })
	cmd.ValidArgsFunction = func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return []string{"ndjson", "csv", "xlsx"}, cobra.ShellCompDirectiveFilterFileExt
	}
	cmd.Flags().BoolVar(&sync.validateOnly, "validate-only", false, "say what would fail, and change nothing")
	cmd.Flags().StringVar(&sync.idempotencyKey, "idempotency-key", "", "name of the request, which makes it one job however often it is sent (default: a new one)")
	return cmd
}

// budgetSync is a file that is synced.
type budgetSync struct {
	validateOnly   bool
	idempotencyKey string

	report   syncReport
	toLookAt string // the last job of which something failed
}

// syncReport is what became of a file.
type syncReport struct {
	Jobs     []string    `json:"jobs"`
	Created  int         `json:"created"`
	Updated  int         `json:"updated"`
	Failed   int         `json:"failed"`
	Untried  int         `json:"untried"` // jobs were stopped, or failed as such
	Failures []lineFault `json:"failures"`
	Warnings []lineFault `json:"warnings"`
}

func (b *budgetSync) run(ctx context.Context, s *session, name string) (err error) {
	b.report = syncReport{Jobs: []string{}, Failures: []lineFault{}, Warnings: []lineFault{}}
	b.idempotencyKey = cmp.Or(b.idempotencyKey, rand.Text())
	switch ext := strings.ToLower(filepath.Ext(name)); {
	case ext == ".xlsx":
		err = b.syncWorkbook(ctx, s, name)
	case ext == ".csv":
		err = b.syncRows(ctx, s, name, readRuleTable)
	case ext == ".ndjson" || ext == ".jsonl" || name == "-":
		err = b.syncRows(ctx, s, name, readRuleLines)
	default:
		return usage(fmt.Errorf("FILE %q: want a name that ends in .ndjson, .csv or .xlsx", name))
	}
	if len(b.report.Jobs) == 0 && err != nil {
		return err
	}
	return cmp.Or(b.tell(s), err, b.ending(s))
}

func (b *budgetSync) syncWorkbook(ctx context.Context, s *session, name string) error {
	upload, err := s.Upload(ctx, name)
	if err != nil {
		return err
	}
	return b.job(ctx, s, map[string]any{"url": upload}, b.idempotencyKey, func(f client.Failure) int {
		row, _ := strconv.Atoi(f.Key) // 0 where a later server has something else
		return row
	})
}

func (b *budgetSync) syncRows(ctx context.Context, s *session, name string, read func([]byte) (*ruleRows, error)) error {
	text, err := s.readInput(name)
	if err != nil {
		return err
	}
	rows, err := read(text)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if len(rows.ignored) > 0 && !s.remote.quiet {
		s.progress.line("columns that are passed over: %s", strings.Join(rows.ignored, ", "))
	}
	b.report.Failed, b.report.Failures = len(rows.bad), append(b.report.Failures, rows.bad...)
	for n, run := range rows.chunks(mostRows, mostBytes) {
		first, key := run[0], b.idempotencyKey
		if n > 0 {
			key = fmt.Sprintf("%s-%d", key, n)
		}
		data := slices.Concat([]byte("["), bytes.Join(rows.texts[first:run[1]], []byte(",")), []byte("]"))
		err := b.job(ctx, s, map[string]any{"data": json.RawMessage(data)}, key, func(f client.Failure) int {
			return rows.lines[min(first+f.Index, len(rows.lines)-1)]
		})
		if err != nil {
			return &advice{fmt.Errorf("%w\n  what comes from line %d on was not synced, or not seen to the end", err, rows.lines[first]), adviceOf(err)}
		}
	}
	return nil
}

// job submits a job, follows it, and adds what became of it to the report.
// line says where an item is in the file.
func (b *budgetSync) job(ctx context.Context, s *session, members map[string]any, key string, line func(client.Failure) int) error {
	if b.validateOnly {
		members["validate_only"] = true
	}
	body, err := json.Marshal(members)
	if err != nil {
		return err
	}
	job, err := s.Submit(ctx, slugOf(budgets.Sync), body, key)
	if err != nil {
		return doubtful(ctx, err, b.idempotencyKey)
	}
	b.report.Jobs = append(b.report.Jobs, job.Code)
	silent := *s.remote // events are not what this command prints
	silent.json, silent.quiet = false, s.remote.quiet || s.remote.json
	followed := *s
	followed.remote = &silent
	if job, err = followed.follow(ctx, job.Code); err != nil {
		return err
	}
	o := job.Outcomes
	b.report.Created += o.Created
	b.report.Updated += o.Updated + o.Unchanged
	b.report.Failed += o.Failed
	b.report.Untried += o.Skipped + o.Cancelled
	if o.Failed > 0 {
		b.toLookAt = job.Code
		for f, err := range s.Failures(ctx, job.Code, "") {
			if err != nil {
				return err
			}
			b.report.Failures = append(b.report.Failures, faultsOf(f, line(f))...)
		}
	}
	for f, err := range s.Warnings(ctx, job.Code) {
		if err != nil {
			return err
		}
		b.report.Warnings = append(b.report.Warnings, faultsOf(f, line(f))...)
	}
	if job.Result == client.Cancelled || job.Result == client.Failed && o.Failed == 0 {
		return s.ending(job)
	}
	return nil
}

// faultsOf are all that is said about an item.
func faultsOf(f client.Failure, line int) (list []lineFault) {
	for _, one := range append([]client.Failure{f}, f.Also...) {
		list = append(list, lineFault{Line: line, Field: one.Field, Code: one.Code, Message: one.Message})
	}
	return list
}

// faultOfLine is why a line could not be sent.
func faultOfLine(line int, err error) lineFault {
	f := domain.FailureOf(err)
	return lineFault{Line: line, Field: f.Field, Code: string(f.Code), Message: catalog.NewMessages().Text("en_US", f)}
}

// tell prints the report: faults in the order of the file.
func (b *budgetSync) tell(s *session) error {
	for _, list := range [][]lineFault{b.report.Failures, b.report.Warnings} {
		slices.SortStableFunc(list, func(x, y lineFault) int { return x.Line - y.Line })
	}
	if s.remote.json {
		return writeLine(s.out.w, b.report)
	}
	tell := func(prefix string, list []lineFault) {
		for _, f := range list {
			field := ""
			if f.Field != "" {
				field = client.Harmless(f.Field) + ": "
			}
			s.progress.line("line %d: %s%s%s (%s)", f.Line, prefix, field, f.Message, f.Code)
		}
	}
	tell("warning: ", b.report.Warnings)
	tell("", b.report.Failures)
	would := ""
	if b.validateOnly {
		would = " (nothing was changed)"
	}
	_, err := fmt.Fprintf(s.out.w, "budget rules: %d created, %d updated, %d failed%s\n", b.report.Created, b.report.Updated, b.report.Failed, would)
	return err
}

func (b *budgetSync) ending(s *session) error {
	r := b.report
	if r.Failed == 0 {
		return nil
	}
	failed := &commandError{exitPartiallyFailed, fmt.Errorf("%s of %s rules failed; correct them and sync them again", thousands(r.Failed), thousands(r.Failed+r.Created+r.Updated+r.Untried))}
	if r.Created+r.Updated == 0 {
		failed.code = exitError
	}
	if b.toLookAt == "" || s.remote.json || s.remote.quiet {
		return failed
	}
	return &advice{failed, s.invocation("jobs failures %s --xlsx failed.xlsx", b.toLookAt)}
}

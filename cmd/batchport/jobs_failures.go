package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/batchport/batchport/app/budgets"
	"github.com/batchport/batchport/app/estates"
	"github.com/batchport/batchport/cmd/batchport/internal/client"
)

func newJobsFailures(r *remote) *cobra.Command {
	var class, workbook string
	var limit uint32
	summary := false
	cmd := r.command("failures CODE", "Show which items failed, and why",
		`Show how many items failed for which reason, and which these are: position in the
job from 0, what the item is, the field at fault and why. --xlsx saves them as a
workbook instead, of an import with the original rows, to be corrected and given to
"batchport jobs retry".

With --json every failed item is a line, and with --summary every reason.`,
		`  batchport jobs failures 6b039604552468.82648411 --code not_found
  batchport jobs failures 6b039604552468.82648411 --xlsx failed.xlsx`, exactly("CODE"),
		func(ctx context.Context, s *session, args []string) error {
			if workbook != "" {
				return s.saveFailures(ctx, args[0], workbook)
			}
			return s.listFailures(ctx, args[0], class, summary, int(limit))
		})
	cmd.Flags().StringVar(&class, "code", "", "only items that failed with this code, such as not_found")
	cmd.Flags().StringVar(&workbook, "xlsx", "", "file to save a workbook of the failed items as")
	cmd.Flags().BoolVar(&summary, "summary", false, "only how many items failed for which reason")
	addCountFlag(cmd, &limit, "limit", 20, "items", "how many items to list at most; --json lists all")
	return cmd
}

func (s *session) listFailures(ctx context.Context, code, class string, summary bool, limit int) error {
	if s.remote.json {
		return s.failuresAsJSON(ctx, code, class, summary)
	}
	groups, err := s.FailureGroups(ctx, code)
	if err != nil {
		return err
	}
	if class != "" {
		groups = slices.DeleteFunc(groups, func(g client.FailureGroup) bool { return g.Code != class })
	}
	switch {
	case len(groups) > 0:
	case class != "":
		s.progress.line("no item failed with the code %s", class)
		return nil
	default:
		s.progress.line("no item failed")
		return nil
	}
	table, left := tabwriter.NewWriter(s.out.w, 0, 0, 2, ' ', 0), 0
	_, _ = fmt.Fprintln(table, "ITEMS\tCODE\tFIRST") // Flush tells of errors
	for _, g := range groups {
		left += g.Items
		_, _ = fmt.Fprintf(table, "%s\t%s\t%d: %s\n", thousands(g.Items), g.Code, g.First.Index, g.First.Message)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if summary {
		s.next("jobs failures %s --code %s", code, groups[0].Code)
		return nil
	}
	_, _ = fmt.Fprintln(table, "\nINDEX\tKEY\tFIELD\tCODE\tMESSAGE")
	for f, err := range s.Failures(ctx, code, class) {
		if err != nil {
			return errors.Join(table.Flush(), err)
		}
		if limit == 0 {
			break
		}
		limit--
		left--
		for i, fault := range append([]client.Failure{f}, f.Also...) {
			index, key := "", ""
			if i == 0 {
				index, key = strconv.Itoa(f.Index), client.Harmless(f.Key)
			}
			_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", index, key, cmp.Or(client.Harmless(fault.Field), "-"), fault.Code, fault.Message)
		}
	}
	if left > 0 {
		_, _ = fmt.Fprintf(table, "and %s more: --limit shows more\n", thousands(left))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	s.next("jobs failures %s --xlsx failed.xlsx", code)
	return nil
}

func (s *session) failuresAsJSON(ctx context.Context, code, class string, summary bool) error {
	if !summary {
		for f, err := range s.Failures(ctx, code, class) {
			if err == nil {
				err = s.document(f.Text)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
	groups, err := s.FailureGroups(ctx, code)
	if err != nil {
		return err
	}
	for _, g := range groups {
		if class != "" && g.Code != class {
			continue
		}
		if err := s.document(g.Text); err != nil {
			return err
		}
	}
	return nil
}

// saveFailures saves the failed items as a workbook. Of some kinds it has the
// original rows, and can be done again once it is corrected.
func (s *session) saveFailures(ctx context.Context, code, target string) error {
	job, err := s.Job(ctx, code)
	if err == nil {
		err = s.save(ctx, client.Download{URL: "/v1/jobs/" + url.PathEscape(code) + "/failures.xlsx", Target: target})
	}
	switch {
	case err != nil:
		return err
	case job.Outcomes.Failed == 0: // there is nothing to be done again
	case job.Kind == string(estates.ImportStatement) || job.Kind == string(budgets.Sync):
		s.next("jobs retry %s --file %s", code, quoted(target))
	default:
		s.next("jobs retry %s", code)
	}
	return nil
}

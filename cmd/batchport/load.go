package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/batchport/batchport/adapters/catalog"
	"github.com/batchport/batchport/app/estates"
	"github.com/batchport/batchport/domain"
)

func newLoad() *cobra.Command {
	kinds := make([]string, len(estates.LoadKinds()))
	for i, k := range estates.LoadKinds() {
		kinds[i] = string(k)
	}
	cmd := &cobra.Command{
		Use:   "load --tenant T KIND FILE.ndjson",
		Short: "Add or replace objects from a file of one JSON object a line",
		Long: `Add or replace objects of a tenant by their ids, from a file of one JSON object a
line; "-" reads standard input. KIND is one of ` + strings.Join(kinds, ", ") + `,
best loaded in this order, since each names the ones before. A bad line is
reported with its number and stops no other; the exit code is then 6. A server
may run on the same database. The fields of each kind, with an example, are in
docs/operating.md, "Files to load".`,
		Example: "  batchport load --tenant acme estates estates.ndjson",
		Args:    exactly("KIND", "FILE.ndjson"),
	}
	at := addLocationFlags(cmd)
	tenant := cmd.Flags().String("tenant", "", "tenant that the objects belong to")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		owner, err := parseTenant(*tenant)
		if err != nil {
			return usage(err)
		}
		if !slices.Contains(kinds, args[0]) {
			return usage(fmt.Errorf("KIND %q: want one of %s", args[0], strings.Join(kinds, ", ")))
		}
		file, err := openInput(cmd, args[1])
		if err != nil {
			return err
		}
		defer func() { _ = file.Close() }() // only read from
		return load(cmd.Context(), at, owner, estates.LoadKind(args[0]), file, cmd.OutOrStdout(), cmd.ErrOrStderr())
	}
	return cmd
}

func openInput(cmd *cobra.Command, name string) (io.ReadCloser, error) {
	if name == "-" {
		return io.NopCloser(cmd.InOrStdin()), nil
	}
	return os.Open(name)
}

func load(ctx context.Context, at *location, tenant domain.TenantID, kind estates.LoadKind, file io.Reader, stdout, stderr io.Writer) (err error) {
	db, err := at.ensure(ctx, stderr)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	messages := catalog.NewMessages()
	counts, err := estates.NewLoader(db.store).Load(ctx, tenant, kind, file, func(f estates.LineFailure) error {
		field := ""
		if f.Failure.Field != "" {
			field = f.Failure.Field + ": "
		}
		_, err := fmt.Fprintf(stderr, "line %d: %s%s (%s)\n", f.Line, field, messages.Text("en_US", f.Failure), f.Failure.Code)
		return err
	})
	if err != nil {
		return fmt.Errorf("after %d %s created and %d updated: %w", counts.Created, kind, counts.Updated, err)
	}
	if _, err := fmt.Fprintf(stdout, "%s: %d created, %d updated, %d failed\n", kind, counts.Created, counts.Updated, counts.Failed); err != nil {
		return err
	}
	if counts.Failed > 0 {
		return &commandError{exitPartiallyFailed, notStored(counts.Failed)}
	}
	return nil
}

// notStored says what to do about lines that were not good.
func notStored(lines int) error {
	if lines == 1 {
		return errors.New("1 line was not stored; correct it and load it again")
	}
	return fmt.Errorf("%d lines were not stored; correct them and load them again", lines)
}

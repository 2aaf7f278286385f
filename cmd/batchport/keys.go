package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/batchport/batchport/app/access"
	"github.com/batchport/batchport/app/budgets"
	"github.com/batchport/batchport/app/estates"
	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

func newKeys() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "keys",
		Short: "Make, list and revoke API keys",
		Args:  noCommand,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newKeysCreate(), newKeysList(), newKeysRevoke())
	return cmd
}

func newKeysCreate() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "create --tenant T --user N (--permission P… | --all)",
		Short: "Make a key and print it; it cannot be shown again",
		Long: `Make a key for a user of a tenant and print it, alone on standard output. The
key is not stored and cannot be shown again.

A permission is the name of a kind of job that the key may submit, estate_read
or budget_rule_read, which are to read estates and their statements and budget
rules, or * for all:

  ` + strings.Join(append(knownPermissions(), "*"), "\n  ") + `

Any of the kinds on estates allows to read estates and statements too, and
budget_rule_sync, in either way, to read budget rules. Statuses, failures, files
and events of the tenant, and uploads, need no permission.`,
		Example: "  batchport keys create --tenant acme --user 7 --permission estate_export",
		Args:    exactly(),
	}
	at := addLocationFlags(cmd)
	tenant := cmd.Flags().String("tenant", "", "tenant that the key belongs to (1 to 64 of a-z, 0-9 and '-')")
	user := cmd.Flags().String("user", "", "user of the tenant that the key belongs to")
	permissions := cmd.Flags().StringSlice("permission", nil, "kind of job that the key may submit, estate_read or budget_rule_read; may be given more than once")
	all := cmd.Flags().Bool("all", false, "the key may do everything, as with --permission '*'")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		who, err := principalOf(*tenant, *user, *permissions, *all)
		if err != nil {
			return usage(err)
		}
		warnOfUnknown(cmd.ErrOrStderr(), who.Permissions)
		db, err := at.ensure(cmd.Context(), cmd.ErrOrStderr())
		if err != nil {
			return err
		}
		return withKeys(db, func(keys *access.Keys) error {
			key, err := keys.Create(cmd.Context(), who)
			if err == nil {
				_, err = fmt.Fprintln(cmd.OutOrStdout(), key)
			}
			return err
		})
	}
	return cmd
}

// principalOf reads the flags that say whose a key is. It reports all that is
// wrong with them.
func principalOf(tenant, user string, permissions []string, all bool) (who domain.Principal, err error) {
	var problems []error
	if who.Tenant, err = parseTenant(tenant); err != nil {
		problems = append(problems, err)
	}
	if user == "" {
		problems = append(problems, errors.New("--user is missing"))
	} else if who.User, err = domain.ParseUser(user); err != nil {
		problems = append(problems, fmt.Errorf("--user %q: want 1 to 64 ASCII characters without spaces", user))
	}
	for _, p := range permissions {
		permission, err := domain.ParsePermission(p)
		if err != nil {
			problems = append(problems, fmt.Errorf("--permission %q: want the name of a kind of job, estate_read or budget_rule_read", p))
		}
		who.Permissions = append(who.Permissions, permission)
	}
	switch {
	case all && len(permissions) > 0:
		problems = append(problems, errors.New("--all and --permission exclude each other"))
	case all:
		who.Permissions = []domain.Permission{domain.All}
	case len(permissions) == 0:
		problems = append(problems, errors.New("a key without permissions may submit nothing: give --permission or --all"))
	}
	return who, errors.Join(problems...)
}

// knownPermissions returns what this program asks for: the kinds of job that
// it works on, and reading.
func knownPermissions() []string {
	return append(names(estates.Kinds()), string(budgets.Sync), string(estates.Read), string(budgets.Read))
}

// warnOfUnknown tells of permissions that nothing asks for in this version.
// They are no error: another version, or another host of the same database,
// may have kinds of its own.
func warnOfUnknown(w io.Writer, permissions []domain.Permission) {
	for _, p := range permissions {
		if p != domain.All && !slices.Contains(knownPermissions(), string(p)) {
			// The key is made all the same if nobody can be told.
			_, _ = fmt.Fprintf(w, "batchport: warning: nothing in this version asks for the permission %q; it knows %s\n", p, strings.Join(knownPermissions(), ", "))
		}
	}
}

func newKeysList() *cobra.Command {
	cmd := &cobra.Command{Use: "list", Short: "List the keys, without their secrets", Args: exactly()}
	at := addLocationFlags(cmd)
	tenant := cmd.Flags().String("tenant", "", "only the keys of this tenant")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		var only domain.TenantID
		if cmd.Flags().Changed("tenant") {
			var err error
			if only, err = parseTenant(*tenant); err != nil {
				return usage(err)
			}
		}
		db, err := at.find(cmd.Context())
		if err != nil {
			return err
		}
		return withKeys(db, func(keys *access.Keys) error {
			list, err := keys.List(cmd.Context(), only)
			if err != nil {
				return err
			}
			return printKeys(cmd.OutOrStdout(), list)
		})
	}
	return cmd
}

func printKeys(w io.Writer, keys []ports.APIKey) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "ID\tTENANT\tUSER\tCREATED\tREVOKED\tPERMISSIONS") // Flush tells of errors
	for _, key := range keys {
		revoked := "-"
		if !key.RevokedAt.IsZero() {
			revoked = key.RevokedAt.Format(time.RFC3339)
		}
		permissions := make([]string, len(key.Permissions))
		for i, p := range key.Permissions {
			permissions[i] = string(p)
		}
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n",
			key.ID, key.Tenant, key.User, key.CreatedAt.Format(time.RFC3339), revoked, strings.Join(permissions, ","))
	}
	return table.Flush()
}

func newKeysRevoke() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "revoke KEY",
		Short: "Make a key worthless at once",
		Long: `Make a key worthless. KEY is the key itself, or its ID as "keys list" shows it.
Over HTTP it is refused at once, also by a server that runs; connections of NATS
subscribers that were made with it are closed within ten seconds.`,
		Args: exactly("KEY"),
	}
	at := addLocationFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		db, err := at.find(cmd.Context())
		if err != nil {
			return err
		}
		return withKeys(db, func(keys *access.Keys) error {
			err := keys.Revoke(cmd.Context(), args[0])
			if errors.Is(err, domain.CodeNotFound) {
				return &commandError{exitNotFound, errors.New(`there is no such key; "batchport keys list" shows all`)}
			}
			return err
		})
	}
	return cmd
}

// withKeys runs do over the keys of a database, which it closes.
func withKeys(db *database, do func(*access.Keys) error) error {
	return errors.Join(do(access.NewKeys(db.store, time.Now)), db.Close())
}

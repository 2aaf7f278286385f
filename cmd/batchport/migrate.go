package main

import (
	"fmt"
	"runtime/debug"

	"github.com/spf13/cobra"
)

func newMigrate() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "migrate",
		Short: "Bring the database to this version, as every other command that has --data does by itself",
		Args:  exactly(),
	}
	at := addLocationFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		db, err := at.ensure(cmd.Context(), cmd.ErrOrStderr())
		if err != nil {
			return err
		}
		return db.Close()
	}
	return cmd
}

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintln(cmd.OutOrStdout(), "batchport", version())
			return err
		},
	}
}

// version is the module's version, as the Go toolchain recorded it.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}

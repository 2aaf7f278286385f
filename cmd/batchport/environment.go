package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const environmentPrefix = "BATCHPORT_"

// applyEnvironment sets the flags of cmd that the command line did not from
// BATCHPORT_ variables. A variable that belongs to no flag of any command is
// refused: it is a misspelling, or a setting that somebody relies on and that
// is not there.
func applyEnvironment(root, cmd *cobra.Command, environ []string) error {
	known := map[string]bool{}
	eachFlag(root, func(f *pflag.Flag) { known[variable(f)] = true })
	values := map[string]string{}
	var unknown []string
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, environmentPrefix) {
			continue
		}
		values[name] = value
		if !known[name] {
			unknown = append(unknown, name)
		}
	}
	if len(unknown) > 0 {
		slices.Sort(unknown)
		return fmt.Errorf("no setting is called %s%s", strings.Join(unknown, ", "), hintOn(unknown))
	}
	var err error
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		value, given := values[variable(f)]
		if !given || f.Changed || err != nil {
			return
		}
		if failed := cmd.Flags().Set(f.Name, value); failed != nil {
			var invalid *pflag.InvalidValueError // names the flag, which nobody gave
			if errors.As(failed, &invalid) {
				failed = invalid.Unwrap()
			}
			err = fmt.Errorf("invalid value %q in %s: %w", value, variable(f), failed)
		}
	})
	return err
}

// hintOn says what to do about unknown variables. Kubernetes gives a pod some
// for each service of its namespace, which of a service "batchport" look like
// settings.
func hintOn(unknown []string) string {
	isServiceLink := func(name string) bool {
		return name == "BATCHPORT_PORT" || strings.HasPrefix(name, "BATCHPORT_PORT_") || strings.HasPrefix(name, "BATCHPORT_SERVICE_")
	}
	if slices.ContainsFunc(unknown, isServiceLink) {
		return `; these look like service links of Kubernetes: set enableServiceLinks: false`
	}
	return `; see "batchport --help"`
}

// variable is the name of a flag in the environment.
func variable(f *pflag.Flag) string {
	return environmentPrefix + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
}

func eachFlag(cmd *cobra.Command, visit func(*pflag.Flag)) {
	cmd.LocalFlags().VisitAll(visit)
	for _, child := range cmd.Commands() {
		eachFlag(child, visit)
	}
}

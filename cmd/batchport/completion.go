package main

import "github.com/spf13/cobra"

// addCompletion adds the command that prints a script for a shell, with our way
// to refuse what there is not. Where root prints to must be set.
func addCompletion(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	for _, cmd := range root.Commands() {
		if cmd.Name() != "completion" {
			continue
		}
		cmd.Short = "Print a script that completes commands in bash, zsh, fish or powershell"
		cmd.Args = noCommand
		cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
		for _, shell := range cmd.Commands() {
			shell.Args = exactly()
		}
	}
}

package main

import (
	"os"
	"regexp"
	"slices"
	"testing"
)

// What is deployed sets nothing that the binary does not know.
func TestDeployedSettingsAreKnown(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"../../docs/deploy/Dockerfile", "../../docs/deploy/compose.yaml"} {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		names := regexp.MustCompile(`BATCHPORT_[A-Z_]+`).FindAllString(string(content), -1)
		slices.Sort(names)
		cmd := command(t, "version")
		for _, name := range slices.Compact(names) {
			cmd.Env = append(cmd.Env, name+"=x")
		}
		if out, err := cmd.CombinedOutput(); err != nil || len(names) == 0 {
			t.Errorf("%s sets %v: %v\n%s", file, names, err, out)
		}
	}
}

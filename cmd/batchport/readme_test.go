package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/batchport/batchport/app/estates"
)

// TestReadmeShowsWhatIsTested compares the Go code in the README with the tests
// that run it.
func TestReadmeShowsWhatIsTested(t *testing.T) {
	t.Parallel()
	var tested strings.Builder
	for _, file := range []string{
		"../../app/engine/example_test.go", "serve_test.go", "../../adapters/natsbus/embedded/example_test.go",
	} {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		tested.Write(content)
	}
	code := unindented(tested.String())
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(string(readme), -1)
	if len(blocks) < 3 {
		t.Fatalf("the README has %d blocks of Go, want at least 3", len(blocks))
	}
	for _, block := range blocks {
		for _, line := range strings.Split(strings.TrimSpace(block[1]), "\n") {
			if line = strings.TrimSpace(line); line != "" && !strings.Contains(code, line) {
				t.Errorf("the README shows the line %q, which no test runs", line)
			}
		}
	}
}

// TestOperatingShowsLinesThatLoad loads the lines that the page has for each
// kind, in the order in which it has them.
func TestOperatingShowsLinesThatLoad(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/operating.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "## Files to load")
	_, block, _ := strings.Cut(section, "```json\n")
	block, _, _ = strings.Cut(block, "\n```")
	lines, kinds := strings.Split(block, "\n"), estates.LoadKinds()
	if len(lines) != len(kinds) {
		t.Fatalf("the page shows %d lines, want one for each of %v", len(lines), kinds)
	}
	data, file := t.TempDir(), filepath.Join(t.TempDir(), "line.ndjson")
	for i, kind := range kinds {
		if err := os.WriteFile(file, []byte(lines[i]), 0o600); err != nil {
			t.Fatal(err)
		}
		call(t, exitOK, "load", "--data", data, "--tenant", "acme", string(kind), file)
	}
}

// TestLinksLeadSomewhere follows the links between the pages.
func TestLinksLeadSomewhere(t *testing.T) {
	t.Parallel()
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	more, err := filepath.Glob("../../docs/*/*.md")
	if err != nil {
		t.Fatal(err)
	}
	link := regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`)
	for _, page := range append(append(pages, more...), "../../README.md") {
		content, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(content), -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), m[1])); err != nil {
				t.Errorf("%s links to %s: %v", page, m[1], err)
			}
		}
	}
}

// unindented is the text with each line's indentation taken off, since a
// README shows code of different depths.
func unindented(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return strings.Join(lines, "\n")
}

package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/batchport/batchport/app/estates"
)

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

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// change is one in the source, for a build of which the tree knows nothing:
// what stands at exactly one place in the file becomes something else.
type change struct {
	file     string // from the root of the module; one that is not there is made
	from, to string
}

// overlay returns the file by which the go command builds with the changes:
// https://pkg.go.dev/cmd/go, flag -overlay.
func overlay(t testing.TB, changes ...change) string {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	replaced := map[string]string{}
	contents := map[string]string{}
	for _, c := range changes {
		path := filepath.Join(root, filepath.FromSlash(c.file))
		content, read := contents[path]
		if !read && c.from != "" {
			bytes, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			content = string(bytes)
		}
		if c.from == "" {
			content = c.to
		} else {
			if n := strings.Count(content, c.from); n != 1 {
				t.Fatalf("%s has %d places that say %q, want one", c.file, n, c.from)
			}
			content = strings.Replace(content, c.from, c.to, 1)
		}
		contents[path] = content
	}
	for path, content := range contents {
		copied := filepath.Join(dir, fmt.Sprint(len(replaced))+filepath.Ext(path))
		if err := os.WriteFile(copied, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		replaced[path] = copied
	}
	text, err := json.Marshal(map[string]any{"Replace": replaced})
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(name, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// buildWith builds the binary with the changes.
func buildWith(t testing.TB, changes ...change) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "batchport")
	if out, err := exec.Command("go", "build", "-overlay", overlay(t, changes...), "-o", path, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return path
}

package main

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	module     = "github.com/batchport/batchport"
	standard   = "the standard library"
	thirdParty = "third parties"
)

// TestImports keeps the layers apart: each imports only those listed, and
// only adapters and cmd import third parties.
func TestImports(t *testing.T) {
	t.Parallel()
	allowed := map[string][]string{
		"domain":   {"domain"},
		"ports":    {"domain", "ports"},
		"app":      {"domain", "ports", "app"},
		"adapters": {"domain", "ports", "app", "adapters", thirdParty},
		"cmd":      {"domain", "ports", "app", "adapters", "cmd", thirdParty},
	}
	for pkg, imports := range packages(t) {
		for _, imp := range imports {
			if to := layerOf(imp); to != standard && !slices.Contains(allowed[layerOf(pkg)], to) {
				t.Errorf("%s must not import %s", pkg, imp)
			}
			if a, b := adapterOf(pkg), adapterOf(imp); a != "" && b != "" && a != b {
				t.Errorf("%s must not import %s: no adapter imports another", pkg, imp)
			}
			if a := adapterOf(pkg); a != "" && a != "httpapi" && layerOf(imp) == "app" {
				t.Errorf("%s must not import %s: only an adapter that drives imports app", pkg, imp)
			}
			if strings.HasPrefix(pkg, module+"/app/engine") && strings.HasPrefix(imp, module+"/domain/") {
				t.Errorf("%s must not import %s: the engine knows no kind of job", pkg, imp)
			}
		}
	}
}

// TestLinkedByAHost builds what a host imports that brings its own database
// driver and no NATS, and reads what it links.
func TestLinkedByAHost(t *testing.T) {
	t.Parallel()
	deps := goList(t, "-deps", "-f", "{{.ImportPath}}", module+"/app/engine", module+"/adapters/bunstore")
	for _, heavy := range []string{
		"github.com/nats-io", "github.com/danielgtaylor/huma", "modernc.org/sqlite", "github.com/jackc/pgx",
		"github.com/tealeg/xlsx", "github.com/prometheus", "go.opentelemetry.io", "net/http/httptest", "testing",
	} {
		for _, dep := range deps {
			if dep == heavy || strings.HasPrefix(dep, heavy+"/") {
				t.Errorf("a host of app/engine and adapters/bunstore links %s", dep)
			}
		}
	}
	if !slices.Contains(deps, "github.com/uptrace/bun") {
		t.Errorf("the list of what a host links has %d packages without bun, want the real list", len(deps))
	}
}

// TestTopLevel keeps the tree's first sight to what it is made of.
func TestTopLevel(t *testing.T) {
	t.Parallel()
	want := []string{
		"CHANGELOG.md", "LICENSE", "README.md", "Taskfile.yml", "adapters", "app", "cmd", "docs", "domain", "go.mod", "go.sum", "ports",
	}
	out, err := exec.CommandContext(t.Context(), "git", "-C", filepath.Join("..", ".."), "ls-files").Output()
	if err != nil {
		t.Skipf("not a git checkout: %v", err)
	}
	var got []string
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		first, _, _ := strings.Cut(lines.Text(), "/")
		if !strings.HasPrefix(first, ".") {
			got = append(got, first)
		}
	}
	if got = slices.Compact(got); !slices.Equal(got, want) {
		t.Errorf("the top level is %q, want %q", got, want)
	}
}

// packages returns what each package of the module imports, tests aside.
func packages(t *testing.T) map[string][]string {
	t.Helper()
	list := map[string][]string{}
	for _, line := range goList(t, "-f", `{{.ImportPath}} {{join .Imports " "}}`, module+"/...") {
		pkg, imports, _ := strings.Cut(line, " ")
		list[pkg] = strings.Fields(imports)
	}
	if len(list) < 10 {
		t.Fatalf("go list found %d packages, want all of the module", len(list))
	}
	return list
}

func goList(t *testing.T, args ...string) []string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"list"}, args...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list %v: %v", args, err)
	}
	return strings.Split(strings.TrimSpace(string(out)), "\n")
}

func layerOf(path string) string {
	inside, found := strings.CutPrefix(path, module+"/")
	if !found {
		if first, _, _ := strings.Cut(path, "/"); strings.Contains(first, ".") {
			return thirdParty
		}
		return standard
	}
	first, _, _ := strings.Cut(inside, "/")
	return first
}

// adapterOf returns the adapter that a package belongs to, or "".
func adapterOf(path string) string {
	inside, found := strings.CutPrefix(path, module+"/adapters/")
	if !found {
		return ""
	}
	first, _, _ := strings.Cut(inside, "/")
	return first
}

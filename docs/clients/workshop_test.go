package clients

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// workshop is a temporary copy of a client's folder, with the descriptions
// where they are in the repository.
type workshop struct {
	t      *testing.T
	folder string
	env    []string
}

// open copies the folder of a client. What is generated goes into the copy.
func open(t *testing.T, client string) *workshop {
	t.Helper()
	root := t.TempDir()
	for from, to := range map[string]string{client: "clients/" + client, "../openapi": "openapi"} {
		copyTree(t, from, filepath.Join(root, filepath.FromSlash(to)))
	}
	return &workshop{t: t, folder: filepath.Join(root, "clients", client), env: os.Environ()}
}

// copyTree copies the files of a folder, but for what a reader may have
// generated or installed in it.
func copyTree(t *testing.T, from, to string) {
	t.Helper()
	made := map[string]bool{"node_modules": true, "dist": true, "target": true, "generated": true, ".venv": true, ".mypy_cache": true, "client.gen.go": true}
	err := filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if made[entry.Name()] {
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		inside, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return os.MkdirAll(filepath.Join(to, inside), 0o700)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, inside), text, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// run runs a command in the folder, and returns what it printed.
func (w *workshop) run(command string, args ...string) string {
	w.t.Helper()
	cmd := exec.Command(command, args...)
	cmd.Dir, cmd.Env = w.folder, w.env
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			w.t.Fatalf("%s %s: %v\n%s%s", command, strings.Join(args, " "), err, out, exit.Stderr)
		}
		w.t.Fatalf("%s: %v", command, err)
	}
	return string(out)
}

// needs skips the test unless all commands are installed. Under
// BATCHPORT_TEST_REQUIRE=1 a missing one fails it.
func needs(t *testing.T, commands ...string) {
	t.Helper()
	for _, command := range commands {
		if _, err := exec.LookPath(command); err == nil {
			continue
		}
		if os.Getenv("BATCHPORT_TEST_REQUIRE") != "" {
			t.Fatalf("%s is not installed", command)
		}
		t.Skipf("%s is not installed", command)
	}
}

// installed returns the folder in the user's cache in which install has put
// what the lists name, the first time that they read so.
func (w *workshop) installed(install func(folder string), lists ...string) string {
	w.t.Helper()
	sum := sha256.New()
	for _, list := range lists {
		text, err := os.ReadFile(filepath.Join(w.folder, list))
		if err != nil {
			w.t.Fatal(err)
		}
		_, _ = sum.Write(text) // a hash takes everything
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		w.t.Fatal(err)
	}
	folder := filepath.Join(cache, "batchport-clients", fmt.Sprintf("%s-%x", filepath.Base(w.folder), sum.Sum(nil)[:8]))
	done := filepath.Join(folder, "installed")
	if _, err := os.Stat(done); err == nil {
		return folder
	}
	if err := errors.Join(os.RemoveAll(folder), os.MkdirAll(folder, 0o700)); err != nil { // what an install that was broken off left
		w.t.Fatal(err)
	}
	install(folder)
	if err := os.WriteFile(done, nil, 0o600); err != nil {
		w.t.Fatal(err)
	}
	return folder
}

// npm installs what package-lock.json names, and links it into the folder.
func (w *workshop) npm() {
	w.t.Helper()
	lists := []string{"package.json", "package-lock.json"}
	modules := filepath.Join(w.installed(func(folder string) {
		for _, list := range lists {
			text, err := os.ReadFile(filepath.Join(w.folder, list))
			if err != nil {
				w.t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(folder, list), text, 0o600); err != nil {
				w.t.Fatal(err)
			}
		}
		w.run("npm", "ci", "--prefix", folder, "--ignore-scripts", "--no-audit", "--no-fund")
	}, lists...), "node_modules")
	if err := os.Symlink(modules, filepath.Join(w.folder, "node_modules")); err != nil {
		w.t.Fatal(err)
	}
}

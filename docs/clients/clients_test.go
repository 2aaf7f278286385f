package clients

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// printed is what every client prints, whatever its language.
const printed = "partially_failed: 1 of 3 items failed\n" +
	"item 2, estate 7: not_found: “7” does not exist.\n" +
	"again, failed: 1 of 1 items failed\n" +
	"listed: estate_batch_open_rent, failed\n" +
	"listed: estate_batch_open_rent, partially_failed\n" +
	"exported: 2 estates\n" +
	"refused: 404 not_found: What was asked for does not exist.\n"

// served lets the client know a server of its own.
func (w *workshop) served() {
	w.t.Helper()
	url, key := serve(w.t)
	w.env = append(w.env, "BATCHPORT_SERVER="+url, "BATCHPORT_KEY="+key)
}

// did compares what the client printed, and looks at the file that it fetched.
func (w *workshop) did(got string) {
	w.t.Helper()
	if got != printed {
		w.t.Errorf("the client printed\n%swant\n%s", got, printed)
	}
	sheet, err := os.ReadFile(filepath.Join(w.folder, "estates.xlsx"))
	if err != nil || !bytes.HasPrefix(sheet, []byte("PK")) {
		w.t.Errorf("the client fetched %.20q, %v; want a workbook", sheet, err)
	}
}

func TestGo(t *testing.T) {
	t.Parallel()
	w := open(t, "go")
	w.env = append(w.env, "GOWORK=off")
	w.run("go", "generate", "./...")
	w.run("go", "vet", "./...")
	w.served()
	w.did(w.run("go", "run", "."))
}

func TestTypeScript(t *testing.T) {
	t.Parallel()
	needs(t, "node", "npm")
	w := open(t, "typescript")
	w.npm()
	w.run("npm", "run", "--silent", "generate")
	w.run("npm", "run", "--silent", "build")
	w.served()
	w.did(w.run("npm", "run", "--silent", "start"))
}

func TestPython(t *testing.T) {
	t.Parallel()
	needs(t, "python3", "java")
	w := open(t, "python")
	bin := filepath.Join(w.installed(func(folder string) {
		w.run("python3", "-m", "venv", folder)
		w.run(filepath.Join(folder, "bin", "pip"), "install", "--quiet", "-r", "requirements.txt")
	}, "requirements.txt"), "bin")
	w.run(filepath.Join(bin, "openapi-generator-cli"), "batch", "--fail-fast", "generator.yaml")
	w.env = append(w.env, "MYPYPATH=generated", "PYTHONPATH=generated")
	w.run(filepath.Join(bin, "mypy"), "--strict", "--follow-imports=silent", "main.py")
	w.served()
	w.did(w.run(filepath.Join(bin, "python"), "main.py"))
}

func TestJava(t *testing.T) {
	t.Parallel()
	needs(t, "java", "mvn")
	w := open(t, "java")
	w.served()
	w.run("mvn", "--quiet", "--batch-mode", "--no-transfer-progress", "package")
	w.did(w.run("java", "-jar", "target/batchport-client-1.jar"))
}

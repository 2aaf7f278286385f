package xlsxfile_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/batchport/batchport/adapters/xlsxfile"
)

// The environment of a child process: what it does and with which file.
const childTask, childFile = "BATCHPORT_XLSX_TASK", "BATCHPORT_XLSX_FILE"

// outcome is what a child process tells.
type outcome struct {
	Refusal string // "" when everything was read
	Rows    int
	Peak    int64 // bytes resident at most, of the whole process; 0 where the system does not tell
	cpu     time.Duration
}

// inChild does a task in a process of its own, so that its memory and its time
// are its own too.
func inChild(t testing.TB, task, file string) outcome {
	t.Helper()
	command := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestInChild$")
	command.Env = append(os.Environ(), childTask+"="+task, childFile+"="+file)
	var out, errs bytes.Buffer
	command.Stdout, command.Stderr = &out, &errs
	if err := command.Run(); err != nil {
		t.Fatalf("%s with %s = %v\n%s\n%s", task, filepath.Base(file), err, out.Bytes(), errs.Bytes())
	}
	var told outcome
	line, _, _ := strings.Cut(out.String(), "\n")
	if err := json.Unmarshal([]byte(line), &told); err != nil {
		t.Fatalf("%s told %q: %v", task, line, err)
	}
	told.cpu = command.ProcessState.UserTime() + command.ProcessState.SystemTime()
	return told
}

// TestInChild is the child of inChild, and nothing otherwise.
func TestInChild(t *testing.T) {
	task, file := os.Getenv(childTask), os.Getenv(childFile)
	if task == "" {
		t.Skip("this is no child process of another test")
	}
	var told outcome
	switch task {
	case "read":
		told = readFile(t, file)
	case "write":
		told.Rows = must(strconv.Atoi(filepath.Base(file)))(t)
		writeBook(t, devNull{}, told.Rows)
	}
	told.Peak = peakResident()
	line, err := json.Marshal(told)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stdout.Write(append(line, '\n')); err != nil {
		t.Fatal(err)
	}
}

func readFile(t *testing.T, name string) (told outcome) {
	debug.SetMaxStack(1 << 20) // depth in a file must not become depth here
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		t.Fatal(err)
	}
	book, err := (xlsxfile.WorkbookSource{}).OpenWorkbook(t.Context(), file, info.Size())
	if err == nil {
		for _, e := range book.EachRow(t.Context()) {
			if err = e; err == nil {
				told.Rows++
			}
		}
	}
	if err != nil {
		told.Refusal = refusal(err)
	}
	return told
}

type devNull struct{}

func (devNull) Write(p []byte) (int, error) { return len(p), nil }

// peakResident returns the most memory that this process has had, or 0.
func peakResident() int64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, line, _ := strings.Cut(string(status), "VmHWM:")
	line, _, _ = strings.Cut(line, "\n")
	kilobytes, _ := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(line), "kB")), 10, 64)
	return kilobytes << 10
}

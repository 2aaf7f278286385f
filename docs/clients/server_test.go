package clients

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// program is the binary of the repository, built once.
var program = sync.OnceValues(func() (string, error) {
	built := filepath.Join(workplace, "batchport")
	build := exec.Command("go", "build", "-o", built, "./cmd/batchport")
	build.Dir = filepath.Join("..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return built, nil
})

// workplace is a temporary folder that all tests share.
var workplace string

func TestMain(m *testing.M) {
	var err error
	if workplace, err = os.MkdirTemp("", "batchport-clients-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(workplace) // it is temporary
	os.Exit(code)
}

// serve starts a server with made-up data in a folder of its own, and returns
// its URL and a key of the tenant "demo".
func serve(t *testing.T) (url, key string) {
	t.Helper()
	built, err := program()
	if err != nil {
		t.Fatal(err)
	}
	server := exec.Command(built, "serve", "--demo", "--listen=127.0.0.1:0", "--data="+t.TempDir(), "--log-level=info")
	server.Env = slices.DeleteFunc(os.Environ(), func(setting string) bool {
		return strings.HasPrefix(setting, "BATCHPORT_") // the tests' own; it refuses what it does not know
	})
	keys, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	logs, err := server.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Signal(syscall.SIGTERM) // it may be gone
		_ = server.Wait()
	})
	ready, said := make(chan string, 1), make(chan string, 1)
	go func() {
		address := regexp.MustCompile(`msg=ready url=(\S+)`)
		var all strings.Builder
		for lines := bufio.NewScanner(logs); lines.Scan(); {
			if found := address.FindStringSubmatch(lines.Text()); found != nil {
				ready <- found[1]
			}
			all.WriteString(lines.Text() + "\n")
		}
		said <- all.String() // when it has ended
	}()
	printed := bufio.NewScanner(keys)
	if !printed.Scan() {
		t.Fatalf("serve --demo printed no key, and said\n%s", <-said)
	}
	select {
	case url = <-ready:
	case log := <-said:
		t.Fatalf("the server ended, and said\n%s", log)
	case <-time.After(time.Minute):
		t.Fatal("the server is not ready after a minute")
	}
	return url, printed.Text()
}

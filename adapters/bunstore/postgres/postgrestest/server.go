package postgrestest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"
)

// findServer returns the URL of a database on a server that runs.
func findServer() (string, error) {
	if url := os.Getenv("BATCHPORT_TEST_POSTGRES"); url != "" {
		return url, nil
	}
	programs, err := findPrograms()
	if err != nil {
		return "", err
	}
	return start(programs)
}

// findPrograms returns the folder of initdb and postgres. Distributions keep
// the server's programs out of the PATH, a folder for each version: the newest
// that is there.
func findPrograms() (string, error) {
	folders, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil {
		return "", err
	}
	slices.SortFunc(folders, func(a, b string) int { // 9 before 15
		if len(a) != len(b) {
			return len(b) - len(a)
		}
		return -slices.Compare([]byte(a), []byte(b))
	})
	if found, err := exec.LookPath("initdb"); err == nil {
		if found, err = filepath.EvalSymlinks(found); err == nil {
			folders = append([]string{filepath.Dir(found)}, folders...)
		}
	}
	for _, folder := range folders {
		if executable(filepath.Join(folder, "initdb")) && executable(filepath.Join(folder, "postgres")) {
			return folder, nil
		}
	}
	return "", errors.New("BATCHPORT_TEST_POSTGRES is not set, and neither the PATH nor /usr/lib/postgresql has initdb and postgres")
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

// keeper is the shell that makes the cluster $2 with the programs in $1 and
// keeps the server until its input ends, which it does with the process that
// tests, however that ends. Then it stops the server and removes everything.
// The cluster is thrown away, so nothing needs to reach the disk, unless somebody
// measures how long that takes: $3 says whether. Deadlocks are looked for soon,
// since tests make some.
const keeper = `
trap '' INT TERM HUP
if "$1/initdb" -D "$2/data" -U postgres -A trust -E UTF8 --locale=C --no-sync >"$2/log" 2>&1; then
	"$1/postgres" -D "$2/data" -k "$2" -c listen_addresses= -c fsync="$3" -c full_page_writes="$3" \
		-c max_connections=400 -c max_locks_per_transaction=256 -c shared_buffers=64MB -c deadlock_timeout=200ms \
		>>"$2/log" 2>&1 </dev/null &
	server=$!
	read -r _
	kill -QUIT $server
	wait $server
fi
rm -rf "$2"
`

// start starts a server that listens on a socket in a temporary folder alone,
// and returns the URL of a database there.
func start(programs string) (string, error) {
	folder, err := os.MkdirTemp("", "batchport-postgres-")
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	shell := exec.CommandContext(context.Background(), "/bin/sh", "-c", keeper, "sh", programs, folder, durability())
	shell.Dir = folder
	// PostgreSQL refuses to run as root.
	if err := unprivileged(shell, folder); err != nil {
		return "", errors.Join(err, os.RemoveAll(folder))
	}
	// Never closed: that is the keeper's sign.
	if _, err := shell.StdinPipe(); err != nil {
		return "", errors.Join(err, os.RemoveAll(folder))
	}
	if err := shell.Start(); err != nil {
		return "", errors.Join(err, os.RemoveAll(folder))
	}
	go func() { _ = shell.Wait() }()
	base := func(database string) string {
		return (&url.URL{
			Scheme: "postgres", User: url.User("postgres"), Path: "/" + database,
			RawQuery: url.Values{"host": {folder}}.Encode(),
		}).String()
	}
	if err := answer(ctx, base("postgres")); err != nil {
		log, _ := os.ReadFile(filepath.Join(folder, "log"))
		return "", fmt.Errorf("the server of %s does not answer: %w\n%s", programs, err, log)
	}
	return base("batchport"), create(ctx, base("postgres"))
}

// durability is "on" when what is committed shall reach the disk.
func durability() string {
	if os.Getenv("BATCHPORT_TEST_FSYNC") == "1" {
		return "on"
	}
	return "off"
}

// answer waits until the server answers.
func answer(ctx context.Context, url string) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := run(ctx, url, "SELECT 1")
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-tick.C:
		}
	}
}

// create makes the database in which tests have their schemas. Its locale
// orders and compares texts as people do, where the server has one that does:
// so tests find what is left to the locale and must not be.
func create(ctx context.Context, url string) error {
	err := run(ctx, url, `CREATE DATABASE batchport ENCODING 'UTF8' TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US'`)
	if err == nil {
		return nil
	}
	return run(ctx, url, `CREATE DATABASE batchport ENCODING 'UTF8' TEMPLATE template0`)
}

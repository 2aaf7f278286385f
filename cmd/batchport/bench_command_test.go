package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/batchport/batchport/adapters/bunstore/postgres"
	"github.com/batchport/batchport/adapters/bunstore/postgres/postgrestest"
)

// tinySize is a measurement that says nothing of the machine.
var tinySize = benchSize{rounds: 2, items: 3000, smallJobs: 2 * smallClients, single: 4, rules: 1000}

// tinyBench is a call of the command that does little.
func tinyBench(data, server string, out io.Writer) *bench {
	return &bench{at: location{data: data, database: server}, size: tinySize, json: true, out: out, screen: newScreen(io.Discard)}
}

func TestBench(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	if err := os.WriteFile(filepath.Join(data, databaseName), []byte("the operator's"), 0o600); err != nil {
		t.Fatal(err)
	}
	wantAllMeasured(t, data, "", "SQLite 3.")
	wantFiles(t, data, databaseName)
	if got, err := os.ReadFile(filepath.Join(data, databaseName)); err != nil || string(got) != "the operator's" {
		t.Errorf("the operator's database is %q, %v after a measurement, want it as it was", got, err)
	}
}

func TestBenchMakesNoDataFolder(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	wantAllMeasured(t, data, "", "SQLite 3.")
	wantFiles(t, filepath.Dir(data))
}

// Measurements in one database take turns, so this is one test.
func TestBenchOnPostgres(t *testing.T) {
	t.Parallel()
	data, server := t.TempDir(), postgrestest.URL(t)
	schemas := func() (names []string) {
		t.Helper()
		db, err := postgres.Open(t.Context(), server, postgres.Config{})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if err := db.NewRaw(`SELECT nspname FROM pg_namespace WHERE nspname LIKE 'batchport\_bench\_%'`).Scan(t.Context(), &names); err != nil {
			t.Fatal(err)
		}
		return names
	}
	wantAllMeasured(t, data, server, "PostgreSQL ")
	if got := schemas(); len(got) > 0 {
		t.Errorf("a measurement has left the schemas %q, want none", got)
	}

	t.Log("what one that was killed has left is removed")
	postgrestest.Exec(t, server, `CREATE SCHEMA batchport_bench_floor; CREATE TABLE batchport_bench_floor.batchport_jobs (id int);
		COMMENT ON SCHEMA batchport_bench_floor IS '`+benchComment+`'`)
	wantAllMeasured(t, data, server, "PostgreSQL ")

	t.Log("and what somebody else has there is not")
	postgrestest.Exec(t, server, `CREATE SCHEMA batchport_bench_floor`)
	defer postgrestest.Exec(t, server, `DROP SCHEMA IF EXISTS batchport_bench_floor`)
	if err := tinyBench(data, server, io.Discard).run(t.Context()); err == nil || !strings.Contains(err.Error(), "no measurement has made") {
		t.Errorf("run() with a schema of somebody else = %v, want an error that says so", err)
	}
	if got := schemas(); !slices.Equal(got, []string{"batchport_bench_floor"}) {
		t.Errorf("the schemas are %q, want that of somebody else alone", got)
	}
	wantFiles(t, data)
}

// wantAllMeasured makes a tiny measurement and wants figures of every measure.
func wantAllMeasured(t *testing.T, data, server, system string) {
	t.Helper()
	var out bytes.Buffer
	if err := tinyBench(data, server, &out).run(t.Context()); err != nil {
		t.Fatalf("run() = %v, want no error", err)
	}
	var report benchReport
	if err := json.Unmarshal(out.Bytes(), &report); err != nil {
		t.Fatalf("the output is no JSON: %v\n%s", err, out.Bytes())
	}
	var names []string
	for _, r := range report.Results {
		names = append(names, r.Name)
		if r.Engine <= 0 || r.Floor <= 0 || r.Ratio <= 0 || r.Measures == "" || r.Beside == "" {
			t.Errorf("the measure %+v lacks a figure or a word", r)
		}
		if r.Unit != "ms" && len(r.Rounds) != tinySize.rounds {
			t.Errorf("%s has %d rounds, want %d", r.Name, len(r.Rounds), tinySize.rounds)
		}
	}
	if want := []string{"edit", "small jobs", "latency p50", "latency p99", "export", "budget sync"}; !slices.Equal(names, want) {
		t.Errorf("measured were %q, want %q", names, want)
	}
	if !strings.HasPrefix(report.System, system) || report.CPUs < 1 {
		t.Errorf("the report tells of %q on %d processors, want %q on some", report.System, report.CPUs, system)
	}
}

// wantFiles wants exactly these names in a folder.
func wantFiles(t *testing.T, folder string, names ...string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if !slices.Equal(got, names) {
		t.Errorf("%s has %q, want %q", folder, got, names)
	}
}

func TestBenchNeedsRoom(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	b := tinyBench(data, "", io.Discard)
	b.room = 1 << 60
	if _, known, _ := freeBytes(data); !known {
		t.Skip("how much room there is cannot be asked here")
	}
	if err := b.run(t.Context()); err == nil || !strings.Contains(err.Error(), "needs 1,099,511,627,776 MiB") {
		t.Errorf("run() without room = %v, want an error that says how much it needs", err)
	}
	wantFiles(t, data)
}

// TestBenchBrokenOff interrupts the program, kills it, and begins another one.
func TestBenchBrokenOff(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	begun := func() *exec.Cmd {
		t.Helper()
		cmd := command(t, "bench", "--data", data)
		var said bytes.Buffer
		cmd.Stderr = &said
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = cmd.Process.Kill() })
		for end := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
			if _, err := os.Stat(filepath.Join(data, benchFolderName, "floor", databaseName)); err == nil {
				return cmd
			}
			if time.Now().After(end) {
				t.Fatalf("batchport bench has not begun: %s", said.Bytes())
			}
		}
	}
	killed := begun()
	if err := killed.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = killed.Wait()
	if _, err := os.Stat(filepath.Join(data, benchFolderName, "floor", databaseName)); err != nil {
		t.Fatalf("a killed program has left nothing, want something to remove: %v", err)
	}

	interrupted := begun()
	time.Sleep(time.Second) // so that it is in the middle of something
	if err := tinyBench(data, "", io.Discard).run(t.Context()); err == nil || !strings.Contains(err.Error(), "another measurement") {
		t.Errorf("run() beside another one = %v, want an error that says so", err)
	}
	if err := interrupted.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if err := interrupted.Wait(); interrupted.ProcessState.ExitCode() != exitError {
		t.Errorf("an interrupted measurement ended with %v, want exit code 1", err)
	}
	if said := interrupted.Stderr.(*bytes.Buffer).String(); said != "batchport: interrupted\n" {
		t.Errorf("an interrupted measurement says %q, want that it was interrupted", said)
	}
	wantFiles(t, data)
}

func TestBenchThatIsTooLateToBegin(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := tinyBench(data, "", io.Discard).run(ctx); err == nil {
		t.Error("run() after its context has ended = nil, want an error")
	}
	wantFiles(t, data)
}

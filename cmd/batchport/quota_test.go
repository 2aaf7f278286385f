package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/batchport/batchport/adapters/bunstore/postgres/postgrestest"
	"github.com/batchport/batchport/adapters/catalog"
	"github.com/batchport/batchport/adapters/memory"
	"github.com/batchport/batchport/adapters/xlsxfile"
	"github.com/batchport/batchport/app/budgets"
	"github.com/batchport/batchport/app/document"
	"github.com/batchport/batchport/app/engine"
	"github.com/batchport/batchport/domain"
)

// quotaChild is set in a process that [TestQuota] has started: the data folder
// and the database that all of them share, and what their bizIds begin with.
const quotaChild = "QUOTA_CHILD"

const quotaProcesses, quotaRequests = 4, 100 // of each process

// TestQuota lets four processes send 400 syncs at once, of which exactly 50
// pass, and then again, after all of them have ended, of which none does. As
// often as BATCHPORT_TORTURE_QUOTA says, else four times.
func TestQuota(t *testing.T) {
	t.Parallel()
	rounds := 4
	if text := os.Getenv("BATCHPORT_TORTURE_QUOTA"); text != "" {
		var err error
		if rounds, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	for _, store := range []faultStore{onSQLite, onPostgres} {
		t.Run(string(store), func(t *testing.T) {
			t.Parallel()
			quotaRounds(t, store, rounds)
		})
	}
}

func quotaRounds(t *testing.T, store faultStore, rounds int) {
	t.Helper()
	var lost, over int // syncs that did not pass, or too many that did
	for round := range rounds {
		at := location{data: t.TempDir()}
		if store == onPostgres {
			at.database = postgrestest.URL(t)
		}
		db, err := at.open(t.Context())
		if err := errors.Join(err, db.Close()); err != nil {
			t.Fatal(err)
		}
		for i, want := range []int{50, 0} {
			passed, limited := quotaWave(t, at, fmt.Sprint("wave", i))
			lost, over = lost+max(want-passed, 0), over+max(passed-want, 0)
			if passed != want || passed+limited != quotaProcesses*quotaRequests {
				t.Errorf("round %d, wave %d: %d syncs passed and %d were limited, want %d of %d to pass",
					round, i, passed, limited, want, quotaProcesses*quotaRequests)
			}
		}
	}
	t.Logf("%d rounds of %d processes with %d syncs each", rounds, quotaProcesses, quotaRequests)
	tellFaults(t, faultResult{Fault: fmt.Sprintf("%d syncs of %d processes at once, of which 50 pass", quotaProcesses*quotaRequests, quotaProcesses), Store: store, Runs: rounds, Lost: lost, Repeated: over})
}

// quotaWave starts the processes, lets them begin together, and counts.
func quotaWave(t *testing.T, at location, wave string) (passed, limited int) {
	t.Helper()
	type child struct {
		cmd *exec.Cmd
		in  io.WriteCloser
		out *bufio.Reader
	}
	var children []child
	for i := range quotaProcesses {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestQuotaProcess$", "-test.v")
		cmd.Env = append(os.Environ(), quotaChild+"="+strings.Join([]string{at.data, at.database, fmt.Sprint(wave, "-", i)}, "|"))
		cmd.Stderr = os.Stderr
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		out, err := cmd.StdoutPipe()
		if err := errors.Join(err, cmd.Start()); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = cmd.Process.Kill() }) // one that has ended gives an error
		children = append(children, child{cmd, in, bufio.NewReader(out)})
	}
	said := func(c child, word string) string {
		for {
			line, err := c.out.ReadString('\n')
			if rest, found := strings.CutPrefix(line, word); found {
				return strings.TrimSpace(rest)
			}
			if err != nil {
				t.Fatalf("a process ended before it said %q: %v", word, err)
			}
		}
	}
	for _, c := range children {
		said(c, "quota ready")
	}
	for _, c := range children {
		if err := c.in.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range children {
		var p, l int
		if _, err := fmt.Sscan(said(c, "quota counted"), &p, &l); err != nil {
			t.Fatal(err)
		}
		passed, limited = passed+p, limited+l
		_, _ = io.Copy(io.Discard, c.out)
		if err := c.cmd.Wait(); err != nil {
			t.Error(err)
		}
	}
	return passed, limited
}

// TestQuotaProcess is one of the processes of [TestQuota].
func TestQuotaProcess(t *testing.T) {
	told := strings.Split(os.Getenv(quotaChild), "|")
	if len(told) != 3 {
		return // it runs as a part of TestQuota
	}
	name := told[2]
	folder, err := location{data: told[0], database: told[1]}.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = folder.Close() }()
	rules := syncsOn(t, folder)
	fmt.Println("quota ready")
	_, _ = io.Copy(io.Discard, os.Stdin) // until all may begin
	var passed, limited atomic.Int64
	var group sync.WaitGroup
	for i := range quotaRequests {
		group.Go(func() {
			body, err := document.Parse(fmt.Sprintf(`{"bizId":"%s-%d","timestamp":1636600092809,"data":[
				{"code":"R%d","priority":1,"budget_code":"B","rule_condition":{"a":1}}]}`, name, i, i))
			if err != nil {
				t.Error(err)
				return
			}
			_, err = rules.Sync(context.Background(), domain.Principal{Tenant: "acme", User: "1", Permissions: []domain.Permission{domain.All}}, body)
			switch {
			case err == nil:
				passed.Add(1)
			case errors.Is(err, domain.CodeRateLimited):
				limited.Add(1)
			default:
				t.Errorf("Sync() = %v, want nothing else than a limit", err)
			}
		})
	}
	group.Wait()
	fmt.Println("\nquota counted", passed.Load(), limited.Load())
}

// syncsOn returns syncs on a folder, with the quota of the default.
func syncsOn(t *testing.T, folder *database) *budgets.Budgets {
	t.Helper()
	e, err := engine.New(engine.Deps{Store: folder.store, Bell: memory.NewBell()}, engine.Config{})
	if err != nil {
		t.Fatal(err)
	}
	rules, err := budgets.New(e, budgets.Deps{
		Store: folder.store, Rules: folder.store, Uploads: noUploads{}, Workbooks: xlsxfile.Workbooks{}, Sheets: xlsxfile.WorkbookSource{},
		Labels: catalog.NewLabels(), Messages: catalog.NewMessages(),
	}, budgets.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return rules
}

// noUploads keeps none.
type noUploads struct{ budgets.Uploads }

// TestQuotaCommand looks at a quota and forgets what was counted.
func TestQuotaCommand(t *testing.T) {
	t.Parallel()
	s := startServing(t, t.TempDir(), "--demo")
	data := s.cmd.Args[3]
	for i := range 2 {
		body := fmt.Sprintf(`{"bizId":"b%d","timestamp":1636600092809,"data":[]}`, i)
		if err := postSync(t.Context(), s, []byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	out, _ := call(t, exitOK, "quota", "--data", data, "--tenant", "demo")
	if !strings.HasPrefix(out, "48 of 50 syncs left in 60 minutes, one more in ") || !strings.Contains(out, "\n148 of 150 syncs left in 24 hours, one more in ") {
		t.Errorf("batchport quota says %q, want 48 of 50 and 148 of 150 left", out)
	}
	if out, _ = call(t, exitOK, "quota", "--data", data, "--tenant", "demo", "--forget"); out != "2 syncs of demo are forgotten\n" {
		t.Errorf("batchport quota --forget says %q, want 2 forgotten", out)
	}
	if out, _ = call(t, exitOK, "quota", "--data", data, "--tenant", "demo"); out != "50 of 50 syncs left in 60 minutes\n150 of 150 syncs left in 24 hours\n" {
		t.Errorf("afterwards batchport quota says %q, want all left", out)
	}
	call(t, exitUsage, "quota", "--data", data)
}

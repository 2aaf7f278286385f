package main

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// mutant is a guard of which a build has lost its effect, and the test that
// must notice.
type mutant struct {
	guard  string
	change change
	tests  string // package, from the root of the module
	run    string
}

var mutants = []mutant{
	{
		"a worker that was superseded writes nothing",
		change{"adapters/bunstore/chunks.go", `AND first = ? AND epoch = ? AND done = 0`, `AND first = ? AND (epoch = ? OR epoch > 0) AND done = 0`},
		"adapters/bunstore", "TestStore",
	},
	{
		"a planner that was superseded publishes nothing",
		change{"app/engine/worker.go", "		err = job.HeldBy(claim.Epoch)\n", ""},
		"app/engine", "TestAPlannerThat",
	},
	{
		"chunks of a plan that was given up are swept",
		change{"app/engine/plan.go", "			if fresh {\n", "			if false && fresh {\n"},
		"app/engine", "TestAPlannerThat",
	},
	{
		"leases that ran out are looked for",
		change{"app/engine/sweep.go", "errors.Join(e.expire(ctx), e.endAllStopped(ctx)", "errors.Join(e.endAllStopped(ctx)"},
		"app/engine", "TestRandomSchedules|TestBadItems",
	},
	{
		"an idempotency key makes one job",
		change{"app/engine/submit.go", "			if taken != spec.ID {\n", "			if false && taken != spec.ID {\n"},
		"app/engine", "TestOneIdempotencyKeyMakesOneJob",
	},
	{
		"events that the stream lost are told again",
		change{"app/engine/sweep.go", "		return state, away\n", "		state.Last = 1 << 62\n		return state, away\n"},
		"app/engine", "TestEventsThatTheStreamLostAreToldAgain",
	},
	{
		"refused items stand alone before they fail",
		change{"app/engine/isolate.go", "		case hi-lo == 1:\n", "		case hi-lo <= 2:\n"},
		"app/engine", "TestIsolate",
	},
	{
		"whoever spends of a quota waits for who did before",
		change{"adapters/bunstore/quotas.go", "`INSERT INTO {p}quotas AS q (tenant, name, clock) VALUES (?, ?, 0)\n		ON CONFLICT (tenant, name) DO UPDATE SET clock = q.clock RETURNING clock, {now}`", "`SELECT coalesce((SELECT clock FROM {p}quotas WHERE tenant = ? AND name = ?), 0), {now}`"},
		"adapters/bunstore", "TestQuotas|TestSpendAtOnce",
	},
	{
		"deadlocks and serialization failures run again",
		change{"adapters/bunstore/collisions.go", "		if n == collisions || !collided(err) {\n", "		if true || n == collisions || !collided(err) {\n"},
		"adapters/bunstore", "TestCollisions|TestRulesInOppositeOrders|TestWritersInOppositeOrders",
	},
	{
		"constraints that were put off refuse data while the answer is sure to come",
		change{"adapters/bunstore/dialect.go", `		settle: "SET CONSTRAINTS ALL IMMEDIATE",`, `		settle: "",`},
		"adapters/bunstore", ".",
	},
	{
		"standard_conforming_strings must be on",
		change{"adapters/bunstore/postgres/database.go", `{"standard_conforming_strings", "on", "else a text can end its literal"},`, ``},
		"adapters/bunstore/postgres", ".",
	},
	{
		"a tenant finds its own jobs alone",
		change{"adapters/bunstore/jobs.go", `FROM {p}jobs WHERE tenant = ? AND id = ?"+lock`, `FROM {p}jobs WHERE (tenant = ? OR 1 = 1) AND id = ?"+lock`},
		"adapters/bunstore", "TestStore",
	},
	{
		"a file is in place only when it is whole",
		change{"adapters/diskfiles/writer.go", "	if err := w.file.Sync(); err != nil {\n		return ports.FileInfo{}, err\n	}\n", ""},
		"adapters/diskfiles", ".",
	},
	{
		"a disk that has room again is noticed",
		change{"adapters/natsbus/embedded/instance.go", "	case i.failed.Load() && i.store.takes():\n", "	case false && i.store.takes():\n"},
		"adapters/natsbus/embedded", "TestServerGoesOnWhenTheDiskDoes",
	},
}

// TestMutants breaks one guard after the other, and makes sure that its tests
// notice. It builds the packages anew for each, so it runs alone, when
// BATCHPORT_TORTURE_MUTANTS is set.
func TestMutants(t *testing.T) {
	for _, m := range mutants {
		overlay(t, m.change) // fails when the source has no such place any more
	}
	if os.Getenv("BATCHPORT_TORTURE_MUTANTS") == "" {
		t.Skip("BATCHPORT_TORTURE_MUTANTS is not set")
	}
	for _, m := range mutants {
		t.Run(strings.ReplaceAll(m.guard, " ", "-"), func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			began := time.Now()
			cmd := exec.CommandContext(ctx, "go", "test", "-count=1", "-failfast", "-overlay", overlay(t, m.change), "-run", m.run, "./"+m.tests)
			cmd.Dir = "../.."
			out, err := cmd.CombinedOutput()
			switch {
			case err == nil:
				t.Errorf("nobody noticed that this guard is broken: %s\n%s", m.guard, out)
			case !strings.Contains(string(out), "--- FAIL") && !strings.Contains(string(out), "panic: "):
				t.Errorf("the tests did not run:\n%s", out)
			default:
				t.Logf("noticed after %.1f s", time.Since(began).Seconds())
			}
		})
	}
}

package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats-server/v2/server"

	"github.com/batchport/batchport/adapters/natsbus/natstest"
)

// TestSubscribers runs the examples of docs/events.
func TestSubscribers(t *testing.T) {
	t.Parallel()
	programs := subscriberPrograms(t)
	t.Run("handle each end once", func(t *testing.T) {
		t.Parallel()
		handleOnce(t, programs)
	})
	t.Run("need no more than they may", func(t *testing.T) {
		t.Parallel()
		needNoMore(t, programs)
	})
}

// handleOnce has the examples handle the ends of jobs while they are killed,
// while the server is, and while JetStream loses its files, so that every event
// comes again. By its own record each has handled each end once.
func handleOnce(t *testing.T, programs []subscriberProgram) {
	data := t.TempDir()
	key := createKey(t, data)
	loadMarked(t, data)
	listen := freeAddress(t)
	s := startServing(t, data, "--nats-listen", listen)
	var jobs []string
	submit := func(n int) {
		t.Helper()
		for range n {
			jobs = append(jobs, s.submit(t, key, `{"job_name":"estate_batch_open_rent","estatesIds":[987650001,987650999]}`))
		}
	}
	var subscribers []*subscriber
	for _, p := range programs {
		one := newSubscriber(t, p, "TENANT=acme", "KEY="+key, "NATS_URL=nats://"+listen, "CONSUMER=acme_"+p.name)
		one.start(t)
		subscribers = append(subscribers, one)
	}
	submit(10)
	for _, one := range subscribers {
		one.await(t, 1)
		one.kill() // in the middle of the others
	}
	submit(10)
	for _, one := range subscribers {
		one.start(t)
		one.await(t, 10)
	}
	submit(10)

	s.kill()
	if err := os.RemoveAll(filepath.Join(data, "jetstream")); err != nil {
		t.Fatal(err)
	}
	s = startServing(t, data, "--nats-listen", listen)
	submit(10)
	slices.Sort(jobs)
	for _, one := range subscribers {
		one.await(t, len(jobs))
		one.awaitRepetitions(t, 10)
		one.stop(t)
		got := slices.Sorted(slices.Values(one.jobs(t)))
		if diff := cmp.Diff(jobs, got); diff != "" {
			t.Errorf("the %s subscriber has handled other ends than those of the jobs, each once (-want +got):\n%s", one.name, diff)
		}
		t.Logf("%s: %d jobs, %d events that came again", one.name, len(got), one.repetitions())
	}
	s.stop(t)
}

// needNoMore runs the examples on servers that are configured as docs/nats.md
// shows, with the permissions that it gives a subscriber, and the consumer that
// batchport has made.
func needNoMore(t *testing.T, programs []subscriberProgram) {
	url := documentedServer(t)
	data := t.TempDir()
	key := createKey(t, data)
	loadMarked(t, data)
	s := startServing(t, data, "--nats", "nats://batchport:of-batchport@"+url, "--nats-consumers", "acme_billing")
	for _, p := range programs {
		one := newSubscriber(t, p, "TENANT=acme", "KEY=of-acme", "NATS_URL=nats://"+url, "API_PREFIX=BATCHPORT.API")
		one.start(t)
		var jobs []string
		for range 3 {
			jobs = append(jobs, s.submit(t, key, `{"job_name":"estate_batch_open_rent","estatesIds":[987650001]}`))
		}
		one.await(t, len(jobs))
		one.stop(t) // they share the consumer, one after the other
		slices.Sort(jobs)
		if diff := cmp.Diff(jobs, slices.Sorted(slices.Values(one.jobs(t)))); diff != "" {
			t.Errorf("the %s subscriber has handled other ends than those of the jobs (-want +got):\n%s", p.name, diff)
		}
		if said := one.said.String(); strings.Contains(strings.ToLower(said), "permissions violation") {
			t.Errorf("the %s subscriber asked for more than it may:\n%s", p.name, said)
		}
	}
	s.stop(t)
}

// documentedServer starts a NATS server with the configuration that
// docs/nats.md shows, and returns where it listens.
func documentedServer(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile("../../docs/nats.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "```conf\n")
	text, _, found := strings.Cut(rest, "```")
	if !found {
		t.Fatal("docs/nats.md shows no configuration")
	}
	text = strings.NewReplacer("$BATCHPORT_NATS_PASSWORD", "of-batchport", "$ACME_NATS_PASSWORD", "of-acme").Replace(text)
	file := filepath.Join(t.TempDir(), "nats.conf")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	shown, err := server.ProcessConfigFile(file)
	if err != nil {
		t.Fatalf("the configuration of docs/nats.md: %v", err)
	}
	cluster := natstest.Start(t, 1, func(o *server.Options) { o.Accounts, o.Users = shown.Accounts, shown.Users })
	return strings.TrimPrefix(cluster.URLs()[0], "nats://")
}

// TestAsyncAPI has the AsyncAPI project's own parser read the document. It has
// nothing against it.
func TestAsyncAPI(t *testing.T) {
	t.Parallel()
	if os.Getenv("BATCHPORT_TEST_SUBSCRIBERS") != "1" {
		t.Skip("BATCHPORT_TEST_SUBSCRIBERS is not 1: npm fetches the parser")
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("../../docs/events/check")); err != nil {
		t.Fatal(err)
	}
	runSteps(t, dir, [][]string{{"npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"}})
	check := exec.Command("node", filepath.Join(dir, "check.mjs"), "../../docs/events/asyncapi.yaml")
	out, err := check.CombinedOutput()
	if want := "5 operations, 5 messages\n"; err != nil || string(out) != want {
		t.Errorf("check.mjs said %q, %v; want %q", out, err, want)
	}
}

// freeAddress is an address of this machine on which nobody listens, so that
// a server comes back where it was.
func freeAddress(t *testing.T) string {
	t.Helper()
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = socket.Close() }()
	return fmt.Sprint(socket.Addr())
}

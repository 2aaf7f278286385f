package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/batchport/batchport/adapters/httpapi"
	"github.com/batchport/batchport/domain/estate"
)

func newServe() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Take jobs in over HTTP and work them off",
		Long: `Take jobs in over HTTP and work them off, until SIGTERM or Ctrl-C. Stopping takes
ten seconds at most: requests and work in hand have five to end, the rest is
given back and goes on at the next start. The log goes to standard error.`,
		Example: `  batchport serve --demo
  batchport serve --data /var/lib/batchport --listen 127.0.0.1:8080 \
    --public-url https://batch.example.com --nats-listen 127.0.0.1:4222`,
		Args: exactly(),
	}
	at := addLocationFlags(cmd)
	addCountFlag(cmd, &at.conns, "database-conns", 20, "connections", "connections to --database at most, at least 8")
	cfg := nodeConfig{role: roleAll, files: filesOnDisk}
	listen := addCheckedFlag(cmd, "listen", "127.0.0.1:8080", "address", "address of the HTTP server; port 0 takes a free one", checkAddress)
	publicURL := addCheckedFlag(cmd, "public-url", "", "url", "where clients reach this server, for links to files (default: the host that a request names)", checkPublicURL)
	cmd.Flags().Var(&cfg.role, "role", "all; or, of processes that share --database and --nats, api: takes jobs in, or worker: works them off")
	addBusFlags(cmd, &cfg.bus)
	cmd.Flags().Var(&cfg.files, "files", "disk: files are in the data folder; nats: in the servers of --nats, for processes on several machines")
	cmd.Flags().DurationVar(&at.lease, "lease", time.Minute, "how long a worker that gives no sign is waited for before another takes its work over, at least 5s; the same for all processes")
	logs := addLogFlags(cmd)
	addTelemetryFlags(cmd, &cfg.telemetry)
	limits := limits{}
	addCountFlag(cmd, &limits.named, "max-named", 100_000, "items", "items that one job may name one by one, and rows of budget rules that it may have in its request")
	addCountFlag(cmd, &limits.selected, "max-selected", 5_000_000, "items", "items that a job may select by a search")
	addCountFlag(cmd, &limits.syncRows, "max-sync-rows", 10_000, "rows", "rows of one budget rule sync")
	addCountFlag(cmd, &limits.openJobs, "max-open-jobs", 1_000, "jobs", "jobs of one tenant that have not ended")
	addCountFlag(cmd, &limits.body, "max-body", 16<<20, "bytes", "bytes of a request's body")
	addCountFlag(cmd, &limits.upload, "max-upload", 64<<20, "bytes", "bytes of an upload, and of a workbook that is fetched")
	addCountFlag(cmd, &limits.streams, "max-streams", 2_000, "streams", "streams of events that are open at once")
	fetchFrom := addListFlag(cmd, "fetch-from", "hosts", "HOST or HOST:PORT (443 without), with commas between, that workbooks are fetched from though their addresses are not public; over https (default: none)", checkFetchFrom)
	grantable := addListFlag(cmd, "capabilities", "names", "what a big landlord may be given (default: "+strings.Join(names(estate.Capabilities()), ",")+")", checkCapability)
	columns := addListFlag(cmd, "budget-columns", "names", "columns that conditions of budget rules may name, as they name them, with commas between; others get a warning (default: any)", checkColumn)
	quota := syncQuota{}
	addQuotaFlags(cmd, &quota)
	cmd.Flags().BoolVar(&quota.unlimited, "syncs-unlimited", false, "do not count budget rule syncs")
	origins := addListFlag(cmd, "cors-origins", "origins", `origins of pages that may call from a browser, such as https://app.example.com, with commas between; or "*" for all (default: none)`, httpapi.CheckOrigin)
	keep := keeping{}
	addKeepFlags(cmd, &keep)
	demo := cmd.Flags().Bool("demo", false, `add the tenant "demo" with made-up data, unless it has estates already, and print a new key for it`)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if os.Getenv("GOMEMLIMIT") == "" {
			debug.SetMemoryLimit(memoryLimit)
		}
		log, err := logs.open(cmd.ErrOrStderr())
		if err != nil {
			return usage(err)
		}
		cfg.at, cfg.listen, cfg.publicURL, cfg.limits = *at, *listen, *publicURL, limits
		cfg.fetchFrom, cfg.grantable, cfg.columns, cfg.quota, cfg.keep, cfg.origins, cfg.log = *fetchFrom, *grantable, *columns, quota, keep, *origins, log
		if err := errors.Join(cfg.check(), keep.check(), checkOrigins(*origins)); err != nil {
			return usage(err)
		}
		n, err := newNode(cmd.Context(), cfg)
		if err != nil {
			return err
		}
		return errors.Join(serve(cmd.Context(), n, *demo, cmd.OutOrStdout()), n.Close())
	}
	return cmd
}

// memoryLimit is how much of the Go heap the garbage collector aims at. Left to
// itself it would let a few large requests at once take twice what they need.
// GOMEMLIMIT says otherwise: https://pkg.go.dev/runtime#hdr-Environment_Variables
const memoryLimit = 160 << 20

// serve says that the node is ready and serves until ctx ends.
func serve(ctx context.Context, n *node, demo bool, stdout io.Writer) error {
	if demo {
		key, err := addDemoTenant(ctx, n, serveDemoEstates)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintln(stdout, key); err != nil {
			return err
		}
	}
	attributes := []any{"url", n.url(), "role", n.cfg.role, "data", n.cfg.at.data}
	if n.cfg.at.database != "" {
		attributes = append(attributes, "database", n.cfg.at.shown())
	}
	if n.nats != nil && n.nats.Addr() != "" {
		attributes = append(attributes, "nats", "nats://"+n.nats.Addr())
	}
	if n.watch.socket != nil {
		attributes = append(attributes, "metrics", n.watch.url())
	}
	n.cfg.log.Info("ready", attributes...)
	err := n.serve(ctx)
	n.cfg.log.Info("stopped")
	return err
}

func names[S ~string](words []S) []string {
	texts := make([]string, len(words))
	for i, w := range words {
		texts[i] = string(w)
	}
	return texts
}

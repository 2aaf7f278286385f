package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/batchport/batchport/adapters/catalog"
	"github.com/batchport/batchport/cmd/batchport/internal/client"
)

const (
	demoEstates = 20_000

	// demoTime is how long the demo waits for anything before it says that
	// something is wrong.
	demoTime = 2 * time.Minute
)

func newDemo() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "See it work: three jobs over 20,000 made-up estates",
		Long: `Start everything in a temporary folder, make up 20,000 estates, run three jobs on
them over the HTTP API, and show what comes back: progress, reports, failures in
words, the completion events as a NATS subscriber gets them, and a workbook. The
workbook stays in the temporary folder; everything else is removed.`,
		Args: exactly(),
	}
	keep := cmd.Flags().Bool("keep", false, "go on serving afterwards, until interrupted")
	listen := addCheckedFlag(cmd, "listen", "127.0.0.1:0", "address", "address of the HTTP server; port 0 takes a free one", checkAddress)
	natsListen := addCheckedFlag(cmd, "nats-listen", "127.0.0.1:0", "address", "address for NATS subscribers; port 0 takes a free one", checkAddress)
	locale := addCheckedFlag(cmd, "locale", "en_US", "locale", "language of the messages: zh_TW, zh_CN, en_US or ja_JP", checkLocale)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		folder, err := os.MkdirTemp("", "batchport-demo-")
		if err != nil {
			return err
		}
		log := slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), &slog.HandlerOptions{Level: slog.LevelWarn}))
		d := &demo{folder: folder, locale: catalog.Locale(*locale, "", "en_US"), keep: *keep, screen: newScreen(cmd.OutOrStdout())}
		d.node, err = newNode(cmd.Context(), nodeConfig{
			at: location{data: filepath.Join(folder, "data")}, bus: busConfig{listen: *natsListen}, listen: *listen, log: log,
		})
		if err == nil {
			err = errors.Join(d.run(cmd.Context()), d.node.Close())
		}
		if err != nil && cmd.Context().Err() != nil {
			err = errors.New("interrupted") // what it broke off tells nobody anything
		}
		return errors.Join(err, d.cleanUp())
	}
	return cmd
}

// demo is one showing.
type demo struct {
	node   *node
	folder string
	locale string
	keep   bool
	screen *screen
	url    string
	client *client.Client
	events *demoEvents

	hasWorkbook bool // there is a whole one in folder
}

// cleanUp leaves the workbook and nothing of what made it.
func (d *demo) cleanUp() error {
	if d.hasWorkbook {
		return os.RemoveAll(filepath.Join(d.folder, "data"))
	}
	return os.RemoveAll(d.folder)
}

func (d *demo) run(ctx context.Context) error {
	began := time.Now()
	d.screen.say("Making up %s estates …", thousands(demoEstates))
	key, err := addDemoTenant(ctx, d.node, demoEstates)
	if err != nil {
		return err
	}
	serving, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- d.node.serve(serving) }()
	err = d.guide(ctx, key, began)
	if err != nil || !d.keep {
		stop()
	}
	return errors.Join(err, <-ended)
}

// guide shows everything on a node that serves.
func (d *demo) guide(ctx context.Context, key string, began time.Time) (err error) {
	d.url = d.node.url()
	d.client = client.New(client.Config{Server: d.url, Key: key, Locale: d.locale})
	natsURL := "nats://" + d.node.nats.Addr()
	if d.events, err = subscribeToDemo(ctx, natsURL, key); err != nil {
		return err
	}
	defer d.events.close()
	d.screen.say("Serving at %s and %s, tenant %q, key %s", d.url, natsURL, demoTenant, key)

	if err := d.show(ctx); err != nil {
		return err
	}
	d.screen.say("\nAll of this took %.1f s.", time.Since(began).Seconds())
	if !d.keep {
		return nil
	}
	d.screen.say(`
Still serving. Try:
  curl -H "Authorization: Bearer %s" -d '{"job_name":"estate_batch_close_rent","estatesIds":[%d]}' %s/api2/getBatchCode
End with Ctrl-C.`, key, firstEstate, d.url)
	return nil
}

// show runs the three jobs.
func (d *demo) show(ctx context.Context) error {
	data := newDemoData(demoEstates)
	// Three ids that nobody has, among the estates; the closed ones are bad too.
	ids := append(data.estateIDs(), 7, 8, 900_000_001)
	if err := d.job(ctx, fmt.Sprintf("Advertise %s estates, named one by one", thousands(len(ids))), "estate-batch-open-rent", map[string]any{
		"ids": ids,
	}); err != nil {
		return err
	}
	advertised := demoEstates - demoEstates/1500
	if err := d.job(ctx, "Withdraw all that are advertised", "estate-batch-close-rent", map[string]any{
		"filter": map[string]any{"listed": []bool{true}}, "total": advertised,
	}); err != nil {
		return err
	}
	return d.job(ctx, "Export all into a workbook", "estate-export", map[string]any{
		"filter": map[string]any{}, "total": demoEstates,
	})
}

// job submits one job, follows it, and prints all that came back.
func (d *demo) job(ctx context.Context, title, kind string, request map[string]any) error {
	ctx, cancel := context.WithTimeout(ctx, demoTime)
	defer cancel()
	d.screen.say("\n%s (%s)", title, kind)
	body, err := json.Marshal(request)
	if err != nil {
		return err
	}
	began := time.Now()
	job, err := d.client.Submit(ctx, kind, body, "")
	if err != nil {
		return err
	}
	if job, err = d.client.Follow(ctx, job.Code, func(job *client.Job) { d.screen.progress(job.Process) }); err != nil {
		return err
	}
	took := time.Since(began)
	event, err := d.events.endOf(ctx, job.Code)
	if err != nil {
		return err
	}
	d.screen.say("  report    %s, in %.2f s", event.Data.Report, took.Seconds())
	if err := d.failures(ctx, job.Code); err != nil {
		return err
	}
	d.screen.say("  event     %s on %s, id %s", event.Type, event.subject, event.ID)
	if job.File == nil {
		return nil
	}
	target := filepath.Join(d.folder, filepath.Base(path.Clean("/"+job.File.Name)))
	if err := d.client.Save(ctx, client.Download{URL: job.File.URL, Target: target, Part: target + ".part"}); err != nil {
		return err
	}
	d.hasWorkbook = true
	d.screen.say("  workbook  %s", target)
	return nil
}

// failures prints why items failed: the first few of each code.
func (d *demo) failures(ctx context.Context, code string) error {
	const shown = 3
	label, count := "failures", map[string]int{}
	for f, err := range d.client.Failures(ctx, code, "") {
		if err != nil {
			return err
		}
		if count[f.Code]++; count[f.Code] <= shown {
			d.screen.say("  %-9s estate %s: %s (%s)", label, f.Key, f.Message, f.Code)
			label = ""
		}
	}
	for _, code := range slices.Sorted(maps.Keys(count)) {
		if more := count[code] - shown; more > 0 {
			d.screen.say("  %-9s and %d more with %s", label, more, code)
		}
	}
	return nil
}

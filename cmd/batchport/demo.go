package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/batchport/batchport/adapters/catalog"
	"github.com/batchport/batchport/domain"
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
	client *demoClient
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
	d.client = &demoClient{url: d.node.url(), key: key, locale: d.locale}
	natsURL := "nats://" + d.node.nats.Addr()
	if d.events, err = subscribeToDemo(ctx, natsURL, key); err != nil {
		return err
	}
	defer d.events.close()
	d.screen.say("Serving at %s and %s, tenant %q, key %s", d.client.url, natsURL, demoTenant, key)

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
End with Ctrl-C.`, key, firstEstate, d.client.url)
	return nil
}

// show runs the three jobs.
func (d *demo) show(ctx context.Context) error {
	data := newDemoData(demoEstates)
	// Three ids that nobody has, among the estates; the closed ones are bad too.
	ids := append(data.estateIDs(), 7, 8, 900_000_001)
	if err := d.job(ctx, fmt.Sprintf("Advertise %s estates, named one by one", thousands(len(ids))), map[string]any{
		"job_name": "estate_batch_open_rent", "estatesIds": ids,
	}); err != nil {
		return err
	}
	advertised := demoEstates - demoEstates/1500
	if err := d.job(ctx, "Withdraw all that are advertised", map[string]any{
		"job_name": "estate_batch_close_rent", "estatesIds": "all", "total": advertised,
		"searchOptions": map[string]any{"listed": 1},
	}); err != nil {
		return err
	}
	return d.job(ctx, "Export all into a workbook", map[string]any{
		"job_name": "estate_export", "estatesIds": "all", "total": demoEstates, "searchOptions": map[string]any{},
	})
}

// job submits one job, follows it, and prints all that came back.
func (d *demo) job(ctx context.Context, title string, request map[string]any) error {
	ctx, cancel := context.WithTimeout(ctx, demoTime)
	defer cancel()
	d.screen.say("\n%s (%s)", title, request["job_name"])
	began := time.Now()
	code, err := d.client.submit(ctx, request)
	if err != nil {
		return err
	}
	status, err := d.client.follow(ctx, code, d.screen.progress)
	if err != nil {
		return err
	}
	took := time.Since(began)
	event, err := d.events.endOf(ctx, code)
	if err != nil {
		return err
	}
	d.screen.say("  report    %s, in %.2f s", event.Data.Report, took.Seconds())
	if err := d.failures(ctx, code, event.Data.Report.Failed); err != nil {
		return err
	}
	d.screen.say("  event     %s on %s, id %s", event.Type, event.subject, event.ID)
	if status.Data.URL == "" {
		return nil
	}
	file, err := d.download(ctx, status.Data.URL, status.Data.FileName)
	if err != nil {
		return err
	}
	d.screen.say("  workbook  %s", file)
	return nil
}

// failures prints why items failed: the first few of each code.
func (d *demo) failures(ctx context.Context, code string, n int) error {
	if n == 0 {
		return nil
	}
	const shown = 3
	list, err := d.node.engine.Failures(ctx, domain.Principal{Tenant: demoTenant}, domain.JobID(code), -1, n)
	if err != nil {
		return err
	}
	messages := catalog.NewMessages()
	label, count := "failures", map[domain.Code]int{}
	for _, f := range list {
		if count[f.Failure.Code]++; count[f.Failure.Code] <= shown {
			d.screen.say("  %-9s estate %s: %s (%s)", label, f.Key, messages.Text(d.locale, f.Failure), f.Failure.Code)
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

// download fetches the workbook by its signed link, without the key, as a
// browser would, and returns where it lies.
func (d *demo) download(ctx context.Context, link, name string) (string, error) {
	if _, err := url.Parse(link); err != nil {
		return "", err
	}
	body, err := d.client.get(ctx, link)
	if err != nil {
		return "", err
	}
	defer func() { _ = body.Close() }() // only read from
	target := filepath.Join(d.folder, filepath.Base(path.Clean("/"+name)))
	out, err := os.Create(target)
	if err != nil {
		return "", err
	}
	_, err = io.Copy(out, body)
	err = errors.Join(err, out.Close())
	d.hasWorkbook = err == nil
	return target, err
}

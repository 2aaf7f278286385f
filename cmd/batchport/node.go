package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/batchport/batchport/adapters/bunstore/postgres"
	"github.com/batchport/batchport/adapters/catalog"
	"github.com/batchport/batchport/adapters/httpapi"
	"github.com/batchport/batchport/adapters/natsbus/embedded"
	"github.com/batchport/batchport/adapters/webfetch"
	"github.com/batchport/batchport/adapters/xlsxfile"
	"github.com/batchport/batchport/app/access"
	"github.com/batchport/batchport/app/budgets"
	"github.com/batchport/batchport/app/engine"
	"github.com/batchport/batchport/app/estates"
	"github.com/batchport/batchport/app/sheets"
	"github.com/batchport/batchport/app/uploads"
	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/budget"
	"github.com/batchport/batchport/domain/estate"
	"github.com/batchport/batchport/ports"
)

const (
	// shutdownGrace is how long requests and work in hand may go on after the
	// process was told to stop. All of stopping takes at most ten seconds.
	shutdownGrace = 5 * time.Second

	// shutdownMargin is how long whoever did not end by then has to give way.
	shutdownMargin = 4 * time.Second

	// presencePatience is how long a start waits for the database to notice that
	// the process before has ended.
	presencePatience = 5 * time.Second

	// sheetStrings is how many bytes of texts that cells share one workbook may
	// have. So many are read at a time, and all stay within what the process may take.
	sheetStrings, sheetsOpen = 48 << 20, 2

	defaultLocale = "zh_TW"
)

// nodeConfig is how a node works.
type nodeConfig struct {
	at        location
	bus       busConfig
	role      role
	files     fileStore
	listen    string // address of the HTTP server
	publicURL string
	limits    limits
	fetchFrom []string // hosts whose addresses need not be public
	grantable []string // what a big landlord may be given; nil for the default
	columns   []string // that conditions of budget rules may name; nil for any
	quota     syncQuota
	keep      keeping
	origins   []string // of pages that may call from a browser
	telemetry telemetryConfig
	log       *slog.Logger
}

// limits bound what a client may ask for; zero means the default.
type limits struct{ named, selected, openJobs, syncRows, body, upload, streams uint32 }

// syncQuota is how many budget rule syncs a tenant may make; zero means the
// default.
type syncQuota struct {
	perHour, perDay uint32
	unlimited       bool
}

// node is everything that serves, in one process.
type node struct {
	cfg      nodeConfig
	database *database
	presence *postgres.Presence // at a PostgreSQL database; nil at SQLite
	probe    diskProbe
	files    closingFiles
	nats     *embedded.Server
	conn     *nats.Conn
	keys     *access.Keys
	uploads  *uploads.Uploads
	engine   *engine.Engine
	sheets   ports.WorkbookSource
	estates  *estates.Estates
	budgets  *budgets.Budgets
	server   *http.Server
	socket   net.Listener
	watch    watch
	closers  []func() error // in the order in which they were opened
}

// newNode opens everything, in the order in which one needs the other. What it
// opened it closes again when it fails.
func newNode(ctx context.Context, cfg nodeConfig) (n *node, err error) {
	n = &node{cfg: cfg}
	defer func() {
		if err != nil {
			err = errors.Join(err, n.Close())
		}
	}()
	for _, open := range []func(context.Context) error{n.openDatabase, n.openTelemetry, n.openBus, n.openFiles, n.openEngine, n.openSheets, n.openEstates, n.openBudgets, n.openHTTP} {
		if err := open(ctx); err != nil {
			return n, err
		}
	}
	return n, nil
}

// openDatabase makes sure that this process may use what others cannot use
// beside it: an SQLite file, and the folder of the embedded NATS server.
func (n *node) openDatabase(ctx context.Context) error {
	if n.cfg.holdsFolder() {
		unlock, err := lockToServe(n.cfg.at.data)
		if err != nil {
			return err
		}
		n.closers = append(n.closers, unlock)
	}
	var err error
	if n.database, err = n.cfg.at.open(ctx); err != nil {
		return err
	}
	n.closers = append(n.closers, n.database.Close)
	n.keys = access.NewKeys(n.database.store, time.Now)
	return n.attend(ctx)
}

// attend makes this process known at a PostgreSQL database. Processes that
// share one must share NATS servers too: the bells and events of an embedded
// server reach its own process alone.
func (n *node) attend(ctx context.Context) error {
	if n.cfg.at.database == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, presencePatience)
	defer cancel()
	var err error
	n.presence, err = postgres.Attend(ctx, n.database.db.Write, !n.cfg.bus.outside())
	switch {
	case errors.Is(err, postgres.ErrOccupied) && n.cfg.bus.outside():
		return fmt.Errorf("the database %s is being served by a process without --nats; stop that one first", n.cfg.at.shown())
	case errors.Is(err, postgres.ErrOccupied):
		return fmt.Errorf("the database %s is being served by another process; several need --nats, the same for all", n.cfg.at.shown())
	case err != nil:
		return err
	}
	n.closers = append(n.closers, n.presence.Close)
	return nil
}

func (n *node) openUploads() (err error) {
	n.uploads, err = uploads.New(uploads.Deps{
		Files: n.files, Store: n.database.store, InUse: n.database.store.UsesUpload,
	}, uploads.Config{MaxSize: int64(n.cfg.limits.upload), Keep: n.cfg.keep.uploads, Logger: n.cfg.log})
	return err
}

func (n *node) openEngine(ctx context.Context) error {
	bell, events, err := n.bellAndEvents(ctx)
	if err != nil {
		return err
	}
	n.engine, err = engine.New(engine.Deps{
		Store: n.database.store, Bell: bell, Events: events, Files: n.files, Authority: n.database.store, Telemetry: n.watch,
	}, engine.Config{
		Name: "batchport", SoleProcess: !n.cfg.shared(), Lease: n.cfg.at.lease, Grace: shutdownGrace, Logger: n.cfg.log,
		MaxNamed: int(n.cfg.limits.named), MaxSelected: int(n.cfg.limits.selected), MaxOpenJobs: int(n.cfg.limits.openJobs),
		KeepJobs: n.cfg.keep.jobs, KeepFailures: n.cfg.keep.failures, KeepFiles: n.cfg.keep.files,
		KeepKeys: n.cfg.keep.keys, KeepEvents: n.cfg.keep.events,
	})
	return err
}

func (n *node) openSheets(context.Context) error {
	source, err := xlsxfile.NewWorkbookSource(xlsxfile.ReadLimits{FileBytes: max(128<<20, int64(n.cfg.limits.upload)), StringBytes: sheetStrings})
	if err != nil {
		return err
	}
	n.sheets = sheets.Limited(source, sheetsOpen)
	return nil
}

func (n *node) openEstates(context.Context) error {
	fetcher, err := webfetch.New(webfetch.Config{MaxBytes: int64(n.cfg.limits.upload), AllowedHosts: n.cfg.fetchFrom})
	if err != nil {
		return fmt.Errorf("--fetch-from: %w", err)
	}
	var capabilities []estate.Capability
	for _, name := range n.cfg.grantable {
		capabilities = append(capabilities, estate.Capability(name))
	}
	store := n.database.store
	n.estates, err = estates.New(n.engine, estates.Deps{
		Selector: store, Reader: store, Communities: store, Contracts: store, Repairs: store, Users: store,
		Listings: store, Agents: store, Grants: store, Reports: store, Statements: store,
		Uploads: n.uploads, Fetcher: fetcher, Workbooks: xlsxfile.Workbooks{}, Sheets: n.sheets,
		Labels: catalog.NewLabels(), Messages: catalog.NewMessages(),
	}, estates.Config{Zone: time.Local, MaxNamed: int(n.cfg.limits.named), Capabilities: capabilities})
	return err
}

func (n *node) openBudgets(context.Context) (err error) {
	store := n.database.store
	var columns ports.BudgetColumns
	if n.cfg.columns != nil {
		columns = knownColumns(n.cfg.columns)
	}
	n.budgets, err = budgets.New(n.engine, budgets.Deps{
		Store: store, Rules: store, Uploads: n.uploads, Workbooks: xlsxfile.Workbooks{}, Sheets: n.sheets,
		Labels: catalog.NewLabels(), Messages: catalog.NewMessages(), Columns: columns, Telemetry: n.watch,
	}, budgets.Config{
		MaxRows: int(n.cfg.limits.syncRows), MaxJobRows: int(n.cfg.limits.named),
		PerHour: int(n.cfg.quota.perHour), PerDay: int(n.cfg.quota.perDay), Unlimited: n.cfg.quota.unlimited,
	})
	return err
}

// knownColumns are the names of columns that conditions may have, the same for
// every tenant.
type knownColumns []string

// KnownColumns implements [ports.BudgetColumns].
func (k knownColumns) KnownColumns(context.Context, domain.TenantID) (budget.Catalog, error) {
	return func(c budget.ColumnRef) bool { return slices.Contains(k, c.String()) }, nil
}

// handler returns the HTTP interface of the process's role.
func (n *node) handler(ctx context.Context) (http.Handler, error) {
	deps := httpapi.Deps{
		Estates: n.estates, Budgets: n.budgets, Engine: n.engine, Files: n.files, Uploads: n.uploads,
		Messages: catalog.NewMessages(), Counts: catalog.NewLabels(), Authenticate: httpapi.APIKeys(n.keys),
		Locale: func(header, accept, otherwise string) string {
			return catalog.Locale(header, accept, cmp.Or(otherwise, defaultLocale))
		},
		Ready: n.ready,
	}
	cfg := httpapi.Config{PublicURL: n.cfg.publicURL, Version: version(), Logger: n.cfg.log, MaxBody: int64(n.cfg.limits.body), MaxStreams: int(n.cfg.limits.streams), Origins: n.cfg.origins}
	if !n.cfg.role.takesIn() {
		return httpapi.Health(deps, cfg)
	}
	var err error
	if cfg.SigningKey, err = n.database.store.Secret(ctx, "file_links"); err != nil {
		return nil, err
	}
	return httpapi.New(deps, cfg)
}

func (n *node) openHTTP(ctx context.Context) error {
	handler, err := n.handler(ctx)
	if err != nil {
		return err
	}
	n.server = httpapi.Server(n.cfg.listen, n.watch.Requests(handler, "/livez", "/readyz"))
	n.server.ErrorLog = slog.NewLogLogger(n.cfg.log.Handler(), slog.LevelDebug)
	var listen net.ListenConfig
	if n.socket, err = listen.Listen(ctx, "tcp", n.cfg.listen); err != nil {
		return fmt.Errorf("--listen %s: %w", n.cfg.listen, err)
	}
	n.closers = append(n.closers, func() error {
		if err := n.socket.Close(); !errors.Is(err, net.ErrClosed) {
			return err
		}
		return nil // the server has closed it
	})
	return nil
}

// ready says what keeps the node from working.
func (n *node) ready(ctx context.Context) error {
	if err := n.database.db.Write.PingContext(ctx); err != nil {
		return domain.Unavailable(fmt.Errorf("ask the database: %w", err))
	}
	if err := n.probe.check(); err != nil {
		return domain.Unavailable(fmt.Errorf("write into the data folder: %w", err))
	}
	if n.nats == nil {
		return nil // jobs are taken in, and worked off, without servers that are away
	}
	if err := n.nats.Healthy(); err != nil {
		return domain.Unavailable(err)
	}
	return nil
}

// url is where the HTTP server is reached from this machine.
func (n *node) url() string { return "http://" + n.socket.Addr().String() }

// serve works until ctx ends, and then lets requests and work in hand go on
// for a few seconds. The node is still to be closed.
func (n *node) serve(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	defer n.serveMetrics()()
	ended := make(chan error, 3)
	go func() {
		if n.cfg.role.works() {
			ended <- n.engine.Run(ctx)
		} else {
			ended <- n.engine.Relay(ctx)
		}
	}()
	go func() {
		ended <- n.uploads.Run(ctx)
	}()
	go func() {
		err := n.server.Serve(n.socket)
		if errors.Is(err, http.ErrServerClosed) {
			err = nil
		}
		ended <- err
	}()
	var first error
	running := cap(ended)
	select {
	case <-ctx.Done():
	case <-n.displaced():
		first = errors.New("another process has taken over the database while it did not answer")
	case first = <-ended: // whatever ends by itself takes the rest along
		running--
	}
	stop()
	leaving, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownGrace)
	defer cancel()
	if err := n.server.Shutdown(leaving); err != nil {
		_ = n.server.Close() // who does not leave is thrown out
	}
	// Work that does not heed its context must not keep the process: its lease
	// tells the next one.
	overdue := time.After(shutdownGrace + shutdownMargin)
	for range running {
		select {
		case err := <-ended:
			first = errors.Join(first, err)
		case <-overdue:
			return errors.Join(first, errors.New("work in hand did not end in time; the next start takes it over"))
		}
	}
	return first
}

// displaced is closed when this process must not go on.
func (n *node) displaced() <-chan struct{} {
	if n.presence == nil {
		return nil
	}
	return n.presence.Lost()
}

// Close closes what the node opened, the last first.
func (n *node) Close() (err error) {
	for i := len(n.closers) - 1; i >= 0; i-- {
		err = errors.Join(err, n.closers[i]())
	}
	n.closers = nil
	return err
}

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/batchport/batchport/adapters/httpapi"
	"github.com/batchport/batchport/adapters/telemetry"
	"github.com/batchport/batchport/adapters/telemetry/otlp"
	"github.com/batchport/batchport/app/budgets"
	"github.com/batchport/batchport/ports"
)

// lastSpans is how long the end of the process waits for spans to be exported:
// all of stopping takes ten seconds at most, and a collector may be away.
const lastSpans = time.Second / 2

// telemetryConfig says who may watch over the process. The zero value is nobody.
type telemetryConfig struct {
	metricsListen string                   // address where metrics are read, "" for none
	getenv        func(name string) string // where the settings of OpenTelemetry are; nil for nowhere
}

func addTelemetryFlags(cmd *cobra.Command, cfg *telemetryConfig) {
	cfg.getenv = os.Getenv
	cmd.Flags().Var(&checkedFlag{value: &cfg.metricsListen, form: "address", check: checkAddress}, "metrics-listen",
		"address where GET /metrics is answered without a key, such as 127.0.0.1:9464 (default: none)")
}

// watch is what counts and traces, and where it is read.
type watch struct {
	*telemetry.Telemetry
	socket net.Listener // nil when nobody may read
	server *http.Server
}

// openTelemetry comes before all that is watched over. Metrics have an address
// of their own, so that what is open to clients does not show how much
// everybody does together.
func (n *node) openTelemetry(ctx context.Context) error {
	cfg := telemetry.Config{Version: version(), Backlog: n.database.store}
	if n.cfg.telemetry.getenv != nil {
		traces, err := otlp.Open(ctx, n.cfg.telemetry.getenv, otlp.Config{Version: version(), Logger: n.cfg.log})
		if err != nil {
			return usage(err)
		}
		if traces != nil {
			cfg.Traces = traces
			n.closers = append(n.closers, func() error {
				ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastSpans)
				defer cancel()
				_ = traces.Shutdown(ctx) // a collector that is away is nothing to fail for
				return nil
			})
		}
	}
	n.watch.Telemetry = telemetry.New(cfg)
	return n.listenForMetrics(ctx)
}

func (n *node) listenForMetrics(ctx context.Context) (err error) {
	address := n.cfg.telemetry.metricsListen
	if address == "" {
		return nil
	}
	var listen net.ListenConfig
	if n.watch.socket, err = listen.Listen(ctx, "tcp", address); err != nil {
		return fmt.Errorf("--metrics-listen %s: %w", address, err)
	}
	n.closers = append(n.closers, func() error {
		if err := n.watch.socket.Close(); !errors.Is(err, net.ErrClosed) {
			return err
		}
		return nil // the server has closed it
	})
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", n.watch.Metrics())
	n.watch.server = httpapi.Server(address, mux)
	n.watch.server.ErrorLog = slog.NewLogLogger(n.cfg.log.Handler(), slog.LevelDebug)
	return nil
}

// url is where metrics are read from this machine.
func (w watch) url() string { return "http://" + w.socket.Addr().String() + "/metrics" }

// serveMetrics has metrics read until the function that it returns is called.
// They are no reason for the rest to end.
func (n *node) serveMetrics() (stop func()) {
	if n.watch.socket == nil {
		return func() {}
	}
	n.watch.Expect(n.engine.Kinds()...)
	n.watch.Count(ports.QuotaRefused, budgets.QuotaName, 0)
	go func() {
		if err := n.watch.server.Serve(n.watch.socket); !errors.Is(err, http.ErrServerClosed) {
			n.cfg.log.Error("metrics cannot be read any more", "error", err)
		}
	}()
	return func() { _ = n.watch.server.Close() }
}

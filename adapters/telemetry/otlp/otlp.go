// Package otlp exports spans to a collector, as the standard environment
// variables of OpenTelemetry say:
// https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/.
package otlp

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
)

// Config says who exports. The zero value is good.
type Config struct {
	Service string       // what OTEL_SERVICE_NAME is when it is not set. Zero means "batchport".
	Version string       // of the program. Zero means "dev".
	Logger  *slog.Logger // told, once a minute at most, of spans that cannot be exported. Zero means silence.
}

// Open returns a provider whose spans are exported over OTLP/HTTP, or nil when
// the environment, which getenv reads, names no collector: in
// OTEL_EXPORTER_OTLP_TRACES_ENDPOINT or OTEL_EXPORTER_OTLP_ENDPOINT. What the
// exporter itself reads, such as headers, certificates, and OTEL_TRACES_SAMPLER,
// it reads from the process's environment. Settings that cannot be heeded are an
// error.
//
// Open connects to nothing. A collector that is away, or slow, holds nobody up:
// spans wait in a queue of 2,048, beyond which they are dropped. Who opens one
// shuts it down, with a context that bounds how long the last spans may take.
//
// OpenTelemetry tells of failed exports through a handler of the process. Open
// sets it.
func Open(ctx context.Context, getenv func(string) string, cfg Config) (*sdk.TracerProvider, error) {
	wanted, err := wanted(getenv)
	if err != nil || !wanted {
		return nil, err
	}
	if cfg.Service == "" {
		cfg.Service = "batchport"
	}
	if cfg.Version == "" {
		cfg.Version = "dev"
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	about, err := resource.New(ctx, resource.WithTelemetrySDK(), resource.WithAttributes(
		attribute.String("service.name", cfg.Service), attribute.String("service.version", cfg.Version),
		attribute.String("service.instance.id", rand.Text()),
	), resource.WithFromEnv())
	if err != nil {
		return nil, fmt.Errorf("OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, fmt.Errorf("export traces: %w", err)
	}
	otel.SetErrorHandler(&complaints{log: cfg.Logger})
	return sdk.NewTracerProvider(sdk.WithBatcher(exporter), sdk.WithResource(about)), nil
}

// wanted reports whether the environment asks for spans to be exported.
func wanted(getenv func(string) string) (bool, error) {
	first := func(names ...string) (name, value string) {
		for _, name := range names {
			if value := strings.TrimSpace(getenv(name)); value != "" {
				return name, value
			}
		}
		return "", ""
	}
	name, endpoint := first("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
	exporter := strings.TrimSpace(getenv("OTEL_TRACES_EXPORTER"))
	if endpoint == "" || exporter == "none" || strings.EqualFold(strings.TrimSpace(getenv("OTEL_SDK_DISABLED")), "true") {
		return false, nil
	}
	if exporter != "" && exporter != "otlp" {
		return false, fmt.Errorf("OTEL_TRACES_EXPORTER is %q, want otlp or none", exporter)
	}
	if name, protocol := first("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"); protocol != "" && protocol != "http/protobuf" {
		return false, fmt.Errorf("%s is %q, want http/protobuf", name, protocol)
	}
	// The exporter would go to localhost instead of to what it cannot read.
	u, err := url.Parse(endpoint)
	if err == nil && (u.Scheme != "http" && u.Scheme != "https" || u.Host == "") {
		err = errors.New("no URL")
	}
	if err != nil {
		return false, fmt.Errorf("%s: want a URL such as http://127.0.0.1:4318", name) // not the value: it may hold a password
	}
	return true, nil
}

// complaintPause is how long nothing is said after something was.
const complaintPause = time.Minute

// complaints logs what OpenTelemetry could not do.
type complaints struct {
	log  *slog.Logger
	last atomic.Int64 // when something was said, in nanoseconds since 1970
}

// Handle implements [otel.ErrorHandler].
func (c *complaints) Handle(err error) {
	now, last := time.Now().UnixNano(), c.last.Load()
	if now-last > int64(complaintPause) && c.last.CompareAndSwap(last, now) {
		c.log.Warn("cannot export traces; they are dropped", "error", err)
	}
}

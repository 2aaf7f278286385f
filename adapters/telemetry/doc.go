// Package telemetry counts with Prometheus and draws traces with OpenTelemetry
// what the engine, the syncs and an HTTP interface do: it implements
// [github.com/batchport/batchport/ports.Telemetry].
//
// Nothing that it exposes names a tenant, a user or an item, but for spans,
// which have the tenant and the code of their job. Metrics have a registry of
// their own, so that they get on with a host's; spans go to the provider that
// it is given. The package otlp below makes one that exports them as the
// standard environment variables say.
package telemetry

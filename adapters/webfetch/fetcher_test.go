package webfetch_test

import (
	"testing"

	"github.com/batchport/batchport/adapters/webfetch"
	"github.com/batchport/batchport/ports"
	"github.com/batchport/batchport/ports/portstest"
)

func TestFetcher(t *testing.T) {
	portstest.Fetcher(t, func(t *testing.T, settings portstest.FetcherSettings) ports.Fetcher {
		return open(t, webfetch.Config{
			MaxBytes: settings.MaxBytes, Timeout: settings.Timeout,
			AllowedHosts: settings.AllowedHosts, RootCAs: settings.RootCAs,
		})
	})
}

func open(t *testing.T, config webfetch.Config) *webfetch.Fetcher {
	t.Helper()
	fetcher, err := webfetch.New(config)
	if err != nil {
		t.Fatalf("New(%+v) = %v", config, err)
	}
	return fetcher
}

package httpapi_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/batchport/batchport/adapters/httpapi"
	"github.com/batchport/batchport/domain"
)

func TestPanicIsAnswered(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{authenticate: func(r *http.Request) (domain.Principal, error) {
		if r.Header.Get("X-Bomb") != "" {
			panic("hunter2")
		}
		return domain.Principal{Tenant: "acme", User: "u", Permissions: []domain.Permission{domain.All}}, nil
	}})
	got := w.call(http.MethodPost, "/api2/getBatchCode", openOne, "X-Bomb", "1")
	if got.status != http.StatusInternalServerError {
		t.Fatalf("POST that panics = %d %s, want 500", got.status, got.body)
	}
	golden(t, "500.json", got.body)
	wantEnvelope(t, got)
	if got := w.call(http.MethodGet, "/files/a/b/c", "", "X-Bomb", "1"); got.status != http.StatusInternalServerError || got.header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("GET that panics = %d %s, want 500 and a problem", got.status, got.body)
	}
	if logs := w.logs.String(); !strings.Contains(logs, "panic with a string") || !strings.Contains(logs, "guard_test.go") || strings.Contains(logs, "hunter2") {
		t.Errorf("the log tells not of the panic and where it was, or what it says:\n%s", logs)
	}
	if got := w.call(http.MethodPost, "/api2/getBatchCode", openOne); got.status != http.StatusOK {
		t.Errorf("POST after a panic = %d %s, want 200", got.status, got.body)
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	sick := make(chan error, 1)
	w := newWorld(t, settings{ready: func(context.Context) error {
		select {
		case err := <-sick:
			return err
		default:
			return nil
		}
	}})
	for _, path := range []string{"/livez", "/readyz"} {
		if got := w.call(http.MethodGet, path, ""); got.status != http.StatusOK || got.body != `{"status":"ok"}`+"\n" {
			t.Errorf("GET %s = %d %s, want 200 ok", path, got.status, got.body)
		}
	}
	sick <- errors.New("dial tcp 10.0.0.1: password hunter2 refused")
	got := w.call(http.MethodGet, "/readyz", "")
	if got.status != http.StatusServiceUnavailable || strings.Contains(got.body, "hunter2") || got.header.Get("Retry-After") == "" {
		t.Errorf("GET /readyz while the store is down = %d %s, want 503 with safe text", got.status, got.body)
	}
	golden(t, "problem-503.json", got.body)
	if !strings.Contains(w.logs.String(), "hunter2") {
		t.Error("the log does not tell why the process is not ready")
	}
}

func TestNewReportsAllProblems(t *testing.T) {
	t.Parallel()
	_, err := httpapi.New(httpapi.Deps{}, httpapi.Config{PublicURL: "jobs.example.com", SigningKey: []byte("short"), MaxBody: -1})
	for _, want := range []string{"Deps.Estates", "Deps.Engine", "Deps.Files", "Deps.Uploads", "Deps.Messages", "Deps.Authenticate", "Deps.Locale", "PublicURL", "SigningKey", "negative"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("New(nothing) = %v, want it to name %s", err, want)
		}
	}
}

func TestServerHasLimits(t *testing.T) {
	t.Parallel()
	s := httpapi.Server("127.0.0.1:0", http.NotFoundHandler())
	if s.ReadHeaderTimeout == 0 || s.ReadTimeout == 0 || s.WriteTimeout == 0 || s.IdleTimeout == 0 || s.MaxHeaderBytes == 0 {
		t.Errorf("Server() = %+v, want every limit set", s)
	}
}

package httpapi_test

import (
	"context"
	"encoding/json"
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

func TestDescription(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{config: httpapi.Config{Version: "1.2.3"}})
	got := w.call(http.MethodGet, "/openapi.json", "")
	golden(t, "openapi.json", got.body)
	var doc struct {
		OpenAPI string `json:"openapi"`
		Paths   map[string]map[string]struct {
			OperationID string `json:"operationId"`
			Responses   map[string]struct {
				Content map[string]struct {
					Schema map[string]any `json:"schema"`
				} `json:"content"`
			} `json:"responses"`
		} `json:"paths"`
		Components struct {
			Schemas         map[string]any            `json:"schemas"`
			SecuritySchemes map[string]map[string]any `json:"securitySchemes"`
		} `json:"components"`
	}
	if err := json.Unmarshal([]byte(got.body), &doc); err != nil {
		t.Fatalf("GET /openapi.json = %v, want JSON", err)
	}
	seen := map[string]bool{}
	for path, operations := range doc.Paths {
		for method, op := range operations {
			if op.OperationID == "" || seen[op.OperationID] {
				t.Errorf("%s %s has the operationId %q, want one of its own", method, path, op.OperationID)
			}
			seen[op.OperationID] = true
			for status, response := range op.Responses {
				for contentType, content := range response.Content {
					if len(content.Schema) == 0 && contentType != "application/octet-stream" {
						t.Errorf("%s %s answers %s with %s without a schema", method, path, status, contentType)
					}
				}
			}
		}
	}
	if len(seen) != 32 || doc.OpenAPI != "3.1.0" || doc.Components.SecuritySchemes["bearer"]["scheme"] != "bearer" || doc.Components.SecuritySchemes["apiKey"]["name"] != "X-API-Key" {
		t.Errorf("description = OpenAPI %s with %v and %v; want 3.1.0, 32 operations and both forms of a key", doc.OpenAPI, seen, doc.Components.SecuritySchemes)
	}
	for name := range doc.Components.Schemas {
		if !strings.Contains(got.body, `"#/components/schemas/`+name+`"`) {
			t.Errorf("schema %s is used by nothing", name)
		}
	}
	older := w.call(http.MethodGet, "/openapi-3.0.json", "")
	if version := fields(t, older.body)["openapi"]; version != "3.0.3" || strings.Contains(older.body, `"null"`) || strings.Contains(older.body, `"const"`) || strings.Contains(older.body, `"contentMediaType"`) {
		t.Errorf("GET /openapi-3.0.json has version %v or words of 3.1", version)
	}
	form := []any{"paths", "/v1/files", "post", "requestBody", "content", "multipart/form-data", "schema", "properties", "file"}
	for version, text := range map[string]string{"3.1": got.body, "3.0": older.body} {
		file := any(fields(t, text))
		for _, name := range form {
			file, _ = file.(map[string]any)[name.(string)]
		}
		if file, _ := file.(map[string]any); file["type"] != "string" || file["format"] != "binary" {
			t.Errorf("the file of a form in OpenAPI %s is %v, want a binary string", version, file)
		}
	}
	if yaml := w.call(http.MethodGet, "/openapi.yaml", ""); !strings.Contains(yaml.body, "operationId: get-batch-code") {
		t.Errorf("GET /openapi.yaml = %.100s, want the description", yaml.body)
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

package httpapi_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/batchport/batchport/adapters/httpapi"
)

// TestCommittedDescription holds the documents in docs/openapi, which clients
// are generated from, to those that are served.
func TestCommittedDescription(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	for _, name := range []string{"openapi.json", "openapi-3.0.json"} {
		golden(t, "../../../docs/openapi/"+name, w.call(http.MethodGet, "/"+name, "").body)
	}
}

// described is what the tests read of a description.
type described struct {
	OpenAPI string                               `json:"openapi"`
	Servers []struct{ URL string }               `json:"servers"`
	Tags    []struct{ Name, Description string } `json:"tags"`
	Paths   map[string]map[string]struct {
		OperationID string                `json:"operationId"`
		Description string                `json:"description"`
		Tags        []string              `json:"tags"`
		Security    []map[string][]string `json:"security"`
		RequestBody struct {
			Content map[string]describedContent `json:"content"`
		} `json:"requestBody"`
		Responses map[string]struct {
			Content map[string]describedContent `json:"content"`
		} `json:"responses"`
	} `json:"paths"`
	Components struct {
		Schemas         map[string]map[string]any `json:"schemas"`
		SecuritySchemes map[string]map[string]any `json:"securitySchemes"`
	} `json:"components"`
}

type describedContent struct {
	Schema  map[string]any `json:"schema"`
	Example any            `json:"example"`
}

func description(t *testing.T, text string) described {
	t.Helper()
	var doc described
	if err := json.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatalf("the description = %v, want JSON", err)
	}
	return doc
}

func TestDescription(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{config: httpapi.Config{Version: "1.2.3"}})
	got := w.call(http.MethodGet, "/openapi.json", "")
	doc := description(t, got.body)
	if info, _ := fields(t, got.body)["info"].(map[string]any); info["version"] != "1.2.3" {
		t.Errorf("info = %v, want the version of the program", info)
	}
	if doc.OpenAPI != "3.1.0" || doc.Components.SecuritySchemes["bearer"]["scheme"] != "bearer" || doc.Components.SecuritySchemes["apiKey"]["name"] != "X-API-Key" {
		t.Errorf("description = OpenAPI %s with %v; want 3.1.0 and both forms of a key", doc.OpenAPI, doc.Components.SecuritySchemes)
	}
	tags := map[string]bool{}
	for _, tag := range doc.Tags {
		tags[tag.Name] = tag.Description != ""
	}
	seen := map[string]bool{}
	for path, byMethod := range doc.Paths {
		for method, op := range byMethod {
			if op.OperationID == "" || seen[op.OperationID] {
				t.Errorf("%s %s has the operationId %q, want one of its own", method, path, op.OperationID)
			}
			seen[op.OperationID] = true
			if op.Description == "" || op.Security == nil || len(op.Tags) != 1 || !tags[op.Tags[0]] {
				t.Errorf("%s %s has the description %q, tags %q and security %v; want all, and a tag that is described", method, path, op.Description, op.Tags, op.Security)
			}
			if content, ok := op.RequestBody.Content["application/json"]; ok && (content.Example == nil || content.Schema["$ref"] == nil) {
				t.Errorf("%s %s takes %v, want a schema with a name, and an example", method, path, content.Schema)
			}
			for status, response := range op.Responses {
				for contentType, content := range response.Content {
					if len(content.Schema) == 0 {
						t.Errorf("%s %s answers %s with %s without a schema", method, path, status, contentType)
					}
					// A job that was stopped has no file, of which 3.0 has no example.
					noFile := op.OperationID == "cancel-job"
					if contentType == "application/json" && status < "202" && content.Example == nil && !noFile {
						t.Errorf("%s %s answers %s without an example", method, path, status)
					}
				}
			}
		}
	}
	if unsized := regexp.MustCompile(`"type":"integer"[^{}]*}`).FindString(regexp.MustCompile(`{[^{}]*"format":"int64"[^{}]*}`).ReplaceAllString(got.body, "")); unsized != "" {
		t.Errorf("an integer is described as %s, want the size of all", unsized)
	}
	for name, schema := range doc.Components.Schemas {
		if !strings.Contains(got.body, `"#/components/schemas/`+name+`"`) {
			t.Errorf("schema %s is used by nothing", name)
		}
		if schema["additionalProperties"] == false && !regexp.MustCompile(`(Request|Filter|Edit)$`).MatchString(name) {
			t.Errorf("schema %s takes nothing but what it names, want answers that may grow", name)
		}
	}
	if yaml := w.call(http.MethodGet, "/openapi.yaml", ""); !strings.Contains(yaml.body, "operationId: get-batch-code") {
		t.Errorf("GET /openapi.yaml = %.100s, want the description", yaml.body)
	}
}

func TestOlderDescription(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	current, older := w.call(http.MethodGet, "/openapi.json", "").body, w.call(http.MethodGet, "/openapi-3.0.json", "").body
	if version := fields(t, older)["openapi"]; version != "3.0.3" {
		t.Errorf("GET /openapi-3.0.json has version %v, want 3.0.3", version)
	}
	for _, word := range []string{`"null"`, `"const"`, `"contentMediaType"`, `"contentEncoding"`, `"examples"`, `"identifier"`} {
		if strings.Contains(older, word) {
			t.Errorf("GET /openapi-3.0.json has the word %s of 3.1", word)
		}
	}
	if beside := regexp.MustCompile(`"\$ref":"[^"]*",|,"\$ref"`).FindString(older); beside != "" {
		t.Errorf("GET /openapi-3.0.json says something beside %s, which 3.0 passes over", beside)
	}
	for version, text := range map[string]string{"3.1": current, "3.0": older} {
		form := description(t, text).Paths["/v1/files"]["post"].RequestBody.Content["multipart/form-data"].Schema["properties"]
		properties, _ := form.(map[string]any)
		if file, _ := properties["file"].(map[string]any); file["type"] != "string" || file["format"] != "binary" {
			t.Errorf("the file of a form in OpenAPI %s is %v, want a binary string", version, file)
		}
	}
}

func TestDescriptionNamesItsServer(t *testing.T) {
	t.Parallel()
	for configured, want := range map[string]string{"": "/", "https://jobs.example.com/batch/": "https://jobs.example.com/batch"} {
		w := newWorld(t, settings{config: httpapi.Config{PublicURL: configured}})
		if servers := description(t, w.call(http.MethodGet, "/openapi.json", "").body).Servers; len(servers) != 1 || servers[0].URL != want {
			t.Errorf("servers with the public URL %q = %v, want %s", configured, servers, want)
		}
	}
}

// TestDescribedCodes holds the list of codes to the page that explains them.
func TestDescribedCodes(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/errors.md")
	if err != nil {
		t.Fatal(err)
	}
	explained := map[string]bool{}
	for _, heading := range regexp.MustCompile("(?m)^### `([a-z_]+)`$").FindAllSubmatch(page, -1) {
		explained[string(heading[1])] = true
	}
	doc := description(t, newWorld(t, settings{}).call(http.MethodGet, "/openapi.json", "").body)
	list, _ := doc.Components.Schemas["Code"]["x-extensible-enum"].([]any)
	for _, code := range list {
		if !explained[code.(string)] {
			t.Errorf("the schema Code has %s, which docs/errors.md does not explain", code)
		}
		delete(explained, code.(string))
	}
	if len(explained) > 0 {
		t.Errorf("docs/errors.md explains %v, which the schema Code has not", slices.Sorted(maps.Keys(explained)))
	}
}

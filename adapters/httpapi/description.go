package httpapi

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

// serveDescription serves the OpenAPI document in its forms, each written once.
func (a *api) serveDescription() error {
	a.nameSchemas()
	if err := a.addExamples(); err != nil {
		return err
	}
	doc := a.huma.OpenAPI()
	current, err := json.Marshal(doc)
	if err != nil {
		return fmt.Errorf("describe the API: %w", err)
	}
	older, err := olderDescription(doc)
	if err != nil {
		return fmt.Errorf("describe the API in OpenAPI 3.0: %w", err)
	}
	yaml, err := doc.YAML()
	if err != nil {
		return fmt.Errorf("describe the API in YAML: %w", err)
	}
	for path, file := range map[string]struct {
		contentType string
		text        []byte
	}{
		"/openapi.json":     {"application/openapi+json", current},
		"/openapi-3.0.json": {"application/openapi+json", older},
		"/openapi.yaml":     {"application/openapi+yaml", yaml},
	} {
		a.mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", file.contentType)
			_, _ = w.Write(file.text) // a client that is gone is no news
		})
	}
	return nil
}

// olderDescription returns the description in OpenAPI 3.0, without the words
// of 3.1 that Huma's own downgrade leaves in it.
func olderDescription(doc *huma.OpenAPI) ([]byte, error) {
	text, err := doc.Downgrade()
	if err != nil {
		return nil, err
	}
	var description any
	if err := json.Unmarshal(text, &description); err != nil {
		return nil, err
	}
	var clean func(any)
	clean = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			delete(v, "contentMediaType") // "format": "binary" says it
			orNull(v, doc.Components.Schemas)
			onlyReference(v)
			for _, member := range v {
				clean(member)
			}
		case []any:
			for _, element := range v {
				clean(element)
			}
		}
	}
	clean(description)
	return json.Marshal(description)
}

// orNull writes a reference or null, of OpenAPI 3.1, as 3.0 does, where null
// means nothing without a type beside it.
func orNull(schema map[string]any, schemas huma.Registry) {
	either, _ := schema["anyOf"].([]any)
	for i, one := range either {
		if alternative, _ := one.(map[string]any); alternative["type"] != "null" || len(either) != 2 {
			continue
		}
		other, _ := either[1-i].(map[string]any)
		ref, _ := other["$ref"].(string)
		if to := schemas.SchemaFromRef(ref); to != nil {
			schema["type"] = to.Type
		}
		schema["allOf"], schema["nullable"] = []any{other}, true
		delete(schema, "anyOf")
		return
	}
}

// onlyReference puts a reference aside from what is said beside it, which 3.0
// passes over.
func onlyReference(schema map[string]any) {
	if ref, ok := schema["$ref"].(string); ok && len(schema) > 1 {
		delete(schema, "$ref")
		schema["allOf"] = []any{map[string]any{"$ref": ref}}
	}
}

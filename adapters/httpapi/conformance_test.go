package httpapi_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// wire is the committed description, with a mux that finds the operation of a
// request in it.
var wire = sync.OnceValues(func() (*wireDescription, error) {
	text, err := os.ReadFile("../../docs/openapi/openapi.json")
	if err != nil {
		return nil, err
	}
	d := &wireDescription{mux: http.NewServeMux()}
	if err := json.Unmarshal(text, &d.doc); err != nil {
		return nil, err
	}
	for path, byMethod := range d.doc.Paths {
		for method := range byMethod {
			d.mux.Handle(strings.ToUpper(method)+" "+path, http.NotFoundHandler())
		}
	}
	return d, nil
})

type wireDescription struct {
	doc described
	mux *http.ServeMux
}

// conforms holds an answer to the description: every status, content type and
// member that any test sees is in it.
func conforms(t *testing.T, method, target string, got reply) {
	t.Helper()
	d, err := wire()
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), method, target, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	_, pattern := d.mux.Handler(r)
	_, path, found := strings.Cut(pattern, " ")
	op, described := d.doc.Paths[path][strings.ToLower(method)]
	if !found || !described {
		return // no operation: the page of the API, a route that is none
	}
	status := strconv.Itoa(got.status)
	if status == "206" || status == "304" || status == "412" || status == "416" {
		return // ranges and conditional requests, as RFC 9110 says
	}
	response, ok := op.Responses[status]
	if !ok {
		t.Errorf("%s %s answered %s, which is not described: %s", method, path, status, got.body)
		return
	}
	contentType, _, _ := mime.ParseMediaType(got.header.Get("Content-Type"))
	content, ok := response.Content[contentType]
	if !ok && len(response.Content) > 0 && path != "/files/{tenant}/{id}/{name}" {
		t.Errorf("%s %s answered %s with %s, which is not described", method, path, status, contentType)
		return
	}
	if !ok || !strings.HasSuffix(contentType, "json") {
		return
	}
	var body any
	decoder := json.NewDecoder(bytes.NewReader([]byte(got.body)))
	decoder.UseNumber()
	if err := decoder.Decode(&body); err != nil {
		t.Errorf("%s %s answered %q: %v", method, path, got.body, err)
		return
	}
	if wrong := d.unlike(content.Schema, body, "body"); wrong != "" {
		t.Errorf("%s %s answered %s not as it is described: %s\n%s", method, path, status, wrong, got.body)
	}
}

// unlike says in what a value is not as its schema says, or "". It knows the
// words that the description uses of answers.
func (d *wireDescription) unlike(schema map[string]any, value any, at string) string {
	if ref, ok := schema["$ref"].(string); ok {
		return d.unlike(d.doc.Components.Schemas[strings.TrimPrefix(ref, "#/components/schemas/")], value, at)
	}
	for _, choice := range []string{"oneOf", "anyOf"} {
		if either, ok := schema[choice].([]any); ok && !slices.ContainsFunc(either, func(one any) bool {
			return d.unlike(one.(map[string]any), value, at) == ""
		}) {
			return fmt.Sprintf("%s is none of %s", at, choice)
		}
	}
	if types := listOf(schema["type"]); len(types) > 0 && !slices.ContainsFunc(types, func(t any) bool { return isA(value, t) }) {
		return fmt.Sprintf("%s is %v, want %v", at, value, types)
	}
	if enum := listOf(schema["enum"]); len(enum) > 0 && !slices.ContainsFunc(enum, func(e any) bool { return fmt.Sprint(e) == fmt.Sprint(value) }) {
		return fmt.Sprintf("%s is %v, want one of %v", at, value, enum)
	}
	switch value := value.(type) {
	case []any:
		items, _ := schema["items"].(map[string]any)
		for i, element := range value {
			if wrong := d.unlike(items, element, fmt.Sprintf("%s[%d]", at, i)); wrong != "" {
				return wrong
			}
		}
	case map[string]any:
		return d.unlikeObject(schema, value, at)
	}
	return ""
}

func (d *wireDescription) unlikeObject(schema, value map[string]any, at string) string {
	for _, name := range listOf(schema["required"]) {
		if _, ok := value[name.(string)]; !ok {
			return fmt.Sprintf("%s has no %s", at, name)
		}
	}
	properties, _ := schema["properties"].(map[string]any)
	other, _ := schema["additionalProperties"].(map[string]any)
	for name, member := range value {
		property, ok := properties[name].(map[string]any)
		if !ok && other != nil {
			property, ok = other, true
		}
		if !ok && len(properties) > 0 {
			return fmt.Sprintf("%s.%s is not described", at, name)
		}
		if wrong := d.unlike(property, member, at+"."+name); wrong != "" {
			return wrong
		}
	}
	return ""
}

// listOf is a word that may stand alone, as a list.
func listOf(v any) []any {
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		return v
	}
	return []any{v}
}

func isA(value, schemaType any) bool {
	switch value := value.(type) {
	case nil:
		return schemaType == "null"
	case bool:
		return schemaType == "boolean"
	case string:
		return schemaType == "string"
	case json.Number:
		return schemaType == "number" || schemaType == "integer" && !strings.ContainsAny(value.String(), ".eE")
	case []any:
		return schemaType == "array"
	}
	return schemaType == "object"
}

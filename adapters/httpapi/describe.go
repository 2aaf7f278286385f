package httpapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"github.com/batchport/batchport/app/estates"
)

// secured is what an operation asks for: one of the two forms of a key.
var secured = []map[string][]string{{"bearer": {}}, {"apiKey": {}}}

// describe returns how the API describes itself. There are no pages of
// documentation, since Huma's load from a CDN; and no links to schemas in
// answers, since Huma builds those from the Host header.
func describe(version string) huma.Config {
	cfg := huma.DefaultConfig("batchport", version)
	cfg.OpenAPIPath, cfg.DocsPath, cfg.SchemasPath = "", "", ""
	cfg.CreateHooks = nil
	cfg.Info.Description = "Bulk operations for back offices: submit a job, ask how far it is, fetch its file."
	cfg.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"bearer": {Type: "http", Scheme: "bearer", Description: "An API key."},
		"apiKey": {Type: "apiKey", In: "header", Name: "X-API-Key", Description: "The same API key, for clients that cannot set Authorization."},
	}
	return cfg
}

// refusals documents the ways in which an operation refuses, all in the shape
// of body.
func refusals(api huma.API, body any, statuses ...int) map[string]*huma.Response {
	contentType := (&refusal{body: body}).ContentType("")
	schema := api.OpenAPI().Components.Schemas.Schema(reflect.TypeOf(body), true, "")
	responses := map[string]*huma.Response{}
	for _, status := range statuses {
		response := &huma.Response{
			Description: http.StatusText(status),
			Content:     map[string]*huma.MediaType{contentType: {Schema: schema}},
		}
		switch status {
		case http.StatusUnauthorized:
			response.Headers = map[string]*huma.Param{"WWW-Authenticate": {Schema: &huma.Schema{Type: huma.TypeString}}}
		case http.StatusTooManyRequests, http.StatusServiceUnavailable:
			response.Headers = map[string]*huma.Param{"Retry-After": {
				Description: "Seconds to wait.", Schema: &huma.Schema{Type: huma.TypeInteger},
			}}
		}
		responses[strconv.Itoa(status)] = response
	}
	return responses
}

// withStatus documents the two answers about a job.
func withStatus(api huma.API, responses map[string]*huma.Response) map[string]*huma.Response {
	schemas := api.OpenAPI().Components.Schemas
	responses["200"] = &huma.Response{
		Description: "How far the job is, or how it ended.",
		Content: map[string]*huma.MediaType{"application/json": {Schema: &huma.Schema{OneOf: []*huma.Schema{
			schemas.Schema(reflect.TypeFor[unfinished](), true, ""),
			schemas.Schema(reflect.TypeFor[ended](), true, ""),
		}}}},
	}
	return responses
}

// batchRequest documents the body of a submission. The use case judges it, all
// of it; Huma never does, since it would refuse in its own words.
func batchRequest() *huma.RequestBody {
	text := func(doc string) *huma.Schema { return &huma.Schema{Type: huma.TypeString, Description: doc} }
	anyMap := func(doc string) *huma.Schema {
		return &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true, Description: doc}
	}
	id := []*huma.Schema{{Type: huma.TypeInteger}, {Type: huma.TypeString}}
	ids := func(what string) *huma.Schema {
		return &huma.Schema{
			Description: what + `: a list of identifiers, each a number or a string of digits; or "all".`,
			OneOf: []*huma.Schema{
				{Type: huma.TypeString, Enum: []any{"all"}},
				{Type: huma.TypeArray, Items: &huma.Schema{OneOf: id}},
			},
		}
	}
	name := text("What to do.")
	for _, kind := range estates.Kinds() {
		name.Enum = append(name.Enum, string(kind))
	}
	return &huma.RequestBody{
		Required: true,
		Content: map[string]*huma.MediaType{"application/json": {Schema: &huma.Schema{
			Type:                 huma.TypeObject,
			Required:             []string{"job_name"},
			AdditionalProperties: true,
			Properties: map[string]*huma.Schema{
				"job_name":      name,
				"estatesIds":    ids("The estates"),
				"communityIds":  ids("The communities"),
				"contractIds":   ids("The contracts; also taken as constarctIds"),
				"repairIds":     ids("The repairs"),
				"total":         {Type: huma.TypeInteger, Description: `How many the caller saw. Required with "all": another number ends the job with code 500.`},
				"searchOptions": anyMap(`Which ones "all" means.`),
				"publicUrl":     text("Where the report or the workbook is: an https URL, or the url of an upload."),
				"date":          text("The month that a report or a statement is for, as YYYYmm."),
				"action":        {Type: huma.TypeString, Enum: []any{"estate", "contract"}, Description: "What agents are put in charge of."},
				"data": {Description: "Edits one by one: a map of identifiers, or a list of entries with an id each, to editUserId and, of landlords, capabilities.", OneOf: []*huma.Schema{
					{Type: huma.TypeObject, AdditionalProperties: true},
					{Type: huma.TypeArray, Items: &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true}},
				}},
				"editUserId":          {Description: "The agent or the landlord, for all that the search finds: an identifier. Null removes the landlords."},
				"capabilitiesReplace": anyMap("Which capabilities of the landlord are to be 0 or 1, for all that the search finds. Those that are not sent stay."),
			},
		}}},
	}
}

// nullObjects describes members that are an object or null, for which Huma has
// no word: it would describe them as always being there.
func (a *api) nullObjects() {
	schemas := a.huma.OpenAPI().Components.Schemas.Map()
	for schema, members := range map[string][]string{"JobView": {"file", "fail_limit"}, "EstateView": {"agent", "landlord"}} {
		for _, member := range members {
			properties := schemas[schema].Properties
			described := properties[member]
			properties[member] = &huma.Schema{
				Description: described.Description,
				AnyOf:       []*huma.Schema{{Ref: described.Ref}, {Type: "null"}},
			}
		}
	}
}

// serveDescription serves the OpenAPI document in its forms, each written once.
func (a *api) serveDescription() error {
	a.nullObjects()
	doc := a.huma.OpenAPI()
	for _, unused := range []string{"ErrorModel", "ErrorDetail"} { // Huma's own, which no operation answers with
		delete(doc.Components.Schemas.Map(), unused)
	}
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
			orNull(v)
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

// orNull writes an object or null, of OpenAPI 3.1, as 3.0 does.
func orNull(schema map[string]any) {
	either, _ := schema["anyOf"].([]any)
	for i, one := range either {
		if alternative, _ := one.(map[string]any); alternative["type"] == "null" && len(either) == 2 {
			schema["allOf"], schema["nullable"] = []any{either[1-i]}, true
			delete(schema, "anyOf")
			return
		}
	}
}

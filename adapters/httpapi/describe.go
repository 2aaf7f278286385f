package httpapi

import (
	"net/http"
	"reflect"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
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
	return &huma.RequestBody{
		Required: true,
		Content: map[string]*huma.MediaType{"application/json": {Schema: &huma.Schema{
			Type:                 huma.TypeObject,
			Required:             []string{"job_name"},
			AdditionalProperties: true,
			Properties: map[string]*huma.Schema{
				"job_name": text("What to do, such as estate_batch_open_rent, estate_batch_close_rent or estate_export."),
				"estatesIds": {
					Description: `The estates: a list of identifiers, each a number or a string of digits; or "all".`,
					OneOf: []*huma.Schema{
						{Type: huma.TypeString, Enum: []any{"all"}},
						{Type: huma.TypeArray, Items: &huma.Schema{OneOf: []*huma.Schema{
							{Type: huma.TypeInteger}, {Type: huma.TypeString},
						}}},
					},
				},
				"total":         {Type: huma.TypeInteger, Description: `How many the caller saw. Required with "all": another number ends the job with code 500.`},
				"searchOptions": {Type: huma.TypeObject, AdditionalProperties: true, Description: `Which ones "all" means.`},
			},
		}}},
	}
}

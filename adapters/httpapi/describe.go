package httpapi

import (
	"net/http"
	"reflect"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
)

// secured is what an operation asks for: one of the two forms of a key.
var secured = []map[string][]string{{"bearer": {}}, {"apiKey": {}}}

// unsecured is that an operation asks for no key.
var unsecured = []map[string][]string{}

// describe returns how the API describes itself. Huma's own pages of
// documentation are left out, since they load from a CDN; and so are its links
// to schemas in answers, which it builds from the Host header.
func describe(c Config) huma.Config {
	cfg := huma.DefaultConfig("batchport", c.Version)
	cfg.OpenAPIPath, cfg.DocsPath, cfg.SchemasPath = "", "", ""
	cfg.CreateHooks = nil
	cfg.Info.Description = "Bulk operations for back offices: submit a job, ask how far it is, fetch its file. " +
		"A job names thousands of items, and every item gets exactly one outcome."
	cfg.Info.Contact = &huma.Contact{Name: "batchport", URL: "https://github.com/batchport/batchport"}
	cfg.Info.License = &huma.License{Name: "Apache-2.0", URL: "https://www.apache.org/licenses/LICENSE-2.0"}
	cfg.Servers = []*huma.Server{{URL: "/", Description: "The server that this document comes from."}}
	if c.PublicURL != "" {
		cfg.Servers[0].URL = c.PublicURL
	}
	cfg.Tags = []*huma.Tag{
		{Name: "Jobs", Description: "Submit jobs, follow them, and see which items failed."},
		{Name: "Files", Description: "Upload what jobs read, download what they made, and templates to fill in."},
		{Name: "Estates", Description: "See what jobs have made of an estate."},
		{Name: "Budget rules", Description: "Sync budget rules, a few at once or many as a job, and see what is stored."},
		{Name: "Estate batch jobs", Description: "The estate batch interface, for programs that know it. Others are better off with Jobs."},
		{Name: "Health", Description: "What supervisors ask."},
	}
	cfg.Components.Schemas = huma.NewMapRegistry(schemaPrefix, schemaName)
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

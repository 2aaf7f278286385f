package httpapi

import (
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"github.com/batchport/batchport/app/estates"
)

// withStatus documents the two answers about a job.
func (a *api) withStatus(responses map[string]*huma.Response) map[string]*huma.Response {
	schemas := a.huma.OpenAPI().Components.Schemas
	responses["200"] = &huma.Response{
		Description: "How far the job is, or how it ended.",
		Content: map[string]*huma.MediaType{"application/json": {Schema: a.component("BatchStatus", &huma.Schema{
			Description: "Success tells the two apart.",
			OneOf: []*huma.Schema{
				schemas.Schema(reflect.TypeFor[unfinished](), true, ""),
				schemas.Schema(reflect.TypeFor[ended](), true, ""),
			},
		})}},
	}
	return responses
}

// batchRequest documents the body of a submission. The use case judges it, all
// of it; Huma never does, since it would refuse in its own words.
func (a *api) batchRequest() *huma.RequestBody {
	text := func(doc string) *huma.Schema { return &huma.Schema{Type: huma.TypeString, Description: doc} }
	anyMap := func(doc string) *huma.Schema {
		return &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true, Description: doc}
	}
	// A choice between a text and a list, or between a map and a list, makes a
	// generator for Java write classes that do not compile. So a selection is an
	// open value, and edits are described in the form of a list alone.
	selection := a.component("BatchSelection", &huma.Schema{
		Description: `A list of identifiers, each a number or a string of its digits; or the text "all".`,
		Examples:    []any{[]int{100001, 100002, 7}},
	})
	ids := func(what string) *huma.Schema { return &huma.Schema{Ref: selection.Ref, Description: what} }
	userID := func(doc string) *huma.Schema {
		return &huma.Schema{Type: huma.TypeInteger, Format: "int64", Nullable: true, Description: doc}
	}
	edit := a.component("BatchEdit", &huma.Schema{
		Type:        huma.TypeObject,
		Description: "An edit of one object.",
		Required:    []string{"id", "editUserId"},
		Properties: map[string]*huma.Schema{
			"id":           {Type: huma.TypeInteger, Format: "int64", Description: "The estate, or the contract."},
			"editUserId":   userID("The agent or the landlord. Null removes the landlord."),
			"capabilities": anyMap("Which capabilities of the landlord are to be 0 or 1. Those that are not sent stay."),
		},
	})
	name := &huma.Schema{Type: huma.TypeString, Description: "What to do."}
	for _, kind := range estates.Kinds() {
		name.Enum = append(name.Enum, string(kind))
	}
	return jsonBody(a.component("BatchRequest", &huma.Schema{
		Type:     huma.TypeObject,
		Required: []string{"job_name"},
		Properties: map[string]*huma.Schema{
			"job_name":            a.component("BatchJobName", name),
			"estatesIds":          ids("The estates."),
			"communityIds":        ids("The communities."),
			"contractIds":         ids("The contracts; also taken as constarctIds."),
			"repairIds":           ids("The repairs."),
			"total":               {Type: huma.TypeInteger, Description: `How many the caller saw. Required with "all": another number ends the job with code 500.`},
			"searchOptions":       anyMap(`Which ones "all" means.`),
			"publicUrl":           text("Where the report or the workbook is: an https URL, or the url of an upload."),
			"date":                text("The month that a report or a statement is for, as YYYYmm."),
			"action":              {Type: huma.TypeString, Enum: []any{"estate", "contract"}, Description: "What agents are put in charge of."},
			"data":                {Type: huma.TypeArray, Items: edit, Description: "Edits one by one. A map from identifiers to editUserId and capabilities is taken too."},
			"editUserId":          userID("The agent or the landlord, for all that the search finds: an identifier, or a string of its digits. Null removes the landlords."),
			"capabilitiesReplace": anyMap("Which capabilities of the landlord are to be 0 or 1, for all that the search finds. Those that are not sent stay."),
		},
	}))
}

// jsonBody is a required body in JSON.
func jsonBody(schema *huma.Schema) *huma.RequestBody {
	return &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"application/json": {Schema: schema}}}
}

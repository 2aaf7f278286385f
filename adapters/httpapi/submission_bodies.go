package httpapi

import (
	"reflect"
	"slices"

	"github.com/danielgtaylor/huma/v2"
)

// bodySchema is the schema of a body: made of parts, and a filter of one of
// several.
type bodySchema struct {
	name    string
	parts   []reflect.Type
	filters []string
}

// selecting is the body of a job on objects that are named, or that a filter
// finds.
func selecting(name, filter string, more ...reflect.Type) bodySchema {
	return bodySchema{name, append([]reflect.Type{reflect.TypeFor[selectedObjects]()}, more...), []string{filter}}
}

// The parts of bodies that several have.
var (
	byRows     = reflect.TypeFor[rowTreatment]()
	bySets     = reflect.TypeFor[setTreatment]()
	ofDocument = reflect.TypeFor[sourceDocument]()
)

// selectedObjects says which objects a job is about, beside the filter.
type selectedObjects struct {
	IDs   []objectID `json:"ids,omitempty" minItems:"1" doc:"The objects; or a filter. Each counts once. A string of digits is taken for a number."`
	Total *int64     `json:"total,omitempty" minimum:"0" doc:"How many the filter finds, as you saw it; required with it. Another number fails the job, which then has changed nothing."`
}

// rowTreatment is how a job may treat its items.
type rowTreatment struct {
	ValidateOnly *bool      `json:"validate_only,omitempty" doc:"Try the items and report what would become of them, and change nothing."`
	FailLimit    *failLimit `json:"fail_limit,omitempty" doc:"Stop the job when so many items have failed. What was done stays."`
}

// setTreatment is how a job may treat items that may be wanted all or not at
// all, besides.
type setTreatment struct {
	AllOrNothing *bool `json:"all_or_nothing,omitempty" doc:"Change nothing unless every item can be done: at most 10,000 items, and without fail_limit."`
}

// sourceDocument is a document that a job reads or points to.
type sourceDocument struct {
	URL   string `json:"url" maxLength:"4096" doc:"Where the document is: the url of an upload, or an https URL of up to 2,048 bytes."`
	Month string `json:"month" pattern:"^[0-9]{4}(0[1-9]|1[0-2])$" doc:"YYYYmm, from 190001." example:"202611"`
}

// bigLandlordEdits are edits of estates, beside the filter.
type bigLandlordEdits struct {
	Edits        []bigLandlordEdit `json:"edits,omitempty" minItems:"1" doc:"An edit for each estate; or one edit for all that a filter finds. They are done in the order of the ids. A bad one is a failed item."`
	Total        *int64            `json:"total,omitempty" minimum:"0" doc:"How many the filter finds, as you saw it; required with it. Another number fails the job, which then has changed nothing."`
	UserID       *objectID         `json:"user_id,omitempty" nullable:"true" doc:"The landlord of all that the filter finds, required with it; null removes them."`
	Capabilities map[string]bool   `json:"capabilities,omitempty" doc:"What the landlord of all that the filter finds may do. What is not sent stays; of a new landlord it is false."`
}

// bigLandlordEdit is the edit of one estate.
type bigLandlordEdit struct {
	ID           objectID        `json:"id" doc:"The estate."`
	UserID       *objectID       `json:"user_id" nullable:"true" doc:"Its landlord; null removes whoever there is."`
	Capabilities map[string]bool `json:"capabilities,omitempty" doc:"What the landlord may do. What is not sent stays; of a new landlord it is false."`
}

// agentEdits are edits of estates or contracts, beside the filter.
type agentEdits struct {
	Object string      `json:"object" enum:"estate,contract" doc:"What the agents are put in charge of."`
	Edits  []agentEdit `json:"edits,omitempty" minItems:"1" doc:"An edit for each object; or one edit for all that a filter finds. They are done in the order of the ids. A bad one is a failed item."`
	Total  *int64      `json:"total,omitempty" minimum:"0" doc:"How many the filter finds, as you saw it; required with it. Another number fails the job, which then has changed nothing."`
	UserID *objectID   `json:"user_id,omitempty" doc:"The agent of all that the filter finds; required with it."`
}

// agentEdit is the edit of one object.
type agentEdit struct {
	ID     objectID `json:"id" doc:"The estate or the contract."`
	UserID objectID `json:"user_id" doc:"Its agent."`
}

// describeBody adds the schema of a body, and returns a reference to it.
func (a *api) describeBody(b bodySchema) *huma.Schema {
	described := a.composed(b.name, b.parts)
	if len(b.filters) > 0 {
		filter := &huma.Schema{Description: "Which objects, instead of naming them: those that meet all of its members, of a list any; without any, every one. A single value is taken for a list of one."}
		for _, name := range b.filters {
			filter.AnyOf = append(filter.AnyOf, reference(name))
		}
		if len(b.filters) == 1 {
			filter.Ref, filter.AnyOf = filter.AnyOf[0].Ref, nil
		}
		described.Properties["filter"] = filter
	}
	return reference(b.name)
}

// composed adds a schema that has the members of all parts, and no others. An
// empty list is a mistake and null not a value, so that neither is described.
func (a *api) composed(name string, parts []reflect.Type) *huma.Schema {
	schemas := a.huma.OpenAPI().Components.Schemas
	whole := &huma.Schema{Type: huma.TypeObject, AdditionalProperties: false, Properties: map[string]*huma.Schema{}}
	for _, part := range parts {
		described := huma.SchemaFromType(schemas, part)
		for member, property := range described.Properties {
			if property.Type == huma.TypeArray {
				property.Nullable = false
			}
			whole.Properties[member] = property
		}
		whole.Required = slices.Concat(whole.Required, described.Required)
	}
	schemas.Map()[name] = whole
	return whole
}

package httpapi

import (
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/batchport/batchport/app/budgets"
	"github.com/batchport/batchport/app/estates"
	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/estate"
)

// schemaPrefix stands before the name of a schema in a reference to it.
const schemaPrefix = "#/components/schemas/"

// schemaNames are the schemas that are not called as the types here are: a
// generated client has their names, beside those of its own language.
var schemaNames = map[string]string{
	"Ended":        "BatchEnded",
	"EndedData":    "BatchEndedData",
	"Envelope":     "BatchRefusal",
	"FileView":     "JobFile",
	"HealthAnswer": "Health",
	"ReportView":   "EstateReport",
	"RulePage":     "BudgetRulePage",
	"RuleView":     "BudgetRule",
	"SubmitAnswer": "BatchSubmitted",
	"SyncAnswer":   "BudgetSyncAnswer",
	"SyncFault":    "BudgetSyncFault",
	"SyncRows":     "BudgetSyncRows",
	"Unfinished":   "BatchUnfinished",
	"UploadAnswer": "Upload",
}

// schemaName names the schema of a type.
func schemaName(t reflect.Type, hint string) string {
	name := huma.DefaultSchemaNamer(t, hint)
	if better, ok := schemaNames[name]; ok {
		return better
	}
	return strings.TrimSuffix(name, "View")
}

// component adds a schema under a name, and returns a reference to it.
func (a *api) component(name string, schema *huma.Schema) *huma.Schema {
	a.huma.OpenAPI().Components.Schemas.Map()[name] = schema
	return reference(name)
}

// reference returns a reference to the schema of that name.
func reference(name string) *huma.Schema { return &huma.Schema{Ref: schemaPrefix + name} }

// namedTexts are the types of texts that have a schema of their own, by name.
//
// The states of a job are a closed list, over which a client may switch. Kinds
// and codes are open: an installation brings its own, and a list that generators
// make a closed type of would have every old client refuse the answer of a newer
// server. So these are texts, whose list is an extension.
func namedTexts() map[reflect.Type]named {
	return map[reflect.Type]named{
		reflect.TypeFor[domain.JobState]():  {"JobState", closedList("How far a job is. It has ended when it is completed, cancelled or failed.", domain.JobStates()...)},
		reflect.TypeFor[domain.JobResult](): {"JobResult", closedList("How a job ended.", domain.JobResults()...)},
		reflect.TypeFor[estate.Status](): {"EstateStatus", closedList("What an estate is.",
			estate.Statuses()...)},
		reflect.TypeFor[domain.Kind](): {"Kind", openList("What a job does. An installation may have kinds of its own.",
			append(estates.Kinds(), budgets.Sync)...)},
		reflect.TypeFor[domain.Code](): {"Code", openList("A class of failures, for programs: docs/errors.md says what each means. Later versions may add some, and so may kinds of an installation's own.",
			codes...)},
	}
}

// locales is the schema of the header "locale".
func locales() *huma.Schema {
	return closedList("A language of messages and files.", "zh_TW", "zh_CN", "en_US", "ja_JP")
}

// named is a schema with its name.
type named struct {
	name   string
	schema *huma.Schema
}

func closedList[T ~string](doc string, list ...T) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Description: doc, Enum: texts(list)}
}

// openList is a text that is one of a list today. The extension is the one that
// says so: https://opensource.zalando.com/restful-api-guidelines/#112
func openList[T ~string](doc string, list ...T) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Description: doc, Extensions: map[string]any{"x-extensible-enum": texts(list)}}
}

func texts[T ~string](list []T) []any {
	all := make([]any, len(list))
	for i, text := range list {
		all[i] = string(text)
	}
	return all
}

// nameSchemas makes of what Huma found in the types what generators of clients
// read best: names for lists of words and for bodies, null where an object may
// be missing, and answers that may grow.
func (a *api) nameSchemas() {
	doc := a.huma.OpenAPI()
	schemas := doc.Components.Schemas
	for _, unused := range []string{"ErrorModel", "ErrorDetail"} { // Huma's own, which no operation answers with
		delete(schemas.Map(), unused)
	}
	list := namedTexts()
	for _, schema := range schemas.Map() {
		nameLists(schema, list)
	}
	for name, schema := range schemas.Map() {
		if t := schemas.TypeFromRef(schemaPrefix + name); t != nil {
			nameFields(schema, t, list)
		}
	}
	for _, word := range list {
		a.component(word.name, word.schema)
	}
	a.component("Locale", locales())
	sent, answered := map[string]bool{}, map[string]bool{}
	for _, schema := range schemas.Map() {
		sizeIntegers(schema)
	}
	for _, path := range doc.Paths {
		for _, op := range operations(path) {
			nameParameters(op, list)
			a.nameBody(op, list)
			for _, response := range op.Responses {
				for _, header := range response.Headers {
					sizeIntegers(header.Schema)
				}
				for _, content := range response.Content {
					reachable(schemas, content.Schema, answered)
				}
			}
			if op.RequestBody != nil {
				for _, content := range op.RequestBody.Content {
					reachable(schemas, content.Schema, sent)
				}
			}
		}
	}
	for name, schema := range schemas.Map() {
		// A client that refuses what it does not know would refuse the answer of
		// a newer server.
		if schema.AdditionalProperties == false && (answered[name] || !sent[name]) {
			schema.AdditionalProperties = nil
		}
	}
}

// operations returns the operations of a path.
func operations(path *huma.PathItem) []*huma.Operation {
	all := []*huma.Operation{path.Get, path.Post, path.Put, path.Patch, path.Delete, path.Head, path.Options, path.Trace}
	return slices.DeleteFunc(all, func(op *huma.Operation) bool { return op == nil })
}

// nameLists refers to lists of words by name, wherever one of them is written
// out.
func nameLists(schema *huma.Schema, list map[reflect.Type]named) {
	if schema == nil {
		return
	}
	for _, part := range parts(schema) {
		nameLists(part, list)
	}
	for _, word := range list {
		if len(schema.Enum) == 0 || !slices.Equal(schema.Enum, word.schema.Enum) {
			continue
		}
		written := *schema
		*schema = huma.Schema{Ref: schemaPrefix + word.name, Description: written.Description, Examples: written.Examples}
		if written.Nullable {
			*schema = huma.Schema{Description: written.Description, AnyOf: []*huma.Schema{{Ref: schemaPrefix + word.name}, {Type: "null"}}}
		}
		return
	}
}

// nameFields refers to words by name, and describes pointers to what has a name
// as that or null, for which Huma has no word: it would describe them as always
// being there.
func nameFields(schema *huma.Schema, t reflect.Type, list map[reflect.Type]named) {
	for _, field := range reflect.VisibleFields(t) {
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		property := schema.Properties[name]
		if property == nil {
			continue
		}
		elem, of := field.Type, property
		if elem.Kind() == reflect.Slice {
			elem, of = elem.Elem(), property.Items
		}
		pointer := elem.Kind() == reflect.Pointer
		if pointer {
			elem = elem.Elem()
		}
		if word, ok := list[elem]; ok {
			*of = huma.Schema{Ref: schemaPrefix + word.name, Description: of.Description, Examples: of.Examples}
		}
		if pointer && of.Ref != "" && !strings.Contains(options, "omit") {
			*of = huma.Schema{Description: of.Description, AnyOf: []*huma.Schema{{Ref: of.Ref}, {Type: "null"}}}
		}
	}
}

// nameParameters refers to languages by name, and says what a parameter is
// once.
func nameParameters(op *huma.Operation, list map[reflect.Type]named) {
	for _, param := range op.Parameters {
		if param.Schema == nil {
			continue
		}
		sizeIntegers(param.Schema)
		nameLists(param.Schema, list)
		if param.Schema.Description == param.Description {
			param.Schema.Description = ""
		}
		if param.In == "header" && param.Name == "locale" {
			param.Schema = reference("Locale")
		}
	}
}

// nameBody gives the body of a request a name, which generators would else
// invent.
func (a *api) nameBody(op *huma.Operation, list map[reflect.Type]named) {
	if op.RequestBody == nil {
		return
	}
	content := op.RequestBody.Content["application/json"]
	if content == nil || content.Schema == nil || content.Schema.Ref != "" {
		return
	}
	var name strings.Builder
	for part := range strings.SplitSeq(op.OperationID, "-") {
		name.WriteString(strings.ToUpper(part[:1]) + part[1:])
	}
	sizeIntegers(content.Schema)
	nameLists(content.Schema, list)
	content.Schema = a.component(name.String()+"Request", content.Schema)
}

// sizeIntegers says of every integer how large it may be, as Huma does of those
// that it finds in types: else a generated client has two types of integers, and
// what an answer says does not fit a parameter.
func sizeIntegers(schema *huma.Schema) {
	if schema == nil {
		return
	}
	if schema.Type == huma.TypeInteger && schema.Format == "" {
		schema.Format = "int64"
	}
	for _, part := range parts(schema) {
		sizeIntegers(part)
	}
}

// reachable adds the names of the schemas that schema refers to.
func reachable(schemas huma.Registry, schema *huma.Schema, names map[string]bool) {
	if schema == nil {
		return
	}
	if name, ok := strings.CutPrefix(schema.Ref, schemaPrefix); ok && !names[name] {
		names[name] = true
		reachable(schemas, schemas.SchemaFromRef(schema.Ref), names)
	}
	for _, part := range parts(schema) {
		reachable(schemas, part, names)
	}
}

// parts returns the schemas that a schema is made of, some of which may be nil.
func parts(schema *huma.Schema) []*huma.Schema {
	more, _ := schema.AdditionalProperties.(*huma.Schema)
	return slices.Concat([]*huma.Schema{schema.Items, more}, schema.OneOf, schema.AnyOf, schema.AllOf, slices.Collect(maps.Values(schema.Properties)))
}

// codes are the codes that docs/errors.md explains.
var codes = []domain.Code{
	"cancelled", "conflict", "duplicate", "fail_limit_reached", "forbidden", "idempotency_mismatch", "internal", "invalid", "link_expired", "malformed",
	"method_not_allowed", "missing_column", "not_a_workbook", "not_found", "not_kept", "not_rentable", "nothing_failed", "out_of_range", "rate_limited",
	"rejected", "required", "superseded", "too_large", "too_long", "too_many", "too_many_jobs", "total_mismatch", "unauthorized",
	"unavailable", "unknown_capability", "unknown_field", "unknown_job_name", "unknown_user", "unreachable",
}

package httpapi

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"github.com/batchport/batchport/app/document"
	"github.com/batchport/batchport/domain"
)

// ofV1 is what the paths of /v1 begin with.
const ofV1 = "/v1/"

// queryOf returns the parameters that an operation of /v1 takes behind the
// question mark, and whether they may be repeated; nil for any other operation.
func (a *api) queryOf(op huma.Operation) map[string]bool {
	if !strings.HasPrefix(op.Path, ofV1) {
		return nil // clients of the source interfaces send what they like
	}
	known := map[string]bool{}
	for _, described := range operations(a.huma.OpenAPI().Paths[op.Path]) {
		for _, param := range described.Parameters {
			if param.In == "query" && described.Method == op.Method {
				known[param.Name] = param.Schema != nil && param.Schema.Type == huma.TypeArray
			}
		}
	}
	return known
}

// checkQuery refuses parameters that an operation does not know, and second
// values of those that have one. What is passed over would do more than was
// asked for: show other jobs, or run what was only to be tried.
func (a *api) checkQuery(r *http.Request, known map[string]bool) error {
	if known == nil || r.URL.RawQuery == "" {
		return nil
	}
	var faults []domain.Failure
	query := r.URL.Query()
	for _, name := range slices.Sorted(maps.Keys(query)) {
		repeats, found := known[name]
		switch values := query[name]; {
		case !found:
			faults = append(faults, domain.NewFailure(domain.CodeUnknownField, document.ShortName(name), values[0]))
		case len(values) > 1 && !repeats:
			faults = append(faults, domain.NewFailure(domain.CodeDuplicate, name, values[1]))
		}
	}
	if faults == nil {
		return nil
	}
	if _, err := a.deps.Authenticate(r); err != nil {
		return err // which is said of whatever a caller without a key sends
	}
	return domain.FailAll(domain.CodeInvalid, faults)
}

// storable reports whether a store can hold the text, and so look for it:
// PostgreSQL has neither NUL nor anything but UTF-8.
func storable(text string) bool { return utf8.ValidString(text) && !strings.Contains(text, "\x00") }

// checkText adds to faults that no store can look for the value of a
// parameter.
func checkText(faults *[]domain.Failure, field, text string) {
	if !storable(text) {
		*faults = append(*faults, domain.NewFailure(domain.CodeInvalid, field, strings.ToValidUTF8(text, "\uFFFD"), "expected", "string"))
	}
}

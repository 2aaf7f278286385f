package httpapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
)

// Submission is how jobs of a kind are submitted, for tests that are clients.
type Submission struct {
	Kind, Path string
	Examples   []string
	valid      func(v any) []error
}

// Submissions lists them.
func Submissions() (all []Submission) {
	a := &api{huma: humago.New(http.NewServeMux(), describe(Config{Version: "test"}))}
	a.registerSubmissions()
	schemas := a.huma.OpenAPI().Components.Schemas
	for _, schema := range schemas.Map() {
		schema.PrecomputeMessages() // which validating rests on
	}
	for _, s := range submissions() {
		path := jobsPath + "/" + s.slug
		schema := a.huma.OpenAPI().Paths[path].Post.RequestBody.Content["application/json"].Schema
		all = append(all, Submission{Kind: string(s.kind), Path: path, Examples: s.examples, valid: func(v any) []error {
			result := &huma.ValidateResult{}
			huma.Validate(schemas, schema, huma.NewPathBuffer([]byte{}, 0), huma.ModeWriteToServer, v, result)
			return result.Errors
		}})
	}
	return all
}

// Described reports what the description of the API says against a body.
func (s Submission) Described(body string) error {
	var v any
	if err := json.Unmarshal([]byte(body), &v); err != nil {
		return err
	}
	if wrong := s.valid(v); len(wrong) > 0 {
		return fmt.Errorf("%v", wrong)
	}
	return nil
}

// TestExamplesAreDescribed holds the examples of bodies to their schemas.
func TestExamplesAreDescribed(t *testing.T) {
	t.Parallel()
	for _, s := range Submissions() {
		for _, example := range s.Examples {
			if err := s.Described(example); err != nil {
				t.Errorf("%s has the example %s, which it does not describe: %v", s.Path, example, err)
			}
		}
	}
}

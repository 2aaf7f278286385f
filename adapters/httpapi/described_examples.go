package httpapi

import (
	_ "embed"
	"encoding/json"
	"fmt"
)

// examples are requests and answers as they are sent, by operation, and errors,
// by schema. No object is null in an answer: OpenAPI 3.0 has no word for that
// which both validators and generators of clients understand.
//
//go:embed described_examples.json
var examples []byte

// addExamples adds the examples to what they are examples of. A success has
// one in its only content type.
func (a *api) addExamples() error {
	var given struct {
		Schemas    map[string]json.RawMessage `json:"schemas"`
		Operations map[string]struct {
			Request json.RawMessage `json:"request"`
			Answer  json.RawMessage `json:"answer"`
		} `json:"operations"`
	}
	if err := json.Unmarshal(examples, &given); err != nil {
		return fmt.Errorf("read the examples: %w", err)
	}
	doc := a.huma.OpenAPI()
	for name, example := range given.Schemas {
		if schema := doc.Components.Schemas.Map()[name]; schema != nil {
			schema.Examples = []any{example}
		}
	}
	for _, path := range doc.Paths {
		for _, op := range operations(path) {
			example := given.Operations[op.OperationID]
			if op.RequestBody != nil && example.Request != nil {
				op.RequestBody.Content["application/json"].Example = example.Request
			}
			for _, status := range []string{"200", "201"} {
				if answer := op.Responses[status]; answer != nil && example.Answer != nil {
					answer.Content["application/json"].Example = example.Answer
				}
			}
		}
	}
	return nil
}

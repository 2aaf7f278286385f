package httpapi

import "github.com/danielgtaylor/huma/v2"

// syncRequest documents the body of a sync. The use case judges it, row by row;
// Huma never does, since one bad row would refuse the whole.
func (a *api) syncRequest() *huma.RequestBody {
	return jsonBody(a.component("BudgetSyncRequest", &huma.Schema{
		Type:     huma.TypeObject,
		Required: []string{"bizId", "timestamp", "data"},
		Properties: map[string]*huma.Schema{
			"bizId":     {Type: huma.TypeString, Description: "Names the request: 1 to 36 bytes. Sent again with the same data it gives the stored answer, with other data a 409."},
			"timestamp": {Type: huma.TypeInteger, Format: "int64", Description: "Milliseconds since 1970, 13 digits."},
			"data":      a.ruleRows(),
		},
	}))
}

// ruleRows documents a list of rules as they are sent. Of what is taken in more
// than one form, it names the one that programs find easy.
func (a *api) ruleRows() *huma.Schema {
	text := func(doc string) *huma.Schema { return &huma.Schema{Type: huma.TypeString, Description: doc} }
	condition := ruleCondition(a.huma.OpenAPI().Components.Schemas)
	condition.Description = "Text that holds such an object is taken too. It or rule_condition_json is required."
	return &huma.Schema{
		Type:        huma.TypeArray,
		Description: "The rules, each judged by itself.",
		Items: a.component("BudgetRuleRow", &huma.Schema{
			Type:        huma.TypeObject,
			Description: "A rule as it is sent. A row that is wrong fails by itself, and the request does not.",
			Required:    []string{"code", "priority", "budget_code"},
			Properties: map[string]*huma.Schema{
				"code":                text("Identifies the rule: at most 64 bytes."),
				"priority":            {Type: huma.TypeInteger, Description: "0 to 9999. Text of its digits is taken too."},
				"budget_code":         text("At most 64 bytes."),
				"rule_condition":      condition,
				"rule_condition_json": text("The same as rule_condition, as text; only one of them may be sent."),
				"branch_code":         text("At most 64 bytes. Absent: cleared."),
				"budget_event":        text("At most 64 bytes. Absent: cleared."),
				"deleted_flag":        {Type: huma.TypeString, Enum: []any{"Y", "N"}, Default: "N", Description: "Y marks the rule as deleted; it stays, and N brings it back."},
			},
		}),
	}
}

// ruleCondition documents a condition. What stands behind the name of a column
// is left open, since generators make much of a choice of four types.
func ruleCondition(schemas huma.Registry) *huma.Schema {
	schemas.Map()["RuleCondition"] = &huma.Schema{
		Type: huma.TypeObject,
		Description: "Which documents a rule is for: names of columns (header_X of the head, charge_department_X of the department, " +
			"project_X of the project, any other of the line), each with the value or the list of values that it may have: texts, numbers or booleans.",
		AdditionalProperties: true,
		Examples:             []any{map[string]any{"type_id": []string{"T026", "T027"}, "header_column22": "claim"}},
	}
	return reference("RuleCondition")
}

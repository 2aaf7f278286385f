package budget_test

import (
	"fmt"

	"github.com/batchport/batchport/domain/budget"
)

func ExampleCheck() {
	text := func(s string) budget.Sent { return budget.Sent{Kind: budget.String, Text: s} }
	row := budget.Sent{Kind: budget.Object, Members: []budget.Member{
		{Name: "code", Value: text("R1")},
		{Name: "priority", Value: budget.Sent{Kind: budget.Number, Text: "10000"}},
		{Name: "rule_condition", Value: budget.Sent{Kind: budget.Object, Members: []budget.Member{
			{Name: "header_column22", Value: text("claim")},
		}}},
	}}
	checked := budget.Check(row, nil)
	for _, f := range checked.Faults {
		fmt.Println(f)
	}
	fmt.Println(checked.Rule.Condition.Text(), checked.Rule.Condition[0].Column.Source)
	// Output:
	// priority: out_of_range max="9999" min="0"
	// budget_code: required
	// {"header_column22":"claim"} head
}

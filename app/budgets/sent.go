package budgets

import (
	"github.com/batchport/batchport/app/document"
	"github.com/batchport/batchport/domain/budget"
)

// kinds are what the rules call the kinds of values.
var kinds = [...]budget.Kind{
	document.Null: budget.Null, document.Bool: budget.Bool, document.Number: budget.Number,
	document.String: budget.String, document.List: budget.List, document.Object: budget.Object,
}

// rowOf is a row as the rules judge it: text that holds a condition is read.
func rowOf(v document.Value) budget.Sent {
	row := sentOf(v)
	for i, m := range row.Members {
		if m.Name == budget.ConditionField || m.Name == budget.OtherConditionField {
			row.Members[i].Value = conditionOf(m.Value)
		}
	}
	return row
}

// conditionOf reads text that holds an object, or the list that PHP writes for
// an empty one. Other text stays what it is.
func conditionOf(s budget.Sent) budget.Sent {
	if s.Kind != budget.String {
		return s
	}
	v, err := document.Parse(s.Text)
	if err != nil || v.Kind != document.Object && (v.Kind != document.List || len(v.List) > 0) {
		return s
	}
	return sentOf(v)
}

func sentOf(v document.Value) budget.Sent {
	s := budget.Sent{Kind: kinds[v.Kind], Text: v.Text}
	switch v.Kind {
	case document.Bool:
		s.Text = v.Sent()
	case document.List:
		s.List = make([]budget.Sent, len(v.List))
		for i, item := range v.List {
			s.List[i] = sentOf(item)
		}
	case document.Object:
		s.Members = make([]budget.Member, len(v.Members))
		for i, m := range v.Members {
			s.Members[i] = budget.Member{Name: m.Name, Value: sentOf(m.Value)}
		}
	case document.Null, document.Number, document.String:
	}
	return s
}

package estate_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/estate"
)

func TestAgentEditOutcome(t *testing.T) {
	t.Parallel()
	edit := estate.AgentEdit{ID: 1, AgentID: 7}
	assert.Equal(t, domain.Outcome{Fate: domain.Updated}, edit.Outcome(0), "nobody was in charge")
	assert.Equal(t, domain.Outcome{Fate: domain.Updated}, edit.Outcome(8), "another was in charge")
	assert.Equal(t, domain.Outcome{Fate: domain.Unchanged}, edit.Outcome(7), "the same person was in charge")
}

func TestGrantEditApply(t *testing.T) {
	t.Parallel()
	type set = map[estate.Capability]bool
	grant := func(user int64, capabilities ...estate.Capability) *estate.Grant {
		return &estate.Grant{EstateID: 1, UserID: user, Capabilities: capabilities}
	}
	for _, c := range []struct {
		name   string
		former *estate.Grant
		user   int64
		to     set
		want   *estate.Grant
		fate   domain.Fate
	}{
		{"nobody where there is nobody", nil, 0, nil, nil, domain.Unchanged},
		{"nobody, whatever the capabilities say", nil, 0, set{"a": true}, nil, domain.Unchanged},
		{"somebody is removed", grant(1, "a"), 0, set{"a": true}, nil, domain.Deleted},
		{"a first landlord", nil, 1, nil, grant(1), domain.Created},
		{"a first landlord with capabilities", nil, 1, set{"b": true, "c": false, "a": true}, grant(1, "a", "b"), domain.Created},
		{"another landlord begins with none", grant(2, "a", "b"), 1, nil, grant(1), domain.Updated},
		{"another landlord has those named alone", grant(2, "a", "b"), 1, set{"c": true, "a": false}, grant(1, "c"), domain.Updated},
		{"the same one keeps the rest", grant(1, "a", "c"), 1, set{"b": true}, grant(1, "a", "b", "c"), domain.Updated},
		{"the same one loses one", grant(1, "a", "c"), 1, set{"a": false}, grant(1, "c"), domain.Updated},
		{"the same one loses the last", grant(1, "a"), 1, set{"a": false}, grant(1), domain.Updated},
		{"nothing named", grant(1, "a"), 1, nil, grant(1, "a"), domain.Unchanged},
		{"named as they are", grant(1, "a"), 1, set{"a": true, "b": false}, grant(1, "a"), domain.Unchanged},
		{"none at all, as before", grant(1), 1, set{"b": false}, grant(1), domain.Unchanged},
	} {
		var before *estate.Grant
		if c.former != nil {
			before = grant(c.former.UserID, slices.Clone(c.former.Capabilities)...)
		}
		got, outcome := estate.GrantEdit{EstateID: 1, UserID: c.user, Capabilities: c.to}.Apply(c.former)
		assert.Equal(t, c.want, got, c.name)
		assert.Equal(t, domain.Outcome{Fate: c.fate}, outcome, c.name)
		assert.Equal(t, before, c.former, "%s: the former grant is left as it was", c.name)
	}
}

// The same edit again changes nothing, capabilities stay sorted without
// repetition, and each is what the edit says, or else what it was.
func TestGrantEditApplyAlways(t *testing.T) {
	t.Parallel()
	all := []estate.Capability{"a", "b", "c", "d"}
	rapid.Check(t, func(t *rapid.T) {
		var former *estate.Grant
		if user := rapid.Int64Range(0, 2).Draw(t, "former user"); user > 0 {
			former = &estate.Grant{EstateID: 1, UserID: user}
			for _, c := range all {
				if rapid.Bool().Draw(t, "had") {
					former.Capabilities = append(former.Capabilities, c)
				}
			}
		}
		edit := estate.GrantEdit{
			EstateID: 1, UserID: rapid.Int64Range(0, 2).Draw(t, "user"),
			Capabilities: rapid.MapOf(rapid.SampledFrom(all), rapid.Bool()).Draw(t, "capabilities"),
		}
		got, _ := edit.Apply(former)
		again, outcome := edit.Apply(got)
		if outcome.Fate != domain.Unchanged || (again == nil) != (got == nil) {
			t.Fatalf("Apply again = %+v, %s; want %+v unchanged", again, outcome.Fate, got)
		}
		if got == nil {
			return
		}
		same := former != nil && former.UserID == edit.UserID
		var want []estate.Capability
		for _, c := range all {
			on, named := edit.Capabilities[c]
			if named && on || !named && same && slices.Contains(former.Capabilities, c) {
				want = append(want, c)
			}
		}
		if !slices.Equal(got.Capabilities, want) {
			t.Fatalf("%+v of %+v makes %v, want %v", edit, former, got.Capabilities, want)
		}
	})
}

func TestReportReplacing(t *testing.T) {
	t.Parallel()
	report := estate.Report{EstateID: 1, Month: "202611", URL: "https://example.com/a.pdf"}
	same, other, upload := report, report, estate.Report{EstateID: 1, Month: "202611", Upload: report.URL}
	other.URL += "?"
	assert.Equal(t, domain.Created, report.Replacing(nil).Fate)
	assert.Equal(t, domain.Unchanged, report.Replacing(&same).Fate)
	assert.Equal(t, domain.Updated, report.Replacing(&other).Fate)
	assert.Equal(t, domain.Updated, report.Replacing(&upload).Fate, "an upload of that name is something else")
}

func TestStatementLineReplacing(t *testing.T) {
	t.Parallel()
	line := estate.StatementLine{EstateID: 1, Month: "202611", Item: "管理費", Amount: 5, Note: "n"}
	same, amount, note := line, line, line
	amount.Amount, note.Note = -5, "N"
	assert.Equal(t, domain.Created, line.Replacing(nil).Fate)
	assert.Equal(t, domain.Unchanged, line.Replacing(&same).Fate)
	assert.Equal(t, domain.Updated, line.Replacing(&amount).Fate)
	assert.Equal(t, domain.Updated, line.Replacing(&note).Fate)
}

func TestStatementLineFaults(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		line estate.StatementLine
		want []string
	}{
		{"good line", estate.StatementLine{EstateID: 1, Month: "202611", Item: " 管理費 ", Amount: -estate.MaxMoney, Note: strings.Repeat("x", estate.MaxNote)}, nil},
		{"longest item", estate.StatementLine{EstateID: 1, Item: strings.Repeat("x", estate.MaxItem), Amount: estate.MaxMoney}, nil},
		{"zero line", estate.StatementLine{}, []string{"estate_id out_of_range", "item required"}},
		{
			"bad line",
			estate.StatementLine{EstateID: -1, Item: strings.Repeat("x", estate.MaxItem+1), Amount: estate.MaxMoney + 1, Note: strings.Repeat("x", estate.MaxNote+1)},
			[]string{"estate_id out_of_range", "item too_long", "amount out_of_range", "note too_long"},
		},
		{
			"line that no store can hold",
			estate.StatementLine{EstateID: 1, Item: "a\x00b", Amount: -estate.MaxMoney - 1, Note: "\xff"},
			[]string{"item invalid", "amount out_of_range", "note invalid"},
		},
		{"blank item", estate.StatementLine{EstateID: 1, Item: " \t\n"}, []string{"item required"}},
	} {
		assert.Equal(t, c.want, said(c.line.Faults()), c.name)
	}
}

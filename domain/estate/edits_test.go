package estate_test

import (
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/estate"
)

func TestAgentEditOutcome(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		agent, inCharge int64
		want            domain.Fate
	}{
		{7, 7, domain.Unchanged}, {7, 8, domain.Updated}, {7, 0, domain.Updated}, {estate.MaxID, estate.MaxID, domain.Unchanged},
	} {
		got := estate.AgentEdit{ID: 7, AgentID: c.agent}.Outcome(c.inCharge)
		assert.Equal(t, domain.Outcome{Fate: c.want}, got, "%d after %d", c.agent, c.inCharge)
	}
}

func TestGrantEditApply(t *testing.T) {
	t.Parallel()
	type capabilities = map[estate.Capability]bool
	grant := func(user int64, can ...estate.Capability) *estate.Grant {
		return &estate.Grant{EstateID: 1, UserID: user, Capabilities: can}
	}
	for _, c := range []struct {
		name   string
		former *estate.Grant
		user   int64
		edit   capabilities
		want   *estate.Grant
		fate   domain.Fate
	}{
		{"nobody stays nobody", nil, 0, nil, nil, domain.Unchanged},
		{"nobody has no capabilities", nil, 0, capabilities{"a": true}, nil, domain.Unchanged},
		{"removed", grant(5, "a"), 0, nil, nil, domain.Deleted},
		{"removed with capabilities", grant(5), 0, capabilities{"a": true}, nil, domain.Deleted},
		{"new without capabilities", nil, 5, nil, grant(5), domain.Created},
		{"new with some", nil, 5, capabilities{"c": true, "a": true, "b": false}, grant(5, "a", "c"), domain.Created},
		{"another person starts at 0", grant(5, "a", "b"), 6, nil, grant(6), domain.Updated},
		{"another person gets what is said", grant(5, "a", "b"), 6, capabilities{"c": true, "b": true, "a": false}, grant(6, "b", "c"), domain.Updated},
		{"another person of the same capabilities", grant(5, "a"), 6, capabilities{"a": true}, grant(6, "a"), domain.Updated},
		{"the same person, nothing said", grant(5, "a", "b"), 5, nil, grant(5, "a", "b"), domain.Unchanged},
		{"the same person, as it is", grant(5, "a", "b"), 5, capabilities{"a": true, "c": false}, grant(5, "a", "b"), domain.Unchanged},
		{"the same person without any", grant(5), 5, capabilities{"a": false}, grant(5), domain.Unchanged},
		{"one more", grant(5, "b"), 5, capabilities{"a": true}, grant(5, "a", "b"), domain.Updated},
		{"one less", grant(5, "a", "b", "c"), 5, capabilities{"b": false}, grant(5, "a", "c"), domain.Updated},
		{"the last one", grant(5, "a"), 5, capabilities{"a": false}, grant(5), domain.Updated},
		{"one for another", grant(5, "a"), 5, capabilities{"a": false, "b": true}, grant(5, "b"), domain.Updated},
	} {
		got, outcome := estate.GrantEdit{EstateID: 1, UserID: c.user, Capabilities: c.edit}.Apply(c.former)
		assert.Equal(t, c.want, got, c.name)
		assert.Equal(t, domain.Outcome{Fate: c.fate}, outcome, c.name)
	}
}

// For each capability: what the edit says, else what the same person had, else 0.
func TestGrantEditApplyToAny(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		capability := rapid.SampledFrom(estate.Capabilities())
		user := rapid.Int64Range(0, 2)
		var former *estate.Grant
		var had []estate.Capability
		if id := user.Draw(t, "former"); id > 0 {
			// With room behind, which an append would write to.
			room := make([]estate.Capability, 0, 20)
			had = slices.Sorted(slices.Values(rapid.SliceOfDistinct(capability, rapid.ID).Draw(t, "had")))
			former = &estate.Grant{EstateID: 9, UserID: id, Capabilities: append(room, had...)}
		}
		edit := estate.GrantEdit{EstateID: 9, UserID: user.Draw(t, "user"), Capabilities: rapid.MapOf(capability, rapid.Bool()).Draw(t, "edit")}
		said := maps.Clone(edit.Capabilities)

		got, outcome := edit.Apply(former)

		want := map[estate.Capability]bool{}
		for _, c := range estate.Capabilities() {
			on, named := said[c]
			kept := !named && former != nil && former.UserID == edit.UserID && slices.Contains(had, c)
			if on || kept {
				want[c] = true
			}
		}
		switch {
		case (got == nil) != (edit.UserID == 0):
			t.Fatalf("Apply = %+v for user %d", got, edit.UserID)
		case got != nil && (got.EstateID != 9 || got.UserID != edit.UserID || !slices.Equal(got.Capabilities, slices.Sorted(maps.Keys(want)))):
			t.Fatalf("Apply = %+v, want %v", got, want)
		case !maps.Equal(said, edit.Capabilities):
			t.Fatalf("Apply changes the edit to %v from %v", edit.Capabilities, said)
		case former != nil && (!slices.Equal(former.Capabilities, had) || slices.ContainsFunc(former.Capabilities[len(had):20], func(c estate.Capability) bool { return c != "" })):
			t.Fatalf("Apply changes what was to %q, %q; want %q and nothing behind", former.Capabilities, former.Capabilities[:20], had)
		}
		if got != nil && len(got.Capabilities) > 0 && former != nil {
			got.Capabilities[0] = "changed"
			if !slices.Equal(former.Capabilities, had) {
				t.Fatalf("the new grant shares its list with the former one")
			}
		}
		// Once more, it is so already.
		next, _ := edit.Apply(former)
		if _, again := edit.Apply(next); again.Fate != domain.Unchanged || outcome.Failure != nil {
			t.Fatalf("Apply again = %+v after %+v, want unchanged", again, outcome)
		}
	})
}

func TestReportReplacing(t *testing.T) {
	t.Parallel()
	r := estate.Report{EstateID: 1, Month: "202611", URL: "https://example.com/a.pdf"}
	same, elsewhere, upload := r, r, r
	elsewhere.URL = "https://example.com/b.pdf"
	upload.URL, upload.Upload = "", "u"
	for _, c := range []struct {
		former *estate.Report
		want   domain.Fate
	}{
		{nil, domain.Created}, {&same, domain.Unchanged}, {&elsewhere, domain.Updated}, {&upload, domain.Updated},
	} {
		assert.Equal(t, domain.Outcome{Fate: c.want}, r.Replacing(c.former), "%+v", c.former)
	}
	assert.Equal(t, r, same)
}

func TestStatementLineReplacing(t *testing.T) {
	t.Parallel()
	line := estate.StatementLine{EstateID: 1, Month: "202611", Item: "管理費", Amount: 100, Note: "n"}
	same, amount, note, sign := line, line, line, line
	amount.Amount, note.Note, sign.Amount = 101, "n ", -100
	for _, c := range []struct {
		former *estate.StatementLine
		want   domain.Fate
	}{
		{nil, domain.Created}, {&same, domain.Unchanged}, {&amount, domain.Updated}, {&note, domain.Updated}, {&sign, domain.Updated},
	} {
		assert.Equal(t, domain.Outcome{Fate: c.want}, line.Replacing(c.former), "%+v", c.former)
	}
}

func TestStatementLineFaults(t *testing.T) {
	t.Parallel()
	good := estate.StatementLine{EstateID: 1, Month: "202611", Item: "管理費"}
	with := func(change func(*estate.StatementLine)) estate.StatementLine {
		line := good
		change(&line)
		return line
	}
	for name, c := range map[string]struct {
		line estate.StatementLine
		want []string
	}{
		"good":        {good, nil},
		"white space": {with(func(l *estate.StatementLine) { l.Item, l.Note = " a\n", " " }), nil},
		"largest":     {with(func(l *estate.StatementLine) { l.EstateID, l.Amount = estate.MaxID, estate.MaxMoney }), nil},
		"smallest":    {with(func(l *estate.StatementLine) { l.Amount = -estate.MaxMoney }), nil},
		"longest": {with(func(l *estate.StatementLine) {
			l.Item, l.Note = strings.Repeat("費", 100), strings.Repeat("n", estate.MaxNote)
		}), nil},
		"zero":       {estate.StatementLine{}, []string{"estate_id out_of_range", "item required"}},
		"blank item": {with(func(l *estate.StatementLine) { l.Item = " \t\u3000" }), []string{"item required"}},
		"long texts": {with(func(l *estate.StatementLine) {
			l.Item, l.Note = strings.Repeat("費", 101), strings.Repeat("n", estate.MaxNote+1)
		}), []string{"item too_long", "note too_long"}},
		"texts not stored": {with(func(l *estate.StatementLine) { l.Item, l.Note = "a\x00", "\xff" }), []string{"item invalid", "note invalid"}},
		"too much":         {with(func(l *estate.StatementLine) { l.Amount = estate.MaxMoney + 1 }), []string{"amount out_of_range"}},
		"too little":       {with(func(l *estate.StatementLine) { l.Amount = math.MinInt64 }), []string{"amount out_of_range"}},
	} {
		assert.Equal(t, c.want, said(c.line.Faults()), name)
	}
	faults := with(func(l *estate.StatementLine) { l.Amount = -estate.MaxMoney - 1 }).Faults()
	require.Len(t, faults, 1)
	assert.Equal(t, "-10000000000000.00", faults[0].Value)
	assert.Equal(t, map[string]string{"min": "-9999999999999.99", "max": "9999999999999.99"}, faults[0].Params)
}

func TestCapabilityNames(t *testing.T) {
	t.Parallel()
	for _, c := range append(estate.Capabilities(), "a", "A_9", estate.Capability(strings.Repeat("x", 64))) {
		assert.True(t, c.WellFormed(), c)
	}
	for _, c := range []estate.Capability{"", "_a", "9a", "a b", "a-b", "a.b", "日本", "a\n", estate.Capability(strings.Repeat("x", 65))} {
		assert.False(t, c.WellFormed(), c)
	}
}

package estate_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/estate"
)

func place(countries, districts []int64) estate.Place {
	return estate.Place{Countries: countries, Districts: districts}
}

func TestCommunityFilterMatches(t *testing.T) {
	t.Parallel()
	c := estate.Community{ID: 1, Name: "River Side 河岸", Country: 1, District: 2, Address: "Main St. 5"}
	for _, tt := range []struct {
		filter estate.CommunityFilter
		want   bool
	}{
		{estate.CommunityFilter{}, true},
		{estate.CommunityFilter{Keywords: []string{"sIDE"}}, true},
		{estate.CommunityFilter{Keywords: []string{"st. 5"}}, true},
		{estate.CommunityFilter{Keywords: []string{"x", "河"}}, true},
		{estate.CommunityFilter{Keywords: []string{"x"}}, false},
		{estate.CommunityFilter{Keywords: []string{"岸Main"}}, false},
		{estate.CommunityFilter{Place: place([]int64{1}, []int64{3, 2})}, true},
		{estate.CommunityFilter{Place: place([]int64{2}, nil)}, false},
		{estate.CommunityFilter{Place: place(nil, []int64{1})}, false},
		{estate.CommunityFilter{Place: place([]int64{1}, []int64{1})}, false},
		{estate.CommunityFilter{Keywords: []string{"x"}, Place: place([]int64{1}, []int64{2})}, false},
	} {
		assert.Equal(t, tt.want, tt.filter.Matches(c), "%+v", tt.filter)
	}
}

func TestContractFilterMatches(t *testing.T) {
	t.Parallel()
	c := estate.Contract{ID: 1, EstateID: 2, AgentID: 3, TenantName: "Lee 李", StartsOn: "2026-01-01", EndsOn: "2026-06-30", State: estate.ContractActive}
	e := estate.Estate{ID: 2, Name: "flat", Address: "street", Country: 4, District: 5, AgentID: 6}
	for _, tt := range []struct {
		filter estate.ContractFilter
		want   bool
	}{
		{estate.ContractFilter{}, true},
		{estate.ContractFilter{Keywords: []string{"LEE"}}, true},
		{estate.ContractFilter{Keywords: []string{"flat", "street"}}, false},
		{estate.ContractFilter{Place: place([]int64{4}, []int64{5})}, true},
		{estate.ContractFilter{Place: place([]int64{5}, nil)}, false},
		{estate.ContractFilter{Place: place(nil, []int64{4})}, false},
		{estate.ContractFilter{EstateIDs: []int64{9, 2}}, true},
		{estate.ContractFilter{EstateIDs: []int64{1}}, false},
		{estate.ContractFilter{AgentIDs: []int64{3}}, true},
		{estate.ContractFilter{AgentIDs: []int64{6}}, false},
		{estate.ContractFilter{States: []estate.ContractState{estate.ContractDraft, estate.ContractActive}}, true},
		{estate.ContractFilter{States: []estate.ContractState{estate.ContractEnded}}, false},
		{estate.ContractFilter{EndsAfter: "2026-06-29", EndsBefore: "2026-07-01"}, true},
		{estate.ContractFilter{EndsAfter: "2026-06-30"}, false},
		{estate.ContractFilter{EndsBefore: "2026-06-30"}, false},
		{estate.ContractFilter{EndsAfter: "2026-06-29", EndsBefore: "2026-06-30"}, false},
	} {
		assert.Equal(t, tt.want, tt.filter.Matches(c, e), "%+v", tt.filter)
	}
}

func TestRepairFilterMatches(t *testing.T) {
	t.Parallel()
	r := estate.Repair{ID: 1, EstateID: 2, Category: "Water", Description: "Tap drips", ReportedOn: "2026-02-28", State: estate.RepairDoing}
	e := estate.Estate{ID: 2, Name: "flat", Country: 4, District: 5}
	for _, tt := range []struct {
		filter estate.RepairFilter
		want   bool
	}{
		{estate.RepairFilter{}, true},
		{estate.RepairFilter{Keywords: []string{"P DRIP"}}, true},
		{estate.RepairFilter{Keywords: []string{"water", "flat"}}, false},
		{estate.RepairFilter{Place: place([]int64{4}, []int64{5})}, true},
		{estate.RepairFilter{Place: place([]int64{5}, nil)}, false},
		{estate.RepairFilter{Place: place(nil, []int64{4})}, false},
		{estate.RepairFilter{EstateIDs: []int64{2}}, true},
		{estate.RepairFilter{EstateIDs: []int64{1}}, false},
		{estate.RepairFilter{States: []estate.RepairState{estate.RepairDoing}}, true},
		{estate.RepairFilter{States: []estate.RepairState{estate.RepairOpen, estate.RepairDone}}, false},
		{estate.RepairFilter{Categories: []string{"x", "Water"}}, true},
		{estate.RepairFilter{Categories: []string{"water", "Wat", "Water ", ""}}, false},
		{estate.RepairFilter{ReportedAfter: "2026-02-27", ReportedBefore: "2026-03-01"}, true},
		{estate.RepairFilter{ReportedAfter: "2026-02-28"}, false},
		{estate.RepairFilter{ReportedBefore: "2026-02-28"}, false},
	} {
		assert.Equal(t, tt.want, tt.filter.Matches(r, e), "%+v", tt.filter)
	}
}

// ASCII letters are alike in either case, and nothing else is: not what some
// language's rules fold into them.
func TestKeywordsFoldASCIIAlone(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text, keyword string
		want          bool
	}{
		{"K", "k", true},
		{"k", "K", true},
		{"\u212A", "k", false}, // the sign of the kelvin
		{"k", "\u212A", false},
		{"İ", "i", false},
		{"i", "İ", false},
		{"I", "ı", false},
		{"ı", "I", false},
		{"ſ", "s", false},
		{"S", "ſ", false},
		{"straße", "STRASSE", false},
		{"é", "É", false},
		{"e\u0301", "é", false},
		{"e\u0301", "E", true},
		{"Ａ", "A", false},
		{"@[`{", "`", true},
		{"@", "`", false},
		{"[", "{", false},
		{"100%", "0%", true},
		{"1000", "0%", false},
		{"aXb", "a_b", false},
		{`a\b`, `A\B`, true},
		{"😀🏠", "🏠", true},
		{"", "a", false},
	} {
		keywords := []string{c.keyword}
		assert.Equal(t, c.want, estate.CommunityFilter{Keywords: keywords}.Matches(estate.Community{Name: c.text}), "%q in a name %q", c.keyword, c.text)
		assert.Equal(t, c.want, estate.CommunityFilter{Keywords: keywords}.Matches(estate.Community{Address: c.text}), "%q in an address %q", c.keyword, c.text)
		assert.Equal(t, c.want, estate.ContractFilter{Keywords: keywords}.Matches(estate.Contract{TenantName: c.text}, estate.Estate{}), "%q in %q", c.keyword, c.text)
		assert.Equal(t, c.want, estate.RepairFilter{Keywords: keywords}.Matches(estate.Repair{Description: c.text}, estate.Estate{}), "%q in %q", c.keyword, c.text)
	}
}

// A filter finds what each of its conditions finds alone, and a list what any
// of its values finds alone.
func TestConditionsAreAllMetAndListsByAny(t *testing.T) {
	t.Parallel()
	number := rapid.Int64Range(1, 3)
	numbers := rapid.SliceOfN(number, 0, 3)
	day := rapid.SampledFrom([]estate.Date{"", "2026-01-01", "2026-01-02", "2026-01-03"})
	texts := rapid.SliceOfN(rapid.StringOfN(rapid.RuneFrom([]rune("aAbK\u212A")), 1, 2, -1), 0, 2)
	rapid.Check(t, func(t *rapid.T) {
		r := estate.Repair{
			EstateID: number.Draw(t, "estate"), Category: rapid.SampledFrom([]string{"a", "A", "b"}).Draw(t, "category"),
			Description: rapid.StringOfN(rapid.RuneFrom([]rune("aAbK\u212A")), 0, 5, -1).Draw(t, "description"),
			ReportedOn:  rapid.SampledFrom([]estate.Date{"2026-01-01", "2026-01-02", "2026-01-03"}).Draw(t, "day"),
			State:       rapid.SampledFrom(estate.RepairStates()).Draw(t, "state"),
		}
		e := estate.Estate{Country: number.Draw(t, "country"), District: number.Draw(t, "district")}
		f := estate.RepairFilter{
			Keywords: texts.Draw(t, "keywords"), Place: place(numbers.Draw(t, "countries"), numbers.Draw(t, "districts")),
			EstateIDs: numbers.Draw(t, "estates"), States: rapid.SliceOfN(rapid.SampledFrom(estate.RepairStates()), 0, 2).Draw(t, "states"),
			Categories: rapid.SliceOfN(rapid.SampledFrom([]string{"a", "A", "b"}), 0, 2).Draw(t, "categories"),
		}
		f.ReportedAfter, f.ReportedBefore = day.Draw(t, "after"), day.Draw(t, "before")
		want := anyAlone(f.Keywords, func(k []string) bool { return estate.RepairFilter{Keywords: k}.Matches(r, e) }) &&
			anyAlone(f.Countries, func(n []int64) bool { return estate.RepairFilter{Place: place(n, nil)}.Matches(r, e) }) &&
			anyAlone(f.Districts, func(n []int64) bool { return estate.RepairFilter{Place: place(nil, n)}.Matches(r, e) }) &&
			anyAlone(f.EstateIDs, func(n []int64) bool { return n[0] == r.EstateID }) &&
			anyAlone(f.States, func(s []estate.RepairState) bool { return s[0] == r.State }) &&
			anyAlone(f.Categories, func(c []string) bool { return c[0] == r.Category }) &&
			(f.ReportedAfter == "" || r.ReportedOn > f.ReportedAfter) && (f.ReportedBefore == "" || r.ReportedOn < f.ReportedBefore)
		if got := f.Matches(r, e); got != want {
			t.Fatalf("Matches = %t, want %t, of %+v with %+v and %+v", got, want, f, r, e)
		}
	})
}

func anyAlone[V any](values []V, matches func([]V) bool) bool {
	return len(values) == 0 || slices.ContainsFunc(values, func(v V) bool { return matches([]V{v}) })
}

func TestObjectFilterFaults(t *testing.T) {
	t.Parallel()
	many := slices.Repeat([]int64{1}, estate.MaxFilterValues)
	tooMany := append(slices.Clone(many), 1)
	bad := place([]int64{-1, 0}, []int64{estate.MaxNumber, estate.MaxNumber + 1})
	for _, c := range []struct {
		filter interface{ Faults() []domain.Failure }
		want   []string
	}{
		{estate.CommunityFilter{}, nil},
		{estate.CommunityFilter{Keywords: slices.Repeat([]string{strings.Repeat("x", estate.MaxKeyword)}, estate.MaxKeywords), Place: place(many, many)}, nil},
		{estate.CommunityFilter{Keywords: []string{"", "a\x00", "\xff", strings.Repeat("河", 101)}}, []string{"keyword required", "keyword invalid", "keyword invalid", "keyword too_long"}},
		{estate.CommunityFilter{Keywords: slices.Repeat([]string{"x"}, estate.MaxKeywords+1), Place: place(tooMany, tooMany)}, []string{"keyword too_many", "country too_many", "district too_many"}},
		{estate.CommunityFilter{Place: bad}, []string{"country out_of_range", "district out_of_range"}},

		{estate.ContractFilter{}, nil},
		{estate.ContractFilter{
			EstateIDs: many, AgentIDs: []int64{1, estate.MaxID}, States: estate.ContractStates(), EndsAfter: "1900-01-01", EndsBefore: "9999-12-31",
		}, nil},
		{estate.ContractFilter{EndsAfter: "2026-02-28"}, nil},
		{estate.ContractFilter{EndsBefore: "2026-02-28"}, nil},
		{estate.ContractFilter{
			Keywords: []string{""}, Place: bad, EstateIDs: []int64{0, estate.MaxID + 1}, AgentIDs: []int64{-1},
			States: []estate.ContractState{"gone", ""}, EndsAfter: "2026-02-29", EndsBefore: "1899-12-31",
		}, []string{
			"keyword required", "country out_of_range", "district out_of_range", "estate_id out_of_range", "estate_id out_of_range",
			"agent_id out_of_range", "state invalid", "state required", "ends_after invalid", "ends_before out_of_range",
		}},
		{estate.ContractFilter{EstateIDs: tooMany, AgentIDs: tooMany, States: slices.Repeat(estate.ContractStates(), 251)}, []string{
			"estate_id too_many", "agent_id too_many", "state too_many",
		}},
		{estate.ContractFilter{EndsAfter: "2026-02-28", EndsBefore: "2026-02-28"}, []string{"ends_after out_of_range"}},
		{estate.ContractFilter{EndsAfter: "2026-03-01", EndsBefore: "2026-02-28"}, []string{"ends_after out_of_range"}},
		// One that is no day is not compared besides.
		{estate.ContractFilter{EndsAfter: "x", EndsBefore: "2026-02-28"}, []string{"ends_after invalid"}},

		{estate.RepairFilter{}, nil},
		{estate.RepairFilter{
			EstateIDs: many, States: estate.RepairStates(), Categories: []string{strings.Repeat("x", estate.MaxCategory), ""}, ReportedAfter: "2026-02-27", ReportedBefore: "2026-02-28",
		}, nil},
		{estate.RepairFilter{
			Keywords: []string{""}, Place: bad, EstateIDs: []int64{0}, States: []estate.RepairState{"gone"},
			Categories: []string{strings.Repeat("x", estate.MaxCategory+1), "a\x00"}, ReportedAfter: "20260228", ReportedBefore: "tomorrow",
		}, []string{
			"keyword required", "country out_of_range", "district out_of_range", "estate_id out_of_range", "state invalid",
			"category too_long", "category invalid", "reported_after invalid", "reported_before invalid",
		}},
		{estate.RepairFilter{EstateIDs: tooMany, Categories: slices.Repeat([]string{"x"}, estate.MaxFilterValues+1)}, []string{"estate_id too_many", "category too_many"}},
		{estate.RepairFilter{ReportedAfter: "2026-03-01", ReportedBefore: "2026-03-01"}, []string{"reported_after out_of_range"}},
	} {
		assert.Equal(t, c.want, said(c.filter.Faults()), "%T", c.filter)
	}
	faults := estate.ContractFilter{EndsAfter: "2026-03-01", EndsBefore: "2026-02-28"}.Faults()
	require.Len(t, faults, 1)
	assert.Equal(t, domain.NewFailure(domain.CodeOutOfRange, "ends_after", "2026-03-01", "min", "1900-01-01", "max", "2026-02-28"), faults[0])
}

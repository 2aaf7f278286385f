package estate_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/batchport/batchport/domain/estate"
)

func TestCommunityFilterMatches(t *testing.T) {
	t.Parallel()
	c := estate.Community{ID: 1, Name: "河岸 Riverside", Country: 1, District: 2, Address: "中山路 5 號"}
	for _, tt := range []struct {
		name   string
		filter estate.CommunityFilter
		want   bool
	}{
		{"none", estate.CommunityFilter{}, true},
		{"keyword of the name", estate.CommunityFilter{Keywords: []string{"x", "RIVER"}}, true},
		{"keyword of the address", estate.CommunityFilter{Keywords: []string{"中山"}}, true},
		{"keyword of neither", estate.CommunityFilter{Keywords: []string{"Riverside中"}}, false},
		{"country", estate.CommunityFilter{Place: estate.Place{Countries: []int64{9, 1}}}, true},
		{"other country", estate.CommunityFilter{Place: estate.Place{Countries: []int64{2}}}, false},
		{"district", estate.CommunityFilter{Place: estate.Place{Countries: []int64{1}, Districts: []int64{2}}}, true},
		{"other district", estate.CommunityFilter{Place: estate.Place{Countries: []int64{1}, Districts: []int64{1}}}, false},
		{"one condition fails", estate.CommunityFilter{Keywords: []string{"x"}, Place: estate.Place{Countries: []int64{1}}}, false},
	} {
		assert.Equal(t, tt.want, tt.filter.Matches(c), tt.name)
	}
}

func TestContractFilterMatches(t *testing.T) {
	t.Parallel()
	c := estate.Contract{ID: 1, EstateID: 3, TenantName: "Li 李", AgentID: 7, StartsOn: "2026-01-01", EndsOn: "2026-06-30", State: estate.ContractActive}
	e := estate.Estate{ID: 3, Name: "flat", Country: 1, District: 2}
	for _, tt := range []struct {
		name   string
		filter estate.ContractFilter
		want   bool
	}{
		{"none", estate.ContractFilter{}, true},
		{"who rents", estate.ContractFilter{Keywords: []string{"LI "}}, true},
		{"the estate's name is not searched", estate.ContractFilter{Keywords: []string{"flat"}}, false},
		{"country of the estate", estate.ContractFilter{Place: estate.Place{Countries: []int64{1}}}, true},
		{"another country", estate.ContractFilter{Place: estate.Place{Countries: []int64{2}}}, false},
		{"another district", estate.ContractFilter{Place: estate.Place{Districts: []int64{1}}}, false},
		{"estate", estate.ContractFilter{EstateIDs: []int64{3, 4}}, true},
		{"another estate", estate.ContractFilter{EstateIDs: []int64{1}}, false},
		{"agent", estate.ContractFilter{AgentIDs: []int64{7}}, true},
		{"another agent", estate.ContractFilter{AgentIDs: []int64{3}}, false},
		{"state", estate.ContractFilter{States: []estate.ContractState{estate.ContractDraft, estate.ContractActive}}, true},
		{"another state", estate.ContractFilter{States: []estate.ContractState{estate.ContractEnded}}, false},
		{"ends after the day before", estate.ContractFilter{EndsAfter: "2026-06-29"}, true},
		{"does not end after its last day", estate.ContractFilter{EndsAfter: "2026-06-30"}, false},
		{"ends before the day after", estate.ContractFilter{EndsBefore: "2026-07-01"}, true},
		{"does not end before its last day", estate.ContractFilter{EndsBefore: "2026-06-30"}, false},
		{"the one day in between", estate.ContractFilter{EndsAfter: "2026-06-29", EndsBefore: "2026-07-01"}, true},
	} {
		assert.Equal(t, tt.want, tt.filter.Matches(c, e), tt.name)
	}
}

func TestRepairFilterMatches(t *testing.T) {
	t.Parallel()
	r := estate.Repair{ID: 1, EstateID: 3, Category: "Water", Description: "Kitchen 漏水", ReportedOn: "2026-02-28", State: estate.RepairDoing}
	e := estate.Estate{ID: 3, Country: 1, District: 2}
	for _, tt := range []struct {
		name   string
		filter estate.RepairFilter
		want   bool
	}{
		{"none", estate.RepairFilter{}, true},
		{"description", estate.RepairFilter{Keywords: []string{"kitchen 漏"}}, true},
		{"the category is not searched", estate.RepairFilter{Keywords: []string{"water"}}, false},
		{"place of the estate", estate.RepairFilter{Place: estate.Place{Countries: []int64{1}, Districts: []int64{2}}}, true},
		{"another place", estate.RepairFilter{Place: estate.Place{Countries: []int64{2}, Districts: []int64{2}}}, false},
		{"estate", estate.RepairFilter{EstateIDs: []int64{3}}, true},
		{"another estate", estate.RepairFilter{EstateIDs: []int64{1}}, false},
		{"state", estate.RepairFilter{States: []estate.RepairState{estate.RepairDoing}}, true},
		{"another state", estate.RepairFilter{States: []estate.RepairState{estate.RepairDone}}, false},
		{"category", estate.RepairFilter{Categories: []string{"x", "Water"}}, true},
		{"category in another case", estate.RepairFilter{Categories: []string{"water"}}, false},
		{"part of the category", estate.RepairFilter{Categories: []string{"Wate"}}, false},
		{"reported after the day before", estate.RepairFilter{ReportedAfter: "2026-02-27"}, true},
		{"not reported after the day", estate.RepairFilter{ReportedAfter: "2026-02-28"}, false},
		{"reported before the day after", estate.RepairFilter{ReportedBefore: "2026-03-01"}, true},
		{"not reported before the day", estate.RepairFilter{ReportedBefore: "2026-02-28"}, false},
	} {
		assert.Equal(t, tt.want, tt.filter.Matches(r, e), tt.name)
	}
}

func TestObjectFilterFaults(t *testing.T) {
	t.Parallel()
	many := slices.Repeat([]int64{1}, estate.MaxFilterValues+1)
	badPlace := estate.Place{Countries: []int64{-1}, Districts: []int64{estate.MaxNumber + 1}}
	badPlaceSaid := []string{"country out_of_range", "district out_of_range"}
	for _, c := range []struct {
		name   string
		filter interface{ faults() []string }
		want   []string
	}{
		{"no conditions on communities", ofCommunities{}, nil},
		{"a good community filter", ofCommunities{Keywords: []string{`%_\'"😀`}, Place: estate.Place{Countries: many[:estate.MaxFilterValues]}}, nil},
		{"a bad place", ofCommunities{Place: badPlace}, badPlaceSaid},
		{"too long a list", ofCommunities{Place: estate.Place{Districts: many}}, []string{"district too_many"}},
		{
			"keywords that would find everything, or that no store can hold",
			ofCommunities{Keywords: []string{"", "a\x00", "\xff", strings.Repeat("x", estate.MaxKeyword+1)}},
			[]string{"keyword required", "keyword invalid", "keyword invalid", "keyword too_long"},
		},
		{"no conditions on contracts", ofContracts{}, nil},
		{
			"a good contract filter",
			ofContracts{EstateIDs: []int64{1}, AgentIDs: []int64{estate.MaxID}, States: estate.ContractStates(), EndsAfter: "2026-01-01", EndsBefore: "2026-01-02"},
			nil,
		},
		{
			"all wrong on contracts",
			ofContracts{
				Keywords: []string{""}, Place: badPlace, EstateIDs: []int64{0}, AgentIDs: []int64{estate.MaxID + 1},
				States: []estate.ContractState{"", "gone"}, EndsAfter: "soon", EndsBefore: "1899-12-31",
			},
			slices.Concat([]string{"keyword required"}, badPlaceSaid, []string{
				"estate_id out_of_range", "agent_id out_of_range", "state required", "state invalid", "ends_after invalid", "ends_before out_of_range",
			}),
		},
		{"too many estates and agents", ofContracts{EstateIDs: many, AgentIDs: many}, []string{"estate_id too_many", "agent_id too_many"}},
		{"after and before the same day", ofContracts{EndsAfter: "2026-01-01", EndsBefore: "2026-01-01"}, []string{"ends_after out_of_range"}},
		{"after what it is before", ofContracts{EndsAfter: "2026-01-02", EndsBefore: "2026-01-01"}, []string{"ends_after out_of_range"}},
		{"a day that does not exist", ofContracts{EndsAfter: "2026-02-29"}, []string{"ends_after invalid"}},
		{"no conditions on repairs", ofRepairs{}, nil},
		{
			"a good repair filter",
			ofRepairs{States: estate.RepairStates(), Categories: []string{"水電", strings.Repeat("x", estate.MaxCategory)}, ReportedAfter: "1900-01-01", ReportedBefore: "9999-12-31"},
			nil,
		},
		{
			"all wrong on repairs",
			ofRepairs{
				Keywords: []string{""}, Place: badPlace, EstateIDs: []int64{-1}, States: []estate.RepairState{"lost"},
				Categories: []string{"a\x00", strings.Repeat("x", estate.MaxCategory+1)}, ReportedAfter: "2026-1-1", ReportedBefore: "x",
			},
			slices.Concat([]string{"keyword required"}, badPlaceSaid, []string{
				"estate_id out_of_range", "state invalid", "category invalid", "category too_long", "reported_after invalid", "reported_before invalid",
			}),
		},
		{"too many categories", ofRepairs{Categories: slices.Repeat([]string{"c"}, estate.MaxFilterValues+1)}, []string{"category too_many"}},
		{"reported in no day", ofRepairs{ReportedAfter: "2026-01-02", ReportedBefore: "2026-01-02"}, []string{"reported_after out_of_range"}},
	} {
		assert.Equal(t, c.want, c.filter.faults(), c.name)
	}
}

type (
	ofCommunities estate.CommunityFilter
	ofContracts   estate.ContractFilter
	ofRepairs     estate.RepairFilter
)

func (f ofCommunities) faults() []string { return said(estate.CommunityFilter(f).Faults()) }
func (f ofContracts) faults() []string   { return said(estate.ContractFilter(f).Faults()) }
func (f ofRepairs) faults() []string     { return said(estate.RepairFilter(f).Faults()) }

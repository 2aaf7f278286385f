package estate_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/estate"
)

// said renders failures as "field code".
func said(failures []domain.Failure) []string {
	var all []string
	for _, f := range failures {
		all = append(all, f.Field+" "+string(f.Code))
	}
	return all
}

func TestFaults(t *testing.T) {
	t.Parallel()
	good := estate.Estate{ID: 1, Name: "flat", Status: estate.Vacant}
	listedClosed := good
	listedClosed.Status, listedClosed.Listed = estate.Closed, true
	contract := estate.Contract{
		ID: 1, EstateID: 1, TenantName: "n", AgentID: 1, StartsOn: "2026-02-01", EndsOn: "2026-02-01", State: estate.ContractDraft,
	}
	early, badStart := contract, contract
	early.EndsOn, badStart.StartsOn = "2026-01-31", "soon"
	for _, c := range []struct {
		name string
		got  []domain.Failure
		want []string
	}{
		{"good user", estate.User{ID: estate.MaxID, Name: "n", Role: estate.Staff}.Faults(), nil},
		{"zero user", estate.User{}.Faults(), []string{"id out_of_range", "name required", "role required"}},
		{"bad user", estate.User{ID: estate.MaxID + 1, Name: " \t", Role: "boss"}.Faults(), []string{"id out_of_range", "name required", "role invalid"}},
		{"good community", estate.Community{ID: 1, Name: "n"}.Faults(), nil},
		{
			"bad community",
			estate.Community{ID: -1, Name: "a\x00b", Country: -1, District: estate.MaxNumber + 1, Address: strings.Repeat("x", estate.MaxAddress+1), Households: -1}.Faults(),
			[]string{"id out_of_range", "name invalid", "country out_of_range", "district out_of_range", "address too_long", "households out_of_range"},
		},
		{"good estate", good.Faults(), nil},
		{"listed and closed", listedClosed.Faults(), []string{"listed not_rentable"}},
		{
			"bad estate",
			estate.Estate{ID: 0, CommunityID: -1, Name: "\xff", Country: -1, District: -1, Address: "\xff", Status: "gone", Rent: -1, Area: -1, AgentID: -1, LandlordID: estate.MaxID + 1}.Faults(),
			[]string{
				"id out_of_range", "community_id out_of_range", "name invalid", "country out_of_range", "district out_of_range", "address invalid",
				"status invalid", "rent out_of_range", "area out_of_range", "agent_id out_of_range", "landlord_id out_of_range",
			},
		},
		{"good contract of one day", contract.Faults(), nil},
		{"contract that ends before it starts", early.Faults(), []string{"ends_on out_of_range"}},
		{"contract that starts on no day", badStart.Faults(), []string{"starts_on invalid"}},
		{
			"zero contract",
			estate.Contract{Rent: -1, Deposit: -1}.Faults(),
			[]string{
				"id out_of_range", "estate_id out_of_range", "tenant_name required", "agent_id out_of_range", "starts_on required",
				"ends_on required", "rent out_of_range", "deposit out_of_range", "state required",
			},
		},
		{"good repair", estate.Repair{ID: 1, EstateID: 1, Category: "c", ReportedOn: "2024-02-29", State: estate.RepairOpen}.Faults(), nil},
		{
			"bad repair",
			estate.Repair{ID: 1, Description: strings.Repeat("x", estate.MaxDescription+1), ReportedOn: "1899-12-31", State: "lost", Cost: -1}.Faults(),
			[]string{"estate_id out_of_range", "category required", "description too_long", "reported_on out_of_range", "state invalid", "cost out_of_range"},
		},
	} {
		if got := said(c.got); !slices.Equal(got, c.want) {
			t.Errorf("Faults of a %s = %q, want %q", c.name, got, c.want)
		}
	}
}

func TestListing(t *testing.T) {
	t.Parallel()
	for _, status := range estate.Statuses() {
		for _, listed := range []bool{false, true} {
			for _, want := range []bool{false, true} {
				fate := domain.Updated
				switch {
				case want && status == estate.Closed:
					fate = domain.Failed
				case want == listed:
					fate = domain.Unchanged
				}
				got := estate.Listing(status, listed, want)
				if got.Fate != fate || (got.Failure != nil) != (fate == domain.Failed) {
					t.Errorf("Listing(%s, %t, %t) = %+v, want %s", status, listed, want, got, fate)
				}
				if got.Failure != nil && got.Failure.Code != estate.CodeNotRentable {
					t.Errorf("Listing(%s, %t, %t) fails with %s, want not_rentable", status, listed, want, got.Failure.Code)
				}
			}
		}
	}
}

func TestParseArea(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{
		"0": "0.00", "35": "35.00", "35.5": "35.50", "35.05": "35.05", "0.99": "0.99", "007.10": "7.10", "9999999999.99": "9999999999.99",
	} {
		if a, ok := estate.ParseArea(s); !ok || a.String() != want {
			t.Errorf("ParseArea(%q) = %s, %t; want %s", s, a, ok, want)
		}
	}
	for _, s := range []string{"", ".", "1.", ".5", "1.234", "-1", "+1", "1e2", " 1", "1,5", "１", "10000000000", "99999999999999999999"} {
		if a, ok := estate.ParseArea(s); ok {
			t.Errorf("ParseArea(%q) = %s, want it refused", s, a)
		}
	}
}

func TestParseDate(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"1900-01-01", "2024-02-29", "9999-12-31"} {
		if d, ok := estate.ParseDate(s); !ok || string(d) != s || d.Time().Format("2006-01-02") != s {
			t.Errorf("ParseDate(%q) = %q, %t; want it", s, d, ok)
		}
	}
	for _, s := range []string{"", "2025-02-29", "2026-1-2", "2026-13-01", "20260101", "2026-01-01T00:00:00Z", "10000-01-01"} {
		if d, ok := estate.ParseDate(s); ok {
			t.Errorf("ParseDate(%q) = %q, want it refused", s, d)
		}
	}
	if got := estate.Date("").Time(); !got.IsZero() {
		t.Errorf(`Date("").Time() = %v, want the zero time`, got)
	}
}

func TestMatchesKeyword(t *testing.T) {
	t.Parallel()
	e := estate.Estate{Name: "Flat ÄÖ 河岸", Address: "Main St. 5"}
	for keyword, want := range map[string]bool{
		"flat": true, "FLAT ": true, "Ä": true, "ä": false, "河": true, "main st": true, "st. 6": false, "flatm": false, "河岸Main": false,
	} {
		if got := (estate.Filter{Keywords: []string{keyword}}).Matches(e); got != want {
			t.Errorf("Matches(keyword %q) = %t, want %t", keyword, got, want)
		}
	}
}

func TestFilterFaults(t *testing.T) {
	t.Parallel()
	numbers := func(n int) []int64 { return slices.Repeat([]int64{1}, n) }
	for _, c := range []struct {
		filter estate.Filter
		want   []string
	}{
		{estate.Filter{}, nil},
		{estate.Filter{RentMin: new(int64(5)), RentMax: new(int64(5)), Countries: numbers(estate.MaxFilterValues)}, nil},
		{estate.Filter{RentMin: new(int64(6)), RentMax: new(int64(5))}, []string{"rent_min out_of_range"}},
		{estate.Filter{RentMin: new(int64(-1)), RentMax: new(int64(-2))}, []string{"rent_min out_of_range", "rent_max out_of_range"}},
		{estate.Filter{Keywords: []string{""}}, []string{"keyword required"}},
		{estate.Filter{Keywords: []string{strings.Repeat("x", estate.MaxKeyword+1)}}, []string{"keyword too_long"}},
		{estate.Filter{Keywords: slices.Repeat([]string{"x"}, estate.MaxKeywords+1)}, []string{"keyword too_many"}},
		{estate.Filter{Countries: numbers(estate.MaxFilterValues + 1)}, []string{"country too_many"}},
		{
			estate.Filter{Countries: []int64{-1}, Districts: []int64{-1}, CommunityIDs: []int64{0}, Statuses: []estate.Status{"x"}, AgentIDs: []int64{0}, LandlordIDs: []int64{estate.MaxID + 1}},
			[]string{"country out_of_range", "district out_of_range", "community_id out_of_range", "status invalid", "agent_id out_of_range", "landlord_id out_of_range"},
		},
	} {
		if got := said(c.filter.Faults()); !slices.Equal(got, c.want) {
			t.Errorf("Faults(%+v) = %q, want %q", c.filter, got, c.want)
		}
	}
}

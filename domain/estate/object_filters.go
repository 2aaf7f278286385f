package estate

import (
	"slices"

	"github.com/batchport/batchport/domain"
)

// MaxCategory is the longest category to search for, in bytes.
const MaxCategory = MaxName

// Place says where something is. Each list is met by any of its values; an
// empty one was not given.
type Place struct {
	Countries []int64 `json:"country,omitempty"`
	Districts []int64 `json:"district,omitempty"`
}

func (p Place) holds(country, district int64) bool {
	return anyOf(p.Countries, country) && anyOf(p.Districts, district)
}

func (p Place) faults(f *faults) {
	f.numbers("country", p.Countries, 0, MaxNumber)
	f.numbers("district", p.Districts, 0, MaxNumber)
}

// CommunityFilter says which communities a search finds, as [Filter] does of
// estates.
type CommunityFilter struct {
	Keywords []string // part of the name or of the address
	Place
}

// Matches reports whether the filter finds c. It defines what every store's
// search means.
func (f CommunityFilter) Matches(c Community) bool {
	return mentioned(f.Keywords, c.Name, c.Address) && f.holds(c.Country, c.District)
}

// Faults returns all that is wrong with the filter, as [Filter.Faults] does.
func (f CommunityFilter) Faults() []domain.Failure {
	var found faults
	found.keywords(f.Keywords)
	f.faults(&found)
	return found.list
}

// ContractFilter says which contracts a search finds, as [Filter] does of
// estates.
type ContractFilter struct {
	Keywords   []string // part of the name of who rents
	Place               // of the estate
	EstateIDs  []int64
	AgentIDs   []int64
	States     []ContractState
	EndsAfter  Date // the last day is later than this; "" when not given
	EndsBefore Date // the last day is earlier than this; "" when not given
}

// Matches reports whether the filter finds c, which is about e. It defines
// what every store's search means.
func (f ContractFilter) Matches(c Contract, e Estate) bool {
	return mentioned(f.Keywords, c.TenantName) && f.holds(e.Country, e.District) &&
		anyOf(f.EstateIDs, c.EstateID) && anyOf(f.AgentIDs, c.AgentID) && anyOf(f.States, c.State) &&
		between(c.EndsOn, f.EndsAfter, f.EndsBefore)
}

// Faults returns all that is wrong with the filter, as [Filter.Faults] does.
func (f ContractFilter) Faults() []domain.Failure {
	var found faults
	found.keywords(f.Keywords)
	f.faults(&found)
	found.numbers("estate_id", f.EstateIDs, 1, MaxID)
	found.numbers("agent_id", f.AgentIDs, 1, MaxID)
	words(&found, "state", f.States, ContractStates())
	found.span("ends_after", f.EndsAfter, "ends_before", f.EndsBefore)
	return found.list
}

// RepairFilter says which repairs a search finds, as [Filter] does of estates.
type RepairFilter struct {
	Keywords       []string // part of the description
	Place                   // of the estate
	EstateIDs      []int64
	States         []RepairState
	Categories     []string // exactly
	ReportedAfter  Date     // reported later than this day; "" when not given
	ReportedBefore Date     // reported earlier than this day; "" when not given
}

// Matches reports whether the filter finds r, which is about e. It defines
// what every store's search means.
func (f RepairFilter) Matches(r Repair, e Estate) bool {
	return mentioned(f.Keywords, r.Description) && f.holds(e.Country, e.District) &&
		anyOf(f.EstateIDs, r.EstateID) && anyOf(f.States, r.State) && anyOf(f.Categories, r.Category) &&
		between(r.ReportedOn, f.ReportedAfter, f.ReportedBefore)
}

// Faults returns all that is wrong with the filter, as [Filter.Faults] does.
func (f RepairFilter) Faults() []domain.Failure {
	var found faults
	found.keywords(f.Keywords)
	f.faults(&found)
	found.numbers("estate_id", f.EstateIDs, 1, MaxID)
	words(&found, "state", f.States, RepairStates())
	found.count("category", len(f.Categories), MaxFilterValues)
	for _, category := range f.Categories {
		found.text("category", category, MaxCategory)
	}
	found.span("reported_after", f.ReportedAfter, "reported_before", f.ReportedBefore)
	return found.list
}

// words wants each of a list of words to be allowed.
func words[S ~string](f *faults, field string, list, allowed []S) {
	f.count(field, len(list), MaxFilterValues)
	for _, word := range list {
		oneOf(f, field, word, allowed)
	}
}

func (f *faults) keywords(keywords []string) {
	f.count("keyword", len(keywords), MaxKeywords)
	for _, keyword := range keywords {
		if keyword == "" {
			f.add(domain.CodeRequired, "keyword", "")
		}
		f.text("keyword", keyword, MaxKeyword)
	}
}

// span wants two days that were given to have a day in between.
func (f *faults) span(afterField string, after Date, beforeField string, before Date) {
	unsound := len(f.list)
	if after != "" {
		f.date(afterField, after)
	}
	if before != "" {
		f.date(beforeField, before)
	}
	if after != "" && before != "" && len(f.list) == unsound && after >= before {
		f.add(domain.CodeOutOfRange, afterField, string(after), "min", string(firstDate), "max", string(before))
	}
}

// between reports whether d is after the one day and before the other, where
// they are given.
func between(d, after, before Date) bool {
	return (after == "" || d > after) && (before == "" || d < before)
}

// mentioned reports whether any of the keywords, if there are any, is part of
// any of the texts: ASCII letters in either case, all else exactly.
func mentioned(keywords []string, texts ...string) bool {
	return len(keywords) == 0 || slices.ContainsFunc(keywords, func(keyword string) bool {
		return slices.ContainsFunc(texts, func(text string) bool { return containsFold(text, keyword) })
	})
}

package estates

import (
	"github.com/batchport/batchport/app/document"
	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/estate"
)

// The searches below are payloads of jobs: they say which objects "all" means.
// They are stored as JSON with the names of the search options. A zero one
// finds everything; it is also that of a job whose objects are named.

// Search says which estates.
type Search struct {
	Keywords     []string        `json:"keyword,omitempty"`
	Countries    []int64         `json:"country,omitempty"`
	Districts    []int64         `json:"district,omitempty"`
	CommunityIDs []int64         `json:"community_id,omitempty"`
	Statuses     []estate.Status `json:"status,omitempty"`
	Listed       []bool          `json:"listed,omitempty"`
	AgentIDs     []int64         `json:"agent_id,omitempty"`
	LandlordIDs  []int64         `json:"landlord_id,omitempty"`
	RentMin      *int64          `json:"rent_min,omitempty"`
	RentMax      *int64          `json:"rent_max,omitempty"`
}

// Filter returns which estates the search finds.
func (s Search) Filter() estate.Filter { return estate.Filter(s) }

func (s Search) faults() []domain.Failure { return s.Filter().Faults() }

func (s Search) check() error { return checkSearch(s) }

// CommunitySearch says which communities.
type CommunitySearch struct {
	Keywords []string `json:"keyword,omitempty"`
	estate.Place
}

// Filter returns which communities the search finds.
func (s CommunitySearch) Filter() estate.CommunityFilter { return estate.CommunityFilter(s) }

func (s CommunitySearch) faults() []domain.Failure { return s.Filter().Faults() }

func (s CommunitySearch) check() error { return checkSearch(s) }

// ContractSearch says which contracts.
type ContractSearch struct {
	Keywords []string `json:"keyword,omitempty"`
	estate.Place
	EstateIDs  []int64                `json:"estate_id,omitempty"`
	AgentIDs   []int64                `json:"agent_id,omitempty"`
	States     []estate.ContractState `json:"state,omitempty"`
	EndsAfter  estate.Date            `json:"ends_after,omitempty"`
	EndsBefore estate.Date            `json:"ends_before,omitempty"`
}

// Filter returns which contracts the search finds.
func (s ContractSearch) Filter() estate.ContractFilter { return estate.ContractFilter(s) }

func (s ContractSearch) faults() []domain.Failure { return s.Filter().Faults() }

func (s ContractSearch) check() error { return checkSearch(s) }

// RepairSearch says which repairs.
type RepairSearch struct {
	Keywords []string `json:"keyword,omitempty"`
	estate.Place
	EstateIDs      []int64              `json:"estate_id,omitempty"`
	States         []estate.RepairState `json:"state,omitempty"`
	Categories     []string             `json:"category,omitempty"`
	ReportedAfter  estate.Date          `json:"reported_after,omitempty"`
	ReportedBefore estate.Date          `json:"reported_before,omitempty"`
}

// Filter returns which repairs the search finds.
func (s RepairSearch) Filter() estate.RepairFilter { return estate.RepairFilter(s) }

func (s RepairSearch) faults() []domain.Failure { return s.Filter().Faults() }

func (s RepairSearch) check() error { return checkSearch(s) }

// checkSearch is the engine's question whether a payload can be one.
func checkSearch(s interface{ faults() []domain.Failure }) error {
	return domain.FailAll(domain.CodeInvalid, s.faults())
}

// readSearch reads the search options for estates.
func (s *Estates) readSearch(p *problems, v document.Value) (search Search) {
	s.readOptions(p, v, searchOptions{
		"keyword":      p.texts(&search.Keywords),
		"country":      p.smalls(&search.Countries),
		"district":     p.smalls(&search.Districts),
		"community_id": p.ids(&search.CommunityIDs),
		"status":       words(p, &search.Statuses, estate.Statuses()),
		"listed":       p.flags(&search.Listed),
		"agent_id":     p.ids(&search.AgentIDs),
		"landlord_id":  p.ids(&search.LandlordIDs),
		"rent_min":     p.loosest(&search.RentMin, func(a, b int64) bool { return a < b }),
		"rent_max":     p.loosest(&search.RentMax, func(a, b int64) bool { return a > b }),
	})
	p.addFaults(p.names.search, search.faults())
	return search
}

// readCommunitySearch reads the search options for communities.
func (s *Estates) readCommunitySearch(p *problems, v document.Value) (search CommunitySearch) {
	s.readOptions(p, v, searchOptions{
		"keyword":  p.texts(&search.Keywords),
		"country":  p.smalls(&search.Countries),
		"district": p.smalls(&search.Districts),
	})
	p.addFaults(p.names.search, search.faults())
	return search
}

// readContractSearch reads the search options for contracts.
func (s *Estates) readContractSearch(p *problems, v document.Value) (search ContractSearch) {
	s.readOptions(p, v, searchOptions{
		"keyword":     p.texts(&search.Keywords),
		"country":     p.smalls(&search.Countries),
		"district":    p.smalls(&search.Districts),
		"estate_id":   p.ids(&search.EstateIDs),
		"agent_id":    p.ids(&search.AgentIDs),
		"state":       words(p, &search.States, estate.ContractStates()),
		"ends_after":  p.earliest(&search.EndsAfter),
		"ends_before": p.latest(&search.EndsBefore),
	})
	p.addFaults(p.names.search, search.faults())
	return search
}

// readRepairSearch reads the search options for repairs.
func (s *Estates) readRepairSearch(p *problems, v document.Value) (search RepairSearch) {
	s.readOptions(p, v, searchOptions{
		"keyword":         p.texts(&search.Keywords),
		"country":         p.smalls(&search.Countries),
		"district":        p.smalls(&search.Districts),
		"estate_id":       p.ids(&search.EstateIDs),
		"state":           words(p, &search.States, estate.RepairStates()),
		"category":        p.texts(&search.Categories),
		"reported_after":  p.earliest(&search.ReportedAfter),
		"reported_before": p.latest(&search.ReportedBefore),
	})
	p.addFaults(p.names.search, search.faults())
	return search
}

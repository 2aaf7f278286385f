package estate

import "github.com/batchport/batchport/domain"

// ContractState is where a contract is in its life.
type ContractState string

// The states of contracts.
const (
	ContractDraft     ContractState = "draft"
	ContractActive    ContractState = "active"
	ContractEnded     ContractState = "ended"
	ContractCancelled ContractState = "cancelled"
)

// ContractStates lists every state of contracts.
func ContractStates() []ContractState {
	return []ContractState{ContractDraft, ContractActive, ContractEnded, ContractCancelled}
}

// Contract lets an estate to somebody.
type Contract struct {
	ID         int64
	EstateID   int64
	TenantName string // who rents
	AgentID    int64  // the agent in charge
	StartsOn   Date   // first day
	EndsOn     Date   // last day, not before the first
	Rent       int64  // whole TWD a month
	Deposit    int64  // whole TWD
	State      ContractState
}

// Faults returns all that is wrong with the record by itself, nil for a good
// one. A contract that ends before it starts gives [domain.CodeOutOfRange].
func (c Contract) Faults() []domain.Failure {
	var f faults
	f.id("id", c.ID)
	f.id("estate_id", c.EstateID)
	f.name("tenant_name", c.TenantName)
	f.id("agent_id", c.AgentID)
	before := len(f.list)
	f.date("starts_on", c.StartsOn)
	f.date("ends_on", c.EndsOn)
	if len(f.list) == before && c.EndsOn < c.StartsOn {
		f.add(domain.CodeOutOfRange, "ends_on", string(c.EndsOn), "min", string(c.StartsOn), "max", string(lastDate))
	}
	f.number("rent", c.Rent, 0, MaxAmount)
	f.number("deposit", c.Deposit, 0, MaxAmount)
	oneOf(&f, "state", c.State, ContractStates())
	return f.list
}

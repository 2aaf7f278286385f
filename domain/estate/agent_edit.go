package estate

import "github.com/batchport/batchport/domain"

// AgentEdit puts an agent in charge of an estate or of a contract.
type AgentEdit struct {
	ID      int64 // of the estate or the contract
	AgentID int64
}

// Outcome returns what becomes of an object of which the given agent, 0 for
// none, is in charge: updated, or unchanged when it is the same person.
func (e AgentEdit) Outcome(inCharge int64) domain.Outcome {
	if e.AgentID == inCharge {
		return domain.Outcome{Fate: domain.Unchanged}
	}
	return domain.Outcome{Fate: domain.Updated}
}

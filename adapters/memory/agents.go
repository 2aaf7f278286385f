package memory

import (
	"context"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/estate"
	"github.com/batchport/batchport/ports"
)

var _ ports.Agents = (*Store)(nil)

// SetEstateAgents implements [ports.Agents].
func (s *Store) SetEstateAgents(ctx context.Context, tenant domain.TenantID, edits []estate.AgentEdit) ([]domain.Outcome, error) {
	return editEach(ctx, s, edits, func(s *Store, t *tx, edit estate.AgentEdit) domain.Outcome {
		return setAgent(s, t, s.estates.estates, tenant, edit, func(e *estate.Estate) *int64 { return &e.AgentID })
	})
}

// SetContractAgents implements [ports.Agents].
func (s *Store) SetContractAgents(ctx context.Context, tenant domain.TenantID, edits []estate.AgentEdit) ([]domain.Outcome, error) {
	return editEach(ctx, s, edits, func(s *Store, t *tx, edit estate.AgentEdit) domain.Outcome {
		return setAgent(s, t, s.estates.contracts, tenant, edit, func(c *estate.Contract) *int64 { return &c.AgentID })
	})
}

// setAgent edits one of the objects, in which agent finds who is in charge.
func setAgent[R any](s *Store, t *tx, objects map[objectKey]R, tenant domain.TenantID, edit estate.AgentEdit, agent func(*R) *int64) domain.Outcome {
	key := objectKey{tenant, edit.ID}
	object, found := objects[key]
	switch {
	case !found:
		return domain.FailedWith(missing("", edit.ID))
	case !s.isUser(tenant, edit.AgentID, estate.Agent):
		return domain.FailedWith(estate.WrongRole(userField, edit.AgentID, estate.Agent))
	}
	inCharge := agent(&object)
	outcome := edit.Outcome(*inCharge)
	if outcome.Fate != domain.Unchanged {
		*inCharge = edit.AgentID
		put(t, objects, key, object)
	}
	return outcome
}

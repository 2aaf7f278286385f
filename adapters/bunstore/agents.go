package bunstore

import (
	"context"
	"database/sql"
	"slices"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/estate"
	"github.com/batchport/batchport/ports"
)

var _ ports.Agents = (*Store)(nil)

// SetEstateAgents implements [ports.Agents].
func (s *Store) SetEstateAgents(ctx context.Context, tenant domain.TenantID, edits []estate.AgentEdit) ([]domain.Outcome, error) {
	return s.setAgents(ctx, tenant, estatesTable, edits)
}

// SetContractAgents implements [ports.Agents].
func (s *Store) SetContractAgents(ctx context.Context, tenant domain.TenantID, edits []estate.AgentEdit) ([]domain.Outcome, error) {
	return s.setAgents(ctx, tenant, "{p}contracts", edits)
}

func (s *Store) setAgents(ctx context.Context, tenant domain.TenantID, table string, edits []estate.AgentEdit) ([]domain.Outcome, error) {
	outcomes := make([]domain.Outcome, len(edits))
	err := s.inTx(ctx, func(ctx context.Context) error {
		clear(outcomes)
		ids, people := make([]int64, len(edits)), make([]int64, len(edits))
		for i, e := range edits {
			ids[i], people[i] = e.ID, e.AgentID
		}
		ids = unique(ids)
		charges, err := s.readAgents(ctx, tenant, table, ids)
		if err != nil {
			return err
		}
		roles, err := s.rolesOf(ctx, tenant, people)
		if err != nil {
			return err
		}
		for i, e := range edits {
			charge, found := charges[e.ID]
			switch {
			case !found:
				outcomes[i] = gone(e.ID)
			case roles[e.AgentID] != estate.Agent:
				outcomes[i] = domain.FailedWith(estate.WrongRole(userField, e.AgentID, estate.Agent))
			default:
				outcomes[i] = e.Outcome(charge.now)
				charge.now = e.AgentID
				charges[e.ID] = charge
			}
		}
		return s.writeAgents(ctx, tenant, table, ids, charges)
	})
	if err != nil {
		return nil, err
	}
	return outcomes, nil
}

// charge is who is in charge of an object, 0 for nobody: as it is stored, and
// after the edits so far.
type charge struct{ stored, now int64 }

// readAgents returns who is in charge of those of the objects that exist.
func (s *Store) readAgents(ctx context.Context, tenant domain.TenantID, table string, ids []int64) (map[int64]charge, error) {
	charges := make(map[int64]charge, len(ids))
	for keys := range slices.Chunk(ids, keyPage) {
		err := s.query(ctx, s.idb(ctx), func(rows *sql.Rows) error {
			var id, agent int64
			err := rows.Scan(&id, &agent)
			charges[id] = charge{stored: agent, now: agent}
			return err
		}, "SELECT id, coalesce(agent_id, 0) FROM "+table+" WHERE tenant = ? AND id IN "+list(keys)+s.lockByID(), string(tenant))
		if err != nil {
			return nil, err
		}
	}
	return charges, nil
}

// writeAgents stores who is in charge now, of those of the objects, which are
// in order, for which that is another.
func (s *Store) writeAgents(ctx context.Context, tenant domain.TenantID, table string, ids []int64, charges map[int64]charge) error {
	changed := slices.DeleteFunc(ids, func(id int64) bool { return charges[id].now == charges[id].stored })
	for keys := range slices.Chunk(changed, keyPage) {
		var v values
		for _, id := range keys {
			v.number(id)
			v.number(charges[id].now)
			v.end()
		}
		_, err := s.exec(ctx, "WITH v (id, agent_id) AS (VALUES "+v.String()+") UPDATE "+table+
			" AS o SET agent_id = v.agent_id FROM v WHERE o.tenant = ? AND o.id = v.id", string(tenant))
		if err != nil {
			return err
		}
	}
	return nil
}

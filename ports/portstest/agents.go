package portstest

import (
	"context"
	"testing"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/estate"
	"github.com/batchport/batchport/ports"
)

// AgentStore is what [Agents] tests.
type AgentStore interface {
	editStore
	ports.EstateReader
	ports.Agents
}

// Agents runs the contract of [ports.Agents]. Each subtest calls open for an
// empty store, which cleans up through its t.
func Agents(t *testing.T, open func(*testing.T) AgentStore) {
	estates := func(s AgentStore) edits[estate.AgentEdit] {
		return edits[estate.AgentEdit]{call: "SetEstateAgents", do: s.SetEstateAgents}
	}
	contracts := func(s AgentStore) edits[estate.AgentEdit] {
		return edits[estate.AgentEdit]{call: "SetContractAgents", do: s.SetContractAgents}
	}
	for name, of := range map[string]func(AgentStore) edits[estate.AgentEdit]{"estates": estates, "contracts": contracts} {
		prepared := func(t *testing.T) edits[estate.AgentEdit] {
			s := open(t)
			prepareEdits(t, s)
			e := of(s)
			e.editStore, e.first = s, domain.Updated
			e.edit = func(id int64) estate.AgentEdit { return estate.AgentEdit{ID: id, AgentID: agentID} }
			return e
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			edits[estate.AgentEdit]{}.test(t, prepared)
			for name, test := range map[string]func(*testing.T, edits[estate.AgentEdit]){
				"a person who is not an agent is refused": testAgentRole,
				"the same object twice in one call":       testAgentTwice,
			} {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					test(t, prepared(t))
				})
			}
		})
	}
	t.Run("an estate keeps the rest of what it is", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		prepareEdits(t, s)
		testAgentKeepsEstate(t, s)
	})
}

func testAgentRole(t *testing.T, e edits[estate.AgentEdit]) {
	people := []int64{staffID, agentID, missingID, landlordID, 0, otherAgentID}
	list := make([]estate.AgentEdit, len(people))
	for i, person := range people {
		list[i] = estate.AgentEdit{ID: int64(i + 1), AgentID: person}
	}
	outs, err := e.do(t.Context(), editTenant, list)
	failed := domain.Failed
	wantFates(t, e.call, outs, err, failed, domain.Updated, failed, failed, failed, failed)
	for i, value := range map[int]string{0: "31", 2: "404404", 3: "21", 4: "0", 5: "9007"} {
		wantFailure(t, "a wrong person", outs[i], estate.CodeUnknownUser, "editUserId", value)
		if role := outs[i].Failure.Params["role"]; role != "agent" {
			t.Errorf(`Params["role"] = %q, want "agent"`, role)
		}
	}
	outs, err = e.do(t.Context(), editTenant, []estate.AgentEdit{{ID: missingID, AgentID: staffID}})
	wantFates(t, e.call, outs, err, failed)
	wantFailure(t, "no object and no agent", outs[0], domain.CodeNotFound, "", "404404")
}

func testAgentTwice(t *testing.T, e edits[estate.AgentEdit]) {
	for _, c := range []struct {
		agents []int64 // of the one object
		want   []domain.Fate
	}{
		{[]int64{agentID, otherAgent, staffID, otherAgent, agentID}, []domain.Fate{domain.Updated, domain.Updated, domain.Failed, domain.Unchanged, domain.Updated}},
		{[]int64{agentID}, []domain.Fate{domain.Unchanged}},
		{[]int64{otherAgent, agentID}, []domain.Fate{domain.Updated, domain.Updated}}, // and so as it was
		{[]int64{agentID, otherAgent}, []domain.Fate{domain.Unchanged, domain.Updated}},
		{[]int64{otherAgent}, []domain.Fate{domain.Unchanged}},
	} {
		list := make([]estate.AgentEdit, len(c.agents))
		for i, agent := range c.agents {
			list[i] = estate.AgentEdit{ID: 1, AgentID: agent}
		}
		outs, err := e.do(t.Context(), editTenant, list)
		wantFates(t, e.call, outs, err, c.want...)
	}
}

func testAgentKeepsEstate(t *testing.T, s AgentStore) {
	outs, err := s.UpsertCommunities(t.Context(), editTenant, []estate.Community{{ID: communityID, Name: "河岸社區"}})
	wantFates(t, "UpsertCommunities", outs, err, domain.Created)
	full := estate.Estate{
		ID: 1, CommunityID: communityID, Name: "河岸 'A'", Country: 1, District: 2, Address: "中山路", Status: estate.Rented,
		Rent: 20_000, Area: 1050, Listed: true, LandlordID: landlordID,
	}
	outs, err = s.UpsertEstates(t.Context(), editTenant, []estate.Estate{full})
	wantFates(t, "UpsertEstates", outs, err, domain.Updated)
	outs, err = s.SetEstateAgents(t.Context(), editTenant, []estate.AgentEdit{{ID: 3, AgentID: otherAgent}, {ID: 1, AgentID: agentID}})
	wantFates(t, "SetEstateAgents", outs, err, domain.Updated, domain.Updated)
	full.AgentID = agentID
	third := plainEstate(3)
	third.AgentID = otherAgent
	err = s.Snapshot(t.Context(), func(ctx context.Context) error {
		got := collect(t, "EachEstateOf", s.EachEstateOf(ctx, editTenant, []int64{1, 2, 3}))
		if want := []estate.Estate{full, plainEstate(2), third}; len(got) != 3 || got[0] != want[0] || got[1] != want[1] || got[2] != want[2] {
			t.Errorf("EachEstateOf = %+v, want %+v", got, want)
		}
		return nil
	})
	if err != nil {
		t.Errorf("Snapshot = %v, want no error", err)
	}
}

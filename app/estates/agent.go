package estates

import (
	"context"
	"errors"
	"iter"
	"strconv"

	"github.com/batchport/batchport/app/document"
	"github.com/batchport/batchport/app/engine"
	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/estate"
)

// AgentEdits is the payload of a job that puts agents in charge: of estates,
// or of contracts. In batch mode it says of which, and the agent.
type AgentEdits struct {
	Contracts      bool           `json:"contracts,omitempty"` // contracts, and not estates
	Search         Search         `json:"search,omitzero"`
	ContractSearch ContractSearch `json:"contract_search,omitzero"`
	AgentID        int64          `json:"agent,omitempty"` // 0 in individual mode
}

func (e AgentEdits) check() error {
	return errors.Join(e.Search.check(), e.ContractSearch.check())
}

// AgentItem is one object that gets an agent.
type AgentItem struct {
	ID      int64   `json:"id"`
	AgentID int64   `json:"agent,omitempty"` // 0 in batch mode
	Faults  []fault `json:"faults,omitempty"`
}

// agentKind puts agents in charge of estates or contracts.
func agentKind(deps Deps) engine.Kind[AgentEdits, AgentItem] {
	return engine.Kind[AgentEdits, AgentItem]{
		Name:     EditAgent,
		Resource: estateResource,
		Check:    AgentEdits.check,
		Key:      func(item AgentItem) string { return strconv.FormatInt(item.ID, 10) },
		Select: func(ctx context.Context, job *domain.BatchJob, e AgentEdits) iter.Seq2[AgentItem, error] {
			found := deps.Selector.SelectEstates(ctx, job.Tenant(), e.Search.Filter())
			if e.Contracts {
				found = deps.Contracts.SelectContracts(ctx, job.Tenant(), e.ContractSearch.Filter())
			}
			return mapped(found, func(id int64) AgentItem { return AgentItem{ID: id} })
		},
		Apply: func(ctx context.Context, job *domain.BatchJob, e AgentEdits, items []AgentItem) ([]domain.Outcome, error) {
			set := deps.Agents.SetEstateAgents
			if e.Contracts {
				set = deps.Agents.SetContractAgents
			}
			return each(items,
				func(item AgentItem) []domain.Failure { return failuresOf(item.Faults) },
				func(item AgentItem) estate.AgentEdit {
					return estate.AgentEdit{ID: item.ID, AgentID: max(item.AgentID, e.AgentID)} // one of them is 0
				},
				func(edits []estate.AgentEdit) ([]domain.Outcome, error) { return set(ctx, job.Tenant(), edits) })
		},
	}
}

// mapped yields what turn makes of each value.
func mapped[V, W any](values iter.Seq2[V, error], turn func(V) W) iter.Seq2[W, error] {
	return func(yield func(W, error) bool) {
		for v, err := range values {
			if !yield(turn(v), err) {
				return
			}
		}
	}
}

// editingAgents returns the submitter of edits of agents.
func (s *Estates) editingAgents(jobs *engine.Jobs[AgentEdits, AgentItem]) submitter {
	return submitter{allowed: jobs.Allowed, submit: func(ctx context.Context, who domain.Principal, r Request) (*domain.BatchJob, error) {
		p := newProblems()
		request := engine.Request[AgentEdits, AgentItem]{Locale: r.Locale, IdempotencyKey: r.IdempotencyKey, Options: r.Options, RetryOf: r.RetryOf}
		field := estateIDs
		if request.Payload.Contracts = isContract(p, r.Body.Member("action")); request.Payload.Contracts {
			field = contractIDs
		}
		if request.All = isBatch(p, r.Body, field); request.All {
			request.Expected = readTotal(p, r.Body.Member("total"))
			if v := r.Body.Member(searchField); request.Payload.Contracts {
				request.Payload.ContractSearch = s.readContractSearch(p, v)
			} else {
				request.Payload.Search = s.readSearch(p, v)
			}
			request.Payload.AgentID = readPerson(p, r.Body.Member(userField))
			if err := s.checkUser(ctx, p, who, request.Payload.AgentID, estate.Agent); err != nil {
				return nil, err
			}
		} else if data := r.Body.Member(dataField); !blank(data) {
			request.Items = readData(p, data, s.cfg.MaxNamed, new(faultKeeper), readAgentItem)
		}
		if err := p.err(); err != nil {
			return nil, err
		}
		return jobs.Submit(ctx, who, request)
	}}
}

// isContract reads of what the agents are to be in charge.
func isContract(p *problems, action document.Value) bool {
	switch {
	case blank(action):
		p.missing("action")
	case action.Kind != document.String || action.Text != "estate" && action.Text != "contract":
		p.add(domain.CodeInvalid, "action", action, "expected", "estate, contract")
	}
	return action.Text == "contract"
}

func readAgentItem(faults *faultKeeper, id int64, v document.Value) AgentItem {
	p := newProblems()
	entry := entryOf(p, v)
	item := AgentItem{ID: id}
	if len(p.failures) == 0 {
		item.AgentID = readPerson(p, entry.Member(userField))
	}
	item.Faults = faults.keep(p.failures)
	return item
}

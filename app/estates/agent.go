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
	Form           Form           `json:"form,omitempty"`
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
				func(edits []estate.AgentEdit) ([]domain.Outcome, error) {
					outcomes, err := set(ctx, job.Tenant(), edits)
					e.Form.rename(outcomes)
					return outcomes, err
				})
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
	return submitting(jobs, agentMembers, setOptions, func(ctx context.Context, p *problems, who domain.Principal, r Request, request *engine.Request[AgentEdits, AgentItem]) error {
		request.Payload.Form = r.form
		field := estateIDs
		if request.Payload.Contracts = isContract(p, r.Body.Member(p.names.object)); request.Payload.Contracts {
			field = contractIDs
		}
		if request.All = isBatch(p, r.Body, field); request.All {
			request.Expected = readTotal(p, r.Body.Member("total"), request.Options)
			if v := r.Body.Member(p.names.search); request.Payload.Contracts {
				request.Payload.ContractSearch = s.readContractSearch(p, v)
			} else {
				request.Payload.Search = s.readSearch(p, v)
			}
			request.Payload.AgentID = readPerson(p, r.Body.Member(p.names.user))
			return s.checkUser(ctx, p, who, request.Payload.AgentID, estate.Agent)
		}
		request.Items = readData(p, r.Body, s.mostNamed(request.Options), readAgentItem)
		return nil
	})
}

// The members of a typed request, and of an entry of its edits.
var (
	agentMembers = []string{TypedForm.names().object, TypedForm.names().data, TypedForm.names().search, typedTotal, TypedForm.names().user}
	agentEntry   = []string{"id", TypedForm.names().user}
)

// isContract reads of what the agents are to be in charge.
func isContract(p *problems, object document.Value) bool {
	switch {
	case blank(object):
		p.missing(p.names.object)
	case object.Kind != document.String || object.Text != "estate" && object.Text != "contract":
		p.add(domain.CodeInvalid, p.names.object, object, "expected", "estate, contract")
	}
	return object.Text == "contract"
}

func readAgentItem(p *problems, faults *faultKeeper, id int64, v document.Value) AgentItem {
	entry := entryOf(p, v, agentEntry)
	item := AgentItem{ID: id}
	if len(p.failures) == 0 {
		item.AgentID = readPerson(p, entry.Member(p.names.user))
	}
	item.Faults = faults.keep(p.failures)
	return item
}

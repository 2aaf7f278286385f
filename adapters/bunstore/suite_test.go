package bunstore_test

import (
	"testing"

	"github.com/batchport/batchport/ports"
	"github.com/batchport/batchport/ports/portstest"
)

func TestStore(t *testing.T) {
	onEach(t, func(t *testing.T, on engine) {
		portstest.Store(t, func(t *testing.T) ports.Store { return on.store(t) })
	})
}

func TestFreshReads(t *testing.T) {
	onEach(t, func(t *testing.T, on engine) {
		portstest.FreshReads(t, func(t *testing.T) (one, other portstest.FreshStore) {
			stores, _ := on.stores(t, 2)
			return stores[0], stores[1]
		})
	})
}

func TestBacklog(t *testing.T) {
	onEach(t, func(t *testing.T, on engine) {
		portstest.Backlog(t, func(t *testing.T) portstest.BacklogStore { return on.store(t) })
	})
}

func TestAPIKeys(t *testing.T) {
	onEach(t, func(t *testing.T, on engine) {
		portstest.APIKeys(t, func(t *testing.T) interface {
			ports.APIKeys
			ports.Authority
		} {
			return on.store(t)
		})
	})
}

func TestEstates(t *testing.T) {
	onEach(t, func(t *testing.T, on engine) {
		portstest.Estates(t, func(t *testing.T) portstest.EstateStore { return on.store(t) })
	})
}

func TestAgents(t *testing.T) {
	onEach(t, func(t *testing.T, on engine) {
		portstest.Agents(t, func(t *testing.T) portstest.AgentStore { return on.store(t) })
	})
}

func TestGrants(t *testing.T) {
	onEach(t, func(t *testing.T, on engine) {
		portstest.Grants(t, func(t *testing.T) portstest.GrantStore { return on.store(t) })
	})
}

func TestReports(t *testing.T) {
	onEach(t, func(t *testing.T, on engine) {
		portstest.Reports(t, func(t *testing.T) portstest.ReportStore { return on.store(t) })
	})
}

func TestStatements(t *testing.T) {
	onEach(t, func(t *testing.T, on engine) {
		portstest.Statements(t, func(t *testing.T) portstest.StatementStore { return on.store(t) })
	})
}

func TestCommunities(t *testing.T) {
	onEach(t, func(t *testing.T, on engine) {
		portstest.Communities(t, func(t *testing.T) portstest.CommunityStore { return on.store(t) })
	})
}

func TestContracts(t *testing.T) {
	onEach(t, func(t *testing.T, on engine) {
		portstest.Contracts(t, func(t *testing.T) portstest.ContractStore { return on.store(t) })
	})
}

func TestRepairs(t *testing.T) {
	onEach(t, func(t *testing.T, on engine) {
		portstest.Repairs(t, func(t *testing.T) portstest.RepairStore { return on.store(t) })
	})
}

func TestUsers(t *testing.T) {
	onEach(t, func(t *testing.T, on engine) {
		portstest.Users(t, func(t *testing.T) portstest.UserStore { return on.store(t) })
	})
}

func TestUploads(t *testing.T) {
	onEach(t, func(t *testing.T, on engine) {
		portstest.Uploads(t, func(t *testing.T) portstest.UploadStore { return on.store(t) })
	})
}

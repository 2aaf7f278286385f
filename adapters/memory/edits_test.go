package memory_test

import (
	"testing"
	"time"

	"github.com/batchport/batchport/adapters/memory"
	"github.com/batchport/batchport/ports/portstest"
)

func TestAgents(t *testing.T) {
	t.Parallel()
	portstest.Agents(t, func(*testing.T) portstest.AgentStore { return memory.NewStore(time.Now) })
}

func TestGrants(t *testing.T) {
	t.Parallel()
	portstest.Grants(t, func(*testing.T) portstest.GrantStore { return memory.NewStore(time.Now) })
}

func TestReports(t *testing.T) {
	t.Parallel()
	portstest.Reports(t, func(*testing.T) portstest.ReportStore { return memory.NewStore(time.Now) })
}

func TestStatements(t *testing.T) {
	t.Parallel()
	portstest.Statements(t, func(*testing.T) portstest.StatementStore { return memory.NewStore(time.Now) })
}

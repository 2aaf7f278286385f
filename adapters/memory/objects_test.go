package memory_test

import (
	"testing"
	"time"

	"github.com/batchport/batchport/adapters/memory"
	"github.com/batchport/batchport/ports/portstest"
)

func TestCommunities(t *testing.T) {
	t.Parallel()
	portstest.Communities(t, func(*testing.T) portstest.CommunityStore { return memory.NewStore(time.Now) })
}

func TestContracts(t *testing.T) {
	t.Parallel()
	portstest.Contracts(t, func(*testing.T) portstest.ContractStore { return memory.NewStore(time.Now) })
}

func TestRepairs(t *testing.T) {
	t.Parallel()
	portstest.Repairs(t, func(*testing.T) portstest.RepairStore { return memory.NewStore(time.Now) })
}

func TestUsers(t *testing.T) {
	t.Parallel()
	portstest.Users(t, func(*testing.T) portstest.UserStore { return memory.NewStore(time.Now) })
}

func TestUploads(t *testing.T) {
	t.Parallel()
	portstest.Uploads(t, func(*testing.T) portstest.UploadStore { return memory.NewStore(time.Now) })
}

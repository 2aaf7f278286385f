package bunstore_test

import (
	"testing"

	"github.com/batchport/batchport/ports/portstest"
)

func TestCommunities(t *testing.T) {
	t.Parallel()
	portstest.Communities(t, func(t *testing.T) portstest.CommunityStore { return newStore(t) })
}

func TestContracts(t *testing.T) {
	t.Parallel()
	portstest.Contracts(t, func(t *testing.T) portstest.ContractStore { return newStore(t) })
}

func TestRepairs(t *testing.T) {
	t.Parallel()
	portstest.Repairs(t, func(t *testing.T) portstest.RepairStore { return newStore(t) })
}

func TestUsers(t *testing.T) {
	t.Parallel()
	portstest.Users(t, func(t *testing.T) portstest.UserStore { return newStore(t) })
}

func TestUploads(t *testing.T) {
	t.Parallel()
	portstest.Uploads(t, func(t *testing.T) portstest.UploadStore { return newStore(t) })
}

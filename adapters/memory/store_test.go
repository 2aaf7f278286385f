package memory_test

import (
	"testing"
	"time"

	"github.com/batchport/batchport/adapters/memory"
	"github.com/batchport/batchport/ports"
	"github.com/batchport/batchport/ports/portstest"
)

func TestStore(t *testing.T) {
	t.Parallel()
	portstest.Store(t, func(*testing.T) ports.Store { return memory.NewStore(time.Now) })
}

func TestAPIKeys(t *testing.T) {
	t.Parallel()
	portstest.APIKeys(t, func(*testing.T) interface {
		ports.APIKeys
		ports.Authority
	} {
		return memory.NewStore(time.Now)
	})
}

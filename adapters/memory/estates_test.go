package memory_test

import (
	"testing"
	"time"

	"github.com/batchport/batchport/adapters/memory"
	"github.com/batchport/batchport/ports/portstest"
)

func TestEstates(t *testing.T) {
	t.Parallel()
	portstest.Estates(t, func(*testing.T) portstest.EstateStore { return memory.NewStore(time.Now) })
}

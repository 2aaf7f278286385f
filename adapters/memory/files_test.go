package memory_test

import (
	"testing"

	"github.com/batchport/batchport/adapters/memory"
	"github.com/batchport/batchport/ports"
	"github.com/batchport/batchport/ports/portstest"
)

func TestFiles(t *testing.T) {
	portstest.Files(t, func(*testing.T) ports.Files { return memory.NewFiles() })
}

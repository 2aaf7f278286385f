package natsfiles_test

import (
	"encoding/base64"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/batchport/batchport/adapters/natsbus/natstest"
	"github.com/batchport/batchport/adapters/natsfiles"
	"github.com/batchport/batchport/ports"
	"github.com/batchport/batchport/ports/portstest"
)

func TestFiles(t *testing.T) {
	testSuite(t, 1)
}

func TestFilesOnACluster(t *testing.T) {
	testSuite(t, 3)
}

// testSuite runs the contract on a cluster, each part in a bucket of its own
// that every server keeps.
func testSuite(t *testing.T, servers int) {
	cluster := natstest.Start(t, servers, nil)
	var n atomic.Int64
	portstest.Files(t, func(t *testing.T) ports.Files {
		return open(t, cluster.Connect(t), natsfiles.Config{Prefix: fmt.Sprint("s", n.Add(1)), Replicas: servers})
	})
}

func open(t *testing.T, conn *nats.Conn, config natsfiles.Config) *natsfiles.Files {
	t.Helper()
	config.CacheDir = t.TempDir()
	files, err := natsfiles.New(conn, config)
	if err != nil {
		t.Fatalf("New = %v", err)
	}
	t.Cleanup(func() {
		if err := files.Close(); err != nil {
			t.Errorf("Close() = %v", err)
		}
	})
	return files
}

// metaSubject is where the description of an object is.
func metaSubject(object string) string {
	return "$O.BATCHPORT_FILES.M." + base64.URLEncoding.EncodeToString([]byte(object))
}

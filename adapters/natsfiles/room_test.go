package natsfiles_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/batchport/batchport/adapters/natsbus/natstest"
	"github.com/batchport/batchport/adapters/natsfiles"
	"github.com/batchport/batchport/domain"
)

// TestNoRoom fills a bucket that may not grow, and a server's disk.
func TestNoRoom(t *testing.T) {
	t.Parallel()
	small := natstest.Start(t, 1, func(o *server.Options) { o.JetStreamMaxStore = 1 << 20 })
	for name, try := range map[string]struct {
		conn   *nats.Conn
		config natsfiles.Config
	}{
		"bucket": {natstest.Start(t, 1, nil).Connect(t), natsfiles.Config{MaxBytes: 1 << 20}},
		"server": {small.Connect(t), natsfiles.Config{}},
	} {
		files := open(t, try.conn, try.config)
		old := content(1, 300<<10)
		if err := write(t, files, "old", old); err != nil {
			t.Fatalf("%s: writing = %v", name, err)
		}
		crashed, err := files.Create(t.Context(), "t", "crashed") // as a killed process leaves it
		if err != nil {
			t.Fatalf("%s: Create() = %v", name, err)
		}
		for err == nil {
			_, err = crashed.Write(content(2, 128<<10))
		}
		for _, id := range []string{"old", "new"} {
			err := write(t, files, id, content(3, 2<<20))
			if !errors.Is(err, domain.CodeUnavailable) || !strings.Contains(err.Error(), "no room") {
				t.Errorf("%s: writing %s without room = %v, want %v, no room", name, id, err, domain.CodeUnavailable)
			}
		}
		wantContent(t, files, "old", old)
		if list := sweep(t, files); len(list) != 1 {
			t.Errorf("%s: Each() yields %q, want the old file", name, list)
		}
		if err := write(t, files, "new", old); err != nil {
			t.Errorf("%s: writing when there is room again = %v", name, err)
		}
	}
}

// TestSweepNeverBreaksAFile runs Each, which is told to remove everything that
// is not committed yet, against writers that are about to commit.
func TestSweepNeverBreaksAFile(t *testing.T) {
	for _, servers := range []int{1, 3} {
		cluster := natstest.Start(t, servers, nil)
		files := open(t, cluster.Connect(t), natsfiles.Config{Replicas: servers})
		if err := files.Prepare(t.Context()); err != nil {
			t.Fatalf("Prepare = %v", err)
		}
		ctx, stop := context.WithCancel(t.Context())
		var sweeping sync.WaitGroup
		sweeping.Go(func() {
			for ctx.Err() == nil {
				sweep(t, files)
			}
		})
		kept, given := 0, 0
		for n := 0; n < 5000 && (n < 200 || given == 0); n++ { // until they have met
			id, want := fmt.Sprint("f", n%3), content(byte(n), 1000)
			if err := write(t, files, id, want); err != nil {
				given++
				continue
			}
			kept++
			wantContent(t, files, id, want)
		}
		stop()
		sweeping.Wait()
		t.Logf("%d servers: %d files kept, %d given up", servers, kept, given)
		if kept == 0 || given == 0 {
			t.Errorf("%d servers: %d files kept and %d given up, want some of both", servers, kept, given)
		}
	}
}

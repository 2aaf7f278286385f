package natsfiles_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/batchport/batchport/adapters/natsbus/natstest"
	"github.com/batchport/batchport/adapters/natsfiles"
	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

const bucketStream = "OBJ_BATCHPORT_FILES"

func content(seed byte, size int) []byte {
	b := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{seed}).Read(b) // never fails
	return b
}

// write writes and commits a file of tenant t.
func write(t *testing.T, files ports.Files, id string, content []byte) error {
	t.Helper()
	w, err := files.Create(t.Context(), "t", id)
	if err != nil {
		return err
	}
	_, written := w.Write(content)
	_, committed := w.Commit(t.Context())
	if written != nil && committed == nil {
		t.Errorf("Commit after Write = %v is nil, want an error", written)
	}
	return errors.Join(written, committed)
}

func read(t *testing.T, files ports.Files, id string) ([]byte, error) {
	t.Helper()
	r, err := files.Open(t.Context(), "t", id)
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }()
	return io.ReadAll(r)
}

func wantContent(t *testing.T, files ports.Files, id string, want []byte) {
	t.Helper()
	if got, err := read(t, files, id); err != nil || !bytes.Equal(got, want) {
		t.Errorf("file %s = %d bytes, %v; want the %d that were written", id, len(got), err, len(want))
	}
}

// sweep runs Each for what was begun before now.
func sweep(t *testing.T, files ports.Files) (list []string) {
	t.Helper()
	for info, err := range files.Each(t.Context(), time.Now().Add(time.Second)) {
		if err != nil {
			t.Errorf("Each() = %v", err)
		}
		list = append(list, info.ID)
	}
	return list
}

// messages returns how many messages the bucket has.
func messages(t *testing.T, conn *nats.Conn) uint64 {
	t.Helper()
	stream, err := natstest.JetStream(t, conn).Stream(t.Context(), bucketStream)
	if err != nil {
		t.Fatalf("Stream = %v", err)
	}
	return stream.CachedInfo().State.Msgs
}

// TestLeaderLostInMidWrite stops the server that leads the bucket twice while
// a file is written.
func TestLeaderLostInMidWrite(t *testing.T) {
	cluster := natstest.Start(t, 3, nil)
	conn := cluster.Connect(t)
	files := open(t, conn, natsfiles.Config{Replicas: 3})
	want := content(1, 12<<20)
	w, err := files.Create(t.Context(), "t", "f")
	if err != nil {
		t.Fatalf("Create() = %v", err)
	}
	stopped := -1
	for i := 0; i < len(want); i += 1 << 20 {
		if i == 3<<20 || i == 8<<20 {
			stopped = cluster.Leader(t, bucketStream)
			cluster.Stop(stopped)
		}
		if i == 6<<20 {
			cluster.Resume(t, stopped)
			cluster.WaitReady(t)
		}
		if _, err := w.Write(want[i : i+1<<20]); err != nil {
			t.Fatalf("Write() = %v", err)
		}
	}
	if _, err := w.Commit(t.Context()); err != nil {
		t.Fatalf("Commit() = %v", err)
	}
	wantContent(t, files, "f", want)
	cluster.Resume(t, stopped)
}

// TestLeaderLostInMidRead reads files while servers are stopped in turn: each
// comes whole, or not at all.
func TestLeaderLostInMidRead(t *testing.T) {
	cluster := natstest.Start(t, 3, nil)
	conn := cluster.Connect(t)
	files := open(t, conn, natsfiles.Config{Replicas: 3, CacheBytes: 2 << 20})
	const count = 3
	for i := range count {
		if err := write(t, files, fmt.Sprint(i), content(byte(i), 2<<20)); err != nil {
			t.Fatalf("writing = %v", err)
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	whole, refused := 0, 0
	done := make(chan struct{})
	go func() {
		defer close(done)
		for n := 0; ctx.Err() == nil; n++ {
			got, err := read(t, files, fmt.Sprint(n%count)) // the cache has room for one alone
			switch {
			case err == nil && bytes.Equal(got, content(byte(n%count), 2<<20)):
				whole++
			case errors.Is(err, domain.CodeUnavailable):
				refused++
			default:
				t.Errorf("file %d = %d bytes, %v; want all of it, or %v", n%count, len(got), err, domain.CodeUnavailable)
			}
		}
	}()
	for range 3 {
		leader := cluster.Leader(t, bucketStream)
		cluster.Stop(leader)
		<-time.After(2 * time.Second)
		cluster.Resume(t, leader)
		cluster.WaitReady(t)
	}
	stop()
	<-done
	t.Logf("%d files were read whole, %d not at all", whole, refused)
	if whole == 0 {
		t.Error("no file was read over 3 losses of the leader")
	}
}

// TestServerGoneInMidWrite stops the only server and lets it come back too
// late, for a new file and for one that replaces another.
func TestServerGoneInMidWrite(t *testing.T) {
	t.Parallel()
	cluster := natstest.Start(t, 1, nil)
	conn := cluster.Connect(t)
	files := open(t, conn, natsfiles.Config{Patience: 300 * time.Millisecond})
	old := content(1, 300<<10)
	if err := write(t, files, "old", old); err != nil {
		t.Fatalf("writing = %v", err)
	}
	before := messages(t, conn)
	for _, id := range []string{"old", "new"} {
		for _, when := range []string{"Write", "Commit"} {
			w, err := files.Create(t.Context(), "t", id)
			if err != nil {
				t.Fatalf("Create() = %v", err)
			}
			if _, err := w.Write(content(2, 200<<10)); err != nil {
				t.Fatalf("Write() = %v", err)
			}
			cluster.Stop(0)
			if when == "Write" {
				if _, err := w.Write(content(3, 200<<10)); !errors.Is(err, domain.CodeUnavailable) {
					t.Errorf("Write without a server = %v, want %v", err, domain.CodeUnavailable)
				}
			}
			if _, err := w.Commit(t.Context()); !errors.Is(err, domain.CodeUnavailable) {
				t.Errorf("Commit without a server = %v, want %v", err, domain.CodeUnavailable)
			}
			if _, err := files.Open(t.Context(), "t", "old"); !errors.Is(err, domain.CodeUnavailable) {
				t.Errorf("Open without a server = %v, want %v", err, domain.CodeUnavailable)
			}
			cluster.Resume(t, 0)
			natstest.Eventually(t, "the connection is back", conn.IsConnected)
			wantContent(t, files, "old", old)
			if _, err := files.Open(t.Context(), "t", "new"); !errors.Is(err, domain.CodeNotFound) {
				t.Errorf("Open of what was not committed = %v, want %v", err, domain.CodeNotFound)
			}
			if list := sweep(t, files); len(list) != 1 {
				t.Errorf("Each() yields %q, want the old file", list)
			}
			if got := messages(t, conn); got != before {
				t.Errorf("messages after Each = %d, want the %d of the old file", got, before)
			}
		}
	}
}

// TestServerRestartsInMidWrite stops the only server and lets it come back in
// time.
func TestServerRestartsInMidWrite(t *testing.T) {
	t.Parallel()
	cluster := natstest.Start(t, 1, nil)
	files := open(t, cluster.Connect(t), natsfiles.Config{})
	want := content(1, 2<<20)
	w, err := files.Create(t.Context(), "t", "f")
	if err != nil {
		t.Fatalf("Create() = %v", err)
	}
	for i := 0; i < len(want); i += 512 << 10 {
		cluster.Stop(0)
		var back sync.WaitGroup
		back.Go(func() {
			<-time.After(200 * time.Millisecond)
			cluster.Resume(t, 0)
		})
		_, err := w.Write(want[i : i+512<<10])
		back.Wait()
		if err != nil {
			t.Fatalf("Write() = %v", err)
		}
	}
	if _, err := w.Commit(t.Context()); err != nil {
		t.Fatalf("Commit() = %v", err)
	}
	wantContent(t, files, "f", want)
}

// TestStoppedWriter ends the context of a writer that waits for a server: the
// process it is in has seconds to stop.
func TestStoppedWriter(t *testing.T) {
	t.Parallel()
	cluster := natstest.Start(t, 1, nil)
	files := open(t, cluster.Connect(t), natsfiles.Config{})
	ctx, stop := context.WithCancel(t.Context())
	w, err := files.Create(ctx, "t", "f")
	if err != nil {
		t.Fatalf("Create() = %v", err)
	}
	cluster.Stop(0)
	time.AfterFunc(200*time.Millisecond, stop)
	began := time.Now()
	if _, err := w.Write(content(1, 1<<20)); !errors.Is(err, context.Canceled) {
		t.Errorf("Write() = %v, want %v", err, context.Canceled)
	}
	if err := w.Abort(); err != nil {
		t.Errorf("Abort() = %v", err)
	}
	if took := time.Since(began); took > 1500*time.Millisecond {
		t.Errorf("Write and Abort took %v, want little more than 200 ms", took)
	}
	cluster.Resume(t, 0)
}

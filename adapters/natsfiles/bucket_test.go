package natsfiles_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/batchport/batchport/adapters/natsbus/natstest"
	"github.com/batchport/batchport/adapters/natsfiles"
	"github.com/batchport/batchport/domain"
)

// TestOtherClients shares a bucket with the object store of the NATS client:
// each reads what the other writes, and what is not this package's stays.
func TestOtherClients(t *testing.T) {
	t.Parallel()
	conn := natstest.Start(t, 1, nil).Connect(t)
	files := open(t, conn, natsfiles.Config{})
	want := content(1, 300<<10)
	if err := write(t, files, "ours", want); err != nil {
		t.Fatalf("writing = %v", err)
	}
	store, err := natstest.JetStream(t, conn).ObjectStore(t.Context(), "BATCHPORT_FILES")
	if err != nil {
		t.Fatalf("ObjectStore = %v", err)
	}
	if got, err := store.GetBytes(t.Context(), "t/ours"); err != nil || !bytes.Equal(got, want) {
		t.Errorf("GetBytes = %d bytes, %v; want the %d that were written", len(got), err, len(want))
	}
	for _, name := range []string{"foreign", "t/theirs"} {
		if _, err := store.PutBytes(t.Context(), name, want); err != nil {
			t.Fatalf("PutBytes = %v", err)
		}
	}
	wantContent(t, files, "theirs", want)
	if list := sweep(t, files); !slices.Equal(slices.Sorted(slices.Values(list)), []string{"ours", "theirs"}) {
		t.Errorf("Each() yields %q, want ours and theirs", list)
	}
	if got, err := store.GetBytes(t.Context(), "foreign"); err != nil || !bytes.Equal(got, want) {
		t.Errorf("GetBytes of what is not a file's = %d bytes, %v; want it untouched", len(got), err)
	}
	if err := store.Delete(t.Context(), "t/ours"); err != nil {
		t.Fatalf("Delete = %v", err)
	}
	if _, err := files.Open(t.Context(), "t", "ours"); !errors.Is(err, domain.CodeNotFound) {
		t.Errorf("Open of what was deleted = %v, want %v", err, domain.CodeNotFound)
	}
}

// TestCrashedAttempts leaves what killed processes leave, at each step.
func TestCrashedAttempts(t *testing.T) {
	t.Parallel()
	conn := natstest.Start(t, 1, nil).Connect(t)
	files := open(t, conn, natsfiles.Config{})
	want := content(1, 300<<10)
	if err := write(t, files, "f", want); err != nil {
		t.Fatalf("writing = %v", err)
	}
	before, begun := messages(t, conn), time.Now()
	for size := range 4 {
		w, err := files.Create(t.Context(), "t", "f")
		if err != nil {
			t.Fatalf("Create() = %v", err)
		}
		if _, err := w.Write(content(2, size*200<<10)); err != nil {
			t.Fatalf("Write() = %v", err)
		}
	}
	left := messages(t, conn)
	other := open(t, conn, natsfiles.Config{})
	for _, err := range other.Each(t.Context(), begun) {
		if err != nil {
			t.Errorf("Each() = %v", err)
		}
	}
	if got := messages(t, conn); got != left || left == before {
		t.Errorf("messages after Each for an earlier time = %d, want all %d", got, left)
	}
	sweep(t, other)
	if got := messages(t, conn); got != before {
		t.Errorf("messages after Each = %d, want the %d of the file", got, before)
	}
	wantContent(t, other, "f", want)
}

// TestCache reads from the disk what was read before, within its bounds.
func TestCache(t *testing.T) {
	t.Parallel()
	conn := natstest.Start(t, 1, nil).Connect(t)
	dir := t.TempDir()
	files, err := natsfiles.New(conn, natsfiles.Config{CacheDir: dir, CacheBytes: 1 << 20})
	if err != nil {
		t.Fatalf("New = %v", err)
	}
	for i := range 3 {
		if err := write(t, files, fmt.Sprint(i), content(byte(i), 600<<10)); err != nil {
			t.Fatalf("writing = %v", err)
		}
	}
	if err := write(t, files, "large", content(9, 1<<20+1)); err != nil {
		t.Fatalf("writing = %v", err)
	}
	wantContent(t, files, "0", content(0, 600<<10))
	deleteMessage(t, conn, 2) // the first chunk of file 0
	wantContent(t, files, "0", content(0, 600<<10))
	first, err := files.Open(t.Context(), "t", "0")
	if err != nil {
		t.Fatalf("Open() = %v", err)
	}
	if _, err := files.Open(t.Context(), "t", "1"); !errors.Is(err, domain.CodeUnavailable) {
		t.Errorf("Open without room = %v, want %v", err, domain.CodeUnavailable)
	}
	if got, err := io.ReadAll(first); err != nil || !bytes.Equal(got, content(0, 600<<10)) {
		t.Errorf("a reader that was opened before = %d bytes, %v; want all", len(got), err)
	}
	_ = first.Close()
	_ = first.Close() // twice is once
	wantContent(t, files, "1", content(1, 600<<10))
	wantContent(t, files, "2", content(2, 600<<10))
	if _, err := files.Open(t.Context(), "t", "0"); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("Open of what made room = %v, want it to be read anew, and seen damaged", err)
	}
	if _, err := files.Open(t.Context(), "t", "large"); !errors.Is(err, domain.CodeUnavailable) {
		t.Errorf("Open of more than the cache takes = %v, want %v", err, domain.CodeUnavailable)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("names in the folder of the cache = %v, %v; want none", left, err)
	}
	last, err := files.Open(t.Context(), "t", "2")
	if err != nil {
		t.Fatalf("Open() = %v", err)
	}
	if err := files.Close(); err != nil {
		t.Errorf("Close() = %v", err)
	}
	if got, err := io.ReadAll(last); err != nil || !bytes.Equal(got, content(2, 600<<10)) {
		t.Errorf("a reader after Close = %d bytes, %v; want all", len(got), err)
	}
	_ = last.Close()
	if _, err := files.Open(t.Context(), "t", "1"); !errors.Is(err, domain.CodeUnavailable) {
		t.Errorf("Open after Close = %v, want %v", err, domain.CodeUnavailable)
	}
	missing := open(t, conn, natsfiles.Config{})
	broken, err := natsfiles.New(conn, natsfiles.Config{CacheDir: dir + "/nowhere"})
	if err != nil {
		t.Fatalf("New = %v", err)
	}
	if _, err := broken.Open(t.Context(), "t", "1"); !errors.Is(err, domain.CodeUnavailable) {
		t.Errorf("Open without a folder = %v, want %v", err, domain.CodeUnavailable)
	}
	wantContent(t, missing, "1", content(1, 600<<10))
}

// TestBucketIsChanged takes a bucket from one replica to three, bounds it, and
// deletes it.
func TestBucketIsChanged(t *testing.T) {
	cluster := natstest.Start(t, 3, nil)
	conn := cluster.Connect(t)
	js := natstest.JetStream(t, conn)
	if err := write(t, open(t, conn, natsfiles.Config{}), "f", content(1, 1000)); err != nil {
		t.Fatalf("writing = %v", err)
	}
	files := open(t, conn, natsfiles.Config{Replicas: 3, MaxBytes: 10 << 20})
	if err := files.Prepare(t.Context()); err != nil {
		t.Fatalf("Prepare = %v", err)
	}
	stream, err := js.Stream(t.Context(), bucketStream)
	if err != nil || stream.CachedInfo().Config.Replicas != 3 || stream.CachedInfo().Config.MaxBytes != 10<<20 {
		t.Errorf("bucket = %+v, %v; want 3 replicas and 10 MiB", stream.CachedInfo().Config, err)
	}
	wantContent(t, files, "f", content(1, 1000))
	if err := js.DeleteStream(t.Context(), bucketStream); err != nil {
		t.Fatalf("DeleteStream = %v", err)
	}
	if _, err := files.Open(t.Context(), "t", "f"); !errors.Is(err, domain.CodeNotFound) {
		t.Errorf("Open without a bucket = %v, want %v", err, domain.CodeNotFound)
	}
	if err := files.Remove(t.Context(), "t", "f"); err != nil {
		t.Errorf("Remove() without a bucket = %v", err)
	}
	if list := sweep(t, files); len(list) != 0 {
		t.Errorf("Each() without a bucket yields %q", list)
	}
	if err := write(t, files, "f", content(2, 1000)); err != nil {
		t.Errorf("writing without a bucket = %v", err)
	}
	wantContent(t, files, "f", content(2, 1000))
	err = open(t, conn, natsfiles.Config{Replicas: 5}).Prepare(t.Context())
	if !errors.Is(err, domain.CodeUnavailable) || !strings.Contains(err.Error(), "fewer NATS servers") {
		t.Errorf("Prepare with 5 replicas on 3 servers = %v, want %v", err, domain.CodeUnavailable)
	}
}

// TestSmallMessages has a server that takes messages of 8 KiB at most.
func TestSmallMessages(t *testing.T) {
	t.Parallel()
	conn := natstest.Start(t, 1, func(o *server.Options) { o.MaxPayload = 8 << 10 }).Connect(t)
	files := open(t, conn, natsfiles.Config{})
	if err := write(t, files, "f", content(1, 500_000)); err != nil {
		t.Fatalf("writing = %v", err)
	}
	wantContent(t, files, "f", content(1, 500_000))
}

func TestConfigIsChecked(t *testing.T) {
	t.Parallel()
	for _, try := range []struct {
		config natsfiles.Config
		field  string
	}{
		{natsfiles.Config{Prefix: "Upper"}, "prefix"},
		{natsfiles.Config{Prefix: "a.b"}, "prefix"},
		{natsfiles.Config{Replicas: 6}, "replicas"},
		{natsfiles.Config{MaxBytes: -1}, "max_bytes"},
		{natsfiles.Config{CacheBytes: -1}, "cache_bytes"},
		{natsfiles.Config{Patience: -1}, "patience"},
	} {
		if _, err := natsfiles.New(new(nats.Conn), try.config); domain.FailureOf(err).Field != try.field {
			t.Errorf("New(%+v) = %v, want a failure of %s", try.config, err, try.field)
		}
	}
}

func BenchmarkWriteAndRead(b *testing.B) {
	conn := natstest.Start(b, 1, nil).Connect(b)
	files, err := natsfiles.New(conn, natsfiles.Config{CacheDir: b.TempDir(), CacheBytes: 65 << 20})
	if err != nil {
		b.Fatal(err)
	}
	piece := content(1, 1<<20)
	b.ReportAllocs()
	b.SetBytes(64 << 20)
	for n := 0; b.Loop(); n++ {
		w, err := files.Create(b.Context(), "t", "f")
		if err != nil {
			b.Fatal(err)
		}
		for i := range 64 {
			piece[0], piece[1] = byte(n), byte(i) // else it is in the cache
			if _, err := w.Write(piece); err != nil {
				b.Fatal(err)
			}
		}
		if _, err := w.Commit(b.Context()); err != nil {
			b.Fatal(err)
		}
		r, err := files.Open(b.Context(), "t", "f")
		if err != nil {
			b.Fatal(err)
		}
		_ = r.Close()
	}
}

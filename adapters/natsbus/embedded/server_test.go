package embedded_test

import (
	"context"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/batchport/batchport/adapters/natsbus/embedded"
	"github.com/batchport/batchport/domain"
)

func TestServerListensNowhereUnlessAsked(t *testing.T) {
	t.Parallel()
	h := startHost(t, embedded.Config{})
	if got := h.server.Addr(); got != "" {
		t.Errorf("Addr() = %q, want none", got)
	}
	if err := h.server.Healthy(); err != nil {
		t.Errorf("Healthy() = %v, want nil", err)
	}
	h.tell(t, "acme", "one")
	h.server.Close()
	h.server.Close()
	if err := h.server.Healthy(); err == nil {
		t.Error("Healthy() after Close = nil, want an error")
	}
}

func TestServerKeepsItsFiles(t *testing.T) {
	t.Parallel()
	config := embedded.Config{StoreDir: filepath.Join(t.TempDir(), "a", "b")}
	h := startHost(t, config)
	h.tell(t, "acme", "one")
	before, err := h.stream.State(t.Context())
	if err != nil {
		t.Fatalf("State() = %v", err)
	}
	h.conn.Close()
	h.server.Close()
	after, err := startHost(t, config).stream.State(t.Context())
	if err != nil || after != before {
		t.Errorf("State() after a restart = %+v, %v; want %+v", after, err, before)
	}
}

func TestServerStartsWithoutFilesItCannotRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for round := range 2 {
		if err := os.WriteFile(filepath.Join(dir, "jetstream"), []byte("not a folder"), 0o600); err != nil {
			t.Fatal(err)
		}
		h := startHost(t, embedded.Config{StoreDir: dir})
		h.tell(t, "acme", "one")
		h.works(t)
		h.conn.Close()
		h.server.Close()
		if _, err := os.Stat(filepath.Join(dir, "jetstream.broken")); err != nil {
			t.Errorf("round %d: what was moved aside: %v", round, err)
		}
		if err := os.RemoveAll(filepath.Join(dir, "jetstream")); err != nil {
			t.Fatal(err)
		}
	}
}

// TestServerStartsOnDamagedFiles damages the files in ways that disks and
// people do. Whatever the server makes of them, it starts, and the streams work.
func TestServerStartsOnDamagedFiles(t *testing.T) {
	t.Parallel()
	damages := map[string]func(*rand.Rand, string, []byte) error{
		"emptied": func(_ *rand.Rand, path string, _ []byte) error { return os.Truncate(path, 0) },
		"cut": func(r *rand.Rand, path string, data []byte) error {
			return os.Truncate(path, r.Int64N(int64(len(data))))
		},
		"flipped": func(r *rand.Rand, path string, data []byte) error {
			for range 1 + len(data)/50 {
				data[r.IntN(len(data))] ^= byte(1 + r.IntN(255))
			}
			return os.WriteFile(path, data, 0o600)
		},
		"removed": func(_ *rand.Rand, path string, _ []byte) error { return os.Remove(path) },
	}
	for name, damage := range damages {
		for _, share := range []float64{0.3, 1} {
			for seed := range uint64(3) {
				config := embedded.Config{StoreDir: t.TempDir()}
				h := startHost(t, config)
				for i := range 20 {
					h.tell(t, "acme", eventID("acme", i))
				}
				h.readUntil(t, eventID("acme", 19))
				h.works(t)
				h.conn.Close()
				h.server.Close()
				r := rand.New(rand.NewPCG(seed, 0))
				err := filepath.WalkDir(config.StoreDir, func(path string, entry fs.DirEntry, err error) error {
					if err != nil || entry.IsDir() || r.Float64() > share {
						return err
					}
					data, err := os.ReadFile(path)
					if err != nil || len(data) == 0 {
						return err
					}
					return damage(r, path, data)
				})
				if err != nil {
					t.Fatal(err)
				}
				h = startHost(t, config)
				h.tell(t, "acme", "after")
				h.readUntil(t, "after")
				h.works(t)
				h.conn.Close()
				h.server.Close()
				if t.Failed() {
					t.Fatalf("files %s, share %v, seed %d", name, share, seed)
				}
			}
		}
	}
}

func TestServerBeginsAnewWhenItsFilesVanish(t *testing.T) {
	t.Parallel()
	config := embedded.Config{StoreDir: t.TempDir(), Listen: "127.0.0.1:0"}
	h := startHost(t, config)
	h.tell(t, "acme", "one")
	before, err := h.stream.State(t.Context())
	if err != nil {
		t.Fatalf("State() = %v", err)
	}
	h.works(t)
	subscriber := h.join(t, "acme")
	subscriber.consumer(t, "billing")
	if err := os.RemoveAll(filepath.Join(config.StoreDir, "jetstream")); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the stream is another one", func() bool {
		state, err := h.stream.State(t.Context())
		return err == nil && state.Stream != before.Stream
	})
	if got := h.tell(t, "acme", "one"); got.Sequence != 1 {
		t.Errorf("place of the same event in the new stream = %d, want 1", got.Sequence)
	}
	h.works(t)
	if got := read(t, subscriber.consumer(t, "billing")); got.Headers().Get("Nats-Msg-Id") != "one" {
		t.Errorf("event of the new stream = %v, want one", got.Headers())
	}
	if _, err := os.Stat(filepath.Join(config.StoreDir, "jetstream")); err != nil {
		t.Errorf("the new files: %v", err)
	}
}

func TestStartRefusesBadSettings(t *testing.T) {
	t.Parallel()
	authenticate := func(context.Context, string, string) (domain.TenantID, bool) { return "", false }
	for _, try := range []struct {
		config embedded.Config
		want   domain.Code
		field  string
	}{
		{embedded.Config{}, domain.CodeRequired, "store_dir"},
		{embedded.Config{StoreDir: "x", Prefix: "A.b"}, domain.CodeInvalid, "prefix"},
		{embedded.Config{StoreDir: "x", MaxStoreBytes: -1}, domain.CodeOutOfRange, "max_store_bytes"},
		{embedded.Config{StoreDir: "x", MaxConnections: -1}, domain.CodeOutOfRange, "max_connections"},
		{embedded.Config{StoreDir: "x", Listen: ":0"}, domain.CodeRequired, "authenticate"},
		{embedded.Config{StoreDir: "x", Listen: "4222", Authenticate: authenticate}, domain.CodeInvalid, "listen"},
		{embedded.Config{StoreDir: "x", Listen: ":nats", Authenticate: authenticate}, domain.CodeInvalid, "listen"},
	} {
		_, err := embedded.Start(try.config)
		if got := domain.FailureOf(err); !errors.Is(err, try.want) || got.Field != try.field {
			t.Errorf("Start(%+v) = %v, want %s of %s", try.config, err, try.want, try.field)
		}
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if server, err := embedded.Start(embedded.Config{StoreDir: file}); err == nil {
		server.Close()
		t.Error("Start(a file as StoreDir) worked")
	}
}

// works rings the bell and hears it.
func (h *host) works(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	heard := false
	if err := h.bell.Ring(ctx, "estate_export"); err != nil {
		t.Errorf("Ring = %v", err)
	}
	err := h.bell.Listen(ctx, []domain.Kind{"estate_export"}, 1, func(context.Context) error {
		heard = true
		cancel()
		return nil
	})
	if err != nil || !heard {
		t.Errorf("Listen = %v, heard = %t; want the ring", err, heard)
	}
}

// readUntil reads the events from where it was to the one with the id.
func (h *host) readUntil(t *testing.T, id string) {
	t.Helper()
	consumer, err := h.js.CreateOrUpdateConsumer(t.Context(), eventStream, jetstream.ConsumerConfig{
		Durable:       "acme_billing",
		FilterSubject: "batchport.v1.acme.>",
		AckPolicy:     jetstream.AckExplicitPolicy,
	})
	if err != nil {
		t.Fatalf("CreateOrUpdateConsumer = %v", err)
	}
	for {
		msg := read(t, consumer)
		if err := msg.DoubleAck(t.Context()); err != nil {
			t.Fatalf("DoubleAck = %v", err)
		}
		if msg.Headers().Get(nats.MsgIdHdr) == id {
			return
		}
	}
}

func BenchmarkStart(b *testing.B) {
	for b.Loop() {
		server, err := embedded.Start(embedded.Config{
			StoreDir:     b.TempDir(),
			Listen:       "127.0.0.1:0",
			Authenticate: func(context.Context, string, string) (domain.TenantID, bool) { return "", false },
		})
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		server.Close()
		b.StartTimer()
	}
}

package natsfiles_test

import (
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/batchport/batchport/adapters/natsbus/natstest"
	"github.com/batchport/batchport/adapters/natsfiles"
	"github.com/batchport/batchport/domain"
)

// The first owner has the bucket; another can neither read nor remove
// anything in it, whether or not it was told so at the start.
func TestOwner(t *testing.T) {
	t.Parallel()
	conn := natstest.Start(t, 1, nil).Connect(t)
	before := open(t, conn, natsfiles.Config{}) // as a host that names nobody
	want := content(1, 1000)
	if err := write(t, before, "f", want); err != nil {
		t.Fatalf("writing = %v", err)
	}
	one := natsfiles.Config{Owner: "one"}
	for range 2 {
		if err := open(t, conn, one).Prepare(t.Context()); err != nil {
			t.Fatalf("Prepare() of the first owner = %v", err)
		}
	}
	if err := open(t, conn, natsfiles.Config{}).Prepare(t.Context()); err != nil {
		t.Errorf("Prepare() of one that names nobody = %v", err)
	}
	two := open(t, conn, natsfiles.Config{Owner: "two"})
	if err := two.Prepare(t.Context()); !errors.Is(err, domain.CodeConflict) {
		t.Errorf("Prepare() of another owner = %v, want %s", err, domain.CodeConflict)
	}
	if _, err := two.Open(t.Context(), "t", "f"); !errors.Is(err, domain.CodeUnavailable) {
		t.Errorf("Open() of another owner = %v, want %s", err, domain.CodeUnavailable)
	}
	if err := two.Remove(t.Context(), "t", "f"); !errors.Is(err, domain.CodeUnavailable) {
		t.Errorf("Remove() of another owner = %v, want %s", err, domain.CodeUnavailable)
	}
	for info, err := range two.Each(t.Context(), time.Now().Add(time.Hour)) {
		if !errors.Is(err, domain.CodeUnavailable) {
			t.Errorf("Each() of another owner = %+v, %v, want %s", info, err, domain.CodeUnavailable)
		}
	}
	wantContent(t, open(t, conn, one), "f", want)
}

// What an operator has set at the servers stays, unless the settings say more.
func TestBoundThatTheServersHave(t *testing.T) {
	t.Parallel()
	conn := natstest.Start(t, 1, nil).Connect(t)
	js := natstest.JetStream(t, conn)
	prepare := func(config natsfiles.Config, want int64) jetstream.StreamConfig {
		t.Helper()
		if err := open(t, conn, config).Prepare(t.Context()); err != nil {
			t.Fatalf("Prepare() = %v", err)
		}
		stream, err := js.Stream(t.Context(), "OBJ_BATCHPORT_FILES")
		if err != nil {
			t.Fatal(err)
		}
		if got := stream.CachedInfo().Config.MaxBytes; got != want {
			t.Errorf("Prepare(%+v): up to %d bytes, want %d", config, got, want)
		}
		return stream.CachedInfo().Config
	}
	config := prepare(natsfiles.Config{}, -1)
	config.MaxBytes = 5 << 20
	if _, err := js.UpdateStream(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	prepare(natsfiles.Config{}, 5<<20)
	prepare(natsfiles.Config{MaxBytes: 7 << 20}, 7<<20)
}

package uploads_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/batchport/batchport/adapters/memory"
	"github.com/batchport/batchport/app/engine"
	"github.com/batchport/batchport/app/uploads"
	"github.com/batchport/batchport/domain"
)

const day = 24 * time.Hour

// run purges until the test ends.
func (f fixture) run() {
	ctx, stop := context.WithCancel(f.t.Context())
	ended := make(chan error, 1)
	go func() { ended <- f.Run(ctx) }()
	f.t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			f.t.Errorf("Run() = %v, want nil", err)
		}
	})
	synctest.Wait()
}

// pass lets time pass, and what is due then be done. The clock is the bubble's.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestRunRemovesWhatHasExpired(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var used sync.Map
		f := newFixture(t, uploads.Deps{InUse: func(_ context.Context, tenant domain.TenantID, id string) (bool, error) {
			_, ok := used.Load(id)
			return tenant == "tenant-a" && ok, nil
		}}, uploads.Config{})
		before := f.receive("before", "x").ID
		pass(8 * day)
		for range 250 { // more than are read at a time
			f.receive("many", "x")
		}
		plain, kept, busy := f.receive("plain", "x").ID, f.receive("kept", "x").ID, f.receive("busy", "x").ID
		if err := f.Keep(t.Context(), ann.Tenant, kept, time.Now().Add(10*day)); err != nil {
			t.Fatal(err)
		}
		used.Store(busy, true)
		f.run()
		if ids := f.stored(); slices.Contains(ids, before) || len(ids) != 253 {
			t.Errorf("at the start there are %d files, want the expired one alone gone", len(ids))
		}
		f.wantThere("plain", plain, true)
		pass(7*day + time.Hour)
		if ids := f.stored(); len(ids) != 2 || !slices.Contains(ids, kept) || !slices.Contains(ids, busy) {
			t.Errorf("after seven days there are %q, want what was kept and what is in use", ids)
		}
		f.wantThere("plain", plain, false)
		f.wantThere("busy", busy, true)
		pass(3 * day)
		if ids := f.stored(); !slices.Equal(ids, []string{busy}) {
			t.Errorf("after ten days there are %q, want what is in use", ids)
		}
		used.Delete(busy)
		pass(2 * day)
		f.wantThere("busy, no longer used", busy, true)
		pass(3 * day)
		if ids := f.stored(); len(ids) != 0 {
			t.Errorf("after fifteen days there are %q, want nothing", ids)
		}
	})
}

// TestKeepBeforeRemovalWins keeps an upload when it was found to be expired
// and not in use.
func TestKeepBeforeRemovalWins(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, uploads.Deps{}, uploads.Config{})
		f = f.over(uploads.Deps{InUse: func(ctx context.Context, tenant domain.TenantID, id string) (bool, error) {
			return false, f.store.KeepUpload(ctx, tenant, id, time.Now().Add(day))
		}}, uploads.Config{Keep: time.Hour})
		id := f.receive("x", "x").ID
		f.run()
		pass(2*time.Hour + time.Minute)
		f.wantThere("kept", id, true)
	})
}

// put commits a file that no description tells of.
func (f fixture) put(id string) {
	f.t.Helper()
	w, err := f.files.Create(f.t.Context(), ann.Tenant, id)
	if err == nil {
		_, err = w.Commit(f.t.Context())
	}
	if err != nil {
		f.t.Fatal(err)
	}
}

func TestRunRemovesOrphans(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, uploads.Deps{}, uploads.Config{})
		described := f.receive("x", "x").ID
		others := []string{"6552e15d743264.42384055-1", "up-", "up-x", "up-0123456789ABCDEF0123456789ABCDEF", "somebody.else"}
		for _, id := range others {
			f.put(id)
		}
		orphan := "up-0123456789abcdef0123456789abcdef"
		f.put(orphan)
		f.run()
		pass(day - time.Hour)
		if !slices.Contains(f.stored(), orphan) {
			t.Error("a file whose description may follow is gone before a day")
		}
		pass(2 * time.Hour)
		want := slices.Sorted(slices.Values(append(others, described)))
		if ids := slices.Sorted(slices.Values(f.stored())); !slices.Equal(ids, want) {
			t.Errorf("after a day there are %q, want all but the orphan: %q", ids, want)
		}
	})
}

// TestOneFaultDoesNotStopTheRest cannot say of one upload whether it is in use.
func TestOneFaultDoesNotStopTheRest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var logs bytes.Buffer
		var bad atomic.Value
		f := newFixture(t, uploads.Deps{InUse: func(_ context.Context, _ domain.TenantID, id string) (bool, error) {
			if id == bad.Load() {
				return false, errors.New("nobody knows")
			}
			return false, nil
		}}, uploads.Config{Logger: slog.New(slog.NewTextHandler(&logs, nil))})
		f.put("up-0123456789abcdef0123456789abcdef")
		bad.Store(f.receive("bad", "x").ID)
		f.receive("good", "x")
		f.run()
		pass(8 * day)
		if ids := f.stored(); !slices.Equal(ids, []string{bad.Load().(string)}) {
			t.Errorf("there are %q, want the one that nobody knows about", ids)
		}
		if !strings.Contains(logs.String(), "cannot purge uploads; trying again") || !strings.Contains(logs.String(), "nobody knows") {
			t.Errorf("the log does not tell what could not be done:\n%s", &logs)
		}
		bad.Store("")
		pass(time.Hour)
		if ids := f.stored(); len(ids) != 0 {
			t.Errorf("an hour later there are %q, want nothing", ids)
		}
	})
}

// TestTheEngineLeavesUploadsAlone lets the engine look for orphans of its own.
func TestTheEngineLeavesUploadsAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, uploads.Deps{}, uploads.Config{})
		id := f.receive("x", "x").ID
		f.put("6552e15d743264.42384055-1")
		eng, err := engine.New(engine.Deps{Store: f.store, Bell: memory.NewBell(), Files: f.files}, engine.Config{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := engine.Register(eng, engine.Kind[struct{}, int]{
			Name: "idle",
			Apply: func(_ context.Context, _ *domain.BatchJob, _ struct{}, items []int) ([]domain.Outcome, error) {
				return make([]domain.Outcome, len(items)), nil
			},
		}); err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- eng.Run(ctx) }()
		pass(2 * day)
		stop()
		if err := <-ended; err != nil {
			t.Errorf("Run() = %v, want nil", err)
		}
		if ids := f.stored(); !slices.Equal(ids, []string{id}) {
			t.Errorf("there are %q, want the upload and not the engine's orphan", ids)
		}
	})
}

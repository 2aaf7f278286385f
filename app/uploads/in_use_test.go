package uploads_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/batchport/batchport/app/uploads"
	"github.com/batchport/batchport/domain"
)

// clock is a time that tests set.
type clock struct{ time.Time }

func (c *clock) now() time.Time { return c.Time }

func newClock() *clock { return &clock{time.Date(2026, 11, 21, 16, 30, 0, 0, time.UTC)} }

// TestWhatIsInUseDoesNotExpire asks for an upload between its end and the
// purge that would find out that it is needed still.
func TestWhatIsInUseDoesNotExpire(t *testing.T) {
	t.Parallel()
	for name, ask := range map[string]func(f fixture, id string) error{
		"Find": func(f fixture, id string) error {
			found, err := f.Find(f.t.Context(), ann.Tenant, id)
			if err == nil && found.ID != id {
				f.t.Errorf("Find(%s) = %+v, want that upload", id, found)
			}
			return err
		},
		"Open": func(f fixture, id string) error {
			_, file, err := f.Open(f.t.Context(), ann.Tenant, id)
			if err != nil {
				return err
			}
			defer func() { _ = file.Close() }()
			if content, err := io.ReadAll(file); err != nil || string(content) != "content" {
				f.t.Errorf("Open(%s) gives %q, %v; want what was uploaded", id, content, err)
			}
			return nil
		},
		"Keep": func(f fixture, id string) error { return f.Keep(f.t.Context(), ann.Tenant, id, time.Time{}) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			now, asked, used := newClock(), 0, true
			f := newFixture(t, uploads.Deps{InUse: func(_ context.Context, tenant domain.TenantID, _ string) (bool, error) {
				asked++
				return used && tenant == ann.Tenant, nil
			}}, uploads.Config{Keep: time.Hour, Now: now.now})
			upload := f.receive("x", "content")
			now.Time = upload.ExpiresAt.Add(-time.Minute)
			if err := ask(f, upload.ID); err != nil || asked != 0 {
				t.Fatalf("before its end: %v after %d questions whether it is in use, want it without one", err, asked)
			}
			now.Time = upload.ExpiresAt.Add(time.Minute)
			if _, err := f.Find(t.Context(), "tenant-b", upload.ID); !errors.Is(err, domain.CodeNotFound) {
				t.Errorf("for another tenant: %v, want %s", err, domain.CodeNotFound)
			}
			if err := ask(f, upload.ID); err != nil {
				t.Fatalf("a minute after its end, in use: %v, want it there", err)
			}
			want := now.Add(time.Hour)
			if got, err := f.store.FindUpload(t.Context(), ann.Tenant, upload.ID); err != nil || !got.ExpiresAt.Equal(want) {
				t.Errorf("it ends at %v now, %v; want %v, an hour later", got.ExpiresAt, err, want)
			}
			if got, err := f.Find(t.Context(), ann.Tenant, upload.ID); err != nil || !got.ExpiresAt.Equal(want) {
				t.Errorf("Find() says that it ends at %v, %v; want %v", got.ExpiresAt, err, want)
			}
			used = false
			now.Time = want.Add(-time.Microsecond)
			f.wantThere("no longer used, before its new end", upload.ID, true)
			now.Time = want.Add(time.Minute)
			if err := ask(f, upload.ID); !errors.Is(err, domain.CodeNotFound) {
				t.Errorf("a minute after its new end, not in use: %v, want %s", err, domain.CodeNotFound)
			}
		})
	}
}

// TestWhatNobodyKnowsIsNotMissing cannot say whether an upload is in use: the
// client is to come again, and not to take the file for gone.
func TestWhatNobodyKnowsIsNotMissing(t *testing.T) {
	t.Parallel()
	now := newClock()
	unknown := domain.Unavailable(errors.New("nobody knows"))
	f := newFixture(t, uploads.Deps{InUse: func(context.Context, domain.TenantID, string) (bool, error) {
		return false, unknown
	}}, uploads.Config{Keep: time.Hour, Now: now.now})
	id := f.receive("x", "x").ID
	now.Time = now.Add(time.Hour + time.Minute)
	_, found := f.Find(t.Context(), ann.Tenant, id)
	_, _, opened := f.Open(t.Context(), ann.Tenant, id)
	for what, err := range map[string]error{"Find": found, "Open": opened} {
		if !errors.Is(err, domain.CodeUnavailable) {
			t.Errorf("%s() = %v, want %s", what, err, domain.CodeUnavailable)
		}
	}
}

// TestRemovedWhileItIsAskedFor loses the upload to the purge of another
// process, just before it is kept.
func TestRemovedWhileItIsAskedFor(t *testing.T) {
	t.Parallel()
	now := newClock()
	f := newFixture(t, uploads.Deps{}, uploads.Config{})
	f = f.over(uploads.Deps{InUse: func(ctx context.Context, tenant domain.TenantID, id string) (bool, error) {
		_, err := f.store.RemoveUpload(ctx, tenant, id, now.Time)
		return true, err
	}}, uploads.Config{Keep: time.Hour, Now: now.now})
	id := f.receive("x", "x").ID
	now.Time = now.Add(2 * time.Hour)
	f.wantThere("removed meanwhile", id, false)
}

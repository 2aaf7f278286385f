package portstest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

// UploadStore is what [Uploads] tests.
type UploadStore interface {
	ports.Transactions
	ports.Uploads
}

// Uploads runs the contract of [ports.Uploads]. Each subtest calls open for an
// empty store, which cleans up through its t.
func Uploads(t *testing.T, open func(*testing.T) UploadStore) {
	for name, test := range map[string]func(*testing.T, uploadSuite){
		"an upload comes back as it was stored":           testUploadRoundTrip,
		"an identifier that is taken is a conflict":       testUploadConflict,
		"what is not there is not found":                  testUploadMissing,
		"tenants are apart":                               testUploadTenants,
		"kept until later, never until earlier":           testKeepUpload,
		"expired uploads come in order, up to a limit":    testExpiredUploads,
		"removed only when it expires before the time":    testRemoveUpload,
		"what is rolled back is undone":                   testUploadsRolledBack,
		"a snapshot does not see later changes":           testUploadSnapshot,
		"an ended context stores nothing":                 testUploadsCancelled,
		"of two who add one upload, one adds it":          testRaceAddUpload,
		"of two who remove one upload, one removes it":    testRaceRemoveUpload,
		"an upload is kept or removed, as was said":       testRaceKeepAndRemove,
		"all who keep an upload: the latest time is kept": testRaceKeepUpload,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, uploadSuite{open(t)})
		})
	}
}

// uploadExpiry is when the uploads of the suite expire.
var uploadExpiry = time.Date(2026, 11, 3, 21, 5, 6, 789_012_000, time.UTC)

const microsecond = time.Microsecond // the least difference of times

// uploadSuite is a store with helpers that fail the test.
type uploadSuite struct{ UploadStore }

func upload(id string) ports.Upload {
	return ports.Upload{
		Tenant: editTenant, ID: id, Name: "十一月.xlsx", Size: 1234, SHA256: sha256.Sum256([]byte(id)), CreatedBy: "ann",
		CreatedAt: uploadExpiry.Add(-time.Hour), ExpiresAt: uploadExpiry,
	}
}

func (s uploadSuite) add(t *testing.T, uploads ...ports.Upload) {
	t.Helper()
	for _, u := range uploads {
		if err := s.AddUpload(t.Context(), u); err != nil {
			t.Fatalf("AddUpload(%s) = %v, want no error", u.ID, err)
		}
	}
}

func (s uploadSuite) want(t *testing.T, ctx context.Context, want ports.Upload) {
	t.Helper()
	if got, err := s.FindUpload(ctx, want.Tenant, want.ID); err != nil || got != want {
		t.Errorf("FindUpload(%s, %s) = %+v, %v; want %+v", want.Tenant, want.ID, got, err, want)
	}
}

func (s uploadSuite) wantNone(t *testing.T, ctx context.Context, tenant domain.TenantID, id string) {
	t.Helper()
	if got, err := s.FindUpload(ctx, tenant, id); !errors.Is(err, domain.CodeNotFound) || got != (ports.Upload{}) {
		t.Errorf("FindUpload(%s, %s) = %+v, %v; want %v", tenant, id, got, err, domain.CodeNotFound)
	}
}

// wantExpired wants these identifiers, in order.
func (s uploadSuite) wantExpired(t *testing.T, ctx context.Context, before time.Time, limit int, want ...string) {
	t.Helper()
	expired, err := s.ExpiredUploads(ctx, before, limit)
	var got []string
	for _, u := range expired {
		got = append(got, u.ID)
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("ExpiredUploads(%v, %d) = %v, %v; want %v", before, limit, got, err, want)
	}
}

func (s uploadSuite) wantRemoved(t *testing.T, ctx context.Context, tenant domain.TenantID, id string, before time.Time, want bool) {
	t.Helper()
	if got, err := s.RemoveUpload(ctx, tenant, id, before); err != nil || got != want {
		t.Errorf("RemoveUpload(%s, %s, %v) = %t, %v; want %t", tenant, id, before, got, err, want)
	}
}

func testUploadRoundTrip(t *testing.T, s uploadSuite) {
	var all []ports.Upload
	for i, name := range []string{
		"十一月.xlsx", "", " ", "a b.pdf", "../../etc/passwd", `C:\reports\x.xlsx`, "O'Neil \"x\" ?0.xlsx", "'; DROP TABLE uploads; --", "%_*[a]",
		"{p}uploads", "a\nb\tc", "😀\u200d🏠.pdf", "e\u0301 é \u212A", "\uFFFD\uFEFF", strings.Repeat("檔", 1_000), "null", "0",
	} {
		u := upload(fmt.Sprintf("upload-%02d", i))
		u.Name = name
		all = append(all, u)
	}
	all[0].SHA256, all[0].Size, all[0].CreatedBy = [32]byte{}, 0, ""
	all[1].SHA256 = [32]byte(slices.Repeat([]byte{0xff}, 32))
	all[2].SHA256, all[2].Size = [32]byte{31: 1}, 1<<53-1
	all[3].SHA256, all[3].CreatedBy = [32]byte{'\'', 0, '\\', '"', '?'}, "李 O'Neil"
	all[4].CreatedAt, all[4].ExpiresAt = time.Date(1999, 12, 31, 23, 59, 59, 999_999_000, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 1_000, time.UTC)
	s.add(t, all...)
	for _, u := range all {
		s.want(t, t.Context(), u)
	}
	expired, err := s.ExpiredUploads(t.Context(), uploadExpiry.Add(microsecond), 100)
	if err != nil {
		t.Fatalf("ExpiredUploads = %v, want no error", err)
	}
	slices.SortFunc(expired, func(a, b ports.Upload) int { return strings.Compare(a.ID, b.ID) })
	wantObjects(t, "ExpiredUploads", expired, slices.Delete(slices.Clone(all), 4, 5))
}

func testUploadConflict(t *testing.T, s uploadSuite) {
	first := upload("one")
	s.add(t, first)
	other := first
	other.Name, other.SHA256, other.ExpiresAt = "other", [32]byte{1}, uploadExpiry.Add(time.Hour)
	for _, again := range []ports.Upload{first, other} {
		if err := s.AddUpload(t.Context(), again); !errors.Is(err, domain.CodeConflict) {
			t.Errorf("AddUpload(taken) = %v, want %v", err, domain.CodeConflict)
		}
	}
	s.want(t, t.Context(), first)
	s.wantRemoved(t, t.Context(), editTenant, "one", uploadExpiry.Add(microsecond), true)
	s.add(t, other) // it is free again
	s.want(t, t.Context(), other)
}

func testUploadMissing(t *testing.T, s uploadSuite) {
	s.add(t, upload("one"))
	for _, id := range []string{"", "on", "one ", "ONE", "%", "o_e", "two"} {
		s.wantNone(t, t.Context(), editTenant, id)
		if err := s.KeepUpload(t.Context(), editTenant, id, uploadExpiry); !errors.Is(err, domain.CodeNotFound) {
			t.Errorf("KeepUpload(%q) = %v, want %v", id, err, domain.CodeNotFound)
		}
		s.wantRemoved(t, t.Context(), editTenant, id, uploadExpiry.Add(time.Hour), false)
	}
	s.want(t, t.Context(), upload("one"))
}

func testUploadTenants(t *testing.T, s uploadSuite) {
	mine := upload("one")
	s.add(t, mine)
	s.wantNone(t, t.Context(), otherTenant, "one")
	later := uploadExpiry.Add(time.Hour)
	if err := s.KeepUpload(t.Context(), otherTenant, "one", later); !errors.Is(err, domain.CodeNotFound) {
		t.Errorf("KeepUpload(another tenant's) = %v, want %v", err, domain.CodeNotFound)
	}
	s.wantRemoved(t, t.Context(), otherTenant, "one", later, false)
	s.want(t, t.Context(), mine)
	// That it is taken is not for another tenant to learn.
	theirs := upload("one")
	theirs.Tenant, theirs.Name, theirs.ExpiresAt = otherTenant, "theirs", uploadExpiry.Add(-time.Hour)
	s.add(t, theirs)
	s.want(t, t.Context(), mine)
	s.want(t, t.Context(), theirs)
	expired, err := s.ExpiredUploads(t.Context(), later, 10)
	if err != nil {
		t.Errorf("ExpiredUploads = %v, want no error", err)
	}
	wantObjects(t, "ExpiredUploads of any tenant", expired, []ports.Upload{theirs, mine})
	s.wantRemoved(t, t.Context(), otherTenant, "one", later, true)
	s.want(t, t.Context(), mine)
	s.wantNone(t, t.Context(), otherTenant, "one")
}

func testKeepUpload(t *testing.T, s uploadSuite) {
	want := upload("one")
	s.add(t, want, upload("two"))
	for _, after := range []time.Duration{-time.Hour, -microsecond, 0, microsecond, 0, time.Hour, time.Minute, 24 * time.Hour, -microsecond} {
		until := uploadExpiry.Add(after)
		if err := s.KeepUpload(t.Context(), editTenant, "one", until); err != nil {
			t.Errorf("KeepUpload(%v) = %v, want no error", until, err)
		}
		if until.After(want.ExpiresAt) {
			want.ExpiresAt = until
		}
		s.want(t, t.Context(), want)
	}
	s.want(t, t.Context(), upload("two"))
	// What has expired can be kept as long as it is there.
	s.wantExpired(t, t.Context(), want.ExpiresAt.Add(microsecond), 9, "two", "one")
	if err := s.KeepUpload(t.Context(), editTenant, "two", want.ExpiresAt.Add(time.Hour)); err != nil {
		t.Errorf("KeepUpload(expired) = %v, want no error", err)
	}
	s.wantExpired(t, t.Context(), want.ExpiresAt.Add(microsecond), 9, "one")
}

func testExpiredUploads(t *testing.T, s uploadSuite) {
	ctx := t.Context()
	s.wantExpired(t, ctx, uploadExpiry, 10)
	for _, u := range []struct {
		id    string
		after time.Duration
	}{{"d", microsecond}, {"a", time.Hour}, {"c", 0}, {"e", -time.Hour}, {"b", -microsecond}} {
		one := upload(u.id)
		one.ExpiresAt = uploadExpiry.Add(u.after)
		s.add(t, one)
	}
	s.wantExpired(t, ctx, uploadExpiry.Add(-time.Hour), 10)
	s.wantExpired(t, ctx, uploadExpiry.Add(microsecond-time.Hour), 10, "e")
	s.wantExpired(t, ctx, uploadExpiry, 10, "e", "b") // the bound itself is not before it
	s.wantExpired(t, ctx, uploadExpiry.Add(microsecond), 10, "e", "b", "c")
	s.wantExpired(t, ctx, uploadExpiry.Add(2*time.Hour), 10, "e", "b", "c", "d", "a")
	s.wantExpired(t, ctx, uploadExpiry.Add(2*time.Hour), 5, "e", "b", "c", "d", "a")
	s.wantExpired(t, ctx, uploadExpiry.Add(2*time.Hour), 3, "e", "b", "c")
	s.wantExpired(t, ctx, uploadExpiry.Add(2*time.Hour), 1, "e")
	s.wantExpired(t, ctx, uploadExpiry.Add(2*time.Hour), 0)
}

func testRemoveUpload(t *testing.T, s uploadSuite) {
	s.add(t, upload("one"), upload("two"))
	for _, before := range []time.Time{{}, uploadExpiry.Add(-time.Hour), uploadExpiry} {
		s.wantRemoved(t, t.Context(), editTenant, "one", before, false)
		s.want(t, t.Context(), upload("one"))
	}
	s.wantRemoved(t, t.Context(), editTenant, "one", uploadExpiry.Add(microsecond), true)
	s.wantNone(t, t.Context(), editTenant, "one")
	s.wantRemoved(t, t.Context(), editTenant, "one", uploadExpiry.Add(time.Hour), false)
	s.want(t, t.Context(), upload("two"))
	if err := s.KeepUpload(t.Context(), editTenant, "one", uploadExpiry.Add(time.Hour)); !errors.Is(err, domain.CodeNotFound) {
		t.Errorf("KeepUpload(removed) = %v, want %v", err, domain.CodeNotFound)
	}
	if err := s.KeepUpload(t.Context(), editTenant, "two", uploadExpiry.Add(time.Hour)); err != nil {
		t.Errorf("KeepUpload = %v, want no error", err)
	}
	s.wantRemoved(t, t.Context(), editTenant, "two", uploadExpiry.Add(microsecond), false) // it was kept
}

// change keeps the upload "kept" for an hour, removes "removed" and adds
// "added", and wants ctx to see it.
func (s uploadSuite) change(t *testing.T, ctx context.Context) error {
	t.Helper()
	later := uploadExpiry.Add(time.Hour)
	_, removeErr := s.RemoveUpload(ctx, editTenant, "removed", later)
	if err := errors.Join(s.AddUpload(ctx, upload("added")), s.KeepUpload(ctx, editTenant, "kept", later), removeErr); err != nil {
		return err
	}
	s.wantChanged(t, ctx)
	return nil
}

func (s uploadSuite) wantChanged(t *testing.T, ctx context.Context) {
	t.Helper()
	kept := upload("kept")
	kept.ExpiresAt = uploadExpiry.Add(time.Hour)
	s.want(t, ctx, kept)
	s.want(t, ctx, upload("added"))
	s.wantNone(t, ctx, editTenant, "removed")
	s.wantExpired(t, ctx, uploadExpiry.Add(microsecond), 10, "added")
}

func (s uploadSuite) wantUnchanged(t *testing.T, ctx context.Context) {
	t.Helper()
	s.want(t, ctx, upload("kept"))
	s.want(t, ctx, upload("removed"))
	s.wantNone(t, ctx, editTenant, "added")
	expired, err := s.ExpiredUploads(ctx, uploadExpiry.Add(microsecond), 10)
	if err != nil || len(expired) != 2 {
		t.Errorf("ExpiredUploads = %+v, %v; want kept and removed", expired, err)
	}
}

func testUploadsRolledBack(t *testing.T, s uploadSuite) {
	s.add(t, upload("kept"), upload("removed"))
	err := s.InTx(t.Context(), func(ctx context.Context) error {
		if err := s.change(t, ctx); err != nil {
			t.Errorf("the changes fail: %v", err)
		}
		return errStoreSuite
	})
	if !errors.Is(err, errStoreSuite) {
		t.Errorf("InTx = %v, want its function's error", err)
	}
	s.wantUnchanged(t, t.Context())
	err = s.InTx(t.Context(), func(ctx context.Context) error {
		err := s.Savepoint(ctx, func(ctx context.Context) error {
			if err := s.change(t, ctx); err != nil {
				t.Errorf("the changes fail: %v", err)
			}
			return errStoreSuite
		})
		if !errors.Is(err, errStoreSuite) {
			t.Errorf("Savepoint = %v, want its function's error", err)
		}
		s.wantUnchanged(t, ctx)
		return s.change(t, ctx)
	})
	if err != nil {
		t.Errorf("InTx = %v, want no error", err)
	}
	s.wantChanged(t, t.Context())
}

func testUploadSnapshot(t *testing.T, s uploadSuite) {
	s.add(t, upload("kept"), upload("removed"))
	err := s.Snapshot(t.Context(), func(ctx context.Context) error {
		if err := s.change(t, t.Context()); err != nil {
			return err
		}
		s.wantUnchanged(t, ctx)
		return nil
	})
	if err != nil {
		t.Errorf("Snapshot = %v, want no error", err)
	}
	s.wantChanged(t, t.Context())
}

func testUploadsCancelled(t *testing.T, s uploadSuite) {
	s.add(t, upload("kept"), upload("removed"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	later := uploadExpiry.Add(time.Hour)
	found, findErr := s.FindUpload(ctx, editTenant, "kept")
	expired, expiredErr := s.ExpiredUploads(ctx, later, 10)
	removed, removeErr := s.RemoveUpload(ctx, editTenant, "removed", later)
	for call, err := range map[string]error{
		"AddUpload": s.AddUpload(ctx, upload("added")), "KeepUpload": s.KeepUpload(ctx, editTenant, "kept", later),
		"FindUpload": findErr, "ExpiredUploads": expiredErr, "RemoveUpload": removeErr,
	} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s = %v, want context.Canceled", call, err)
		}
	}
	if found != (ports.Upload{}) || len(expired) > 0 || removed {
		t.Errorf("with an ended context: found %+v, expired %+v, removed %t; want nothing", found, expired, removed)
	}
	s.wantUnchanged(t, t.Context())
}

// races are so many uploads, for each of which two callers race.
const races = 40

// race calls both for each of the uploads, at once.
func race(both ...func(i int)) {
	var callers sync.WaitGroup
	start := make(chan struct{})
	for _, call := range both {
		callers.Go(func() {
			<-start
			for i := range races {
				call(i)
			}
		})
	}
	close(start)
	callers.Wait()
}

func raceID(i int) string { return fmt.Sprintf("upload-%02d", i) }

func testRaceAddUpload(t *testing.T, s uploadSuite) {
	var errs [2][races]error
	adder := func(who int) func(i int) {
		return func(i int) {
			u := upload(raceID(i))
			u.Size = int64(who)
			errs[who][i] = s.AddUpload(t.Context(), u)
		}
	}
	race(adder(0), adder(1))
	for i := range races {
		want := upload(raceID(i))
		won, lost := errs[0][i], errs[1][i]
		if won != nil {
			won, lost, want.Size = lost, won, 1
		} else {
			want.Size = 0
		}
		if won != nil || !errors.Is(lost, domain.CodeConflict) {
			t.Errorf("AddUpload of two = %v and %v, want one error, %v", errs[0][i], errs[1][i], domain.CodeConflict)
		}
		s.want(t, t.Context(), want)
	}
}

func testRaceRemoveUpload(t *testing.T, s uploadSuite) {
	var removed [2][races]bool
	for i := range races {
		s.add(t, upload(raceID(i)))
	}
	remover := func(who int) func(i int) {
		return func(i int) {
			var err error
			if removed[who][i], err = s.RemoveUpload(t.Context(), editTenant, raceID(i), uploadExpiry.Add(time.Hour)); err != nil {
				t.Errorf("RemoveUpload = %v, want no error", err)
			}
		}
	}
	race(remover(0), remover(1))
	for i := range races {
		if removed[0][i] == removed[1][i] {
			t.Errorf("RemoveUpload of two = %t and %t, want true once", removed[0][i], removed[1][i])
		}
		s.wantNone(t, t.Context(), editTenant, raceID(i))
	}
}

func testRaceKeepAndRemove(t *testing.T, s uploadSuite) {
	now, later := uploadExpiry.Add(time.Minute), uploadExpiry.Add(time.Hour)
	var kept [races]error
	var removed [races]bool
	for i := range races {
		s.add(t, upload(raceID(i)))
	}
	race(func(i int) { kept[i] = s.KeepUpload(t.Context(), editTenant, raceID(i), later) },
		func(i int) {
			var err error
			if removed[i], err = s.RemoveUpload(t.Context(), editTenant, raceID(i), now); err != nil {
				t.Errorf("RemoveUpload = %v, want no error", err)
			}
		})
	for i := range races {
		switch {
		case kept[i] == nil && !removed[i]:
			want := upload(raceID(i))
			want.ExpiresAt = later
			s.want(t, t.Context(), want)
		case errors.Is(kept[i], domain.CodeNotFound) && removed[i]:
			s.wantNone(t, t.Context(), editTenant, raceID(i))
		default:
			t.Errorf("KeepUpload = %v and RemoveUpload = %t, want it kept or removed", kept[i], removed[i])
		}
	}
}

func testRaceKeepUpload(t *testing.T, s uploadSuite) {
	s.add(t, upload("one"))
	keeper := func(way func(i int) int) func(i int) {
		return func(i int) {
			if err := s.KeepUpload(t.Context(), editTenant, "one", uploadExpiry.Add(time.Duration(way(i))*time.Second)); err != nil {
				t.Errorf("KeepUpload = %v, want no error", err)
			}
		}
	}
	race(keeper(func(i int) int { return i + 1 }), keeper(func(i int) int { return races - i }))
	want := upload("one")
	want.ExpiresAt = uploadExpiry.Add(races * time.Second)
	s.want(t, t.Context(), want)
}

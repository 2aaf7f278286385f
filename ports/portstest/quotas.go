package portstest

import (
	"context"
	"errors"
	"reflect"
	"sync/atomic"
	"testing"
	"time"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

// QuotaStore is what [Quotas] tests.
type QuotaStore interface {
	ports.Transactions
	ports.Quotas
}

// Quotas runs the contract of [ports.Quotas]. Each subtest calls open for an
// empty store, which cleans up through its t, and for what sets the store's
// clock, by which it then stands still.
func Quotas(t *testing.T, open func(*testing.T) (QuotaStore, func(time.Time))) {
	for name, test := range map[string]func(*testing.T, *quotaSuite){
		"uses are counted up to the limit":             testQuotaCounts,
		"a use leaves the window a moment too late":    testQuotaSlides,
		"the edge is sharp to the microsecond":         testQuotaEdge,
		"all windows must have room":                   testQuotaWindows,
		"a limit of none, and no limit":                testQuotaExtremes,
		"limits are lowered and raised between calls":  testQuotaLimits,
		"uses are kept for as long as the longest":     testQuotaKept,
		"names and tenants are apart":                  testQuotaApart,
		"what is rolled back was no use":               testQuotaRolledBack,
		"a clock that is set back lets nothing more":   testQuotaClockBack,
		"what was refused does not hold the time":      testQuotaRefusedTime,
		"forgotten uses count no more":                 testForgetUses,
		"asking counts nothing":                        testUsage,
		"it agrees with what the windows say":          testQuotaModel,
		"outside of a transaction nothing is counted":  testQuotaOutside,
		"a snapshot does not see later uses":           testQuotaSnapshot,
		"an ended context counts nothing":              testQuotaCancelled,
		"of many at once as many pass as are allowed":  testQuotaRace,
		"who rolls back leaves the use to another one": testQuotaRaceRolledBack,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store, set := open(t)
			s := &quotaSuite{QuotaStore: store, setClock: set}
			s.set(quotaStart)
			test(t, s)
		})
	}
}

// quotaStart is the time at which the suite begins, in whole milliseconds, as
// coarse as the clock of a store may be.
var quotaStart = time.Date(2026, 11, 3, 21, 5, 6, 123_000_000, time.UTC)

const quotaName = "budget_sync"

// quotaSuite is a store with helpers that fail the test.
type quotaSuite struct {
	QuotaStore
	setClock func(time.Time)
	now      time.Time
}

func (s *quotaSuite) set(now time.Time) {
	s.now = now
	s.setClock(now)
}

func (s *quotaSuite) advance(d time.Duration) { s.set(s.now.Add(d)) }

// spend spends in a transaction of its own.
func (s *quotaSuite) spend(ctx context.Context, tenant domain.TenantID, name string, windows ...domain.Window) (use domain.QuotaUse, err error) {
	err = s.InTx(ctx, func(ctx context.Context) (err error) {
		use, err = s.Spend(ctx, tenant, name, windows)
		return err
	})
	return use, err
}

// wantSpent spends, and wants it to pass or not.
func (s *quotaSuite) wantSpent(t *testing.T, want bool, windows ...domain.Window) domain.QuotaUse {
	t.Helper()
	use, err := s.spend(t.Context(), editTenant, quotaName, windows...)
	if err != nil || use.Spent != want {
		t.Fatalf("Spend(%v) at %v = %+v, %v; want spent %t", windows, s.now.Sub(quotaStart), use, err, want)
	}
	return use
}

// wantUse wants this to be used of the windows, to Usage.
func (s *quotaSuite) wantUse(t *testing.T, ctx context.Context, want ...domain.WindowUse) {
	t.Helper()
	windows := make([]domain.Window, len(want))
	for i, w := range want {
		windows[i] = w.Window
	}
	got, err := s.Usage(ctx, editTenant, quotaName, windows)
	if want := (domain.QuotaUse{Windows: want}); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("Usage(%v) at %v = %+v, %v; want %+v", windows, s.now.Sub(quotaStart), got, err, want)
	}
}

func perMinute(limit int) domain.Window { return domain.Window{Limit: limit, Length: time.Minute} }

func testQuotaCounts(t *testing.T, s *quotaSuite) {
	w := perMinute(3)
	whole := time.Minute + time.Microsecond
	s.wantUse(t, t.Context(), domain.WindowUse{Window: w, Left: 3})
	for left := 2; left >= 0; left-- {
		use := s.wantSpent(t, true, w)
		want := domain.WindowUse{Window: w, Left: left, Next: whole}
		if left == 0 {
			want.Wait = whole
		}
		if !reflect.DeepEqual(use.Windows, []domain.WindowUse{want}) {
			t.Errorf("Spend() = %+v, want %+v", use.Windows, want)
		}
		s.wantUse(t, t.Context(), want)
	}
	for range 2 {
		use := s.wantSpent(t, false, w)
		if want := (domain.WindowUse{Window: w, Next: whole, Wait: whole}); !reflect.DeepEqual(use.Windows, []domain.WindowUse{want}) {
			t.Errorf("Spend(used up) = %+v, want %+v", use.Windows, want)
		}
	}
}

func testQuotaSlides(t *testing.T, s *quotaSuite) {
	w := perMinute(2)
	s.wantSpent(t, true, w)
	s.advance(40 * time.Second)
	s.wantSpent(t, true, w)
	s.advance(20 * time.Second)
	use := s.wantSpent(t, false, w) // the first is just as old as the window is long
	if use.Wait() != time.Microsecond {
		t.Errorf("Spend(at the edge) waits %v, want %v", use.Wait(), time.Microsecond)
	}
	s.advance(time.Millisecond)
	s.wantSpent(t, true, w)
	s.wantSpent(t, false, w)
	s.advance(40 * time.Second) // there is one in the window, and the second of before is out
	s.wantSpent(t, true, w)
	s.wantSpent(t, false, w)
}

func testQuotaEdge(t *testing.T, s *quotaSuite) {
	w := domain.Window{Limit: 1, Length: 50 * time.Millisecond}
	for _, step := range []time.Duration{-time.Microsecond, 0, time.Microsecond} {
		s.set(quotaStart)
		s.wantSpent(t, true, w)
		s.set(quotaStart.Add(w.Length + step))
		inside := step <= 0
		want := domain.WindowUse{Window: w, Left: 1}
		if inside {
			want = domain.WindowUse{Window: w, Next: time.Microsecond - step, Wait: time.Microsecond - step}
		}
		s.wantUse(t, t.Context(), want)
		s.wantSpent(t, !inside, w)
		s.forget(t)
	}
}

func (s *quotaSuite) forget(t *testing.T) (forgotten int) {
	t.Helper()
	forgotten, err := s.ForgetUses(t.Context(), editTenant, quotaName)
	if err != nil {
		t.Fatalf("ForgetUses() = %v, want no error", err)
	}
	return forgotten
}

func testQuotaWindows(t *testing.T, s *quotaSuite) {
	second, minute := domain.Window{Limit: 2, Length: time.Second}, perMinute(3)
	s.wantSpent(t, true, second, minute)
	s.wantSpent(t, true, minute, second)
	use := s.wantSpent(t, false, second, minute)
	if left := []int{use.Windows[0].Left, use.Windows[1].Left}; !reflect.DeepEqual(left, []int{0, 1}) {
		t.Errorf("Spend(second used up) leaves %v, want [0 1]: what is refused counts nowhere", left)
	}
	s.advance(time.Second + time.Millisecond)
	s.wantUse(t, t.Context(), domain.WindowUse{Window: second, Left: 2},
		domain.WindowUse{Window: minute, Left: 1, Next: time.Minute - time.Second - time.Millisecond + time.Microsecond})
	s.wantSpent(t, true, second, minute)
	use = s.wantSpent(t, false, second, minute)
	if left := []int{use.Windows[0].Left, use.Windows[1].Left}; !reflect.DeepEqual(left, []int{1, 0}) {
		t.Errorf("Spend(minute used up) leaves %v, want [1 0]", left)
	}
}

func testQuotaExtremes(t *testing.T, s *quotaSuite) {
	for range 2 {
		use := s.wantSpent(t, false, domain.Window{Length: time.Hour})
		if use.Wait() != 0 {
			t.Errorf("Spend(limit 0) waits %v, want 0: it never passes", use.Wait())
		}
	}
	s.wantSpent(t, false, perMinute(9), domain.Window{Length: time.Hour})
	s.wantUse(t, t.Context(), domain.WindowUse{Window: perMinute(9), Left: 9})
	s.wantSpent(t, true)
	s.wantSpent(t, true)
	s.wantSpent(t, true, domain.Window{Limit: 1 << 40, Length: 100 * 365 * 24 * time.Hour})
	s.wantSpent(t, true, domain.Window{Limit: 9, Length: 1})
}

func testQuotaLimits(t *testing.T, s *quotaSuite) {
	for range 3 {
		s.wantSpent(t, true, perMinute(3))
		s.advance(time.Second)
	}
	s.wantSpent(t, false, perMinute(3))
	s.wantSpent(t, false, perMinute(1)) // lowered: three are more than enough
	s.wantUse(t, t.Context(), domain.WindowUse{
		Window: perMinute(1), Next: 57*time.Second + time.Microsecond, Wait: 59*time.Second + time.Microsecond,
	})
	s.wantSpent(t, true, perMinute(4)) // raised
	s.wantSpent(t, false, perMinute(4))
	s.advance(58 * time.Second) // one is out
	s.wantSpent(t, false, perMinute(3))
	s.wantSpent(t, true, perMinute(4))
}

func testQuotaKept(t *testing.T, s *quotaSuite) {
	hour := domain.Window{Limit: 5, Length: time.Hour}
	for range 2 {
		s.wantSpent(t, true, perMinute(9), hour)
		s.advance(30 * time.Minute)
	}
	// The first is just as old as the hour, and still there.
	s.wantUse(t, t.Context(), domain.WindowUse{Window: hour, Left: 3, Next: time.Microsecond})
	s.wantSpent(t, true, hour)
	s.wantUse(t, t.Context(), domain.WindowUse{Window: hour, Left: 2, Next: time.Microsecond})
	s.advance(time.Millisecond)
	s.wantUse(t, t.Context(), domain.WindowUse{Window: hour, Left: 3, Next: 30*time.Minute - time.Millisecond + time.Microsecond})
	s.wantSpent(t, true, perMinute(9))
	if got := s.forget(t); got != 2 {
		t.Errorf("ForgetUses() = %d, want the 2 within the minute of the last call", got)
	}
}

func testQuotaApart(t *testing.T, s *quotaSuite) {
	w := perMinute(1)
	names := append(awkwardTexts(), quotaName, "BUDGET_SYNC", quotaName+" ")
	for range 2 {
		for _, tenant := range []domain.TenantID{editTenant, otherTenant} {
			for _, name := range names {
				use, err := s.Usage(t.Context(), tenant, name, []domain.Window{w})
				if err != nil {
					t.Fatalf("Usage(%s, %s) = %v, want no error", tenant, named(name), err)
				}
				first := use.MayPass()
				if use, err := s.spend(t.Context(), tenant, name, w); err != nil || use.Spent != first {
					t.Errorf("Spend(%s, %s) = %t, %v; want %t", tenant, named(name), use.Spent, err, first)
				}
			}
		}
	}
	for _, tenant := range []domain.TenantID{editTenant, otherTenant} {
		for _, name := range names {
			if got, err := s.ForgetUses(t.Context(), tenant, name); err != nil || got != 1 {
				t.Errorf("ForgetUses(%s, %s) = %d, %v; want 1", tenant, named(name), got, err)
			}
		}
	}
}

func testQuotaRolledBack(t *testing.T, s *quotaSuite) {
	w := perMinute(2)
	spend := func(ctx context.Context) error {
		if use, err := s.Spend(ctx, editTenant, quotaName, []domain.Window{w}); err != nil || !use.Spent {
			t.Errorf("Spend() = %+v, %v; want a use", use, err)
		}
		return errStoreSuite
	}
	for range 4 {
		if err := s.InTx(t.Context(), spend); !errors.Is(err, errStoreSuite) {
			t.Errorf("InTx = %v, want its function's error", err)
		}
		s.wantUse(t, t.Context(), domain.WindowUse{Window: w, Left: 2})
	}
	// Nor is the time kept of a use that was none.
	s.set(quotaStart.Add(time.Hour))
	if err := s.InTx(t.Context(), spend); !errors.Is(err, errStoreSuite) {
		t.Errorf("InTx = %v, want its function's error", err)
	}
	s.set(quotaStart)
	left := domain.WindowUse{Window: w, Left: 1, Next: time.Minute + time.Microsecond}
	if err := s.InTx(t.Context(), func(ctx context.Context) error {
		if err := s.Savepoint(ctx, spend); !errors.Is(err, errStoreSuite) {
			t.Errorf("Savepoint = %v, want its function's error", err)
		}
		s.wantUse(t, ctx, domain.WindowUse{Window: w, Left: 2})
		if err := spend(ctx); !errors.Is(err, errStoreSuite) {
			t.Error(err)
		}
		s.wantUse(t, ctx, left)
		return nil
	}); err != nil {
		t.Errorf("InTx = %v, want no error", err)
	}
	s.wantUse(t, t.Context(), left)
	if err := s.InTx(t.Context(), func(ctx context.Context) error {
		if got, err := s.ForgetUses(ctx, editTenant, quotaName); err != nil || got != 1 {
			t.Errorf("ForgetUses() = %d, %v; want 1", got, err)
		}
		s.wantUse(t, ctx, domain.WindowUse{Window: w, Left: 2})
		return errStoreSuite
	}); !errors.Is(err, errStoreSuite) {
		t.Errorf("InTx = %v, want its function's error", err)
	}
	s.wantUse(t, t.Context(), left)
}

func testQuotaClockBack(t *testing.T, s *quotaSuite) {
	w := perMinute(3)
	s.wantSpent(t, true, w)
	s.advance(30 * time.Second)
	s.wantSpent(t, true, w)
	last := s.now
	whole := time.Minute + time.Microsecond
	for _, back := range []time.Duration{time.Millisecond, time.Hour, 24 * time.Hour} {
		s.set(last.Add(-back))
		// It counts as the time of the last use, until it is; the wait is longer by as much.
		s.wantUse(t, t.Context(), domain.WindowUse{Window: w, Left: 1, Next: whole - 30*time.Second + back})
	}
	s.wantSpent(t, true, w) // the third, at the time of the second
	for _, back := range []time.Duration{24 * time.Hour, time.Hour, time.Minute, time.Second, 0} {
		s.set(last.Add(-back))
		s.wantSpent(t, false, w)
		wait := whole - 30*time.Second + back
		s.wantUse(t, t.Context(), domain.WindowUse{Window: w, Next: wait, Wait: wait})
	}
	s.advance(30 * time.Second)
	s.wantSpent(t, false, w)
	s.advance(time.Millisecond) // the first is out
	s.wantSpent(t, true, w)
	s.wantSpent(t, false, w)
	s.set(last.Add(time.Minute + time.Millisecond)) // and the two that have one time
	s.wantSpent(t, true, w)
	s.wantSpent(t, true, w)
	s.wantSpent(t, false, w)
}

func testQuotaRefusedTime(t *testing.T, s *quotaSuite) {
	w := perMinute(1)
	whole := time.Minute + time.Microsecond
	s.wantSpent(t, true, w)
	s.advance(59 * time.Second)
	s.wantSpent(t, false, w)
	s.set(quotaStart.Add(-time.Hour))
	s.wantUse(t, t.Context(), domain.WindowUse{Window: w, Next: whole + time.Hour, Wait: whole + time.Hour}) // from the last counted one
	s.wantSpent(t, false, w)
}

func testForgetUses(t *testing.T, s *quotaSuite) {
	w := perMinute(2)
	if got := s.forget(t); got != 0 {
		t.Errorf("ForgetUses(none) = %d, want 0", got)
	}
	s.wantSpent(t, true, w)
	s.wantSpent(t, true, w)
	s.wantSpent(t, false, w)
	if got := s.forget(t); got != 2 {
		t.Errorf("ForgetUses() = %d, want 2", got)
	}
	if got := s.forget(t); got != 0 {
		t.Errorf("ForgetUses(again) = %d, want 0", got)
	}
	// The time of the last use is forgotten too.
	s.set(quotaStart.Add(-time.Hour))
	s.wantUse(t, t.Context(), domain.WindowUse{Window: w, Left: 2})
	s.wantSpent(t, true, w)
	s.wantUse(t, t.Context(), domain.WindowUse{Window: w, Left: 1, Next: time.Minute + time.Microsecond})
	s.advance(time.Minute + time.Millisecond)
	s.wantUse(t, t.Context(), domain.WindowUse{Window: w, Left: 2})
}

func testUsage(t *testing.T, s *quotaSuite) {
	w := perMinute(1)
	for range 5 {
		s.wantUse(t, t.Context(), domain.WindowUse{Window: w, Left: 1})
	}
	s.wantSpent(t, true, w)
	// Asking about a short window throws away nothing.
	s.advance(time.Second)
	short := domain.Window{Limit: 1, Length: time.Millisecond}
	s.wantUse(t, t.Context(), domain.WindowUse{Window: short, Left: 1})
	s.wantUse(t, t.Context(), domain.WindowUse{
		Window: w, Next: 59*time.Second + time.Microsecond, Wait: 59*time.Second + time.Microsecond,
	})
	s.wantUse(t, t.Context(), domain.WindowUse{Window: short, Left: 1}, domain.WindowUse{
		Window: w, Next: 59*time.Second + time.Microsecond, Wait: 59*time.Second + time.Microsecond,
	})
	if got, err := s.Usage(t.Context(), editTenant, quotaName, nil); err != nil || len(got.Windows) != 0 || !got.MayPass() {
		t.Errorf("Usage(no windows) = %+v, %v; want none", got, err)
	}
}

// Whatever the clock does, the store counts as [domain.UsesOf] does, and uses are
// at a clock that waits for the last one.
func testQuotaModel(t *testing.T, s *quotaSuite) {
	windows := []domain.Window{{Limit: 3, Length: 5 * time.Millisecond}, {Limit: 7, Length: 40 * time.Millisecond}}
	var uses []time.Time
	for i := range 300 {
		s.advance(time.Duration(i*i%11-2) * time.Millisecond)
		clock := s.now
		if n := len(uses); n > 0 && uses[n-1].After(clock) {
			clock = uses[n-1]
		}
		want := domain.UsesOf(windows, s.now, uses)
		if got, err := s.Usage(t.Context(), editTenant, quotaName, windows); err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("Usage() at step %d = %+v, %v; want %+v", i, got, err, want)
		}
		if want.MayPass() {
			uses = append(uses, clock)
			want = domain.UsesOf(windows, s.now, uses)
			want.Spent = true
		}
		if got, err := s.spend(t.Context(), editTenant, quotaName, windows...); err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("Spend() at step %d = %+v, %v; want %+v", i, got, err, want)
		}
	}
	if len(uses) < 20 || len(uses) > 280 {
		t.Errorf("%d of 300 uses passed, want some and not all", len(uses))
	}
}

func testQuotaOutside(t *testing.T, s *quotaSuite) {
	use, err := s.Spend(t.Context(), editTenant, quotaName, []domain.Window{perMinute(1)})
	if !errors.Is(err, domain.CodeInternal) || use.Spent {
		t.Errorf("Spend(outside of a transaction) = %+v, %v; want %v", use, err, domain.CodeInternal)
	}
	s.wantUse(t, t.Context(), domain.WindowUse{Window: perMinute(1), Left: 1})
}

func testQuotaSnapshot(t *testing.T, s *quotaSuite) {
	w := perMinute(2)
	if err := s.Snapshot(t.Context(), func(ctx context.Context) error {
		s.wantSpent(t, true, w)
		s.wantUse(t, ctx, domain.WindowUse{Window: w, Left: 2})
		use, err := s.Spend(ctx, editTenant, quotaName, []domain.Window{w})
		if !errors.Is(err, domain.CodeInternal) || use.Spent {
			t.Errorf("Spend(in a snapshot) = %+v, %v; want %v", use, err, domain.CodeInternal)
		}
		return nil
	}); err != nil {
		t.Errorf("Snapshot = %v, want no error", err)
	}
	s.wantUse(t, t.Context(), domain.WindowUse{Window: w, Left: 1, Next: time.Minute + time.Microsecond})
}

func testQuotaCancelled(t *testing.T, s *quotaSuite) {
	w := perMinute(2)
	s.wantSpent(t, true, w)
	left := domain.WindowUse{Window: w, Left: 1, Next: time.Minute + time.Microsecond}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, spendErr := s.spend(ctx, editTenant, quotaName, w)
	_, usageErr := s.Usage(ctx, editTenant, quotaName, []domain.Window{w})
	_, forgetErr := s.ForgetUses(ctx, editTenant, quotaName)
	for call, err := range map[string]error{"Spend": spendErr, "Usage": usageErr, "ForgetUses": forgetErr} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s(ended context) = %v, want context.Canceled", call, err)
		}
	}
	s.wantUse(t, t.Context(), left)
	ctx, cancel = context.WithCancel(t.Context())
	defer cancel()
	err := s.InTx(ctx, func(ctx context.Context) error {
		_, err := s.Spend(ctx, editTenant, quotaName, []domain.Window{w})
		cancel()
		return err
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("InTx(context that ends) = %v, want context.Canceled", err)
	}
	s.wantUse(t, t.Context(), left)
}

// Of a quota of so many, so many callers at once want one use each.
const (
	quotaLimit   = 50
	quotaCallers = 64
)

func testQuotaRace(t *testing.T, s *quotaSuite) {
	w := perMinute(quotaLimit)
	var passed atomic.Int64
	var left [quotaLimit]atomic.Int64
	atOnce(quotaCallers, func(int) {
		use, err := s.spend(t.Context(), editTenant, quotaName, w)
		if err != nil {
			t.Errorf("Spend() = %v, want no error", err)
		}
		if use.Spent {
			passed.Add(1)
			left[use.Windows[0].Left].Add(1)
		}
	})
	if got := passed.Load(); got != quotaLimit {
		t.Errorf("%d of %d callers passed, want %d", got, quotaCallers, quotaLimit)
	}
	for i := range left {
		if got := left[i].Load(); got != 1 {
			t.Errorf("%d callers were told that %d are left, want 1", got, i)
		}
	}
	if got := s.forget(t); got != quotaLimit {
		t.Errorf("ForgetUses() = %d, want %d", got, quotaLimit)
	}
}

func testQuotaRaceRolledBack(t *testing.T, s *quotaSuite) {
	w := perMinute(quotaLimit / 2)
	var kept, given atomic.Int64
	atOnce(quotaCallers, func(i int) {
		err := s.InTx(t.Context(), func(ctx context.Context) error {
			use, err := s.Spend(ctx, editTenant, quotaName, []domain.Window{w})
			switch {
			case err != nil || !use.Spent:
				return err
			case i%2 == 1:
				given.Add(1)
				return errStoreSuite
			}
			kept.Add(1)
			return nil
		})
		if err != nil && !errors.Is(err, errStoreSuite) {
			t.Errorf("InTx(Spend) = %v, want no error", err)
		}
	})
	// The other half are more than enough to use up the quota.
	if got := kept.Load(); got != quotaLimit/2 {
		t.Errorf("%d uses were kept and %d rolled back, want %d kept", got, given.Load(), quotaLimit/2)
	}
	if got := s.forget(t); got != quotaLimit/2 {
		t.Errorf("ForgetUses() = %d, want %d", got, quotaLimit/2)
	}
}

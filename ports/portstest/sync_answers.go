package portstest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

// AnswerStore is what [SyncAnswers] tests.
type AnswerStore interface {
	ports.Transactions
	ports.SyncAnswers
}

// SyncAnswers runs the contract of [ports.SyncAnswers]. Each subtest calls open
// for an empty store, which cleans up through its t.
func SyncAnswers(t *testing.T, open func(*testing.T) AnswerStore) {
	for name, test := range map[string]func(*testing.T, answerSuite){
		"an answer comes back byte for byte":        testAnswerRoundTrip,
		"an answer belongs to whoever holds it":     testAnswerCopies,
		"an identifier that is taken is a conflict": testAnswerConflict,
		"what is not there is not found":            testAnswerMissing,
		"tenants are apart":                         testAnswerTenants,
		"old ones are purged, of all tenants":       testPurgeAnswers,
		"what is rolled back is undone":             testAnswersRolledBack,
		"a snapshot does not see later answers":     testAnswerSnapshot,
		"an ended context keeps nothing":            testAnswersCancelled,
		"of two who keep one answer, one keeps it":  testRaceKeepAnswer,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, answerSuite{open(t)})
		})
	}
}

// answerSuite is a store with helpers that fail the test.
type answerSuite struct{ AnswerStore }

func (s answerSuite) keep(t *testing.T, ctx context.Context, sync domain.JobID, answer string) {
	t.Helper()
	if err := s.KeepAnswer(ctx, editTenant, sync, []byte(answer), storeNow); err != nil {
		t.Fatalf("KeepAnswer(%.40q) = %v, want no error", sync, err)
	}
}

func (s answerSuite) want(t *testing.T, ctx context.Context, tenant domain.TenantID, sync domain.JobID, want string) {
	t.Helper()
	if got, err := s.FindAnswer(ctx, tenant, sync); err != nil || string(got) != want {
		t.Errorf("FindAnswer(%s, %.40q) = %.60q, %v; want %.60q", tenant, sync, got, err, want)
	}
}

func (s answerSuite) wantNone(t *testing.T, ctx context.Context, tenant domain.TenantID, sync domain.JobID) {
	t.Helper()
	if got, err := s.FindAnswer(ctx, tenant, sync); !errors.Is(err, domain.CodeNotFound) || got != nil {
		t.Errorf("FindAnswer(%s, %.40q) = %.60q, %v; want %v", tenant, sync, got, err, domain.CodeNotFound)
	}
}

func (s answerSuite) wantPurged(t *testing.T, ctx context.Context, before time.Time, want int) {
	t.Helper()
	if got, err := s.PurgeAnswers(ctx, before, 100); err != nil || got != want {
		t.Errorf("PurgeAnswers(%v) = %d, %v; want %d", before, got, err, want)
	}
}

// awkwardAnswers are answers that stores get wrong, among them JSON that a
// database would write otherwise.
func awkwardAnswers() []string {
	return append(awkwardTexts(),
		`{"b":1,"a":2,"a":3}`, `{ "x" : 1.0e2 ,`+"\n\t"+`"y":"\u0000\ud83c\udfe0 <\/>"}`, `null`, "\ufeff{}", "e\u0301 é \u2028\u2029",
		fmt.Sprintf("[%s0]", bytes.Repeat([]byte(`{"status":"created","code":"規則"},`), fullBatch)))
}

func testAnswerRoundTrip(t *testing.T, s answerSuite) {
	for i, answer := range awkwardAnswers() {
		s.keep(t, t.Context(), domain.JobID(fmt.Sprintf("sync-%d", i)), answer)
	}
	for i, answer := range awkwardAnswers() {
		s.want(t, t.Context(), editTenant, domain.JobID(fmt.Sprintf("sync-%d", i)), answer)
	}
	for _, id := range awkwardTexts() {
		s.keep(t, t.Context(), domain.JobID(id), "of "+id)
	}
	for _, id := range awkwardTexts() {
		s.want(t, t.Context(), editTenant, domain.JobID(id), "of "+id)
	}
}

func testAnswerCopies(t *testing.T, s answerSuite) {
	answer := []byte(`{"a":1}`)
	if err := s.KeepAnswer(t.Context(), editTenant, "one", answer, storeNow); err != nil {
		t.Fatalf("KeepAnswer() = %v, want no error", err)
	}
	answer[1] = '!'
	got, err := s.FindAnswer(t.Context(), editTenant, "one")
	if err != nil || string(got) != `{"a":1}` {
		t.Errorf("FindAnswer() = %s, %v; want what was kept", got, err)
	}
	slices.Reverse(got)
	s.want(t, t.Context(), editTenant, "one", `{"a":1}`)
}

func testAnswerConflict(t *testing.T, s answerSuite) {
	s.keep(t, t.Context(), "one", "first")
	for _, again := range []string{"first", "second"} {
		for _, at := range []time.Time{storeNow, storeNow.Add(time.Hour)} {
			err := s.KeepAnswer(t.Context(), editTenant, "one", []byte(again), at)
			wantCode(t, "KeepAnswer(taken)", err, domain.CodeConflict)
		}
	}
	s.want(t, t.Context(), editTenant, "one", "first")
	s.wantPurged(t, t.Context(), storeNow.Add(time.Microsecond), 1) // its time is the first one's
	s.keep(t, t.Context(), "one", "second")                         // it is free again
	s.want(t, t.Context(), editTenant, "one", "second")
}

func testAnswerMissing(t *testing.T, s answerSuite) {
	s.wantPurged(t, t.Context(), storeNow, 0)
	s.keep(t, t.Context(), "one", "{}")
	for _, id := range []domain.JobID{"", "on", "one ", "ONE", "%", "o_e", "two"} {
		s.wantNone(t, t.Context(), editTenant, id)
	}
}

func testAnswerTenants(t *testing.T, s answerSuite) {
	s.keep(t, t.Context(), "one", "mine")
	s.wantNone(t, t.Context(), otherTenant, "one")
	// That it is taken is not for another tenant to learn.
	if err := s.KeepAnswer(t.Context(), otherTenant, "one", []byte("theirs"), storeNow); err != nil {
		t.Errorf("KeepAnswer(another tenant's) = %v, want no error", err)
	}
	s.want(t, t.Context(), editTenant, "one", "mine")
	s.want(t, t.Context(), otherTenant, "one", "theirs")
}

func testPurgeAnswers(t *testing.T, s answerSuite) {
	for i := range 5 {
		tenant := []domain.TenantID{editTenant, otherTenant}[i%2]
		id := domain.JobID(fmt.Sprintf("sync-%d", i))
		if err := s.KeepAnswer(t.Context(), tenant, id, []byte(id), storeNow.Add(time.Duration(i)*time.Microsecond)); err != nil {
			t.Fatalf("KeepAnswer(%s) = %v, want no error", id, err)
		}
	}
	s.wantPurged(t, t.Context(), storeNow, 0)                         // the bound itself is not before it
	s.wantPurged(t, t.Context(), storeNow.Add(2*time.Microsecond), 2) // one of each
	s.wantPurged(t, t.Context(), storeNow.Add(2*time.Microsecond), 0)
	s.wantNone(t, t.Context(), editTenant, "sync-0")
	s.wantNone(t, t.Context(), otherTenant, "sync-1")
	s.want(t, t.Context(), editTenant, "sync-2", "sync-2")
	s.want(t, t.Context(), otherTenant, "sync-3", "sync-3")
	for _, n := range []struct{ limit, want int }{{0, 0}, {2, 2}} { // the oldest first
		if got, err := s.PurgeAnswers(t.Context(), storeNow.Add(time.Hour), n.limit); err != nil || got != n.want {
			t.Errorf("PurgeAnswers(limit %d) = %d, %v; want %d", n.limit, got, err, n.want)
		}
	}
	s.wantNone(t, t.Context(), otherTenant, "sync-3")
	s.want(t, t.Context(), editTenant, "sync-4", "sync-4")
	s.wantPurged(t, t.Context(), storeNow.Add(time.Hour), 1)
	s.wantNone(t, t.Context(), editTenant, "sync-4")
}

func testAnswersRolledBack(t *testing.T, s answerSuite) {
	s.keep(t, t.Context(), "old", "old")
	change := func(ctx context.Context) error {
		s.wantPurged(t, ctx, storeNow.Add(time.Microsecond), 1)
		s.keep(t, ctx, "new", "new")
		s.want(t, ctx, editTenant, "new", "new")
		s.wantNone(t, ctx, editTenant, "old")
		return errStoreSuite
	}
	wantOld := func(ctx context.Context) {
		t.Helper()
		s.want(t, ctx, editTenant, "old", "old")
		s.wantNone(t, ctx, editTenant, "new")
	}
	if err := s.InTx(t.Context(), change); !errors.Is(err, errStoreSuite) {
		t.Errorf("InTx = %v, want its function's error", err)
	}
	wantOld(t.Context())
	if err := s.InTx(t.Context(), func(ctx context.Context) error {
		if err := s.Savepoint(ctx, change); !errors.Is(err, errStoreSuite) {
			t.Errorf("Savepoint = %v, want its function's error", err)
		}
		wantOld(ctx)
		s.keep(t, ctx, "third", "third")
		return nil
	}); err != nil {
		t.Errorf("InTx = %v, want no error", err)
	}
	wantOld(t.Context())
	s.want(t, t.Context(), editTenant, "third", "third")
}

func testAnswerSnapshot(t *testing.T, s answerSuite) {
	s.keep(t, t.Context(), "old", "old")
	if err := s.Snapshot(t.Context(), func(ctx context.Context) error {
		s.wantPurged(t, t.Context(), storeNow.Add(time.Hour), 1)
		s.keep(t, t.Context(), "new", "new")
		s.want(t, ctx, editTenant, "old", "old")
		s.wantNone(t, ctx, editTenant, "new")
		wantCode(t, "KeepAnswer in a snapshot", s.KeepAnswer(ctx, editTenant, "x", nil, storeNow), domain.CodeInternal)
		return nil
	}); err != nil {
		t.Errorf("Snapshot = %v, want no error", err)
	}
	s.wantNone(t, t.Context(), editTenant, "old")
	s.want(t, t.Context(), editTenant, "new", "new")
}

func testAnswersCancelled(t *testing.T, s answerSuite) {
	s.keep(t, t.Context(), "old", "old")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, findErr := s.FindAnswer(ctx, editTenant, "old")
	_, purgeErr := s.PurgeAnswers(ctx, storeNow.Add(time.Hour), 100)
	for call, err := range map[string]error{
		"KeepAnswer": s.KeepAnswer(ctx, editTenant, "new", nil, storeNow), "FindAnswer": findErr, "PurgeAnswers": purgeErr,
	} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s(ended context) = %v, want context.Canceled", call, err)
		}
	}
	ctx, cancel = context.WithCancel(t.Context())
	defer cancel()
	err := s.InTx(ctx, func(ctx context.Context) error {
		s.keep(t, ctx, "new", "new")
		cancel()
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("InTx(context that ends) = %v, want context.Canceled", err)
	}
	s.want(t, t.Context(), editTenant, "old", "old")
	s.wantNone(t, t.Context(), editTenant, "new")
}

func testRaceKeepAnswer(t *testing.T, s answerSuite) {
	var errs [2][races]error
	keeper := func(who int) func(i int) {
		return func(i int) {
			errs[who][i] = s.KeepAnswer(t.Context(), editTenant, domain.JobID(raceID(i)), fmt.Append(nil, who), storeNow)
		}
	}
	race(keeper(0), keeper(1))
	for i := range races {
		won := slices.IndexFunc(errs[:], func(of [races]error) bool { return of[i] == nil })
		if won < 0 || !errors.Is(errs[1-won][i], domain.CodeConflict) {
			t.Errorf("KeepAnswer of two = %v and %v, want one error, %v", errs[0][i], errs[1][i], domain.CodeConflict)
			continue
		}
		s.want(t, t.Context(), editTenant, domain.JobID(raceID(i)), fmt.Sprint(won))
	}
}
